"""One connection to a receiver, on which one POST at a time goes out and its answer comes in."""

import asyncio
import socket
from typing import cast

from mockchirp.sending.answer import Answer


class Exchange(asyncio.Protocol):
    """A connection. It sends what it is given once it is open, and is over when it is lost or aborted."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._request = b""
        self._answer: Answer | None = None
        self._done: asyncio.Future[None] | None = None
        self.sock: socket.socket | None = None
        """What it runs on."""
        self.idle_since = 0.0
        """Instant of the loop's time at which it was kept."""
        self.expiry: asyncio.TimerHandle | None = None
        """Ends it when it is not used again."""

    @property
    def open(self) -> bool:
        """Whether it is connected."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def free(self) -> bool:
        """Whether the next POST can go out on it: nothing is under way, nothing of the last request is left."""
        transport = self._transport
        if transport is None or transport.is_closing() or self._answer is not None:
            return False
        return transport.get_write_buffer_size() == 0

    @property
    def stale(self) -> bool:
        """Whether the receiver has closed it, or said something unasked, though the loop may not have noticed yet."""
        assert self.sock is not None
        if not self.free:
            return True
        try:
            self.sock.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            pass
        return True

    def post(self, request: bytes, answer: Answer) -> asyncio.Future[None]:
        """Send ``request``, now or as soon as it is open. The future is done when ``answer`` has ended."""
        self._answer, self._done = answer, self._loop.create_future()
        if self._transport is None:
            self._request = request
        else:
            self._transport.write(request)
        return self._done

    async def quiet_for(self, seconds: float) -> None:
        """Wait for so long, or until it is closed, while nothing is asked on it."""
        if seconds > 0:
            self._done = self._loop.create_future()
            await asyncio.wait([self._done], timeout=seconds)

    def abort(self) -> None:
        """Close it at once, whatever is still to be sent: polite ends would keep the socket."""
        if self.expiry is not None:
            self.expiry.cancel()
        if self._transport is not None and not self._loop.is_closed():
            self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._request)
        self._request = b""

    def data_received(self, data: bytes) -> None:
        if self._answer is None:
            self.abort()  # nothing was asked
            return
        self._answer.feed(data)
        if self._answer.ended:
            self._end()

    def eof_received(self) -> None:
        self._lose(None)

    def connection_lost(self, reason: Exception | None) -> None:
        self._lose(reason)

    def _lose(self, reason: Exception | None) -> None:
        if self._answer is not None:
            self._answer.lose(reason)
        self._end()

    def _end(self) -> None:
        self._answer = None
        if self._done is not None and not self._done.done():
            self._done.set_result(None)
