"""Everything that happens in a sandbox, as one numbered stream of frozen values (chirp-api.md section 6, "Events").

Types that begin with ``calls.`` are Chirp's webhook events; the others are told to nobody but the readers of the
control API. Webhooks, the control API and the web page are consumers of the stream; what emits an event knows none of
them.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from mockchirp.core.instants import format_milli


@dataclass(frozen=True, slots=True)
class EventType:
    """One row of the table of events."""

    name: str
    when: str
    webhook: bool = True


EVENTS = {
    row.name: row
    for row in (
        EventType("calls.initiated", "a call is created, in either direction"),
        EventType("calls.ringing", "the far end rings"),
        EventType("calls.answered", "the call is in progress"),
        EventType("calls.completed", "the call is completed, or was canceled before the answer"),
        EventType("calls.failed", "the carrier failed the call, or it was busy"),
        EventType("calls.no_answer", "nobody answered"),
        EventType("calls.recording.completed", "a recording is ready to download"),
        EventType("calls.voicemail.received", "a caller's message is ready"),
        EventType("calls.participant.joined", "a leg joins, on the answer or by transfer"),
        EventType("calls.participant.left", "a leg leaves, at the end or by transfer"),
        EventType("call.voicemail", "a voicemail box takes the call", webhook=False),
        EventType("call.command", "a command was accepted", webhook=False),
        EventType("recording.started", "a recording begins", webhook=False),
        EventType("recording.processing", "a recording ended and is being processed", webhook=False),
        EventType("recording.failed", "the processing of a recording failed; `data.reason` says why", webhook=False),
        EventType("recording.dropped", "a queued recording does not start, as its call is not answered", webhook=False),
        EventType("recording.deleted", "a recording was deleted", webhook=False),
    )
}


class Event(NamedTuple):
    """Something that happened. ``number`` counts from 1 in its sandbox; ``data`` says what changed and is never changed
    itself.
    """

    number: int
    at: int
    type: str
    call_id: str
    recording_id: str | None
    data: Mapping[str, object]


class EventLog:
    """The newest ``kept`` events of a sandbox, in order."""

    def __init__(self, kept: int) -> None:
        self._events: deque[Event] = deque(maxlen=kept)
        self.last = 0
        """The number of the newest event, 0 if there is none."""

    def append(self, at: int, type: str, call_id: str, recording_id: str | None, data: Mapping[str, object]) -> Event:
        """Record that an event of ``type`` happened at the instant ``at``."""
        self.last += 1
        event = Event(self.last, at, type, call_id, recording_id, data)
        self._events.append(event)
        return event

    def restore(self, events: Iterable[Event], last: int) -> None:
        """Take up an exported log, in place of what there is; the numbers of ``events`` are the latest up to ``last``."""
        self._events.clear()
        self._events.extend(events)
        self.last = last

    def __len__(self) -> int:
        return len(self._events)

    def after(self, number: int) -> Iterator[Event]:
        """The kept events whose number is greater than ``number``, oldest first."""
        skipped = number - (self.last - len(self._events))
        if skipped <= 0:
            return iter(self._events)
        if number >= self.last:
            return iter(())
        return islice(self._events, skipped, None)


def public_event(event: Event) -> dict[str, object]:
    """An event as the control API shows it."""
    shown: dict[str, object] = {
        "number": event.number,
        "at": format_milli(event.at),
        "type": event.type,
        "callId": event.call_id,
    }
    if event.recording_id is not None:
        shown["recordingId"] = event.recording_id
    shown["data"] = event.data
    return shown
