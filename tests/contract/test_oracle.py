"""The contract notices drift: what is nearly right is refused, and the fault is named."""

import copy

import pytest

CALL = {
    "id": "call_2DbBs7GWhGvVNJGrDXr5RG0mBWI",
    "appId": "app_2DbBs7GWhGvVNJGrDXr5RG0mBWI",
    "direction": "outbound",
    "status": "completed",
    "fromAddress": "+15551234567",
    "toAddress": "+15559876543",
    "fromChannel": "pstn",
    "toChannel": "pstn",
    "duration": 120,
    "endReason": "hangup",
    "metadata": {},
    "livekitRoomName": None,
    "startedAt": "2026-01-15T10:30:00Z",
    "answeredAt": "2026-01-15T10:30:05Z",
    "endedAt": "2026-01-15T10:32:05Z",
    "createdAt": "2026-01-15T10:30:00Z",
}
RECORDING = {
    "id": "call_rec_2DbBs7GWhGvVNJGrDXr5RG0mBWI",
    "callId": "call_2DbBs7GWhGvVNJGrDXr5RG0mBWI",
    "status": "completed",
    "format": "mp4",
    "duration": 120,
    "fileUrl": "http://127.0.0.1:24477/recordings/call_rec_2DbBs7GWhGvVNJGrDXr5RG0mBWI.mp4?signed=x",
    "fileSize": 1048576,
    "startedAt": "2026-01-15T10:30:05Z",
    "endedAt": "2026-01-15T10:32:05Z",
    "createdAt": "2026-01-15T10:30:05Z",
}
EVENT = {
    "event": "calls.recording.completed",
    "eventId": "evt_call_rec_2DbBs7GWhGvVNJGrDXr5RG0mBWI_completed",
    "timestamp": "2026-01-15T10:32:07.000Z",
    "data": {
        "call": {
            "id": "call_2DbBs7GWhGvVNJGrDXr5RG0mBWI",
            "direction": "outbound",
            "from": "+15551234567",
            "to": "+15559876543",
            "fromChannel": "pstn",
            "toChannel": "pstn",
            "status": "completed",
            "duration": 120,
            "endReason": "hangup",
        },
        "app": {"id": "app_2DbBs7GWhGvVNJGrDXr5RG0mBWI"},
        "recording": RECORDING,
    },
}
VOICEMAIL = {
    "id": "call_vm_2DbBs7GWhGvVNJGrDXr5RG0mBWI",
    "callId": "call_2DbBs7GWhGvVNJGrDXr5RG0mBWI",
    "callerNumber": "+15559876543",
    "callerChannel": "pstn",
    "duration": 30,
    "isRead": False,
    "transcription": "Please call me back.",
    "recordingId": "call_rec_2DbBs7GWhGvVNJGrDXr5RG0mBWI",
    "createdAt": "2026-01-15T10:31:05Z",
}
MESSAGE_LEFT = {
    "event": "calls.voicemail.received",
    "eventId": "evt_call_vm_2DbBs7GWhGvVNJGrDXr5RG0mBWI_received",
    "timestamp": "2026-01-15T10:31:05.000Z",
    "data": {
        "call": {**EVENT["data"]["call"], "direction": "inbound"},
        "app": {"id": "app_2DbBs7GWhGvVNJGrDXr5RG0mBWI"},
        "voicemail": VOICEMAIL,
    },
}
WEBHOOK = {
    "id": "whk_2DbBs7GWhGvVNJGrDXr5RG0mBWI",
    "appId": "app_2DbBs7GWhGvVNJGrDXr5RG0mBWI",
    "url": "https://app.example.com/webhooks",
    "events": ["calls.initiated", "messages.sms.received"],
    "headers": {"X-Token": "abc"},
    "createdAt": "2026-01-15T10:30:00Z",
    "updatedAt": "2026-01-15T10:30:00Z",
}
CONFIGURATION = {
    "id": "cc_2DbBs7GWhGvVNJGrDXr5RG0mBWI",
    "appId": "app_2DbBs7GWhGvVNJGrDXr5RG0mBWI",
    "organizationId": "org_2DbBs7GWhGvVNJGrDXr5RG0mBWI",
    "voicemailEnabled": True,
    "voicemailGreetingUrl": None,
    "voicemailMaxDuration": 120,
    "autoRecordEnabled": False,
    "recordingFormat": "mp4",
    "defaultAnswerBehavior": "webhook",
    "maxConcurrentCalls": 10_000,
    "whatsappCallingEnabled": False,
    "whatsappSipEnabled": False,
    "createdAt": "2026-01-15T10:30:00Z",
    "updatedAt": "2026-01-15T10:30:00Z",
}
EXCEEDED = {
    "error": {
        "type": "invalid_request_error",
        "code": "rate_limit_exceeded",
        "message": "no",
        "doc_url": "https://docs.buildwithchirp.com/api_reference/error-codes#rate_limit_exceeded",
    }
}
QUOTA = {
    "Content-Type": "application/json",
    "X-RateLimit-Limit": "120",
    "X-RateLimit-Remaining": "0",
    "X-RateLimit-Reset": "1768473060",
}
GONE = object()


