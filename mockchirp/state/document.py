"""The document of a sandbox's state: what an export holds, and what people write by hand as a seed file.

Nearly everything may be left out; :mod:`mockchirp.state.restoring` fills it in. What an export always says, so that the
sandbox goes on as it would have: identifiers, instants, timers and counts.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic.alias_generators import to_camel

from mockchirp.clock import EARLIEST, FASTEST, LATEST, Mode
from mockchirp.core.calls import CallStatus, Channel, Direction, Leg
from mockchirp.core.deliveries import DeliveryStatus
from mockchirp.core.headers import MOST_HEADERS
from mockchirp.core.instants import SECOND
from mockchirp.core.recordings import RecordingFormat, RecordingStatus
from mockchirp.core.scenarios import FarEndAction, RecordingOutcome
from mockchirp.fields import Body, Duration
from mockchirp.state.calling import CallingFields
from mockchirp.state.errors import BadState
from mockchirp.state.faults import FaultFields, above_zero
from mockchirp.state.scenarios import MOST_SCENARIOS, Numbers, ScenarioBody
from mockchirp.state.values import (
    MOST_COUNTED,
    Absolute,
    ActionName,
    CallId,
    ConfigurationId,
    Count,
    DeliveryId,
    EventName,
    FaultId,
    Key,
    Kind,
    Metadata,
    Number,
    Origin,
    RecordingId,
    Span,
    VoicemailId,
    WebhookId,
    When,
)

VERSION = 1
MOST_PARTS = 10_000_000
"""Members of a list; far more than a server can keep."""
DEEPEST = 40
"""Levels of nesting in a document: those of a request's body, and those of what is around it here."""


def _version(value: object) -> object:
    try:
        check_version(value)
    except BadState as error:
        raise ValueError(error.reason) from None
    return value


def check_version(value: object) -> None:
    """Raise :class:`BadState` if a document of this version can't be read."""
    if value != VERSION or isinstance(value, bool):
        raise BadState(
            ("version",), f"{str(value)[:40]} is not a version that this mockchirp reads; it reads {VERSION}"
        )


class Part(Body, alias_generator=to_camel, defer_build=True):
    """A part of the document."""


class ClockPart(Part):
    """The clock: as the server is set, where nothing is said."""

    now: Absolute | None = None
    mode: Mode | None = None
    rate: float | None = Field(None, gt=0, le=FASTEST)
    as_of: Absolute | None = None
    """The machine's time at that moment: a real clock has gone on since."""


class CallingPart(CallingFields):
    """The calling configuration; what is left out is as Chirp has it."""

    id: ConfigurationId | None = None
    created_at: When | None = None
    updated_at: When | None = None


class ScenariosPart(Part):
    """The scenarios that are defined or overridden, the numbers that lead to some, and the default."""

    defined: dict[str, ScenarioBody] = Field(default_factory=dict, max_length=MOST_SCENARIOS)
    numbers: Numbers = Field(default_factory=dict)
    default: str | None = None


class WebhookPart(Part):
    """A webhook: of all calling events, where none are named."""

    id: WebhookId | None = None
    url: str
    events: list[str] | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    created_at: When | None = None
    updated_at: When | None = None


class RecordingPart(Part):
    """A recording of the call that it stands in; ``outcome`` is what its processing will come to."""

    id: RecordingId | None = None
    format: RecordingFormat = "mp4"
    status: RecordingStatus = "completed"
    started_at: When | None = None
    ended_at: When | None = None
    duration: Span | None = None
    outcome: RecordingOutcome | None = None
    file_size: Count | None = None
    message: bool = False
    """Whether it is a caller's message that is still to become a voicemail."""
    order: Count = 0
    """Its place among recordings that start at one instant."""


