"""Voicemails: messages that callers left (chirp-api.md section 4)."""

from dataclasses import dataclass

from mockchirp.core.calls import Channel
from mockchirp.core.instants import SECOND, format_second

GREETING = 3 * SECOND
"""How long the caller listens before the message begins [assumed]."""
MESSAGE = 30 * SECOND
"""How long a caller speaks unless the scenario says otherwise [assumed]."""


@dataclass(slots=True)
class Voicemail:
    """One message. ``duration`` in seconds; ``recording_id`` is None once the recording was deleted."""

    id: str
    call_id: str
    caller_number: str
    caller_channel: Channel
    duration: int | None
    transcription: str | None
    recording_id: str | None
    created_at: int
    is_read: bool = False


def public_voicemail(voicemail: Voicemail) -> dict[str, object]:
    """The nine fields of the REST voicemail, all always present."""
    return {
        "id": voicemail.id,
        "callId": voicemail.call_id,
        "callerNumber": voicemail.caller_number,
        "callerChannel": voicemail.caller_channel,
        "duration": voicemail.duration,
        "isRead": voicemail.is_read,
        "transcription": voicemail.transcription,
        "recordingId": voicemail.recording_id,
        "createdAt": format_second(voicemail.created_at),
    }
