"""The calling configuration of an app (chirp-api.md section 7)."""

from dataclasses import dataclass
from typing import Literal

from mockchirp.core.instants import format_second
from mockchirp.core.recordings import RecordingFormat

AnswerBehavior = Literal["webhook", "voicemail"]


@dataclass(slots=True)
class CallingConfiguration:
    """What an app's administrator decides. The defaults are assumed. ``voicemail_max_duration`` in seconds."""

    id: str
    app_id: str
    organization_id: str
    created_at: int
    updated_at: int
    voicemail_enabled: bool = True
    voicemail_greeting_url: str | None = None
    voicemail_max_duration: int = 120
    auto_record_enabled: bool = False
    recording_format: RecordingFormat = "mp4"
    default_answer_behavior: AnswerBehavior = "webhook"
    max_concurrent_calls: int = 10_000
    whatsapp_calling_enabled: bool = False
    whatsapp_sip_enabled: bool = False


def public_configuration(configuration: CallingConfiguration) -> dict[str, object]:
    """The configuration as REST shows it."""
    return {
        "id": configuration.id,
        "appId": configuration.app_id,
        "organizationId": configuration.organization_id,
        "voicemailEnabled": configuration.voicemail_enabled,
        "voicemailGreetingUrl": configuration.voicemail_greeting_url,
        "voicemailMaxDuration": configuration.voicemail_max_duration,
        "autoRecordEnabled": configuration.auto_record_enabled,
        "recordingFormat": configuration.recording_format,
        "defaultAnswerBehavior": configuration.default_answer_behavior,
        "maxConcurrentCalls": configuration.max_concurrent_calls,
        "whatsappCallingEnabled": configuration.whatsapp_calling_enabled,
        "whatsappSipEnabled": configuration.whatsapp_sip_enabled,
        "createdAt": format_second(configuration.created_at),
        "updatedAt": format_second(configuration.updated_at),
    }
