"""Webhooks: how they are managed, and what a change means for deliveries that are under way."""

import json
import re

import pytest

from mockchirp.core.webhooks import WEBHOOK_EVENTS

WEBHOOKS = "/v1/webhooks"
UNKNOWN = f"{WEBHOOKS}/whk_" + "a" * 27
HOOK = {"url": "https://app.test/new", "events": ["calls.initiated", "calls.completed"]}
BUSY = "+15005550001"


@pytest.fixture
def mock(open_mock):
    """One that has no webhook to begin with."""
    return open_mock(webhook_url=None)


def create(mock, name="new", *, key="sk_test_app_local", **fields):
    """Create a webhook at `https://app.test/{name}`, which must succeed."""
    answer = mock.post(WEBHOOKS, {**HOOK, "url": f"https://app.test/{name}", **fields}, key=key)
    assert answer.status_code == 201, answer.text
    return answer.json()


def show(mock, webhook):
    return mock.get(f"{WEBHOOKS}/{webhook['id']}").json()


def sent(mock, name):
    """What went to `https://app.test/{name}`: when, which event, which attempt."""
    deliveries = mock.get("/_mockchirp/deliveries").json()["data"]
    attempts = [
        (attempt["at"][17:23], delivery["event"], attempt["attempt"])
        for delivery in deliveries
        for attempt in delivery["attempts"]
        if attempt["url"] == f"https://app.test/{name}"
    ]
    return sorted(attempts)


def test_a_webhook_is_created(mock, contract):
    """As it was asked for, with an id and the app that it belongs to."""
    headers = {"X-Token": "abc", "Authorization": "Bearer xyz"}

    answer = mock.post(WEBHOOKS, {**HOOK, "headers": headers, "color": "blue"})

    webhook = contract.check_answer("createWebhook", answer.status_code, answer.content, answer.headers)
    assert answer.status_code == 201
    assert webhook == {
        "id": webhook["id"],
        "appId": mock.sandbox().app_id,
        **HOOK,
        "headers": headers,
        "createdAt": "2026-01-15T10:30:00Z",
        "updatedAt": "2026-01-15T10:30:00Z",
    }
    assert show(mock, webhook) == webhook


def test_a_webhook_without_headers_has_none(mock):
    """An object that is empty."""
    assert create(mock)["headers"] == {}


def test_webhooks_are_listed_in_the_order_of_their_making(mock, contract):
    """Oldest first, those of other apps not among them."""
    one, two = create(mock, "one"), create(mock, "two")
    create(mock, "three", key="sk_test_app_other")

    answer = mock.get(WEBHOOKS)

    assert contract.check_answer("listWebhooks", answer.status_code, answer.content, answer.headers) == {
        "data": [one, two],
        "totalCount": 2,
    }


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"url": "http://localhost:3000/hooks"},
        {"events": ["calls.failed"]},
        {"events": []},
        {"headers": {"X-Other": "def"}},
        {"headers": {}},
        {"url": "https://app.test/all", "events": ["calls.answered"], "headers": {"A": "b"}},
    ],
    ids=repr,
)
def test_a_webhook_changes_by_what_is_given(mock, contract, change):
    """The rest stays, and `updatedAt` tells when it was."""
    webhook = create(mock, headers={"X-Token": "abc"})
    mock.advance(by=60)

    answer = mock.put(f"{WEBHOOKS}/{webhook['id']}", change)

    changed = contract.check_answer("updateWebhook", answer.status_code, answer.content, answer.headers)
    assert changed == {**webhook, **change, "updatedAt": "2026-01-15T10:31:00Z"}
    assert show(mock, webhook) == changed


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "ftp://app.test/"),
        ("url", "app.test"),
        ("url", "https://app.test/\r\nHost: evil"),
        ("url", None),
        ("events", ["calls.started"]),
        ("events", ["calls.completed", "calls.*"]),
        ("events", ["call.command"]),
        ("events", ["emails.received"]),
        ("events", "calls.completed"),
        ("events", [1]),
        ("headers", {"Host": "evil"}),
        ("headers", {"content-length": "7"}),
        ("headers", {"Transfer-Encoding": "chunked"}),
        ("headers", {"Connection": "close"}),
        ("headers", {"Content-Type": "text/plain"}),
        ("headers", {"X": "a\r\nY: b"}),
        ("headers", {"X\r\nY": "a"}),
        ("headers", {"X Y": "a"}),
        ("headers", {"": "a"}),
        ("headers", {"X-Token": "a", "x-token": "b"}),
        ("headers", {"X": 7}),
        ("headers", None),
    ],
    ids=repr,
)
def test_a_webhook_with_a_wrong_field_is_refused(mock, refused, contract, field, value):
    """When it is made and when it is changed: the error names the field, and nothing changes."""
    webhook = create(mock)

    created = mock.post(WEBHOOKS, {**HOOK, field: value})
    updated = mock.put(f"{WEBHOOKS}/{webhook['id']}", {field: value})

    for operation_id, answer in (("createWebhook", created), ("updateWebhook", updated)):
        refused(answer, 400, param=answer.json()["error"]["param"])
        assert re.split(r"[.\[]", answer.json()["error"]["param"])[0] == field
        contract.check_answer(operation_id, 400, answer.content, answer.headers)
    assert mock.get(WEBHOOKS).json() == {"data": [webhook], "totalCount": 1}