def changed(instance, pointer, value):
    """A copy of ``instance`` with ``value`` at ``pointer``, or without it."""
    copied = copy.deepcopy(instance)
    *parents, last = pointer.split("/")[1:]
    node = copied
    for part in parents:
        node = node[part]
    if value is GONE:
        del node[last]
    else:
        node[last] = value
    return copied


@pytest.mark.parametrize(
    ("pointer", "value", "fault"),
    [
        ("/id", "call_abc123", "/id"),
        ("/id", CALL["id"] + "\n", "/id"),
        ("/id", "call_live_2DbBs7GWhGvVNJGrDXr5RG0mBWI", "/id"),
        ("/status", "ended", "/status"),
        ("/status", "in_progress", "/status"),
        ("/duration", "120", "/duration"),
        ("/duration", -1, "/duration"),
        ("/endReason", None, "/endReason"),
        ("/metadata", None, "/metadata"),
        ("/answeredAt", "2026-01-15T10:30:05.000Z", "/answeredAt"),
        ("/answeredAt", "2026-13-15T10:30:05Z", "/answeredAt"),
        ("/answeredAt", None, "/duration"),
        ("/toChannel", "webrtc", "/livekitRoomName"),
        ("/endedAt", GONE, ""),
        ("/from", "+15551234567", ""),
    ],
)
def test_a_call_that_is_nearly_right_is_refused(contract, pointer, value, fault):
    """Wrong types, forms, statuses that contradict times, missing and further fields are all found."""
    assert contract.faults("Call", CALL) == {}
    assert fault in contract.faults("Call", changed(CALL, pointer, value))


@pytest.mark.parametrize(
    ("pointer", "value", "fault"),
    [
        ("/status", "failed", "/fileUrl"),
        ("/status", "recording", "/duration"),
        ("/fileUrl", None, "/fileUrl"),
        ("/fileUrl", "http://127.0.0.1:24477/recordings/call_rec_2DbBs7GWhGvVNJGrDXr5RG0mBWI.mp4", "/fileUrl"),
        ("/fileSize", 0, "/fileSize"),
        ("/format", "mp3", "/format"),
        ("/endedAt", None, "/endedAt"),
    ],
)
def test_a_recording_that_is_nearly_right_is_refused(contract, pointer, value, fault):
    """Links and sizes belong to completed recordings, and only to them."""
    assert contract.faults("Recording", RECORDING) == {}
    assert fault in contract.faults("Recording", changed(RECORDING, pointer, value))


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/event", "calls.recording.failed"),
        ("/event", "calls.completed"),
        ("/eventId", "evt_call_2DbBs7GWhGvVNJGrDXr5RG0mBWI_completed"),
        ("/eventId", "evt_call_rec_2DbBs7GWhGvVNJGrDXr5RG0mBWJ_completed"),
        ("/timestamp", "2026-01-15T10:32:07Z"),
        ("/data/call/fromAddress", "+15551234567"),
        ("/data/call/livekitRoomName", None),
        ("/data/call/metadata", {}),
        ("/data/call/duration", None),
        ("/data/call/to", GONE),
        ("/data/recording/status", "processing"),
        ("/data/participant", {"leg": "to", "address": "+15559876543", "channel": "pstn"}),
        ("/data/app", GONE),
        ("/version", 1),
    ],
)
def test_a_webhook_that_is_nearly_right_is_refused(contract, pointer, value):
    """What belongs to REST, to another event or to nothing at all does not pass, nor does an eventId of something else."""
    contract.check_webhook(EVENT)
    with pytest.raises(AssertionError):
        contract.check_webhook(changed(EVENT, pointer, value))


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/event", "calls.voicemail.completed"),
        ("/eventId", "evt_call_2DbBs7GWhGvVNJGrDXr5RG0mBWI_received"),
        ("/eventId", "evt_call_vm_2DbBs7GWhGvVNJGrDXr5RG0mBWJ_received"),
        ("/eventId", "evt_call_vm_2DbBs7GWhGvVNJGrDXr5RG0mBWI_completed"),
        ("/data/call/direction", "outbound"),
        ("/data/call/status", "voicemail"),
        ("/data/voicemail/recordingId", GONE),
        ("/data/recording", RECORDING),
    ],
)
def test_a_webhook_of_a_voicemail_that_is_nearly_right_is_refused(contract, pointer, value):
    """It comes after the end of an inbound call, and carries the voicemail, not its recording."""
    contract.check_webhook(MESSAGE_LEFT)
    with pytest.raises(AssertionError):
        contract.check_webhook(changed(MESSAGE_LEFT, pointer, value))


