"""Front ends: pages of this machine call the mock from any port, and read what it answers, errors included."""

import pytest

PAGE = {"Origin": "http://localhost:3000"}
FOREIGN = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
GONE = "call_" + "a" * 27
CALL = {"from": "+15551234567", "to": "+15559876543"}


def check_readable(answer):
    """Fail unless the page may read the answer, and caches know that it is meant for this page."""
    assert answer.headers.get_list("access-control-allow-origin") == ["http://localhost:3000"]
    assert answer.headers.get_list("vary") == ["Origin"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/calls", 400),
        ("GET", "/v1/calls/x", 400),
        ("GET", f"/v1/calls/{GONE}", 404),
        ("GET", "/v1/nothing", 404),
        ("GET", "/nothing", 404),
        ("PUT", "/v1/calls", 405),
        ("GET", "/recordings/x.mp4", 403),
        ("POST", "/recordings/x.mp4", 405),
        ("GET", "/_mockchirp/clock", 200),
        ("GET", "/_mockchirp/clock?x=1", 400),
        ("GET", "/_mockchirp/nothing", 404),
        ("DELETE", "/_mockchirp/clock", 405),
        ("OPTIONS", "/v1/calls", 204),
    ],
)
def test_answers_can_be_read_by_a_page_of_this_machine(mock, method, path, status):
    """Otherwise a front end would see no more than a network error."""
    answer = mock.request(method, path, headers=PAGE)

    assert answer.status_code == status
    check_readable(answer)


def test_a_body_that_is_too_large_is_refused_in_words_that_a_page_can_read(open_mock):
    """On both surfaces."""
    mock = open_mock(max_body_size="10")

    for path in ("/v1/calls", "/_mockchirp/calls"):
        answer = mock.post(path, CALL, headers=PAGE)
        assert answer.status_code == 413
        check_readable(answer)


def test_what_answers_say_in_headers_can_be_read_as_well(mock, record):
    """Of a call, a 401, and a file with its ranges, which a player needs to seek."""
    url = record(mock)["fileUrl"]

    answers = [
        mock.post("/v1/calls", CALL, headers=PAGE),
        mock.get("/v1/calls/x", key=None, headers=PAGE),
        mock.get(url, headers=PAGE),
        mock.get(url, headers={**PAGE, "Range": "bytes=0-3"}),
        mock.get(url, headers={**PAGE, "Range": "bytes=99999999-"}),
    ]

    assert [answer.status_code for answer in answers] == [201, 401, 200, 206, 416]
    for answer in answers:
        check_readable(answer)
        exposed = set(answer.headers["access-control-expose-headers"].lower().split(", "))
        assert {"content-range", "accept-ranges", "etag", "content-length", "x-ratelimit-limit"} <= exposed


@pytest.mark.parametrize(
    "path",
    ["/v1/calls", f"/v1/calls/{GONE}/commands", "/v1/nothing", "/recordings/x.mp4", "/_mockchirp/clock", "/nothing"],
)
@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        (None, "Authorization, Content-Type"),
        ("authorization,content-type", "authorization,content-type"),
        ("traceparent, X-Requested-With,sentry-trace", "traceparent, X-Requested-With,sentry-trace"),
        ("idempotency-key,if-range,range", "idempotency-key,if-range,range"),
        ("x_odd!name", "x_odd!name"),
        ("authorization;", "Authorization, Content-Type"),
        ("a b", "Authorization, Content-Type"),
        ("a,,b", "Authorization, Content-Type"),
        ("\xe4", "Authorization, Content-Type"),
        ("a" * 5000, "Authorization, Content-Type"),
    ],
    ids=lambda text: (text or "none")[:20],
)
def test_a_preflight_is_granted(mock, path, asked, granted):
    """For every method and the headers that it asks for, if they can be names of headers; it needs no key."""
    headers = {**PAGE, "Access-Control-Request-Method": "POST"}
    if asked is not None:
        headers["Access-Control-Request-Headers"] = asked.encode("latin-1")

    answer = mock.request("OPTIONS", path, key=None, headers=headers)

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers.get_list("access-control-allow-origin") == ["http://localhost:3000"]
    assert {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} == set(
        answer.headers["access-control-allow-methods"].split(", ")
    )
    assert answer.headers["access-control-allow-headers"] == granted
    assert answer.headers["access-control-max-age"] == "600"
    assert answer.headers["vary"].startswith("Origin, ")
    assert "access-control-allow-private-network" not in answer.headers


def test_a_page_of_a_public_address_of_this_machine_may_reach_its_private_one(mock):
    """Browsers ask for that in the preflight."""
    headers = {**PAGE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Private-Network": "true"}

    assert (
        mock.request("OPTIONS", "/v1/calls", headers=headers).headers["access-control-allow-private-network"] == "true"
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/calls"),
        ("POST", "/v1/webhooks"),
        ("GET", f"/v1/calls/{GONE}"),
        ("OPTIONS", "/v1/calls"),
        ("GET", "/recordings/x.mp4?signed=x"),
        ("GET", "/_mockchirp/clock"),
        ("PUT", "/_mockchirp/clock"),
        ("POST", "/_mockchirp/clock/advance"),
        ("GET", "/_mockchirp/nothing"),
        ("OPTIONS", "/_mockchirp/clock"),
    ],
)
def test_a_page_of_another_site_can_do_nothing(mock, refused, method, path):
    """It is told why by people who look, but can't read it itself; no sandbox is made for its key."""
    before = mock.state()
    headers = {**FOREIGN, "Access-Control-Request-Method": "PUT"}

    for key in ("sk_test_app_local", "sk_test_app_of_the_page", None):
        answer = mock.request(method, path, json=CALL, headers=headers, key=key)
        refused(answer, 403, type="authentication_error", says="trusted_hosts")
        assert [name for name in answer.headers if name.startswith("access-control")] == []
        assert ("x-ratelimit-limit" in answer.headers) == (not path.startswith("/_mockchirp"))

    assert mock.state() == before
    assert len(list(mock.app.runtime)) == 1


def test_a_program_is_told_nothing_about_pages(mock):
    """It would not know what to do with it."""
    for path in ("/v1/webhooks", "/_mockchirp/clock"):
        names = mock.get(path).headers
        assert not [name for name in names if name == "vary" or name.startswith("access-control")]
