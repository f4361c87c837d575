"""What a sandbox forgets, and what it keeps."""

from dataclasses import replace

import pytest

from mockchirp.core.deliveries import MOST_PENDING, Outcome
from mockchirp.core.errors import Conflict
from mockchirp.core.faults import Fault
from mockchirp.core.ledger import MOST_AT_ONCE
from mockchirp.core.notifier import MOST_COPIES
from mockchirp.core.sandbox import Sandbox
from mockchirp.core.world import Policy

NOW = 1_768_473_000_000
BRIEF, ENDLESS = "+15005550008", "+15005550007"


def make(**bounds):
    return Sandbox(now=NOW, policy=Policy(**bounds), size_of=lambda kind, seconds: 1)


def place(sandbox, to=BRIEF):
    return sandbox.place_call("+15551234567", to)


def wait(sandbox, seconds):
    sandbox.run_until(sandbox.now + seconds * 1000)


def test_the_oldest_ended_calls_are_forgotten():
    """With their recordings; what is newer stays, and so does what is live."""
    sandbox = make(calls_kept=10)
    live = place(sandbox, ENDLESS)
    calls = []
    for _ in range(30):
        call = place(sandbox)
        wait(sandbox, 0)
        sandbox.start_recording(call.id, "mp4")
        wait(sandbox, 5)
        calls.append(call)
    newest = place(sandbox)

    assert [*sandbox.calls] == [live.id, *(call.id for call in calls[-10:]), newest.id]
    assert [*sandbox.recorder.recordings] == [id for call in calls[-10:] for id in call.recording_ids]
    assert sandbox.call(live.id).is_live


def test_a_forgotten_call_takes_its_voicemail_along():
    """Voicemails of calls that are kept stay."""
    sandbox = make(calls_kept=4)
    for _ in range(8):
        call = sandbox.receive_call()
        sandbox.send_to_voicemail(call.id)
        wait(sandbox, 60)
    place(sandbox)

    voicemails = sandbox.voicemail_box.voicemails.values()
    assert [voicemail.call_id for voicemail in voicemails] == [*sandbox.calls][:-1]
    assert len(voicemails) == 4


def test_a_call_can_be_forgotten_while_its_recording_is_processed():
    """Nothing comes of it then."""
    sandbox = make(calls_kept=1, processing_time=3_600_000)
    first = place(sandbox)
    wait(sandbox, 0)
    sandbox.start_recording(first.id, "ogg")
    wait(sandbox, 2)
    for _ in range(3):
        place(sandbox)
        wait(sandbox, 2)

    wait(sandbox, 7200)

    assert first.id not in sandbox.calls
    assert sandbox.recorder.recordings == {}
    assert len(sandbox.timeline) == 0


def test_the_oldest_finished_recordings_are_forgotten():
    """One that runs or is processed never is; voicemails of forgotten ones point to nothing."""
    sandbox = make(recordings_kept=3)
    inbound = sandbox.receive_call()
    sandbox.send_to_voicemail(inbound.id)
    wait(sandbox, 60)
    call = place(sandbox, ENDLESS)
    wait(sandbox, 5)
    made = []
    for _ in range(6):
        sandbox.start_recording(call.id, "webm")
        made.append(call.recording_id)
        sandbox.stop_recording(call.id)
        wait(sandbox, 3)
    sandbox.start_recording(call.id, "webm")

    assert [*sandbox.recorder.recordings] == [*made[-3:], call.recording_id]
    assert [recording.id for recording in sandbox.recordings_of(call.id)] == [*made[-3:], call.recording_id]
    assert [each.recording_id for each in sandbox.voicemail_box.voicemails.values()] == [None]


def test_there_are_only_so_many_webhooks():
    """One more is refused, until one is deleted."""
    sandbox = make(max_webhooks=2)
    first = sandbox.notifier.add("http://app.test", ["calls.answered"], {})
    sandbox.notifier.add("http://app.test", ["calls.answered"], {})

    with pytest.raises(Conflict, match="2 webhooks"):
        sandbox.notifier.add("http://app.test", ["calls.answered"], {})
    sandbox.notifier.delete(first.id)
    sandbox.notifier.add("http://app.test", ["calls.answered"], {})


def test_live_calls_are_bounded_whatever_the_configuration_says():
    """By the number of calls that are kept."""
    sandbox = make(calls_kept=3)
    for _ in range(3):
        place(sandbox, ENDLESS)

    with pytest.raises(Conflict, match="3 calls are live"):
        place(sandbox, ENDLESS)


def test_finished_deliveries_are_forgotten_before_pending_ones():
    """A pending delivery keeps its retries."""
    sandbox = make(deliveries_kept=8, webhook_url="http://app.test")
    place(sandbox, ENDLESS)
    [failing] = sandbox.take_outbox()
    sandbox.record_outcome(failing, Outcome(500, "answered 500"))
    for _ in range(20):
        place(sandbox, ENDLESS)
        for dispatch in sandbox.take_outbox():
            sandbox.record_outcome(dispatch, Outcome(200, None))

    deliveries = [delivery.id for delivery in sandbox.deliveries]
    assert deliveries[0] == failing.delivery_id
    assert len(deliveries) == 8
    assert deliveries[1:] == [f"dlv_{number}" for number in range(15, 22)]


