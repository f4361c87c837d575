"""Webhooks: endpoints of the user's application, and the events that they may be told of (chirp-api.md section 6)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mockchirp.core.errors import InvalidRequest
from mockchirp.core.events import EVENTS
from mockchirp.core.headers import read_headers
from mockchirp.core.instants import format_second
from mockchirp.core.suggestions import choices
from mockchirp.core.urls import check_http_url

OTHER_PRODUCTS = (
    *("messages", "templates", "contacts", "groups", "phone_numbers", "whatsapp"),
    *("partner", "partners", "payment", "payments"),
)
"""The first parts of the names of events of Chirp's other products [assumed: the concepts page names the products]."""
_OF_OTHERS = re.compile(rf"(?:{'|'.join(OTHER_PRODUCTS)})(?:\.[a-z0-9_]+)+")
MOST_EVENTS = 100


@dataclass(slots=True)
class Webhook:
    """One endpoint; ``events`` are the names that it is told of, ``headers`` are added to every request to it."""

    id: str
    url: str
    events: tuple[str, ...]
    headers: dict[str, str]
    created_at: int
    updated_at: int


def public_webhook(webhook: Webhook, app_id: str) -> dict[str, object]:
    """The seven fields of the REST webhook, all always present."""
    return {
        "id": webhook.id,
        "appId": app_id,
        "url": webhook.url,
        "events": webhook.events,
        "headers": webhook.headers,
        "createdAt": format_second(webhook.created_at),
        "updatedAt": format_second(webhook.updated_at),
    }


WEBHOOK_EVENTS = tuple(row.name for row in EVENTS.values() if row.webhook)
"""The calling events, of which a webhook can be told."""


def is_known_event(name: str) -> bool:
    """Whether a webhook may name this event: a calling event, or one of another Chirp product, which never fires here."""
    return name in WEBHOOK_EVENTS or _OF_OTHERS.fullmatch(name) is not None


def check_url(url: str, *, strict: bool) -> None:
    """Raise :class:`InvalidRequest` if ``url`` can't be a webhook's: an https URL, or http too unless ``strict``."""
    try:
        scheme = check_http_url(url)
    except ValueError as error:
        raise InvalidRequest(f"url: {error}", param="url") from None
    if strict and scheme != "https":
        raise InvalidRequest(
            f"url: Chirp accepts https only, and so does mockchirp under --strict: {url[:80]!r}", param="url"
        )


def check_events(events: Sequence[str]) -> None:
    """Raise :class:`InvalidRequest`, naming the element, on a name that is not an event of Chirp."""
    if len(events) > MOST_EVENTS:
        raise InvalidRequest(f"events: at most {MOST_EVENTS} names are taken", param="events")
    for place, name in enumerate(events):
        if not is_known_event(name):
            known = choices(name, WEBHOOK_EVENTS, "calling events are")
            raise InvalidRequest(f"events[{place}]: {name[:80]!r} is not an event{known}", param=f"events[{place}]")


def check_headers(headers: Mapping[str, str]) -> None:
    """Raise :class:`InvalidRequest` on headers that can't be sent, or that would break the framing of the request."""
    try:
        read_headers(headers.items())
    except ValueError as error:
        raise InvalidRequest(f"headers: {error}", param="headers") from None
