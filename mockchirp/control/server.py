"""The server itself (control-api.md, "Server"): whether it lives, whether it is ready, its numbers and its documents."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route, request_response

from mockchirp import contract
from mockchirp.control import answers
from mockchirp.core.errors import Unavailable, envelope
from mockchirp.http import Methods
from mockchirp.runtime import Runtime

JSON = "application/json"
_TO_ANY_PAGE = {"access-control-allow-origin": "*"}
"""The contract is no secret, and explorers of APIs are web pages."""


@dataclass(frozen=True, slots=True)
class Page:
    """A row of the table of what belongs to no sandbox: each is a GET without parameters."""

    id: str
    path: str
    what: str
    respond: Callable[[Runtime], Awaitable[Response]]
    media_type: str = JSON
    answer: Any = None
    """The type of the payload, where it is JSON."""
    refusals: tuple[int, ...] = ()
    """Statuses of errors that only this page knows."""


@cache
def _page() -> bytes:
    return files("mockchirp").joinpath("ui/index.html").read_bytes()


async def _health(runtime: Runtime) -> Response:
    return _json({"status": "ok"})


async def _ready(runtime: Runtime) -> Response:
    if runtime.loading is not None:
        return _json(envelope(Unavailable(runtime.loading)), Unavailable.status)
    return _json({"status": "ready"})


async def _metrics(runtime: Runtime) -> Response:
    from mockchirp.control.metrics import render

    text, media_type = render(runtime)
    return Response(text, headers={"content-type": media_type})


async def _provenance(runtime: Runtime) -> Response:
    data = contract.assumptions()
    return _json({"data": data, "totalCount": len(data)})


async def _control_document(runtime: Runtime) -> Response:
    from mockchirp.control.document import served

    return Response(served(), media_type=JSON)


async def _contract_yaml(runtime: Runtime) -> Response:
    return Response(
        contract.served(runtime.defaults.policy.strict)[0], media_type="application/yaml", headers=_TO_ANY_PAGE
    )


async def _contract_json(runtime: Runtime) -> Response:
    return Response(contract.served(runtime.defaults.policy.strict)[1], media_type=JSON, headers=_TO_ANY_PAGE)


async def _home(runtime: Runtime) -> Response:
    return RedirectResponse("_mockchirp/ui")  # relative, as a proxy may serve this under a path of its own


async def _ui(runtime: Runtime) -> Response:
    headers = {"content-security-policy": "frame-ancestors 'none'", "x-content-type-options": "nosniff"}
    return Response(_page(), media_type="text/html", headers=headers)


PAGES = (
    Page("getHealth", "/_mockchirp/health", "200 while the process runs", _health, answer=answers.Health),
    Page(
        "getReadiness",
        "/_mockchirp/ready",
        "200 once it serves, else 503",
        _ready,
        answer=answers.Readiness,
        refusals=(503,),
    ),
    Page("getMetrics", "/_mockchirp/metrics", "the numbers of the server, for Prometheus", _metrics, "text/plain"),
    Page(
        "getProvenance",
        "/_mockchirp/provenance",
        "what the contract assumes, with the reasons",
        _provenance,
        answer=answers.Page[answers.Assumption],
    ),
    Page(
        "getControlDocument",
        "/_mockchirp/openapi.json",
        "the control API as OpenAPI 3.1",
        _control_document,
        answer=dict[str, Any],
    ),
    Page("getPage", "/_mockchirp/ui", "the web page", _ui, "text/html"),
    Page("getHome", "/", "leads to the web page", _home, ""),
    Page("getContract", "/openapi.json", "the contract of Chirp's API", _contract_json, answer=dict[str, Any]),
    Page(
        "getContractAsYaml", "/openapi.yaml", "the contract of Chirp's API in YAML", _contract_yaml, "application/yaml"
    ),
)


def routes(runtime: Runtime) -> list[Route]:
    """Starlette's routes for the table."""
    return [Route(page.path, _methods(page, runtime)) for page in PAGES]


def _methods(page: Page, runtime: Runtime) -> Methods:
    async def respond(request: Request, respond: Callable[[Runtime], Awaitable[Response]]) -> Response:
        return await respond(runtime)

    app = request_response(partial(respond, respond=page.respond))
    return Methods({"GET": app}, {"GET": page.id})


def _json(payload: object, status: int = 200) -> Response:
    return Response(orjson.dumps(payload), status, media_type=JSON)
