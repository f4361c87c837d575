"""Time (control-api.md, "Time"): read the clock, set it, jump."""

from mockchirp.advance import advance
from mockchirp.clock import check_reachable
from mockchirp.control.models import Advance, SetClock
from mockchirp.control.operation import Request
from mockchirp.core.deliveries import public_attempt
from mockchirp.core.events import public_event
from mockchirp.core.instants import DAY, format_milli

LONGEST_IDLE = 7 * DAY
"""How far `until: idle` goes unless told otherwise."""


async def get_clock(request: Request) -> object:
    """GET /_mockchirp/clock."""
    live = request.live
    due = live.sandbox.timeline.next_due()
    return {
        "now": format_milli(live.sandbox.now),
        "mode": live.clock.mode,
        "rate": live.clock.rate,
        "nextDue": None if due is None else format_milli(due),
        "pending": live.pending,
    }


async def set_clock(request: Request) -> object:
    """PUT /_mockchirp/clock."""
    body: SetClock = request.body
    if body.now is not None:
        check_reachable(body.now, "now")
    request.live.set_clock(now=body.now, mode=body.mode, rate=body.rate)
    return await get_clock(request)


async def advance_clock(request: Request) -> object:
    """POST /_mockchirp/clock/advance: answers when everything that fell due has happened, webhooks and their retries
    included.
    """
    live = request.live
    body: Advance = request.body
    limit = LONGEST_IDLE if body.limit is None else body.limit
    report = await advance(live, by=body.by, to=body.to, limit=limit)
    return {
        "from": format_milli(report.start),
        "to": format_milli(report.end),
        "events": [public_event(event) for event in live.sandbox.events.after(report.last_event)],
        "deliveries": [public_attempt(delivery, attempt) for delivery, attempt in report.attempts],
        "pending": live.pending,
    }
