"""Voicemails: how a message is left, what is told of it, and what can be done with it."""

import io
import json

import av
import pytest

VOICEMAILS = "/v1/calls/voicemails"
UNKNOWN = f"{VOICEMAILS}/call_vm_" + "a" * 27


def receive(mock, **fields):
    answer = mock.post("/_mockchirp/calls", fields)
    assert answer.status_code == 201, answer.text
    return answer.json()


def leave(mock, **fields):
    """Have somebody call, be sent to voicemail and leave a message; the voicemail."""
    call = receive(mock, **fields)
    mock.command(call["id"], "send_to_voicemail")
    mock.advance(until="idle")
    newest = mock.get(VOICEMAILS).json()["data"][0]
    assert newest["callId"] == call["id"]
    return newest


def configure(mock, **changes):
    path = f"/v1/organization/apps/{mock.sandbox().app_id}/calling"
    assert mock.put(path, changes, key="sk_admin_x").status_code == 200


def mark(mock, voicemail, *body):
    return mock.request("PATCH", f"{VOICEMAILS}/{voicemail['id']}", **({"json": body[0]} if body else {}))


def told(mock):
    """What the receiver was told: when, and which event."""
    payloads = [json.loads(dispatch.body) for dispatch in mock.receiver.got]
    return [(payload["timestamp"][14:19], payload["event"]) for payload in payloads]


def test_a_caller_leaves_a_message(mock, contract):
    """Nobody answers; after 30 s voicemail greets for 3 s, the caller speaks for 30 s, and 2 s later the message is there."""
    call = receive(mock, **{"from": "+15559876543"}, scenario="endless")

    mock.advance(by=65)

    ended = mock.get(f"/v1/calls/{call['id']}").json()
    contract.validate("Call", ended)
    assert (ended["status"], ended["endReason"], ended["endedAt"]) == ("completed", "hangup", "2026-01-15T10:31:03Z")
    assert (ended["answeredAt"], ended["duration"]) == (None, None)
    (recording,) = mock.get(f"/v1/calls/{call['id']}/recordings").json()["data"]
    assert (recording["status"], recording["startedAt"], recording["duration"]) == (
        "completed",
        "2026-01-15T10:30:33Z",
        30,
    )
    answer = mock.get(VOICEMAILS)
    page = contract.check_answer("listVoicemails", answer.status_code, answer.content, answer.headers)
    (voicemail,) = page["data"]
    assert voicemail == {
        "id": voicemail["id"],
        "callId": call["id"],
        "callerNumber": "+15559876543",
        "callerChannel": "pstn",
        "duration": 30,
        "isRead": False,
        "transcription": voicemail["transcription"],
        "recordingId": recording["id"],
        "createdAt": "2026-01-15T10:31:05Z",
    }
    assert len(voicemail["transcription"]) > 20
    assert told(mock) == [
        ("30:00", "calls.initiated"),
        ("31:03", "calls.completed"),
        ("31:05", "calls.recording.completed"),
        ("31:05", "calls.voicemail.received"),
    ]
    of_recording, of_voicemail = (json.loads(dispatch.body) for dispatch in mock.receiver.got[-2:])
    assert of_recording["eventId"] == f"evt_{recording['id']}_completed"
    assert of_recording["data"]["recording"]["id"] == recording["id"]
    assert of_voicemail["eventId"] == f"evt_{voicemail['id']}_received"
    assert of_voicemail["data"]["voicemail"] == voicemail
    assert of_voicemail["data"]["call"]["status"] == "completed"
    assert "recording" not in of_voicemail["data"]


@pytest.mark.parametrize(("format", "container"), [("mp4", "mp4"), ("ogg", "ogg"), ("webm", "webm")])
def test_a_message_is_a_file_that_plays(mock, format, container):
    """In the format of the configuration, as long as the voicemail says."""
    configure(mock, recordingFormat=format)

    voicemail = leave(mock)

    recording = mock.get(f"/v1/calls/recordings/{voicemail['recordingId']}").json()
    assert recording["format"] == format
    audio = mock.get(recording["fileUrl"], key=None)
    assert audio.headers["content-type"] == f"audio/{format}"
    assert len(audio.content) == recording["fileSize"]
    with av.open(io.BytesIO(audio.content)) as file:
        assert container in file.format.name
        length = sum(frame.samples / frame.sample_rate for frame in file.decode(audio=0))
    assert length == pytest.approx(voicemail["duration"], abs=0.1)


@pytest.mark.parametrize(
    ("message", "limit", "duration"), [("30s", 120, 30), ("5m", 120, 120), ("5m", 10, 10), ("4s", 10, 4), ("0s", 10, 0)]
)
def test_a_message_is_cut_off_at_the_longest_that_is_allowed(mock, message, limit, duration):
    """`voicemailMaxDuration` seconds after the tone; shorter ones end by themselves."""
    configure(mock, voicemailMaxDuration=limit)
    mock.put("/_mockchirp/scenarios/speaker", {"messageLength": message})

    voicemail = leave(mock, scenario="speaker")

    assert voicemail["duration"] == duration
    call = mock.get(f"/v1/calls/{voicemail['callId']}").json()
    assert call["endedAt"] == f"2026-01-15T10:{30 + (3 + duration) // 60}:{(3 + duration) % 60:02}Z"


