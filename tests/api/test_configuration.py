"""The calling configuration: an administrator reads and changes it, and calls go by it."""

import pytest

ADMIN = "sk_admin_local"
CONFIGURATION = {
    "voicemailEnabled": True,
    "voicemailGreetingUrl": None,
    "voicemailMaxDuration": 120,
    "autoRecordEnabled": False,
    "recordingFormat": "mp4",
    "defaultAnswerBehavior": "webhook",
    "maxConcurrentCalls": 10_000,
    "whatsappCallingEnabled": False,
    "whatsappSipEnabled": False,
}


def path(mock, key="sk_test_app_local"):
    """Where the configuration of the app is that a key belongs to."""
    return f"/v1/organization/apps/{mock.sandbox(key).app_id}/calling"


def configure(mock, **changes):
    answer = mock.put(path(mock), changes, key=ADMIN)
    assert answer.status_code == 200, answer.text


def recordings(mock, call):
    return [
        (recording["status"], recording["format"], recording["duration"])
        for recording in mock.get(f"/v1/calls/{call['id']}/recordings").json()["data"]
    ]


def test_an_app_has_a_configuration_from_the_start(mock, contract):
    """The defaults."""
    answer = mock.get(path(mock), key=ADMIN)

    configuration = contract.check_answer("getCallingConfiguration", 200, answer.content, answer.headers)
    assert configuration == {
        "id": configuration["id"],
        "appId": mock.sandbox().app_id,
        "organizationId": configuration["organizationId"],
        **CONFIGURATION,
        "createdAt": "2026-01-15T10:30:00Z",
        "updatedAt": "2026-01-15T10:30:00Z",
    }


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"voicemailEnabled": False},
        {"voicemailGreetingUrl": "https://media.example.com/greeting.mp3"},
        {"voicemailGreetingUrl": None},
        {"voicemailMaxDuration": 10},
        {"voicemailMaxDuration": 600},
        {"autoRecordEnabled": True, "recordingFormat": "webm"},
        {"defaultAnswerBehavior": "voicemail"},
        {"maxConcurrentCalls": 1},
        {"whatsappCallingEnabled": True, "whatsappSipEnabled": True},
    ],
    ids=repr,
)
def test_a_configuration_changes_by_what_is_given(mock, contract, changes):
    """The rest stays, and `updatedAt` tells when it was."""
    before = mock.get(path(mock), key=ADMIN).json()
    mock.advance(by="1h")

    answer = mock.put(path(mock), {**changes, "id": "mine", "unknown": 1}, key=ADMIN)

    changed = contract.check_answer("updateCallingConfiguration", 200, answer.content, answer.headers)
    assert changed == {**before, **changes, "updatedAt": "2026-01-15T11:30:00Z"}
    assert mock.get(path(mock), key=ADMIN).json() == changed


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("voicemailMaxDuration", 9),
        ("voicemailMaxDuration", 601),
        ("voicemailMaxDuration", 60.5),
        ("voicemailMaxDuration", "60"),
        ("voicemailMaxDuration", None),
        ("voicemailEnabled", None),
        ("voicemailEnabled", "no"),
        ("autoRecordEnabled", 1),
        ("recordingFormat", "mp3"),
        ("defaultAnswerBehavior", "busy"),
        ("maxConcurrentCalls", 0),
        ("maxConcurrentCalls", -1),
        ("voicemailGreetingUrl", "greeting.mp3"),
        ("voicemailGreetingUrl", ""),
    ],
)
def test_a_value_out_of_range_is_refused(mock, refused, contract, field, value):
    """The error names the field, and none of the others is changed either."""
    before = mock.get(path(mock), key=ADMIN).json()

    answer = mock.put(path(mock), {"whatsappSipEnabled": True, field: value}, key=ADMIN)

    refused(answer, 400, param=field)
    contract.check_answer("updateCallingConfiguration", 400, answer.content, answer.headers)
    assert mock.get(path(mock), key=ADMIN).json() == before


