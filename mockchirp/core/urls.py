"""URLs that a user gives: of webhooks, music, greetings. One that can't be used is refused with the reason."""

import re

LONGEST_URL = 2048

_SCHEME = re.compile(r"[A-Z][A-Z0-9+.-]*(?=://|:(?![0-9]))", re.IGNORECASE | re.ASCII)
_AUTHORITY = re.compile(r"(?P<before>.*@)?(?P<host>\[[^\]]*\]|[^:]*)(?::(?P<port>.*))?", re.DOTALL)
_USERINFO = re.compile(r"[A-Z0-9._~%!$&'()*+,;=:-]*@", re.IGNORECASE | re.ASCII)
_HOST = re.compile(r"[A-Z0-9._~%!$&'()*+,;=-]+|\[[0-9A-F:.]+\]", re.IGNORECASE | re.ASCII)
_PORT = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
_NOT_PLAIN = re.compile(r"[^!-~]")


def check_http_url(url: str) -> str:
    """The scheme of ``url``, `http` or `https`; raise ``ValueError``, saying why, if it is no absolute URL of these.

    It has at most :data:`LONGEST_URL` characters (RFC 3986; chirp-api.md section 6).
    """
    scheme = _SCHEME.match(url)
    why = _fault(url, scheme)
    if why is not None or scheme is None:
        raise ValueError(f"{url[:80]!r} is not an http or https URL: {why}")
    return scheme[0].lower()


def _fault(url: str, scheme: re.Match[str] | None) -> str | None:
    """What is wrong with ``url``, in words; None if nothing is."""
    if not url:
        return "it is empty"
    if len(url) > LONGEST_URL:
        return f"it has {len(url)} characters, and at most {LONGEST_URL} are taken"
    if scheme is None:
        example = "" if _NOT_PLAIN.search(url) or url[0] in "/?#:" else f", such as http://{url[:40]}"
        return f"it does not begin with http:// or https://{example}"
    if scheme[0].lower() not in ("http", "https"):
        return f"its scheme is {scheme[0][:20]}"
    if not url.startswith("://", scheme.end()):
        return f"after {scheme[0]}: come two slashes and the host"
    odd = _NOT_PLAIN.search(url)
    if odd is not None:
        return f"character {odd.start() + 1} is {_named(odd[0])}"
    end = scheme.end() + len("://")
    return _fault_of_authority(re.split("[/?#]", url[end:], maxsplit=1)[0])


def _named(odd: str) -> str:
    if odd == " ":
        return "a space; write %20"
    if not odd.isprintable():
        return f"{odd!r}, which no URL holds"
    return f"{odd!r}; percent-encode what is not ASCII, and give a host in Punycode"


def _fault_of_authority(authority: str) -> str | None:
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        return "what follows the host is no port"
    before, host, port = parts["before"], parts["host"], parts["port"]
    if ":" in (port or ""):
        return "an IPv6 address stands in brackets, such as http://[::1]:3000"
    if not host:
        return "it names no host"
    if before is not None and not _USERINFO.fullmatch(before):
        return "the credentials before the host hold a character that must be percent-encoded"
    if not _HOST.fullmatch(host):
        return f"{host[:80]!r} is not a host"
    if port is not None and not (_PORT.fullmatch(port) and int(port) <= 65_535):
        return f"its port is {port[:20]!r}, and must be a whole number from 1 to 65535"
    return None
