"""Seeing what happened (control-api.md, "Seeing and waiting")."""

from mockchirp.control.models import EventsQuery
from mockchirp.control.operation import Request
from mockchirp.core.events import public_event
from mockchirp.core.instants import SECOND


async def list_events(request: Request) -> object:
    """GET /_mockchirp/events?after=&type=&callId=&wait=: oldest first. With ``wait``, not before there is one, or the
    time is up.
    """
    query: EventsQuery = request.query
    live = request.live
    seen = query.after

    def look() -> list[dict[str, object]] | None:
        nonlocal seen
        log = live.sandbox.events
        data = [
            public_event(event)
            for event in log.after(seen)
            if query.type in (None, event.type) and query.call_id in (None, event.call_id)
        ]
        seen = max(seen, log.last)
        return data or None

    data = await live.hold(look, query.wait / SECOND, request.hang_up) or []
    return {"data": data, "totalCount": len(data)}
