"""Faults: which one applies, what it answers, and what it does to webhook deliveries."""

from itertools import count

import pytest

from mockchirp.core.deliveries import Outcome
from mockchirp.core.errors import Conflict, NotFound, RateLimitExceeded, envelope
from mockchirp.core.faults import CODES, Fault, Faults, error_of
from mockchirp.core.instants import MINUTE, SECOND, parse_instant

T0 = parse_instant("2026-01-15T10:30:00Z")
HOOK = "http://app.test/hooks"


@pytest.fixture
def add():
    """Add a fault, by default one that answers every request with 500."""

    def add(faults, **fields):
        given = {"status": 500} if fields.get("target") != "webhook" else {}
        fault = Fault(id=faults.next_id(), created_at=T0, **(given | fields))
        faults.add(fault)
        return fault

    return add


@pytest.fixture
def disturb(sandbox, add):
    """Add a webhook fault to the sandbox."""
    return lambda **fields: add(sandbox.faults, target="webhook", **fields)


def hits(faults, times, operation="getCall", call_id=None, now=T0):
    """Which fault applies to each of so many requests."""
    found = [faults.hit_request(operation, lambda: call_id, now) for _ in range(times)]
    return [fault and fault.id for fault in found]


def test_the_first_that_matches_applies(add):
    """In the order of creation; what is spent leaves its place to the next."""
    faults = Faults("seed", 10)
    add(faults, times=2)
    add(faults, operation="createCall")
    add(faults)

    assert hits(faults, 4) == ["flt_1", "flt_1", "flt_3", "flt_3"]
    assert hits(faults, 1, "createCall") == ["flt_2"]


def test_a_fault_of_a_call_looks_at_nothing_else(add):
    """Neither at other calls, nor at requests about none."""
    faults = Faults("seed", 10)
    fault = add(faults, call_id="call_a")

    assert hits(faults, 1) + hits(faults, 1, call_id="call_b") + hits(faults, 1, call_id="call_a") == [
        None,
        None,
        "flt_1",
    ]
    assert fault.matched == 1


def test_times_counts_before_probability_draws(add):
    """Three matches are looked at, whatever comes of each; the draws are the same for the same seed only."""

    def run(seed):
        faults = Faults(seed, 10)
        fault = add(faults, times=3, probability=0.5)
        found = hits(faults, 10)
        assert found[3:] == [None] * 7
        assert (fault.matched, fault.injected) == (3, found.count("flt_1"))
        assert not faults.requests
        return tuple(found)

    runs = [run(f"seed {number}") for number in range(50)]
    assert runs == [run(f"seed {number}") for number in range(50)]
    assert len(set(runs)) == 8, "every one of the eight outcomes"


@pytest.mark.parametrize(("probability", "expected"), [(0.0, 0), (0.1, 100), (0.5, 500), (0.9, 900), (1.0, 1000)])
def test_a_probability_is_what_it_says(add, probability, expected):
    """Over a thousand requests."""
    faults = Faults("seed", 10)
    fault = add(faults, probability=probability)

    hits(faults, 1000)

    assert fault.matched == 1000
    assert fault.injected == pytest.approx(expected, abs=50 * (0 < probability < 1))


def test_one_that_is_not_drawn_leaves_its_place_to_the_next(add):
    """So that two faults of a half make three quarters."""
    faults = Faults("seed", 10)
    add(faults, probability=0.5)
    second = add(faults, probability=0.5)

    found = hits(faults, 1000)

    assert found.count(None) == pytest.approx(250, abs=50)
    assert second.matched == found.count(None) + found.count("flt_2")


def test_a_duration_ends_on_the_sandboxs_clock(add):
    """The last millisecond belongs to it, the instant of its end does not."""
    faults = Faults("seed", 10)
    fault = add(faults, expires_at=T0 + MINUTE)

    assert hits(faults, 1, now=T0 + MINUTE - 1) == ["flt_1"]
    assert hits(faults, 1, now=T0 + MINUTE) == [None]
    assert not fault.is_active(T0 + MINUTE)
    assert not faults.requests


def test_spent_faults_make_room_and_others_do_not(add):
    """They are kept to be looked at, as long as there is room."""
    faults = Faults("seed", 2)
    add(faults)
    add(faults, times=1, operation="createCall")
    with pytest.raises(Conflict, match="2 faults"):
        add(faults)
    hits(faults, 1, "createCall")
    assert [fault.id for fault in faults] == ["flt_1", "flt_2"], (
        "the first one applied, and the second one is not spent"
    )
    with pytest.raises(Conflict):
        add(faults)
    faults.delete("flt_1")
    hits(faults, 1, "createCall")
    add(faults)
    add(faults)

    assert [fault.id for fault in faults] == ["flt_3", "flt_4"]
    with pytest.raises(NotFound):
        faults.get("flt_2")


