"""What of a URL and a webhook's headers goes out: :mod:`mockchirp.sending.target`."""

import pytest

from mockchirp import __version__
from mockchirp.core.deliveries import Dispatch
from mockchirp.sending.target import origin_of, request_of, target_of

KEY = ("X-Key", "secret")


def sent_to(url, *headers, body=b"{}"):
    """The lines of the request's head, and the body."""
    request = request_of(target_of(url), Dispatch("dlv_1", 1, url, headers, body))
    head, _, rest = request.partition(b"\r\n\r\n")
    assert rest == body
    return head.decode("ascii").split("\r\n")


@pytest.mark.parametrize(
    "path",
    [
        "/?sp=%2Ftriggers&q=%27x%27",
        "/a%2fb/%7Euser/%41",
        "/a/../b/./c//d",
        "/?a+b=c%20d&e=%26",
        "/?",
        "//x",
        "/a?b?c/d",
        "/;a=b,c:d@e",
        '/[]{}|^`"<>\\',
        "/%zz%",
        "/?url=http://other.test/#not",
    ],
)
def test_path_and_query_go_out_as_they_were_given(path):
    """Some receivers compare them, others sign them."""
    assert sent_to(f"http://hook.test{path}")[0] == f"POST {path.partition('#')[0]} HTTP/1.1"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://hook.test", "/"),
        ("http://hook.test?x", "/?x"),
        ("http://hook.test#x", "/"),
        ("http://hook.test?x#y?z", "/?x"),
        ("http://hook.test/a#b", "/a"),
        ("http://hook.test/é?ü=%C3%BC", "/%C3%A9?%C3%BC=%C3%BC"),
        ("http://hook.test/a b", "/a%20b"),
        ("http://hook.test/a\r\nX-Evil: b", "/a%0D%0AX-Evil:%20b"),
    ],
)
def test_what_no_request_line_can_hold_is_encoded_and_the_fragment_stays_here(url, path):
    """A path is never empty, and nothing gets out of its line."""
    assert sent_to(url)[0] == f"POST {path} HTTP/1.1"


@pytest.mark.parametrize(
    ("url", "host", "port", "header"),
    [
        ("http://hook.test/", "hook.test", 80, "hook.test"),
        ("HTTP://Hook.TEST:80/A", "hook.test", 80, "hook.test"),
        ("https://hook.test:443/", "hook.test", 443, "hook.test"),
        ("https://hook.test:80/", "hook.test", 80, "hook.test:80"),
        ("http://hook.test:/", "hook.test", 80, "hook.test"),
        ("http://user:p@ss@hook.test:8080/", "hook.test", 8080, "hook.test:8080"),
        ("http://a_b.test./", "a_b.test.", 80, "a_b.test."),
        ("http://127.0.0.1:1/", "127.0.0.1", 1, "127.0.0.1:1"),
        ("http://[::1]:8080/", "::1", 8080, "[::1]:8080"),
        ("http://[0:0::01]/", "::1", 80, "[::1]"),
        ("http://[fe80::1%25eth0]/", "fe80::1%eth0", 80, "[fe80::1]"),
        ("http://[fe80::1%eth0]:81/", "fe80::1%eth0", 81, "[fe80::1]:81"),
        ("http://Bücher.test/", "xn--bcher-kva.test", 80, "xn--bcher-kva.test"),
    ],
)
def test_where_a_url_leads(url, host, port, header):
    """Host and port to connect to, and the host as the receiver is told of it."""
    target = target_of(url)

    assert (target.host, target.port) == (host, port)
    assert sent_to(url)[1] == f"Host: {header}"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/hook",
        "hook.test",
        "ftp://hook.test/",
        "http:hook.test",
        "http:///hook",
        "http://@/",
        "http://:80/",
        "http://hook.test:0/",
        "http://hook.test:65536/",
        "http://hook.test:8o/",
        "http://hook.test:８０/",
        "http://a..b/",
        "http://.a/",
        "http://./",
        "http://" + "a" * 64 + ".test/",
        "http://" + "a." * 127 + "a/",
        "http://a b/",
        "http://a\nb/",
        "http://a\\b/",
        "http://[::1/",
        "http://[]/",
        "http://[127.0.0.1]/",
        "http://[::1]x/",
        "http://\ud800/",
        "http://hook.test/\ud800",
    ],
)
def test_what_is_no_url_to_send_to(url):
    """It has a reason, and no origin of its own."""
    with pytest.raises(ValueError, match=r"."):
        target_of(url)
    assert origin_of(url) == ""


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://hook.test/a?b", "http://hook.test:80"),
        ("HTTP://user@HOOK.test:80", "http://hook.test:80"),
        ("https://hook.test", "https://hook.test:443"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
    ],
)
def test_an_origin_is_scheme_host_and_port(url, origin):
    """However they are written."""
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    ("user", "credentials"),
    [
        ("user:pass", "dXNlcjpwYXNz"),
        ("user", "dXNlcjo="),
        ("user:", "dXNlcjo="),
        (":pass", "OnBhc3M="),
        ("user:p%40ss%3A", "dXNlcjpwQHNzOg=="),
    ],
)
def test_credentials_become_a_header(user, credentials):
    """Decoded, as in other clients."""
    assert f"Authorization: Basic {credentials}" in sent_to(f"http://{user}@hook.test/")


def test_no_credentials_no_header():
    """An empty part before the host says nothing."""
    assert not any(line.startswith("Authorization") for line in sent_to("http://@hook.test/"))


def test_two_authorizations_are_too_many():
    """One would have to be left out, and no receiver could tell why."""
    with pytest.raises(ValueError, match="credentials in its URL"):
        sent_to("http://user@hook.test/", ("authorization", "Bearer x"))


def test_the_head_has_what_http_needs_and_the_webhook_s_own():
    """In this order, with nothing added."""
    assert sent_to("http://hook.test/hook", ("Content-Type", "application/json"), KEY, body=b"x" * 1000) == [
        "POST /hook HTTP/1.1",
        "Host: hook.test",
        "Content-Type: application/json",
        "X-Key: secret",
        f"User-Agent: mockchirp/{__version__}",
        "Content-Length: 1000",
    ]


@pytest.mark.parametrize(
    "header",
    [
        ("Host", "other.test"),
        ("content-length", "5"),
        ("Transfer-Encoding", "chunked"),
        ("Expect", "100-continue"),
        ("X-Key", "a\r\nb"),
        ("X-Key", "a\0"),
        ("X-Key", "é"),
        ("X:", "a"),
        ("", "a"),
    ],
)
def test_a_header_that_would_break_the_request_is_not_sent(header):
    """They are refused long before; what slips through ends here."""
    with pytest.raises(ValueError, match="header"):
        sent_to("http://hook.test/", header)
