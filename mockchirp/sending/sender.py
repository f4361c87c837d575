"""Sending webhooks (chirp-api.md section 6, "Delivery"): a :class:`~mockchirp.core.deliveries.Dispatch` goes out, an
:class:`~mockchirp.core.deliveries.Outcome` comes back.

This module knows *when* connections are open and for which event loop; :mod:`~mockchirp.sending.places` how many attempts may be
under way, and :mod:`~mockchirp.sending.connections` how a POST goes out and what each failure is called. The latter,
and the HTTP library with it, is imported with the first webhook: most starts of the server never send one, and the import would
take up a good part of the start.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any, Protocol

from mockchirp.core.deliveries import Dispatch, Outcome
from mockchirp.sending.places import Places
from mockchirp.sending.target import origin_of


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

    Connections are reused within a burst, a span of time in which at least one attempt is under way or waits for a place (or
    :meth:`burst` is open), and closed when it ends. So an event loop that ends leaves no socket behind, ``close()`` or not, and
    a sender serves any number of loops, one after another or at once in several threads.
    """

    def __init__(
        self, timeout: float = 5.0, *, per_origin: int = 100, lookup: Callable[..., list[Any]] = socket.getaddrinfo
    ) -> None:
        self._timeout = timeout
        self._per_origin = per_origin
        self._lookup = lookup
        self._sides: dict[asyncio.AbstractEventLoop, _Side] = {}
        self._tls: ssl.SSLContext | None = None

    async def send(self, dispatch: Dispatch) -> Outcome:
        """Make one attempt; every failure is an outcome, with the reason in words. Raise nothing but ``CancelledError``."""
        side = self._side()
        side.users += 1
        try:
            outcome, can_do_more = await side.connections.post(dispatch)
            if can_do_more:
                side.places.widen(origin_of(dispatch.url))
            return outcome
        finally:
            side.users -= 1
            side.end_if_unused()

    def take_place(self, url: str) -> bool:
        return self._side().places.take(origin_of(url))

    def give_place_back(self, url: str) -> None:
        side = self._side()
        side.places.give_back(origin_of(url))
        side.end_soon()

    def when_free(self, url: str, tell: Callable[[], None]) -> None:
        self._side().places.when_free(origin_of(url), tell)

    def forget(self, tell: Callable[[], None]) -> None:
        side = self._side()
        side.places.forget(tell)
        side.end_soon()

    @asynccontextmanager
    async def burst(self) -> AsyncIterator[None]:
        """Keep connections open between the attempts made inside, where they come one after the other."""
        side = self._side()
        side.users += 1
        try:
            yield
        finally:
            side.users -= 1
            side.end_if_unused()

    async def close(self) -> None:
        """Break off what is under way on the running event loop; the sender stays usable."""
        self._side().connections.break_off()

    def _side(self) -> "_Side":
        """What belongs to the running event loop."""
        loop = asyncio.get_running_loop()
        side = self._sides.get(loop)
        if side is None:
            for dead in [other for other in list(self._sides) if other.is_closed()]:
                self._sides.pop(dead, None)
            side = self._sides[loop] = _Side(self._timeout, self._per_origin, self._lookup, self._tls_context)
        return side

    def _tls_context(self) -> ssl.SSLContext:
        """One for all connections: it takes longest to read the certificates (of ``SSL_CERT_FILE``, where that is set)."""
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls


class _Side:
    """The places and connections of one event loop, the running one."""

    def __init__(
        self, timeout: float, per_origin: int, lookup: Callable[..., list[Any]], tls: Callable[[], ssl.SSLContext]
    ) -> None:
        from mockchirp.sending.connections import Connections

        self.places = Places(per_origin)
        self.connections = Connections(timeout, lookup, tls)
        self.users = 0
        """Attempts and bursts that are open."""
        self._loop = asyncio.get_running_loop()
        self._ending = False

    def end_if_unused(self) -> None:
        """End the burst unless somebody is in it."""
        self._ending = False
        if not self.users and self.places.unused:
            self.connections.end_idle()
            self.places.forget_all()

    def end_soon(self) -> None:
        """End the burst in the loop's next turn, unless somebody is in it by then: whoever has waited may go on."""
        if not self._ending and not self.users and not self.places.taken:
            self._ending = True
            self._loop.call_soon(self.end_if_unused)