def test_each_app_has_a_configuration_of_its_own(mock):
    """One administrator sees them all."""
    mock.put(path(mock), {"maxConcurrentCalls": 7}, key=ADMIN)

    other = mock.get(path(mock, "sk_live_app_other"), key="sk_admin_another").json()

    assert other["maxConcurrentCalls"] == 10_000
    assert other["id"].startswith("cc_")
    assert "test_" not in other["id"]


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_an_app_that_nobody_has_used_is_not_found(mock, refused, contract, method):
    """And what is no id is refused."""
    operation = "getCallingConfiguration" if method == "GET" else "updateCallingConfiguration"

    for app_id, status in [("app_" + "a" * 27, 404), ("app_7", 400), ("call_" + "a" * 27, 400)]:
        answer = mock.request(method, f"/v1/organization/apps/{app_id}/calling", key=ADMIN, json={})
        refused(answer, status, param="appId")
        contract.check_answer(operation, status, answer.content, answer.headers)


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize(
    ("key", "says"),
    [
        (None, "No API key"),
        ("sk_admin_", "Invalid API key"),
        ("admin", "Invalid API key"),
        ("sk_test_app_local", "Wrong kind of API key"),
        ("sk_live_app_local", "Wrong kind of API key"),
    ],
)
def test_an_administrator_s_key_is_needed(mock, refused, contract, method, key, says):
    """The key of the app itself is of the wrong kind; which apps there are is not told."""
    operation = "getCallingConfiguration" if method == "GET" else "updateCallingConfiguration"

    for place in (path(mock), "/v1/organization/apps/app_7/calling"):
        answer = mock.request(method, place, key=key, content=b"{")
        refused(answer, 401, type="authentication_error", says=says)
        contract.check_answer(operation, 401, answer.content, answer.headers)


# What calls make of it


@pytest.mark.parametrize("format", ["mp4", "ogg", "webm"])
def test_every_answered_call_can_be_recorded(mock, format):
    """With `autoRecordEnabled`, in both directions, from the answer to the end, in `recordingFormat`."""
    configure(mock, autoRecordEnabled=True, recordingFormat=format)
    outbound, inbound, busy = mock.call(), mock.post("/_mockchirp/calls").json(), mock.call("+15005550001")
    mock.advance(by=3)
    mock.command(inbound["id"], "answer")
    mock.advance(until="idle")

    assert recordings(mock, outbound) == [("completed", format, 120)]
    assert recordings(mock, inbound) == [("completed", format, 120)]
    assert recordings(mock, busy) == []


def test_a_recording_that_was_asked_for_comes_before_the_automatic_one(mock, refused):
    """It is queued with its own format; and while the automatic one runs, there can't be another."""
    configure(mock, autoRecordEnabled=True, recordingFormat="webm")
    queued, automatic = mock.call("+15005550007"), mock.call("+15005550007")
    mock.command(queued["id"], "start_recording", format="ogg")
    mock.advance(by=5)

    refused(mock.command(automatic["id"], "start_recording"), 409, param="type", says="being recorded already")

    assert recordings(mock, queued) == [("recording", "ogg", None)]
    assert recordings(mock, automatic) == [("recording", "webm", None)]
    mock.command(automatic["id"], "stop_recording")
    assert mock.command(automatic["id"], "start_recording").status_code == 200


def test_a_change_is_for_what_is_decided_after_it(mock):
    """A call that is being recorded goes on being recorded; one that is answered later is not."""
    configure(mock, autoRecordEnabled=True)
    one, other = mock.call("+15005550007"), mock.call("+15005550007")
    mock.post(f"/_mockchirp/calls/{one['id']}/far-end", {"action": "ring"})
    mock.post(f"/_mockchirp/calls/{one['id']}/far-end", {"action": "answer"})

    configure(mock, autoRecordEnabled=False)
    mock.advance(by=10)

    assert recordings(mock, one) == [("recording", "mp4", None)]
    assert recordings(mock, other) == []


