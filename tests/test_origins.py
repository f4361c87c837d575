"""Which web pages may steer the mock, and by which names of the server."""

import pytest

from mockchirp.core.errors import Forbidden
from mockchirp.origins import OriginRule

RULE = OriginRule(["mock.example", ".preview.example"], ["public.example:8443"], page="/_mockchirp/ui")
OPEN = OriginRule(["*"], [], page="/_mockchirp/ui")


def admit(method="POST", path="/_mockchirp/clock/advance", rule=RULE, **headers):
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return rule.admit({"method": method, "path": path, "headers": raw})


@pytest.mark.parametrize("host", ["127.0.0.1:24477", "mockchirp.svc:24477", "evil.example", "com", "", "x y"])
def test_programs_are_not_asked_where_they_come_from(host):
    """They may use any name of the server. Node's `fetch`, which says that it means to fetch, is one of them."""
    assert admit(host=host) is None
    assert admit(host=host, user_agent="curl/8.0") is None
    assert admit(host=host, user_agent="node", sec_fetch_mode="cors") is None


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
        "api:80",
        "mock.",
        "2130706433",
        "host.docker.internal:24477",
        "laptop.local",
        "mockchirp.ci.svc.cluster.local:80",
        "mock.example",
        "MOCK.example:443",
        "pr-7.preview.example",
        "localhost.",
        "public.example",
        "public.example:24477",
    ],
)
def test_the_servers_own_pages_may(host):
    """By every name that nobody else can own, and those that are trusted."""
    origin = f"http://{host}".lower()
    assert admit(host=host, origin=origin) == origin.encode()
    assert admit("GET", host=host, sec_fetch_site="same-origin", sec_fetch_mode="cors") is None
    assert admit("GET", host=host, user_agent="Mozilla/5.0 (X11)") is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:24477",
        "evil.com",
        "EVIL.com.",
        "127.0.0.1.nip.io",
        "127.0.0.1.5",
        "localhost.evil.com",
        "a@b",
        "localhost@evil.com",
        "[fe80::1%25eth0]",
        "preview.example",
        "com",
        "Dev:24477",
        "io.",
        "xn--p1ai",
    ],
)
def test_a_name_that_somebody_could_point_here_is_refused_to_browsers(host):
    """DNS rebinding: the page would be of this very server."""
    for headers in (
        {"origin": f"http://{host}"},
        {"origin": "http://localhost:3000"},
        {"sec_fetch_site": "same-origin"},
        {"user_agent": "Mozilla/5.0 (X11)"},
    ):
        with pytest.raises(Forbidden, match="trusted_hosts"):
            admit("GET", host=host, **headers)


def test_a_container_whose_name_is_a_top_level_domain_is_told_so():
    """Whoever calls it `app` can't know, and reads how to let browsers use it."""
    with pytest.raises(
        Forbidden, match=r"the name 'app:80', since it is a top-level domain; .*--trusted-hosts, MOCKCHIRP_"
    ):
        admit("GET", host="app:80", user_agent="Mozilla/5.0")
    with pytest.raises(Forbidden) as refusal:
        admit("GET", host="preview.example", user_agent="Mozilla/5.0")
    assert "top-level" not in str(refusal.value)


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost:3000",
        "https://localhost",
        "http://app.localhost:8080",
        "http://127.0.0.1:5173",
        "http://127.7.7.7",
        "http://[::1]:3000",
        "http://[::ffff:7f00:1]:3000",
        "http://[::ffff:127.0.0.1]",
        "http://0.0.0.0:5173",
        "http://127.1:3000",
        "http://0x7f000001",
        "http://017700000001:3000",
        "http://2130706433",
        "http://localhost.:3000",
        "HTTP://LocalHost:3000",
        "https://mock.example",
        "http://mock.example:1234",
        "http://pr-7.preview.example:81",
        "https://public.example:8443",
        "https://public.example",
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
        "http://0x08080808",
        "http://localhost..",
        "http://localhost:3000 http://localhost:3000",
        "ftp://localhost",
        "http://localhost\xe9",
    ],
)
def test_other_pages_may_not(origin):
    """An empty origin is none that is known."""
    with pytest.raises(Forbidden):
        admit(host="127.0.0.1:24477", origin=origin)


