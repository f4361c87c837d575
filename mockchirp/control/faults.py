"""Faults (control-api.md, "Faults"): what goes wrong on purpose, with requests to Chirp's API or with webhooks."""

from typing import Any

from pydantic import ConfigDict

from mockchirp.control.journal import list_operations
from mockchirp.control.operation import Request
from mockchirp.core.faults import Fault, Target, check_fault, public_fault
from mockchirp.state.faults import AboveZero, FaultFields, durations

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
    """Describe the body by its fields, which is for generators of clients, and, for validators, as one of the shapes that it may
    have: those stand in the `then` of an `if` that is always true, over which generators pass.
    """
    fields: dict[str, Any] = schema["properties"]
    list_operations(fields["operation"], "*")
    short = durations(300, r"^([1-9][0-9]{0,3}ms|[1-9][0-9]?s|[1-4]m)$")  # what fault_hold_limit allows
    of_requests = {**fields, "delay": {"anyOf": [*short["anyOf"], {"type": "null"}]}}
    shapes = [
        {
            "properties": {
                **{name: {"type": "null"} for name in fields},
                "target": {"const": target},
                **{name: {**_without_null(own[name]), **more} for name, more in wrong.items()},
                **{name: own[name] for name in (*beside, *_COMMON)},
            },
            "required": [*wrong] if target == "api" else ["target", *wrong],
        }
        for target, wrong, beside in _SHAPES
        for own in (of_requests if target == "api" else fields,)
    ]
    schema.update({"if": {}, "then": {"anyOf": shapes}})


def _without_null(field: dict[str, Any]) -> dict[str, Any]:
    given = [each for each in field["anyOf"] if each != {"type": "null"}]
    return given[0] if len(given) == 1 else {"anyOf": given}


class NewFault(FaultFields):
    """POST /_mockchirp/faults: what it applies to, what it does, and how often."""

    model_config = ConfigDict(json_schema_extra=_describe)

    duration: AboveZero | None = None


async def create_fault(request: Request) -> object:
    """POST /_mockchirp/faults: something that goes wrong from now on."""
    body: NewFault = request.body
    sandbox = request.live.sandbox
    if body.call_id is not None:
        sandbox.call(body.call_id)
    check_fault(body.asked, request.runtime.operations, sandbox.policy.fault_hold_limit)
    now = sandbox.now
    expires_at = None if body.duration is None else now + body.duration
    fault = Fault(id=sandbox.faults.next_id(), created_at=now, expires_at=expires_at, **body.asked)
    sandbox.faults.add(fault)
    return public_fault(fault, now)


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