def test_headers_that_differ_in_case_alone_are_named(mock, refused):
    """Both, since to HTTP they are one."""
    headers = {"X-Token": "a", "X-Team": "red", "x-token": "b"}

    refused(mock.post(WEBHOOKS, {**HOOK, "headers": headers}), 400, param="headers", says="X-Token and x-token")


def test_a_url_that_is_too_long_is_refused_for_its_length(mock, refused):
    """Wherever one is given."""
    url = "https://app.test/" + "x" * 2040
    create(mock, events=["calls.initiated"])
    call_id = mock.call()["id"]
    mock.advance(by=10)

    answers = {
        "url": mock.post(WEBHOOKS, {**HOOK, "url": url}),
        "musicUrl": mock.command(call_id, "hold", musicUrl=url),
        "voicemailGreetingUrl": mock.put(
            f"/v1/organization/apps/{mock.sandbox().app_id}/calling", {"voicemailGreetingUrl": url}, key="sk_admin_x"
        ),
    }
    for param, answer in answers.items():
        refused(answer, 400, param=param, says="it has 2057 characters, and at most 2048 are taken")
    answer = mock.post("/_mockchirp/deliveries/dlv_1/redeliver", {"url": url})
    refused(answer, 400, param="url", says="it has 2057 characters, and at most 2048 are taken")


@pytest.mark.parametrize("field", ["url", "events"])
def test_a_webhook_without_a_url_or_events_is_refused(mock, refused, field):
    """The error names what is missing."""
    refused(mock.post(WEBHOOKS, {name: HOOK[name] for name in HOOK if name != field}), 400, param=field)

    assert mock.get(WEBHOOKS).json()["totalCount"] == 0


@pytest.mark.parametrize("event", WEBHOOK_EVENTS)
def test_every_calling_event_can_be_subscribed_to(mock, event):
    """And then comes, and no other."""
    mock.call("+15005550008")  # calls made before are followed from now on
    create(mock, events=[event])
    recorded = mock.call("+15005550008")
    mock.command(recorded["id"], "start_recording")
    mock.call("+15005550002")
    mock.call(BUSY)
    mock.post("/_mockchirp/calls")
    mock.advance(until="idle")

    assert {json.loads(dispatch.body)["event"] for dispatch in mock.receiver.got} == {event}


def test_events_of_other_products_never_come(mock):
    """They can be subscribed to, so that an application's own list of events works here, too."""
    events = ["messages.sms.received", "messages.whatsapp.delivered", "templates.whatsapp.status_updated"]
    events += ["contacts.whatsapp.created", "whatsapp.account.updated"]
    webhook = create(mock, events=events)

    mock.call("+15005550008")
    mock.advance(until="idle")

    assert webhook["events"] == events
    assert mock.receiver.got == []


