"""The webhook deliveries: what was sent, what came of it, and sending it again."""

import json

import pytest

from mockchirp.core.deliveries import Outcome

DELIVERIES = "/_mockchirp/deliveries"
BUSY = "+15005550001"


def deliveries(mock, **query):
    answer = mock.get(DELIVERIES, params=query).json()
    assert answer["totalCount"] == len(answer["data"])
    return answer["data"]


def redeliver(mock, delivery_id, *body):
    return mock.post(f"{DELIVERIES}/{delivery_id}/redeliver", *body)


@pytest.fixture
def failing(mock, receiver):
    """A call to a busy number, whose `calls.ringing` could not be delivered."""
    receiver.answer = lambda dispatch: 503 if b'"calls.ringing"' in dispatch.body else 200
    mock.call(BUSY)
    mock.advance(until="idle")
    return mock


def test_a_delivery_shows_what_was_sent_and_what_came_of_it(mock, receiver):
    """The request as it went out, its body as JSON, and the attempt."""
    call = mock.call(BUSY)
    mock.advance(by=0)

    (delivery,) = deliveries(mock)

    webhook = mock.get("/v1/webhooks").json()["data"][0]
    assert delivery == {
        "id": "dlv_1",
        "webhookId": webhook["id"],
        "event": "calls.initiated",
        "eventId": f"evt_{call['id']}_initiated",
        "callId": call["id"],
        "status": "delivered",
        "createdAt": "2026-01-15T10:30:00.000Z",
        "nextAttemptAt": None,
        "underWay": False,
        "injected": [],
        "redeliveryOf": None,
        "url": "http://app.test/hooks",
        "headers": {"Content-Type": "application/json"},
        "body": json.loads(receiver.got[0].body),
        "attempts": [
            {
                "attempt": 1,
                "at": "2026-01-15T10:30:00.000Z",
                "url": "http://app.test/hooks",
                "durationMs": 0.0,
                "outcome": "delivered",
                "responseStatus": 200,
                "responseBody": "",
                "error": None,
                "nextAttemptAt": None,
            }
        ],
    }
    assert mock.get(f"{DELIVERIES}/dlv_1").json() == delivery


def test_the_ledger_shows_every_attempt(failing):
    """Each with its instant on the sandbox's clock, why it failed, and when the next one follows."""
    (delivery,) = deliveries(failing, status="exhausted")

    attempts = delivery["attempts"]
    assert [attempt["attempt"] for attempt in attempts] == [1, 2, 3, 4, 5, 6]
    assert [attempt["at"][14:19] for attempt in attempts] == ["30:01", "30:03", "30:07", "30:15", "30:31", "31:03"]
    assert [attempt["nextAttemptAt"] for attempt in attempts] == [*(attempt["at"] for attempt in attempts[1:]), None]
    assert {(attempt["responseStatus"], attempt["error"]) for attempt in attempts} == {(503, "answered 503")}


def test_a_pending_delivery_shows_when_it_is_tried_again(mock, receiver):
    """While an attempt is under way, that instead."""
    receiver.answer = lambda dispatch: 500
    mock.call()
    mock.advance(by=0)
    receiver.hangs = True
    mock.call()

    waiting, under_way = deliveries(mock, status="pending")

    assert (waiting["underWay"], waiting["nextAttemptAt"]) == (False, "2026-01-15T10:30:02.000Z")
    assert (under_way["underWay"], under_way["nextAttemptAt"]) == (True, None)


def test_an_answer_that_is_no_text_is_shown_as_far_as_it_is(mock, receiver):
    """As text with replacement characters, and with what went wrong in words."""
    body = b"\xff\x00 caf\xc3\xa9 " + b"x" * 4000
    receiver.answer = lambda dispatch: Outcome(500, "answered 500", body, 0.0123456)
    mock.call()
    mock.advance(by=0)

    (attempt,) = deliveries(mock)[0]["attempts"]

    assert attempt["responseBody"] == "\ufffd\x00 café " + "x" * 4000
    assert (attempt["durationMs"], attempt["error"]) == (12.346, "answered 500")


def test_deliveries_by_event_call_and_status(failing):
    """Each filter narrows the list."""
    other = failing.call()["id"]
    failing.advance(until="idle")
    everything = deliveries(failing)

    for query in [
        {"event": "calls.initiated"},
        {"callId": other},
        {"status": "exhausted"},
        {"status": "delivered", "callId": other, "event": "calls.answered"},
        {"status": "abandoned"},
        {"callId": "nobody"},
    ]:
        assert deliveries(failing, **query) == [
            delivery for delivery in everything if all(delivery[name] == value for name, value in query.items())
        ]
    assert [delivery["id"] for delivery in everything] == [f"dlv_{number}" for number in range(1, len(everything) + 1)]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"event": "call.command"}, "calls.initiated"),
        ({"status": "done"}, "'abandoned'"),
        ({"call": "x"}, "not a known"),
    ],
)
def test_a_filter_that_is_none_is_refused(mock, refused, query, says):
    """With what is known."""
    refused(mock.get(DELIVERIES, params=query), 400, param=next(iter(query)), says=says)


