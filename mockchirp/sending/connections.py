"""The connections of one event loop: how a webhook is posted, once.

A POST goes out exactly once an attempt. A kept connection may have been closed by the receiver meanwhile: that is looked for
*before* the next POST goes out on it, and what is lost after that is a failed attempt, as it would be for any sender. Receivers
that close after each answer without saying so are common, and their farewell may be a moment behind the answer. So the first
time that an origin's connection would be used again, it must have been idle for :data:`FAREWELL`, with nothing coming in.
"""

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Callable

from aiohappyeyeballs import start_connection

from mockchirp.core.deliveries import Dispatch, Outcome
from mockchirp.sending.addresses import AddressBook, Lookup
from mockchirp.sending.answer import KEPT, Answer
from mockchirp.sending.exchange import Exchange
from mockchirp.sending.failures import Failure, brief, judgement, no_connection, no_tls
from mockchirp.sending.target import Target, request_of, target_of

IDLE = 1.0
"""Seconds that an unused connection is kept: shorter than any usual server's own limit, so that ours is the side that closes."""

MOST_IDLE = 100
"""Unused connections that are kept, to all origins: as many as one origin may use at once."""

FAREWELL = 0.01
"""Seconds after an answer in which a receiver that closes the connection without saying so has closed it."""

NEXT_ADDRESS = 0.25
"""Seconds after which the next address of a name is tried beside the one before (RFC 8305 section 5)."""

MOST_KNOWN = 1000
"""Origins of which it is remembered that they keep connections."""


class Connections:
    """The connections of the running event loop. ``time_limit`` (s) bounds each attempt, ``tls`` makes the context for https."""

    def __init__(self, time_limit: float, lookup: Lookup, tls: Callable[[], ssl.SSLContext]) -> None:
        self._loop = asyncio.get_running_loop()
        self._time_limit = time_limit
        self._tls = tls
        self._book = AddressBook(lookup)
        self._idle: dict[str, deque[Exchange]] = {}
        self._idle_count = 0
        self._keepers: set[str] = set()
        self._under_way: set[asyncio.Timeout] = set()

    async def post(self, dispatch: Dispatch) -> tuple[Outcome, bool]:
        """Make one attempt: what came of it, and whether the receiver can do with one more at once. Raise nothing but
        ``CancelledError``.
        """
        try:
            target = target_of(dispatch.url)
            request = request_of(target, dispatch)
        except ValueError as reason:
            return Outcome(None, f"not sent: {brief(reason)}"), False
        started = time.perf_counter()  # a loop's own time stands still between its rounds
        answer = Answer()
        limit = asyncio.timeout(self._time_limit)
        exchange: Exchange | None = None
        reused = False
        self._under_way.add(limit)
        try:
            async with limit:
                exchange = await self._kept(target.origin)
                reused = exchange is not None
                if exchange is None:
                    exchange = Exchange(self._loop)
                    done = exchange.post(request, answer)
                    await self._connect(exchange, target)
                else:
                    done = exchange.post(request, answer)
                await done
            error = self._judgement(answer, target.origin, reused=reused)
        except Failure as reason:
            error = str(reason)
        except Exception as reason:
            if limit not in self._under_way:
                error = "broken off: mockchirp has stopped sending"
            elif limit.expired():
                error = self._too_late(answer, exchange, target)
            else:
                error = f"not delivered: {type(reason).__name__}: {brief(reason)}"
        finally:
            self._under_way.discard(limit)
            if exchange is not None:
                if answer.kept and exchange.free:
                    self._keep(exchange, target.origin)
                else:
                    exchange.abort()
        outcome = Outcome(answer.status, error, bytes(answer.body[:KEPT]), time.perf_counter() - started)
        return outcome, limit.expired() or (reused and answer.status is not None)

    def end_idle(self) -> None:
        """Close every connection that is not in use."""
        for idle in self._idle.values():
            for exchange in idle:
                exchange.abort()
        self._idle.clear()
        self._idle_count = 0

    def break_off(self) -> None:
        """Close every connection; attempts under way end at once, with an outcome."""
        self.end_idle()
        under_way, self._under_way = self._under_way, set()
        for limit in under_way:
            if not limit.expired():
                limit.reschedule(self._loop.time())

    async def _kept(self, origin: str) -> Exchange | None:
        """A connection that was kept and is still good, not kept any more."""
        idle = self._idle.get(origin)
        while idle:
            exchange = idle.pop()
            self._let_go(exchange, origin)
            good = False
            try:
                if not exchange.stale and origin not in self._keepers:
                    await exchange.quiet_for(exchange.idle_since + FAREWELL - self._loop.time())
                good = not exchange.stale
            finally:
                if not good:
                    exchange.abort()
            if good:
                self._note_keeper(origin)
                return exchange
        return None

    def _keep(self, exchange: Exchange, origin: str) -> None:
        if self._idle_count >= MOST_IDLE:
            exchange.abort()
            return
        self._idle.setdefault(origin, deque()).append(exchange)
        self._idle_count += 1
        exchange.idle_since = self._loop.time()
        exchange.expiry = self._loop.call_later(IDLE, self._expire, exchange, origin)

    def _expire(self, exchange: Exchange, origin: str) -> None:
        self._idle[origin].remove(exchange)
        self._let_go(exchange, origin)
        exchange.abort()

    def _let_go(self, exchange: Exchange, origin: str) -> None:
        """Take note that ``exchange`` is idle no more."""
        self._idle_count -= 1
        if exchange.expiry is not None:
            exchange.expiry.cancel()
        if not self._idle[origin]:
            del self._idle[origin]

    def _note_keeper(self, origin: str) -> None:
        if len(self._keepers) >= MOST_KNOWN:
            self._keepers.clear()
        self._keepers.add(origin)

    async def _connect(self, exchange: Exchange, target: Target) -> None:
        """Connect ``exchange``, which sends what it was given. Raise :class:`Failure` if nobody is there."""
        addresses = await self._book.find(target.host, target.port)
        try:
            sock = await start_connection(addresses, happy_eyeballs_delay=NEXT_ADDRESS, loop=self._loop)
        except (OSError, RuntimeError) as reason:  # uvloop raises the latter, too
            raise no_connection(target.place, reason) from None
        exchange.sock = sock
        try:
            if target.tls:
                await self._loop.create_connection(
                    lambda: exchange,
                    sock=sock,
                    ssl=self._tls(),
                    server_hostname=target.host.partition("%")[0].rstrip("."),
                    ssl_handshake_timeout=self._time_limit,
                )
            else:
                await self._loop.create_connection(lambda: exchange, sock=sock)
        except OSError as reason:
            sock.close()
            raise (no_tls if target.tls else no_connection)(target.place, reason) from None
        except BaseException:
            sock.close()
            raise

    def _judgement(self, answer: Answer, origin: str, *, reused: bool) -> str | None:
        """Why an answer that has ended is a failure; None for a success."""
        if answer.fault is None:
            assert answer.status is not None
            return judgement(answer.status, answer.location)
        if answer.status is not None:
            return f"answered {answer.status}, but {brief(answer.fault)}"
        if reused:
            self._keepers.discard(origin)
        return brief(answer.fault)

    def _too_late(self, answer: Answer, exchange: Exchange | None, target: Target) -> str:
        in_time = f"within {self._time_limit:g} s"
        if answer.status is not None:
            return f"answered {answer.status}, but the answer did not end {in_time}"
        if exchange is not None and exchange.open:
            return f"no answer {in_time}"
        return f"no connection with {target.place} {in_time}"
