"""What all parts of a sandbox share: the instant, the timeline, the identifiers, the policy, and the stream of events."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mockchirp.core.calls import Call
from mockchirp.core.events import EVENTS, Event, EventLog
from mockchirp.core.ids import IdSource
from mockchirp.core.instants import MINUTE, SECOND
from mockchirp.core.recordings import Recording
from mockchirp.core.timeline import Timeline
from mockchirp.core.voicemails import Voicemail


@dataclass(frozen=True, slots=True)
class Policy:
    """What a new sandbox starts with. Durations in milliseconds."""

    retry_schedule: tuple[int, ...] = (2 * SECOND, 4 * SECOND, 8 * SECOND, 16 * SECOND, 32 * SECOND)
    processing_time: int = 2 * SECOND
    webhook_url: str | None = None
    webhook_headers: tuple[tuple[str, str], ...] = ()
    strict: bool = False
    """Whether what is assumed about Chirp is switched off: commands, events, fields of payloads, endpoints."""
    extra_commands: frozenset[str] = frozenset()
    """Further command types to accept, without effect."""
    transcription: bool = True
    enforce_rate_limit: bool = False
    livekit_api_key: str = "devkey"
    livekit_api_secret: str = "secret"  # noqa: S105 - the well-known one of a development server
    """What `livekit-server --dev` accepts."""
    max_webhooks: int = 1_000
    """One more is refused; of what follows, the oldest is forgotten."""
    calls_kept: int = 100_000
    recordings_kept: int = 100_000
    max_faults: int = 1_000
    fault_hold_limit: int = 5 * MINUTE
    """How long (real time) a fault may keep a request waiting, by latency or a hang."""
    reorder_limit: int = 5 * MINUTE
    """How long a fault may hold a delivery back behind others that may never come."""
    journal_size: int = 1_000
    """How many requests the journal keeps; 0 switches it off."""
    events_kept: int = 200_000
    deliveries_kept: int = 50_000
    bodies_kept: int = 64 << 20
    """Bytes of bodies that the ledger of deliveries keeps, and as many in the journal."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An event with the things that it is about, as it is handed to those who listen, at the moment when it happens."""

    event: Event
    suffix: str
    """The end of its eventId."""
    call: Call
    recording: Recording | None = None
    voicemail: Voicemail | None = None


class World:
    """The shared ground of a sandbox. ``now`` is its instant (ms since the Unix epoch); only the sandbox moves it."""

    def __init__(self, now: int, ids: IdSource, policy: Policy) -> None:
        self.now = now
        self.ids = ids
        self.policy = policy
        self.timeline = Timeline()
        self.events = EventLog(policy.events_kept)
        self.listeners: list[Callable[[Occurrence], None]] = []
        """Told of every event that Chirp's webhooks know."""

    def emit(
        self,
        type: str,
        call: Call,
        data: Mapping[str, object],
        suffix: str | None = None,
        *,
        recording: Recording | None = None,
        voicemail: Voicemail | None = None,
    ) -> None:
        """Record that an event of ``type`` happened now to ``call``, and tell the listeners if it is one of Chirp's."""
        row = EVENTS[type]
        event = self.events.append(self.now, type, call.id, recording.id if recording else None, data)
        if row.webhook:
            occurrence = Occurrence(event, suffix or type.removeprefix("calls."), call, recording, voicemail)
            for listener in self.listeners:
                listener(occurrence)
