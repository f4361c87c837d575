"""The async shell around the sandboxes: it brings them up to the time, sends what they have to send, and jumps when
told to.

Every request catches its sandbox up at the door, so answers are right even if nothing runs in the background; a timer
of the event loop, set for the next due instant, only adds punctuality. An idle server does nothing. Between the door
and the answer nothing awaits, so no lock is held anywhere.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from mockchirp.clock import LATEST, Clock, Mode, check_reachable, machine_now, real_seconds
from mockchirp.core.deliveries import Attempt, Delivery, Dispatch, Outcome
from mockchirp.core.errors import Conflict, Unauthenticated, Unavailable
from mockchirp.core.instants import format_milli, parse_instant
from mockchirp.core.keys import check_app_key
from mockchirp.core.recordings import RecordingFormat
from mockchirp.core.sandbox import DEFAULT_KEY, Sandbox
from mockchirp.core.world import Policy
from mockchirp.delivery import Sender
from mockchirp.waits import Found, Waits

FROZEN_START = parse_instant("2026-01-15T10:30:00Z")
"""Where a frozen clock starts unless told otherwise: the instant of the documentation's example."""
SLICE = 0.005
"""Real seconds that a jump may take before the event loop gets a turn."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What every new sandbox gets. ``clock_start`` None is the machine's time, or :data:`FROZEN_START` on a frozen
    clock.
    """

    seed: int = 1
    clock_mode: Mode = "real"
    clock_rate: float = 1.0
    clock_start: int | None = None
    api_keys: tuple[str, ...] = ()
    public_url: str | None = None
    max_body_size: int = 1 << 20
    """Bytes of a request's body; more is 413."""
    policy: Policy = field(default_factory=Policy)
    max_waits: int = 1000
    """Requests that may wait in one sandbox at once."""


@dataclass(slots=True)
class Report:
    """What an advance did: instants ``start`` and ``end``, the numbers of the last event and of the last sending before
    it, the attempts that it made itself, in order: at most as many as events are kept, the newest.
    """

    start: int
    end: int
    last_event: int
    last_sent: int
    attempts: deque[tuple[Delivery, Attempt]]


