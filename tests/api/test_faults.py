"""Faults on requests to Chirp's API and on downloads, in process; cut connections over a socket are in `tests/e2e`."""

import pytest

from mockchirp.core.faults import CODES

FAULTS = "/_mockchirp/faults"
REQUESTS = "/_mockchirp/requests"
CALL = {"from": "+15551234567", "to": "+15559876543"}


@pytest.fixture
def add(mock):
    """Add a fault, which must succeed; its id."""

    def add(**fields):
        answer = mock.post(FAULTS, fields)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    return add


def journal(mock, **query):
    """Operation, fault and status of every request."""
    data = mock.get(REQUESTS, params=query).json()["data"]
    return [(entry["operation"], entry["fault"], entry["response"] and entry["response"]["status"]) for entry in data]


@pytest.mark.parametrize("code", CODES)
def test_an_error_by_its_code_is_the_documented_one(mock, add, refused, code):
    """With the headers of every answer, and without effect."""
    fault = add(code=code, times=1)

    answer = mock.post("/v1/calls", CALL)

    refused(answer, CODES[code].status, type=CODES[code].type, code=code, says=fault)
    assert answer.headers["x-ratelimit-remaining"] == "119"
    assert ("retry-after" in answer.headers) == (code == "rate_limit_exceeded")
    assert mock.events() == []
    assert mock.post("/v1/calls", CALL).status_code == 201
    assert journal(mock) == [("createCall", fault, CODES[code].status), ("createCall", None, 201)]


def test_an_error_by_its_status_may_have_a_message(mock, add, refused):
    """Which the app sees as it is."""
    add(status=503, message="The lines are being repaired.", operation="getCall")
    call = mock.call()

    answer = mock.get(f"/v1/calls/{call['id']}")

    assert refused(answer, 503, type="api_error") == "The lines are being repaired."


@pytest.mark.parametrize("operation", ["endCall", "*", None])
def test_what_a_fault_hits_is_not_done(mock, add, operation):
    """A call that could not be ended goes on."""
    call = mock.call()
    add(status=500, **({} if operation is None else {"operation": operation}))

    assert mock.delete(f"/v1/calls/{call['id']}").status_code == 500
    assert mock.sandbox().calls[call["id"]].status == "initiated"


def test_a_fault_of_a_call_hits_all_that_is_about_it(mock, add):
    """The call, its recordings and voicemails and their files; nothing else."""
    other = mock.call("+15005550007")["id"]
    call_id = mock.post("/_mockchirp/calls").json()["id"]
    mock.advance(by="10m")
    (recording,) = mock.get(f"/v1/calls/{call_id}/recordings").json()["data"]
    (voicemail,) = mock.get("/v1/calls/voicemails").json()["data"]
    assert voicemail["callId"] == call_id
    add(status=500, callId=call_id)

    for path in [
        f"/v1/calls/{call_id}",
        f"/v1/calls/{call_id}/recordings",
        f"/v1/calls/recordings/{recording['id']}",
        f"/v1/calls/voicemails/{voicemail['id']}",
        recording["fileUrl"],
    ]:
        assert mock.get(path).status_code == 500, path
    assert mock.get(f"/v1/calls/{other}").status_code == 200
    assert mock.get("/v1/calls/voicemails").status_code == 200
    assert mock.get("/v1/calls/recordings/call_rec_" + "a" * 27).status_code == 404


def test_faults_come_after_the_key_and_before_everything_else(mock, add, refused):
    """Who is not known is told so; a body that makes no sense is not looked at."""
    add(status=500)

    refused(mock.post("/v1/calls", CALL, key=None), 401, type="authentication_error")
    refused(mock.post("/v1/calls", CALL, key="sk_admin_x"), 401, type="authentication_error")
    assert mock.post("/v1/calls", CALL, key="sk_test_app_other").status_code == 201
    refused(mock.request("POST", "/v1/calls", content=b"{"), 500, type="api_error")
    refused(mock.get("/v1/calls/nobody"), 500, type="api_error")
    refused(mock.get("/v1/nothing"), 404)


def test_faults_hit_what_an_admin_key_opens(mock, add, refused):
    """In the sandbox of the app that the path names."""
    add(status=503, operation="getCallingConfiguration")
    path = f"/v1/organization/apps/{mock.sandbox().app_id}/calling"

    refused(mock.get(path, key="sk_admin_x"), 503, type="api_error")


def test_control_requests_are_never_hit(mock, add):
    """However broad the fault is."""
    add(abort="reset")

    assert mock.get("/_mockchirp/clock").status_code == 200
    assert mock.get("/_mockchirp/calls").status_code == 200
    assert mock.get("/openapi.json").status_code == 200


def test_the_rate_limit_stands_before_faults(mock, add, refused):
    """What it refuses is no match."""
    mock.request("PATCH", "/_mockchirp/sandbox", json={"rateLimit": "enforce"})
    fault = add(status=500)
    for _ in range(120):
        mock.get("/v1/calls/voicemails")

    refused(mock.get("/v1/calls/voicemails"), 429, code="rate_limit_exceeded")
    assert mock.get(f"{FAULTS}/{fault}").json()["matched"] == 120


