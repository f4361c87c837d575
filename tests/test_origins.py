"""Which web pages may steer the mock, and by which names of the server."""

import pytest

from mockchirp.core.errors import Forbidden
from mockchirp.origins import OriginRule

RULE = OriginRule(["mock.example", ".preview.example"], ["public.example:8443"], page="/_mockchirp/ui")


def admit(method="POST", path="/_mockchirp/clock/advance", rule=RULE, **headers):
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return rule.admit({"method": method, "path": path, "headers": raw})


@pytest.mark.parametrize("host", ["127.0.0.1:24477", "mockchirp.svc:24477", "evil.example", "", "x y"])
def test_programs_are_not_asked_where_they_come_from(host):
    """They may use any name of the server."""
    assert admit(host=host) is None
    assert admit(host=host, user_agent="curl/8.0") is None


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:24477",
        "192.168.1.5",
        "[::1]:24477",
        "localhost:24477",
        "LocalHost",
        "a.localhost",
        "mockchirp:24477",
        "mockchirp",
        "host.docker.internal:24477",
        "laptop.local",
        "mockchirp.ci.svc.cluster.local:80",
        "mock.example",
        "MOCK.example:443",
        "pr-7.preview.example",
        "localhost.",
        "public.example",
    ],
)
def test_the_servers_own_pages_may(host):
    """By every name that nobody else can own, and those that are trusted."""
    assert admit(host=host, origin=f"http://{host}".lower()) is None
    assert admit("GET", host=host, sec_fetch_site="same-origin", sec_fetch_mode="cors") is None
    assert admit("GET", host=host, user_agent="Mozilla/5.0 (X11)") is None


@pytest.mark.parametrize(
    "host", ["evil.example:24477", "evil.com", "127.0.0.1.nip.io", "localhost.evil.com", "a@b", "preview.example"]
)
def test_a_name_that_somebody_could_point_here_is_refused_to_browsers(host):
    """DNS rebinding: the page would be of this very server."""
    for headers in (
        {"origin": f"http://{host}"},
        {"origin": "http://localhost:3000"},
        {"sec_fetch_site": "same-origin"},
        {"sec_fetch_mode": "cors"},
        {"user_agent": "Mozilla/5.0 (X11)"},
    ):
        with pytest.raises(Forbidden, match="trusted_hosts"):
            admit("GET", host=host, **headers)


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost:3000",
        "https://localhost",
        "http://app.localhost:8080",
        "http://127.0.0.1:5173",
        "http://127.7.7.7",
        "http://[::1]:3000",
        "https://mock.example",
        "http://pr-7.preview.example:81",
        "https://public.example:8443",
    ],
)
def test_pages_of_localhost_and_of_trusted_hosts_may_and_read_the_answer(origin):
    """Whatever the browser thinks of the distance."""
    assert admit(host="127.0.0.1:24477", origin=origin, sec_fetch_site="cross-site") == origin.encode()


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "https://evil.com",
        "http://localhost.evil.com",
        "http://127.0.0.1.evil.com",
        "http://evil.com:24477",
        "http://192.168.1.5:24477",
        "http://localhost@evil.com",
        "http://localhost:3000/",
        "http://localhost:3000.evil.com",
        "file://",
        "chrome-extension://abc",
        "http://[::2]:3000",
        "http://127.0.0.1:24478.evil.com",
        "http://mockchirp",
        "https://public.example",
        "http://localhost\xe9",
    ],
)
def test_other_pages_may_not(origin):
    """An empty origin is none that is known."""
    with pytest.raises(Forbidden):
        admit(host="127.0.0.1:24477", origin=origin)


@pytest.mark.parametrize("mode", ["no-cors", "cors", "navigate", "websocket"])
def test_what_a_page_of_another_site_embeds_is_refused(mode):
    """Images, scripts and frames say no origin."""
    with pytest.raises(Forbidden):
        admit("GET", "/_mockchirp/events", host="localhost", sec_fetch_site="cross-site", sec_fetch_mode=mode)
    with pytest.raises(Forbidden):
        admit(
            "GET",
            "/_mockchirp/ui",
            host="localhost",
            sec_fetch_site="cross-site",
            sec_fetch_mode=mode,
            sec_fetch_dest="iframe",
        )


