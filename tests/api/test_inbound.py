"""Inbound calls: somebody calls, the app decides in time or the default does, and the caller may be gone before."""

import json

import pytest

CALLS = "/_mockchirp/calls"
UNKNOWN = "call_" + "a" * 27


def receive(mock, **fields):
    """Let somebody call the app, which must succeed; the REST call."""
    answer = mock.post(CALLS, fields)
    assert answer.status_code == 201, answer.text
    return answer.json()


def show(mock, call):
    """The call as Chirp shows it now."""
    return mock.get(f"/v1/calls/{call['id']}").json()


def see(mock, call):
    """The call as the control API shows it now."""
    return mock.get(f"{CALLS}/{call['id']}").json()


def act(mock, call, action):
    return mock.post(f"{CALLS}/{call['id']}/far-end", {"action": action})


def configure(mock, **changes):
    """Change the calling configuration of the default app, which must succeed."""
    path = f"/v1/organization/apps/{mock.sandbox().app_id}/calling"
    answer = mock.put(path, changes, key="sk_admin_x")
    assert answer.status_code == 200, answer.text


def told(mock):
    """The names of the events that the receiver was told of, in order."""
    return [json.loads(dispatch.body)["event"] for dispatch in mock.receiver.got]


def test_somebody_calls(mock, contract):
    """The call is `initiated`, as Chirp shows it from now on, and its webhook comes after the answer."""
    answer = mock.post(CALLS, {"from": "+15559876543", "to": "+15551234567", "metadata": {"campaign": 7}})

    assert answer.status_code == 201
    call = answer.json()
    contract.validate("Call", call)
    assert call == {
        "id": call["id"],
        "appId": mock.sandbox().app_id,
        "direction": "inbound",
        "status": "initiated",
        "fromAddress": "+15559876543",
        "toAddress": "+15551234567",
        "fromChannel": "pstn",
        "toChannel": "pstn",
        "metadata": {"campaign": 7},
        **dict.fromkeys(["duration", "endReason", "livekitRoomName", "answeredAt", "endedAt"]),
        **dict.fromkeys(["startedAt", "createdAt"], "2026-01-15T10:30:00Z"),
    }
    assert show(mock, call) == call
    mock.advance(by=0)
    assert [json.loads(dispatch.body) for dispatch in mock.receiver.got] == [
        {
            "event": "calls.initiated",
            "eventId": f"evt_{call['id']}_initiated",
            "timestamp": "2026-01-15T10:30:00.000Z",
            "data": {
                "call": {
                    "id": call["id"],
                    "direction": "inbound",
                    "from": "+15559876543",
                    "to": "+15551234567",
                    "fromChannel": "pstn",
                    "toChannel": "pstn",
                    "metadata": {"campaign": 7},
                    "status": "initiated",
                },
                "app": {"id": call["appId"]},
            },
        }
    ]


def test_people_are_made_up(mock, open_mock, contract):
    """Every caller is somebody else, the number called stays the same, and all are the same again in another run."""
    calls = [receive(mock) for _ in range(5)]

    assert len({call["fromAddress"] for call in calls}) == 5
    assert len({call["toAddress"] for call in calls}) == 1
    for call in calls:
        assert contract.faults("PhoneNumber", call["fromAddress"]) == {}
        assert contract.faults("PhoneNumber", call["toAddress"]) == {}
    again = open_mock()
    assert [receive(again) for _ in range(5)] == calls


@pytest.mark.parametrize("channel", ["whatsapp", "webrtc"])
def test_people_call_by_other_channels(mock, contract, channel):
    """With an address of that channel, and by WebRTC into a room."""
    call = receive(mock, fromChannel=channel)

    contract.validate("Call", call)
    assert call["fromChannel"] == channel
    assert call["fromAddress"].startswith("caller-" if channel == "webrtc" else "+")
    assert (call["livekitRoomName"] is None) == (channel != "webrtc")


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"from": "me"}, "from", "invalid_phone_number"),
        ({"to": "you"}, "to", "invalid_phone_number"),
        ({"from": "a\nb", "fromChannel": "webrtc"}, "from", None),
        ({"fromChannel": "sip"}, "fromChannel", None),
        ({"scenario": "unheard_of"}, "scenario", None),
        ({"form": "+15559876543"}, "form", None),
    ],
    ids=repr,
)
def test_a_call_that_nobody_can_make_is_refused(mock, refused, body, param, code):
    """The error names the field, and nobody calls."""
    before = mock.state()

    refused(mock.post(CALLS, body), 400, param=param, code=code)

    assert mock.state() == before


