"""The bodies of Chirp's requests (chirp-api.md). Unknown fields are ignored; types are not bent to fit.

A field that may be left out may not be null unless the documentation says so. In bodies that change something, what was
given is asked of ``model_fields_set``; the defaults there mean nothing.
"""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from mockchirp.core.calls import Channel, Leg
from mockchirp.core.configuration import AnswerBehavior
from mockchirp.core.recordings import RecordingFormat
from mockchirp.core.urls import check_http_url
from mockchirp.fields import FailsFast


def _http_url(value: str) -> str:
    check_http_url(value)
    return value


HttpUrl = Annotated[str, AfterValidator(_http_url)]
Name = Annotated[str, Field(min_length=1, max_length=256)]


def _integral(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


Integer = Annotated[int, BeforeValidator(_integral)]
"""A JSON number without a fraction: 60 and 60.0 are the same."""


class Body(FailsFast, BaseModel):
    """What all bodies have in common."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class CreateCall(Body):
    """POST /v1/calls."""

    from_address: str = Field(alias="from")
    to_address: str = Field(alias="to")
    from_channel: Channel = Field("pstn", alias="fromChannel")
    to_channel: Channel = Field("pstn", alias="toChannel")
    metadata: dict[str, Any] = Field(default_factory=dict)


class BareCommand(Body):
    """A command without parameters."""


class Reject(Body):
    """`reject`."""

    reason: str = Field("", max_length=500)


class Hold(Body):
    """`hold`."""

    music_url: HttpUrl = Field("", alias="musicUrl")


class StartRecording(Body):
    """`start_recording`."""

    format: RecordingFormat = "mp4"


class Mute(Body):
    """`mute` and `unmute`."""

    participant: Leg = "to"


class Transfer(Body):
    """`transfer`."""

    to_address: str = Field(alias="to")
    to_channel: Channel = Field("pstn", alias="toChannel")


class UpdateVoicemail(Body):
    """PATCH /v1/calls/voicemails/{voicemailId}."""

    is_read: bool = Field(False, alias="isRead")


class CreateWebhook(Body):
    """POST /v1/webhooks; the core checks what the values mean."""

    url: str
    events: list[str]
    headers: dict[str, str] = Field(default_factory=dict)


class UpdateWebhook(Body):
    """PUT /v1/webhooks/{webhookId}."""

    url: str = ""
    events: list[str] = Field(default_factory=list)
    headers: dict[str, str] = Field(default_factory=dict)


class UpdateConfiguration(Body):
    """PUT /v1/organization/apps/{appId}/calling."""

    voicemail_enabled: bool = Field(True, alias="voicemailEnabled")
    voicemail_greeting_url: HttpUrl | None = Field(None, alias="voicemailGreetingUrl")
    voicemail_max_duration: Integer = Field(120, alias="voicemailMaxDuration", ge=10, le=600)
    auto_record_enabled: bool = Field(False, alias="autoRecordEnabled")
    recording_format: RecordingFormat = Field("mp4", alias="recordingFormat")
    default_answer_behavior: AnswerBehavior = Field("webhook", alias="defaultAnswerBehavior")
    max_concurrent_calls: Integer = Field(10_000, alias="maxConcurrentCalls", ge=1, le=2**53 - 1)
    whatsapp_calling_enabled: bool = Field(False, alias="whatsappCallingEnabled")
    whatsapp_sip_enabled: bool = Field(False, alias="whatsappSipEnabled")


class CreateToken(Body):
    """POST /v1/calls/token; ``ttl`` in seconds."""

    room_name: Name = Field(alias="roomName")
    participant_identity: Name = Field(alias="participantIdentity")
    participant_name: str = Field("", alias="participantName", max_length=256)
    ttl: Integer = Field(3600, ge=60, le=86_400)
