"""Browsers: Chirp's surface answers pages of any origin, the control API answers none."""

import pytest

PAGE = {"Origin": "http://localhost:3000"}
GONE = "call_" + "a" * 27


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/calls", 400),
        ("GET", "/v1/calls/x", 400),
        ("GET", f"/v1/calls/{GONE}", 404),
        ("GET", "/v1/nothing", 404),
        ("PUT", "/v1/calls", 405),
        ("GET", "/recordings/x.mp4", 403),
        ("POST", "/recordings/x.mp4", 405),
    ],
)
def test_errors_can_be_read_by_any_page(mock, method, path, status):
    """Otherwise a front end would see no more than a network error."""
    answer = mock.request(method, path, headers=PAGE)

    assert answer.status_code == status
    assert answer.headers.get_list("access-control-allow-origin") == ["*"]


def test_answers_can_be_read_by_any_page(mock, record):
    """A call, a 401, and a file with its ranges."""
    url = record(mock)["fileUrl"]

    answers = [
        mock.post("/v1/calls", {"from": "+15551234567", "to": "+15559876543"}, headers=PAGE),
        mock.get("/v1/calls/x", key=None, headers=PAGE),
        mock.get(url, headers=PAGE),
        mock.get(url, headers={**PAGE, "Range": "bytes=0-3"}),
        mock.get(url, headers={**PAGE, "Range": "bytes=99999999-"}),
    ]

    assert [answer.status_code for answer in answers] == [201, 401, 200, 206, 416]
    assert [answer.headers.get_list("access-control-allow-origin") for answer in answers] == [["*"]] * 5


@pytest.mark.parametrize("path", ["/v1/calls", f"/v1/calls/{GONE}", f"/v1/calls/{GONE}/commands", "/recordings/x.mp4"])
def test_a_preflight_is_granted(mock, path):
    """For every method and the headers that Chirp's requests have; it needs no key."""
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}

    answer = mock.request("OPTIONS", path, key=None, headers={**PAGE, **asked})

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert {"GET", "POST", "DELETE"} <= set(answer.headers["access-control-allow-methods"].split(", "))
    assert {"authorization", "content-type"} <= set(answer.headers["access-control-allow-headers"].lower().split(", "))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/_mockchirp/clock"),
        ("PUT", "/_mockchirp/clock"),
        ("POST", "/_mockchirp/clock/advance"),
        ("GET", "/_mockchirp/events"),
        ("GET", "/_mockchirp/nothing"),
        ("DELETE", "/_mockchirp/clock"),
        ("OPTIONS", "/_mockchirp/clock"),
    ],
)
def test_no_page_can_steer_the_mock(mock, method, path):
    """The control API grants nothing to a page of another origin, and no preflight."""
    headers = {"Origin": "http://evil.example", "Access-Control-Request-Method": "PUT"}
    before = mock.state()

    answer = mock.request(method, path, headers=headers)

    assert [name for name in answer.headers if name.startswith("access-control")] == []
    assert answer.status_code >= 400 or method == "GET"
    assert mock.state() == before
