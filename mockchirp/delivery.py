"""Sending webhooks (chirp-api.md section 6, "Delivery"): a :class:`~mockchirp.core.deliveries.Dispatch` goes out, an
:class:`~mockchirp.core.deliveries.Outcome` comes back.

This module knows *when* connections are open and for which event loop; :mod:`mockchirp.connections` knows how a POST goes out
and what each failure is called. The latter, and the HTTP library with it, is imported with the first webhook: most starts of
the server never send one, and the import would take up a good part of the start.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any, Protocol

from mockchirp.core.deliveries import Dispatch, Outcome


class Sender(Protocol):
    """Whatever can send a webhook; tests hand in another one, which inherits what it does not care about."""

    async def send(self, dispatch: Dispatch) -> Outcome:
        """Make one attempt and say what came of it; raise nothing but ``CancelledError``."""
        ...

    async def close(self) -> None:
        """Close the connections of the running event loop."""

    def burst(self) -> AbstractAsyncContextManager[None]:
        """Open for as long as attempts follow one another: connections may be kept in between."""
        return nullcontext()


class HttpSender:
    """Sends webhooks over HTTP/1.1.

    ``timeout`` (s) bounds an attempt from the start of the connection to the end of the answer; ``per_origin`` bounds the
    attempts that are under way to one scheme, host and port. An attempt that waits for its place is not yet timed, and a
    receiver that hangs holds up nobody but the webhooks for its own origin. ``lookup`` resolves names, in threads.

    Connections are reused within a burst, a span of time in which at least one attempt is under way (or :meth:`burst` is
    open), and closed when it ends. So an event loop that ends leaves no socket behind, ``close()`` or not, and a sender serves
    any number of loops, one after another or at once in several threads.
    """

    def __init__(
        self, timeout: float = 5.0, *, per_origin: int = 100, lookup: Callable[..., list[Any]] = socket.getaddrinfo
    ) -> None:
        self._timeout = timeout
        self._per_origin = per_origin
        self._lookup = lookup
        self._bursts: dict[asyncio.AbstractEventLoop, _Burst] = {}

    async def send(self, dispatch: Dispatch) -> Outcome:
        """Make one attempt; every failure is an outcome, with the reason in words. Raise nothing but ``CancelledError``."""
        burst = self._join()
        try:
            return await burst.connections.post(dispatch)
        finally:
            await self._leave(burst)

    @asynccontextmanager
    async def burst(self) -> AsyncIterator[None]:
        """Keep connections open between the attempts made inside, where they come one after the other."""
        burst = self._join()
        try:
            yield
        finally:
            await self._leave(burst)

    async def close(self) -> None:
        """Break off what is under way on the running event loop and forget all other loops; the sender stays usable."""
        burst = self._bursts.pop(asyncio.get_running_loop(), None)
        self._bursts.clear()
        if burst is not None:
            await burst.connections.close()

    def _join(self) -> "_Burst":
        loop = asyncio.get_running_loop()
        burst = self._bursts.get(loop)
        if burst is None:
            for dead in [other for other in list(self._bursts) if other.is_closed()]:
                self._bursts.pop(dead, None)
            burst = self._bursts[loop] = _Burst(self._timeout, self._per_origin, self._lookup)
        burst.users += 1
        return burst

    async def _leave(self, burst: "_Burst") -> None:
        burst.users -= 1
        if burst.users == 0:
            loop = burst.connections.loop
            if self._bursts.get(loop) is burst:
                del self._bursts[loop]
            await burst.connections.close()


class _Burst:
    """The connections of one event loop and how many use them; they close when the last one leaves."""

    def __init__(self, timeout: float, per_origin: int, lookup: Callable[..., list[Any]]) -> None:
        from mockchirp.connections import Connections

        self.connections = Connections(timeout, per_origin, lookup)
        self.users = 0
