"""Every answer that the contract knows can be had, and is as the contract says: body, content type and headers."""

import pytest

OURS = "sk_test_app_local"

CALL = {"from": "+15551234567", "to": "+15559876543"}
UNKNOWN = "2DbBs7GWhGvVNJGrDXr5RG0mBWI"
HOOK = {"url": "https://app.test/hooks", "events": ["calls.completed"], "headers": {"X-Token": "abc"}}
TOKEN = {"roomName": "call-7", "participantIdentity": "agent-7"}
ADMIN = "sk_admin_key"
BIG = b'{"from": "' + b"1" * (1 << 20) + b'"}'

# Names in braces stand for what `places` finds in the prepared sandbox.
ANSWERS = [
    ("createCall", 201, "POST", "/v1/calls", {"json": CALL}),
    ("createCall", 400, "POST", "/v1/calls", {"json": {**CALL, "to": "911"}}),
    ("createCall", 401, "POST", "/v1/calls", {"json": CALL, "key": None}),
    ("createCall", 409, "POST", "/v1/calls", {"json": CALL, "key": "{full}"}),
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
    ("listVoicemails", 200, "GET", "/v1/calls/voicemails?limit=1&offset=1", {}),
    ("listVoicemails", 400, "GET", "/v1/calls/voicemails?limit=0", {}),
    ("listVoicemails", 401, "GET", "/v1/calls/voicemails", {"key": ADMIN}),
    ("getVoicemail", 200, "GET", "/v1/calls/voicemails/{voicemail}", {}),
    ("getVoicemail", 400, "GET", "/v1/calls/voicemails/call_vm_abc123", {}),
    ("getVoicemail", 401, "GET", "/v1/calls/voicemails/{voicemail}", {"key": None}),
    ("getVoicemail", 404, "GET", f"/v1/calls/voicemails/call_vm_{UNKNOWN}", {}),
    ("updateVoicemail", 200, "PATCH", "/v1/calls/voicemails/{voicemail}", {"json": {"isRead": True}}),
    ("updateVoicemail", 400, "PATCH", "/v1/calls/voicemails/{voicemail}", {"json": {"isRead": "yes"}}),
    ("updateVoicemail", 401, "PATCH", "/v1/calls/voicemails/{voicemail}", {"key": None}),
    ("updateVoicemail", 404, "PATCH", f"/v1/calls/voicemails/call_vm_{UNKNOWN}", {}),
    ("updateVoicemail", 413, "PATCH", "/v1/calls/voicemails/{voicemail}", {"content": BIG}),
    ("deleteVoicemail", 200, "DELETE", "/v1/calls/voicemails/{voicemail}", {}),
    ("deleteVoicemail", 400, "DELETE", "/v1/calls/voicemails/call_vm_abc123", {}),
    ("deleteVoicemail", 401, "DELETE", "/v1/calls/voicemails/{voicemail}", {"key": None}),
    ("deleteVoicemail", 404, "DELETE", f"/v1/calls/voicemails/call_vm_{UNKNOWN}", {}),
    ("createWebrtcToken", 200, "POST", "/v1/calls/token", {"json": TOKEN}),
    ("createWebrtcToken", 400, "POST", "/v1/calls/token", {"json": {**TOKEN, "ttl": 59}}),
    ("createWebrtcToken", 401, "POST", "/v1/calls/token", {"json": TOKEN, "key": None}),
    ("createWebrtcToken", 413, "POST", "/v1/calls/token", {"content": BIG}),
    ("createWebhook", 201, "POST", "/v1/webhooks", {"json": HOOK}),
    ("createWebhook", 400, "POST", "/v1/webhooks", {"json": {**HOOK, "events": ["calls.started"]}}),
    ("createWebhook", 401, "POST", "/v1/webhooks", {"json": HOOK, "key": ADMIN}),
    ("createWebhook", 409, "POST", "/v1/webhooks", {"json": HOOK, "key": "{full}"}),
    ("createWebhook", 413, "POST", "/v1/webhooks", {"content": BIG}),
    ("listWebhooks", 200, "GET", "/v1/webhooks", {}),
    ("listWebhooks", 401, "GET", "/v1/webhooks", {"key": None}),
    ("getWebhook", 200, "GET", "/v1/webhooks/{webhook}", {}),
    ("getWebhook", 400, "GET", "/v1/webhooks/whk_abc123", {}),
    ("getWebhook", 401, "GET", "/v1/webhooks/{webhook}", {"key": None}),
    ("getWebhook", 404, "GET", f"/v1/webhooks/whk_{UNKNOWN}", {}),
    ("updateWebhook", 200, "PUT", "/v1/webhooks/{webhook}", {"json": {"url": "https://app.test/new"}}),
    ("updateWebhook", 400, "PUT", "/v1/webhooks/{webhook}", {"json": {"url": "app.test"}}),
    ("updateWebhook", 401, "PUT", "/v1/webhooks/{webhook}", {"json": {}, "key": None}),
    ("updateWebhook", 404, "PUT", f"/v1/webhooks/whk_{UNKNOWN}", {"json": {}}),
    ("updateWebhook", 413, "PUT", "/v1/webhooks/{webhook}", {"content": BIG}),
    ("deleteWebhook", 200, "DELETE", "/v1/webhooks/{webhook}", {}),
    ("deleteWebhook", 400, "DELETE", "/v1/webhooks/whk_abc123", {}),
    ("deleteWebhook", 401, "DELETE", "/v1/webhooks/{webhook}", {"key": None}),
    ("deleteWebhook", 404, "DELETE", f"/v1/webhooks/whk_{UNKNOWN}", {}),
    ("getCallingConfiguration", 200, "GET", "/v1/organization/apps/{app}/calling", {"key": ADMIN}),
    ("getCallingConfiguration", 400, "GET", "/v1/organization/apps/app_abc123/calling", {"key": ADMIN}),
    ("getCallingConfiguration", 401, "GET", "/v1/organization/apps/{app}/calling", {}),
    ("getCallingConfiguration", 404, "GET", f"/v1/organization/apps/app_{UNKNOWN}/calling", {"key": ADMIN}),
    ("updateCallingConfiguration", 200, "PUT", "/v1/organization/apps/{app}/calling", {"json": {}, "key": ADMIN}),
    ("updateCallingConfiguration", 400, "PUT", "/v1/organization/apps/{app}/calling", {"json": [], "key": ADMIN}),
    ("updateCallingConfiguration", 401, "PUT", "/v1/organization/apps/{app}/calling", {"json": {}}),
    (
        "updateCallingConfiguration",
        404,
        "PUT",
        f"/v1/organization/apps/app_{UNKNOWN}/calling",
        {"json": {}, "key": ADMIN},
    ),
    ("updateCallingConfiguration", 413, "PUT", "/v1/organization/apps/{app}/calling", {"content": BIG, "key": ADMIN}),
    ("downloadRecording", 200, "GET", "{link}", {}),
    ("downloadRecording", 206, "GET", "{link}", {"headers": {"Range": "bytes=0-99"}}),
    ("downloadRecording", 304, "GET", "{link}", {"headers": {"If-None-Match": "*"}}),
    ("downloadRecording", 403, "GET", "{link}0", {}),
    ("downloadRecording", 404, "GET", "{dead}", {}),
    ("downloadRecording", 412, "GET", "{link}", {"headers": {"If-Match": '"other"'}}),
    ("downloadRecording", 416, "GET", "{link}", {"headers": {"Range": "bytes=99999999-"}}),
    ("headRecording", 200, "HEAD", "{link}", {}),
    ("headRecording", 304, "HEAD", "{link}", {"headers": {"If-None-Match": "*"}}),
    ("headRecording", 403, "HEAD", "{link}0", {}),
    ("headRecording", 404, "HEAD", "{dead}", {}),
    ("headRecording", 412, "HEAD", "{link}", {"headers": {"If-Match": '"other"'}}),
    (None, 404, "GET", "/v1/nothing", {}),
    (None, 404, "GET", "/v1/calls/{live}/", {}),
    (None, 405, "GET", "/v1/calls", {}),
    (None, 405, "GET", "/v1/calls/token", {}),
    (None, 405, "DELETE", "/v1/webhooks", {}),
    (None, 405, "POST", "/v1/organization/apps/{app}/calling", {"key": ADMIN}),
    (None, 404, "GET", "/v1/organization/apps/{app}", {"key": ADMIN}),
    (None, 405, "PUT", "/v1/calls/{live}", {"json": {}}),
    (None, 405, "POST", "{link}", {}),
    (None, 405, "BREW", "/v1/calls", {}),
]
ELSEWHERE = {("downloadRecording", 503)}
"""What takes another mock than the one below: see `tests/api/test_downloads.py`."""
FOREIGN = {"Origin": "https://elsewhere.example"}
# Whoever asks from a page of another site is refused, whatever the answer would have been, and so is a body that is compressed.
ANSWERS += [
    (operation_id, 403, method, path, {**request_, "headers": FOREIGN})
    for operation_id, status, method, path, request_ in ANSWERS
    if operation_id is not None and status in (200, 201)
]
ANSWERS += [
    (operation_id, 415, method, path, {**request_, "content": b"{}", "headers": {"Content-Encoding": "gzip"}})
    for operation_id, status, method, path, request_ in ANSWERS
    if status == 413
]
WITH_A_KEY = {name for name, *_ in ANSWERS if name not in (None, "downloadRecording", "headRecording")}


