"""The journal of requests: what the app asked of Chirp's API, and what it was answered."""

import pytest

REQUESTS = "/_mockchirp/requests"


def test_a_request_is_entered_with_all_that_was_said(mock):
    """The key as it was sent, and the body as JSON."""
    call = mock.call()

    (entry,) = mock.get(REQUESTS).json()["data"]

    assert entry.pop("durationMs") > 0
    headers, answered = entry.pop("headers"), entry["response"].pop("headers")
    assert headers["authorization"] == "Bearer sk_test_app_local"
    assert headers["content-type"] == "application/json"
    assert answered["x-ratelimit-remaining"] == "119"
    length = int(answered["content-length"])
    assert entry == {
        "number": 1,
        "at": "2026-01-15T10:30:00.000Z",
        "operation": "createCall",
        "fault": None,
        "method": "POST",
        "path": "/v1/calls",
        "query": "",
        "body": {"from": "+15551234567", "to": "+15559876543"},
        "bodyLength": int(headers["content-length"]),
        "bodyTruncated": False,
        "response": {"status": 201, "body": call, "bodyLength": length, "bodyTruncated": False},
    }


def test_requests_that_fail_are_entered_too(mock):
    """A route that there is not, a method that is not allowed, a body that makes no sense, a resource that is not there."""
    mock.get("/v1/calls?x=1&y=%20")
    mock.put("/v1/webhooks", {})
    mock.get("/v1/nothing")
    mock.request("POST", "/v1/calls", content=b"{", headers={"Content-Type": "application/json"})
    mock.request("POST", "/v1/calls", content=b'"text"', headers={"Content-Type": "application/json"})
    mock.get("/v1/calls/call_" + "a" * 27)

    data = mock.get(REQUESTS).json()["data"]

    assert [(entry["operation"], entry["response"]["status"], entry["body"]) for entry in data] == [
        (None, 405, None),
        (None, 405, None),
        (None, 404, None),
        ("createCall", 400, "{"),
        ("createCall", 400, "text"),
        ("getCall", 404, None),
    ]
    assert data[0]["query"] == "x=1&y=%20"
    assert data[0]["response"]["headers"]["allow"] == "POST"
    assert data[2]["response"]["body"]["error"]["type"] == "invalid_request_error"


def test_requests_of_nobody_are_entered_nowhere(mock):
    """Without a key, with one that is none; and control requests are not the app's."""
    mock.get("/v1/calls/x", key=None)
    mock.get("/v1/calls/x", key="nonsense")
    mock.get("/v1/nothing", key=None)
    mock.get("/_mockchirp/nothing")
    mock.get("/_mockchirp/clock")

    assert mock.get(REQUESTS).json() == {"data": [], "totalCount": 0}


def test_each_sandbox_has_its_own(mock):
    """By the key of the request."""
    mock.call()
    mock.get("/v1/nothing", key="sk_test_app_other")

    assert [entry["path"] for entry in mock.get(REQUESTS).json()["data"]] == ["/v1/calls"]
    assert [entry["path"] for entry in mock.get(REQUESTS, key="sk_test_app_other").json()["data"]] == ["/v1/nothing"]


