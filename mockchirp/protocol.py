"""HTTP/1.1 with bounds to what a client may make the server hold: connections, headers, and patience.

uvicorn waits for the rest of a request for ever, and for a client that does not take its answer; it takes headers and trailers of any
length. Here a request has to be whole in time, and what it may hold beside its body is little. Whatever is refused is refused in
Chirp's envelope, after the answers that are still owed, and the connection closed.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import httptools
import orjson
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from mockchirp.framing import Headers, Refusal, StrictProtocol
from mockchirp.idling import SAID, IdleConnections
from mockchirp.progress import Progress, acknowledged

LARGEST_HEAD = 64 << 10
"""Bytes of a request line and headers."""
TOO_LONG = f"the request line and the headers are longer than {LARGEST_HEAD} bytes, which is the most that is taken"
LINGER = 2.0
"""Real seconds in which a client that was refused may go on sending: a connection that is closed on what was not read is reset, which
can take the answer away from the client (RFC 9112, 9.6)."""
LOOKS = 20
"""Looks at a client that does not take its answer, in the time that it has."""
MOST_LINGERING = 100
"""Connections above the bound that may linger so."""
_NO_METHOD = (
    "it does not begin with a method of HTTP, which are GET, HEAD, POST, PUT, PATCH, DELETE and others in capitals; "
    "https:// begins otherwise too, and this server speaks http://"
)
JSON = (b"content-type", b"application/json")
KEEP_ALIVE: Headers = [(b"keep-alive", b"timeout=%d" % SAID)]


class _Trailers(list[tuple[bytes, bytes]]):
    """Where the headers after a body go: nowhere."""

    def append(self, header: tuple[bytes, bytes], /) -> None:
        pass


class BoundedProtocol(StrictProtocol):
    """One connection of a client.

    ``most`` connections are open at once: one more takes the place of the one that has been idle for longest. A request has to be
    whole ``patience`` real seconds after its beginning, and a new connection has to send one in that time; a client that takes
    nothing of its answer for so long is cut off. A request may have ``largest`` bytes, body included. ``idle`` are the connections of
    the server that wait for a request, and ``readable`` makes the headers that let a page read an answer to a request with these
    headers.
    """

    def __init__(
        self,
        *arguments: Any,
        most: int,
        patience: float,
        largest: int,
        idle: IdleConnections,
        readable: Callable[[Headers], Headers] = lambda headers: [],
        **options: Any,
    ) -> None:
        super().__init__(*arguments, **options)
        self._most = most
        self._patience = patience
        self._largest = largest
        self._idle = idle
        self._readable = readable
        self._deadline: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._resumed = 0
        """How many times there was room again for more of an answer."""
        self._unclaimed = 0
        """Bytes of the current packet, until the first request that begins in it claims them."""
        self._received = 0
        """Bytes since the request began; of a packet that it shares with the request before it, none are counted."""
        self._shares_packet = False
        self._between = True
        """Whether the next byte begins a request."""
        self._in_head = True
        self._whole = False
        self._answering: RequestResponseCycle | None = None
        """The request that is being answered: with pipelining not the one that came last."""
        self._parsing = False
        self._begun: tuple[RequestResponseCycle, ASGI3Application] | None = None
        """A request whose head has just been read; it is served when the rest of the packet has proved to be HTTP."""
        self._refused: bytes | None = None
        """The last answer of this connection, which reads no more."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self._most and not self._idle.close_longest():
            self._refuse(503, f"{self._most} connections are open, which is the most; try again later", "api_error")
        else:
            self._idle.add(self)
            self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._idle.remove(self)
        self._cancel_deadline()
        if self._stalled is not None:
            self._stalled.cancel()
        self._let_go()
        super().connection_lost(exc)

    def close_idle(self) -> None:
        """Close the connection, on which no request is under way."""
        self._cancel_deadline()
        self._close()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stalled is None:
            self._watch()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._resumed += 1

    def data_received(self, data: bytes) -> None:
        if self._refused is not None:
            return
        self._idle.remove(self)
        if self._between:
            self._unclaimed = len(data)
        else:
            self._received += len(data)
        try:
            self._parsing = True
            self.parse(data)
        except httptools.HttpParserError as error:
            self._refuse_malformed(error)
        finally:
            self._parsing = False
        self._begin()
        if self._refused is not None or (self._whole and not self.cycle.response_complete):
            return
        if self._in_head and self._received > LARGEST_HEAD:
            self._refuse(431, TOO_LONG)
        elif self._received > self._largest:
            self._abort()  # it has had its 413 long since
        elif self._deadline is None:
            self._set_deadline()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._received, self._unclaimed, self._shares_packet = self._unclaimed, 0, not self._unclaimed
        self._in_head, self._whole, self._between = True, False, False

    def on_head(self) -> None:
        if (self._shares_packet or self._received > LARGEST_HEAD) and self._length_of_head() > LARGEST_HEAD:
            raise Refusal(431, TOO_LONG)
        super().on_head()
        self.headers = _Trailers()
        self._in_head = False

    def on_end(self) -> None:
        super().on_end()
        self._whole = self._between = True
        self._cancel_deadline()

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self._stalled is None:
            self._watch()
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._refused is not None:
            self._say_refusal()
        elif self._whole:
            self._idle.add(self)

    def _refuse_malformed(self, error: httptools.HttpParserError) -> None:
        refusal = error.__context__
        if isinstance(refusal, Refusal):
            self._refuse(refusal.status, refusal.message)
        elif self._in_head and self.parser.get_method() == b"PRI":
            self._refuse(505, "HTTP/2 is not served, and this is how a client begins it; use HTTP/1.1")
        else:
            reason = _NO_METHOD if isinstance(error, httptools.HttpParserInvalidMethodError) else str(error)
            self.logger.warning("a request is not valid HTTP/1.1: %s", reason)
            self._refuse(400, f"the request is not valid HTTP/1.1: {reason}")

    def _length_of_head(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _begin(self) -> None:
        if self._begun is not None:
            begun, self._begun = self._begun, None
            self._start_asgi_task(*begun)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answering = cycle
        if self._parsing:
            self._begun = (cycle, app)
            return
        if cycle.keep_alive:
            cycle.default_headers = KEEP_ALIVE
        super()._start_asgi_task(cycle, app)

    def _watch(self, progress: Progress | None = None) -> None:
        """Look every now and then whether the client takes what is written to it, as long as something is left of that."""
        self._stalled = None
        if self.transport.get_write_buffer_size() == 0:
            return
        now = self.loop.time()
        told = acknowledged(self.transport.get_extra_info("socket"))
        taken = self._resumed * HIGH_WATER_LIMIT if told is None else told
        progress = progress or Progress(self._patience, taken, now)
        if progress.has_stopped(taken, now):
            self._abort()
        else:
            self._stalled = self.loop.call_later(self._patience / LOOKS, self._watch, progress)

    def _close(self) -> None:
        """Close the connection once the client has taken what was written to it, or has stopped to take it."""
        self.transport.close()
        if self._stalled is None:
            self._watch()

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
        if self.flow.read_paused:  # it is we who don't take it
            self._set_deadline()
            return
        self._idle.remove(self)
        self._refuse(408, f"the request was not whole within {self._patience:g} s")

    def _refuse(self, status: int, message: str, type: str = "invalid_request_error") -> None:
        """Say no to the request that is coming in, after the answers to those before it, and read no more."""
        if self.transport.is_closing() or self._refused is not None:
            return
        self._cancel_deadline()
        body = orjson.dumps({"error": {"type": type, "message": message}})
        headers = self._readable(list(self.scope["headers"])) if self.scope is not None else []
        lines = b"".join(b"%s: %s\r\n" % header for header in [JSON, *headers])
        end = b"content-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        self._refused = STATUS_LINE[status] + lines + end + body
        if not self._in_head and not self._whole:
            self._give_back(self.cycle)
        if not self.transport.is_closing() and not self._owes_answer():
            self._say_refusal()

    def _give_back(self, cycle: RequestResponseCycle) -> None:
        """Have nobody answer a request of which the end is missing, or at least nobody twice."""
        if self._begun is not None and self._begun[0] is cycle:
            self._begun = self._answering = None
        elif self.pipeline and self.pipeline[0][0] is cycle:
            self.pipeline.popleft()
        elif cycle.response_complete:
            self._refused = b""
        elif cycle.response_started:
            self._abort()
        else:
            cycle.disconnected = True
            cycle.message_event.set()

    def _owes_answer(self) -> bool:
        """Whether a request before the one that is refused has still to be answered."""
        cycle = self._answering
        return bool(self.pipeline) or (cycle is not None and not (cycle.response_complete or cycle.disconnected))

    def _say_refusal(self) -> None:
        assert self._refused is not None, "there is something to say"
        self.transport.write(self._refused)
        if len(self.connections) > self._most + MOST_LINGERING or not self.transport.can_write_eof():
            self._close()
            return
        self.transport.write_eof()
        self.flow.resume_reading()
        self._deadline = self.loop.call_later(LINGER, self._close)
