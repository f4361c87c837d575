"""Moving a sandbox's time on command (control-api.md, "Time"): from due instant to due instant, settling at each."""

import asyncio
from collections import deque
from dataclasses import dataclass

from mockchirp.clock import LATEST, check_reachable, real_seconds
from mockchirp.core.deliveries import Attempt, Delivery
from mockchirp.core.errors import Conflict
from mockchirp.core.instants import format_milli
from mockchirp.live import SLICE, LiveSandbox


@dataclass(slots=True)
class Report:
    """What an advance did: instants ``start`` and ``end``, the number of the last event before it, and the attempts that it
    made itself, in order: at most as many as events are kept, the newest.
    """

    start: int
    end: int
    last_event: int
    attempts: deque[tuple[Delivery, Attempt]]


async def advance(live: LiveSandbox, *, by: int | None = None, to: int | None = None, limit: int = 0) -> Report:
    """Move time ``by`` so many milliseconds or ``to`` an instant; without both, until nothing is pending, but no further than
    ``limit`` milliseconds.

    It settles: whatever falls due happens in order, each thing at its own instant; the webhooks of an instant are sent and
    their outcomes recorded, in the order in which they were sent, before time moves on. Raise :class:`Conflict` if an advance
    is under way already or ``to`` is past.
    """
    live.check_not_advancing()
    sandbox = live.sandbox
    if by is not None:
        to = sandbox.now + by
    horizon = min(LATEST, sandbox.now + limit) if to is None else to
    check_reachable(horizon, "to" if by is None else "by")
    if to is not None and to < sandbox.now:
        raise Conflict(f"it is {format_milli(sandbox.now)}; time never goes back to {format_milli(to)}", param="to")
    report = Report(sandbox.now, sandbox.now, sandbox.events.last, deque(maxlen=sandbox.policy.events_kept))
    with live.begin_advance():
        async with live.sender.burst():
            await _run_to(live, horizon, report)
        if to is not None or live.pending:
            sandbox.run_until(horizon)
    report.end = sandbox.now
    return report


async def _run_to(live: LiveSandbox, horizon: int, report: Report) -> None:
    """Let everything up to ``horizon`` happen, and settle at each instant at which something does."""
    sandbox, first = live.sandbox, live.sent + 1

    def note(number: int, delivery: Delivery) -> None:
        if number >= first:  # what was sent before may have been answered before as well: that must not show
            report.attempts.append((delivery, delivery.attempts[-1]))

    await live.settle(note)
    turn_ends = real_seconds() + SLICE
    while (due := sandbox.timeline.next_due()) is not None and due <= horizon:
        sandbox.run_until(due)
        await live.settle(note)
        if real_seconds() > turn_ends:
            await asyncio.sleep(0)  # noqa: TID251 - the one yield to the event loop
            turn_ends = real_seconds() + SLICE
