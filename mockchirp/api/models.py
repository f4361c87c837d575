"""The bodies of Chirp's requests (chirp-api.md section 2). Unknown fields are ignored; types are not bent to fit."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from mockchirp.core.calls import Channel, Leg
from mockchirp.core.recordings import RecordingFormat

HttpUrl = Annotated[str, Field(max_length=2048, pattern=r"^https?://[^\s/?#]+[^\s]*$")]


class Body(BaseModel):
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
