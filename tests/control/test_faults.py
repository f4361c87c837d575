"""Faults by the control API: what they may be, and what they do to webhooks in the log of deliveries."""

import re

import pytest

FAULTS = "/_mockchirp/faults"


def test_a_fault_is_shown_as_it_is_in_force(mock):
    """Made, listed and seen alike."""
    fault = mock.post(FAULTS, {"operation": "createCall", "code": "telnyx_api_error", "duration": "90s", "delay": 1.5})

    assert fault.status_code == 201
    assert fault.json() == {
        "id": "flt_1",
        "target": "api",
        "callId": None,
        "operation": "createCall",
        "status": None,
        "code": "telnyx_api_error",
        "message": None,
        "abort": None,
        "delay": "1s500ms",
        "times": None,
        "probability": 1.0,
        "createdAt": "2026-01-15T10:30:00.000Z",
        "expiresAt": "2026-01-15T10:31:30.000Z",
        "matched": 0,
        "injected": 0,
        "active": True,
    }
    assert mock.get(f"{FAULTS}/flt_1").json() == fault.json()
    assert mock.get(FAULTS).json() == {"data": [fault.json()], "totalCount": 1}


def test_a_webhook_fault_has_fields_of_its_own(mock):
    """And those of requests are not there."""
    fault = mock.post(FAULTS, {"target": "webhook", "event": "calls.answered", "duplicate": 2, "times": 3}).json()

    assert {name: fault[name] for name in ("event", "duplicate", "drop", "reorder", "times")} == {
        "event": "calls.answered",
        "duplicate": 2,
        "drop": False,
        "reorder": None,
        "times": 3,
    }
    assert not {"operation", "status", "code", "message", "abort"} & fault.keys()


def test_faults_are_deleted_one_by_one_or_all_at_once(mock, refused):
    """What is gone is 404."""
    for _ in range(3):
        mock.post(FAULTS, {"status": 500})

    assert mock.delete(f"{FAULTS}/flt_2").json() == {"message": "Fault deleted"}
    refused(mock.delete(f"{FAULTS}/flt_2"), 404, param="faultId", says="flt_2")
    refused(mock.get(f"{FAULTS}/flt_2"), 404, param="faultId", says="flt_2")
    assert mock.delete(FAULTS).json() == {"deleted": 2}
    assert mock.get(FAULTS).json() == {"data": [], "totalCount": 0}


def test_faults_are_those_of_their_sandbox(mock, refused):
    """Another key has its own."""
    mock.post(FAULTS, {"status": 500})

    assert mock.get(FAULTS, key="sk_test_app_other").json()["totalCount"] == 0
    refused(mock.get(f"{FAULTS}/flt_1", key="sk_test_app_other"), 404, param="faultId")


def test_there_can_be_so_many(open_mock, refused):
    """Those in force count; a spent one makes room."""
    mock = open_mock(max_faults=2)
    mock.post(FAULTS, {"status": 500, "times": 1})
    mock.post(FAULTS, {"status": 500})
    refused(mock.post(FAULTS, {"status": 500}), 409, says="max_faults")

    mock.get("/v1/calls/voicemails")
    assert mock.post(FAULTS, {"status": 500}).json()["id"] == "flt_3"
    assert [fault["id"] for fault in mock.get(FAULTS).json()["data"]] == ["flt_2", "flt_3"]