def test_only_so_many_calls_may_live_at_once(mock, refused, contract):
    """`maxConcurrentCalls` counts both directions; one that ends makes room."""
    configure(mock, maxConcurrentCalls=2)
    one = mock.call("+15005550007")
    inbound = mock.post("/_mockchirp/calls")
    assert inbound.status_code == 201
    before = mock.state()

    answer = mock.post("/v1/calls", {"from": "+15551234567", "to": "+15559876543"})

    refused(answer, 409, says="maxConcurrentCalls allows 2")
    contract.check_answer("createCall", 409, answer.content, answer.headers)
    refused(mock.post("/_mockchirp/calls"), 409, says="maxConcurrentCalls allows 2")
    assert mock.state() == before
    mock.command(one["id"], "hangup")
    mock.call("+15005550007")
    mock.command(inbound.json()["id"], "reject")
    assert mock.post("/_mockchirp/calls").status_code == 201


def test_fewer_calls_may_be_allowed_than_there_are(mock, refused):
    """Those that live stay; there is no room for another before enough of them have ended."""
    calls = [mock.call("+15005550007") for _ in range(3)]
    configure(mock, maxConcurrentCalls=2)

    for call in calls[:2]:
        refused(mock.post("/_mockchirp/calls"), 409)
        mock.command(call["id"], "hangup")

    mock.call("+15005550007")
    assert mock.get(f"/v1/calls/{calls[2]['id']}").json()["status"] == "initiated"


# The numbers of the app


def own(mock, *numbers):
    """Say which numbers the app has."""
    answer = mock.request("PATCH", "/_mockchirp/sandbox", json={"phoneNumbers": list(numbers)})
    assert answer.status_code == 200, answer.text


def test_as_long_as_no_numbers_are_listed_any_is_the_apps(mock):
    """Who doesn't care need not say."""
    assert mock.call()["fromAddress"] == "+15551234567"
    assert mock.post("/_mockchirp/calls", {"to": "+15557654321"}).status_code == 201


def test_an_app_calls_from_its_own_numbers(mock, refused, contract):
    """Any other is not assigned; a browser has no number."""
    own(mock, "+15557654321", "+15557654322")
    before = mock.state()

    answer = mock.post("/v1/calls", {"from": "+15551234567", "to": "+15559876543"})

    refused(answer, 400, param="from", code="phone_number_not_assigned", says="+15557654321")
    contract.check_answer("createCall", 400, answer.content, answer.headers)
    answer = mock.post("/v1/calls", {"from": "+15551234567", "fromChannel": "whatsapp", "to": "+15559876543"})
    refused(answer, 400, param="from", code="phone_number_not_assigned")
    assert mock.state() == before
    for number in ("+15557654321", "+15557654322"):
        assert mock.post("/v1/calls", {"from": number, "to": "+15559876543"}).status_code == 201
    body = {"from": "agent-7", "fromChannel": "webrtc", "to": "+15551234567"}
    assert mock.post("/v1/calls", body).status_code == 201


def test_people_call_the_apps_own_numbers(mock, refused):
    """The first of them unless they say another; one that the app doesn't have can't be called."""
    own(mock, "+15557654321", "+15557654322")
    before = mock.state()

    refused(mock.post("/_mockchirp/calls", {"to": "+15551234567"}), 400, param="to", code="phone_number_not_assigned")

    assert mock.state() == before
    assert mock.post("/_mockchirp/calls").json()["toAddress"] == "+15557654321"
    assert mock.post("/_mockchirp/calls", {"to": "+15557654322"}).json()["toAddress"] == "+15557654322"
    assert mock.post("/_mockchirp/calls", {"to": "kiosk", "toChannel": "webrtc"}).status_code == 201


def test_an_app_may_lose_its_numbers_again(mock):
    """An empty list means any number, as before."""
    own(mock, "+15557654321")
    own(mock)

    mock.call()


@pytest.mark.parametrize("number", ["911", "", "agent-7", "+15557654321\n"])
def test_a_number_that_is_none_is_not_listed(mock, refused, number):
    """The error names its place, and the numbers stay as they were."""
    own(mock, "+15557654321")

    answer = mock.request("PATCH", "/_mockchirp/sandbox", json={"phoneNumbers": ["+15557654322", number]})

    refused(answer, 400, param="phoneNumbers[1]", code="invalid_phone_number")
    assert mock.get("/_mockchirp/sandbox").json()["phoneNumbers"] == ["+15557654321"]