def test_an_unknown_delivery_is_not_found(mock, refused):
    """To see or to send again."""
    refused(mock.get(f"{DELIVERIES}/dlv_1"), 404, param="deliveryId")
    refused(redeliver(mock, "dlv_1"), 404, param="deliveryId")


@pytest.mark.parametrize("status", ["delivered", "exhausted"])
def test_a_delivery_is_sent_again(failing, receiver, status):
    """The same body, eventId and headers, as a delivery of its own; on a frozen clock too, right after the answer."""
    receiver.answer = lambda dispatch: 200
    original = deliveries(failing, status=status)[0]
    sent = len(receiver.got)

    answer = redeliver(failing, original["id"])

    assert answer.status_code == 201
    again = answer.json()
    assert (again["status"], again["underWay"], again["redeliveryOf"]) == ("pending", True, original["id"])
    failing.advance(by=0)
    again = failing.get(f"{DELIVERIES}/{again['id']}").json()
    same = ("webhookId", "event", "eventId", "callId", "url", "headers", "body")
    assert {key: again[key] for key in same} == {key: original[key] for key in same}
    assert (again["status"], len(again["attempts"])) == ("delivered", 1)
    assert len(receiver.got) == sent + 1
    assert receiver.got[-1].body == next(each for each in receiver.got if each.delivery_id == original["id"]).body
    assert failing.get(f"{DELIVERIES}/{original['id']}").json() == original


def test_a_redelivery_is_tried_once(failing):
    """It fails without retries."""
    (original,) = deliveries(failing, status="exhausted")
    again = redeliver(failing, original["id"]).json()["id"]
    failing.advance(until="idle")

    again = failing.get(f"{DELIVERIES}/{again}").json()

    assert (again["status"], len(again["attempts"]), again["nextAttemptAt"]) == ("exhausted", 1, None)


def test_a_redelivery_may_go_elsewhere(failing, receiver):
    """With the webhook's headers, as they are now."""
    webhook = failing.get("/v1/webhooks").json()["data"][0]
    failing.put(f"/v1/webhooks/{webhook['id']}", {"headers": {"X-Token": "abc"}})

    redeliver(failing, "dlv_1", {"url": "http://other.test/again"})
    failing.advance(by=0)

    assert (receiver.got[-1].url, dict(receiver.got[-1].headers)["X-Token"]) == ("http://other.test/again", "abc")
    assert failing.get("/v1/webhooks").json()["data"][0]["url"] == "http://app.test/hooks"


def test_a_redelivery_goes_to_where_the_webhook_points_now(failing, receiver):
    """Not to where it pointed then."""
    webhook = failing.get("/v1/webhooks").json()["data"][0]
    failing.put(f"/v1/webhooks/{webhook['id']}", {"url": "http://new.test/hooks"})

    redeliver(failing, "dlv_1")
    failing.advance(by=0)

    assert receiver.got[-1].url == "http://new.test/hooks"


def test_where_the_webhook_is_deleted_a_url_is_needed(failing, receiver, refused):
    """The headers are those that were sent then."""
    webhook = failing.get("/v1/webhooks").json()["data"][0]
    failing.put(f"/v1/webhooks/{webhook['id']}", {"headers": {"X-Token": "abc"}})
    again = redeliver(failing, "dlv_1").json()["id"]
    failing.advance(by=0)
    failing.delete(f"/v1/webhooks/{webhook['id']}")

    refused(redeliver(failing, again), 409, param="url", says=f"{webhook['id']}, the webhook of {again}, is deleted")
    assert redeliver(failing, again, {"url": "http://other.test/again"}).status_code == 201
    failing.advance(by=0)
    assert (receiver.got[-1].url, dict(receiver.got[-1].headers)["X-Token"]) == ("http://other.test/again", "abc")


def test_a_pending_delivery_is_tried_now(mock, receiver):
    """As its next attempt; the next retry counts from there, and the instant at which it was due passes without one."""
    receiver.answer = lambda dispatch: 500
    mock.call("+15005550007")
    mock.advance(by="1s")

    answer = redeliver(mock, "dlv_1")
    assert answer.status_code == 201
    assert (answer.json()["id"], answer.json()["status"], answer.json()["nextAttemptAt"]) == ("dlv_1", "pending", None)
    mock.advance(until="idle")

    delivery = deliveries(mock)[0]
    assert delivery["status"] == "exhausted"
    assert [attempt["attempt"] for attempt in delivery["attempts"]] == [1, 2, 3, 4, 5, 6]
    seconds = [attempt["at"][14:19] for attempt in delivery["attempts"]]
    assert seconds == ["30:00", "30:01", "30:05", "30:13", "30:29", "31:01"]
    assert len([each for each in receiver.got if each.delivery_id == "dlv_1"]) == 6


