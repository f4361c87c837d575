"""The answers of the control API, as types: what its OpenAPI document says of them. Nothing here runs on a request."""

from typing import Any, Generic, Literal, NotRequired, TypeVar

from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from mockchirp.core.calls import CallStatus, Channel, Direction, Leg
from mockchirp.core.configuration import AnswerBehavior
from mockchirp.core.deliveries import DeliveryStatus
from mockchirp.core.faults import Abort, Target
from mockchirp.core.recordings import RecordingFormat, RecordingStatus
from mockchirp.core.scenarios import FarEndAction

Instant = str
Item = TypeVar("Item")


class Page(TypedDict, Generic[Item]):
    """A list."""

    data: list[Item]
    totalCount: int


class SandboxEvent(TypedDict):
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


class HistoryEvent(SandboxEvent):
    """Something that happened to a call; a command was accepted."""

    kind: Literal["event", "command"]


class HistoryDelivery(TypedDict):
    """An attempt to deliver a webhook; where none was made yet or ever, what the delivery's ``outcome`` is so far."""

    kind: Literal["delivery"]
    id: str
    event: str
    eventId: str
    callId: str
    url: str
    attempt: int
    at: Instant
    outcome: Literal["delivered", "failed", "pending", "abandoned", "dropped"]
    responseStatus: int | None
    error: str | None
    nextAttemptAt: Instant | None
    injected: list[str]


class HistoryRequest(TypedDict):
    """A request that was meant to change a call, refused or not; the journal has the rest under its number."""

    kind: Literal["request"]
    number: int
    at: Instant
    operation: str | None
    method: str
    path: str
    status: int | None


class CallWithHistory(SeenCall):
    """A call with every event, command, request and delivery, on one time axis."""

    history: list[HistoryEvent | HistoryDelivery | HistoryRequest]


class DeliveryAttempt(TypedDict):
    """One attempt to deliver a webhook. ``durationMs`` is real time, ``responseBody`` has the first 4 KiB."""

    attempt: int
    at: Instant
    url: str
    durationMs: float
    outcome: Literal["delivered", "failed"]
    responseStatus: int | None
    responseBody: str
    error: str | None
    nextAttemptAt: Instant | None


class Delivery(TypedDict):
    """One event on its way to one webhook. ``url`` and ``headers`` are those of the latest attempt."""

    id: str
    webhookId: str
    event: str
    eventId: str
    callId: str
    status: DeliveryStatus
    createdAt: Instant
    nextAttemptAt: Instant | None
    underWay: bool
    injected: list[str]
    redeliveryOf: str | None
    url: str | None
    headers: dict[str, str]
    body: Any
    attempts: list[DeliveryAttempt]


class Fault(TypedDict):
    """A fault. Of the fields that belong to a target, only those of its own are there; what is not asked for is null.

    ``matched`` counts what it has looked at, ``injected`` what it was drawn for; ``active`` is whether it still applies.
    """

    id: str
    target: Target
    callId: str | None
    operation: NotRequired[str]
    status: NotRequired[int | None]
    code: NotRequired[str | None]
    message: NotRequired[str | None]
    abort: NotRequired[Abort | None]
    event: NotRequired[str | None]
    duplicate: NotRequired[int | None]
    drop: NotRequired[bool]
    reorder: NotRequired[int | None]
    delay: str | None
    times: int | None
    probability: float
    createdAt: Instant
    expiresAt: Instant | None
    matched: int
    injected: int
    active: bool


class Answer(TypedDict):
    """What a request was answered. A body is JSON, or text where it is none."""

    status: int
    headers: dict[str, str]
    body: Any
    bodyLength: int
    bodyTruncated: bool


class Exchange(TypedDict):
    """A request to Chirp's API. ``durationMs`` is real time; it and ``response`` are null where a fault left no answer."""

    number: int
    at: Instant
    durationMs: float | None
    operation: str | None
    fault: str | None
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: Any
    bodyLength: int
    bodyTruncated: bool
    response: Answer | None


class Deleted(TypedDict):
    """How many there were."""

    deleted: int


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


class Matched(TypedDict, total=False):
    """What was waited for, under the one name that the condition has: the call, the recording, the events, and so on."""

    call: SeenCall
    recording: Recording
    events: list[SandboxEvent]
    delivery: Delivery
    requests: list[Exchange]
    idle: Literal[True]


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
    defaultScenario: str


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


class MappedNumbers(TypedDict):
    """The numbers and patterns that lead to scenarios."""

    numbers: dict[str, str]


class ChosenScenario(TypedDict):
    """The default scenario."""

    default: str


class Message(TypedDict):
    """What was done."""

    message: str


class Health(TypedDict):
    """The process runs."""

    status: Literal["ok"]


class Readiness(TypedDict):
    """The server serves."""

    status: Literal["ready"]


class Assumption(TypedDict):
    """Something that the contract assumes: a JSON pointer into it, what it is about, and why it is assumed."""

    where: str
    what: str
    reason: str


class Provider(TypedDict):
    """What a carrier said."""

    source: str
    code: str
    message: str


class ErrorDetails(TypedDict):
    """What is wrong, for a program (``type``, ``code``, ``param``) and for a person (``message``)."""

    type: Literal["invalid_request_error", "authentication_error", "provider_error", "api_error"]
    message: str
    code: NotRequired[str]
    param: NotRequired[str]
    doc_url: NotRequired[str]
    provider: NotRequired[Provider]


class ErrorEnvelope(TypedDict):
    """Chirp's envelope of errors."""

    error: ErrorDetails