@pytest.mark.parametrize("end", ["caller", "app"])
@pytest.mark.parametrize(("passed", "duration"), [(1, None), (2.999, None), (3, 0), (10, 7), (32.999, 29)])
def test_a_message_ends_with_the_call(mock, passed, duration, end):
    """Whoever hangs up: during the greeting there is none, later it is as long as it got."""
    call = receive(mock)
    mock.command(call["id"], "send_to_voicemail")
    mock.advance(by=passed)

    if end == "caller":
        mock.post(f"/_mockchirp/calls/{call['id']}/far-end", {"action": "hangup"})
    else:
        mock.command(call["id"], "hangup")
    mock.advance(until="idle")

    assert mock.get(f"/v1/calls/{call['id']}").json()["status"] == "completed"
    voicemails = mock.get(VOICEMAILS).json()["data"]
    assert [voicemail["duration"] for voicemail in voicemails] == ([] if duration is None else [duration])
    assert ("calls.voicemail.received" in dict(map(reversed, told(mock)))) == (duration is not None)


def test_a_message_whose_processing_fails_is_lost(mock):
    """No voicemail, and nothing is told of it."""
    call = receive(mock, scenario="recording_failed")
    mock.command(call["id"], "send_to_voicemail")
    mock.advance(until="idle")

    assert mock.get(f"/v1/calls/{call['id']}/recordings").json()["data"][0]["status"] == "failed"
    assert mock.get(VOICEMAILS).json() == {"data": [], "totalCount": 0}
    assert [event for _, event in told(mock)] == ["calls.initiated", "calls.completed"]


def test_a_message_that_is_deleted_before_it_is_ready_never_comes(mock):
    """Its recording can be deleted as soon as it has ended."""
    call = receive(mock)
    mock.command(call["id"], "send_to_voicemail")
    mock.advance(by=34)
    (recording,) = mock.get(f"/v1/calls/{call['id']}/recordings").json()["data"]

    assert mock.delete(f"/v1/calls/recordings/{recording['id']}").status_code == 200
    mock.advance(until="idle")

    assert mock.get(VOICEMAILS).json()["totalCount"] == 0


def test_a_message_can_be_decided_on_at_once(mock):
    """Through the control API, as every processing can: the voicemail is there."""
    call = receive(mock)
    mock.command(call["id"], "send_to_voicemail")
    mock.advance(by=34)
    (recording,) = mock.get(f"/v1/calls/{call['id']}/recordings").json()["data"]

    mock.post(f"/_mockchirp/recordings/{recording['id']}/outcome", {"status": "completed"})

    (voicemail,) = mock.get(VOICEMAILS).json()["data"]
    assert (voicemail["recordingId"], voicemail["createdAt"]) == (recording["id"], "2026-01-15T10:30:34Z")


def test_the_far_ends_voicemail_is_none_of_ours(mock):
    """An outbound call that ends on somebody's voicemail leaves a message there, not here."""
    mock.call("+15005550004")
    mock.advance(until="idle")

    assert mock.get(VOICEMAILS).json()["totalCount"] == 0


def test_messages_are_made_up_from_the_seed(open_mock):
    """The same in every run with the same seed, and no two the same."""
    one, same, other = open_mock(), open_mock(), open_mock(random_seed=2)

    words = [[leave(mock)["transcription"] for _ in range(3)] for mock in (one, same, other)]

    assert words[0] == words[1]
    assert len({*words[0], *words[2]}) == 6


def test_without_transcription_there_is_none(open_mock, contract):
    """The field is null then."""
    voicemail = leave(open_mock(transcription=False))

    contract.validate("Voicemail", voicemail)
    assert voicemail["transcription"] is None


def test_a_caller_by_webrtc_is_named_by_address_and_channel(mock, contract):
    """`callerNumber` is whatever they call from."""
    voicemail = leave(mock, **{"from": "kiosk-3", "fromChannel": "webrtc"})

    contract.validate("Voicemail", voicemail)
    assert (voicemail["callerNumber"], voicemail["callerChannel"]) == ("kiosk-3", "webrtc")