def test_there_are_so_many_webhooks_and_no_more(open_mock, refused, contract):
    """The setting `max_webhooks` says how many; one that is deleted makes room."""
    mock = open_mock(webhook_url=None, max_webhooks=2)
    one, _ = create(mock), create(mock)

    answer = mock.post(WEBHOOKS, HOOK)

    refused(answer, 409, says="2 webhooks")
    contract.check_answer("createWebhook", 409, answer.content, answer.headers)
    mock.delete(f"{WEBHOOKS}/{one['id']}")
    create(mock)


def test_a_deleted_webhook_is_gone(mock, refused, contract):
    """It is not found, not listed, and told of nothing."""
    webhook, other = create(mock, "gone"), create(mock, "other")

    answer = mock.delete(f"{WEBHOOKS}/{webhook['id']}")

    contract.check_answer("deleteWebhook", answer.status_code, answer.content, answer.headers)
    assert answer.json() == {"message": "Webhook deleted"}
    for method in ("GET", "PUT", "DELETE"):
        body = {} if method == "PUT" else None
        refused(mock.request(method, f"{WEBHOOKS}/{webhook['id']}", json=body), 404, param="webhookId")
    assert mock.get(WEBHOOKS).json() == {"data": [other], "totalCount": 1}
    mock.call(BUSY)
    mock.advance(until="idle")
    assert {dispatch.url for dispatch in mock.receiver.got} == {"https://app.test/other"}


@pytest.mark.parametrize(("method", "operation"), [("GET", "get"), ("PUT", "update"), ("DELETE", "delete")])
def test_a_webhook_that_is_not_there_is_not_found(mock, refused, contract, method, operation):
    """Nor is that of another app, and what is no id is refused."""
    webhook = create(mock)
    body = {"url": "https://app.test/stolen"} if method == "PUT" else None

    unknown = mock.request(method, UNKNOWN, json=body)
    foreign = mock.request(method, f"{WEBHOOKS}/{webhook['id']}", json=body, key="sk_test_app_other")
    malformed = mock.request(method, f"{WEBHOOKS}/webhook_7", json=body)

    refused(unknown, 404, param="webhookId", says="No such webhook")
    refused(foreign, 404, param="webhookId")
    refused(malformed, 400, param="webhookId")
    for answer in (unknown, foreign, malformed):
        contract.check_answer(f"{operation}Webhook", answer.status_code, answer.content, answer.headers)
    assert show(mock, webhook) == webhook


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_webhooks_are_managed_with_an_app_key(mock, refused, contract, method):
    """No key, no such key and an admin's key are 401."""
    path = WEBHOOKS if method == "POST" else UNKNOWN
    operation = {"GET": "getWebhook", "POST": "createWebhook", "PUT": "updateWebhook", "DELETE": "deleteWebhook"}

    for key, says in [(None, "No API key"), ("sk_test", "Invalid"), ("sk_admin_x", "Wrong kind")]:
        answer = mock.request(method, path, key=key, json=HOOK if method in ("POST", "PUT") else None)
        refused(answer, 401, type="authentication_error", says=says)
        contract.check_answer(operation[method], 401, answer.content, answer.headers)
    assert mock.get(WEBHOOKS).json()["totalCount"] == 0


# What is delivered


def test_each_webhook_has_its_own_events_and_headers(mock):
    """All are told of the same event by the same body and eventId."""
    create(mock, "one", events=["calls.initiated"], headers={"X-Token": "1"})
    create(mock, "two", events=["calls.initiated", "calls.failed"], headers={"X-Token": "2", "authorization": "x"})
    create(mock, "none", events=[])

    mock.call(BUSY)
    mock.advance(until="idle")

    got = [(dispatch.url[-3:], json.loads(dispatch.body)["event"]) for dispatch in mock.receiver.got]
    assert got == [("one", "calls.initiated"), ("two", "calls.initiated"), ("two", "calls.failed")]
    one, two, _ = mock.receiver.got
    assert one.body == two.body
    assert one.headers == (("Content-Type", "application/json"), ("X-Token", "1"))
    assert two.headers == (("Content-Type", "application/json"), ("X-Token", "2"), ("authorization", "x"))


def test_a_webhook_may_name_an_event_twice(mock):
    """It is told once."""
    create(mock, events=["calls.initiated", "calls.initiated"])

    mock.call()
    mock.advance(by=0)

    assert len(mock.receiver.got) == 1


