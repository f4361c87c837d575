"""Events: each type happens, and those of Chirp's webhooks are told in its words."""

import json
from collections import Counter
from itertools import groupby
from random import Random

import pytest

from mockchirp.core.events import EVENTS, EventLog, public_event
from mockchirp.core.instants import format_milli, parse_instant

T0 = parse_instant("2026-01-15T10:30:00Z")
NUMBERS = ["+15559876543", *(f"+1500555000{digit}" for digit in range(1, 9))]


@pytest.fixture
def lived_through(make, place, run_to_idle):
    """A sandbox in which everything has happened that can, and the bodies that were sent, in order."""
    sandbox = make()
    calls = [place(sandbox, number, metadata={"order": 7}) for number in NUMBERS]
    calls += [sandbox.place_call("agent 7", "+15559876543", "webrtc", "pstn")]
    calls += [sandbox.receive_call("+15559876543", "+15551234567") for _ in range(3)]
    for call in calls[:9]:
        sandbox.start_recording(call.id, "ogg")
    sandbox.answer(calls[-1].id)
    sandbox.reject(calls[-2].id)
    sandbox.send_to_voicemail(calls[-3].id)
    sent = [dispatch for _, dispatch in run_to_idle(sandbox)]
    sandbox.delete_recording(next(iter(sandbox.recorder.recordings)))
    return sandbox, [json.loads(dispatch.body) for dispatch in sent]


@pytest.mark.parametrize("type", EVENTS)
def test_every_type_happens(lived_through, type):
    """A new one needs a story that it happens in."""
    sandbox, _ = lived_through

    assert type in {event.type for event in sandbox.events.after(0)}
    assert EVENTS[type].when


def test_nothing_happens_that_is_not_in_the_table(lived_through):
    """And Chirp's own names are told from ours by their beginning."""
    sandbox, _ = lived_through

    assert {event.type for event in sandbox.events.after(0)} <= set(EVENTS)
    assert all(row.name.startswith("calls.") == row.webhook for row in EVENTS.values())


@pytest.mark.parametrize("type", [name for name, row in EVENTS.items() if row.webhook])
def test_every_event_of_a_webhook_is_told_as_the_contract_says(lived_through, contract, type):
    """Each time that it happens, and with the instant at which it did."""
    sandbox, bodies = lived_through
    events = [event for event in sandbox.events.after(0) if event.type == type]
    told = [body for body in bodies if body["event"] == type]

    assert [body["timestamp"] for body in told] == [format_milli(event.at) for event in events]
    for event, body in zip(events, told, strict=True):
        contract.check_webhook(body)
        assert body["data"]["call"]["id"] == event.call_id
        assert body["data"]["app"] == {"id": sandbox.app_id}


def test_no_other_event_is_told(lived_through):
    """They are for the readers of the control API."""
    _, bodies = lived_through

    assert {body["event"] for body in bodies} <= {name for name, row in EVENTS.items() if row.webhook}


def test_every_event_id_is_told_once(lived_through):
    """`evt_`, what it is about, and what happened to it."""
    _, bodies = lived_through
    ids = [body["eventId"] for body in bodies]

    assert len(ids) == len(set(ids)) > 50


def test_a_payload_leaves_out_what_does_not_apply(lived_through):
    """Metadata, room, length and reason are there when there is something to say."""
    sandbox, bodies = lived_through
    for body in bodies:
        call = sandbox.calls[body["data"]["call"]["id"]]
        told = body["data"]["call"]
        assert ("metadata" in told) == bool(call.metadata)
        assert ("livekitRoomName" in told) == (call.livekit_room_name is not None)
        assert None not in told.values()
        assert (told["from"], told["fromChannel"]) == (call.from_address, call.from_channel)
        is_over = body["event"] in ("calls.completed", "calls.failed", "calls.no_answer", "calls.recording.completed")
        assert not is_over or "endReason" in told


def test_a_payload_shows_the_call_as_it_was_when_the_event_happened(lived_through):
    """The status of the moment, however late it is sent."""
    _, bodies = lived_through
    statuses = {
        "calls.initiated": {"initiated"},
        "calls.ringing": {"ringing"},
        "calls.answered": {"in_progress"},
        "calls.participant.joined": {"in_progress"},
        "calls.no_answer": {"no_answer"},
        "calls.failed": {"failed", "busy"},
        "calls.completed": {"completed", "canceled"},
    }

    for body in bodies:
        assert body["data"]["call"]["status"] in statuses.get(body["event"], {body["data"]["call"]["status"]})


