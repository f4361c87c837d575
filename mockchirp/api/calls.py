"""Calls and their commands (chirp-api.md section 2)."""

from collections.abc import Callable, Mapping
from typing import Any

from mockchirp.api.models import BareCommand, Body, CreateCall, Hold, Mute, Reject, StartRecording, Transfer
from mockchirp.api.operation import Request
from mockchirp.core.calls import COMMANDS, public_call
from mockchirp.core.errors import InvalidRequest
from mockchirp.core.sandbox import Sandbox
from mockchirp.core.suggestions import choices
from mockchirp.core.world import Policy
from mockchirp.http import parse_model


def create_call(request: Request) -> object:
    """POST /v1/calls."""
    body = parse_model(CreateCall, request.body)
    call = request.sandbox.place_call(
        body.from_address, body.to_address, body.from_channel, body.to_channel, body.metadata
    )
    return public_call(call)


def get_call(request: Request) -> object:
    """GET /v1/calls/{callId}."""
    return public_call(request.sandbox.call(request.path["callId"]))


def end_call(request: Request) -> object:
    """DELETE /v1/calls/{callId}."""
    request.sandbox.end_call(request.path["callId"])
    return {"message": "Call ended"}


def send_call_command(request: Request) -> object:
    """POST /v1/calls/{callId}/commands: the type chooses the model of the parameters and what the sandbox does."""
    sandbox = request.sandbox
    call = sandbox.call(request.path["callId"])
    known = known_commands(sandbox.policy)
    if "type" not in request.body:
        stray = next((name for name, value in request.body.items() if value in known), None)
        instead = "" if stray is None else f": the command belongs there, and not into {stray[:80]}"
        raise InvalidRequest(f"type is required{instead or ': one of ' + ', '.join(known)}", param="type")
    type = request.body["type"]
    if not isinstance(type, str) or type not in known:
        near = choices(str(type), known, "it must be one of")
        raise InvalidRequest(f"type {str(type)[:80]!r} is not a known command{near}", param="type")
    if type not in COMMANDS:
        sandbox.extra_command(call.id, type)
        return {"callId": call.id, "command": type, "status": "accepted"}
    model, run = _COMMANDS[type]
    applied = run(sandbox, call.id, parse_model(model, request.body))
    return {"callId": call.id, "command": type, "status": "queued" if applied is False else "accepted"}


def known_commands(policy: Policy) -> list[str]:
    """The command types that are taken: Chirp's, and those that the user added."""
    return [*COMMANDS, *sorted(policy.extra_commands - COMMANDS.keys())]


_Run = Callable[[Sandbox, str, Any], bool | None]
"""Takes the sandbox, the call's id and the parameters; returns False if the command was queued."""

_COMMANDS: Mapping[str, tuple[type[Body], _Run]] = {
    "answer": (BareCommand, lambda sandbox, call_id, _: sandbox.answer(call_id)),
    "reject": (Reject, lambda sandbox, call_id, body: sandbox.reject(call_id, body.reason)),
    "send_to_voicemail": (BareCommand, lambda sandbox, call_id, _: sandbox.send_to_voicemail(call_id)),
    "hangup": (BareCommand, lambda sandbox, call_id, _: sandbox.hang_up(call_id)),
    "hold": (Hold, lambda sandbox, call_id, body: sandbox.hold(call_id, body.music_url)),
    "unhold": (BareCommand, lambda sandbox, call_id, _: sandbox.unhold(call_id)),
    "start_recording": (StartRecording, lambda sandbox, call_id, body: sandbox.start_recording(call_id, body.format)),
    "stop_recording": (BareCommand, lambda sandbox, call_id, _: sandbox.stop_recording(call_id)),
    "mute": (Mute, lambda sandbox, call_id, body: sandbox.set_muted(call_id, body.participant, True)),
    "unmute": (Mute, lambda sandbox, call_id, body: sandbox.set_muted(call_id, body.participant, False)),
    "transfer": (Transfer, lambda sandbox, call_id, body: sandbox.transfer(call_id, body.to_address, body.to_channel)),
}