def test_deleted_faults_apply_no_more(add):
    """One, and all; the count goes on."""
    faults = Faults("seed", 10)
    add(faults)
    add(faults)
    faults.delete("flt_1")
    assert hits(faults, 1) == ["flt_2"]

    assert faults.clear() == 1
    assert hits(faults, 1) == [None]
    assert add(faults).id == "flt_3"


def test_restored_faults_go_on_as_the_first_would_have(add):
    """The same draws, the same number of times."""
    one, other = Faults("seed", 10), Faults("seed", 10)
    add(one, times=20, probability=0.5)
    add(one, times=1, operation="createCall")
    hits(one, 1, "createCall")
    hits(one, 6)
    other.restore([Fault(**{name: getattr(fault, name) for name in Fault.__slots__}) for fault in one], one.count)

    assert hits(other, 30) == hits(one, 30)
    assert list(other) == list(one)
    assert other.next_id() == one.next_id()


@pytest.mark.parametrize(
    ("status", "type"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "provider_error"),
        (403, "authentication_error"),
        (404, "invalid_request_error"),
        (409, "invalid_request_error"),
        (418, "invalid_request_error"),
        (500, "api_error"),
        (502, "api_error"),
        (503, "api_error"),
        (599, "api_error"),
    ],
)
def test_a_status_has_its_type(status, type):
    """As documented, and like their neighbours where it is not."""
    error = error_of(Fault(id="flt_1", created_at=T0, status=status), 5)

    assert error.status == status
    assert envelope(error) == {"error": {"type": type, "message": error.message}}
    assert "flt_1" in error.message


@pytest.mark.parametrize("code", CODES)
def test_a_code_has_its_status_type_and_provider(code):
    """As documented; the message is the user's own if there is one."""
    error = error_of(Fault(id="flt_1", created_at=T0, code=code, message="No."), 5)

    shown = envelope(error)["error"]
    assert (error.status, shown["type"], shown["message"]) == (CODES[code].status, CODES[code].type, "No.")
    assert shown["doc_url"] == f"https://docs.buildwithchirp.com/api_reference/error-codes#{code}"
    assert ("provider" in shown) == (error.status == 424)
    if "provider" in shown:
        assert shown["provider"]["source"] == code.partition("_")[0]


@pytest.mark.parametrize(("status", "code"), [(424, "telnyx_api_error"), (429, "rate_limit_exceeded")])
def test_some_statuses_never_come_without_a_code(status, code):
    """429 with the seconds until the next try."""
    error = error_of(Fault(id="flt_1", created_at=T0, status=status), 5)

    assert (error.status, error.code) == (status, code)
    assert not isinstance(error, RateLimitExceeded) or error.retry_after == 5


def told(sandbox, sent):
    """What was sent: seconds since T0, event and what faults did to it."""
    return [
        (
            at,
            dispatch.attempt,
            sandbox.deliveries.get(dispatch.delivery_id).event,
            *sandbox.deliveries.get(dispatch.delivery_id).injected,
        )
        for at, dispatch in sent
    ]


def test_a_dropped_delivery_is_never_sent(sandbox, place, run_to_idle, disturb):
    """It stays in the ledger, and the others are sent."""
    disturb(drop=True, event="calls.ringing")
    place(sandbox, "+15005550001")

    sent = run_to_idle(sandbox)

    assert told(sandbox, sent) == [(0, 1, "calls.initiated"), (5, 1, "calls.failed")]
    assert [
        (delivery.event, delivery.status, delivery.attempts) for delivery in sandbox.deliveries if delivery.injected
    ] == [("calls.ringing", "dropped", [])]


def test_a_duplicated_delivery_is_sent_again_with_the_same_body(sandbox, place, run_to_idle, disturb):
    """At once; each copy is tried again on its own."""
    disturb(duplicate=2, event="calls.initiated")
    place(sandbox, "+15005550003")
    attempts = count()

    sent = run_to_idle(sandbox, lambda dispatch: 500 if next(attempts) == 1 else 200)

    assert told(sandbox, sent) == [
        (0, 1, "calls.initiated", "duplicated as dlv_2, dlv_3 by flt_1"),
        (0, 1, "calls.initiated", "duplicate of dlv_1 by flt_1"),
        (0, 1, "calls.initiated", "duplicate of dlv_1 by flt_1"),
        (1, 1, "calls.failed"),
        (2, 2, "calls.initiated", "duplicate of dlv_1 by flt_1"),
    ]
    assert len({dispatch.body for _, dispatch in sent}) == 2
    assert len({sandbox.deliveries.get(dispatch.delivery_id).event_id for _, dispatch in sent}) == 2


def test_a_delayed_delivery_is_sent_later(sandbox, place, run_to_idle, disturb):
    """On the sandbox's clock; its retries count from there."""
    disturb(delay=10 * SECOND, event="calls.initiated")
    place(sandbox, "+15005550003")

    sent = run_to_idle(sandbox, lambda dispatch: 200 if dispatch.attempt == 2 else 500)

    mark = "delayed 10s by flt_1"
    assert told(sandbox, sent) == [
        (1, 1, "calls.failed"),
        (3, 2, "calls.failed"),
        (10, 1, "calls.initiated", mark),
        (12, 2, "calls.initiated", mark),
    ]


