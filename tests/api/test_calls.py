"""Calls and their commands over HTTP."""

import json
from pathlib import Path

import pytest

DOCUMENTED = json.loads((Path(__file__).parents[2] / "fixtures" / "documented" / "call.json").read_text())
UNKNOWN = "/v1/calls/call_" + "a" * 27


def test_a_call_that_is_created_is_initiated(mock, contract):
    """All 16 fields are there, and those that have no value yet are null."""
    answer = mock.post("/v1/calls", {"from": "+15551234567", "to": "+15559876543"})

    call = contract.check_answer("createCall", answer.status_code, answer.content, answer.headers)
    assert answer.status_code == 201
    assert call == {
        **DOCUMENTED,
        "id": call["id"],
        "appId": call["appId"],
        "status": "initiated",
        **dict.fromkeys(["duration", "endReason", "livekitRoomName", "answeredAt", "endedAt"]),
    }


def test_a_finished_call_is_the_documented_example(mock, contract):
    """With the default scenario every field of the documentation's call comes out, times and duration included."""
    call_id = mock.call()["id"]
    mock.advance(until="idle")

    answer = mock.get(f"/v1/calls/{call_id}")

    call = contract.check_answer("getCall", answer.status_code, answer.content, answer.headers)
    app_id = mock.sandbox().app_id
    assert call == {**DOCUMENTED, "id": call_id, "appId": app_id, "status": "completed", "livekitRoomName": None}


def test_metadata_comes_back_as_it_was_given(mock):
    """Any JSON object, nested as it may be, in the REST call and in its webhooks."""
    metadata = {"order": {"id": 7, "notes": ["é", "\u0000", "😀", 1.5, None, True, {}]}, "": "empty name"}

    call = mock.call(metadata=metadata)
    mock.advance(by=0)

    assert mock.get(f"/v1/calls/{call['id']}").json()["metadata"] == metadata
    assert json.loads(mock.receiver.got[0].body)["data"]["call"]["metadata"] == metadata


def test_unknown_fields_of_a_call_are_ignored(mock):
    """As Chirp does."""
    assert "color" not in mock.call(color="blue")


def test_a_webrtc_leg_opens_a_room(mock, contract):
    """Its address is any identifier, and the call names the room."""
    answer = mock.post("/v1/calls", {"from": "agent 7", "fromChannel": "webrtc", "to": "+15559876543"})

    call = contract.check_answer("createCall", answer.status_code, answer.content)
    assert call["fromChannel"] == "webrtc"
    assert call["livekitRoomName"].startswith("call-")


def test_deleting_a_call_ends_it(mock, contract):
    """Before the answer it is canceled; the call itself stays."""
    call_id = mock.call()["id"]

    answer = mock.delete(f"/v1/calls/{call_id}")

    contract.check_answer("endCall", answer.status_code, answer.content, answer.headers)
    assert answer.json() == {"message": "Call ended"}
    assert mock.get(f"/v1/calls/{call_id}").json()["status"] == "canceled"


@pytest.mark.parametrize(
    ("before", "command", "parameters", "status"),
    [
        ([], "hangup", {}, "accepted"),
        ([], "hold", {}, "accepted"),
        ([], "hold", {"musicUrl": "https://music.example.com/a.mp3?x=1"}, "accepted"),
        (["hold"], "unhold", {}, "accepted"),
        ([], "start_recording", {}, "accepted"),
        ([], "start_recording", {"format": "ogg"}, "accepted"),
        (["start_recording"], "stop_recording", {}, "accepted"),
        ([], "mute", {}, "accepted"),
        ([], "mute", {"participant": "from"}, "accepted"),
        (["mute"], "unmute", {"participant": "to"}, "accepted"),
        ([], "transfer", {"to": "+15557654321"}, "accepted"),
        ([], "transfer", {"to": "agent 8", "toChannel": "webrtc"}, "accepted"),
        ([], "hold", {"why": "lunch"}, "accepted"),
    ],
)
def test_a_command_is_accepted(mock, contract, before, command, parameters, status):
    """During the talk; the answer repeats its type."""
    call_id = mock.call()["id"]
    mock.advance(by=5)
    for earlier in before:
        assert mock.command(call_id, earlier).status_code == 200

    answer = mock.command(call_id, command, **parameters)

    contract.check_answer("sendCallCommand", answer.status_code, answer.content, answer.headers)
    assert answer.json() == {"callId": call_id, "command": command, "status": status}
    assert mock.events(type="call.command")[-1]["data"] == {
        "command": command,
        **{"start_recording": {"format": "mp4"}, "mute": {"participant": "to"}}.get(command, {}),
        **({"toChannel": "pstn"} if command == "transfer" else {}),
        **{name: value for name, value in parameters.items() if name != "why"},
    }