def test_one_receiver_that_fails_does_not_hold_up_another(mock):
    """The one is tried again and again by its own schedule, the other is served on time."""
    create(mock, "dead", events=["calls.initiated", "calls.ringing", "calls.answered"])
    create(mock, "well", events=["calls.initiated", "calls.ringing", "calls.answered"])
    mock.receiver.answer = lambda dispatch: 200 if dispatch.url.endswith("well") else 500

    mock.call("+15005550007")
    mock.advance(until="idle")

    assert sent(mock, "well") == [
        ("00.000", "calls.initiated", 1),
        ("01.000", "calls.ringing", 1),
        ("05.000", "calls.answered", 1),
    ]
    tries = {0: 1, 2: 2, 6: 3, 14: 4, 30: 5, 62: 6}
    assert sent(mock, "dead") == sorted(
        (f"{(start + after) % 60:02}.000", event, number)
        for start, event in ((0, "calls.initiated"), (1, "calls.ringing"), (5, "calls.answered"))
        for after, number in tries.items()
    )
    statuses = {delivery["url"]: set() for delivery in mock.get("/_mockchirp/deliveries").json()["data"]}
    for delivery in mock.get("/_mockchirp/deliveries").json()["data"]:
        statuses[delivery["url"]].add(delivery["status"])
    assert statuses == {"https://app.test/dead": {"exhausted"}, "https://app.test/well": {"delivered"}}


def test_a_deleted_webhook_gets_no_retries(mock):
    """What was still to be tried again is abandoned; the other webhooks go on."""
    gone = create(mock, "gone", events=["calls.initiated"])
    create(mock, "other", events=["calls.initiated"])
    mock.receiver.answer = lambda dispatch: 503
    mock.call("+15005550007")
    mock.advance(by=7)

    mock.delete(f"{WEBHOOKS}/{gone['id']}")
    mock.advance(until="idle")

    assert [number for *_, number in sent(mock, "gone")] == [1, 2, 3]
    assert sorted(number for *_, number in sent(mock, "other")) == [1, 2, 3, 4, 5, 6]
    statuses = [delivery["status"] for delivery in mock.get("/_mockchirp/deliveries").json()["data"]]
    assert statuses == ["abandoned", "exhausted"]


def test_retries_go_where_the_webhook_points_when_they_are_due(mock):
    """With the headers that it has then; the body and the eventId stay."""
    webhook = create(mock, "old", events=["calls.initiated"], headers={"X-Token": "old"})
    mock.receiver.answer = lambda dispatch: 200 if dispatch.url.endswith("new") else 503
    mock.call("+15005550007")
    mock.advance(by=7)

    mock.put(f"{WEBHOOKS}/{webhook['id']}", {"url": "https://app.test/new", "headers": {"X-Token": "new"}})
    mock.advance(until="idle")

    assert [number for *_, number in sent(mock, "old")] == [1, 2, 3]
    assert sent(mock, "new") == [("14.000", "calls.initiated", 4)]
    first, *_, last = mock.receiver.got
    assert last.body == first.body
    assert dict(last.headers)["X-Token"] == "new"


def test_a_webhook_that_gives_up_an_event_still_gets_what_had_happened(mock):
    """Retries of an event that came before the change go on; later ones are not sent."""
    webhook = create(mock, events=["calls.initiated"])
    mock.receiver.answer = lambda dispatch: 503 if dispatch.attempt < 3 else 200
    mock.call("+15005550007")
    mock.advance(by=1)

    mock.put(f"{WEBHOOKS}/{webhook['id']}", {"events": ["calls.completed"]})
    mock.call("+15005550007")
    mock.advance(until="idle")

    assert [number for *_, number in sent(mock, "new")] == [1, 2, 3]


def test_a_new_webhook_is_told_of_what_comes_from_now_on(mock):
    """Not of what has been."""
    mock.call(BUSY)
    mock.advance(by=2)
    create(mock, events=list(WEBHOOK_EVENTS))

    mock.advance(until="idle")

    assert [json.loads(dispatch.body)["event"] for dispatch in mock.receiver.got] == ["calls.failed"]