def test_the_app_answers(mock, contract):
    """The call is in progress, both parties join, and nothing more is to be decided."""
    call = receive(mock, scenario="endless")
    mock.advance(by=29.999)

    answer = mock.command(call["id"], "answer")

    contract.check_answer("sendCallCommand", 200, answer.content, answer.headers)
    assert answer.json() == {"callId": call["id"], "command": "answer", "status": "accepted"}
    mock.advance(by="1h")
    answered = show(mock, call)
    assert (answered["status"], answered["answeredAt"]) == ("in_progress", "2026-01-15T10:30:29Z")
    assert told(mock) == ["calls.initiated", "calls.answered", *["calls.participant.joined"] * 2]
    joined = [json.loads(dispatch.body)["data"]["participant"]["leg"] for dispatch in mock.receiver.got[2:]]
    assert joined == ["from", "to"]


def test_an_answered_call_is_recorded_put_on_hold_and_hung_up(mock):
    """Like an outbound one: it is completed, and its recording ends with it."""
    call = receive(mock, scenario="endless")
    mock.command(call["id"], "answer")
    for seconds, command in [(1, "start_recording"), (10, "hold"), (20, "unhold"), (29, "hangup")]:
        mock.advance(by=seconds)
        assert mock.command(call["id"], command).status_code == 200
    mock.advance(until="idle")

    ended = show(mock, call)
    assert (ended["status"], ended["endReason"], ended["duration"]) == ("completed", "hangup", 60)
    (recording,) = mock.get(f"/v1/calls/{call['id']}/recordings").json()["data"]
    assert (recording["status"], recording["duration"]) == ("completed", 59)
    assert told(mock)[-4:] == [*["calls.participant.left"] * 2, "calls.completed", "calls.recording.completed"]


def test_a_caller_hangs_up_as_the_scenario_says(mock):
    """After the answer what the caller does is a scenario, too: by default it is two minutes of talk."""
    call = receive(mock)
    mock.command(call["id"], "answer")
    mock.advance(until="idle")

    assert (show(mock, call)["status"], show(mock, call)["duration"]) == ("completed", 120)


@pytest.mark.parametrize("reason", [None, "", "Out of office", "x" * 500, "é" * 500])
def test_the_app_rejects(mock, contract, reason):
    """To the caller the line is busy; the reason is kept in the history."""
    call = receive(mock)
    mock.advance(by=4)

    answer = mock.command(call["id"], "reject", **({} if reason is None else {"reason": reason}))

    contract.check_answer("sendCallCommand", 200, answer.content, answer.headers)
    mock.advance(until="idle")
    ended = show(mock, call)
    contract.validate("Call", ended)
    assert (ended["status"], ended["endReason"], ended["endedAt"]) == ("busy", "rejected", "2026-01-15T10:30:04Z")
    assert (ended["answeredAt"], ended["duration"]) == (None, None)
    assert told(mock) == ["calls.initiated", "calls.failed"]
    (command,) = (item for item in see(mock, call)["history"] if item["kind"] == "command")
    assert command["data"] == {"command": "reject", **({"reason": reason} if reason else {})}


def test_a_reason_that_is_too_long_is_refused(mock, refused):
    """At most 500 characters; the call still waits for a decision."""
    call = receive(mock)

    refused(mock.command(call["id"], "reject", reason="x" * 501), 400, param="reason")

    assert show(mock, call)["status"] == "initiated"


def test_the_app_sends_to_voicemail(mock, contract):
    """The caller is on voicemail; what follows is in the tests of voicemails."""
    call = receive(mock)

    answer = mock.command(call["id"], "send_to_voicemail")

    contract.check_answer("sendCallCommand", 200, answer.content, answer.headers)
    waiting = show(mock, call)
    contract.validate("Call", waiting)
    assert (waiting["status"], waiting["answeredAt"], waiting["endedAt"]) == ("voicemail", None, None)


