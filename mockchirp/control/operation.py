"""One request of the control API: like one of Chirp's, but the sandbox of the default key is meant where no key is
given.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from mockchirp.core.errors import ChirpError, InvalidRequest
from mockchirp.core.keys import bearer_token
from mockchirp.http import Disconnected, header, internal_error, parse_json, read_body, send_error, send_json
from mockchirp.runtime import LiveSandbox, Runtime


@dataclass(frozen=True, slots=True)
class Request:
    """What a handler gets: the sandbox that is meant, the parts of the path, the query and the JSON object of the body."""

    live: LiveSandbox
    path: dict[str, str]
    query: dict[str, str]
    body: dict[str, Any]


Handler = Callable[[Request], Awaitable[object]]
"""Does what the request asks for and returns the JSON payload of the answer; raises :class:`ChirpError` otherwise."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A row of the table of control routes; ``query`` names the parameters that it takes."""

    id: str
    method: str
    path: str
    handler: Handler
    status: int = 200
    body: Literal["none", "required", "optional"] = "none"
    query: frozenset[str] = frozenset()


class OperationApp:
    """The ASGI application that serves one operation."""

    def __init__(self, operation: Operation, runtime: Runtime) -> None:
        self._operation = operation
        self._runtime = runtime

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        operation = self._operation
        live: LiveSandbox | None = None
        try:
            token = bearer_token(header(scope, b"authorization"))
            live = self._runtime.sandbox_of(self._runtime.default_key if token is None else token)
            raw = b"" if operation.body == "none" else await read_body(scope, receive)
            live.catch_up()
            body = parse_json(scope, raw) if raw or operation.body == "required" else {}
            request = Request(live, scope["path_params"], self._query(scope), body)
            payload = await operation.handler(request)
        except Disconnected:
            return
        except Exception as exception:
            await send_error(send, exception if isinstance(exception, ChirpError) else internal_error(scope))
        else:
            await send_json(send, operation.status, payload)
        finally:
            if live is not None:
                live.release(live.sandbox.take_outbox())

    def _query(self, scope: Scope) -> dict[str, str]:
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        known = self._operation.query
        for name in query:
            if name not in known:
                allowed = ", ".join(sorted(known)) or "none"
                raise InvalidRequest(
                    f"{name[:80]} is not a known query parameter here; known: {allowed}", param=name[:80]
                )
        return query


def whole_number(query: dict[str, str], name: str, default: int) -> int:
    """A query parameter that counts from 0; raise :class:`InvalidRequest` on anything else."""
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise InvalidRequest(f"{name}: must be a whole number from 0; it is {text[:80]!r}", param=name)
    return int(text)
