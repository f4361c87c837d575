"""The server itself (control-api.md, "Server"): whether it lives, whether it is ready, and its documents."""

from collections.abc import Awaitable, Callable
from functools import cache, partial
from importlib.resources import files

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route, request_response

from mockchirp import contract
from mockchirp.http import Methods


@cache
def _page() -> bytes:
    return files("mockchirp").joinpath("ui/index.html").read_bytes()


async def _health(request: Request) -> Response:
    return Response(b'{"status":"ok"}', media_type="application/json")


async def _ready(request: Request) -> Response:
    return Response(b'{"status":"ready"}', media_type="application/json")


async def _contract_yaml(request: Request, strict: bool) -> Response:
    return Response(contract.served(strict)[0], media_type="application/yaml")


async def _contract_json(request: Request, strict: bool) -> Response:
    return Response(contract.served(strict)[1], media_type="application/json")


async def _provenance(request: Request) -> Response:
    data = contract.assumptions()
    return Response(orjson.dumps({"data": data, "totalCount": len(data)}), media_type="application/json")


async def _home(request: Request) -> Response:
    return RedirectResponse("/_mockchirp/ui")


async def _ui(request: Request) -> Response:
    return Response(_page(), media_type="text/html")


def routes(*, strict: bool) -> list[BaseRoute]:
    """Routes that belong to no sandbox; under ``strict`` the contract is its documented part."""
    handlers: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "/_mockchirp/health": _health,
        "/_mockchirp/ready": _ready,
        "/_mockchirp/provenance": _provenance,
        "/openapi.yaml": partial(_contract_yaml, strict=strict),
        "/openapi.json": partial(_contract_json, strict=strict),
        "/": _home,
        "/_mockchirp/ui": _ui,
    }
    apps = {path: request_response(handler) for path, handler in handlers.items()}
    return [Route(path, Methods({"GET": app, "HEAD": app})) for path, app in apps.items()]