@pytest.mark.parametrize(("enabled", "status"), [(True, "voicemail"), (False, "busy")])
def test_without_a_decision_in_time_the_default_decides(mock, enabled, status):
    """After 30 seconds to the millisecond: voicemail where the app has it, else the caller hears a busy signal."""
    configure(mock, voicemailEnabled=enabled)
    call = receive(mock, scenario="endless")

    mock.advance(by=29.999)
    assert show(mock, call)["status"] == "initiated"
    assert see(mock, call)["upcoming"][0] == {"at": "2026-01-15T10:30:30.000Z", "action": "decision_due"}
    mock.advance(by=0.001)

    decided = show(mock, call)
    assert decided["status"] == status
    if status == "busy":
        assert (decided["endReason"], decided["endedAt"]) == ("rejected", "2026-01-15T10:30:30Z")
        assert told(mock) == ["calls.initiated", "calls.failed"]


@pytest.mark.parametrize("command", ["answer", "reject", "send_to_voicemail"])
def test_after_a_decision_there_is_none_left(mock, refused, contract, command):
    """The three commands are for a call that is `initiated`: after one of them, or after the 30 seconds, all are 409."""
    decided = receive(mock, scenario="endless")
    mock.command(decided["id"], command)
    late = receive(mock, scenario="endless")
    mock.advance(by=30)

    for call in (decided, late):
        for each in ("answer", "reject", "send_to_voicemail"):
            answer = mock.command(call["id"], each)
            refused(answer, 409, param="type", says="initiated")
            contract.check_answer("sendCallCommand", 409, answer.content, answer.headers)


@pytest.mark.parametrize(
    ("enabled", "became", "outcome"),
    [(True, "voicemail", "it went to voicemail"), (False, "busy", "its caller heard a busy signal")],
)
def test_who_comes_after_the_30_seconds_is_told_when_they_ran_out(mock, refused, enabled, became, outcome):
    """And what became of the call by default; also in a copy of the sandbox, and when the call has ended."""
    configure(mock, voicemailEnabled=enabled)
    call = receive(mock, scenario="endless")
    mock.advance(by=45)
    says = f". Its 30 s for a command ran out at 2026-01-15T10:30:30.000Z, and {outcome} by default"

    message = refused(mock.command(call["id"], "answer"), 409, param="type", says=says)
    assert message.startswith(f"{call['id']} is {became}; it can't be answered")

    mock.put("/_mockchirp/state", mock.get("/_mockchirp/state").json())
    refused(mock.command(call["id"], "answer"), 409, param="type", says=says)
    mock.advance(until="idle")
    refused(mock.command(call["id"], "reject"), 409, param="type", says=says)
    refused(mock.delete(f"/v1/calls/{call['id']}"), 409, says=says)


def test_who_decides_twice_is_told_of_no_30_seconds(mock, refused):
    """The default had no part in it; a call that has ended says when."""
    sent, answered = receive(mock, scenario="endless"), receive(mock, scenario="endless")
    mock.command(sent["id"], "send_to_voicemail")
    mock.command(answered["id"], "answer")
    mock.advance(by=31)
    mock.command(answered["id"], "hangup")

    assert "30 s" not in refused(mock.command(sent["id"], "answer"), 409, param="type")
    refused(mock.command(answered["id"], "answer"), 409, param="type", says=". It ended at 2026-01-15T10:30:31.000Z")


@pytest.mark.parametrize("command", ["answer", "reject", "send_to_voicemail"])
def test_the_three_decisions_are_for_inbound_calls(mock, refused, command):
    """An outbound call is the other party's to answer."""
    call = mock.call()

    refused(mock.command(call["id"], command), 409, param="type", says="inbound")

    assert show(mock, call)["status"] == "initiated"


def test_an_app_may_leave_all_calls_to_voicemail(mock):
    """With `defaultAnswerBehavior` `voicemail` the caller is there at once, and no decision is waited for."""
    configure(mock, defaultAnswerBehavior="voicemail")

    call = receive(mock)

    assert call["status"] == "voicemail"
    assert "it went to voicemail at once" in mock.command(call["id"], "answer").json()["error"]["message"]
    assert [entry["action"] for entry in see(mock, call)["upcoming"]] == ["begin_message"]
    mock.advance(by=0)
    assert told(mock) == ["calls.initiated"]


@pytest.mark.parametrize(("patience", "status"), [("20s", "canceled"), ("29.999s", "canceled"), ("31s", "voicemail")])
def test_a_caller_whose_patience_ends_is_gone(mock, patience, status):
    """The call is canceled, unless its 30 seconds were over before."""
    mock.put("/_mockchirp/scenarios/impatient", {"patience": patience})
    call = receive(mock, scenario="impatient")

    mock.advance(by=30)

    ended = show(mock, call)
    assert ended["status"] == status
    if status == "canceled":
        assert (ended["endReason"], ended["duration"]) == ("canceled", None)
        assert told(mock) == ["calls.initiated", "calls.completed"]
        assert json.loads(mock.receiver.got[1].body)["data"]["call"]["status"] == "canceled"


