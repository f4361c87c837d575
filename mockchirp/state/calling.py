"""The calling configuration as it is written: in documents of state and in the control API."""

from pydantic import Field
from pydantic.alias_generators import to_camel

from mockchirp.core.configuration import AnswerBehavior, CallingConfiguration
from mockchirp.core.recordings import RecordingFormat
from mockchirp.fields import Body
from mockchirp.state.values import MOST, HttpUrl


class CallingFields(Body, alias_generator=to_camel, defer_build=True):
    """Part of a calling configuration, in the ranges of Chirp's own; ``voicemail_max_duration`` in seconds."""

    voicemail_enabled: bool = True
    voicemail_greeting_url: HttpUrl | None = None
    voicemail_max_duration: int = Field(120, ge=10, le=600)
    auto_record_enabled: bool = False
    recording_format: RecordingFormat = "mp4"
    default_answer_behavior: AnswerBehavior = "webhook"
    max_concurrent_calls: int = Field(10_000, ge=1, le=MOST)
    whatsapp_calling_enabled: bool = False
    whatsapp_sip_enabled: bool = False


def configure(configuration: CallingConfiguration, given: CallingFields) -> None:
    """Change what is given."""
    for name in CallingFields.model_fields:
        if name in given.model_fields_set:
            setattr(configuration, name, getattr(given, name))
