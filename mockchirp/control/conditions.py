"""What can be waited for (control-api.md, "Seeing and waiting"): the body of POST /_mockchirp/wait."""

from collections.abc import Mapping
from itertools import islice
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, WrapValidator

from mockchirp.control.models import Held
from mockchirp.core.calls import CallStatus
from mockchirp.core.ids import PATTERNS
from mockchirp.core.instants import SECOND
from mockchirp.core.recordings import RecordingStatus
from mockchirp.core.suggestions import did_you_mean
from mockchirp.fields import Body
from mockchirp.findings import shown
from mockchirp.state.values import EventName, WebhookEventName

CallId = Annotated[str, Field(json_schema_extra={"pattern": f"^{PATTERNS['call'].pattern}$"})]
RecordingId = Annotated[str, Field(json_schema_extra={"pattern": f"^{PATTERNS['recording'].pattern}$"})]
Times = Annotated[int, Field(ge=1, le=100_000)]


class CallCondition(Body):
    """A call is in a status, or comes into it while you wait."""

    call: CallId
    status: CallStatus


class RecordingCondition(Body):
    """A recording is in a status, or comes into it while you wait."""

    recording: RecordingId
    status: RecordingStatus


class EventCondition(Body):
    """An event has happened, ``count`` times, since the sandbox began."""

    advice: ClassVar[Mapping[str, str]] = {
        "status": 'an event has none; of a delivery write {"delivery": {"event": name, "status": "delivered"}}'
    }

    event: EventName
    call_id: CallId | None = Field(None, alias="callId")
    count: Times = 1


class DeliverySought(Body):
    """A webhook delivery that has come to its end, well or not."""

    event: WebhookEventName | None = None
    call_id: CallId | None = Field(None, alias="callId")
    status: Literal["delivered", "exhausted"]


class DeliveryCondition(Body):
    """A delivery has come to its end."""

    advice: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("event", "callId", "status"), 'it belongs into delivery: {"delivery": {"event": name, "status": "delivered"}}'
    )

    delivery: DeliverySought


class RequestSought(Body):
    """A request to Chirp's API: one of its operations, a path (one that ends in `*` is the beginning of one)."""

    operation: str | None = None
    path: str | None = None


class RequestCondition(Body):
    """A request has come and been answered, ``count`` times, since the journal began."""

    advice: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("operation", "path"), 'it belongs into request: {"request": {"operation": "createCall"}}'
    )

    request: RequestSought
    count: Times = 1


class IdleCondition(Body):
    """Nothing is pending: nothing scheduled, no delivery under way."""

    idle: Literal[True]


AnyCondition = (
    CallCondition | RecordingCondition | EventCondition | DeliveryCondition | RequestCondition | IdleCondition
)
KINDS: dict[str, type[Body]] = {
    "call": CallCondition,
    "recording": RecordingCondition,
    "event": EventCondition,
    "delivery": DeliveryCondition,
    "request": RequestCondition,
    "idle": IdleCondition,
}
"""The kinds of conditions, each by the field that only it has."""

MOST_LOOKED_AT = 20
"""Fields of what is no condition that are compared with the kinds: each takes 30 microseconds."""


def read_condition(value: Any) -> Body:
    """``value`` as the one condition that its fields can mean, so that an error names the field that is wrong in it."""
    known = ", ".join(KINDS)
    if not isinstance(value, dict):
        example = 'such as {"idle": true} or {"call": id, "status": "completed"}'
        raise ValueError(f"a condition is an object with one of {known}, {example}; it is {shown(value)}")
    found = [
        name for name in ("delivery", "request", *KINDS) if name in value
    ]  # "event" may stand beside these two by mistake
    if found:
        return KINDS[found[0]].model_validate(value)
    if value.keys() & {"for", "until"}:
        raise ValueError(f"a condition stands here itself, not in another for or until: an object with one of {known}")
    near = "".join(did_you_mean(name, KINDS) for name in islice(value, MOST_LOOKED_AT))
    raise ValueError(f"a condition is an object with one of {known}{near[:200]}")


Condition = Annotated[AnyCondition, WrapValidator(lambda value, _: read_condition(value))]
TIMEOUT = 4 * SECOND
"""How long a wait lasts unless told otherwise: less than the 5 s after which many HTTP clients give up, so that the explanation
arrives.
"""


class Wait(Body):
    """POST /_mockchirp/wait. ``timeout`` is real time, 4 s unless given."""

    advice: ClassVar[Mapping[str, str]] = dict.fromkeys(
        (*KINDS, "status", "callId", "count"),
        'it belongs into for: {"for": {"event": "calls.answered"}, "timeout": "5s"}',
    )

    condition: Condition = Field(alias="for")
    timeout: Held = Field(default_factory=lambda: TIMEOUT)
