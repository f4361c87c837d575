"""Everything that happens in a sandbox, as one numbered stream of frozen values (chirp-api.md section 6, "Events").

Types that begin with ``calls.`` are Chirp's webhook events; the others are told to nobody but the readers of the
control API. Webhooks, the control API and the web page are consumers of the stream; what emits an event knows none of
them.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
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


_SHARE = 64
"""A log may pass its bound by one part in so many before the oldest are let go, in one batch."""


class EventLog:
    """The newest ``kept`` events of a sandbox, in order: all of them, those of a type, and those of a call."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._events: list[Event] = []
        self._of_type: dict[str, list[Event]] = {}
        self._of_call: dict[str, list[Event]] = {}
        self.last = 0
        """The number of the newest event, 0 if there is none."""

    def append(self, at: int, type: str, call_id: str, recording_id: str | None, data: Mapping[str, object]) -> Event:
        """Record that an event of ``type`` happened at the instant ``at``."""
        self.last += 1
        event = Event(self.last, at, type, call_id, recording_id, data)
        self._enter(event)
        if len(self._events) > self._kept + self._kept // _SHARE:
            self._forget_oldest()
        return event

    def restore(self, events: Iterable[Event], last: int) -> None:
        """Take up an exported log, in place of what there is; the numbers of ``events`` are the latest up to ``last``."""
        self._events, self._of_type, self._of_call = [], {}, {}
        for event in events:
            self._enter(event)
        self.last = last

    def __len__(self) -> int:
        return min(len(self._events), self._kept)

    def after(self, number: int) -> Iterator[Event]:
        """The kept events whose number is greater than ``number``, oldest first."""
        fresh = min(self.last - number, len(self))
        return iter(self._events[-fresh:] if fresh > 0 else ())

    def of(self, type: str | None = None, call_id: str | None = None, after: int = 0) -> list[Event]:
        """Those of :meth:`after` that are of a type and of a call; None asks for nothing."""
        if call_id is None:
            if type is None:
                return list(self.after(after))
            return _newer(self._of_type.get(type, []), self._oldest(after))
        events = _newer(self._of_call.get(call_id, []), self._oldest(after))
        return events if type is None else [event for event in events if event.type == type]

    def counts(self) -> dict[str, int]:
        """How many there are of each type, in the order of their first."""
        starts = {type: _place_after(events, self._oldest(0)) for type, events in self._of_type.items()}
        kept = [
            (self._of_type[type][start].number, type)
            for type, start in starts.items()
            if start < len(self._of_type[type])
        ]
        return {type: len(self._of_type[type]) - starts[type] for _, type in sorted(kept)}

    def _oldest(self, after: int) -> int:
        """The number after which kept events lie, if those up to ``after`` don't count."""
        return max(after, self.last - self._kept)

    def _enter(self, event: Event) -> None:
        self._events.append(event)
        self._of_type.setdefault(event.type, []).append(event)
        self._of_call.setdefault(event.call_id, []).append(event)

    def _forget_oldest(self) -> None:
        surplus = len(self._events) - self._kept
        gone = self._events[:surplus]
        del self._events[:surplus]
        oldest = gone[-1].number
        for index, keys in (
            (self._of_type, {each.type for each in gone}),
            (self._of_call, {each.call_id for each in gone}),
        ):
            for key in keys:
                index[key] = _newer(index[key], oldest)
                if not index[key]:
                    del index[key]


def _place_after(events: list[Event], number: int) -> int:
    """The place in ``events``, which are in order, of the first whose number is greater."""
    return bisect_right(events, number, key=attrgetter("number"))


def _newer(events: list[Event], number: int) -> list[Event]:
    return events[_place_after(events, number) :]


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
