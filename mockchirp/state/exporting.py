"""From a sandbox to the document of its state.

A big sandbox takes seconds to write down, in which it must go on serving. So it is done in two steps: :func:`capture` takes
everything at one moment, and only copies what can change; :func:`write` then makes the JSON of it piece by piece, between
which others may work.
"""

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import Any

import orjson
from pydantic.alias_generators import to_camel

from mockchirp.clock import EARLIEST, Clock
from mockchirp.core.configuration import public_configuration
from mockchirp.core.deliveries import Attempt, Delivery, Sent
from mockchirp.core.events import Event
from mockchirp.core.faults import Fault
from mockchirp.core.instants import MINUTE, format_duration, format_milli
from mockchirp.core.recordings import Recording
from mockchirp.core.sandbox import Sandbox
from mockchirp.core.scenarios import ScenarioBook
from mockchirp.core.timeline import ACTION_NAMES, Entry
from mockchirp.fields import Body
from mockchirp.state.document import VERSION, CallPart, DeliveryPart, FaultPart
from mockchirp.state.scenarios import show_scenario

Json = dict[str, Any]

_OTHER_NAMES = {"from_address": "from", "to_address": "to", "on_hold": "hold"}


class _Row:
    """How things of one class are taken and shown: the fields that an export tells, and those of them that are instants."""

    def __init__(self, *fields: str, instants: tuple[str, ...] = ()) -> None:
        self.fields = fields
        self.of: Callable[[Any], tuple[Any, ...]] = attrgetter(*fields)
        self._names = [_OTHER_NAMES.get(field) or to_camel(field) for field in fields]
        self._instants = [to_camel(field) for field in instants]

    def values(self, thing: Any) -> tuple[Any, ...]:
        """The values of a thing, or what was taken of one before."""
        return thing if type(thing) is tuple else self.of(thing)

    def show(self, values: tuple[Any, ...]) -> Json:
        """All the values by their names in the document."""
        shown = dict(zip(self._names, values, strict=True))
        for name in self._instants:
            if shown[name] is not None:
                shown[name] = format_milli(shown[name])
        return shown


# A test holds these against the classes: what changes in a sandbox is in a row, or found out again from what is.
CALL = _Row(
    *("id", "direction", "status", "from_address", "to_address", "from_channel", "to_channel"),
    *("created_at", "answered_at", "ended_at", "end_reason", "metadata", "livekit_room_name", "scenario"),
    *("on_hold", "muted", "queued_recording", "participants", "participant_count", "decided_at"),
    instants=("created_at", "answered_at", "ended_at", "decided_at"),
)
RECORDING = _Row(
    *("id", "format", "status", "started_at", "ended_at", "outcome", "file_size"), instants=("started_at", "ended_at")
)
VOICEMAIL = _Row(
    *("id", "created_at", "recording_id", "duration", "caller_number", "caller_channel", "transcription", "is_read"),
    instants=("created_at",),
)
DELIVERY = _Row(
    *("id", "webhook_id", "event", "event_id", "call_id", "body", "created_at", "order", "status", "url"),
    *("headers", "redelivery_of", "injected", "held_by", "behind"),
    instants=("created_at",),
)
PROGRESS = _Row("status", "url", "headers", "injected", "held_by", "behind")
"""What of that changes: there may be so many deliveries that taking more would hold everybody up."""
WEBHOOK = _Row(*("id", "url", "events", "headers", "created_at", "updated_at"), instants=("created_at", "updated_at"))
FAULT = _Row(
    *("id", "created_at", "target", "call_id", "times", "probability", "expires_at", "delay", "operation", "status"),
    *("code", "message", "abort", "event", "duplicate", "drop", "reorder", "matched", "injected"),
    instants=("created_at", "expires_at"),
)


_Progress = tuple[tuple[Any, ...], Sent | None, int]
"""The values of :data:`PROGRESS`, the attempt that is due or under way, and how many there were before."""


@dataclass(slots=True)
class Snapshot:
    """A sandbox at one moment: things that nothing changes any more, and the values of those that may still change."""

    head: Json
    book: ScenarioBook
    calls: list[Any]
    recording_ids: dict[str, tuple[str, ...]]
    recordings: list[Any]
    voicemails: list[Any]
    messages: frozenset[str]
    deliveries: list[Delivery]
    progress: list[_Progress | None]
    """Of each delivery that may still change."""
    events: list[Event]
    timers: list[Entry]