class LiveSandbox:
    """A sandbox with its clock, its deliveries in flight and its timer."""

    def __init__(
        self, key: str, seed: int, sandbox: Sandbox, clock: Clock, sender: Sender, most_waits: int = 1000
    ) -> None:
        self.key = key
        self.seed = seed
        self.sandbox = sandbox
        self.clock = clock
        self.advancing = False
        self.waits = Waits(most_waits)
        self._sender = sender
        self._in_flight: dict[int, tuple[Dispatch, asyncio.Task[Outcome]]] = {}
        self._sent = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_for: tuple[int, asyncio.AbstractEventLoop] | None = None
        self._closed = False

    @property
    def pending(self) -> int:
        """How much is still to come: scheduled actions and deliveries in flight."""
        return len(self.sandbox.timeline) + len(self._in_flight)

    @property
    def stands_still(self) -> bool:
        """Whether nothing happens before somebody asks for it: the clock is frozen, nothing is due, in flight or under
        way.
        """
        due = self.sandbox.timeline.next_due()
        busy = self.advancing or self._in_flight or (due is not None and due <= self.sandbox.now)
        return self.clock.mode == "frozen" and not busy

    async def hold(
        self, look: Callable[[], Found | None], seconds: float, hang_up: Callable[[], Awaitable[None]]
    ) -> Found | None:
        """What ``look`` returns once it is not None, for at most ``seconds`` of real time: see :meth:`Waits.until`."""
        self.release(self.sandbox.take_outbox())

        def look_again() -> Found | None:
            self._set_timer()  # the loop that it was set in may have ended; this one runs
            return look()

        return await self.waits.until(look_again, seconds, hang_up)

    def catch_up(self) -> None:
        """Let everything happen that is due by now. During an advance, the advance alone moves time."""
        if not self.advancing:
            self.sandbox.run_until(self.clock.read(real_seconds()))

    def release(self, batch: list[Dispatch]) -> None:
        """Start sending ``batch``, set the timer for what comes next and have those who wait look: the last act of every
        request.
        """
        if self._closed:
            return
        for dispatch in batch:
            self._sent += 1
            number = self._sent
            task = asyncio.get_running_loop().create_task(self._sender.send(dispatch))
            self._in_flight[number] = (dispatch, task)
            task.add_done_callback(partial(self._arrived, number))
        self._set_timer()
        self.waits.wake()

    def set_clock(self, *, now: int | None = None, mode: Mode | None = None, rate: float | None = None) -> None:
        """Change the clock; what falls due by a jump happens. Raise :class:`Conflict` if time would go back or an
        advance is under way.
        """
        self._check_not_advancing()
        self.clock.set(real_seconds(), now=now, mode=mode, rate=rate)
        self._timer_for = None
        self.catch_up()

    async def advance(self, *, by: int | None = None, to: int | None = None, limit: int = 0) -> Report:
        """Move time ``by`` so many milliseconds or ``to`` an instant; without both, until nothing is pending, but no
        further than ``limit`` milliseconds.

        It settles: whatever falls due happens in order, each thing at its own instant; the webhooks of an instant are
        sent and their outcomes recorded, in the order in which they were sent, before time moves on. Raise
        :class:`Conflict` if an advance is under way already or ``to`` is past.
        """
        self._check_not_advancing()
        sandbox = self.sandbox
        if by is not None:
            to = sandbox.now + by
        horizon = min(LATEST, sandbox.now + limit) if to is None else to
        check_reachable(horizon, "to" if by is None else "by")
        if to is not None and to < sandbox.now:
            raise Conflict(f"it is {format_milli(sandbox.now)}; time never goes back to {format_milli(to)}", param="to")
        attempts: deque[tuple[Delivery, Attempt]] = deque(maxlen=sandbox.policy.events_kept)
        report = Report(sandbox.now, sandbox.now, sandbox.events.last, self._sent, attempts)
        self.advancing = True
        try:
            async with self._sender.burst():
                await self._run_to(horizon, report)
            if to is not None or self.pending:
                sandbox.run_until(horizon)
        finally:
            self.advancing = False
            self.clock.rebase(sandbox.now, real_seconds())
            self._timer_for = None
            for number, (_, task) in list(self._in_flight.items()):
                if task.done():  # it was broken off before it could record this
                    self._arrived(number, task)
            self._set_timer()
            self.waits.wake()
        report.end = sandbox.now
        return report

    async def close(self) -> None:
        """Abandon what is in flight, stop the timer and end every wait."""
        self._closed = True
        self.waits.close(partial(Conflict, "the sandbox was removed, and what was waited for with it"))
        if self._timer is not None:
            self._timer.cancel()
        tasks = [task for _, task in self._in_flight.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _check_not_advancing(self) -> None:
        if self.advancing:
            raise Conflict("an advance of this sandbox is under way; one at a time is allowed")

    async def _run_to(self, horizon: int, report: Report) -> None:
        """Let everything up to ``horizon`` happen, and settle at each instant at which something does."""
        sandbox = self.sandbox
        await self._settle(report)
        turn_ends = real_seconds() + SLICE
        while (due := sandbox.timeline.next_due()) is not None and due <= horizon:
            sandbox.run_until(due)
            await self._settle(report)
            if real_seconds() > turn_ends:
                await asyncio.sleep(0)  # noqa: TID251 - the one yield to the event loop
                turn_ends = real_seconds() + SLICE

    async def _settle(self, report: Report) -> None:
        """Send what is due and wait for every outcome, until nothing is in flight. Outcomes are recorded in the order
        of sending.
        """
        while batch := self.sandbox.take_outbox():
            self.release(batch)
        while self._in_flight:
            await asyncio.wait([task for _, task in self._in_flight.values()])
            for number, (dispatch, task) in list(self._in_flight.items()):
                if not task.done():
                    break  # a receiver's own commands have sent it meanwhile: what follows it has to wait, too
                del self._in_flight[number]
                self._record(dispatch, task, report if number > report.last_sent else None)
            self.release(self.sandbox.take_outbox())
        self.waits.wake()

    def _arrived(self, number: int, task: asyncio.Task[Outcome]) -> None:
        if self.advancing or number not in self._in_flight:
            return  # an advance records its outcomes itself, in order
        dispatch, _ = self._in_flight.pop(number)
        self.catch_up()
        self._record(dispatch, task, None)
        if not task.cancelled():
            self.release(self.sandbox.take_outbox())

    def _record(self, dispatch: Dispatch, task: asyncio.Task[Outcome], report: Report | None) -> None:
        if task.cancelled():
            if not self._closed:  # its event loop ended under it: send it again with the next batch
                self.sandbox.deliveries.hand_back(dispatch)
            return
        delivery = self.sandbox.record_outcome(dispatch, task.result())
        if report is not None:
            report.attempts.append((delivery, delivery.attempts[-1]))

    def _set_timer(self) -> None:
        """Have the event loop wake this sandbox at its next due instant."""
        due = self.sandbox.timeline.next_due()
        if due is None or self.advancing or self._closed:
            return
        loop = asyncio.get_running_loop()
        if self._timer_for == (due, loop):
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._timer_for = (due, loop)
        real = self.clock.real_at(max(due, self.sandbox.now))
        if real is not None:
            self._timer = loop.call_later(max(0.0, real - real_seconds()), self._wake)
        elif due <= self.sandbox.now:
            self._timer = loop.call_later(0, self._wake)

    def _wake(self) -> None:
        self._timer = self._timer_for = None
        self.catch_up()
        self.release(self.sandbox.take_outbox())


class Runtime:
    """All sandboxes of a server, one an app key, each made at first sight."""

    def __init__(self, defaults: Defaults, sender: Sender, size_of: Callable[[RecordingFormat, int], int]) -> None:
        self.defaults = defaults
        self.base_url = "http://127.0.0.1:24477"
        """Where the server itself listens: what links in webhooks point to as long as nobody came by another name."""
        self.default_key = defaults.api_keys[0] if defaults.api_keys else DEFAULT_KEY
        self._sender = sender
        self._size_of = size_of
        self._by_key: dict[str, LiveSandbox] = {}
        self._by_app: dict[str, LiveSandbox] = {}

    def sandbox_of(self, key: str | None) -> LiveSandbox:
        """The sandbox of an app key; raise :class:`Unauthenticated` if it is none, or none of those that the server
        accepts.
        """
        live = self._by_key.get(key) if key is not None else None
        return live if live is not None else self._make(check_app_key(key))

    def sandbox_of_app(self, app_id: str) -> LiveSandbox | None:
        """The sandbox of an application, if one of its keys has made it."""
        return self._by_app.get(app_id)

    def default_now(self) -> int:
        """The instant at which a sandbox that is made now starts."""
        if self.defaults.clock_start is not None:
            return self.defaults.clock_start
        return FROZEN_START if self.defaults.clock_mode == "frozen" else machine_now()

    def __iter__(self) -> Iterator[tuple[str, LiveSandbox]]:
        """Every sandbox with its key, in the order of their making."""
        return iter(self._by_key.items())

    def end_waits(self) -> None:
        """Answer everyone who waits: the server is about to stop."""
        for live in self._by_key.values():
            live.waits.close(partial(Unavailable, "the server stops: what was waited for has not happened"))

    async def close(self) -> None:
        """Abandon every delivery in flight and let go of all connections."""
        for live in self._by_key.values():
            await live.close()
        await self._sender.close()

    def _make(self, key: str) -> LiveSandbox:
        defaults = self.defaults
        if defaults.api_keys and key not in defaults.api_keys:
            raise Unauthenticated("Invalid API key: it is not among the keys that this server was started with")
        start = self.default_now()
        sandbox = Sandbox(
            now=start,
            seed=defaults.seed,
            key=key,
            policy=defaults.policy,
            size_of=self._size_of,
            origin=defaults.public_url or self.base_url,
        )
        clock = Clock(start, real_seconds(), mode=defaults.clock_mode, rate=defaults.clock_rate)
        live = self._by_key[key] = self._by_app[sandbox.app_id] = LiveSandbox(
            key, defaults.seed, sandbox, clock, self._sender, defaults.max_waits
        )
        return live
