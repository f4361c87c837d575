"""Faults as they are written: in the control API and in documents of state."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

from mockchirp.core.faults import Abort, Target
from mockchirp.core.instants import LONGEST, SECOND
from mockchirp.fields import FINEST, Body, Duration
from mockchirp.state.values import CallId, Code, Number, WebhookEventName

MOST_COPIES = 100
"""How many duplicates of a delivery one fault may make, and behind how many it may hold one back."""
LONGEST_MESSAGE = 1_000


def durations(longest: int, pattern: str) -> dict[str, Any]:
    """The schema of a duration above 0 and at most ``longest`` seconds, or a text of ``pattern``."""
    numbers = {"type": "number", "minimum": FINEST, "maximum": longest, "multipleOf": FINEST}
    return {"anyOf": [numbers, {"type": "string", "pattern": pattern}]}


def above_zero(value: int) -> int:
    """A duration that is one; raise ``ValueError`` at 0."""
    if value == 0:
        raise ValueError("must be a duration above 0")
    return value


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value  # to JSON, 2.0 is a whole number


AboveZero = Annotated[
    Duration,
    AfterValidator(above_zero),
    WithJsonSchema(durations(LONGEST // SECOND, r"^([1-9][0-9]{0,3}(ms|s|m|h|d)){1,3}$")),
]
"""A duration above 0, in milliseconds."""
Many = Annotated[int, Field(ge=1, le=MOST_COPIES), BeforeValidator(_whole)]


class FaultFields(Body, alias_generator=to_camel, defer_build=True):
    """What a fault applies to, what it does, and how often; :func:`mockchirp.core.faults.check_fault` says what goes together."""

    target: Target = "api"
    operation: str | None = None
    event: WebhookEventName | None = None
    call_id: CallId | None = None

    status: Annotated[int, Field(ge=400, le=599), BeforeValidator(_whole)] | None = None
    code: Code | None = None
    message: str | None = Field(None, min_length=1, max_length=LONGEST_MESSAGE)
    delay: AboveZero | None = None
    abort: Abort | None = None
    duplicate: Many | None = None
    drop: Literal[True] | None = None
    reorder: Many | None = None

    times: Annotated[Number, BeforeValidator(_whole)] | None = None
    probability: float = Field(1.0, ge=0, le=1)

    @property
    def asked(self) -> dict[str, Any]:
        """The fields that are given, by the names that :class:`mockchirp.core.faults.Fault` has for them."""
        given = {name: getattr(self, name) for name in FaultFields.model_fields}
        return {name: value for name, value in given.items() if value is not None}