def capture(sandbox: Sandbox, clock: Clock, keys: Iterable[str], seed: int, *, as_of: int | None = None) -> Snapshot:
    """Everything of a sandbox at this moment. ``as_of`` is the machine's time, for a document with which this very server will
    go on; it then has the origin of the links in its webhooks, too.
    """
    now = sandbox.now
    limiter = sandbox.rate_limiter
    book = sandbox.scenarios
    configuration = sandbox.configuration
    calling = public_configuration(configuration)
    for name in ("appId", "organizationId"):
        del calling[name]
    calling["createdAt"] = format_milli(configuration.created_at)
    calling["updatedAt"] = format_milli(configuration.updated_at)
    head: Json = {
        "version": VERSION,
        "keys": list(keys),
        "seed": seed,
        "identity": sandbox.identity,
        "clock": {"now": format_milli(now), "mode": clock.mode, "rate": clock.rate},
        "phoneNumbers": list(sandbox.phone_numbers),
        "rateLimit": "enforce" if sandbox.enforce_rate_limit else "off",
        "calling": calling,
        "scenarios": {
            "defined": {name: show_scenario(scenario) for name, scenario in book.defined.items()},
            "numbers": dict(book.numbers),
            "default": book.default,
        },
        "webhooks": [WEBHOOK.show(WEBHOOK.of(webhook)) for webhook in sandbox.notifier.webhooks.values()],
        "faults": [_fault(fault) for fault in sandbox.faults],
        "counts": {
            "ids": {kind: count for kind, count in sandbox.ids.counts.items() if count},
            "numbers": sandbox.people.numbers,
            "messages": sandbox.people.messages,
            "orders": sandbox.timeline.last_order,
            "deliveries": sandbox.deliveries.count,
            "events": sandbox.events.last,
            "faults": sandbox.faults.count,
        },
    }
    if as_of is not None:
        head["origin"] = sandbox.notifier.origin
        head["clock"]["asOf"] = format_milli(as_of)
    if limiter.window == now // MINUTE:
        head["requests"] = {"minute": format_milli(max(EARLIEST, limiter.window * MINUTE)), **limiter.counts}
    deliveries = list(sandbox.deliveries)
    calls = sandbox.calls.values()
    return Snapshot(
        head=head,
        book=ScenarioBook(dict(book.defined), {}, book.default),
        calls=[CALL.of(call) if call.is_live else call for call in calls],
        recording_ids={call.id: tuple(call.recording_ids) for call in calls if call.recording_ids},
        recordings=[_fixed(recording) for recording in sandbox.recorder.recordings.values()],
        voicemails=[(each.call_id, *VOICEMAIL.of(each)) for each in sandbox.voicemail_box.voicemails.values()],
        messages=frozenset(sandbox.voicemail_box.messages),
        deliveries=deliveries,
        progress=[
            (PROGRESS.of(each), each.sent, len(each.attempts)) if each.sent or each.status == "pending" else None
            for each in deliveries
        ],
        events=list(sandbox.events.after(0)),
        timers=sandbox.timeline.pending(),
    )


def _fixed(recording: Recording) -> Any:
    return recording if recording.status in ("completed", "failed") else RECORDING.of(recording)


def write(snapshot: Snapshot) -> Iterator[bytes]:
    """The document as JSON text, piece by piece."""
    yield orjson.dumps(snapshot.head)[:-1]
    recordings = {values[0]: (place, values) for place, values in enumerate(map(RECORDING.values, snapshot.recordings))}
    voicemails = {values[0]: (place, values[1:]) for place, values in enumerate(snapshot.voicemails)}
    yield from _list(b"calls", snapshot.calls, lambda call: _call(snapshot, CALL.values(call), recordings, voicemails))
    sent = sorted(each[1].number for each in snapshot.progress if each is not None and each[1] is not None)
    places = {number: place for place, number in enumerate(sent, 1)}
    bodies: dict[bytes, str] = {}
    pairs = zip(snapshot.deliveries, snapshot.progress, strict=True)
    yield from _list(b"deliveries", pairs, lambda pair: _delivery(pair[0], pair[1], places, bodies))
    yield from _list(b"events", snapshot.events, _event)
    yield from _list(b"timers", sorted(snapshot.timers), _timer)
    yield b"}"


def export(sandbox: Sandbox, clock: Clock, keys: Iterable[str], seed: int) -> Json:
    """The whole document at once, as plain data."""
    document: Json = orjson.loads(b"".join(write(capture(sandbox, clock, keys, seed))))
    return document


def _list(name: bytes, rows: Iterable[Any], show: Callable[[Any], Json]) -> Iterator[bytes]:
    yield b',"%s":[' % name
    separator = b""
    for row in rows:
        yield separator + orjson.dumps(show(row))
        separator = b","
    yield b"]"


def _told(shown: Json, part: type[Body]) -> Json:
    """Without what reading makes of nothing: null, and what is empty, zero or false where that is the default of ``part``."""
    silent = _silent(part)
    return {name: value for name, value in shown.items() if value or (value is not None and name not in silent)}


