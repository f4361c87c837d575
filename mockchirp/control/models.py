"""The bodies of the control API's requests. They are strict: a typo in a test must not pass in silence."""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    RootModel,
    WithJsonSchema,
    model_validator,
)

from mockchirp.clock import FASTEST, Mode
from mockchirp.core.calls import CallStatus, Channel, Direction
from mockchirp.core.deliveries import DeliveryStatus
from mockchirp.core.events import EVENTS
from mockchirp.core.instants import SECOND, parse_duration, parse_instant
from mockchirp.core.scenarios import FarEndAction, RecordingOutcome
from mockchirp.core.webhooks import webhook_events


def _duration(value: object) -> int:
    if isinstance(value, (int, float, str)):
        return parse_duration(value)
    raise ValueError("a duration is a number of seconds, or a string such as 90s, 5m, 1h30m, 2d")


def _instant(value: object) -> int:
    if isinstance(value, str):
        return parse_instant(value)
    raise ValueError("an instant is an ISO 8601 string with an offset, such as 2026-01-15T10:30:00Z")


Duration = Annotated[int, BeforeValidator(_duration, json_schema_input_type=float | str)]
"""Milliseconds, given as a number of seconds or a string such as ``1h30m``."""
Instant = Annotated[int, BeforeValidator(_instant, json_schema_input_type=str)]
"""Milliseconds since the Unix epoch, given in ISO 8601."""

LONGEST_HELD = 60 * SECOND
"""How long a request may hold its answer."""


def _held(value: int) -> int:
    if value > LONGEST_HELD:
        raise ValueError(f"a request can wait for at most {LONGEST_HELD // SECOND} s")
    return value


Held = Annotated[
    Duration,
    AfterValidator(_held),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": LONGEST_HELD // SECOND},
                {"type": "string", "pattern": r"^([0-5]?[0-9](\.[0-9]+)?|60)s?$"},
            ]
        }
    ),
]
"""Milliseconds of real time, given like a duration."""


class Body(BaseModel):
    """What all bodies have in common."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Query(BaseModel):
    """What all query strings have in common: a parameter that is not known is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoQuery(Query):
    """No parameters."""


class SetClock(Body):
    """PUT /_mockchirp/clock: whatever is left out stays."""

    mode: Mode | None = None
    rate: float | None = Field(None, gt=0, le=FASTEST)
    now: Instant | None = None


class Advance(Body):
    """POST /_mockchirp/clock/advance: by a duration, to an instant, or until nothing is pending (at most ``limit``)."""

    by: Duration | None = None
    to: Instant | None = None
    until: Literal["idle"] | None = None
    limit: Duration | None = None

    @model_validator(mode="after")
    def _one_target(self) -> "Advance":
        if sum(target is not None for target in (self.by, self.to, self.until)) != 1:
            raise ValueError('say how far, in one way: {"by": "1h"}, {"to": instant} or {"until": "idle"}')
        if self.limit is not None and self.until is None:
            raise ValueError('limit goes with {"until": "idle"}')
        return self


class ReceiveCall(Body):
    """POST /_mockchirp/calls: addresses that are left out are made up."""

    from_address: str | None = Field(None, alias="from")
    to_address: str | None = Field(None, alias="to")
    from_channel: Channel = Field("pstn", alias="fromChannel")
    to_channel: Channel = Field("pstn", alias="toChannel")
    metadata: dict[str, Any] = Field(default_factory=dict)
    scenario: str | None = None


class CallsQuery(Query):
    """GET /_mockchirp/calls."""

    status: CallStatus | None = None
    direction: Direction | None = None


class FarEnd(Body):
    """POST /_mockchirp/calls/{callId}/far-end."""

    action: FarEndAction


class Outcome(Body):
    """POST /_mockchirp/recordings/{recordingId}/outcome."""

    status: Literal["completed", "failed"]


class SetSandbox(Body):
    """PATCH /_mockchirp/sandbox."""

    phone_numbers: list[str] = Field(default_factory=list, alias="phoneNumbers", max_length=1000)
    rate_limit: Literal["off", "enforce"] = Field("off", alias="rateLimit")


def _event_type(value: str) -> str:
    if value not in EVENTS:
        raise ValueError(f"{value[:80]!r} is not an event; known are {', '.join(EVENTS)}")
    return value


def _webhook_event(value: str) -> str:
    if value not in webhook_events(strict=False):
        raise ValueError(f"{value[:80]!r} is no event of webhooks; they are {', '.join(webhook_events(strict=False))}")
    return value


WebhookEventName = Annotated[
    str, AfterValidator(_webhook_event), Field(json_schema_extra={"enum": list(webhook_events(strict=False))})
]
EventName = Annotated[str, AfterValidator(_event_type), Field(json_schema_extra={"enum": list(EVENTS)})]
Count = Annotated[int, Field(ge=0, le=2**53 - 1)]


class EventsQuery(Query):
    """GET /_mockchirp/events: those after a number, of a type, of a call. ``wait`` holds the answer until there is one."""

    after: Count = 0
    type: EventName | None = None
    call_id: str | None = Field(None, alias="callId")
    wait: Held = 0


class DeliveriesQuery(Query):
    """GET /_mockchirp/deliveries: of an event, of a call, in a status."""

    event: WebhookEventName | None = None
    call_id: str | None = Field(None, alias="callId")
    status: DeliveryStatus | None = None


class Redeliver(Body):
    """POST /_mockchirp/deliveries/{deliveryId}/redeliver: to where the webhook points now, or to ``url``."""

    url: str | None = None


class StepBody(Body):
    """One step of a scenario: ``do`` happens ``after`` the trigger."""

    after: Duration
    do: FarEndAction


Steps = Annotated[list[StepBody], Field(max_length=100)]


class ScenarioBody(Body):
    """PUT /_mockchirp/scenarios/{name}: a whole scenario; nothing is kept of the one before."""

    what: str = Field("", max_length=500)
    created: Steps = Field(default_factory=list)
    answered: Steps = Field(default_factory=list)
    voicemail: Steps = Field(default_factory=list)
    recording: RecordingOutcome = "completed"
    carrier_down: bool = Field(False, alias="carrierDown")
    patience: Duration | None = None
    message_length: Duration | None = Field(None, alias="messageLength")
    processing_time: Duration | None = Field(None, alias="processingTime")


class NumberMap(RootModel[dict[str, str]]):
    """PUT /_mockchirp/scenarios/numbers: scenario names by number or pattern."""


class DefaultScenario(Body):
    """PUT /_mockchirp/scenarios/default."""

    scenario: str
