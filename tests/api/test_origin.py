"""Where links point to: the origin through which the caller reached the mock, and nowhere that a stranger chooses."""

import json
from urllib.parse import urlsplit

import pytest


def link(mock, record, headers):
    """The `fileUrl` that a caller with these headers gets."""
    recording = record(mock)
    return mock.get(f"/v1/calls/recordings/{recording['id']}", headers=headers).json()["fileUrl"]


@pytest.mark.parametrize(
    ("headers", "origin"),
    [
        ({}, "http://127.0.0.1:24477"),
        ({"Host": "localhost:24477"}, "http://localhost:24477"),
        ({"Host": "mock"}, "http://mock"),
        ({"Host": "[::1]:24477"}, "http://[::1]:24477"),
        ({"Host": "chirp_mock.internal:80"}, "http://chirp_mock.internal:80"),
        ({"X-Forwarded-Proto": "https"}, "https://127.0.0.1:24477"),
        ({"X-Forwarded-Proto": "HTTPS, http"}, "https://127.0.0.1:24477"),
        ({"X-Forwarded-Host": "mock.example.com"}, "http://mock.example.com"),
        ({"X-Forwarded-Host": "a.example.com:8443, b", "X-Forwarded-Proto": "https"}, "https://a.example.com:8443"),
        ({"Host": "inner", "X-Forwarded-Host": "outer"}, "http://outer"),
    ],
    ids=repr,
)
def test_a_link_points_to_where_the_caller_came_to(mock, record, headers, origin):
    """By `Host`, or by what a proxy says; and it works from everywhere else too, as the host is not signed."""
    url = link(mock, record, headers)

    assert url.startswith(f"{origin}/recordings/call_rec_")
    split = urlsplit(url)
    assert mock.get(f"{split.path}?{split.query}", headers={"Host": "elsewhere"}).status_code == 200


HOSTILE = [
    "evil.example/path",
    "evil.example?x=",
    "evil.example#x",
    "user@evil.example",
    "evil.example\\@127.0.0.1",
    '"><script>alert(1)</script>',
    "evil.example evil",
    "evil.example\tx",
    "evil\x00example",
    "evil.éxample",
    "e" * 300,
    ";evil",
    ",evil.example",
    "",
]


@pytest.mark.parametrize("host", HOSTILE, ids=repr)
@pytest.mark.parametrize("name", ["Host", "X-Forwarded-Host"])
def test_a_hostile_host_gets_no_link_to_itself(mock, record, name, host):
    """What can't be the name of a host is as good as not said."""
    url = link(mock, record, {name: host.encode("latin-1")})

    assert url.startswith("http://127.0.0.1:24477/recordings/call_rec_")


@pytest.mark.parametrize("proto", ["javascript", "file", "", "https\x00", "ftp, https", "é"], ids=repr)
def test_only_http_and_https_can_be_forwarded(mock, record, proto):
    """Any other protocol is as good as not said."""
    url = link(mock, record, {"X-Forwarded-Proto": proto.encode("latin-1")})

    assert url.startswith("http://127.0.0.1:24477/recordings/call_rec_")


@pytest.mark.parametrize(
    "headers", [{}, {"Host": "mock:1"}, {"X-Forwarded-Host": "evil", "X-Forwarded-Proto": "http"}], ids=repr
)
def test_the_public_url_goes_before_all(open_mock, record, headers):
    """Also when it has a path of its own."""
    url = link(open_mock(public_url="https://chirp.example.com/mock/"), record, headers)

    assert url.startswith("https://chirp.example.com/mock/recordings/call_rec_")


HERE = {"Host": "app-sees-me-here:9"}


def ask(mock, how):
    """A request of the default sandbox by the name by which the app reaches the mock, in one of several ways."""
    if how == "file":
        recording_id = next(iter(mock.sandbox().recorder.recordings))
        link = urlsplit(mock.get(f"/v1/calls/recordings/{recording_id}").json()["fileUrl"])
        return mock.get(f"{link.path}?{link.query}", key=None, headers=HERE)
    method, path, body = {
        "command": ("POST", "/v1/calls/x/commands", {}),
        "unknown route": ("GET", "/v1/nothing", None),
        "too large": ("POST", "/v1/calls", {"metadata": "x" * (1 << 20)}),
        "control": ("GET", "/_mockchirp/events", None),
        "control without key": ("GET", "/_mockchirp/clock", None),
        "refused control": ("POST", "/_mockchirp/faults", {"nonsense": 1}),
        "health": ("GET", "/_mockchirp/health", None),
        "other sandbox": ("GET", "/_mockchirp/events", None),
        "list of sandboxes": ("GET", "/_mockchirp/sandboxes", None),
        "page": ("GET", "/_mockchirp/ui", None),
    }[how]
    key = {"control without key": None, "other sandbox": "sk_test_app_other", "health": None}.get(
        how, "sk_test_app_local"
    )
    return mock.request(method, path, json=body, key=key, headers=HERE)


@pytest.mark.parametrize(
    ("how", "follows"),
    [
        ("command", True),
        ("unknown route", True),
        ("too large", True),
        ("file", True),
        ("control", True),
        ("control without key", True),
        ("refused control", True),
        ("health", False),
        ("other sandbox", False),
        ("list of sandboxes", False),
        ("page", False),
    ],
)
def test_links_in_webhooks_follow_the_last_request_of_the_sandbox(open_mock, record, how, follows):
    """Whatever it was; what is not about the sandbox does not count."""
    mock = open_mock()
    record(mock)
    ask(mock, how)

    assert mock.sandbox().notifier.origin == ("http://app-sees-me-here:9" if follows else "http://127.0.0.1:24477")


@pytest.mark.parametrize(
    ("settings", "origin"),
    [({}, "http://app-sees-me-here:9"), ({"public_url": "https://public.example"}, "https://public.example")],
)
def test_links_in_webhooks_lead_there(open_mock, settings, origin):
    """A webhook has no caller of its own. The public URL goes before all."""
    mock = open_mock(**settings)
    call = mock.call()
    mock.command(call["id"], "start_recording")
    mock.post("/_mockchirp/clock/advance", {"until": "idle"}, headers=HERE)

    body = json.loads(mock.receiver.got[-1].body)
    assert body["event"] == "calls.recording.completed"
    assert body["data"]["recording"]["fileUrl"].startswith(origin + "/recordings/")