@cache
def _silent(part: type[Body]) -> frozenset[str]:
    """The fields of a part that are empty, zero or false where nothing is said of them."""
    defaults = {
        field.alias or to_camel(name): field.get_default(call_default_factory=True)
        for name, field in part.model_fields.items()
        if not field.is_required()
    }
    return frozenset(name for name, default in defaults.items() if default is not None and not default)


def _call(
    snapshot: Snapshot,
    values: tuple[Any, ...],
    recordings: Mapping[str, tuple[int, tuple[Any, ...]]],
    voicemails: Mapping[str, tuple[int, tuple[Any, ...]]],
) -> Json:
    shown = CALL.show(values)
    id, scenario = shown["id"], shown["scenario"]
    shown["scenario"] = scenario.name
    current = snapshot.book.get(scenario.name)
    if current is not scenario and current != scenario:
        shown["scenarioDefinition"] = show_scenario(scenario)
    shown["participants"] = [participant._asdict() for participant in shown["participants"]] or None
    if shown["participantCount"] == 2:
        del shown["participantCount"]
    ids = snapshot.recording_ids.get(id, ())
    shown["recordings"] = [_recording(*recordings[each], each in snapshot.messages) for each in ids]
    if id in voicemails:
        place, left = voicemails[id]
        shown["voicemail"] = {**VOICEMAIL.show(left), "order": place}
    never_answered = shown["endedAt"] is not None and shown["answeredAt"] is None
    told = _told(shown, CallPart)
    if never_answered:
        told["answeredAt"] = None
    return told


def _recording(order: int, values: tuple[Any, ...], message: bool) -> Json:
    shown = {**RECORDING.show(values), "message": message, "order": order}
    return {name: value for name, value in shown.items() if value is not None and value is not False}


def _delivery(
    delivery: Delivery, progress: _Progress | None, places: Mapping[int, int], bodies: dict[bytes, str]
) -> Json:
    """One delivery. ``places`` are those of the attempts under way among themselves. Its body is said once: ``bodies`` holds
    which delivery says it.
    """
    values, sent, count = progress or (PROGRESS.of(delivery), None, len(delivery.attempts))
    shown = {**DELIVERY.show(DELIVERY.of(delivery)), **PROGRESS.show(values)}
    body = shown.pop("body")
    first = bodies.setdefault(body, delivery.id)
    said = {"body": body.decode()} if first == delivery.id else {"bodyOf": first}
    shown["headers"] = dict(shown["headers"])
    shown["attempts"] = [_attempt(attempt) for attempt in delivery.attempts[:count]]
    if sent is not None and shown["status"] == "pending":
        shown["underWay"] = places[sent.number]
    return {**_told(shown, DeliveryPart), **said}


def _attempt(attempt: Attempt) -> Json:
    outcome = attempt.outcome
    shown: Json = {
        "number": attempt.number,
        "at": format_milli(attempt.at),
        "url": attempt.url,
        "status": outcome.status,
        "elapsed": outcome.elapsed,
        "afterEvent": attempt.after_event,
    }
    if outcome.error is not None:
        shown["error"] = outcome.error
    if outcome.body:
        try:
            shown["body"] = outcome.body.decode()
        except UnicodeDecodeError:
            shown["bodyBase64"] = base64.b64encode(outcome.body).decode()
    if attempt.next_attempt_at is not None:
        shown["nextAttemptAt"] = format_milli(attempt.next_attempt_at)
    return shown


def _event(event: Event) -> Json:
    shown: Json = {"number": event.number, "at": format_milli(event.at), "type": event.type, "callId": event.call_id}
    if event.recording_id is not None:
        shown["recordingId"] = event.recording_id
    if event.data:
        shown["data"] = event.data
    return shown


_TIMER_NAMES: Mapping[str, str] = {
    "call_id": "callId",
    "recording_id": "recordingId",
    "delivery_id": "deliveryId",
    "action": "does",
}


def _timer(entry: Entry) -> Json:
    action = entry.action
    subject = {_TIMER_NAMES[name]: value for name, value in action._asdict().items()}
    return {"at": format_milli(entry.at), "order": entry.order, "action": ACTION_NAMES[type(action)], **subject}


def _fault(fault: Fault) -> Json:
    shown = FAULT.show(FAULT.of(fault))
    if fault.delay is not None:
        shown["delay"] = format_duration(fault.delay)
    not_asked = [name for name in ("duplicate", "drop", "reorder") if not shown[name]]
    for name in [*not_asked, *(["operation"] if fault.target == "webhook" else [])]:
        del shown[name]
    return _told(shown, FaultPart)