def test_an_admins_request_belongs_to_the_app_in_its_path(mock):
    """The key does not."""
    mock.get(f"/v1/organization/apps/{mock.sandbox().app_id}/calling", key="sk_admin_x")

    (entry,) = mock.get(REQUESTS).json()["data"]
    assert (entry["operation"], entry["headers"]["authorization"]) == ("getCallingConfiguration", "Bearer sk_admin_x")


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", [1, 2, 3, 4]),
        ("operation=createCall", [1, 2]),
        ("status=404", [4]),
        ("method=get", [3, 4]),
        ("method=GET&status=200", [3]),
        ("path=/v1/calls", [1, 2]),
        ("path=/v1/*", [1, 2, 3, 4]),
        ("after=3", [4]),
        ("after=1&operation=createCall", [2]),
        ("operation=endCall", []),
        ("after=999999999999", []),
    ],
)
def test_requests_are_found(mock, query, numbers):
    """Oldest first; `totalCount` counts what is in the list."""
    mock.call()
    mock.call()
    mock.get("/v1/calls/voicemails")
    mock.get("/v1/nothing")

    answer = mock.get(f"{REQUESTS}?{query}").json()

    assert [entry["number"] for entry in answer["data"]] == numbers
    assert answer["totalCount"] == len(numbers)


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("operation=createcall", "operation"),
        ("status=1000", "status"),
        ("status=abc", "status"),
        ("method=BREW", "method"),
        ("after=-1", "after"),
        ("afer=1", "afer"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(mock, refused, query, param):
    """With the field."""
    refused(mock.get(f"{REQUESTS}?{query}"), 400, param=param)


def test_the_journal_can_be_emptied(mock):
    """Numbers go on, so that `after` stays true."""
    mock.call()
    mock.call()

    assert mock.delete(REQUESTS).json() == {"deleted": 2}
    assert mock.get(REQUESTS).json() == {"data": [], "totalCount": 0}
    mock.call()
    assert [entry["number"] for entry in mock.get(REQUESTS).json()["data"]] == [3]


@pytest.mark.parametrize(("size", "numbers"), [(0, []), (1, [5]), (3, [3, 4, 5])])
def test_the_newest_are_kept(open_mock, size, numbers):
    """As many as `journal_size` says; 0 keeps none."""
    mock = open_mock(journal_size=size)
    for _ in range(4):
        mock.call()
    mock.get("/v1/nothing")

    assert [entry["number"] for entry in mock.get(REQUESTS).json()["data"]] == numbers


def test_a_long_body_is_cut_and_said_to_be(mock):
    """After 64 KiB; its length is told."""
    mock.call(metadata={"x": "y" * 70_000})

    (entry,) = mock.get(REQUESTS).json()["data"]

    assert len(entry["body"]) == 65_536
    assert entry["body"].startswith('{"from":"+15551234567"')
    assert (entry["bodyTruncated"], entry["bodyLength"]) == (True, int(entry["headers"]["content-length"]))
    assert (entry["response"]["bodyTruncated"], len(entry["response"]["body"])) == (True, 65_536)


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b'{"a":' * 40 + b"1" + b"}" * 40, b"[" * 300 + b"]" * 300, b'"\\ud800"', b"\x00"]
)
def test_any_body_can_be_shown(mock, content):
    """What is no JSON that could be shown as such is text."""
    mock.request("POST", "/v1/calls", content=content, headers={"Content-Type": "application/json"})

    (entry,) = mock.get(REQUESTS).json()["data"]
    assert entry["body"] == content.decode(errors="replace")
    assert entry["response"]["status"] == 400


def test_a_download_is_entered_without_the_file(mock):
    """With its headers and its length; its query is the signature."""
    call_id = mock.call("+15005550007")["id"]
    mock.command(call_id, "start_recording")
    mock.advance(by=8)
    mock.command(call_id, "stop_recording")
    mock.advance(by=5)
    (recording,) = mock.get(f"/v1/calls/{call_id}/recordings").json()["data"]
    mock.delete(REQUESTS)
    mock.get(recording["fileUrl"], key=None)
    mock.get(recording["fileUrl"], key=None, headers={"Range": "bytes=999999999-"})
    mock.get(recording["fileUrl"][:-1], key=None)
    mock.delete(f"/v1/calls/recordings/{recording['id']}")
    mock.get(recording["fileUrl"], key=None)

    got, unsatisfiable, _, deleted = mock.get(REQUESTS).json()["data"]

    assert got["operation"] == "downloadRecording"
    assert got["query"] == recording["fileUrl"].partition("?")[2]
    assert got["response"]["headers"]["content-type"] == "audio/mp4"
    assert (got["response"]["body"], got["response"]["bodyLength"]) == (None, recording["fileSize"])
    assert unsatisfiable["response"]["status"] == 416
    assert unsatisfiable["response"]["body"]["error"]["type"] == "invalid_request_error"
    assert (deleted["operation"], deleted["response"]["status"]) == ("downloadRecording", 404)
