"""Faults (control-api.md, "Faults"): what goes wrong on purpose, with requests to Chirp's API or with webhooks."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema

from mockchirp.control.journal import check_operation, list_operations
from mockchirp.control.models import WebhookEventName
from mockchirp.control.operation import Request
from mockchirp.core.errors import InvalidRequest
from mockchirp.core.faults import CODES, Abort, Fault, Target, public_fault
from mockchirp.core.ids import PATTERNS
from mockchirp.core.instants import LONGEST, SECOND, format_duration
from mockchirp.core.suggestions import choices
from mockchirp.fields import FINEST, Body, Duration

MOST_COPIES = 100
"""How many duplicates of a delivery one fault may make, and behind how many it may hold one back."""
LONGEST_MESSAGE = 1_000
_OF_REQUESTS = ("operation", "status", "code", "message", "abort")
_OF_WEBHOOKS = ("event", "duplicate", "drop", "reorder")


def _code(value: str) -> str:
    if value not in CODES:
        raise ValueError(
            f"{value[:80]!r} is not a code that Chirp documents for calling{choices(value, CODES, 'those are')}"
        )
    return value


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value  # to JSON, 2.0 is a whole number


def _durations(longest: int, pattern: str) -> dict[str, Any]:
    numbers = {"type": "number", "minimum": FINEST, "maximum": longest, "multipleOf": FINEST}
    return {"anyOf": [numbers, {"type": "string", "pattern": pattern}]}


def _above_zero(value: int) -> int:
    if value == 0:
        raise ValueError("must be a duration above 0")
    return value


CallId = Annotated[str, Field(json_schema_extra={"pattern": f"^{PATTERNS['call'].pattern}$"})]
Span = Annotated[
    Duration,
    AfterValidator(_above_zero),
    WithJsonSchema(_durations(LONGEST // SECOND, r"^([1-9][0-9]{0,3}(ms|s|m|h|d)){1,3}$")),
]
"""A duration above 0."""
Code = Annotated[str, AfterValidator(_code), Field(json_schema_extra={"enum": list(CODES)})]
Many = Annotated[int, Field(ge=1, le=MOST_COPIES), BeforeValidator(_whole)]


_COMMON = ("callId", "times", "probability", "duration")
_SHAPES: tuple[tuple[Target, dict[str, dict[str, object]], tuple[str, ...]], ...] = (
    ("api", {"status": {}}, ("operation", "message", "delay")),
    ("api", {"code": {}}, ("operation", "message", "delay")),
    ("api", {"abort": {"enum": ["reset", "truncate"]}}, ("operation", "delay")),
    ("api", {"abort": {"const": "hang"}}, ("operation",)),
    ("api", {"delay": {}}, ("operation",)),
    ("webhook", {"duplicate": {}}, ("event",)),
    ("webhook", {"drop": {}}, ("event",)),
    ("webhook", {"delay": {}}, ("event",)),
    ("webhook", {"reorder": {}}, ("event",)),
)
"""What goes together: the target, the field that says what goes wrong, and which others may stand beside it."""


def _describe(schema: dict[str, Any]) -> None:
    """Describe the body as one of the shapes that it may have."""
    fields: dict[str, Any] = schema.pop("properties")
    list_operations(fields["operation"], "*")
    short = _durations(300, r"^([1-9][0-9]{0,3}ms|[1-9][0-9]?s|[1-4]m)$")  # what fault_hold_limit allows
    of_requests = {**fields, "delay": {"anyOf": [*short["anyOf"], {"type": "null"}]}}
    schema["anyOf"] = [
        {
            "properties": {
                **{name: {"type": "null"} for name in fields},
                "target": {"const": target},
                **{name: {**_without_null(own[name]), **more} for name, more in wrong.items()},
                **{name: own[name] for name in (*beside, *_COMMON)},
            },
            "required": [*wrong] if target == "api" else ["target", *wrong],
            "additionalProperties": False,
        }
        for target, wrong, beside in _SHAPES
        for own in (of_requests if target == "api" else fields,)
    ]
    del schema["additionalProperties"]


def _without_null(field: dict[str, Any]) -> dict[str, Any]:
    given = [each for each in field["anyOf"] if each != {"type": "null"}]
    return given[0] if len(given) == 1 else {"anyOf": given}


class NewFault(Body):
    """POST /_mockchirp/faults: what it applies to, what it does, and how often."""

    model_config = ConfigDict(json_schema_extra=_describe)

    target: Target = "api"
    operation: str | None = None
    event: WebhookEventName | None = None
    call_id: CallId | None = Field(None, alias="callId")

    status: Annotated[int, Field(ge=400, le=599), BeforeValidator(_whole)] | None = None
    code: Code | None = None
    message: str | None = Field(None, min_length=1, max_length=LONGEST_MESSAGE)
    delay: Span | None = None
    abort: Abort | None = None
    duplicate: Many | None = None
    drop: Literal[True] | None = None
    reorder: Many | None = None

    times: Annotated[int, Field(ge=1, le=2**53 - 1), BeforeValidator(_whole)] | None = None
    probability: float = Field(1.0, ge=0, le=1)
    duration: Span | None = None


async def create_fault(request: Request) -> object:
    """POST /_mockchirp/faults: something that goes wrong from now on."""
    body: NewFault = request.body
    sandbox = request.live.sandbox
    if body.call_id is not None:
        sandbox.call(body.call_id)
    if body.target == "api":
        _check_for_requests(request, body)
    else:
        _check_for_webhooks(body)
    fault = Fault(
        id=sandbox.faults.next_id(),
        created_at=sandbox.now,
        target=body.target,
        call_id=body.call_id,
        times=body.times,
        probability=body.probability,
        expires_at=None if body.duration is None else sandbox.now + body.duration,
        delay=body.delay,
        operation=body.operation or "*",
        status=body.status,
        code=body.code,
        message=body.message,
        abort=body.abort,
        event=body.event,
        duplicate=body.duplicate or 0,
        drop=body.drop or False,
        reorder=body.reorder or 0,
    )
    sandbox.faults.add(fault)
    return public_fault(fault, sandbox.now)


async def list_faults(request: Request) -> object:
    """GET /_mockchirp/faults: all of them, in the order in which they are tried."""
    sandbox = request.live.sandbox
    data = [public_fault(fault, sandbox.now) for fault in sandbox.faults]
    return {"data": data, "totalCount": len(data)}


async def get_fault(request: Request) -> object:
    """GET /_mockchirp/faults/{faultId}: what it is, and how often it has applied."""
    sandbox = request.live.sandbox
    return public_fault(sandbox.faults.get(request.path["faultId"]), sandbox.now)


async def delete_fault(request: Request) -> object:
    """DELETE /_mockchirp/faults/{faultId}: one; requests that it keeps waiting are let go."""
    request.live.sandbox.faults.delete(request.path["faultId"])
    return {"message": "Fault deleted"}


async def delete_faults(request: Request) -> object:
    """DELETE /_mockchirp/faults: all of them; requests that they keep waiting are let go."""
    return {"deleted": request.live.sandbox.faults.clear()}


def _check_for_requests(request: Request, body: NewFault) -> None:
    for name in _OF_WEBHOOKS:
        if getattr(body, name) is not None:
            raise InvalidRequest(f'{name} is for webhooks: it needs "target": "webhook"', param=name)
    if body.operation not in (None, "*"):
        check_operation(request, body.operation)
        if body.call_id is not None and not request.runtime.operations[body.operation or ""]:
            raise InvalidRequest(f"callId: {body.operation} is about no call in particular", param="callId")
    is_error = body.status is not None or body.code is not None
    if not (is_error or body.delay is not None or body.abort is not None):
        raise InvalidRequest("say what goes wrong: status or code, delay, abort", param="status")
    if body.abort is not None and (is_error or body.message is not None):
        raise InvalidRequest(
            f"abort: with {body.abort} there is no answer to give a status, code or message", param="abort"
        )
    if body.abort == "hang" and body.delay is not None:
        raise InvalidRequest("delay: a hang is as long as it gets", param="delay")
    if body.message is not None and not is_error:
        raise InvalidRequest("message: it needs a status or a code", param="message")
    if body.code is not None and body.status not in (None, CODES[body.code].status):
        raise InvalidRequest(f"status: {body.code} comes with {CODES[body.code].status}", param="status")
    longest = request.live.sandbox.policy.fault_hold_limit
    if body.delay is not None and body.delay > longest:
        raise InvalidRequest(
            f"delay: a request can be delayed by at most {format_duration(longest)}, as fault_hold_limit says",
            param="delay",
        )


def _check_for_webhooks(body: NewFault) -> None:
    for name in _OF_REQUESTS:
        if getattr(body, name) is not None:
            raise InvalidRequest(
                f"{name} is for requests; a webhook fault has one of duplicate, drop, delay, reorder", param=name
            )
    wanted = [name for name in ("duplicate", "drop", "delay", "reorder") if getattr(body, name) is not None]
    if not wanted:
        raise InvalidRequest("say what goes wrong: one of duplicate, drop, delay, reorder", param="drop")
    if len(wanted) > 1:
        raise InvalidRequest(f"{wanted[1]} can't go with {wanted[0]}: a webhook fault does one thing", param=wanted[1])
