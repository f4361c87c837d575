"""One request of the control API: like one of Chirp's, but the sandbox of the default key is meant where no key is
given.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal
from urllib.parse import parse_qsl

from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from mockchirp.control.models import NoQuery
from mockchirp.core.errors import BodyTooLarge, ChirpError
from mockchirp.core.keys import bearer_token
from mockchirp.http import (
    DEEPEST,
    JSON,
    ConnectionCut,
    Disconnected,
    authorization,
    follow_caller,
    hang_up,
    internal_error,
    parse_json,
    parse_model,
    read_body,
    send_bytes,
    send_error,
    send_json,
    send_pieces,
)
from mockchirp.live import LiveSandbox
from mockchirp.pacing import collector_paused, in_thread
from mockchirp.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Request:
    """What a handler gets: the sandbox that is meant, the parts of the path, and the query and the body as their models."""

    found: LiveSandbox | None
    runtime: Runtime
    path: dict[str, str]
    query: Any
    body: Any
    hang_up: Callable[[], Awaitable[None]]
    """Never returns; raises :class:`Disconnected` when the client goes away: for handlers that hold their answer."""

    @property
    def live(self) -> LiveSandbox:
        """The sandbox that is meant, in operations that need one."""
        assert self.found is not None, "an operation of the server has no sandbox"
        return self.found


Handler = Callable[[Request], Awaitable[object]]
"""Does what the request asks for and returns the payload of the answer, or its JSON: in bytes, or piece by piece as an
``AsyncIterator`` of them. Raises :class:`ChirpError` otherwise.
"""
_LARGE = 1 << 18
"""Bytes of a body that takes noticeable time to read."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A row of the table of control routes, from which the routes and their OpenAPI document are made."""

    id: str
    method: str
    path: str
    what: str
    """What it does, in one line."""
    handler: Handler
    answer: Any
    """The type of the answer's payload: a model, or anything else that pydantic can describe."""
    status: int = 200
    body: type[BaseModel] | None = None
    body_optional: bool = False
    body_bound: Literal["max_body_size", "max_state_size"] = "max_body_size"
    """The setting that says how large the body may be."""
    deepest_body: int = DEEPEST
    query: type[BaseModel] = NoQuery
    refusals: tuple[int, ...] = ()
    """Statuses of errors that only this operation knows; those that follow from the rest of the row are not among them."""
    on: Literal["sandbox", "key", "server"] = "sandbox"
    """What it is about: the sandbox of a key, which is made where there is none; a key, which may have none; neither."""


class OperationApp:
    """The ASGI application that serves one operation."""

    def __init__(self, operation: Operation, runtime: Runtime) -> None:
        self._operation = operation
        self._runtime = runtime
        self._largest_body: int = getattr(runtime.defaults, operation.body_bound)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        operation = self._operation
        live: LiveSandbox | None = None
        try:
            live = self._find(scope)
            if live is not None:
                scope["sandbox"] = live.sandbox.app_id
                follow_caller(scope, live.sandbox.notifier, self._runtime.defaults.public_url)
            raw = b"" if operation.body is None else await self._read(scope, receive)
            query = parse_model(operation.query, dict(parse_qsl(scope["query_string"].decode("latin-1"), True)))
            if len(raw) < _LARGE:
                body = self._body(scope, raw)
            else:  # it would hold everybody up
                with collector_paused():
                    body = await in_thread(self._body, scope, raw)
            if live is not None:
                live = self._find(scope) if live.closed else live  # it may have been removed while the body came
            if live is not None:
                live.catch_up()
            request = Request(live, self._runtime, scope["path_params"], query, body, partial(hang_up, receive))
            payload = await operation.handler(request)
            if isinstance(payload, AsyncIterator):
                await send_pieces(send, operation.status, payload, [JSON])
                return
        except Disconnected:
            return
        except ConnectionCut:
            raise
        except Exception as error:  # a frame that kept it would keep itself, and the body
            if not isinstance(error, ChirpError):
                error = internal_error(scope)
            if live is not None:
                self._runtime.tell_where(error, live, bearer_token(authorization(scope)))
            await send_error(send, error)
        else:
            if isinstance(payload, bytes):
                await send_bytes(send, operation.status, payload, [JSON])
            else:
                await send_json(send, operation.status, payload)
        finally:
            if live is not None:
                live.revision += operation.method != "GET"
                live.release(live.sandbox.take_outbox())

    async def _read(self, scope: Scope, receive: Receive) -> bytes:
        try:
            return await read_body(scope, receive, self._largest_body)
        except BodyTooLarge as error:
            flag = f"--{self._operation.body_bound.replace('_', '-')}"
            raise BodyTooLarge(f"{error.message}; start the server with a larger {flag} to send it") from None

    def _find(self, scope: Scope) -> LiveSandbox | None:
        if self._operation.on == "server":
            return None
        token = bearer_token(authorization(scope))
        key = self._runtime.default_key if token is None else token
        return self._runtime.lookup(key) if self._operation.on == "key" else self._runtime.sandbox_of(key)

    def _body(self, scope: Scope, raw: bytes) -> BaseModel | None:
        operation = self._operation
        if operation.body is None:
            return None
        value = {} if operation.body_optional and not raw else parse_json(scope, raw, operation.deepest_body)
        return parse_model(operation.body, value)