class VoicemailPart(Part):
    """The voicemail that the call it stands in left; ``recording_id`` null if its recording was deleted."""

    id: VoicemailId | None = None
    created_at: When | None = None
    recording_id: RecordingId | None = None
    duration: int | None = Field(None, ge=0, le=(LATEST - EARLIEST) // SECOND)
    """Whole seconds, as Chirp shows them."""
    caller_number: str | None = Field(None, max_length=256)
    caller_channel: Channel | None = None
    transcription: str | None = Field(None, max_length=100_000)
    is_read: bool = False
    order: Count = 0
    """Its place among voicemails of one instant."""


class ParticipantPart(Part):
    """A party that is connected."""

    number: Number
    leg: Leg
    address: str
    channel: Channel


class CallPart(Part):
    """A call. Only the two addresses are needed; times that are left out are made up to suit its status."""

    id: CallId | None = None
    direction: Direction = "outbound"
    status: CallStatus = "initiated"
    from_address: str = Field(alias="from")
    to_address: str = Field(alias="to")
    from_channel: Channel = "pstn"
    to_channel: Channel = "pstn"
    created_at: When | None = None
    answered_at: When | None = None
    ended_at: When | None = None
    duration: Span | None = None
    end_reason: Literal["hangup", "rejected", "busy", "no_answer", "canceled", "failed"] | None = None
    metadata: Metadata = Field(default_factory=dict)
    livekit_room_name: str | None = Field(None, min_length=1, max_length=256)
    scenario: str | None = None
    scenario_definition: ScenarioBody | None = None
    """The scenario itself, where it is none of those that the sandbox has now."""
    hold: bool = False
    muted: list[Leg] = Field(default_factory=list, max_length=2)
    queued_recording: RecordingFormat | None = None
    decided_at: When | None = None
    """When the app's default decided on it, since no command had come."""
    recordings: list[RecordingPart] = Field(default_factory=list, max_length=MOST_PARTS)
    voicemail: VoicemailPart | None = None
    participants: list[ParticipantPart] | None = Field(None, max_length=2)
    participant_count: int | None = Field(None, ge=2, le=MOST_COUNTED)


class AttemptPart(Part):
    """One try to deliver a webhook; ``elapsed`` in real seconds."""

    number: Number
    at: When
    url: str
    status: int | None = Field(None, ge=0, le=999)
    error: str | None = None
    body: str = ""
    body_base64: str | None = None
    """The beginning of the answer's body, where it is no text."""
    elapsed: float = Field(0.0, ge=0, le=MOST_COUNTED)
    next_attempt_at: When | None = None
    after_event: Count = 0


class DeliveryPart(Part):
    """An event on its way to a webhook; ``under_way`` is the place of its attempt among those that have no outcome yet."""

    id: DeliveryId
    webhook_id: WebhookId
    event: EventName
    event_id: str
    call_id: CallId
    body: str | None = None
    body_of: DeliveryId | None = None
    """The delivery above that has the same body, and says it."""
    created_at: When
    order: Number
    status: DeliveryStatus = "pending"
    attempts: list[AttemptPart] = Field(default_factory=list, max_length=MOST_PARTS)
    under_way: Number | None = None
    url: str = ""
    headers: dict[str, str] = Field(default_factory=dict, max_length=MOST_HEADERS + 1)
    redelivery_of: DeliveryId | None = None
    injected: list[str] = Field(default_factory=list, max_length=100)
    held_by: FaultId | None = None
    behind: Count = 0


class EventPart(Part):
    """Something that happened."""

    number: Number
    at: When
    type: EventName
    call_id: CallId
    recording_id: RecordingId | None = None
    data: dict[str, Any] = Field(default_factory=dict)


class TimerPart(Part):
    """Something that is scheduled, for the call, recording or delivery that it names."""

    at: When
    order: Number | None = None
    """Its place among timers of one instant, and of all things that take one."""
    action: ActionName
    call_id: str | None = None
    recording_id: str | None = None
    delivery_id: str | None = None
    does: FarEndAction | None = None


class FaultPart(FaultFields):
    """A fault and how often it has applied."""

    delay: Annotated[Duration, AfterValidator(above_zero)] | None = None  # the schema of all that is exported
    id: FaultId | None = None
    created_at: When | None = None
    expires_at: When | None = None
    matched: Count = 0
    injected: Count = 0

    @model_validator(mode="before")
    @classmethod
    def _of_an_older_export(cls, value: Any) -> Any:
        """Exports used to say of every fault what it does not do; no request says the like, as that has no ``createdAt``."""
        if not isinstance(value, dict) or not {"createdAt", "duplicate", "drop", "reorder"} <= value.keys():
            return value
        nothing: dict[str, object] = {"duplicate": 0, "drop": False, "reorder": 0}
        if value.get("target") == "webhook":
            nothing["operation"] = "*"
        return {name: said for name, said in value.items() if name not in nothing or said != nothing[name]}


class RequestsPart(Part):
    """How many requests were counted in the minute that began at ``minute``."""

    minute: When
    general: Count = 0
    webhooks: Count = 0
    applications: Count = 0


class CountsPart(Part):
    """How many there ever were, from which all that is still to come gets its identifiers and its place."""

    ids: dict[Kind, Count] = Field(default_factory=dict)
    numbers: Count = 0
    messages: Count = 0
    orders: Count = 0
    deliveries: Count = 0
    events: Count = 0
    faults: Count = 0


class Document(Part):
    """The state of one sandbox."""

    version: Annotated[int, BeforeValidator(_version)] = VERSION
    keys: list[Key] | None = Field(None, min_length=1, max_length=1000)
    """The app keys that share it; the first says which app it is."""
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    identity: str | None = Field(None, min_length=1, max_length=400)
    """What everything by chance comes from; without it, the seed and the first key."""
    origin: Origin | None = None
    """Where the links in its webhooks point to; without it, to the server."""
    clock: ClockPart = ClockPart()
    phone_numbers: list[str] = Field(default_factory=list, max_length=1000)
    rate_limit: Literal["off", "enforce"] | None = None
    requests: RequestsPart | None = None
    calling: CallingPart = CallingPart()
    scenarios: ScenariosPart = ScenariosPart()
    webhooks: list[WebhookPart] | None = Field(None, max_length=MOST_PARTS)
    """Without it, the one of the server's settings, if it has one."""
    calls: list[CallPart] = Field(default_factory=list, max_length=MOST_PARTS)
    deliveries: list[DeliveryPart] = Field(default_factory=list, max_length=MOST_PARTS)
    events: list[EventPart] | None = Field(None, max_length=MOST_PARTS)
    """Without it, the history that the calls tell of."""
    timers: list[TimerPart] | None = Field(None, max_length=MOST_PARTS)
    """Without it, what the scenarios of the live calls have next."""
    faults: list[FaultPart] = Field(default_factory=list, max_length=MOST_PARTS)
    counts: CountsPart | None = None
