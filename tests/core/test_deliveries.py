"""The ledger of deliveries: retries, their schedule, and that the order of answers does not matter."""

from itertools import permutations

import pytest

from mockchirp.core.deliveries import Outcome, public_attempt
from mockchirp.core.instants import SECOND, parse_instant

T0 = parse_instant("2026-01-15T10:30:00Z")
WAITS = [2, 4, 8, 16, 32]
FAILURES = [
    Outcome(500, "answered 500"),
    Outcome(201, "answered 201"),
    Outcome(204, "answered 204"),
    Outcome(302, "answered 302 (redirects are not followed)"),
    Outcome(None, "no answer within 5 s"),
    Outcome(200, "the answer broke off"),
]


@pytest.fixture
def first_delivery(sandbox, bring):
    """A delivery whose first attempt is due at T0, and that attempt."""
    bring(sandbox, "outbound", "initiated")
    (dispatch,) = sandbox.take_outbox()
    return sandbox.deliveries.get(dispatch.delivery_id), dispatch


def test_an_attempt_carries_all_that_is_sent(make, bring):
    """Where to, which headers, which body; the webhook's own headers are added."""
    sandbox = make(webhook_headers=(("X-Token", "abc"), ("X-Other", "d")))
    call = bring(sandbox, "outbound", "initiated")

    (dispatch,) = sandbox.take_outbox()

    assert (dispatch.attempt, dispatch.url) == (1, "http://app.test/hooks")
    assert dispatch.headers == (("Content-Type", "application/json"), ("X-Token", "abc"), ("X-Other", "d"))
    assert call.id.encode() in dispatch.body


def test_an_attempt_is_handed_out_once(sandbox, first_delivery):
    """Until it is due again."""
    delivery, dispatch = first_delivery

    assert sandbox.take_outbox() == []
    assert (delivery.status, delivery.attempts) == ("pending", [])
    sandbox.record_outcome(dispatch, Outcome(500, "no"))
    assert sandbox.take_outbox() == []


def test_an_answer_of_200_ends_it(sandbox, first_delivery):
    """Nothing more is to come."""
    delivery, dispatch = first_delivery

    assert sandbox.record_outcome(dispatch, Outcome(200, None, b"ok", 0.1)) is delivery

    assert delivery.status == "delivered"
    assert [(attempt.number, attempt.at, attempt.next_attempt_at) for attempt in delivery.attempts] == [(1, T0, None)]
    assert len(sandbox.timeline) == 0


@pytest.mark.parametrize("outcome", FAILURES, ids=lambda outcome: outcome.error)
def test_anything_else_is_tried_again(sandbox, first_delivery, outcome):
    """Two seconds later, with the same body and eventId."""
    delivery, dispatch = first_delivery

    sandbox.record_outcome(dispatch, outcome)

    assert delivery.status == "pending"
    assert delivery.attempts[0].outcome is outcome
    assert delivery.attempts[0].next_attempt_at == T0 + 2 * SECOND
    sandbox.run_until(T0 + 2 * SECOND - 1)
    assert sandbox.take_outbox() == []
    sandbox.run_until(T0 + 2 * SECOND)
    (again,) = sandbox.take_outbox()
    assert (again.attempt, again.delivery_id, again.body, again.url) == (2, delivery.id, dispatch.body, dispatch.url)


def test_after_six_attempts_it_is_exhausted(sandbox, bring, run_to_idle):
    """Waits of 2, 4, 8, 16 and 32 s, and one body all the time."""
    bring(sandbox, "outbound", "initiated")

    sent = run_to_idle(sandbox, lambda dispatch: 500)

    instants = [sum(WAITS[:count]) for count in range(6)]
    assert [second for second, _ in sent] == instants
    assert [dispatch.attempt for _, dispatch in sent] == [1, 2, 3, 4, 5, 6]
    assert len({(dispatch.body, dispatch.url, dispatch.headers, dispatch.delivery_id) for _, dispatch in sent}) == 1
    (delivery,) = sandbox.deliveries
    assert delivery.status == "exhausted"
    assert [attempt.at for attempt in delivery.attempts] == [T0 + second * SECOND for second in instants]
    assert [attempt.next_attempt_at for attempt in delivery.attempts] == [
        *(T0 + second * SECOND for second in instants[1:]),
        None,
    ]


