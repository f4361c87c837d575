"""Recordings as resources over HTTP."""

from urllib.parse import urlsplit

import pytest

UNKNOWN = "/v1/calls/recordings/call_rec_" + "a" * 27


def test_a_recording_shows_where_it_is_in_its_life(mock, contract):
    """Recording, processing, completed: what has no value yet is null."""
    call_id = mock.call()["id"]
    mock.advance(by=10)
    mock.command(call_id, "start_recording", format="ogg")
    shown = []
    for seconds in (0, 7, 1, 1):
        mock.advance(by=seconds)
        if seconds == 7:
            mock.command(call_id, "stop_recording")
        answer = mock.get(f"/v1/calls/{call_id}/recordings")
        (recording,) = contract.check_answer("listCallRecordings", 200, answer.content, answer.headers)["data"]
        assert answer.json()["totalCount"] == 1
        assert mock.get(f"/v1/calls/recordings/{recording['id']}").json() == recording
        shown.append(recording)

    assert [recording["status"] for recording in shown] == ["recording", "processing", "processing", "completed"]
    assert [recording["endedAt"] for recording in shown] == [None, *["2026-01-15T10:30:17Z"] * 3]
    assert [recording["duration"] for recording in shown] == [None, 7, 7, 7]
    assert [recording["fileUrl"] is None for recording in shown] == [True, True, True, False]
    assert [recording["fileSize"] is None for recording in shown] == [True, True, True, False]
    assert {recording["startedAt"] for recording in shown} == {"2026-01-15T10:30:10Z"}


def test_the_recordings_of_a_call_are_listed_oldest_first(mock):
    """Those of other calls are not among them."""
    call_id, other = mock.call()["id"], mock.call()["id"]
    mock.advance(by=5)
    mock.command(other, "start_recording")
    for format in ("webm", "mp4", "ogg"):
        mock.command(call_id, "start_recording", format=format)
        mock.command(call_id, "stop_recording")

    answer = mock.get(f"/v1/calls/{call_id}/recordings").json()

    assert [recording["format"] for recording in answer["data"]] == ["webm", "mp4", "ogg"]
    assert answer["totalCount"] == 3


def test_a_call_without_recordings_has_an_empty_list(mock, contract):
    """It is not an error."""
    answer = mock.get(f"/v1/calls/{mock.call()['id']}/recordings")

    assert contract.check_answer("listCallRecordings", 200, answer.content) == {"data": [], "totalCount": 0}


def test_a_recording_has_a_fresh_link_at_every_reading(mock, record, contract):
    """Each is good for an hour from then on, and the older ones stay as they were."""
    recording = record(mock)
    path = f"/v1/calls/recordings/{recording['id']}"
    first = mock.get(path).json()["fileUrl"]
    mock.advance(by="59m")

    answer = mock.get(path)

    second = contract.check_answer("getRecording", 200, answer.content, answer.headers)["fileUrl"]
    assert first != second
    assert urlsplit(first).path == urlsplit(second).path == f"/recordings/{recording['id']}.mp4"
    mock.advance(by="1m")
    assert [mock.get(url, key=None).status_code for url in (first, second)] == [403, 200]


def test_a_deleted_recording_is_gone(mock, record, refused, contract):
    """From the list, by its id, and a second deletion finds nothing."""
    recording = record(mock)
    path = f"/v1/calls/recordings/{recording['id']}"

    answer = mock.delete(path)

    contract.check_answer("deleteRecording", answer.status_code, answer.content, answer.headers)
    assert answer.json() == {"message": "Recording deleted"}
    refused(mock.get(path), 404, param="recordingId", says=recording["id"])
    refused(mock.delete(path), 404, param="recordingId", says=recording["id"])
    assert mock.get(f"/v1/calls/{recording['callId']}/recordings").json() == {"data": [], "totalCount": 0}


def test_a_running_recording_cannot_be_deleted(mock, refused, contract):
    """409, and it goes on."""
    call_id = mock.call()["id"]
    mock.command(call_id, "start_recording")
    mock.advance(by=10)
    (recording,) = mock.get(f"/v1/calls/{call_id}/recordings").json()["data"]
    before = mock.state()

    answer = mock.delete(f"/v1/calls/recordings/{recording['id']}")

    assert recording["id"] in refused(answer, 409, says="recording")
    contract.check_answer("deleteRecording", 409, answer.content, answer.headers)
    assert mock.state() == before


def test_a_recording_that_fails_says_why(mock):
    """In the event that only the control API shows: by its scenario, by a request, by the state that it came in."""
    by_scenario, by_request = mock.call("+15005550006")["id"], mock.call("+15005550007")["id"]
    for call_id in (by_scenario, by_request):
        mock.command(call_id, "start_recording")
    mock.advance(by=10)
    for call_id in (by_scenario, by_request):
        mock.command(call_id, "stop_recording")
    (recording,) = mock.get(f"/v1/calls/{by_request}/recordings").json()["data"]
    mock.post(f"/_mockchirp/recordings/{recording['id']}/outcome", {"status": "failed"})
    mock.advance(by=2)

    assert [event["data"]["reason"] for event in mock.events(type="recording.failed")] == [
        "a control request decided that it is failed",
        "the scenario recording_failed says that processing fails",
    ]
    call = {"from": "+15551234567", "to": "+15559876543", "status": "completed", "recordings": [{"status": "failed"}]}
    mock.put("/_mockchirp/state", {"calls": [call, {**call, "to": "+15005550006"}]})
    assert [event["data"]["reason"] for event in mock.events(type="recording.failed")] == [
        "the state that was imported says that processing fails",
        "the scenario recording_failed says that processing fails",
    ]


def test_a_recording_can_be_deleted_while_it_is_processed(mock):
    """Nothing comes of it then, no webhook either."""
    call_id = mock.call("+15005550007")["id"]
    mock.command(call_id, "start_recording")
    mock.advance(by=10)
    mock.command(call_id, "stop_recording")
    (recording,) = mock.get(f"/v1/calls/{call_id}/recordings").json()["data"]

    assert mock.delete(f"/v1/calls/recordings/{recording['id']}").status_code == 200

    mock.advance(until="idle")
    assert mock.events(type="calls.recording.completed") == []


@pytest.mark.parametrize(("method", "operation"), [("GET", "getRecording"), ("DELETE", "deleteRecording")])
def test_an_unknown_recording_is_not_found(mock, refused, contract, method, operation):
    """Nor is one of another app."""
    unknown = mock.request(method, UNKNOWN)

    refused(unknown, 404, param="recordingId", says="No such recording")
    contract.check_answer(operation, 404, unknown.content, unknown.headers)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_recording_of_another_app_is_not_found(mock, record, refused, method):
    """And stays where it is."""
    path = f"/v1/calls/recordings/{record(mock)['id']}"

    refused(mock.request(method, path, key="sk_test_app_other"), 404, param="recordingId")

    assert mock.get(path).status_code == 200


def test_a_recording_that_failed_has_no_file(mock, contract):
    """And fires no webhook; the number says that processing fails."""
    call_id = mock.call("+15005550006")["id"]
    mock.command(call_id, "start_recording")
    mock.advance(until="idle")

    (recording,) = mock.get(f"/v1/calls/{call_id}/recordings").json()["data"]

    contract.validate("Recording", recording)
    assert (recording["status"], recording["duration"]) == ("failed", 120)
    assert recording["fileUrl"] is recording["fileSize"] is None
    assert mock.events(type="calls.recording.completed") == []