def test_the_oldest_pending_deliveries_are_abandoned_in_the_end():
    """On a frozen clock with a dead receiver, nothing else would bound them. What is under way is left alone."""
    sandbox = make(deliveries_kept=5, webhook_url="http://app.test")
    place(sandbox, ENDLESS)
    [under_way] = sandbox.take_outbox()
    for _ in range(100):
        place(sandbox, ENDLESS)
        for dispatch in sandbox.take_outbox():
            sandbox.record_outcome(dispatch, Outcome(500, "answered 500"))

    assert len([*sandbox.deliveries]) <= MOST_PENDING * 5 + 1
    assert sum(1 for entry in sandbox.timeline if entry.action[0].startswith("dlv_")) == len([*sandbox.deliveries]) - 1
    sandbox.record_outcome(under_way, Outcome(200, None))
    assert next(iter(sandbox.deliveries)).status == "delivered"


@pytest.mark.parametrize("kept", [1, 10])
@pytest.mark.parametrize("status", [200, 500])
def test_what_is_opened_together_is_sent_whatever_the_bound(kept, status):
    """Two hundred webhooks hear of each of the events of one instant, and all that is sent is recorded."""
    sandbox = make(deliveries_kept=kept)
    for _ in range(200):
        sandbox.notifier.add("http://app.test", ["calls.initiated", "calls.ringing", "calls.answered"], {})
    place(sandbox)
    batch = sandbox.take_outbox()
    place(sandbox)
    batch += sandbox.take_outbox()

    assert len(batch) == 1200
    for dispatch in batch:
        sandbox.record_outcome(dispatch, Outcome(status, None if status == 200 else "answered 500"))
    wait(sandbox, 60)
    assert len([*sandbox.deliveries]) <= MOST_PENDING * kept + len(batch)
    place(sandbox)
    assert len(sandbox.take_outbox()) >= 600


def test_duplicates_are_made_whatever_the_bound():
    """The delivery that is duplicated and its copies are all sent."""
    sandbox = make(deliveries_kept=1, webhook_url="http://app.test")
    sandbox.faults.add(Fault(id="flt_1", created_at=NOW, target="webhook", duplicate=100))
    place(sandbox, ENDLESS)

    batch = sandbox.take_outbox()
    assert [dispatch.delivery_id for dispatch in batch] == [f"dlv_{number}" for number in range(1, 102)]
    for dispatch in batch:
        assert sandbox.record_outcome(dispatch, Outcome(200, None)).status == "delivered"


def test_an_event_is_duplicated_so_often_and_no_more():
    """For all webhooks together; each delivery says how often it was, and why not more."""
    sandbox = make()
    for _ in range(30):
        sandbox.notifier.add("http://app.test", ["calls.initiated"], {})
    sandbox.faults.add(Fault(id="flt_1", created_at=NOW, target="webhook", duplicate=100))
    place(sandbox, ENDLESS)

    assert len(sandbox.take_outbox()) == 30 + MOST_COPIES
    says = [delivery.injected[0] for delivery in sandbox.deliveries if "of 100 times" in delivery.injected[0]]
    assert len(says) == 20
    assert says[0] == "not duplicated (0 of 100 times: an event is duplicated 1000 times at most) by flt_1"
    place(sandbox, ENDLESS)
    assert len(sandbox.take_outbox()) == 30 + MOST_COPIES


def test_what_waits_for_a_place_can_be_given_up():
    """The oldest first, as what waits for its next attempt; what has a place stays."""
    sandbox = make(deliveries_kept=5, webhook_url="http://app.test")
    place(sandbox, ENDLESS)
    ledger = sandbox.deliveries
    (under_way,) = sandbox.take_outbox()
    ledger.depart(ledger.queue(under_way))
    queued = []
    for _ in range(100):
        place(sandbox, ENDLESS)
        for dispatch in sandbox.take_outbox():
            queued.append(ledger.queue(dispatch))

    kept = [*ledger]
    assert kept == [kept[0], *queued[-len(kept) + 1 :]]
    assert MOST_PENDING * 5 <= ledger.queued == len(kept) - 1 <= MOST_PENDING * 5 + 1
    assert {delivery.status for delivery in queued[: -ledger.queued]} == {"abandoned"}
    assert ledger.given_up == 100 - ledger.queued
    assert sandbox.record_outcome(under_way, Outcome(200, None)) is kept[0]


def test_what_one_jump_of_the_clock_brings_about_is_bounded_too():
    """By far more than what waits may be: the oldest are never sent, and nothing is left of them."""
    sandbox = make(deliveries_kept=1)
    for _ in range(500):
        sandbox.notifier.add("http://app.test", ["calls.initiated"], {})
    for _ in range(40):
        place(sandbox, ENDLESS)

    batch = sandbox.take_outbox()
    assert MOST_AT_ONCE <= len(batch) <= MOST_AT_ONCE * 1.02
    assert batch[-1].delivery_id == "dlv_20000"
    assert [delivery.id for delivery in sandbox.deliveries] == [dispatch.delivery_id for dispatch in batch]


