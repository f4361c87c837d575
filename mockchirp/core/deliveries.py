"""The ledger of webhook deliveries (chirp-api.md section 6, "Delivery").

A delivery is one event for one webhook. Its body is made once, when the event happens; each try to send it is an
:class:`Attempt`, an immutable record. The core decides *that* something is to be sent (:class:`Dispatch`) and what follows from
the :class:`Outcome`; sending is left to others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

DeliveryStatus = Literal["pending", "delivered", "exhausted", "abandoned"]


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
    outcome: Outcome
    next_attempt_at: int | None
    """Instant of the retry that follows, or None if none does."""


@dataclass(slots=True)
class Delivery:
    """One event on its way to one webhook."""

    id: str
    webhook_id: str
    url: str
    headers: tuple[tuple[str, str], ...]
    event: str
    event_id: str
    call_id: str
    body: bytes
    created_at: int
    order: int
    """Its place in the timeline's order, so that retries at one instant go out in the order of the events."""
    status: DeliveryStatus = "pending"
    attempts: list[Attempt] = field(default_factory=list)
    in_flight: int | None = None
    """Instant at which the attempt that is under way was sent."""


def wait_after(attempt: int, schedule: Sequence[int]) -> int | None:
    """The wait (ms) between failed attempt number ``attempt`` and the next, or None when the schedule is exhausted."""
    return schedule[attempt - 1] if attempt <= len(schedule) else None
