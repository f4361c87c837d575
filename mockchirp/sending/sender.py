"""Sending webhooks (chirp-api.md section 6, "Delivery"): a :class:`~mockchirp.core.deliveries.Dispatch` goes out, an
:class:`~mockchirp.core.deliveries.Outcome` comes back.

This module knows *when* connections are open and for which event loop; :mod:`~mockchirp.sending.places` how many attempts may be
under way, and :mod:`~mockchirp.sending.connections` how a POST goes out and what each failure is called. The latter,
and the HTTP library with it, is imported with the first webhook: most starts of the server never send one, and the import would
take up a good part of the start.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any, Protocol

from mockchirp.core.deliveries import Dispatch, Outcome
from mockchirp.sending.places import Places, origin_of


class Sender(Protocol):
    """Whatever can send a webhook; tests hand in another one, which inherits what it does not care about.

    An attempt goes like this, all of it on one event loop::

        if sender.take_place(url):
            task = loop.create_task(sender.send(dispatch))
            task.add_done_callback(lambda _: sender.give_place_back(url))
        else:
            sender.when_free(url, try_again)
    """

    async def send(self, dispatch: Dispatch) -> Outcome:
        """Make one attempt, at once, in the place that was taken for it, and say what came of it; raise nothing but
        ``CancelledError``.
        """
        ...

    def take_place(self, url: str) -> bool:
        """Take a place for one attempt to the origin of ``url`` on the running event loop; False if all are taken."""
        return True

    def give_place_back(self, url: str) -> None:
        """Let others have the place, on the loop where it was taken. Due when the attempt's task is over, however it ended:
        also when it was cancelled before it began.
        """

    def when_free(self, url: str, tell: Callable[[], None]) -> None:
        """Have the running loop call ``tell`` when a place for the origin of ``url`` is free: once, and not from within this
        call. Who was refused a place asks; asking twice is asking once. Those who wait are told in the order of their asking
        for as long as there are places, so ``tell`` takes what it can use, and asks again if it was refused more.
        """

    def forget(self, tell: Callable[[], None]) -> None:
        """Never call ``tell``, on the running loop: who asked waits no more."""

    async def close(self) -> None:
        """Close the connections of the running event loop."""

    def burst(self) -> AbstractAsyncContextManager[None]:
        """Open for as long as attempts follow one another: connections may be kept in between."""
        return nullcontext()


class HttpSender:
    """Sends webhooks over HTTP/1.1.

    ``timeout`` (s) bounds an attempt from the start of the connection to the end of the answer; ``per_origin`` bounds the
    attempts that are under way to one scheme, host and port. A receiver that hangs holds up nobody but the webhooks for its
    own origin. ``lookup`` resolves names, in threads.

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
        self._places: dict[asyncio.AbstractEventLoop, Places] = {}

    async def send(self, dispatch: Dispatch) -> Outcome:
        """Make one attempt; every failure is an outcome, with the reason in words. Raise nothing but ``CancelledError``."""
        burst = self._join()
        try:
            outcome, spare = await burst.connections.post(dispatch)
            places = self._places.get(asyncio.get_running_loop())
            if spare and places is not None:
                places.widen(origin_of(dispatch.url))
            return outcome
        finally:
            await self._leave(burst)

    def take_place(self, url: str) -> bool:
        loop = asyncio.get_running_loop()
        places = self._places.get(loop)
        if places is None:
            for dead in [other for other in list(self._places) if other.is_closed()]:
                self._places.pop(dead, None)
            places = self._places[loop] = Places(self._per_origin)
        return places.take(origin_of(url))

    def give_place_back(self, url: str) -> None:
        places = self._places[asyncio.get_running_loop()]
        places.give_back(origin_of(url))

    def when_free(self, url: str, tell: Callable[[], None]) -> None:
        self._places[asyncio.get_running_loop()].when_free(origin_of(url), tell)

    def forget(self, tell: Callable[[], None]) -> None:
        places = self._places.get(asyncio.get_running_loop())
        if places is not None:
            places.forget(tell)

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
            burst = self._bursts[loop] = _Burst(self._timeout, self._lookup)
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

    def __init__(self, timeout: float, lookup: Callable[..., list[Any]]) -> None:
        from mockchirp.sending.connections import Connections

        self.connections = Connections(timeout, lookup)
        self.users = 0
