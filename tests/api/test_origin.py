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


@pytest.mark.parametrize(
    ("settings", "origin"),
    [({}, "http://app-sees-me-here:9"), ({"public_url": "https://public.example"}, "https://public.example")],
)
def test_links_in_webhooks_follow_the_last_caller(open_mock, settings, origin):
    """A webhook has no caller of its own."""
    mock = open_mock(**settings)
    here = {"Host": "app-sees-me-here:9"}
    call = mock.post("/v1/calls", {"from": "+15551234567", "to": "+15559876543"}, headers=here).json()
    mock.post(f"/v1/calls/{call['id']}/commands", {"type": "start_recording"}, headers=here)
    mock.advance(until="idle")

    body = json.loads(mock.receiver.got[-1].body)
    assert body["event"] == "calls.recording.completed"
    assert body["data"]["recording"]["fileUrl"].startswith(origin + "/recordings/")