@pytest.mark.parametrize(
    ("schema", "right", "pointer", "value"),
    [
        ("Voicemail", VOICEMAIL, "/id", VOICEMAIL["recordingId"]),
        ("Voicemail", VOICEMAIL, "/recordingId", VOICEMAIL["callId"]),
        ("Voicemail", VOICEMAIL, "/isRead", None),
        ("Voicemail", VOICEMAIL, "/isRead", 0),
        ("Voicemail", VOICEMAIL, "/callerChannel", "sip"),
        ("Voicemail", VOICEMAIL, "/transcription", GONE),
        ("Voicemail", VOICEMAIL, "/appId", "app_2DbBs7GWhGvVNJGrDXr5RG0mBWI"),
        ("Webhook", WEBHOOK, "/id", "whk_abc"),
        ("Webhook", WEBHOOK, "/events", ["calls.started"]),
        ("Webhook", WEBHOOK, "/events", None),
        ("Webhook", WEBHOOK, "/headers", None),
        ("Webhook", WEBHOOK, "/headers/X-Token", 7),
        ("Webhook", WEBHOOK, "/headers/Content-length", "7"),
        ("Webhook", WEBHOOK, "/updatedAt", None),
        ("Webhook", WEBHOOK, "/secret", "abc"),
        ("CallingConfiguration", CONFIGURATION, "/id", "cfg_2DbBs7GWhGvVNJGrDXr5RG0mBWI"),
        ("CallingConfiguration", CONFIGURATION, "/voicemailMaxDuration", 9),
        ("CallingConfiguration", CONFIGURATION, "/voicemailMaxDuration", 60.5),
        ("CallingConfiguration", CONFIGURATION, "/voicemailEnabled", None),
        ("CallingConfiguration", CONFIGURATION, "/voicemailGreetingUrl", ""),
        ("CallingConfiguration", CONFIGURATION, "/defaultAnswerBehavior", "reject"),
        ("CallingConfiguration", CONFIGURATION, "/maxConcurrentCalls", 0),
        ("CallingConfiguration", CONFIGURATION, "/whatsappSipEnabled", GONE),
        ("Token", {"token": "a.b.c", "expiresAt": 1}, "/token", "a.b"),
        ("Token", {"token": "a.b.c", "expiresAt": 1}, "/expiresAt", "2026-01-15T10:30:00Z"),
    ],
)
def test_a_resource_that_is_nearly_right_is_refused(contract, schema, right, pointer, value):
    """Fields that are missing, too many, null where there is always a value, or of another form."""
    assert contract.faults(schema, right) == {}
    assert contract.faults(schema, changed(right, pointer, value)) != {}


@pytest.mark.parametrize(
    ("operation_id", "status", "body", "headers"),
    [
        ("getCall", 202, CALL, None),
        ("createCall", 201, CALL, None),
        ("createCall", 422, {"error": {"type": "invalid_request_error", "message": "no"}}, None),
        ("createCall", 400, {"error": {"type": "invalid_request_error", "message": "no", "code": "invalid"}}, None),
        ("createCall", 400, {"error": {"type": "api_error", "message": "no"}}, None),
        ("createCall", 424, {"error": {"type": "api_error", "message": "no"}}, None),
        ("getCall", 404, {"detail": "Not Found"}, None),
        ("getCall", 404, {"error": {"type": "invalid_request_error", "message": "no", "param": 7}}, None),
        ("getCall", 401, {"error": {"type": "authentication_error", "message": "no"}}, QUOTA),
        ("getCall", 200, CALL, {**QUOTA, "Content-Type": "text/plain"}),
        ("getCall", 200, CALL, {"Content-Type": "application/json"}),
        ("getCall", 200, CALL, {**QUOTA, "X-RateLimit-Remaining": "-1"}),
        ("getCall", 200, CALL, {**QUOTA, "X-RateLimit-Limit": "30"}),
        ("getCall", 429, EXCEEDED, QUOTA),
        ("getCall", 429, EXCEEDED, {**QUOTA, "Retry-After": "0"}),
        ("getCall", 429, {"error": {"type": "invalid_request_error", "message": "no"}}, {**QUOTA, "Retry-After": "9"}),
        ("headRecording", 404, b"{}", None),
        (None, 405, {"error": {"type": "invalid_request_error", "message": "no"}}, QUOTA),
    ],
)
def test_an_answer_that_is_nearly_right_is_refused(contract, operation_id, status, body, headers):
    """Unknown statuses, other envelopes, wrong error types, missing headers and other content types do not pass."""
    with pytest.raises(AssertionError):
        contract.check_answer(operation_id, status, body, headers)


