"""The webhook deliveries (control-api.md, "Seeing and waiting"): what was sent, what came of it, and sending it again."""

from functools import partial

from mockchirp.control.journal import show_body
from mockchirp.control.models import DeliveriesQuery, Redeliver
from mockchirp.control.operation import Request
from mockchirp.control.paging import page
from mockchirp.core.deliveries import Attempt, Delivery, number_of
from mockchirp.core.instants import format_milli
from mockchirp.core.sandbox import Sandbox


async def list_deliveries(request: Request) -> object:
    """GET /_mockchirp/deliveries?event=&callId=&status=&after=&limit=&offset=: oldest first."""
    query: DeliveriesQuery = request.query
    sandbox = request.live.sandbox
    after = 0 if query.after is None else number_of(query.after)
    matching = (
        delivery
        for delivery in sandbox.deliveries
        if query.event in (None, delivery.event)
        and query.call_id in (None, delivery.call_id)
        and query.status in (None, delivery.status)
        and (not after or number_of(delivery.id) > after)
    )
    return page(matching, query, partial(show_delivery, sandbox))


async def get_delivery(request: Request) -> object:
    """GET /_mockchirp/deliveries/{deliveryId}."""
    sandbox = request.live.sandbox
    return show_delivery(sandbox, sandbox.notifier.delivery(request.path["deliveryId"]))


async def redeliver(request: Request) -> object:
    """POST /_mockchirp/deliveries/{deliveryId}/redeliver: the same body and eventId once more, right after the answer. A
    pending delivery is tried now instead of at its next instant; any other is repeated by another delivery.
    """
    body: Redeliver = request.body
    sandbox = request.live.sandbox
    return show_delivery(sandbox, sandbox.notifier.redeliver(request.path["deliveryId"], body.url))


def show_delivery(sandbox: Sandbox, delivery: Delivery) -> dict[str, object]:
    """A delivery with each of its attempts."""
    upcoming = sandbox.timeline.of(delivery.id)
    return {
        "id": delivery.id,
        "webhookId": delivery.webhook_id,
        "event": delivery.event,
        "eventId": delivery.event_id,
        "callId": delivery.call_id,
        "status": delivery.status,
        "createdAt": format_milli(delivery.created_at),
        "nextAttemptAt": format_milli(upcoming[0].at) if upcoming else None,
        "underWay": delivery.sent is not None,
        "injected": delivery.injected,
        "redeliveryOf": delivery.redelivery_of,
        "url": delivery.url or None,
        "headers": dict(delivery.headers),
        "body": show_body(delivery.body),
        "attempts": [_attempt(attempt) for attempt in delivery.attempts],
    }


def _attempt(attempt: Attempt) -> dict[str, object]:
    outcome = attempt.outcome
    return {
        "attempt": attempt.number,
        "at": format_milli(attempt.at),
        "url": attempt.url,
        "durationMs": round(outcome.elapsed * 1000, 3),
        "outcome": "delivered" if outcome.succeeded else "failed",
        "responseStatus": outcome.status,
        "responseBody": outcome.body.decode(errors="replace"),
        "error": outcome.error,
        "nextAttemptAt": None if attempt.next_attempt_at is None else format_milli(attempt.next_attempt_at),
    }
