"""Webhook deliveries (chirp-api.md section 6, "Delivery").

A delivery is one event for one webhook. Its body is made once, when the event happens; each try to send it is an
:class:`Attempt`, an immutable record. The core decides *that* something is to be sent (:class:`Dispatch`) and what
follows from the :class:`Outcome`; sending is left to others. :mod:`~mockchirp.core.ledger` holds all of them.
"""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from mockchirp.core.instants import format_milli

DeliveryStatus = Literal["pending", "delivered", "exhausted", "abandoned", "dropped"]
"""``dropped`` is the work of a fault (:mod:`mockchirp.core.faults`): never sent, and never will be."""


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One attempt that is due now: a POST of ``body`` to ``url``."""

    delivery_id: str
    attempt: int
    """Counts from 1."""
    url: str
    headers: tuple[tuple[str, str], ...]
    """All headers of the request, the webhook's own among them; not ``Host`` and ``Content-Length``."""
    body: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt. Only an answer of 200 within the time-out is a success."""

    status: int | None
    """The HTTP status, or None where no answer came."""
    error: str | None
    """In words, for a person: why it is a failure; None for a success."""
    body: bytes = b""
    """The first 4 KiB of the answer's body."""
    elapsed: float = 0.0
    """Real seconds from the start of the attempt to its end."""

    @property
    def succeeded(self) -> bool:
        return self.status == 200 and self.error is None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One line of the ledger."""

    number: int
    at: int
    """Instant of the sandbox's clock at which it was sent."""
    url: str
    outcome: Outcome
    next_attempt_at: int | None
    """Instant of the retry that follows, or None if none does."""
    after_event: int = 0
    """The number of the newest event when it was sent: its place in the history."""


class Sent(NamedTuple):
    """An attempt that is under way: when it was sent, where to, and the number of the newest event at that moment."""

    at: int
    url: str
    after_event: int
    number: int
    """Counts the attempts of a sandbox."""
    alone: bool = False
    """Whether somebody asked for it by hand, so that it waits for no other of its call."""


@dataclass(slots=True)
class Delivery:
    """One event on its way to one webhook."""

    id: str
    webhook_id: str
    event: str
    event_id: str
    call_id: str
    body: bytes
    created_at: int
    order: int
    """Its place in the timeline's order, so that retries at one instant go out in the order of the events."""
    status: DeliveryStatus = "pending"
    attempts: list[Attempt] = field(default_factory=list)
    sent: Sent | None = None
    """The attempt that is due now or under way, None if none is."""
    url: str = ""
    """Where the latest attempt went."""
    headers: tuple[tuple[str, str], ...] = ()
    """The headers of the latest attempt."""
    redelivery_of: str | None = None
    """The delivery that this one repeats, once and without retries, because a user asked for it."""
    injected: tuple[str, ...] = ()
    """What faults did to it, in words such as "duplicate of dlv_3 by flt_1" or "delayed 5s by flt_2"."""
    held_by: str | None = None
    """The fault that holds it back."""
    behind: int = 0
    """How many later deliveries to the same webhook have still to go first; 0 if it is not held back."""


MOST_PENDING = 4
"""As many times the number that is kept may wait, for their next attempt or for a place; then the oldest are abandoned."""


def number_of(delivery_id: str) -> int:
    """The number in the id of a delivery, by which they are ordered."""
    return int(delivery_id.removeprefix("dlv_"))


def public_attempt(delivery: Delivery, attempt: Attempt) -> dict[str, object]:
    """One attempt as the report of an advance shows it: the same for the same history, so without real durations."""
    return {
        "id": delivery.id,
        "event": delivery.event,
        "eventId": delivery.event_id,
        "callId": delivery.call_id,
        "url": attempt.url,
        "attempt": attempt.number,
        "at": format_milli(attempt.at),
        "outcome": "delivered" if attempt.outcome.succeeded else "failed",
        "responseStatus": attempt.outcome.status,
        "error": attempt.outcome.error,
        "nextAttemptAt": None if attempt.next_attempt_at is None else format_milli(attempt.next_attempt_at),
    }