def test_a_link_to_the_page_may_be_followed():
    """From anywhere; to nothing else."""
    visit = {
        "host": "localhost",
        "sec_fetch_site": "cross-site",
        "sec_fetch_mode": "navigate",
        "sec_fetch_dest": "document",
    }

    assert admit("GET", "/_mockchirp/ui", **visit) is None
    for method, path in [("POST", "/_mockchirp/ui"), ("GET", "/_mockchirp/state"), ("GET", "/_mockchirp/ui/x")]:
        with pytest.raises(Forbidden):
            admit(method, path, **visit)


EVIL = {"Origin": "https://evil.example"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/_mockchirp/clock"),
        ("POST", "/_mockchirp/clock/advance"),
        ("GET", "/_mockchirp/metrics"),
        ("GET", "/_mockchirp/health"),
        ("GET", "/_mockchirp/nonsense"),
        ("DELETE", "/_mockchirp/sandbox"),
        ("OPTIONS", "/_mockchirp/clock"),
        ("GET", "/%5fmockchirp/clock"),
        ("GET", "/_mockchirp"),
    ],
)
def test_everything_under_mockchirp_is_guarded(mock, refused, method, path):
    """Before anything else is looked at, and without a header that would let the page read the refusal."""
    answer = mock.request(method, path, headers={**EVIL, "Access-Control-Request-Method": "POST"})

    refused(answer, 403, type="authentication_error", says="evil.example")
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert list(mock.app.runtime) == []


def test_a_local_front_end_is_answered_and_told_that_it_may_read(mock):
    """Preflight, answer and error."""
    origin = {"Origin": "http://localhost:3000"}

    preflight = mock.request(
        "OPTIONS", "/_mockchirp/clock", headers={**origin, "Access-Control-Request-Method": "PUT"}, key=None
    )
    assert (preflight.status_code, preflight.content) == (204, b"")
    assert preflight.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert "PUT" in preflight.headers["access-control-allow-methods"]
    assert preflight.headers["access-control-allow-headers"] == "Authorization, Content-Type"
    for answer in (mock.get("/_mockchirp/clock", headers=origin), mock.get("/_mockchirp/clock?x=1", headers=origin)):
        assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
        assert answer.headers["vary"] == "Origin"
    assert "vary" not in mock.get("/_mockchirp/clock").headers


def test_chirps_own_api_answers_any_page(mock):
    """Local front ends call it as they would through their own back end."""
    answer = mock.get("/v1/calls/x", headers={**EVIL, "Sec-Fetch-Site": "cross-site"})

    assert answer.status_code == 400
    assert answer.headers["access-control-allow-origin"] == "*"


def test_the_contract_may_be_read_by_any_page(mock):
    """Explorers of APIs are web pages, and nothing in it is a secret."""
    for path in ("/openapi.json", "/openapi.yaml"):
        assert mock.get(path, headers=EVIL).headers["access-control-allow-origin"] == "*"


def test_trusted_hosts_and_the_public_url_are_settings(open_mock):
    """Both name the server to browsers."""
    mock = open_mock(trusted_hosts="mock.example, .preview.example", public_url="https://chirp.example/base")

    for origin in ("https://mock.example", "https://a.preview.example", "https://chirp.example"):
        assert mock.get("/_mockchirp/clock", headers={"Origin": origin}).status_code == 200
    assert mock.get("/_mockchirp/clock", headers=EVIL).status_code == 403


def test_the_page_cannot_be_framed(mock):
    """Nobody clicks on it unawares."""
    assert mock.get("/_mockchirp/ui").headers["content-security-policy"] == "frame-ancestors 'none'"