def test_a_recording_asked_for_before_the_answer_is_queued(mock, contract):
    """It starts with the answer."""
    call_id = mock.call()["id"]

    answer = mock.command(call_id, "start_recording", format="webm")

    contract.check_answer("sendCallCommand", answer.status_code, answer.content, answer.headers)
    assert answer.json() == {"callId": call_id, "command": "start_recording", "status": "queued"}
    mock.advance(by=5)
    recordings = mock.get(f"/v1/calls/{call_id}/recordings").json()["data"]
    assert [(recording["status"], recording["format"]) for recording in recordings] == [("recording", "webm")]
    assert recordings[0]["startedAt"] == "2026-01-15T10:30:05Z"


@pytest.mark.parametrize(
    ("operation", "method", "path", "body"),
    [
        ("getCall", "GET", UNKNOWN, None),
        ("endCall", "DELETE", UNKNOWN, None),
        ("sendCallCommand", "POST", UNKNOWN + "/commands", {"type": "hangup"}),
        ("listCallRecordings", "GET", UNKNOWN + "/recordings", None),
    ],
)
def test_an_unknown_call_is_not_found(mock, refused, contract, operation, method, path, body):
    """A well-formed id that is nobody's."""
    answer = mock.request(method, path, json=body)

    refused(answer, 404, param="callId", says="No such call: call_aaa")
    contract.check_answer(operation, 404, answer.content, answer.headers)


def test_a_call_of_another_app_is_not_found(mock, refused):
    """Each key has its own sandbox, and nothing of one can be seen from the other."""
    call_id = mock.call()["id"]
    before = mock.state()

    for method, path in [("GET", ""), ("DELETE", ""), ("GET", "/recordings"), ("POST", "/commands")]:
        answer = mock.request(
            method,
            f"/v1/calls/{call_id}{path}",
            key="sk_test_app_other",
            json={"type": "hangup"} if method == "POST" else None,
        )
        refused(answer, 404, param="callId")

    assert mock.state() == before


def test_a_call_that_has_ended_cannot_be_ended(mock, refused, contract):
    """The message names the call and its state."""
    call_id = mock.call()["id"]
    mock.advance(until="idle")

    answer = mock.delete(f"/v1/calls/{call_id}")

    assert call_id in refused(answer, 409, says="completed")
    contract.check_answer("endCall", 409, answer.content, answer.headers)


def test_a_command_that_the_state_does_not_allow_is_refused(mock, refused, contract):
    """The message names the call, its state and what is allowed."""
    call_id = mock.call()["id"]
    before = mock.state()

    answer = mock.command(call_id, "hold")

    message = refused(answer, 409, param="type", says="it can't be put on hold")
    assert call_id in message
    assert "initiated" in message
    assert "in_progress" in message
    contract.check_answer("sendCallCommand", 409, answer.content, answer.headers)
    assert mock.state() == before