def test_what_is_tried_now_has_all_its_retries(open_mock, receiver):
    """Also where the next one comes before the one that it would have had, and something else before both."""
    mock = open_mock(webhook_retry_schedule="60s,3s")
    receiver.answer = lambda dispatch: 500
    mock.call("+15005550007")
    mock.advance(by=0)
    redeliver(mock, "dlv_1")
    mock.advance(until="idle")

    attempts = deliveries(mock)[0]["attempts"]
    assert [attempt["at"][14:19] for attempt in attempts] == ["30:00", "30:00", "30:03"]


def test_a_pending_delivery_that_arrives_is_over(mock, receiver):
    """Nothing of its retries is left."""
    receiver.answer = lambda dispatch: 500 if dispatch.attempt == 1 else 200
    mock.call("+15005550007")
    mock.advance(by=0)
    redeliver(mock, "dlv_1")
    mock.advance(by=0)

    (delivery,) = deliveries(mock)
    assert (delivery["status"], len(delivery["attempts"]), delivery["redeliveryOf"]) == ("delivered", 2, None)
    assert [entry for entry in mock.sandbox().timeline if entry.action[0] == "dlv_1"] == []


def test_the_last_retry_may_be_tried_now(mock, receiver):
    """Then the delivery is exhausted, and sending it again makes another one."""
    receiver.answer = lambda dispatch: 500
    mock.call("+15005550007")
    mock.advance(by=0)
    for _ in range(5):
        assert redeliver(mock, "dlv_1").json()["id"] == "dlv_1"
        mock.advance(by=0)

    assert deliveries(mock)[0]["status"] == "exhausted"
    assert redeliver(mock, "dlv_1").json()["redeliveryOf"] == "dlv_1"


@pytest.mark.parametrize("fault", [{"reorder": 3}, {"delay": "1h"}], ids=repr)
def test_what_a_fault_keeps_back_is_tried_now(mock, receiver, fault):
    """And not a second time when the fault would have let it go."""
    mock.post("/_mockchirp/faults", {"target": "webhook", "times": 1, **fault})
    mock.call("+15005550007")
    mock.advance(by=0)
    assert receiver.got == []

    redeliver(mock, "dlv_1")
    mock.advance(by=0)
    assert [(dispatch.delivery_id, dispatch.attempt) for dispatch in receiver.got] == [("dlv_1", 1)]
    mock.advance(by="2h")
    assert [dispatch.delivery_id for dispatch in receiver.got].count("dlv_1") == 1


def test_a_pending_delivery_may_be_tried_elsewhere(mock, receiver):
    """This once: its retries go to where the webhook points."""
    receiver.answer = lambda dispatch: 500
    mock.call("+15005550007")
    mock.advance(by=0)
    redeliver(mock, "dlv_1", {"url": "http://other.test/"})
    mock.advance(by="4s")

    sent = [dispatch.url for dispatch in receiver.got if dispatch.delivery_id == "dlv_1"]
    assert sent == ["http://app.test/hooks", "http://other.test/", "http://app.test/hooks"]


def test_a_delivery_that_is_being_sent_is_not_sent_again(mock, receiver, refused):
    """It is already; when the attempt is over, it can be."""
    receiver.hangs = True
    mock.call("+15005550007")
    before = [repr(delivery) for delivery in mock.sandbox().deliveries]

    refused(redeliver(mock, "dlv_1"), 409, says="attempt 1 of dlv_1 is being sent already")

    assert [repr(delivery) for delivery in mock.sandbox().deliveries] == before


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"url": "ftp://app.test"}, "url"),
        ({"url": ""}, "url"),
        ({"url": "app.test/hooks"}, "url"),
        ({"url": 1}, "url"),
        ({"to": "http://app.test"}, "to"),
    ],
    ids=repr,
)
def test_a_url_that_is_none_is_refused(failing, refused, body, param):
    """As for a webhook."""
    refused(redeliver(failing, "dlv_1", body), 400, param=param)


def test_a_redelivery_over_http_alone_is_refused_under_strict(open_mock, refused):
    """There the URL has to be https, as Chirp's webhooks have."""
    mock = open_mock(strict=True, webhook_url="https://app.test/hooks")
    mock.call()
    mock.advance(by=0)

    refused(redeliver(mock, "dlv_1", {"url": "http://app.test"}), 400, param="url", says="https only")