def test_voicemails_are_listed_by_the_page(mock, contract):
    """Newest first; 20 unless said otherwise; `totalCount` counts them all."""
    for _ in range(23):
        receive(mock)
    mock.advance(until="idle")
    ids = [voicemail["id"] for voicemail in mock.get(f"{VOICEMAILS}?limit=100").json()["data"]]
    assert len(ids) == len(set(ids)) == 23
    leave(mock)
    ids = [mock.get(VOICEMAILS).json()["data"][0]["id"], *ids]

    def page(query):
        answer = mock.get(f"{VOICEMAILS}{query}")
        page = contract.check_answer("listVoicemails", answer.status_code, answer.content, answer.headers)
        assert page["totalCount"] == 24
        return [voicemail["id"] for voicemail in page["data"]]

    assert page("") == ids[:20]
    assert page("?offset=20") == ids[20:]
    assert page("?limit=5") == ids[:5]
    assert page("?limit=5&offset=5") == ids[5:10]
    assert page("?limit=1&offset=23") == ids[23:]
    assert page("?offset=24") == page("?offset=9007199254740991") == []
    assert page("?limit=100&unknown=1") == ids


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=ten", "limit"),
        ("limit=", "limit"),
        ("limit=5.0", "limit"),
        ("limit=%D9%A3", "limit"),
        ("offset=-1", "offset"),
        ("offset=1e3", "offset"),
        ("offset=9007199254740992", "offset"),
    ],
)
def test_a_page_that_cannot_be_is_refused(mock, refused, contract, query, param):
    """The error names the parameter and what is allowed."""
    answer = mock.get(f"{VOICEMAILS}?{query}")

    refused(answer, 400, param=param, says="whole number")
    contract.check_answer("listVoicemails", 400, answer.content, answer.headers)


def test_a_voicemail_is_marked_as_read_and_unread(mock, contract):
    """The answer is the voicemail as it is then; marking it twice is allowed; without a mark nothing changes."""
    voicemail = leave(mock)

    for body, is_read in [
        ([{"isRead": True}], True),
        ([{"isRead": True}], True),
        ([], True),
        ([{}], True),
        ([{"isRead": False}], False),
        ([{"starred": True}], False),
    ]:
        answer = mark(mock, voicemail, *body)
        marked = contract.check_answer("updateVoicemail", answer.status_code, answer.content, answer.headers)
        assert marked == {**voicemail, "isRead": is_read}
        assert mock.get(f"{VOICEMAILS}/{voicemail['id']}").json() == marked


@pytest.mark.parametrize("value", [None, 1, "true", []])
def test_a_mark_that_is_none_is_refused(mock, refused, contract, value):
    """It is true or false; the voicemail stays as it was."""
    voicemail = leave(mock)

    answer = mark(mock, voicemail, {"isRead": value})

    refused(answer, 400, param="isRead")
    contract.check_answer("updateVoicemail", 400, answer.content, answer.headers)
    assert mock.get(f"{VOICEMAILS}/{voicemail['id']}").json() == voicemail


def test_a_body_of_another_type_is_refused(mock, refused):
    """Where there is a body, it is JSON and says so."""
    voicemail = leave(mock)

    for options in ({"content": b'{"isRead": true}'}, {"json": [True]}, {"content": b"{"}):
        headers = {"Content-Type": "text/plain" if "true" in str(options) else "application/json"}
        answer = mock.request("PATCH", f"{VOICEMAILS}/{voicemail['id']}", headers=headers, **options)
        refused(answer, 400)


def test_a_deleted_voicemail_is_gone(mock, refused, contract):
    """For good: it can't be read, marked, deleted again or listed. Its recording stays."""
    voicemail, other = leave(mock), leave(mock)

    answer = mock.delete(f"{VOICEMAILS}/{voicemail['id']}")

    contract.check_answer("deleteVoicemail", answer.status_code, answer.content, answer.headers)
    assert answer.json() == {"message": "Voicemail deleted"}
    for method in ("GET", "PATCH", "DELETE"):
        refused(mock.request(method, f"{VOICEMAILS}/{voicemail['id']}"), 404, param="voicemailId")
    assert mock.get(VOICEMAILS).json() == {"data": [other], "totalCount": 1}
    recording = mock.get(f"/v1/calls/recordings/{voicemail['recordingId']}").json()
    assert mock.get(recording["fileUrl"], key=None).status_code == 200


def test_a_voicemail_outlives_its_recording(mock, contract):
    """It no longer points to one."""
    voicemail = leave(mock)

    mock.delete(f"/v1/calls/recordings/{voicemail['recordingId']}")

    answer = mock.get(f"{VOICEMAILS}/{voicemail['id']}")
    left = contract.check_answer("getVoicemail", answer.status_code, answer.content, answer.headers)
    assert left == {**voicemail, "recordingId": None}


@pytest.mark.parametrize(("method", "operation"), [("GET", "get"), ("PATCH", "update"), ("DELETE", "delete")])
def test_a_voicemail_that_is_not_there_is_not_found(mock, refused, contract, method, operation):
    """Nor is that of another app, and what is no id is refused."""
    voicemail = leave(mock)

    unknown = mock.request(method, UNKNOWN)
    foreign = mock.request(method, f"{VOICEMAILS}/{voicemail['id']}", key="sk_test_app_other")
    malformed = mock.request(method, f"{VOICEMAILS}/{voicemail['recordingId']}")

    refused(unknown, 404, param="voicemailId", says="No such voicemail")
    refused(foreign, 404, param="voicemailId")
    refused(malformed, 400, param="voicemailId")
    for answer in (unknown, foreign, malformed):
        contract.check_answer(f"{operation}Voicemail", answer.status_code, answer.content, answer.headers)
    assert mock.get(VOICEMAILS).json() == {"data": [voicemail], "totalCount": 1}
