"""The history of calls that are told of without one: the events that must have happened."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from mockchirp.core.calls import EVENT_OF_STATUS, Call, Participant
from mockchirp.core.events import Event
from mockchirp.core.instants import SECOND
from mockchirp.core.recorder import reason_of_failure
from mockchirp.core.recordings import Recording
from mockchirp.core.sandbox import Sandbox
from mockchirp.core.voicemails import Voicemail


class _Told(NamedTuple):
    """One event; ``rank`` orders those of one instant."""

    at: int
    rank: int
    type: str
    call: Call
    recording: Recording | None
    data: Mapping[str, object]


def implied_events(sandbox: Sandbox) -> list[Event]:
    """What must have happened for the calls, recordings and voicemails of the sandbox to be as they are, in order.

    What commands a call was given is nowhere told, and so not made up.
    """
    voicemails = {voicemail.call_id: voicemail for voicemail in sandbox.voicemail_box.voicemails.values()}
    told = [each for call in sandbox.calls.values() for each in _of_call(sandbox, call, voicemails.get(call.id))]
    told.sort(key=lambda each: (each.at, each.rank))
    return [
        Event(number, each.at, each.type, each.call.id, each.recording.id if each.recording else None, each.data)
        for number, each in enumerate(told, 1)
    ]


def _of_call(sandbox: Sandbox, call: Call, voicemail: Voicemail | None) -> Iterator[_Told]:
    now = sandbox.now
    yield _Told(call.created_at, 0, "calls.initiated", call, None, {"status": "initiated"})
    if call.status == "ringing":
        yield _Told(min(call.created_at + SECOND, now), 1, "calls.ringing", call, None, {"status": "ringing"})
    if call.answered_at is not None:
        yield _Told(call.answered_at, 1, "calls.answered", call, None, {"status": "in_progress"})
        for party in _parties(call):
            yield _Told(call.answered_at, 2, "calls.participant.joined", call, None, {"participant": party.public()})
    for id in call.recording_ids:
        recording = sandbox.recorder.recordings[id]
        yield from _of_recording(
            call, recording, min(now, (recording.ended_at or now) + sandbox.policy.processing_time)
        )
    if call.ended_at is not None:
        data = {"status": call.status, "endReason": call.end_reason, "duration": call.duration}
        yield _Told(call.ended_at, 4, EVENT_OF_STATUS[call.status], call, None, data)
        if call.answered_at is not None:
            for party in _parties(call):
                yield _Told(call.ended_at, 6, "calls.participant.left", call, None, {"participant": party.public()})
    if voicemail is not None:
        message = sandbox.recorder.recordings.get(voicemail.recording_id or "")
        said = {"voicemailId": voicemail.id, "duration": voicemail.duration}
        yield _Told(voicemail.created_at, 8, "calls.voicemail.received", call, message, said)


def _of_recording(call: Call, recording: Recording, ready_at: int) -> Iterator[_Told]:
    format = recording.format
    yield _Told(
        recording.started_at, 3, "recording.started", call, recording, {"status": "recording", "format": format}
    )
    if recording.ended_at is None:
        return
    data: dict[str, object] = {"status": "processing", "duration": recording.duration}
    yield _Told(recording.ended_at, 5, "recording.processing", call, recording, data)
    if recording.status in ("completed", "failed"):
        type = "calls.recording.completed" if recording.status == "completed" else "recording.failed"
        data = {"status": recording.status, "duration": recording.duration, "format": format}
        if recording.status == "failed":
            data["reason"] = reason_of_failure(call)
        yield _Told(ready_at, 7, type, call, recording, data)


def _parties(call: Call) -> tuple[Participant, ...]:
    return call.participants or (
        Participant(1, "from", call.from_address, call.from_channel),
        Participant(2, "to", call.to_address, call.to_channel),
    )
