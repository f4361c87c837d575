"""The bodies of the control API's requests. They are strict: a typo in a test must not pass in silence."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    Field,
    RootModel,
    WithJsonSchema,
)

from mockchirp.clock import FASTEST, Mode
from mockchirp.core.calls import CallStatus, Channel, Direction
from mockchirp.core.deliveries import DeliveryStatus
from mockchirp.core.instants import SECOND
from mockchirp.core.scenarios import FarEndAction
from mockchirp.fields import FINEST, Body, Closed, Duration, FailsFast, Instant
from mockchirp.state.calling import CallingFields
from mockchirp.state.scenarios import Numbers
from mockchirp.state.scenarios import ScenarioBody as ScenarioBody
from mockchirp.state.values import EventName, WebhookEventName

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
                {"type": "number", "minimum": 0, "maximum": LONGEST_HELD // SECOND, "multipleOf": FINEST},
                {"type": "string", "pattern": r"^([0-5]?[0-9](\.[0-9]{1,3})?|60)s?$"},
            ]
        }
    ),
]
"""Milliseconds of real time, given like a duration."""


class Query(Closed):
    """What all query strings have in common: a parameter that is not known is an error."""

    noun: ClassVar[str] = "parameter"


class NoQuery(Query):
    """No parameters."""


USUAL_PAGE, LARGEST_PAGE = 1_000, 10_000
"""How many things a page of a list has unless told otherwise, and how many it may have."""


class PageQuery(Query):
    """At most ``limit`` of a list, without its first ``offset``."""

    limit: int = Field(USUAL_PAGE, ge=1, le=LARGEST_PAGE)
    offset: int = Field(0, ge=0, le=2**53 - 1)


class SetClock(Body):
    """PUT /_mockchirp/clock: whatever is left out stays."""

    advice: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("frozen", "freeze", "pause", "stop"), 'write {"mode": "frozen"}'),
        **dict.fromkeys(("real", "run", "start"), 'write {"mode": "real"}'),
        "speed": 'write {"rate": 60} to have a minute take a second',
        "time": 'write {"now": instant}',
        **dict.fromkeys(("by", "to", "until"), "POST /_mockchirp/clock/advance takes it"),
    }

    mode: Mode | None = None
    rate: float | None = Field(None, gt=0, le=FASTEST)
    now: Instant | None = None


class ReceiveCall(Body):
    """POST /_mockchirp/calls: addresses that are left out are made up."""

    from_address: str | None = Field(None, alias="from")
    to_address: str | None = Field(None, alias="to")
    from_channel: Channel = Field("pstn", alias="fromChannel")
    to_channel: Channel = Field("pstn", alias="toChannel")
    metadata: dict[str, Any] = Field(default_factory=dict)
    scenario: str | None = None


class CallsQuery(PageQuery):
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
    """PATCH /_mockchirp/sandbox: whatever is left out stays."""

    phone_numbers: list[str] = Field(default_factory=list, alias="phoneNumbers", max_length=1000)
    rate_limit: Literal["off", "enforce"] = Field("off", alias="rateLimit")
    calling: CallingFields = CallingFields()
    default_scenario: str = Field("", alias="defaultScenario")
    seed: int = Field(0, ge=-(2**63), lt=2**63)


Count = Annotated[int, Field(ge=0, le=2**53 - 1)]


class EventsQuery(PageQuery):
    """GET /_mockchirp/events: those after a number, of a type, of a call. ``wait`` holds the answer until there is one."""

    after: Count = 0
    type: EventName | None = None
    call_id: str | None = Field(None, alias="callId")
    wait: Held = 0


class DeliveriesQuery(PageQuery):
    """GET /_mockchirp/deliveries: later than another, of an event, of a call, in a status."""

    after: str | None = Field(None, pattern=r"^dlv_[1-9][0-9]{0,15}$")

    event: WebhookEventName | None = None
    call_id: str | None = Field(None, alias="callId")
    status: DeliveryStatus | None = None


WebhookUrl = Annotated[
    str, Field(json_schema_extra={"pattern": r"^https?://[A-Za-z0-9]+(\.[A-Za-z0-9]+)*(:[1-9][0-9]{0,3})?(/[!-~]*)?$"})
]
"""Checked where it is used."""


class Redeliver(Body):
    """POST /_mockchirp/deliveries/{deliveryId}/redeliver: to where the webhook points now, or to ``url``."""

    url: WebhookUrl | None = None


class NumberMap(FailsFast, RootModel[Numbers]):
    """PUT /_mockchirp/scenarios/numbers: scenario names by number or pattern."""


class DefaultScenario(Body):
    """PUT /_mockchirp/scenarios/default."""

    scenario: str