NONSENSE = [
    ({}, "status", "say what goes wrong"),
    ({"times": 1}, "status", "say what goes wrong"),
    ({"status": 399}, "status", "400"),
    ({"status": 600}, "status", "599"),
    ({"status": "500"}, "status", "integer"),
    ({"code": "no_such_code"}, "code", "telnyx_api_error"),
    ({"code": "telnyx_api_error", "status": 500}, "status", "424"),
    ({"abort": "explode"}, "abort", "'reset'"),
    ({"abort": "reset", "status": 500}, "abort", "no answer"),
    ({"abort": "hang", "code": "telnyx_api_error"}, "abort", "no answer"),
    ({"abort": "truncate", "message": "x"}, "abort", "no answer"),
    ({"abort": "hang", "delay": 1}, "delay", "hang"),
    ({"message": "x", "delay": 1}, "message", "needs"),
    ({"status": 500, "message": ""}, "message", "1 character"),
    ({"status": 500, "message": "x" * 1001}, "message", "1000"),
    ({"delay": 0}, "delay", "above 0"),
    ({"delay": -1}, "delay", "duration"),
    ({"delay": "soon"}, "delay", "duration"),
    ({"delay": "5m1s"}, "delay", "5m"),
    ({"status": 500, "duration": 0}, "duration", "above 0"),
    ({"status": 500, "times": 0}, "times", "1"),
    ({"status": 500, "times": 1.5}, "times", "integer"),
    ({"status": 500, "probability": 1.1}, "probability", "1"),
    ({"status": 500, "probability": -0.1}, "probability", "0"),
    ({"status": 500, "probability": "often"}, "probability", "number"),
    ({"status": 500, "operation": "createcall"}, "operation", "createCall"),
    ({"status": 500, "operation": ""}, "operation", "createCall"),
    ({"status": 500, "callId": "x"}, "callId", "call id"),
    ({"status": 500, "target": "carrier"}, "target", "'webhook'"),
    ({"status": 500, "operatoin": "*"}, "operatoin", "not a known field"),
    ({"duplicate": 1}, "duplicate", '"target": "webhook"'),
    ({"drop": True}, "drop", '"target": "webhook"'),
    ({"status": 500, "reorder": 1}, "reorder", '"target": "webhook"'),
    ({"status": 500, "event": "calls.answered"}, "event", '"target": "webhook"'),
    ({"target": "webhook"}, "drop", "one of duplicate, drop, delay, reorder"),
    ({"target": "webhook", "event": "calls.answered"}, "drop", "one of duplicate, drop, delay, reorder"),
    ({"target": "webhook", "event": "call.command", "drop": True}, "event", "calls.answered"),
    ({"target": "webhook", "drop": False}, "drop", "should be true"),
    ({"target": "webhook", "duplicate": 0}, "duplicate", "1"),
    ({"target": "webhook", "duplicate": 101}, "duplicate", "100"),
    ({"target": "webhook", "reorder": 101}, "reorder", "100"),
    ({"target": "webhook", "drop": True, "delay": 1}, "delay", "drop"),
    ({"target": "webhook", "duplicate": 1, "reorder": 1}, "reorder", "duplicate"),
    ({"target": "webhook", "status": 500, "drop": True}, "status", "requests"),
    ({"target": "webhook", "abort": "reset", "drop": True}, "abort", "requests"),
    ({"target": "webhook", "operation": "*", "drop": True}, "operation", "requests"),
]


@pytest.mark.parametrize(("body", "param", "says"), NONSENSE, ids=[str(body)[:60] for body, _, _ in NONSENSE])
def test_a_fault_that_makes_no_sense_is_refused(mock, refused, body, param, says):
    """With the field and the reason."""
    refused(mock.post(FAULTS, body), 400, param=param, says=says)

    assert mock.get(FAULTS).json()["totalCount"] == 0


@pytest.mark.parametrize(("body", "param", "says"), NONSENSE, ids=[str(body)[:60] for body, _, _ in NONSENSE])
def test_a_document_holds_no_fault_that_makes_no_sense(mock, refused, body, param, says):
    """What can't be made can't be imported: both say the same, but for the place in the document."""
    made = mock.post(FAULTS, body).json()["error"]["message"]

    imported = mock.put("/_mockchirp/state", {"faults": [body]})

    if param == "duration":  # a document has an instant instead
        refused(imported, 400, param="faults[0].duration", says="not a known field")
        return
    message = refused(imported, 400, param=f"faults[0].{param}", says=says)
    reasons = [
        re.sub(rf"^(faults\[0\]\.)?{param}:? ({param} )?", "", text).split(" fields are ")[0]
        for text in (message, made)
    ]
    assert reasons[0] == reasons[1]  # each surface has some fields of its own


