"""Faults on their way into a request: latency, an error, a connection that is cut (control-api.md, "Faults").

A fault applies when it is known whose request it is, before anything else is looked at. An error, a reset and a hang
leave the operation undone; latency only puts it off, and a truncated answer is that of an operation that was done.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from functools import partial

from starlette.types import Message, Receive, Send

from mockchirp.core.errors import ChirpError
from mockchirp.core.faults import Fault, error_of
from mockchirp.core.instants import SECOND
from mockchirp.core.rate_limits import Quota
from mockchirp.core.sandbox import Sandbox
from mockchirp.http import ConnectionCut, hang_up
from mockchirp.live import LiveSandbox
from mockchirp.news import FAULT
from mockchirp.waits import Sought


def fault_for(sandbox: Sandbox, operation_id: str, path: Mapping[str, str]) -> Fault | None:
    """The fault that applies to a request of an operation; ``path`` is what the parameters of its path are."""
    return sandbox.faults.hit_request(operation_id, partial(_call_of, sandbox, path), sandbox.now)


def _call_of(sandbox: Sandbox, path: Mapping[str, str]) -> str | None:
    """The call that a request is about: the one that its path names, or whose recording or voicemail it names."""
    if "callId" in path:
        return path["callId"]
    if "voicemailId" in path:
        voicemail = sandbox.voicemail_box.voicemails.get(path["voicemailId"])
        return None if voicemail is None else voicemail.call_id
    recording_id = path.get("recordingId") or path.get("fileName", "").rpartition(".")[0]
    recording = sandbox.recorder.recordings.get(recording_id)
    return None if recording is None else recording.call_id


def is_silent(fault: Fault) -> bool:
    """Whether the request gets no answer at all."""
    return fault.abort in ("reset", "hang")


async def strike(live: LiveSandbox, fault: Fault, receive: Receive, quota: Quota) -> None:
    """Let a fault do what comes before the operation; returns if the operation is to be done.

    Raise its error; :class:`ConnectionCut` or :class:`Disconnected` if it leaves the request without an answer. Whoever
    waits for a fault is let go when it is deleted, and when the sandbox or the server ends.
    """
    sandbox = live.sandbox
    seconds = sandbox.policy.fault_hold_limit / SECOND

    def is_gone() -> bool | None:
        return None if live.sandbox.faults.holds(fault) else True

    gone = Sought(is_gone, [FAULT])
    if fault.delay:
        try:
            await live.hold(gone, min(fault.delay / SECOND, seconds), _never)
        except ChirpError:
            if live.sandbox is sandbox and not live.closed:
                raise
        if live.sandbox is not sandbox or live.closed:  # nothing from before a reset has an effect after it
            raise ConnectionCut(reset=False)
    if fault.abort == "hang":
        with suppress(ChirpError):  # whatever ends the wait, there is no answer
            await live.hold(gone, seconds, partial(hang_up, receive))
        raise ConnectionCut(reset=False)
    if fault.abort == "reset":
        raise ConnectionCut(reset=True)
    if fault.is_error:
        raise error_of(fault, retry_after=quota.reset - live.sandbox.now // SECOND)


def truncated(send: Send) -> Send:
    """Passes an answer on until half of its body is through, if it has one (a 304 has none); then raises :class:`ConnectionCut`."""
    left = 0

    async def send_half(message: Message) -> None:
        nonlocal left
        if message["type"] == "http.response.start":
            lengths = [value for name, value in message["headers"] if name == b"content-length"]
            left = int(lengths[0]) // 2 if lengths else 0
            await send(message)
            return
        body = message.get("body", b"")[:left]
        left -= len(body)
        await send({"type": "http.response.body", "body": body, "more_body": True})
        if left == 0 or not message.get("more_body", False):
            raise ConnectionCut(reset=False)

    return send_half


async def _never() -> None:
    """A client that is slow to be answered may well go away: the operation is done all the same."""
    await asyncio.get_running_loop().create_future()
