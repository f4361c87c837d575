"""Seeing what happened (control-api.md, "Seeing and waiting")."""

from mockchirp.control.models import EventsQuery
from mockchirp.control.operation import Request
from mockchirp.control.paging import page
from mockchirp.core.events import Event, public_event
from mockchirp.core.instants import SECOND


async def list_events(request: Request) -> object:
    """GET /_mockchirp/events?after=&type=&callId=&limit=&offset=&wait=: oldest first. With ``wait``, not before there is one, or the
    time is up.
    """
    query: EventsQuery = request.query
    live = request.live
    seen = query.after

    def look() -> list[Event] | None:
        nonlocal seen
        log = live.sandbox.events
        found = [
            event
            for event in log.after(seen)
            if query.type in (None, event.type) and query.call_id in (None, event.call_id)
        ]
        seen = max(seen, log.last)
        return found or None

    found = await live.hold(look, query.wait / SECOND, request.hang_up) or []
    return page(found, query, public_event)