def test_the_calling_number_chooses_the_scenario(mock):
    """+15005550002 gives up after 20 seconds; once it is answered, that is over."""
    abandoned = receive(mock, **{"from": "+15005550002"})
    answered = receive(mock, **{"from": "+15005550002"})
    mock.command(answered["id"], "answer")

    mock.advance(by=25)

    assert (see(mock, abandoned)["scenario"], see(mock, abandoned)["status"]) == ("no_answer", "canceled")
    assert show(mock, answered)["status"] == "in_progress"


@pytest.mark.parametrize(
    ("decided", "action", "status", "reason"),
    [
        (None, "hangup", "canceled", "canceled"),
        (None, "fail", "failed", "failed"),
        ("answer", "hangup", "completed", "hangup"),
        ("answer", "fail", "failed", "failed"),
        ("send_to_voicemail", "hangup", "completed", "hangup"),
        ("send_to_voicemail", "fail", "failed", "failed"),
    ],
)
def test_the_caller_acts(mock, contract, decided, action, status, reason):
    """Hangs up or is lost, at any time: a call that was not answered is canceled by it."""
    call = receive(mock, scenario="endless")
    if decided is not None:
        mock.command(call["id"], decided)
    mock.advance(by=7)

    answer = act(mock, call, action)

    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["endReason"]) == (status, reason)
    ended = show(mock, call)
    contract.validate("Call", ended)
    assert ended["duration"] == (7 if decided == "answer" else None)
    processing = ["finish_processing"] if decided == "send_to_voicemail" else []  # what the caller has said so far
    assert [entry["action"] for entry in see(mock, call)["upcoming"]] == processing


@pytest.mark.parametrize("action", ["ring", "answer", "busy", "no_answer", "voicemail"])
@pytest.mark.parametrize("decided", [None, "answer", "send_to_voicemail"])
def test_what_the_app_decides_is_not_the_callers(mock, refused, decided, action):
    """The message says which side the far end is on, and what it can do."""
    call = receive(mock, scenario="endless")
    if decided is not None:
        mock.command(call["id"], decided)
    before = mock.state()

    message = refused(act(mock, call, action), 409, param="action", says="hangup, fail")

    assert "inbound" in message
    assert mock.state() == before


@pytest.mark.parametrize(
    ("actions", "status", "reason"),
    [
        (["ring"], "ringing", None),
        (["fail"], "failed", "failed"),
        (["ring", "answer"], "in_progress", None),
        (["ring", "busy"], "busy", "busy"),
        (["ring", "no_answer"], "no_answer", "no_answer"),
        (["ring", "fail"], "failed", "failed"),
        (["ring", "voicemail"], "voicemail", None),
        (["ring", "answer", "hangup"], "completed", "hangup"),
        (["ring", "answer", "fail"], "failed", "failed"),
        (["ring", "voicemail", "hangup"], "completed", "hangup"),
    ],
    ids=str,
)
def test_the_other_party_of_an_outbound_call_acts(mock, contract, actions, status, reason):
    """At once and ahead of its scenario, which it then no longer follows where that is not possible."""
    call = mock.call()

    for action in actions:
        assert act(mock, call, action).status_code == 200, action

    shown = show(mock, call)
    contract.validate("Call", shown)
    assert (shown["status"], shown["endReason"]) == (status, reason)


@pytest.mark.parametrize(
    ("actions", "impossible"),
    [
        ([], ["answer", "busy", "no_answer", "voicemail", "hangup"]),
        (["ring"], ["ring", "hangup"]),
        (["ring", "answer"], ["ring", "answer", "busy", "no_answer", "voicemail"]),
        (["ring", "voicemail"], ["ring", "answer", "busy", "no_answer", "voicemail"]),
        (["ring", "busy"], ["ring", "answer", "busy", "no_answer", "voicemail", "hangup", "fail"]),
    ],
    ids=["initiated", "ringing", "in_progress", "voicemail", "busy"],
)
def test_the_other_party_cannot_do_what_the_status_does_not_allow(mock, refused, actions, impossible):
    """409, and nothing happens."""
    call = mock.call()
    for action in actions:
        act(mock, call, action)
    before = mock.state()

    for action in impossible:
        refused(act(mock, call, action), 409, param="action", says=call["id"])

    assert mock.state() == before


