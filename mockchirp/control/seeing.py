"""Seeing what happened (control-api.md, "Seeing and waiting")."""

from mockchirp.control.operation import Request, whole_number
from mockchirp.core.errors import InvalidRequest
from mockchirp.core.events import EVENTS, public_event


async def list_events(request: Request) -> object:
    """GET /_mockchirp/events?after=&type=&callId=: oldest first."""
    after = whole_number(request.query, "after", 0)
    type, call_id = request.query.get("type"), request.query.get("callId")
    if type is not None and type not in EVENTS:
        raise InvalidRequest(f"type: {type[:80]!r} is not an event; known are {', '.join(EVENTS)}", param="type")
    data = [
        public_event(event)
        for event in request.live.sandbox.events.after(after)
        if type in (None, event.type) and call_id in (None, event.call_id)
    ]
    return {"data": data, "totalCount": len(data)}