def test_a_right_answer_passes(contract):
    """The oracle does not refuse everything."""
    contract.check_answer("getCall", 200, CALL, QUOTA)
    contract.check_answer("headRecording", 404, b"", {})
    contract.check_answer(
        "getCall",
        401,
        b'{"error": {"type": "authentication_error", "message": "no"}}',
        {**QUOTA, "WWW-Authenticate": "Bearer"},
    )
    contract.check_answer(
        None,
        405,
        {"error": {"type": "invalid_request_error", "message": "no"}},
        {**QUOTA, "Allow": "GET, HEAD"},
    )
    contract.check_answer("getCall", 429, EXCEEDED, {**QUOTA, "Retry-After": "60"})


@pytest.mark.parametrize(
    ("body", "valid"),
    [
        ({"from": "+15551234567", "to": "+15559876543"}, True),
        ({"from": "agent-7", "fromChannel": "webrtc", "to": "+15559876543"}, True),
        ({"from": "+15551234567", "to": "room 12", "toChannel": "webrtc", "metadata": {"a": [None]}, "x": 1}, True),
        ({"from": "agent-7", "to": "+15559876543"}, False),
        ({"from": "+15551234567", "to": "agent-7", "toChannel": "whatsapp"}, False),
        ({"from": "+15551234567", "to": "agent-7", "fromChannel": "webrtc"}, False),
        ({"from": "", "fromChannel": "webrtc", "to": "+15559876543"}, False),
        ({"from": "a\nb", "fromChannel": "webrtc", "to": "+15559876543"}, False),
        ({"from": "+05551234567", "to": "+15559876543"}, False),
        ({"from": "+1555123456789012", "to": "+15559876543"}, False),
        ({"from": "+١٥٥٥", "to": "+15559876543"}, False),  # Arabic digits
        ({"from": "+15551234567"}, False),
        ({"from": "+15551234567", "to": "+15559876543", "toChannel": None}, False),
        ({"from": "+15551234567", "to": "+15559876543", "metadata": None}, False),
        ({"from": "+15551234567", "to": "+15559876543", "metadata": []}, False),
        ([], False),
    ],
)
def test_the_form_of_an_address_depends_on_its_channel(contract, body, valid):
    """Each leg for itself; and an optional field can be left out, but not be null."""
    assert (contract.faults("CallRequest", body) == {}) == valid


@pytest.mark.parametrize(
    ("body", "valid"),
    [
        ({"type": "hangup", "why": "done"}, True),
        ({"type": "hold"}, True),
        ({"type": "hold", "musicUrl": "https://music.example.com/waiting.mp3?loop=1"}, True),
        ({"type": "start_recording", "format": "webm"}, True),
        ({"type": "mute", "participant": "from"}, True),
        ({"type": "transfer", "to": "+15557654321"}, True),
        ({"type": "transfer", "to": "agent-8", "toChannel": "webrtc"}, True),
        ({"type": "reject", "reason": "x" * 500}, True),
        ({"type": "dance"}, False),
        ({}, False),
        ({"type": "hold", "musicUrl": "ftp://music.example.com/waiting.mp3"}, False),
        ({"type": "hold", "musicUrl": None}, False),
        ({"type": "start_recording", "format": "mp3"}, False),
        ({"type": "mute", "participant": "both"}, False),
        ({"type": "transfer"}, False),
        ({"type": "transfer", "to": "agent-8"}, False),
        ({"type": "reject", "reason": "x" * 501}, False),
    ],
)
def test_each_command_has_its_own_parameters(contract, body, valid):
    """The type decides which parameters there are and what they may be."""
    assert (contract.faults("Command", body) == {}) == valid
