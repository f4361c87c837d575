"""One operation of Chirp's API: from the request to the sandbox and back.

The order is the same for all: who asks (401), what was sent (400, 413), what there is (404) and whether its state
allows it (409). The body is read first; then the sandbox is caught up, the handler runs and the answer is made without
a pause. The webhooks that the request caused are sent only after the answer has been written.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send

from mockchirp.core.errors import ChirpError, envelope
from mockchirp.core.keys import bearer_token
from mockchirp.core.sandbox import Sandbox
from mockchirp.http import (
    Disconnected,
    Headers,
    error_headers,
    header,
    internal_error,
    parse_json,
    read_body,
    request_origin,
    send_bytes,
)
from mockchirp.runtime import LiveSandbox, Runtime

CORS_HEADERS: Headers = [(b"access-control-allow-origin", b"*")]
"""Local front ends call from any origin, as they would through their own back end."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a handler gets: the caller's sandbox, the parts of the path, the JSON object of the body, and the caller's
    origin.
    """

    sandbox: Sandbox
    path: dict[str, str]
    body: dict[str, Any]
    origin: str


Handler = Callable[[Request], object]
"""Does what the operation is for and returns the JSON payload of the answer; raises :class:`ChirpError` otherwise."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A row of the table of routes; ``id`` is the operationId of the contract."""

    id: str
    method: str
    path: str
    handler: Handler
    status: int = 200
    has_body: bool = False


class OperationApp:
    """The ASGI application that serves one operation."""

    def __init__(self, operation: Operation, runtime: Runtime) -> None:
        self._operation = operation
        self._runtime = runtime

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        operation = self._operation
        live: LiveSandbox | None = None
        headers: Headers = [(b"content-type", b"application/json"), *CORS_HEADERS]
        try:
            live = self._runtime.sandbox_of(bearer_token(header(scope, b"authorization")))
            raw = await read_body(scope, receive) if operation.has_body else b""
            live.catch_up()
            body = parse_json(scope, raw) if operation.has_body else {}
            request = Request(live.sandbox, scope["path_params"], body, self._origin(scope, live))
            status, answer = operation.status, orjson.dumps(operation.handler(request))
        except Disconnected:
            return
        except Exception as exception:
            error = exception if isinstance(exception, ChirpError) else internal_error(scope)
            headers += error_headers(error)
            status, answer = error.status, orjson.dumps(envelope(error))
        batch = [] if live is None else live.sandbox.take_outbox()
        try:
            await send_bytes(send, status, answer, headers)
        finally:
            if live is not None:
                live.release(batch)

    def _origin(self, scope: Scope, live: LiveSandbox) -> str:
        """Where the caller's links point to; those in the sandbox's webhooks follow its last caller."""
        public_url = self._runtime.defaults.public_url
        if public_url is not None:
            return public_url
        live.sandbox.origin = request_origin(scope, live.sandbox.origin)
        return live.sandbox.origin
