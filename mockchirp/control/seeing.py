"""Seeing what happened (control-api.md, "Seeing and waiting")."""

from mockchirp.control.models import EventsQuery
from mockchirp.control.operation import Request
from mockchirp.core.events import public_event


async def list_events(request: Request) -> object:
    """GET /_mockchirp/events?after=&type=&callId=: oldest first."""
    query: EventsQuery = request.query
    data = [
        public_event(event)
        for event in request.live.sandbox.events.after(query.after)
        if query.type in (None, event.type) and query.call_id in (None, event.call_id)
    ]
    return {"data": data, "totalCount": len(data)}