def test_events_are_numbered_in_the_order_of_time(lived_through):
    """From 1, without a gap."""
    sandbox, _ = lived_through
    events = list(sandbox.events.after(0))

    assert [event.number for event in events] == list(range(1, sandbox.events.last + 1))
    assert [event.at for event in events] == sorted(event.at for event in events)


def test_the_life_of_every_call_begins_with_its_creation(lived_through):
    """And what happens to it afterwards is its own."""
    sandbox, _ = lived_through
    by_call = sorted(sandbox.events.after(0), key=lambda event: (event.call_id, event.number))

    for call_id, events in groupby(by_call, key=lambda event: event.call_id):
        types = [event.type for event in events]
        assert types[0] == "calls.initiated"
        assert types.count("calls.initiated") == 1
        ends = {"calls.completed", "calls.failed", "calls.no_answer"}
        assert sum(type in ends for type in types) == (not sandbox.calls[call_id].is_live)


def test_an_event_is_shown_with_what_it_is_about():
    """Its number, instant, type, call and data; its recording if it is about one."""
    log = EventLog(kept=10)
    of_call = log.append(T0, "calls.initiated", "call_x", None, {"status": "initiated"})
    of_recording = log.append(T0 + 1, "recording.started", "call_x", "call_rec_x", {})

    assert public_event(of_call) == {
        "number": 1,
        "at": "2026-01-15T10:30:00.000Z",
        "type": "calls.initiated",
        "callId": "call_x",
        "data": {"status": "initiated"},
    }
    assert public_event(of_recording)["recordingId"] == "call_rec_x"


@pytest.mark.parametrize(("after", "numbers"), [(-1, [3, 4, 5]), (0, [3, 4, 5]), (2, [3, 4, 5]), (3, [4, 5]), (4, [5])])
def test_a_log_keeps_the_newest(after, numbers):
    """Numbers go on counting; what was forgotten is passed over."""
    log = EventLog(kept=3)
    for _ in range(5):
        log.append(T0, "calls.initiated", "call_x", None, {})

    assert [event.number for event in log.after(after)] == numbers
    assert log.last == 5


@pytest.mark.parametrize("after", [0, 1, 5, 10**15])
def test_a_log_has_nothing_after_its_end(after):
    """Whether it is empty or not."""
    log = EventLog(kept=3)
    assert list(log.after(after)) == []

    log.append(T0, "calls.initiated", "call_x", None, {})

    assert list(log.after(max(1, after))) == []


@pytest.mark.parametrize("kept", [1, 3, 7, 64, 200, 1_000])
def test_a_log_finds_what_is_of_a_type_and_of_a_call(kept):
    """The same as by looking through all that it keeps, wherever it begins; and so are its counts."""
    random, log = Random(kept), EventLog(kept)
    assert (log.of(), log.of("calls.ringing"), log.of(call_id="call_1"), log.counts()) == ([], [], [], {})
    for number in range(500):
        log.append(T0 + number, random.choice(TYPES), f"call_{random.randrange(20)}", None, {})
        if number % 50 == 49:
            whole = list(log.after(0))
            assert len(whole) == len(log) == min(kept, number + 1)
            for type in (None, *TYPES):
                for call_id in (None, "call_1", "call_19", "call_20"):
                    for after in (0, number // 2, number, number + 1, number + 2):
                        assert log.of(type, call_id, after) == [
                            event
                            for event in whole
                            if event.number > after and type in (None, event.type) and call_id in (None, event.call_id)
                        ]
            assert list(log.counts().items()) == list(Counter(event.type for event in whole).items())


TYPES = ("calls.initiated", "calls.ringing", "call.command")


def test_a_log_that_is_taken_up_finds_as_much():
    """And goes on counting from where the other one was."""
    log, copy = EventLog(5), EventLog(5)
    for number in range(12):
        log.append(T0, TYPES[number % 3], f"call_{number % 2}", None, {})
    copy.append(T0, "calls.ringing", "call_9", None, {})
    copy.restore(log.after(0), log.last)

    assert copy.of("calls.initiated") == log.of("calls.initiated") != []
    assert copy.of(call_id="call_9") == []
    assert copy.append(T0, "calls.ringing", "call_1", None, {}).number == 13