@pytest.fixture
def mock(open_mock):
    """One that takes no more than three webhooks in a sandbox."""
    return open_mock(webhook_url=None, max_webhooks=3)


@pytest.fixture
def places(mock, populate):
    """What the names in the table stand for."""
    world = populate(mock)
    full = "sk_test_app_full"
    for _ in range(3):
        mock.post("/v1/webhooks", HOOK, key=full)
    mock.put(f"/v1/organization/apps/{mock.sandbox(full).app_id}/calling", {"maxConcurrentCalls": 1}, key=ADMIN)
    mock.call(key=full)
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
        "voicemail": world.voicemail_ids[0],
        "webhook": world.webhook_ids[0],
        "app": world.app_id,
        "full": full,
    }


@pytest.mark.parametrize(("operation_id", "status", "method", "path", "request_"), ANSWERS)
def test_each_answer_is_as_the_contract_says(contract, mock, places, operation_id, status, method, path, request_):
    """One request for each answer, so that none is in the contract for nothing."""
    key = {"key": places["full"]} if request_.get("key") == "{full}" else {}
    answer = mock.request(method, path.format(**places), **{**request_, **key})

    assert answer.status_code == status, answer.text
    contract.check_answer(operation_id, status, answer.content, answer.headers)


def test_over_the_rate_limit_every_operation_answers_429(contract, mock, places):
    """Where it is enforced: whatever would have been the answer, and in the sandbox of the app that is asked about."""
    mock.request("PATCH", "/_mockchirp/sandbox", json={"rateLimit": "enforce"})
    calling = f"/v1/organization/apps/{mock.sandbox().app_id}/calling"
    for path, key in (("/v1/calls/voicemails", OURS), ("/v1/webhooks", OURS), (calling, "sk_admin_x")):
        while mock.get(path, key=key).status_code == 200:
            pass

    for operation_id, status, method, path, request_ in ANSWERS:
        if operation_id in WITH_A_KEY and status < 300:
            answer = mock.request(method, path.format(**places), **request_)
            assert answer.status_code == 429, operation_id
            contract.check_answer(operation_id, 429, answer.content, answer.headers)


def test_the_answers_are_all_that_the_contract_knows(contract):
    """And no answer of the contract is left out above; that of the rate limit is the same for all."""
    known = {
        (name, int(status))
        for name, pointer in contract.operations.items()
        for status in contract.at(pointer)["responses"]
    }

    tested = {(name, status) for name, status, *_ in ANSWERS if name is not None}
    assert tested | ELSEWHERE | {(name, 429) for name in WITH_A_KEY} == known