@pytest.mark.parametrize(("channel", "source"), [("pstn", "telnyx"), ("whatsapp", "meta")])
def test_a_carrier_that_is_down_is_424(mock, refused, contract, channel, source):
    """No call comes of it; the error names the provider."""
    before = mock.state()

    answer = mock.post("/v1/calls", {"from": "+15551234567", "to": "+15005550009", "toChannel": channel})

    refused(answer, 424, type="api_error", code=f"{source}_api_unavailable")
    contract.check_answer("createCall", 424, answer.content, answer.headers)
    assert answer.json()["error"]["provider"]["source"] == source
    assert mock.state() == before


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"from": ...}, "from", None),
        ({"to": ...}, "to", None),
        ({"from": None}, "from", None),
        ({"from": 15551234567}, "from", None),
        ({"to": ["+15559876543"]}, "to", None),
        ({"from": ""}, "from", "invalid_phone_number"),
        ({"from": "15551234567"}, "from", "invalid_phone_number"),
        ({"to": "+05551234567"}, "to", "invalid_phone_number"),
        ({"to": "+1"}, "to", "invalid_phone_number"),
        ({"to": "+1234567890123456"}, "to", "invalid_phone_number"),
        ({"to": "+15559876543\n"}, "to", "invalid_phone_number"),
        ({"to": "+15559876543\u0000"}, "to", "invalid_phone_number"),
        ({"to": "+١٥٥٥٩٨٧٦٥٤٣"}, "to", "invalid_phone_number"),
        ({"to": "agent", "toChannel": "whatsapp"}, "to", "invalid_phone_number"),
        ({"to": "", "toChannel": "webrtc"}, "to", None),
        ({"to": "a\nb", "toChannel": "webrtc"}, "to", None),
        ({"to": "a\u0000b", "toChannel": "webrtc"}, "to", None),
        ({"to": "x" * 257, "toChannel": "webrtc"}, "to", None),
        ({"fromChannel": "sip"}, "fromChannel", None),
        ({"toChannel": None}, "toChannel", None),
        ({"toChannel": 1}, "toChannel", None),
        ({"metadata": None}, "metadata", None),
        ({"metadata": []}, "metadata", None),
        ({"metadata": "x"}, "metadata", None),
    ],
    ids=repr,
)
def test_a_call_with_a_wrong_field_is_refused(mock, refused, contract, change, param, code):
    """The error names the field, and nothing happens."""
    before = mock.state()
    body = {"from": "+15551234567", "to": "+15559876543", **change}

    answer = mock.post("/v1/calls", {name: value for name, value in body.items() if value is not ...})

    refused(answer, 400, param=param, code=code)
    contract.check_answer("createCall", 400, answer.content, answer.headers)
    assert mock.state() == before


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({}, "type", None),
        ({"type": None}, "type", None),
        ({"type": 7}, "type", None),
        ({"type": ["hangup"]}, "type", None),
        ({"type": {"hangup": 1}}, "type", None),
        ({"type": "dance"}, "type", None),
        ({"type": "hangup "}, "type", None),
        ({"type": "HANGUP"}, "type", None),
        ({"type": "x" * 100_000}, "type", None),
        ({"type": "hold", "musicUrl": 1}, "musicUrl", None),
        ({"type": "hold", "musicUrl": None}, "musicUrl", None),
        ({"type": "hold", "musicUrl": "ftp://music.example.com/a"}, "musicUrl", None),
        ({"type": "hold", "musicUrl": "https://"}, "musicUrl", None),
        ({"type": "hold", "musicUrl": "https://a b"}, "musicUrl", None),
        ({"type": "hold", "musicUrl": "https://a/" + "x" * 2048}, "musicUrl", None),
        ({"type": "start_recording", "format": "mp3"}, "format", None),
        ({"type": "start_recording", "format": None}, "format", None),
        ({"type": "mute", "participant": "both"}, "participant", None),
        ({"type": "transfer"}, "to", None),
        ({"type": "transfer", "to": 5}, "to", None),
        ({"type": "transfer", "to": "agent"}, "to", "invalid_phone_number"),
        ({"type": "transfer", "to": "+15557654321", "toChannel": "sip"}, "toChannel", None),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_a_command_with_a_wrong_field_is_refused(mock, refused, contract, body, param, code):
    """The error names the field; an unknown type gets the list of the known ones; and nothing happens."""
    call_id = mock.call()["id"]
    mock.advance(by=10)
    before = mock.state()

    answer = mock.post(f"/v1/calls/{call_id}/commands", body)

    message = refused(answer, 400, param=param, code=code)
    contract.check_answer("sendCallCommand", 400, answer.content, answer.headers)
    assert param != "type" or "start_recording" in message
    assert mock.state() == before