@pytest.mark.parametrize("successful", range(1, 7))
def test_the_first_success_ends_it(sandbox, bring, run_to_idle, successful):
    """At whichever attempt."""
    bring(sandbox, "outbound", "initiated")

    sent = run_to_idle(sandbox, lambda dispatch: 200 if dispatch.attempt == successful else 503)

    assert len(sent) == successful
    (delivery,) = sandbox.deliveries
    assert delivery.status == "delivered"
    assert [attempt.outcome.succeeded for attempt in delivery.attempts] == [False] * (successful - 1) + [True]


@pytest.mark.parametrize(
    ("schedule", "seconds"),
    [((), [0]), ((0, 0), [0, 0, 0]), ((1_500,), [0, 1.5]), ((1, 86_400_000), [0, 0.001, 86_400.001])],
)
def test_the_schedule_is_the_policys(make, bring, run_to_idle, schedule, seconds):
    """One attempt more than it has waits; none at all if it is empty."""
    sandbox = make(retry_schedule=schedule)
    bring(sandbox, "outbound", "initiated")

    assert [second for second, _ in run_to_idle(sandbox, lambda dispatch: 500)] == seconds


def test_a_wait_counts_from_when_the_outcome_came(sandbox, first_delivery):
    """In real time an attempt takes its time, too."""
    delivery, dispatch = first_delivery
    sandbox.run_until(T0 + 5_000)

    sandbox.record_outcome(dispatch, Outcome(None, "no answer within 5 s", elapsed=5.0))

    assert (delivery.attempts[0].at, delivery.attempts[0].next_attempt_at) == (T0, T0 + 7_000)


def test_what_comes_later_does_not_change_a_body(sandbox, place, run_to_idle):
    """A retry tells of the call as it was when the event happened."""
    place(sandbox, "+15005550001")

    sent = run_to_idle(sandbox, lambda dispatch: 500)

    bodies = {dispatch.delivery_id: set() for _, dispatch in sent}
    for _, dispatch in sent:
        bodies[dispatch.delivery_id].add(dispatch.body)
    assert [len(versions) for versions in bodies.values()] == [1, 1, 1]


def test_each_webhook_has_a_delivery_of_its_own(sandbox, bring):
    """In the order of the webhooks, with one body and one eventId; only for the events that it is for."""
    other = sandbox.notifier.add("http://other.test", ["calls.initiated"], {"X": "1"})
    deaf = sandbox.notifier.add("http://deaf.test", ["calls.completed"], {})

    call = bring(sandbox, "outbound", "initiated")

    first, second = sandbox.take_outbox()
    assert first.body == second.body
    assert second.url == "http://other.test"
    assert [delivery.webhook_id for delivery in sandbox.deliveries][1:] == [other.id]
    sandbox.hang_up(call.id)
    assert [dispatch.url for dispatch in sandbox.take_outbox()] == ["http://app.test/hooks", "http://deaf.test"]
    assert [delivery.webhook_id for delivery in sandbox.deliveries][-1] == deaf.id


def test_without_webhooks_nothing_is_delivered(make, place, run_to_idle):
    """Events happen all the same."""
    sandbox = make(webhook_url=None)
    place(sandbox, "+15559876543")

    assert run_to_idle(sandbox) == []
    assert list(sandbox.deliveries) == []
    assert sandbox.events.last > 5


@pytest.mark.parametrize("failing", list(permutations(range(4), 2)), ids=str)
def test_outcomes_may_be_recorded_in_any_order(make, place, run_to_idle, failing):
    """Of one batch, some of which fail: every order leads to the same future."""
    futures = []
    for order in permutations(range(4)):
        sandbox = make()
        sandbox.notifier.add("http://other.test", ["calls.initiated"], {})
        place(sandbox, "+15005550001")
        place(sandbox, "+15559876543")
        batch = sandbox.take_outbox()
        assert len(batch) == 4
        for number in order:
            sandbox.record_outcome(batch[number], Outcome(500, "no") if number in failing else Outcome(200, None))
        sent = run_to_idle(sandbox, lambda dispatch: 500 if dispatch.attempt < 3 else 200)
        futures.append((sent, list(sandbox.events.after(0)), repr(list(sandbox.deliveries))))

    assert all(future == futures[0] for future in futures)


