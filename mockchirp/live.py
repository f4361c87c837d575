"""One sandbox, alive: brought up to the time, sending what it has to send, and jumping when told to (:mod:`mockchirp.advance`).

Every request catches its sandbox up at the door, so answers are right even if nothing runs in the background; a timer
of the event loop, set for the next due instant, only adds punctuality. An idle server does nothing. Between the door
and the answer nothing awaits, so no lock is held anywhere.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from mockchirp.breakable import Breakable
from mockchirp.clock import LATEST, Clock, Mode, RealSeconds, real_seconds
from mockchirp.core.deliveries import Delivery, Dispatch, Outcome
from mockchirp.core.errors import Conflict
from mockchirp.core.sandbox import Sandbox
from mockchirp.flights import Flights
from mockchirp.life import Life
from mockchirp.news import News
from mockchirp.notices import Notices
from mockchirp.sending.sender import Sender
from mockchirp.traffic import Traffic
from mockchirp.waits import Found, Hear, Reason, Sought, Topic, Waits

SLICE = 0.005
"""Real seconds that a jump may take before the event loop gets a turn."""
LONGEST_TIMER = 2.0
"""Real seconds of a timer, however far away its instant is: an event loop's timers stand still while the machine sleeps, and after
it has slept the clock is where they don't know.
"""
Noted = Callable[[int, Delivery], None]
"""Told of a sending, by its number, and of the delivery that it was for, when its outcome has been recorded."""


class LiveSandbox:
    """A sandbox with its clock, its deliveries in flight and its timer."""

    def __init__(
        self,
        keys: tuple[str, ...],
        seed: int,
        sandbox: Sandbox,
        clock: Clock,
        sender: Sender,
        most_waits: int = 1000,
        when_used: "Callable[[LiveSandbox], None] | None" = None,
        traffic: Traffic | None = None,
        real: RealSeconds = real_seconds,
    ) -> None:
        self.keys = keys
        """The app keys that it serves; the first says which app it is."""
        self.seed = seed
        self.revision = 0
        """Counts the requests that may have changed it."""
        self.sandbox = sandbox
        self.clock = clock
        self._real = real
        self.waits = Waits(most_waits, self._listen)
        self.outcomes = 0
        """How many attempts to deliver are over."""
        self.life = Life()
        self.sender = sender
        self.when_used = when_used
        self._traffic = traffic or Traffic()
        self.notices = Notices()
        self.flights = self._new_flights()
        self._note: Noted | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_for: tuple[int, asyncio.AbstractEventLoop] | None = None
        self._closed = False
        self._advance: Breakable | None = None
        self._no_advance: Reason | None = None

    @property
    def closed(self) -> bool:
        """Whether it was removed, or the server stops."""
        return self._closed

    @property
    def key(self) -> str:
        """The app key that it was made for."""
        return self.keys[0]

    @property
    def trace(self) -> tuple[int, ...]:
        """Numbers of which at least one differs whenever something has changed."""
        sandbox, timeline = self.sandbox, self.sandbox.timeline
        flights = (self.sent, len(self.flights))
        return (self.revision, sandbox.events.last, timeline.last_order, len(timeline), *flights)

    @property
    def sent(self) -> int:
        """How many attempts have been sent, or wait for a place."""
        return self.flights.sent

    @property
    def pending(self) -> int:
        """How much is still to come: scheduled actions, and attempts that wait for a place or are under way."""
        return len(self.sandbox.timeline) + len(self.flights)

    @property
    def in_flight(self) -> int:
        """How many attempts to deliver are under way."""
        return self.flights.under_way

    @property
    def is_unsettled(self) -> bool:
        """Whether something is due, or an attempt waits for a place or is under way."""
        due = self.sandbox.timeline.next_due()
        return bool(self.flights) or (due is not None and due <= self.sandbox.now)

    @property
    def advancing(self) -> bool:
        """Whether an advance is under way."""
        if self._advance is not None and not self._advance.is_alive:
            self._go_on()
        return self._advance is not None

    @property
    def stands_still(self) -> bool:
        """Whether nothing happens before somebody asks for it: the clock is frozen, nothing is due, in flight or under
        way.
        """
        return self.clock.mode == "frozen" and not self.advancing and not self.is_unsettled

    async def hold(self, sought: Sought[Found], seconds: float, hang_up: Callable[[], Awaitable[None]]) -> Found | None:
        """What is sought once it has come, for at most ``seconds`` of real time: see :meth:`Waits.until`."""
        self.release(self.sandbox.take_outbox())
        return await self.waits.until(sought, seconds, hang_up)

    def _listen(self) -> Hear:
        news = News(self)

        def hear() -> Iterable[Topic]:
            self._set_timer()  # the loop that it was set in may have ended; this one runs
            return news()

        return hear

    def catch_up(self) -> None:
        """Let everything happen that is due by now. During an advance, the advance alone moves time."""
        if self._advance is None or not self.advancing:
            self.sandbox.run_until(self.clock.read(self._real()))

    def release(self, batch: list[Dispatch], sandbox: Sandbox | None = None) -> None:
        """Start sending ``batch``, set the timer for what comes next and have those who wait look: the last act of every
        request. ``sandbox`` is where the batch comes from, if a reset may have put another one in its place since.
        """
        if self._closed:
            return
        if sandbox is not None and sandbox is not self.sandbox:
            batch = []
        self.flights.add(batch)
        if self.sandbox.deliveries.given_up:
            self.notices.note_given_up(self.sandbox)
        self._set_timer()
        self.waits.wake()
        self.life.stir()
        if self.when_used is not None:
            self.when_used(self)

    def set_clock(self, *, now: int | None = None, mode: Mode | None = None, rate: float | None = None) -> None:
        """Change the clock; what falls due by a jump happens. Raise :class:`Conflict` if time would go back or an
        advance is under way.
        """
        self.check_not_advancing()
        self.clock.set(self._real(), now=now, mode=mode, rate=rate)
        self._timer_for = None
        self.catch_up()

    def check_not_advancing(self) -> None:
        """Raise :class:`Conflict` if an advance is under way."""
        if self.advancing:
            raise Conflict("an advance of this sandbox is under way; one at a time is allowed")

    @contextmanager
    def advance(self, work: Breakable) -> Iterator[None]:
        """Inside, only ``work`` moves time, until it ends or is broken off; afterwards the clock goes on from where it has led.

        Raise :class:`Conflict` if an advance is under way, :class:`Unavailable` if the server stops.
        """
        self.check_not_advancing()
        if self._no_advance is not None:
            raise self._no_advance()
        self._advance, self.flights.in_order = work, True
        try:
            yield
        finally:
            if self._advance is work:
                self._go_on()

    def _go_on(self) -> None:
        """The advance is over, and the sandbox still there."""
        self._advance = self._note = None
        self.clock.rebase(self.sandbox.now, self._real())
        self._timer_for = None
        self.flights.record_all()
        self._set_timer()
        self.waits.wake()

    def stop(self, reason: Reason) -> None:
        """Have everyone who waits and an advance that is under way raise ``reason``, now and from now on."""
        self._no_advance = reason
        if self._advance is not None:
            self._advance.break_off(reason)
        self.waits.close(reason)

    async def settle(self, note: Noted) -> None:
        """Send what is due and wait for every outcome, until nothing is in flight: for an advance. Outcomes are recorded, and
        noted with the number of their sending, in the order of sending.
        """
        self._note = note
        self.release(self.sandbox.take_outbox())
        while self.flights:
            await self.flights.settle()
            self.release(self.sandbox.take_outbox())

    async def replace(self, sandbox: Sandbox, clock: Clock, seed: int, what: str) -> None:
        """Put another sandbox in the place of this one: what is in flight is abandoned, the timer is stopped, and an advance
        and those who wait are told ``what`` has happened. Nothing of the old sandbox reaches the new one.
        """
        self._break_off(what)
        old, self.sandbox = self.sandbox, sandbox
        self._traffic.past_events += old.events.last
        self.clock, self.seed = clock, seed
        flights = self._let_go()
        self.flights = self._new_flights()
        self.waits.end(partial(Conflict, f"{what}, and what was waited for is gone"))
        _discard_later(old)
        await _end(flights)

    async def remove(self) -> None:
        """Let go of everything, for good."""
        self._traffic.past_events += self.sandbox.events.last
        await self.close()
        _discard_later(self.sandbox)

    async def close(self) -> None:
        """Abandon what is in flight, stop the timer, and end an advance and every wait."""
        self._closed = True
        self._break_off("the sandbox was removed")
        self.waits.close(partial(Conflict, "the sandbox was removed, and what was waited for with it"))
        await _end(self._let_go())

    def _break_off(self, what: str) -> None:
        """End an advance that is under way: it loses its sandbox."""
        work, self._advance, self._note = self._advance, None, None
        if work is not None:
            work.break_off(partial(Conflict, f"{what} while time was advanced: the advance ended where it stood"))
        self.life.forget()

    def _let_go(self) -> list[asyncio.Task[Outcome]]:
        """Stop the timer and break off what is in flight, whose outcomes count no more; it is over when the tasks are."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._timer_for = None
        return self.flights.let_go()

    def _new_flights(self) -> Flights:
        return Flights(self.sender, self.sandbox.deliveries, self._record)

    def _record(self, dispatch: Dispatch, outcome: Outcome, number: int) -> None:
        """Enter what came of an attempt, and send what follows from it."""
        self.catch_up()
        delivery = self.sandbox.record_outcome(dispatch, outcome)
        self.life.accepted += outcome.succeeded
        self.outcomes += 1
        self._traffic.note_attempt(self.sandbox.app_id, delivery, delivery.attempts[-1])
        if self._note is not None:
            self._note(number, delivery)
        self.release(self.sandbox.take_outbox())

    def _set_timer(self) -> None:
        """Have the event loop wake this sandbox at its next due instant."""
        due = self.sandbox.timeline.next_due()
        if due is None or due > LATEST or self.advancing or self._closed:
            return  # no clock shows what is later than LATEST: a timer for it would go off over and over
        loop = asyncio.get_running_loop()
        if self._timer_for == (due, loop):
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._timer_for = (due, loop)
        real = self.clock.real_at(max(due, self.sandbox.now))
        if real is not None:
            self._timer = loop.call_later(min(LONGEST_TIMER, max(0.0, real - self._real())), self._wake)
        elif due <= self.sandbox.now:
            self._timer = loop.call_later(0, self._wake)

    def _wake(self) -> None:
        self._timer = self._timer_for = None
        due = self.sandbox.timeline.next_due()
        self.catch_up()
        if due is not None and due <= self.sandbox.now:
            self.release(self.sandbox.take_outbox())
        else:
            self._set_timer()


async def _end(flights: list[asyncio.Task[Outcome]]) -> None:
    """Return when these, which were broken off, are over: mostly all at once, so that waiting for each costs nothing."""
    for task in flights:
        if not task.done():
            await asyncio.wait([task])


def _discard_later(sandbox: Sandbox) -> None:
    """Free the memory of a sandbox, but not before the answer to the request that removes it is on its way."""
    asyncio.get_running_loop().call_later(2 * SLICE, sandbox.discard)