@pytest.mark.parametrize(
    ("path", "body", "status", "param"),
    [
        (f"{CALLS}/{UNKNOWN}/far-end", {"action": "hangup"}, 404, "callId"),
        (f"{CALLS}/call_abc/far-end", {"action": "hangup"}, 400, "callId"),
        (f"{CALLS}/{{call}}/far-end", {"action": "sing"}, 400, "action"),
        (f"{CALLS}/{{call}}/far-end", {}, 400, "action"),
        (f"{CALLS}/{{call}}/far-end", {"action": "hangup", "now": True}, 400, "now"),
    ],
)
def test_a_wrong_act_is_refused(mock, refused, path, body, status, param):
    """An unknown call, an unknown action, an unknown field."""
    call = receive(mock)

    refused(mock.post(path.format(call=call["id"]), body), status, param=param)

    assert show(mock, call)["status"] == "initiated"


def test_the_calls_of_a_sandbox_can_be_listed(mock):
    """Newest first, by status and direction, each with what Chirp does not show of it."""
    outbound, inbound, answered = mock.call(), receive(mock), receive(mock, scenario="endless")
    mock.command(answered["id"], "answer")
    mock.command(answered["id"], "hold")
    mock.command(answered["id"], "mute", participant="from")

    def ids(**query):
        listed = mock.get(CALLS, params=query).json()
        assert listed["totalCount"] == len(listed["data"])
        return [call["id"] for call in listed["data"]]

    assert ids() == [answered["id"], inbound["id"], outbound["id"]]
    assert ids(direction="inbound") == [answered["id"], inbound["id"]]
    assert ids(status="initiated") == [inbound["id"], outbound["id"]]
    assert ids(status="initiated", direction="outbound") == [outbound["id"]]
    assert ids(status="busy") == []
    newest = mock.get(CALLS).json()["data"][0]
    assert newest == {
        **show(mock, answered),
        "hold": True,
        "muted": ["from"],
        "scenario": "endless",
        "upcoming": [],
    }


@pytest.mark.parametrize("query", ["status=ended", "direction=sideways", "state=initiated"])
def test_a_list_by_what_there_is_not_is_refused(mock, refused, query):
    """The error names the parameter."""
    refused(mock.get(f"{CALLS}?{query}"), 400, param=query.partition("=")[0])


def test_a_call_shows_what_is_to_come_and_what_has_been(mock):
    """What is scheduled; and events, commands, requests and deliveries on one axis, in their order."""
    call = receive(mock, scenario="brief")
    upcoming = [(entry["at"][11:], entry["action"]) for entry in see(mock, call)["upcoming"]]
    assert upcoming == [("10:30:30.000Z", "decision_due")]
    mock.advance(by=3)
    mock.command(call["id"], "answer")
    mock.advance(by=0)
    assert see(mock, call)["upcoming"] == [
        {"at": "2026-01-15T10:30:04.000Z", "action": "far_end", "does": "hangup"},
    ]
    mock.advance(until="idle")

    seen = see(mock, call)

    assert seen["upcoming"] == []
    history = [(item["at"][17:19], item["kind"], item.get("type") or item.get("event")) for item in seen["history"]]
    assert [row for row in history if row[1] != "request"] == [
        ("00", "event", "calls.initiated"),
        ("00", "delivery", "calls.initiated"),
        ("03", "command", "call.command"),
        ("03", "event", "calls.answered"),
        ("03", "delivery", "calls.answered"),
        *[("03", "event", "calls.participant.joined"), ("03", "delivery", "calls.participant.joined")] * 2,
        *[("04", "event", "calls.participant.left"), ("04", "delivery", "calls.participant.left")] * 2,
        ("04", "event", "calls.completed"),
        ("04", "delivery", "calls.completed"),
    ]


def test_a_call_can_be_ended_by_request_while_it_waits(mock, contract):
    """DELETE cancels it, as it does an outbound one that is not answered."""
    call = receive(mock)

    answer = mock.delete(f"/v1/calls/{call['id']}")

    contract.check_answer("endCall", 200, answer.content, answer.headers)
    assert show(mock, call)["status"] == "canceled"