def test_a_request_comes_from_one_page():
    """Several origins are none that can be trusted, even if each could."""
    headers = [(b"host", b"localhost"), (b"origin", b"http://localhost:3000"), (b"origin", b"http://localhost:3000")]

    for rule in (RULE, OPEN):
        with pytest.raises(Forbidden, match="2 Origin headers"):
            rule.admit({"method": "GET", "path": "/v1/calls", "headers": headers})


@pytest.mark.parametrize("site", ["cross-site", "Cross-Site", " CROSS-SITE ", "anything-else"])
def test_the_distance_of_a_page_is_read_whatever_its_case(site):
    """What is not known to be near is far."""
    with pytest.raises(Forbidden):
        admit("GET", host="localhost", sec_fetch_site=site)
    for near in ("same-origin", "Same-Site", "NONE"):
        assert admit("GET", host="localhost", sec_fetch_site=near) is None


@pytest.mark.parametrize("path", ["/recordings/call_rec_x.mp4"])
def test_the_link_to_a_file_opens_it_wherever_it_stands(path):
    """In a player of a page on another port, which does not say where it is from, or in the message that somebody clicks on."""
    player = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors", "sec_fetch_dest": "audio"}
    click = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    for headers in (player, click):
        assert admit("GET", path, host="box.example:24477", user_agent="Mozilla/5.0", **headers) is None
        with pytest.raises(Forbidden):
            admit("GET", path, host="localhost", origin="https://evil.com", **headers)
        with pytest.raises(Forbidden):
            admit("POST", path, host="localhost", **headers)


@pytest.mark.parametrize("origin", ["https://evil.com", "null", "chrome-extension://abc"])
def test_the_mock_can_be_opened_to_all(origin):
    """By a star among the trusted hosts: to every page, by every name."""
    assert admit(rule=OPEN, host="evil.com", origin=origin, sec_fetch_site="cross-site") == origin.encode()
    assert admit(rule=OPEN, host="com", sec_fetch_site="cross-site") is None


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
        ("POST", "/v1/calls"),
        ("OPTIONS", "/v1/calls"),
        ("GET", "/v1/nothing"),
        ("GET", "/recordings/x.mp4"),
        ("GET", "/nothing"),
    ],
)
def test_everything_is_guarded(mock, refused, method, path):
    """Before anything else is looked at, and without a header that would let the page read the refusal."""
    answer = mock.request(method, path, headers={**EVIL, "Access-Control-Request-Method": "POST"})

    refused(answer, 403, type="authentication_error", says="evil.example")
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert list(mock.app.runtime) == []


def test_the_contract_may_be_read_by_any_page(mock):
    """Explorers of APIs are web pages, and nothing in it is a secret."""
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "traceparent"}
    for path in ("/openapi.json", "/openapi.yaml"):
        assert mock.get(path, headers=EVIL).headers.get_list("access-control-allow-origin") == ["*"]
        preflight = mock.request("OPTIONS", path, headers={**EVIL, **asked})
        assert preflight.headers["access-control-allow-origin"] == "*"
        assert preflight.headers["access-control-allow-headers"] == "traceparent"


def test_trusted_hosts_and_the_public_url_are_settings(open_mock):
    """Both name the server to browsers."""
    mock = open_mock(trusted_hosts="mock.example, .preview.example", public_url="https://chirp.example/base")

    for origin in ("https://mock.example", "https://a.preview.example", "https://chirp.example"):
        for path in ("/_mockchirp/clock", "/v1/webhooks"):
            assert mock.get(path, headers={"Origin": origin}).status_code == 200
    assert mock.get("/v1/webhooks", headers=EVIL).status_code == 403
    assert open_mock(trusted_hosts="*").get("/v1/webhooks", headers=EVIL).status_code == 200


def test_the_page_cannot_be_framed(mock):
    """Nobody clicks on it unawares."""
    assert mock.get("/_mockchirp/ui").headers["content-security-policy"] == "frame-ancestors 'none'"
