"""HTTP/1.1 as uvicorn speaks it, with bounds to what a client may make the server hold: connections, headers, and patience.

uvicorn waits for the rest of a request for ever, and for a client that does not take its answer; it takes headers and trailers of any
length. Here a request has to be whole in time, and what it may hold beside its body is little. Whatever is refused is refused in
Chirp's envelope, and the connection closed.
"""

import asyncio
from typing import Any

import orjson
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

LARGEST_HEAD = 64 << 10
"""Bytes of a request line and headers, give or take what comes at once."""


class _Trailers(list[tuple[bytes, bytes]]):
    """Where the headers after a body go: nowhere."""

    def append(self, header: tuple[bytes, bytes], /) -> None:
        pass


class BoundedProtocol(HttpToolsProtocol):
    """One connection of a client.

    ``most`` connections are open at once. A request has to be whole ``patience`` real seconds after its beginning, and a new
    connection has to send one in that time; a client that takes nothing of its answer for so long is cut off. A request may have
    ``largest`` bytes, body included.
    """

    def __init__(self, *arguments: Any, most: int, patience: float, largest: int, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._most = most
        self._patience = patience
        self._largest = largest
        self._deadline: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._received = 0
        """Bytes since the request began."""
        self._in_head = True
        self._whole = False
        self._answering: RequestResponseCycle | None = None
        """The request that is being answered: with pipelining not the one that came last."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self._most:
            self._refuse(503, f"{self._most} connections are open, which is the most; try again later", "api_error")
        else:
            self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_deadline()
        if self._stalled is not None:
            self._stalled.cancel()
        self._let_go()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_progress()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._whole and not self.cycle.response_complete:
            return
        self._received += len(data)
        if self._in_head and self._received > LARGEST_HEAD:
            limit = f"{LARGEST_HEAD} bytes, which is the most that is taken"
            self._refuse(431, f"the request line and the headers are longer than {limit}")
        elif self._received > self._largest:
            self._abort()  # it has had its 413 long since
        elif self._deadline is None:
            self._set_deadline()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._received = 0
        self._in_head, self._whole = True, False

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self.headers = _Trailers()
        self._in_head = False

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._whole = True
        self._cancel_deadline()

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "the request is not valid HTTP/1.1")

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def _watch_progress(self, left_before: int | None = None) -> None:
        """Look every now and then whether the client takes what is written to it; ``left_before`` is what was left then."""
        left = self.transport.get_write_buffer_size()
        if left_before is not None and left >= left_before:
            self._abort()
        else:
            self._stalled = self.loop.call_later(self._patience, self._watch_progress, left)

    def _abort(self) -> None:
        self._let_go()
        self.transport.abort()

    def _let_go(self) -> None:
        """Nobody is there any more for what is being answered: uvicorn would only notice for the request that came last."""
        if self._answering is not None:
            self._answering.disconnected = True
            self._answering.message_event.set()
        self.pipeline.clear()

    def _set_deadline(self) -> None:
        if not self.transport.is_closing():
            self._deadline = self.loop.call_later(self._patience, self._give_up)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        self._refuse(408, f"the request was not whole within {self._patience:g} s")

    def _refuse(self, status: int, message: str, type: str = "invalid_request_error") -> None:
        """Say no to the request that is coming in, and close the connection. If another one is being answered, only close it."""
        if self.transport.is_closing():
            return
        cycle = self.cycle
        own = cycle is not None and not self._in_head and not cycle.response_started and not self.pipeline
        if cycle is None or cycle.response_complete or own:
            body = orjson.dumps({"error": {"type": type, "message": message}})
            head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
            self.transport.write(STATUS_LINE[status] + head + body)
            self.transport.close()
        else:
            self._abort()
