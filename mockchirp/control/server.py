"""The server itself (control-api.md, "Server"): whether it lives, whether it is ready, and its documents."""

from functools import cache
from importlib.resources import files

import orjson
import yaml
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route, request_response

from mockchirp.http import Methods

_YAML = "application/yaml"


@cache
def contract_text() -> bytes:
    """The contract as it is written, in YAML."""
    return files("mockchirp").joinpath("openapi.yaml").read_bytes()


@cache
def contract_json() -> bytes:
    """The same document as JSON."""
    return orjson.dumps(yaml.load(contract_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))  # noqa: S506


@cache
def _page() -> bytes:
    return files("mockchirp").joinpath("ui/index.html").read_bytes()


async def _health(request: Request) -> Response:
    return Response(b'{"status":"ok"}', media_type="application/json")


async def _ready(request: Request) -> Response:
    return Response(b'{"status":"ready"}', media_type="application/json")


async def _contract_yaml(request: Request) -> Response:
    return Response(contract_text(), media_type=_YAML)


async def _contract_json(request: Request) -> Response:
    return Response(contract_json(), media_type="application/json")


async def _home(request: Request) -> Response:
    return RedirectResponse("/_mockchirp/ui")


async def _ui(request: Request) -> Response:
    return Response(_page(), media_type="text/html")


def routes() -> list[BaseRoute]:
    """Routes that belong to no sandbox."""
    handlers = {
        "/_mockchirp/health": _health,
        "/_mockchirp/ready": _ready,
        "/openapi.yaml": _contract_yaml,
        "/openapi.json": _contract_json,
        "/": _home,
        "/_mockchirp/ui": _ui,
    }
    apps = {path: request_response(handler) for path, handler in handlers.items()}
    return [Route(path, Methods({"GET": app, "HEAD": app})) for path, app in apps.items()]
