"""Recordings: their life cycle and the link to their file (chirp-api.md section 3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mockchirp.core.instants import HOUR, format_second, whole_seconds
from mockchirp.core.scenarios import RecordingOutcome

RecordingFormat = Literal["mp4", "ogg", "webm"]
RecordingStatus = Literal["recording", "processing", "completed", "failed"]

RECORDING_TRANSITIONS: Mapping[RecordingStatus, frozenset[RecordingStatus]] = {
    "recording": frozenset({"processing"}),
    "processing": frozenset({"completed", "failed"}),
    "completed": frozenset(),
    "failed": frozenset(),
}
CONTENT_TYPES: Mapping[RecordingFormat, str] = {"mp4": "audio/mp4", "ogg": "audio/ogg", "webm": "audio/webm"}
"""What a file of each format is served as."""
FORMATS = tuple(CONTENT_TYPES)
LINK_LIFETIME = HOUR
"""How long a signed link opens its file [documented]."""


@dataclass(slots=True)
class Recording:
    """One recording of one call. ``outcome`` is what its processing will come to; ``file_size`` in bytes."""

    id: str
    call_id: str
    format: RecordingFormat
    started_at: int
    outcome: RecordingOutcome
    status: RecordingStatus = "recording"
    ended_at: int | None = None
    file_size: int | None = None

    @property
    def duration(self) -> int | None:
        """Whole seconds between its start and its end as they are shown, or None while it runs."""
        return None if self.ended_at is None else whole_seconds(self.started_at, self.ended_at)

    @property
    def path(self) -> str:
        """The path under which its file is downloaded."""
        return f"/recordings/{self.id}.{self.format}"


def public_recording(recording: Recording, file_url: str | None) -> dict[str, object]:
    """The ten fields of the REST recording, all always present."""
    started_at = format_second(recording.started_at)
    return {
        "id": recording.id,
        "callId": recording.call_id,
        "status": recording.status,
        "format": recording.format,
        "duration": recording.duration,
        "fileUrl": file_url,
        "fileSize": recording.file_size,
        "startedAt": started_at,
        "endedAt": None if recording.ended_at is None else format_second(recording.ended_at),
        "createdAt": started_at,
    }