def test_retries_of_one_instant_go_out_in_the_order_of_their_events(sandbox, place, run_to_idle):
    """However their outcomes came in."""
    for _ in range(5):
        place(sandbox, "+15005550003")
    batch = sandbox.take_outbox()
    for dispatch in (batch[3], batch[0], batch[4], batch[2], batch[1]):
        sandbox.record_outcome(dispatch, Outcome(500, "no"))

    sandbox.run_until(T0 + 2 * SECOND)

    retries = [dispatch.delivery_id for dispatch in sandbox.take_outbox() if dispatch.attempt == 2]
    assert retries == [dispatch.delivery_id for dispatch in batch]


def test_the_ledger_is_bounded(make, bring):
    """The oldest that are finished are forgotten; what is kept is in order."""
    sandbox = make(deliveries_kept=100)
    for _ in range(1_000):
        bring(sandbox, "outbound", "initiated")
        (dispatch,) = sandbox.take_outbox()
        sandbox.record_outcome(dispatch, Outcome(200, None))

    kept = [delivery.id for delivery in sandbox.deliveries]
    assert 100 <= len(kept) <= 113
    assert kept == [f"dlv_{number}" for number in range(1_001 - len(kept), 1_001)]
    assert sandbox.deliveries.get("dlv_1") is None


def test_what_is_under_way_is_not_forgotten(make, bring):
    """Its outcome can still be recorded, however much has happened meanwhile."""
    sandbox = make(deliveries_kept=10)
    bring(sandbox, "outbound", "initiated")
    (held,) = sandbox.take_outbox()
    for _ in range(200):
        bring(sandbox, "outbound", "initiated")
        for dispatch in sandbox.take_outbox():
            sandbox.record_outcome(dispatch, Outcome(200, None))

    delivery = sandbox.record_outcome(held, Outcome(200, None))

    assert (delivery.id, delivery.status) == ("dlv_1", "delivered")


def test_a_dead_receiver_does_not_make_the_ledger_slow(make, bring):
    """What it costs to open a delivery is bounded, and does not grow with the number of those that are pending."""
    looked_at = 0

    class Counting(dict):
        def values(self):
            nonlocal looked_at
            looked_at += len(self)
            return super().values()

        def items(self):
            nonlocal looked_at
            looked_at += len(self)
            return super().items()

    sandbox = make(deliveries_kept=1_000)
    sandbox.deliveries._deliveries = Counting()
    call = bring(sandbox, "outbound", "in_progress")
    for number in range(3_000):
        sandbox.transfer(call.id, f"+1555{number:07}", "pstn")

    assert looked_at < 300 * 6_000


def test_an_attempt_that_came_to_nothing_is_due_again(sandbox, first_delivery):
    """It is not even a failure: the same attempt once more."""
    _, dispatch = first_delivery

    sandbox.deliveries.hand_back(dispatch)

    assert sandbox.take_outbox() == [dispatch]
    sandbox.record_outcome(dispatch, Outcome(200, None))


@pytest.mark.parametrize("outcome", [*FAILURES, Outcome(200, None, b"ok", 0.25)], ids=repr)
def test_an_attempt_is_shown_without_real_durations(sandbox, first_delivery, outcome):
    """So that the report of the same history is the same."""
    delivery, dispatch = first_delivery
    sandbox.record_outcome(dispatch, outcome)

    shown = public_attempt(delivery, delivery.attempts[0])

    assert shown == {
        "id": "dlv_1",
        "event": "calls.initiated",
        "eventId": f"evt_{delivery.call_id}_initiated",
        "callId": delivery.call_id,
        "url": "http://app.test/hooks",
        "attempt": 1,
        "at": "2026-01-15T10:30:00.000Z",
        "outcome": "delivered" if outcome.succeeded else "failed",
        "responseStatus": outcome.status,
        "error": outcome.error,
        "nextAttemptAt": None if outcome.succeeded else "2026-01-15T10:30:02.000Z",
    }
