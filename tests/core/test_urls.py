"""URLs that a user gives, and why one is refused."""

import pytest

from mockchirp.core.urls import LONGEST_URL, check_http_url


@pytest.mark.parametrize(
    "url",
    [
        "http://a",
        "HTTP://A:80/b?c#d",
        "https://u:p@[::1]:65535",
        "http://a?sp=%2Fx&q='y'",
        "http://a.test/{id}|^`",
        "http://" + "a" * (LONGEST_URL - 7),
    ],
)
def test_an_http_url_is_taken(url):
    """And its scheme is told in lower case."""
    assert check_http_url(url) == url.split(":")[0].lower()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "it is empty"),
        ("http://a/" + "x" * 2040, "it has 2049 characters, and at most 2048 are taken"),
        ("http://" + "é" * 3000, "it has 3007 characters, and at most 2048 are taken"),
        ("app.test/hooks", "does not begin with http:// or https://, such as http://app.test/hooks"),
        ("localhost:3000/hooks", "does not begin with http:// or https://, such as http://localhost:3000/hooks"),
        ("/hooks", "does not begin with http:// or https://"),
        (" http://a", "does not begin with http:// or https://"),
        ("ftp://a", "its scheme is ftp"),
        ("file:///etc/passwd", "its scheme is file"),
        ("mailto:me@a.test", "its scheme is mailto"),
        ("http:/a", "after http: come two slashes and the host"),
        ("http:a", "after http: come two slashes and the host"),
        ("http://", "it names no host"),
        ("http:///a", "it names no host"),
        ("http://:80/", "it names no host"),
        ("http://[app]/", "'[app]' is not a host"),
        ("http://a\\b/", "is not a host"),
        ("http://::1/", "an IPv6 address stands in brackets"),
        ("http://fe80::1:3000/", "an IPv6 address stands in brackets"),
        ("http://a:/", "its port is ''"),
        ("http://a:0/", "its port is '0', and must be a whole number from 1 to 65535"),
        ("http://a:65536/", "its port is '65536'"),
        ("http://a:080/", "its port is '080'"),
        ("http://a:http/", "its port is 'http'"),
        ("http://u@v@a/", "credentials"),
        ("http://u[:p@a/", "credentials"),
        ("http://a b/", "character 9 is a space; write %20"),
        ("http://a/\n", "character 10 is '\\n', which no URL holds"),
        ("http://a/\x00", "which no URL holds"),
        ("http://é.test/", "character 8 is 'é'; percent-encode what is not ASCII, and give a host in Punycode"),
        ("http://a/é", "percent-encode"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_url_is_refused_with_the_reason(url, says):
    """Whatever is wrong with it, and no more of it is shown than fits."""
    with pytest.raises(ValueError, match="is not an http or https URL: ") as refusal:
        check_http_url(url)

    assert says in str(refusal.value)
    assert len(str(refusal.value)) < 300