LARGE = {"filler": "x" * 100_000}
"""Metadata that makes a body of some 100 kB."""


def test_a_body_that_many_share_counts_once():
    """So that an event for many webhooks takes no more than for one."""
    sandbox = make(bodies_kept=250_000)
    for _ in range(100):
        sandbox.notifier.add("http://app.test", ["calls.initiated"], {})
    sandbox.place_call("+15551234567", ENDLESS, metadata=LARGE)
    for dispatch in sandbox.take_outbox():
        sandbox.record_outcome(dispatch, Outcome(200, None))
    sandbox.place_call("+15551234567", ENDLESS, metadata=LARGE)

    assert len([*sandbox.deliveries]) == 200
    assert len({id(delivery.body) for delivery in sandbox.deliveries}) == 2


def test_the_oldest_finished_deliveries_go_when_bodies_take_too_much():
    """However few they are; what is pending stays."""
    sandbox = make(bodies_kept=350_000, webhook_url="http://app.test")
    sandbox.place_call("+15551234567", ENDLESS, metadata=LARGE)
    (failing,) = sandbox.take_outbox()
    sandbox.record_outcome(failing, Outcome(500, "answered 500"))
    for _ in range(6):
        sandbox.place_call("+15551234567", ENDLESS, metadata=LARGE)
        for dispatch in sandbox.take_outbox():
            sandbox.record_outcome(dispatch, Outcome(200, None))

    assert [delivery.id for delivery in sandbox.deliveries] == ["dlv_1", "dlv_6", "dlv_7"]


def test_the_bodies_of_answers_count_as_well():
    """They are as large as the receiver likes, up to 4 KiB for each attempt."""
    sandbox = make(bodies_kept=100_000, webhook_url="http://app.test")
    for number in range(100):
        place(sandbox, ENDLESS)
        for dispatch in sandbox.take_outbox():
            sandbox.record_outcome(dispatch, Outcome(200, None, bytes([number]) * 4096))

    assert 18 <= len([*sandbox.deliveries]) <= 24


def test_what_waits_is_given_up_when_bodies_take_too_much():
    """The oldest first; what has just fallen due is sent."""
    sandbox = make(bodies_kept=350_000, webhook_url="http://app.test")
    for _ in range(10):
        sandbox.place_call("+15551234567", ENDLESS, metadata=LARGE)
        for dispatch in sandbox.take_outbox():
            sandbox.record_outcome(dispatch, Outcome(500, "answered 500"))

    assert [delivery.id for delivery in sandbox.deliveries] == ["dlv_7", "dlv_8", "dlv_9", "dlv_10"]
    assert sum(1 for entry in sandbox.timeline if entry.action[0].startswith("dlv_")) == 4
    assert sandbox.deliveries.given_up == 6


def test_everything_is_sent_where_next_to_nothing_is_kept():
    """A bound of one byte keeps nothing that is finished, and takes nothing that is being sent."""
    sandbox = make(bodies_kept=1, deliveries_kept=1, webhook_url="http://app.test")
    for _ in range(20):
        sandbox.place_call("+15551234567", BRIEF, metadata=LARGE)
    batch = sandbox.take_outbox()

    assert len(batch) == 100
    for dispatch in batch:
        assert sandbox.record_outcome(dispatch, Outcome(200, None)).status == "delivered"
    assert len([*sandbox.deliveries]) <= 2


def test_what_falls_due_in_one_go_is_bounded_in_bytes_too(monkeypatch):
    """By far more than what is kept may have."""
    monkeypatch.setattr("mockchirp.core.ledger.MOST_BYTES_AT_ONCE", 550_000)
    sandbox = make(bodies_kept=1, webhook_url="http://app.test")
    for _ in range(20):
        sandbox.place_call("+15551234567", ENDLESS, metadata=LARGE)

    assert [dispatch.delivery_id for dispatch in sandbox.take_outbox()] == [f"dlv_{n}" for n in range(15, 21)]


def test_restored_deliveries_share_their_bodies():
    """Those of one event are one object again, and count once."""
    sandbox, other = make(webhook_url="http://app.test"), make()
    sandbox.notifier.add("http://app.test", ["calls.initiated"], {})
    sandbox.place_call("+15551234567", ENDLESS, metadata=LARGE)
    copies = [replace(delivery, body=bytes(bytearray(delivery.body))) for delivery in sandbox.deliveries]
    assert copies[0].body is not copies[1].body
    other.deliveries.restore(copies, 2, NOW)

    first, second = other.deliveries
    assert first.body is second.body


def test_events_are_numbered_on_when_the_oldest_are_forgotten():
    """A reader that is late sees by the numbers that it has missed some."""
    sandbox = make(events_kept=5)
    for _ in range(10):
        place(sandbox)
        wait(sandbox, 2)

    kept = [event.number for event in sandbox.events.after(0)]
    assert kept == [*range(sandbox.events.last - 4, sandbox.events.last + 1)]
    assert [event.number for event in sandbox.events.after(sandbox.events.last - 2)] == kept[-2:]
