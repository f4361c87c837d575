"""What can be waited for (control-api.md, "Seeing and waiting"): the body of POST /_mockchirp/wait."""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidatorFunctionWrapHandler, WrapValidator

from mockchirp.control.models import EventName, Held, WebhookEventName
from mockchirp.core.calls import CallStatus
from mockchirp.core.ids import PATTERNS
from mockchirp.core.instants import SECOND
from mockchirp.core.recordings import RecordingStatus
from mockchirp.fields import Body

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

    delivery: DeliverySought


class RequestSought(Body):
    """A request to Chirp's API: one of its operations, a path (one that ends in `*` is the beginning of one)."""

    operation: str | None = None
    path: str | None = None


class RequestCondition(Body):
    """A request has come and been answered, ``count`` times, since the journal began."""

    request: RequestSought
    count: Times = 1


class IdleCondition(Body):
    """Nothing is pending: nothing scheduled, no delivery under way."""

    idle: Literal[True]


AnyCondition = (
    CallCondition | RecordingCondition | EventCondition | DeliveryCondition | RequestCondition | IdleCondition
)
_BY_FIELD: dict[str, type[Body]] = {
    "call": CallCondition,
    "recording": RecordingCondition,
    "event": EventCondition,
    "delivery": DeliveryCondition,
    "request": RequestCondition,
    "idle": IdleCondition,
}


def _condition(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """``value`` as the one condition that its fields can mean, so that an error names the field that is wrong in it."""
    found = [name for name in _BY_FIELD if name in value] if isinstance(value, dict) else []
    if not found:
        raise ValueError(f"a condition is an object with one of {', '.join(_BY_FIELD)}")
    return _BY_FIELD[found[0]].model_validate(value)


class Wait(Body):
    """POST /_mockchirp/wait. ``timeout`` is real time, 5 s unless given."""

    condition: Annotated[AnyCondition, WrapValidator(_condition)] = Field(alias="for")
    timeout: Held = Field(default_factory=lambda: 5 * SECOND)
