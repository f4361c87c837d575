"""Moving a sandbox's time on command (control-api.md, "Time"): from due instant to due instant, settling at each."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from mockchirp.breakable import Breakable
from mockchirp.clock import LATEST, check_reachable, real_seconds
from mockchirp.core.deliveries import Delivery, public_attempt
from mockchirp.core.errors import Conflict
from mockchirp.core.instants import SECOND, format_milli
from mockchirp.live import SLICE, LiveSandbox

MOST_WAITED = 5.0
"""Real seconds that an advance waits for the application at one instant: one that is never quiet must not stop time."""
WORTH_SAYING = 5.0
"""Real seconds of waiting in all, from which on an advance says how to do without."""

_log = logging.getLogger("mockchirp")


@dataclass(slots=True)
class Report:
    """What an advance did: instants ``start`` and ``end``, the number of the last event before it, and the attempts that it
    made itself, in order and as they are shown: at most as many as events are kept, the newest. It waited
    ``quiet_seconds`` (real time) for the application to be quiet, which made ``quiet_requests`` meanwhile.
    """

    start: int
    end: int
    last_event: int
    attempts: deque[dict[str, object]]
    """Without the bodies, which would stay in memory until the end."""
    quiet_seconds: float = 0.0
    quiet_requests: int = 0

    @property
    def hint(self) -> str | None:
        """What would have spared most of the waiting, None if it was not much."""
        if self.quiet_seconds <= WORTH_SAYING:
            return None
        return (
            f"it waited {self.quiet_seconds:.1f} s for the app to be quiet; "
            'an app that acts in the handler of a webhook needs no such wait: "quiet": 0 spares it'
        )


class Advance:
    """One jump of a sandbox's time.

    It settles: whatever falls due happens in order, each thing at its own instant; the webhooks of an instant are sent and
    their outcomes recorded, in the order in which they were sent, before time moves on. After an instant at which a webhook was
    accepted or the application made requests, it waits until the application has been quiet for ``quiet`` (ms of real
    time).

    Every way of going raises :class:`Conflict` if another advance is under way or the sandbox is reset or removed meanwhile,
    :class:`Unavailable` when the server stops, and what ``hang_up`` raises when the client goes away.
    """

    def __init__(self, live: LiveSandbox, quiet: int, hang_up: Callable[[], Awaitable[None]]) -> None:
        self._live = live
        self._quiet = quiet / SECOND
        self._hang_up = hang_up
        self._last_sent = live.sent
        self.instants = 0
        """At how many due instants it has been."""
        sandbox = live.sandbox
        self.report = Report(sandbox.now, sandbox.now, sandbox.events.last, deque(maxlen=sandbox.policy.events_kept))

    async def by(self, duration: int) -> Report:
        """Go on by so many milliseconds."""
        to = self._live.sandbox.now + duration
        check_reachable(to, "by")
        return await self._go(to)

    async def to(self, instant: int) -> Report:
        """Go on to an instant; raise :class:`Conflict` if it is past."""
        now = self._live.sandbox.now
        check_reachable(instant, "to")
        if instant < now:
            raise Conflict(f"it is {format_milli(now)}; time never goes back to {format_milli(instant)}", param="to")
        return await self._go(instant)

    async def until(self, stop: Callable[[], bool], limit: int | None) -> Report:
        """Go on from instant to instant until ``stop``, asked at once and at each, says so, or nothing is pending; by at most
        ``limit`` milliseconds.
        """
        now = self._live.sandbox.now
        return await self._go(LATEST if limit is None else min(LATEST, now + limit), stop=stop)

    async def _go(self, horizon: int, *, stop: Callable[[], bool] | None = None) -> Report:
        live, sandbox, report = self._live, self._live.sandbox, self.report
        with Breakable() as work, live.advance(work):
            watch = asyncio.ensure_future(self._hang_up())
            watch.add_done_callback(partial(_leave, work))
            try:
                async with live.sender.burst():
                    stopped = await self._run_to(horizon, stop)
                if stop is None or (live.pending and not stopped):
                    sandbox.run_until(horizon)
            finally:
                watch.cancel()
        report.end = sandbox.now
        if report.hint is not None:
            _log.warning("an advance of %s took long: %s", sandbox.app_id, report.hint)
        return report

    async def _run_to(self, horizon: int, stop: Callable[[], bool] | None) -> bool:
        """Let everything up to ``horizon`` happen, and settle at each instant at which something does, until ``stop`` says so:
        whether it did.
        """
        sandbox = self._live.sandbox
        if stop is not None and stop():
            return True
        await self._settle()
        turn_ends = real_seconds() + SLICE
        while stop is None or not stop():
            due = sandbox.timeline.next_due()
            if due is None or due > horizon:
                return False
            sandbox.run_until(due)
            self.instants += 1
            await self._settle()
            if real_seconds() > turn_ends:
                await asyncio.sleep(0)  # noqa: TID251 - the one yield to the event loop
                turn_ends = real_seconds() + SLICE
        return True

    async def _settle(self) -> None:
        """Let everything happen that is due now, webhooks and the application's own work included."""
        live, life, report = self._live, self._live.life, self.report
        await live.settle(self._note)
        left = MOST_WAITED
        while self._quiet and life.is_new and left > 0:
            requests = life.begun
            waited = await life.quiet(self._quiet, left, lambda: live.is_unsettled)
            left -= waited
            report.quiet_seconds += waited
            report.quiet_requests += life.begun - requests
            if live.is_unsettled:
                await live.settle(self._note)

    def _note(self, number: int, delivery: Delivery) -> None:
        if number > self._last_sent:  # what was sent before may have been answered before as well: that must not show
            self.report.attempts.append(public_attempt(delivery, delivery.attempts[-1]))


def _leave(work: Breakable, watch: "asyncio.Future[None]") -> None:
    """The client has gone, unless the work is over."""
    if not watch.cancelled() and (error := watch.exception()) is not None:
        work.break_off(lambda: error)
