"""The answers of the control API, as types: what its OpenAPI document says of them. Nothing here runs on a request."""

from typing import Any, Generic, Literal, NotRequired, TypedDict, TypeVar

from mockchirp.clock import Mode
from mockchirp.core.calls import CallStatus, Channel, Direction, Leg
from mockchirp.core.configuration import AnswerBehavior
from mockchirp.core.recordings import RecordingFormat, RecordingStatus
from mockchirp.core.scenarios import FarEndAction

Instant = str
Item = TypeVar("Item")


class Page(TypedDict, Generic[Item]):
    """A list."""

    data: list[Item]
    totalCount: int


class Clock(TypedDict):
    """A sandbox's clock. ``pending`` counts scheduled actions and deliveries in flight."""

    now: Instant
    mode: Mode
    rate: float
    nextDue: Instant | None
    pending: int


class Event(TypedDict):
    """Something that happened."""

    number: int
    at: Instant
    type: str
    callId: str
    recordingId: NotRequired[str]
    data: dict[str, Any]


class Attempt(TypedDict):
    """One try to deliver a webhook."""

    id: str
    event: str
    eventId: str
    callId: str
    url: str
    attempt: int
    at: Instant
    outcome: Literal["delivered", "failed"]
    responseStatus: int | None
    error: str | None
    nextAttemptAt: Instant | None


_Span = TypedDict("_Span", {"from": Instant, "to": Instant})


class Report(_Span):
    """What an advance did, in order."""

    events: list[Event]
    deliveries: list[Attempt]
    pending: int


class Call(TypedDict):
    """A call as Chirp shows it."""

    id: str
    appId: str
    direction: Direction
    status: CallStatus
    fromAddress: str
    toAddress: str
    fromChannel: Channel
    toChannel: Channel
    duration: int | None
    endReason: str | None
    metadata: dict[str, Any]
    livekitRoomName: str | None
    startedAt: Instant | None
    answeredAt: Instant | None
    endedAt: Instant | None
    createdAt: Instant


class Upcoming(TypedDict):
    """Something that is scheduled."""

    at: Instant
    action: str
    does: NotRequired[FarEndAction]
    recordingId: NotRequired[str]


class SeenCall(Call):
    """A call with what Chirp does not show of it."""

    hold: bool
    muted: list[Leg]
    scenario: str
    upcoming: list[Upcoming]


class CallWithHistory(SeenCall):
    """A call with every event, command and delivery, on one time axis."""

    history: list[dict[str, Any]]


class Recording(TypedDict):
    """A recording as Chirp shows it."""

    id: str
    callId: str
    status: RecordingStatus
    format: RecordingFormat
    duration: int | None
    fileUrl: str | None
    fileSize: int | None
    startedAt: Instant
    endedAt: Instant | None
    createdAt: Instant


class CallingConfiguration(TypedDict):
    """The calling configuration as Chirp shows it."""

    id: str
    appId: str
    organizationId: str
    voicemailEnabled: bool
    voicemailGreetingUrl: str | None
    voicemailMaxDuration: int
    autoRecordEnabled: bool
    recordingFormat: RecordingFormat
    defaultAnswerBehavior: AnswerBehavior
    maxConcurrentCalls: int
    whatsappCallingEnabled: bool
    whatsappSipEnabled: bool
    createdAt: Instant
    updatedAt: Instant


class Sandbox(TypedDict):
    """A sandbox and how it is set up."""

    appId: str
    keys: list[str]
    seed: int
    strict: bool
    phoneNumbers: list[str]
    calling: CallingConfiguration
    rateLimit: Literal["off", "enforce"]


class Step(TypedDict):
    """One step of a scenario."""

    after: str
    do: FarEndAction


class Scenario(TypedDict):
    """How a far end behaves. Durations as in ``1m30s``."""

    name: str
    what: str
    builtIn: bool
    created: list[Step]
    answered: list[Step]
    voicemail: list[Step]
    recording: Literal["completed", "failed"]
    carrierDown: bool
    patience: str | None
    messageLength: str | None
    processingTime: str | None


class Scenarios(Page[Scenario]):
    """All scenarios, the numbers that lead to them, and the default."""

    numbers: dict[str, str]
    default: str


class Numbers(TypedDict):
    """The numbers and patterns that lead to scenarios."""

    numbers: dict[str, str]


class Default(TypedDict):
    """The default scenario."""

    default: str


class Message(TypedDict):
    """What was done."""

    message: str