def test_latency_puts_an_operation_off(mock, add):
    """In real time, and by that much; it is done all the same."""
    fault = add(delay="30ms", times=1)

    call = mock.call()

    (entry,) = mock.get(REQUESTS).json()["data"]
    assert (entry["fault"], entry["response"]["status"]) == (fault, 201)
    assert entry["durationMs"] >= 30
    assert call["id"] in mock.sandbox().calls


def test_latency_and_an_error_go_together(mock, add):
    """First the one, then the other."""
    add(delay="30ms", status=502, times=1)

    assert mock.post("/v1/calls", CALL).status_code == 502
    assert mock.get(REQUESTS).json()["data"][0]["durationMs"] >= 30


def test_a_reset_leaves_nothing_done(mock, add):
    """In process it is an exception; the journal has the request without an answer."""
    fault = add(abort="reset", times=1)

    with pytest.raises(ConnectionResetError):
        mock.post("/v1/calls", CALL)

    assert mock.events() == []
    assert journal(mock) == [("createCall", fault, None)]


def test_a_truncated_answer_is_that_of_something_done(mock, add):
    """The call exists, its webhook is sent, and the journal has the answer as it would have been."""
    fault = add(abort="truncate", times=1)

    with pytest.raises(ConnectionResetError):
        mock.post("/v1/calls", CALL)

    assert [event["type"] for event in mock.events()] == ["calls.initiated"]
    assert journal(mock) == [("createCall", fault, 201)]
    (entry,) = mock.get(REQUESTS).json()["data"]
    assert entry["response"]["body"]["id"] in mock.sandbox().calls
    mock.advance(by=0)
    assert len(mock.receiver.got) == 1


def test_truncation_cuts_errors_as_well(mock, add):
    """Whatever the answer is, half of it comes."""
    add(abort="truncate", times=1)

    with pytest.raises(ConnectionResetError):
        mock.get("/v1/calls/call_" + "a" * 27)
    assert journal(mock)[0][2] == 404


def test_a_hang_ends_with_its_bound(open_mock):
    """Without an answer; here the bound is 20 ms, and 5 minutes unless it is set."""
    mock = open_mock(fault_hold_limit="20ms")
    fault = mock.post(FAULTS, {"abort": "hang", "times": 1}).json()["id"]

    with pytest.raises(ConnectionResetError):
        mock.post("/v1/calls", CALL)

    assert mock.events() == []
    assert journal(mock) == [("createCall", fault, None)]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_downloads_are_hit_as_well(mock, record, add, method):
    """By their operationId; not without a genuine link."""
    url = record(mock)["fileUrl"]
    operation = {"GET": "downloadRecording", "HEAD": "headRecording"}[method]
    mock.delete(REQUESTS)
    fault = add(status=503, operation=operation, times=1)

    assert mock.request(method, url.partition("?")[0]).status_code == 403
    assert mock.request(method, url).status_code == 503
    assert mock.request(method, url).status_code == 200
    assert journal(mock) == [(operation, fault, 503), (operation, None, 200)]


def test_a_download_can_be_cut_and_delayed(mock, record, add):
    """Reset before, truncated in the middle; the journal does not keep the file."""
    recording = record(mock)
    mock.delete(REQUESTS)
    add(abort="reset", times=1)
    add(abort="truncate", times=1)
    add(delay="20ms", times=1)

    for _ in range(2):
        with pytest.raises(ConnectionResetError):
            mock.get(recording["fileUrl"])
    assert len(mock.get(recording["fileUrl"]).content) == recording["fileSize"]
    reset, truncated, delayed = mock.get(REQUESTS).json()["data"]
    assert reset["response"] is None
    assert truncated["response"]["bodyLength"] == delayed["response"]["bodyLength"] == recording["fileSize"]
    assert truncated["response"]["body"] is None
    assert delayed["durationMs"] >= 20


def test_an_answer_without_a_body_is_cut_after_its_head(mock, record, add):
    """Such as one that says that the client has the file already: there is no half of nothing."""
    url = record(mock)["fileUrl"]
    mock.delete(REQUESTS)
    fault = add(abort="truncate", times=1)

    with pytest.raises(ConnectionResetError):
        mock.get(url, headers={"If-None-Match": "*"})
    assert journal(mock) == [("downloadRecording", fault, 304)]


def test_a_fault_is_drawn_from_the_seed(open_mock):
    """The same requests meet the same faults, on every server of the same seed."""

    def run(seed):
        mock = open_mock(random_seed=seed)
        mock.post(FAULTS, {"status": 500, "probability": 0.5, "times": 8})
        return [mock.get("/v1/calls/voicemails").status_code for _ in range(10)]

    assert run(1) == run(1)
    assert run(1)[8:] == [200, 200]
    assert len({tuple(run(seed)) for seed in range(5)}) > 1


def test_a_fault_ends_with_its_duration(mock, add):
    """On the sandbox's clock."""
    add(status=500, duration="1m")
    assert mock.get("/v1/calls/voicemails").status_code == 500
    mock.advance(by=59)
    assert mock.get("/v1/calls/voicemails").status_code == 500
    mock.advance(by=1)
    assert mock.get("/v1/calls/voicemails").status_code == 200
    assert mock.get(FAULTS).json()["data"][0]["active"] is False
