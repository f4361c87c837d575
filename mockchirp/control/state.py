"""The state of sandboxes (control-api.md, "State"): empty one, remove one, take one along, and see what there is."""

from typing_extensions import TypedDict

from mockchirp.clock import Mode
from mockchirp.control.answers import Instant
from mockchirp.control.operation import Request
from mockchirp.core.errors import InvalidRequest
from mockchirp.core.instants import format_milli
from mockchirp.live import LiveSandbox
from mockchirp.pacing import collector_paused, in_batches, in_thread
from mockchirp.state.document import Document
from mockchirp.state.errors import BadState
from mockchirp.state.exporting import capture, write
from mockchirp.state.planting import make


class Contents(TypedDict):
    """How much there is in a sandbox."""

    calls: int
    recordings: int
    voicemails: int
    webhooks: int
    events: int


class Losses(Contents):
    """What went with a sandbox: deliveries that were still pending, what was scheduled, and all that was in it."""

    abandonedDeliveries: int
    cancelledTimers: int


class Overview(Contents):
    """One of the server's sandboxes. ``pending`` counts scheduled actions and deliveries in flight."""

    appId: str
    keys: list[str]
    now: Instant
    mode: Mode
    liveCalls: int
    pending: int


_NOTHING: Losses = {
    "abandonedDeliveries": 0,
    "cancelledTimers": 0,
    "calls": 0,
    "recordings": 0,
    "voicemails": 0,
    "webhooks": 0,
    "events": 0,
}


async def reset(request: Request) -> object:
    """POST /_mockchirp/reset: the sandbox is as new, by the server's settings and its own seed."""
    live = request.live
    lost = _losses(live)
    sandbox, clock = request.runtime.fresh(live.key, live.seed)
    sandbox.notifier.origin = live.sandbox.notifier.origin  # its callers still reach it by the same name
    await live.replace(sandbox, clock, live.seed, "the sandbox was reset")
    return lost


async def remove_sandbox(request: Request) -> object:
    """DELETE /_mockchirp/sandbox: removed altogether, with all its keys. Where there is none, none is made."""
    live = request.found
    if live is None:
        return _NOTHING
    lost = _losses(live)
    await request.runtime.remove(live)
    return lost


async def list_sandboxes(request: Request) -> object:
    """GET /_mockchirp/sandboxes: all of the server, in the order of their making."""
    data = [_show(live) for live in request.runtime]
    return {"data": data, "totalCount": len(data)}


async def get_state(request: Request) -> object:
    """GET /_mockchirp/state: the whole sandbox as one document."""
    live = request.live
    with collector_paused():
        snapshot = capture(live.sandbox, live.clock, live.keys, live.seed)
    return in_batches(write(snapshot))


async def put_state(request: Request) -> object:
    """PUT /_mockchirp/state: in place of all that there is. The keys in the document don't count, and the app stays the same."""
    live, runtime = request.live, request.runtime
    document: Document = request.body
    seed = runtime.defaults.seed if document.seed is None else document.seed
    try:
        with collector_paused():
            sandbox, clock = await in_thread(make, runtime, document, live.key, seed)
    except BadState as error:
        raise InvalidRequest(str(error), param=error.place[:80] or None) from None
    if document.origin is None:
        sandbox.notifier.origin = live.sandbox.notifier.origin
    await live.replace(sandbox, clock, seed, "the state of the sandbox was replaced")
    live.catch_up()
    return _show(live)


def _losses(live: LiveSandbox) -> Losses:
    """What goes with a sandbox that is emptied or removed."""
    sandbox = live.sandbox
    return {
        "abandonedDeliveries": sum(delivery.status == "pending" for delivery in sandbox.deliveries),
        "cancelledTimers": len(sandbox.timeline),
        **_counts(live),
    }


def _counts(live: LiveSandbox) -> Contents:
    sandbox = live.sandbox
    return {
        "calls": len(sandbox.calls),
        "recordings": len(sandbox.recorder.recordings),
        "voicemails": len(sandbox.voicemail_box.voicemails),
        "webhooks": len(sandbox.notifier.webhooks),
        "events": len(sandbox.events),
    }


def _show(live: LiveSandbox) -> Overview:
    sandbox = live.sandbox
    return {
        "appId": sandbox.app_id,
        "keys": list(live.keys),
        "now": format_milli(sandbox.now),
        "mode": live.clock.mode,
        "liveCalls": sandbox.switchboard.live,
        "pending": live.pending,
        **_counts(live),
    }
