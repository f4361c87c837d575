"""Every answer that the contract knows can be had, and is as the contract says: body, content type and headers."""

import pytest

CALL = {"from": "+15551234567", "to": "+15559876543"}
UNKNOWN = "2DbBs7GWhGvVNJGrDXr5RG0mBWI"
BIG = b'{"from": "' + b"1" * (1 << 20) + b'"}'

# Names in braces stand for what `places` finds in the prepared sandbox.
ANSWERS = [
    ("createCall", 201, "POST", "/v1/calls", {"json": CALL}),
    ("createCall", 400, "POST", "/v1/calls", {"json": {**CALL, "to": "911"}}),
    ("createCall", 401, "POST", "/v1/calls", {"json": CALL, "key": None}),
    ("createCall", 413, "POST", "/v1/calls", {"content": BIG}),
    ("createCall", 424, "POST", "/v1/calls", {"json": {**CALL, "to": "+15005550009"}}),
    ("getCall", 200, "GET", "/v1/calls/{ended}", {}),
    ("getCall", 400, "GET", "/v1/calls/call_abc123", {}),
    ("getCall", 401, "GET", "/v1/calls/{live}", {"key": "sk_admin_key"}),
    ("getCall", 404, "GET", f"/v1/calls/call_{UNKNOWN}", {}),
    ("endCall", 200, "DELETE", "/v1/calls/{live}", {}),
    ("endCall", 400, "DELETE", "/v1/calls/call_abc123", {}),
    ("endCall", 401, "DELETE", "/v1/calls/{live}", {"key": "nonsense"}),
    ("endCall", 404, "DELETE", f"/v1/calls/call_{UNKNOWN}", {}),
    ("endCall", 409, "DELETE", "/v1/calls/{ended}", {}),
    ("sendCallCommand", 200, "POST", "/v1/calls/{live}/commands", {"json": {"type": "hangup"}}),
    ("sendCallCommand", 400, "POST", "/v1/calls/{live}/commands", {"json": {"type": "dance"}}),
    ("sendCallCommand", 401, "POST", "/v1/calls/{live}/commands", {"json": {"type": "hangup"}, "key": None}),
    ("sendCallCommand", 404, "POST", f"/v1/calls/call_{UNKNOWN}/commands", {"json": {"type": "hangup"}}),
    ("sendCallCommand", 409, "POST", "/v1/calls/{ended}/commands", {"json": {"type": "hold"}}),
    ("sendCallCommand", 413, "POST", "/v1/calls/{live}/commands", {"content": BIG}),
    ("listCallRecordings", 200, "GET", "/v1/calls/{live}/recordings", {}),
    ("listCallRecordings", 400, "GET", "/v1/calls/call_abc123/recordings", {}),
    ("listCallRecordings", 401, "GET", "/v1/calls/{live}/recordings", {"key": None}),
    ("listCallRecordings", 404, "GET", f"/v1/calls/call_{UNKNOWN}/recordings", {}),
    ("getRecording", 200, "GET", "/v1/calls/recordings/{completed}", {}),
    ("getRecording", 400, "GET", "/v1/calls/recordings/call_rec_abc123", {}),
    ("getRecording", 401, "GET", "/v1/calls/recordings/{completed}", {"key": None}),
    ("getRecording", 404, "GET", f"/v1/calls/recordings/call_rec_{UNKNOWN}", {}),
    ("deleteRecording", 200, "DELETE", "/v1/calls/recordings/{completed}", {}),
    ("deleteRecording", 400, "DELETE", "/v1/calls/recordings/call_rec_abc123", {}),
    ("deleteRecording", 401, "DELETE", "/v1/calls/recordings/{completed}", {"key": None}),
    ("deleteRecording", 404, "DELETE", f"/v1/calls/recordings/call_rec_{UNKNOWN}", {}),
    ("deleteRecording", 409, "DELETE", "/v1/calls/recordings/{running}", {}),
    ("downloadRecording", 200, "GET", "{link}", {}),
    ("downloadRecording", 206, "GET", "{link}", {"headers": {"Range": "bytes=0-99"}}),
    ("downloadRecording", 403, "GET", "{link}0", {}),
    ("downloadRecording", 404, "GET", "{dead}", {}),
    ("downloadRecording", 416, "GET", "{link}", {"headers": {"Range": "bytes=99999999-"}}),
    ("headRecording", 200, "HEAD", "{link}", {}),
    ("headRecording", 206, "HEAD", "{link}", {"headers": {"Range": "bytes=0-99"}}),
    ("headRecording", 403, "HEAD", "{link}0", {}),
    ("headRecording", 404, "HEAD", "{dead}", {}),
    ("headRecording", 416, "HEAD", "{link}", {"headers": {"Range": "bytes=99999999-"}}),
    (None, 404, "GET", "/v1/nothing", {}),
    (None, 404, "GET", "/v1/calls/{live}/", {}),
    (None, 405, "GET", "/v1/calls", {}),
    (None, 405, "PUT", "/v1/calls/{live}", {"json": {}}),
    (None, 405, "POST", "{link}", {}),
    (None, 405, "BREW", "/v1/calls", {}),
]


@pytest.fixture
def places(mock, populate):
    """What the names in the table stand for."""
    world = populate(mock)
    calls = {id: mock.get(f"/v1/calls/{id}").json() for id in world.call_ids}
    recordings = [recording for id in world.call_ids for recording in world.recordings(id)]
    completed = [recording for recording in recordings if recording["status"] == "completed"]
    mock.delete(f"/v1/calls/recordings/{completed[1]['id']}")
    return {
        "live": next(id for id, call in calls.items() if call["status"] == "in_progress"),
        "ended": next(id for id, call in calls.items() if call["status"] == "completed"),
        "running": next(recording["id"] for recording in recordings if recording["status"] == "recording"),
        "completed": completed[0]["id"],
        "link": completed[0]["fileUrl"],
        "dead": completed[1]["fileUrl"],
    }


@pytest.mark.parametrize(("operation_id", "status", "method", "path", "request_"), ANSWERS)
def test_each_answer_is_as_the_contract_says(contract, mock, places, operation_id, status, method, path, request_):
    """One request for each answer, so that none is in the contract for nothing."""
    answer = mock.request(method, path.format(**places), **request_)

    assert answer.status_code == status, answer.text
    contract.check_answer(operation_id, status, answer.content, answer.headers)


def test_the_answers_are_all_that_the_contract_knows(contract):
    """And no answer of the contract is left out above."""
    known = {
        (name, int(status))
        for name, pointer in contract.operations.items()
        for status in contract.at(pointer)["responses"]
    }

    assert {(name, status) for name, status, *_ in ANSWERS if name is not None} == known
