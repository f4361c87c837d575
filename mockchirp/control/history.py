"""Everything that happened to one call, on one time axis (control-api.md, "The far end")."""

from collections.abc import Iterator

from mockchirp.core.calls import Call
from mockchirp.core.deliveries import Delivery, public_attempt
from mockchirp.core.events import public_event
from mockchirp.core.instants import format_milli
from mockchirp.core.journal import Exchange
from mockchirp.core.sandbox import Sandbox

Item = dict[str, object]
Place = tuple[int, int, int, int]
"""The instant, the number of the newest event at that moment, and what comes first otherwise: the event, then what
follows from it.
"""


def history(sandbox: Sandbox, call: Call) -> list[Item]:
    """The events, commands, requests and deliveries of a call, each where it belongs in time."""
    places: dict[tuple[str, int], int] = {}
    items: list[tuple[Place, Item]] = []
    for event in sandbox.events.after(0):
        if event.call_id == call.id:
            places[event.type, event.at] = event.number
            kind = "command" if event.type == "call.command" else "event"
            items.append(((event.at, event.number, 0, 0), {"kind": kind, **public_event(event)}))
    for order, delivery in enumerate(sandbox.deliveries):
        if delivery.call_id == call.id:
            after_event = places.get((delivery.event, delivery.created_at), 0)
            items += (((at, after, 1, order), item) for at, after, item in _attempts(delivery, after_event))
    ids = (call.id, *call.recording_ids)
    for exchange in sandbox.journal.after(0):
        if exchange.method not in ("GET", "HEAD") and _touches(exchange, call.id, ids):
            items.append(((exchange.at, exchange.after_event, 2, exchange.number), _request(exchange)))
    return [item for _, item in sorted(items, key=lambda pair: pair[0])]


def _attempts(delivery: Delivery, after_event: int) -> Iterator[tuple[int, int, Item]]:
    """Each attempt with its instant and the event that it follows; where none was made yet, that it is still to come."""
    more = {"kind": "delivery", "injected": delivery.injected}
    for attempt in delivery.attempts:
        yield attempt.at, attempt.after_event, {**more, **public_attempt(delivery, attempt)}
    number = len(delivery.attempts) + 1
    if delivery.sent is not None:
        yield delivery.sent.at, delivery.sent.after_event, {**more, **_unfinished(delivery, number, delivery.sent.at)}
    elif not delivery.attempts:
        yield delivery.created_at, after_event, {**more, **_unfinished(delivery, number, delivery.created_at)}


def _unfinished(delivery: Delivery, number: int, at: int) -> Item:
    return {
        "id": delivery.id,
        "event": delivery.event,
        "eventId": delivery.event_id,
        "callId": delivery.call_id,
        "url": delivery.url,
        "attempt": number,
        "at": format_milli(at),
        "outcome": delivery.status,
        "responseStatus": None,
        "error": None,
        "nextAttemptAt": None,
    }


def _touches(exchange: Exchange, call_id: str, ids: tuple[str, ...]) -> bool:
    if exchange.operation == "createCall":
        return call_id.encode() in exchange.answer
    return any(id in exchange.path for id in ids)


def _request(exchange: Exchange) -> Item:
    return {
        "kind": "request",
        "number": exchange.number,
        "at": format_milli(exchange.at),
        "operation": exchange.operation,
        "method": exchange.method,
        "path": exchange.path.encode(errors="replace").decode(),
        "status": exchange.status,
    }
