"""Seeing what happened (control-api.md, "Seeing and waiting")."""

from mockchirp.control.models import EventsQuery
from mockchirp.control.operation import Request
from mockchirp.control.paging import page
from mockchirp.core.events import Event, public_event
from mockchirp.core.instants import SECOND
from mockchirp.news import EVENT
from mockchirp.waits import Sought


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
        found = log.of(query.type, query.call_id, seen)
        seen = max(seen, log.last)
        return found or None

    found = look()
    if found is None and query.wait:
        key = ("events", query.type, query.call_id, seen)  # everybody has seen what there is, and some expect more
        sought = Sought(look, [query.call_id or query.type or EVENT], key)
        found = await live.hold(live.waits.equal(sought), query.wait / SECOND, request.hang_up)
    return page(found or [], query, public_event)
