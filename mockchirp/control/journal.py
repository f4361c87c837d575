"""The journal of requests (control-api.md, "Seeing and waiting"): what the app asked, and what it was answered."""

from http import HTTPMethod
from typing import Annotated, Any

import orjson
from pydantic import AfterValidator, Field

from mockchirp import contract
from mockchirp.control.models import Count, PageQuery
from mockchirp.control.operation import Request
from mockchirp.control.paging import page
from mockchirp.core.errors import InvalidRequest
from mockchirp.core.instants import format_milli
from mockchirp.core.journal import LARGEST_KEPT, Exchange, Headers
from mockchirp.core.suggestions import choices
from mockchirp.http import DEEPEST, is_deeper


def _method(value: str) -> str:
    if value.upper() not in HTTPMethod.__members__:
        raise ValueError(f"{value[:40]!r} is not a method{choices(value, HTTPMethod)}")
    return value.upper()


def list_operations(schema: dict[str, Any], *more: str) -> None:
    """Let the schema of an operationId name those that there are; called when it is served, and not before."""
    operations = [
        operation["operationId"]
        for path in contract.document()["paths"].values()
        for operation in path.values()
        if isinstance(operation, dict) and "operationId" in operation
    ]
    given = [each for each in schema["anyOf"] if each != {"type": "null"}]
    given[0]["enum"] = [*more, *operations]


class RequestsQuery(PageQuery):
    """GET /_mockchirp/requests: those after a number, of an operation, with a status, by a method, to a path."""

    operation: str | None = Field(None, json_schema_extra=list_operations)
    status: int | None = Field(None, ge=100, le=599)
    method: Annotated[str, AfterValidator(_method), Field(json_schema_extra={"enum": list(HTTPMethod)})] | None = None
    path: str | None = None
    after: Count = 0


async def list_requests(request: Request) -> object:
    """GET /_mockchirp/requests?operation=&status=&method=&path=&after=&limit=&offset=: what the app asked, oldest first."""
    query: RequestsQuery = request.query
    check_operation(request, query.operation)
    matching = (
        exchange
        for exchange in request.live.sandbox.journal.after(query.after)
        if exchange.matches(query.operation, query.status, query.method, query.path)
    )
    return page(matching, query, show_exchange)


async def delete_requests(request: Request) -> object:
    """DELETE /_mockchirp/requests: empty the journal; its numbers go on from where they are."""
    return {"deleted": request.live.sandbox.journal.clear()}


def check_operation(request: Request, operation: str | None, param: str = "operation") -> None:
    """Raise :class:`InvalidRequest` if ``operation`` is none of Chirp's API."""
    known = request.runtime.operations
    if operation is not None and operation not in known:
        raise InvalidRequest(
            f"{param}: {operation[:80]!r} is not an operationId{choices(operation, known)}", param=param
        )


def show_exchange(exchange: Exchange) -> dict[str, object]:
    """A request and its answer as the control API shows them."""
    answer: dict[str, object] | None = None
    if exchange.status is not None:
        answer = {
            "status": exchange.status,
            "headers": _show_headers(exchange.answer_headers),
            "body": show_body(exchange.answer),
            "bodyLength": exchange.answer_length,
            "bodyTruncated": exchange.answer_length > LARGEST_KEPT,
        }
    return {
        "number": exchange.number,
        "at": format_milli(exchange.at),
        "durationMs": None if exchange.elapsed is None else round(exchange.elapsed * 1000, 3),
        "operation": exchange.operation,
        "fault": exchange.fault,
        "method": exchange.method,
        "path": exchange.path.encode(errors="replace").decode(),
        "query": exchange.query.decode("latin-1"),
        "headers": _show_headers(exchange.headers),
        "body": show_body(exchange.body),
        "bodyLength": exchange.body_length,
        "bodyTruncated": exchange.body_length > len(exchange.body),
        "response": answer,
    }


def _show_headers(headers: Headers) -> dict[str, str]:
    """By their names in lower case; the values of a name that is given more than once are joined by a comma."""
    shown: dict[str, str] = {}
    for name, value in headers:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        shown[key] = f"{shown[key]}, {text}" if key in shown else text
    return shown


def show_body(body: bytes) -> Any:
    """JSON where it is JSON, else text; None where there is none."""
    if not body:
        return None
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode(errors="replace")
    return body.decode(errors="replace") if is_deeper(value, DEEPEST) else value
