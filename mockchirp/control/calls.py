"""The far end (control-api.md, "The far end"): somebody calls the app, and people and carriers do what they do."""

from functools import partial

from mockchirp.control.history import history
from mockchirp.control.models import CallsQuery, FarEnd, Outcome, ReceiveCall
from mockchirp.control.operation import Request
from mockchirp.control.paging import page
from mockchirp.core.calls import Call, public_call
from mockchirp.core.instants import format_milli
from mockchirp.core.sandbox import Sandbox
from mockchirp.core.timeline import ACTION_NAMES, Entry, FarEndActs, FinishProcessing


async def receive_call(request: Request) -> object:
    """POST /_mockchirp/calls: someone calls the app."""
    body: ReceiveCall = request.body
    scenario = None if body.scenario is None else request.live.sandbox.scenarios.named(body.scenario, "scenario")
    call = request.live.sandbox.receive_call(
        body.from_address, body.to_address, body.from_channel, body.to_channel, body.metadata, scenario
    )
    request.live.notices.note_inbound(request.live.sandbox, call)
    return public_call(call)


async def list_calls(request: Request) -> object:
    """GET /_mockchirp/calls?status=&direction=&limit=&offset=: newest first."""
    query: CallsQuery = request.query
    sandbox = request.live.sandbox
    matching = (
        call
        for call in reversed(sandbox.calls.values())
        if query.status in (None, call.status) and query.direction in (None, call.direction)
    )
    return page(matching, query, partial(show_call, sandbox))


async def get_call(request: Request) -> object:
    """GET /_mockchirp/calls/{callId}: with everything that happened to it, on one time axis."""
    sandbox = request.live.sandbox
    call = sandbox.call(request.path["callId"])
    return {**show_call(sandbox, call), "history": history(sandbox, call)}


async def far_end(request: Request) -> object:
    """POST /_mockchirp/calls/{callId}/far-end: the other party or the carrier acts now."""
    body: FarEnd = request.body
    sandbox = request.live.sandbox
    return show_call(sandbox, sandbox.far_end(request.path["callId"], body.action))


async def decide_recording(request: Request) -> object:
    """POST /_mockchirp/recordings/{recordingId}/outcome: its processing ends now, and like this."""
    body: Outcome = request.body
    sandbox = request.live.sandbox
    recording = sandbox.recorder.decide(request.path["recordingId"], body.status)
    return sandbox.recorder.show(recording, sandbox.notifier.origin)


def show_call(sandbox: Sandbox, call: Call) -> dict[str, object]:
    """A call with what Chirp does not show of it."""
    owners = (call.id, *call.recording_ids)
    upcoming = sorted(entry for owner in owners for entry in sandbox.timeline.of(owner))
    return {
        **public_call(call),
        "hold": call.on_hold,
        "muted": call.muted,
        "scenario": call.scenario.name,
        "upcoming": [_upcoming(entry) for entry in upcoming],
    }


def _upcoming(entry: Entry) -> dict[str, object]:
    shown: dict[str, object] = {"at": format_milli(entry.at), "action": ACTION_NAMES[type(entry.action)]}
    if isinstance(entry.action, FarEndActs):
        shown["does"] = entry.action.action
    elif isinstance(entry.action, FinishProcessing):
        shown["recordingId"] = entry.action.recording_id
    return shown