def test_a_reordered_delivery_follows_the_next_ones(sandbox, place, run_to_idle, disturb):
    """Once the first attempts of the next two are over, whatever came of them; meanwhile the fault lets others pass."""
    fault = disturb(reorder=2, event="calls.initiated")
    place(sandbox)

    sent = run_to_idle(sandbox, lambda dispatch: 500 if dispatch.attempt == 1 else 200)

    assert [entry[:3] for entry in told(sandbox, sent)][:4] == [
        (1, 1, "calls.ringing"),
        (3, 2, "calls.ringing"),
        (5, 1, "calls.answered"),
        (5, 1, "calls.participant.joined"),
    ]
    assert (5, 1, "calls.initiated", "held back behind 2 by flt_1") in told(sandbox, sent)
    assert {delivery.status for delivery in sandbox.deliveries} == {"delivered"}
    assert fault.matched == 1


def test_reordering_everything_swaps_pairs(sandbox, place, run_to_idle, disturb):
    """Nothing is held back for ever."""
    disturb(reorder=1)
    place(sandbox, "+15005550002")

    assert [event for _, _, event, *_ in told(sandbox, run_to_idle(sandbox))] == [
        "calls.ringing",
        "calls.initiated",
        "calls.no_answer",
    ]


def test_what_waits_for_nothing_is_sent_after_a_time(make, place, run_to_idle, add):
    """After `reorder_limit`, and its retries are its own."""
    sandbox = make(reorder_limit=60 * SECOND)
    add(sandbox.faults, target="webhook", reorder=100, event="calls.failed")
    place(sandbox, "+15005550003")

    sent = run_to_idle(sandbox, lambda dispatch: 200 if dispatch.attempt == 2 else 500)

    assert [entry[:3] for entry in told(sandbox, sent)] == [
        (0, 1, "calls.initiated"),
        (2, 2, "calls.initiated"),
        (61, 1, "calls.failed"),
        (63, 2, "calls.failed"),
    ]


def test_each_webhook_has_its_own_order(sandbox, place, run_to_idle, disturb):
    """What goes to another webhook sets nothing free."""
    sandbox.notifier.add("http://other.test", ["calls.ringing"], {})
    disturb(reorder=1, event="calls.initiated")
    place(sandbox, "+15005550001")

    sent = run_to_idle(sandbox)

    own = [entry[2] for entry, (_, dispatch) in zip(told(sandbox, sent), sent, strict=True) if dispatch.url == HOOK]
    assert own == ["calls.ringing", "calls.initiated", "calls.failed"]


def test_deleting_the_webhook_abandons_what_is_held_back_or_delayed(sandbox, place, run_to_idle, disturb):
    """And nothing of it arrives."""
    disturb(reorder=1, event="calls.initiated")
    disturb(delay=MINUTE, event="calls.ringing")
    place(sandbox, "+15005550001")
    sandbox.run_until(T0 + SECOND)
    sandbox.notifier.delete(next(iter(sandbox.notifier.webhooks)))

    assert run_to_idle(sandbox) == []
    assert [delivery.status for delivery in sandbox.deliveries] == ["abandoned", "abandoned"]


def test_a_delivery_that_was_set_free_is_tried_again(sandbox, place, run_to_idle, disturb):
    """Its place in the order of time was not used up by having been held back."""
    disturb(reorder=1, event="calls.initiated")
    place(sandbox, "+15005550001")

    run_to_idle(sandbox, lambda dispatch: 500)

    assert [(delivery.status, len(delivery.attempts)) for delivery in sandbox.deliveries] == [("exhausted", 6)] * 3


def test_webhook_faults_are_by_call_and_drawn_from_the_seed(make, place, run_to_idle, add):
    """The same history for the same seed."""

    def run(seed):
        sandbox = make(seed=seed)
        mine = place(sandbox)
        add(sandbox.faults, target="webhook", drop=True, probability=0.5, times=4, call_id=mine.id)
        place(sandbox)
        run_to_idle(sandbox)
        dropped = [delivery for delivery in sandbox.deliveries if delivery.status == "dropped"]
        assert {delivery.call_id for delivery in dropped} <= {mine.id}
        return [delivery.event for delivery in dropped]

    assert [run(seed) for seed in range(8)] == [run(seed) for seed in range(8)]
    assert len({tuple(run(seed)) for seed in range(8)}) > 3


def test_an_attempt_that_fails_while_another_is_held_back_changes_nothing(sandbox, place, disturb):
    """Only first attempts of later deliveries count."""
    place(sandbox)
    (early,) = sandbox.take_outbox()
    disturb(reorder=1, times=1)
    sandbox.run_until(T0 + SECOND)
    sandbox.record_outcome(early, Outcome(500, "no"))

    assert sandbox.take_outbox() == []
    assert [delivery.behind for delivery in sandbox.deliveries] == [0, 1]