def test_a_document_holds_no_fault_of_a_call_in_operations_without_one(mock, refused):
    """As little as such a fault can be made."""
    call_id = mock.call()["id"]
    for operation in ("createCall", "listVoicemails", "createWebhook", "createWebrtcToken"):
        body = {"status": 500, "callId": call_id, "operation": operation}
        refused(mock.put("/_mockchirp/state", {"faults": [body]}), 400, param="faults[0].callId", says=operation)


def test_a_fault_of_a_call_needs_one_that_there_is(mock, refused):
    """And an operation that is about a call."""
    call_id = mock.call()["id"]

    refused(mock.post(FAULTS, {"status": 500, "callId": "call_" + "a" * 27}), 404, param="callId")
    for operation in ("createCall", "listVoicemails", "createWebhook", "createWebrtcToken"):
        body = {"status": 500, "callId": call_id, "operation": operation}
        refused(mock.post(FAULTS, body), 400, param="callId", says=operation)
    assert mock.post(FAULTS, {"status": 500, "callId": call_id, "operation": "endCall"}).status_code == 201
    assert mock.post(FAULTS, {"target": "webhook", "drop": True, "callId": call_id}).status_code == 201


def test_webhook_faults_show_in_the_log_of_deliveries(mock):
    """Each delivery says what was done to it."""
    for fault in [
        {"drop": True, "event": "calls.ringing"},
        {"delay": "2s", "event": "calls.initiated"},
        {"duplicate": 1, "event": "calls.answered"},
        {"reorder": 1, "event": "calls.participant.left", "times": 1},
    ]:
        assert mock.post(FAULTS, {"target": "webhook", **fault}).status_code == 201
    mock.call()

    report = mock.advance(until="idle")

    injected = [(delivery.event, delivery.status, *delivery.injected) for delivery in mock.sandbox().deliveries]
    assert injected == [
        ("calls.initiated", "delivered", "delayed 2s by flt_2"),
        ("calls.ringing", "dropped", "dropped by flt_1"),
        ("calls.answered", "delivered", "duplicated as dlv_4 by flt_3"),
        ("calls.answered", "delivered", "duplicate of dlv_3 by flt_3"),
        ("calls.participant.joined", "delivered"),
        ("calls.participant.joined", "delivered"),
        ("calls.participant.left", "delivered", "held back behind 1 by flt_4"),
        ("calls.participant.left", "delivered"),
        ("calls.completed", "delivered"),
    ]
    assert [attempt["id"] for attempt in report["deliveries"]] == [
        *("dlv_1", "dlv_3", "dlv_4", "dlv_5", "dlv_6", "dlv_8", "dlv_9", "dlv_7")
    ]
    assert report["pending"] == 0


def test_disturbed_webhooks_make_the_same_history_twice(open_mock, receiver):
    """Drawn from the seed, whatever the receiver answers."""

    def run():
        mock = open_mock()
        del receiver.got[:]
        receiver.answer = lambda dispatch: 200 if len(receiver.got) % 3 else 500
        for fault in ({"duplicate": 2}, {"drop": True}, {"delay": "7s"}, {"reorder": 3}):
            mock.post(FAULTS, {"target": "webhook", "probability": 0.3, **fault})
        for _ in range(5):
            mock.call()
            mock.advance(by=1)
        return mock.advance(until="idle"), [dispatch.body for dispatch in receiver.got]

    first = run()
    assert first == run()
    assert first[0]["pending"] == 0


def test_what_is_held_back_goes_out_before_the_sandbox_is_idle(mock):
    """Five minutes after the last event, unless it is set otherwise."""
    mock.post(FAULTS, {"target": "webhook", "reorder": 9, "event": "calls.completed"})
    mock.call()

    report = mock.advance(until="idle")

    assert report["deliveries"][-1]["event"] == "calls.completed"
    assert report["to"] == "2026-01-15T10:37:05.000Z"
