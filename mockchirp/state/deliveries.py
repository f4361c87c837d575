"""From the webhooks, deliveries and events of a document to those of a sandbox."""

import base64
from collections.abc import Mapping

from mockchirp.core.deliveries import Attempt, Delivery, Outcome, Sent
from mockchirp.core.events import Event
from mockchirp.core.headers import read_headers
from mockchirp.core.instants import format_milli
from mockchirp.core.sandbox import Sandbox
from mockchirp.core.webhooks import WEBHOOK_EVENTS, Webhook, check_events, check_headers, check_url
from mockchirp.state.document import AttemptPart, DeliveryPart, EventPart, WebhookPart
from mockchirp.state.errors import BadState, within


def add_webhooks(sandbox: Sandbox, parts: list[WebhookPart]) -> None:
    """Put the webhooks of a document in place of those that the sandbox has; raise :class:`BadState` if one can't be."""
    strict, now = sandbox.policy.strict, sandbox.now
    webhooks = sandbox.notifier.webhooks
    webhooks.clear()
    if len(parts) > sandbox.policy.max_webhooks:
        raise BadState(("webhooks",), f"there are {len(parts)}, and max_webhooks allows {sandbox.policy.max_webhooks}")
    for place, part in enumerate(parts):
        with within("webhooks", place):
            sandbox.ids.take(part.id)
    for place, part in enumerate(parts):
        with within("webhooks", place):
            check_url(part.url, strict=strict and part.url != sandbox.policy.webhook_url)
            events = WEBHOOK_EVENTS if part.events is None else part.events
            check_events(events)
            check_headers(part.headers)
            created = now if part.created_at is None else part.created_at.at(now, "createdAt")
            updated = created if part.updated_at is None else part.updated_at.at(now, "updatedAt")
            _check_times(created=created, updated=updated, now=now)
            id = part.id or sandbox.ids.new("webhook", created)
            webhooks[id] = Webhook(id, part.url, tuple(events), dict(part.headers), created, updated)


def read_deliveries(sandbox: Sandbox, parts: list[DeliveryPart]) -> list[Delivery]:
    """The deliveries of a document; raise :class:`BadState` if one can't be. The webhooks are there already."""
    found: dict[str, Delivery] = {}
    orders: set[int] = set()
    for place, part in enumerate(parts):
        with within("deliveries", place):
            if part.id in found:
                raise BadState(("id",), f"{part.id} is there twice")
            if part.order in orders:
                raise BadState(("order",), f"{part.order} is there twice")
            found[part.id] = _delivery(sandbox, part, _body(part, found))
            orders.add(part.order)
    return list(found.values())


def _body(part: DeliveryPart, above: Mapping[str, Delivery]) -> bytes:
    if (part.body is None) == (part.body_of is None):
        raise BadState(("body",), "is required, or bodyOf" if part.body is None else "it can't go with bodyOf")
    if part.body is not None:
        return part.body.encode()
    same = above.get(part.body_of or "")
    if same is None:
        raise BadState(("bodyOf",), f"{part.body_of} is none of the deliveries above this one")
    return same.body


def _delivery(sandbox: Sandbox, part: DeliveryPart, body: bytes) -> Delivery:
    now = sandbox.now
    webhook = sandbox.notifier.webhooks.get(part.webhook_id)
    url, headers = part.url, dict(part.headers)
    if webhook is not None and part.under_way is not None:
        url = url or webhook.url
        headers = headers or {"Content-Type": "application/json", **webhook.headers}
    if url:
        check_url(url, strict=False)
    try:
        read_headers(pair for pair in headers.items() if pair != ("Content-Type", "application/json"))
    except ValueError as error:
        raise BadState(("headers",), str(error)) from None
    created = part.created_at.at(now, "createdAt")
    if created > now:
        raise BadState(("createdAt",), f"{format_milli(created)} is still to come: it is {format_milli(now)}")
    if part.under_way is not None and (part.status != "pending" or not url):
        raise BadState(("underWay",), f"a delivery that is {part.status} to {url or 'nowhere'} is not under way")
    if (part.held_by is None) != (part.behind == 0):
        raise BadState(("behind",), "heldBy and behind go together")
    if part.held_by is not None and (
        webhook is None or part.status != "pending" or part.attempts or part.under_way is not None
    ):
        raise BadState(("heldBy",), "only a delivery whose webhook is there and that was never tried is held back")
    return Delivery(
        id=part.id,
        webhook_id=part.webhook_id,
        event=part.event,
        event_id=part.event_id,
        call_id=part.call_id,
        body=body,
        created_at=created,
        order=part.order,
        status=part.status,
        attempts=_attempts(part.attempts, now),
        sent=None if part.under_way is None else Sent(now, url, 0, part.under_way),
        url=url,
        headers=tuple(headers.items()),
        redelivery_of=part.redelivery_of,
        injected=tuple(part.injected),
        held_by=part.held_by,
        behind=part.behind,
    )


def _attempts(parts: list[AttemptPart], now: int) -> list[Attempt]:
    attempts = []
    for place, part in enumerate(parts):
        with within("attempts", place):
            if part.number != place + 1:
                raise BadState(("number",), f"they count from 1: this must be {place + 1}")
            body = part.body.encode()
            if part.body_base64 is not None:
                try:
                    body = base64.b64decode(part.body_base64, validate=True)
                except ValueError:
                    raise BadState(("bodyBase64",), "is not base64") from None
            outcome = Outcome(part.status, part.error, body, part.elapsed)
            next_at = None if part.next_attempt_at is None else part.next_attempt_at.at(now, "nextAttemptAt")
            attempts.append(Attempt(part.number, part.at.at(now, "at"), part.url, outcome, next_at, part.after_event))
    return attempts


def read_events(sandbox: Sandbox, parts: list[EventPart]) -> list[Event]:
    """The events of a document; raise :class:`BadState` unless they are numbered without a gap, in order and past."""
    now = sandbox.now
    events: list[Event] = []
    latest, number = 0, 0
    for place, part in enumerate(parts):
        with within("events", place):
            at = part.at.at(now, "at")
        if place and part.number != number + 1:
            raise BadState(
                ("events", place, "number"), f"{part.number} follows {number}: they are numbered without a gap"
            )
        if not latest <= at <= now:
            reason = f"{format_milli(at)} is before the event above it" if at < latest else "is still to come"
            raise BadState(("events", place, "at"), reason)
        latest, number = at, part.number
        events.append(Event(number, at, part.type, part.call_id, part.recording_id, part.data))
    return events


def _check_times(*, created: int, updated: int, now: int) -> None:
    if not created <= updated <= now:
        name = "createdAt" if created > now else "updatedAt"
        raise BadState((name,), "createdAt, updatedAt and now must follow each other")
