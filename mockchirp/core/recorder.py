"""How recordings proceed: started, stopped, processed, linked to, deleted (chirp-api.md section 3)."""

import hashlib
from collections.abc import Callable, Iterable, Mapping

from mockchirp.core.calls import Call
from mockchirp.core.errors import Conflict, NotFound
from mockchirp.core.ids import check_id
from mockchirp.core.recordings import (
    LINK_LIFETIME,
    RECORDING_TRANSITIONS,
    Recording,
    RecordingFormat,
    RecordingStatus,
    public_recording,
)
from mockchirp.core.scenarios import RecordingOutcome
from mockchirp.core.signing import sign
from mockchirp.core.timeline import FinishProcessing
from mockchirp.core.world import World

SizeOf = Callable[[RecordingFormat, int], int]
"""Bytes of the audio file of a format and a number of seconds: arithmetic, which never fails and makes no file."""


class Recorder:
    """The recordings of a sandbox. ``secret`` signs the links to their files."""

    def __init__(self, world: World, seed: str, app_id: str, calls: Mapping[str, Call], size_of: SizeOf) -> None:
        self.recordings: dict[str, Recording] = {}
        self.secret = hashlib.sha256(f"signed links/{seed}".encode()).digest()
        self._world = world
        self._app_id = app_id
        self._calls = calls
        self.size_of = size_of
        self.when_finished: list[Callable[[Recording], None]] = []
        """Told of every recording whose processing has come to its end, well or not."""

    def get(self, recording_id: str) -> Recording:
        """The recording with this id; raise :class:`InvalidRequest` if it is none, :class:`NotFound` if it is unknown."""
        recording = self.recordings.get(recording_id)
        if recording is None:
            check_id("recording", recording_id, "recordingId")
            raise NotFound(f"No such recording: {recording_id}", param="recordingId", sought=recording_id)
        return recording

    def start(self, call: Call, format: RecordingFormat) -> None:
        """Begin to record ``call``, which is not being recorded."""
        outcome: RecordingOutcome = call.scenario.recording
        world = self._world
        recording = Recording(world.ids.new("recording", world.now), call.id, format, world.now, outcome)
        self.recordings[recording.id] = recording
        call.recording_ids.append(recording.id)
        call.recording_id = recording.id
        world.emit("recording.started", call, {"status": recording.status, "format": format}, recording=recording)

    def stop(self, call: Call) -> None:
        """End the running recording of ``call``; it is processed from now on."""
        assert call.recording_id is not None, "a recording runs"
        world = self._world
        recording = self.recordings[call.recording_id]
        call.recording_id = None
        recording.ended_at = world.now
        _enter(recording, "processing")
        data = {"status": recording.status, "duration": recording.duration}
        world.emit("recording.processing", call, data, recording=recording)
        wanted = call.scenario.processing_time
        processing_time = world.policy.processing_time if wanted is None else wanted
        world.timeline.schedule(world.now + processing_time, FinishProcessing(recording.id))

    def finish(self, recording: Recording, why: str | None = None) -> None:
        """Processing comes to its end, as the recording's outcome says; ``why`` where it was not the scenario that said so."""
        assert recording.duration is not None, "a recording that is processed has ended"
        if recording.outcome == "completed":
            recording.file_size = self.size_of(recording.format, recording.duration)
        _enter(recording, recording.outcome)
        call = self._calls[recording.call_id]
        data: dict[str, object] = {
            "status": recording.status,
            "duration": recording.duration,
            "format": recording.format,
        }
        if recording.status == "failed":
            data["reason"] = why or reason_of_failure(call)
            self._world.emit("recording.failed", call, data, recording=recording)
        else:
            self._world.emit("calls.recording.completed", call, data, "completed", recording=recording)
        for tell in self.when_finished:
            tell(recording)

    def decide(self, recording_id: str, outcome: RecordingOutcome) -> Recording:
        """End the processing of a recording now; raise :class:`Conflict` if it is not being processed."""
        recording = self.get(recording_id)
        if recording.status != "processing":
            raise Conflict(
                f"{recording.id} is {recording.status}; only a recording that is processing can be decided on"
            )
        self._world.timeline.cancel(recording.id)
        recording.outcome = outcome
        self.finish(recording, f"a control request decided that it is {outcome}")
        return recording

    def delete(self, recording_id: str) -> None:
        """Delete a recording and its file; raise :class:`Conflict` while it runs."""
        recording = self.get(recording_id)
        if recording.status == "recording":
            raise Conflict(f"{recording.id} is recording; it can't be deleted before it is stopped")
        call = self._calls[recording.call_id]
        del self.recordings[recording.id]
        call.recording_ids.remove(recording.id)
        self._world.timeline.cancel(recording.id)
        self._world.emit("recording.deleted", call, {}, recording=recording)

    def forget(self, recording_ids: Iterable[str]) -> None:
        """Let go of recordings of which nothing is wanted any more, whatever they are doing."""
        for id in recording_ids:
            del self.recordings[id]
            self._world.timeline.cancel(id)

    def show(self, recording: Recording, origin: str) -> dict[str, object]:
        """The REST recording; a completed one with a signed link at ``origin`` that is good for an hour from now."""
        if recording.status != "completed":
            return public_recording(recording, None)
        signed = sign(self.secret, recording.path, self._world.now + LINK_LIFETIME, self._app_id)
        return public_recording(recording, f"{origin}{recording.path}?signed={signed}")


def reason_of_failure(call: Call) -> str:
    """Why a recording of ``call`` whose outcome was known from the beginning has failed."""
    if call.scenario.recording == "failed":
        return f"the scenario {call.scenario.name} says that processing fails"
    return "the state that was imported says that processing fails"


def _enter(recording: Recording, status: RecordingStatus) -> None:
    assert status in RECORDING_TRANSITIONS[recording.status], f"{recording.status} -> {status}"
    recording.status = status
