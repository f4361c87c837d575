"""Where a webhook goes: its URL taken apart, and the request that is sent there.

The URL is sent as it was given (RFC 9112 section 3.2.1): what was percent-encoded stays so, what was not stays plain. Only what
no request can hold, a blank or a letter beyond ASCII, is encoded.
"""

import re
from base64 import b64encode
from functools import lru_cache
from ipaddress import IPv6Address
from typing import NamedTuple
from urllib.parse import quote, unquote

from mockchirp import __version__
from mockchirp.core.deliveries import Dispatch
from mockchirp.core.headers import check_header

_URL = re.compile(
    r"(?P<scheme>https?)://(?:(?P<user>[^/?#]*)@)?(?:\[(?P<literal>[^]/?#@]*)\]|(?P<name>[^][:/?#@\\]*))(?::(?P<port>[0-9]*))?"
    r"(?P<path>[/?][^#]*)?(?:#.*)?",
    re.IGNORECASE | re.ASCII | re.DOTALL,
)
_LABEL = r"[a-z0-9_~%!$&'()*+,;=-]{1,63}"
_NAME = re.compile(rf"(?=.{{1,254}}\Z){_LABEL}(?:\.{_LABEL})*\.?")
_PRINTABLE = "".join(map(chr, range(ord("!"), ord("~") + 1)))
_PORTS = {"http": 80, "https": 443}
_AGENT = f"User-Agent: mockchirp/{__version__}\r\n"


class Target(NamedTuple):
    """A URL, taken apart."""

    tls: bool
    host: str
    """What to look up: a name in lower case and ASCII, or the digits of an address, with its zone if it has one."""
    port: int
    host_header: str
    """The host as the receiver is told of it: without a zone, and without the scheme's own port."""
    path: str
    """The path with the query, as the request line has it; never empty."""
    authorization: str | None
    """What the credentials in the URL come to."""

    @property
    def place(self) -> str:
        """Host and port, for a person."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme, host and port (RFC 6454): what connections and places are kept for."""
        return f"{'https' if self.tls else 'http'}://{self.place}"


@lru_cache(1024)
def target_of(url: str) -> Target:
    """Take a URL apart. Raise ``ValueError`` with the reason if no webhook can be sent there."""
    parts = _URL.fullmatch(url)
    if parts is None:
        raise ValueError(f"{url[:200]!r} is not an http or https URL")
    scheme = parts["scheme"].lower()
    port = int(parts["port"] or _PORTS[scheme])
    if not 1 <= port <= 65_535:
        raise ValueError(f"{parts['port'][:20]} is not a port")
    if parts["literal"] is not None:
        host = str(IPv6Address(parts["literal"].replace("%25", "%")))
        host_header = f"[{host.partition('%')[0]}]"
    else:
        host = host_header = _ascii(parts["name"])
    path = quote(parts["path"] or "/", safe=_PRINTABLE)
    return Target(
        tls=scheme == "https",
        host=host,
        port=port,
        host_header=host_header if port == _PORTS[scheme] else f"{host_header}:{port}",
        path=path if path.startswith("/") else f"/{path}",
        authorization=_basic(parts["user"]) if parts["user"] else None,
    )


@lru_cache(1024)
def origin_of(url: str) -> str:
    """Scheme, host and port of ``url``; nothing if it is no URL, and then an attempt ends before it takes a connection."""
    try:
        return target_of(url).origin
    except ValueError:
        return ""


def request_of(target: Target, dispatch: Dispatch) -> bytes:
    """The POST, byte for byte. Raise ``ValueError`` with the reason if one of the headers can't be sent."""
    names = set()
    lines = [f"POST {target.path} HTTP/1.1\r\nHost: {target.host_header}\r\n"]
    for name, value in dispatch.headers:
        lower = name.lower()
        names.add(lower)
        if lower == "content-type":  # which users can't set, but every delivery has
            lines.append(f"{name}: {value}\r\n")
        else:
            lines.append(f"{name}: {check_header(name, value)}\r\n")
    if "user-agent" not in names:
        lines.append(_AGENT)
    if target.authorization is not None:
        if "authorization" in names:
            raise ValueError(
                "the webhook has credentials in its URL and a header Authorization; only one of them can be sent"
            )
        lines.append(f"Authorization: {target.authorization}\r\n")
    lines.append(f"Content-Length: {len(dispatch.body)}\r\n\r\n")
    return "".join(lines).encode("ascii") + dispatch.body


def _ascii(name: str) -> str:
    host = name.lower()
    if not host.isascii():
        host = host.encode("idna").decode("ascii")
    if not _NAME.fullmatch(host):
        raise ValueError(f"{name[:80]!r} is not a host")
    return host


def _basic(user: str) -> str:
    """The scheme Basic (RFC 7617) of ``user:password``, percent-encoded as in a URL."""
    name, _, password = user.partition(":")
    text = f"{unquote(name)}:{unquote(password)}"
    try:
        credentials = text.encode("latin-1")  # as browsers and most servers have it
    except UnicodeEncodeError:
        credentials = text.encode()
    return f"Basic {b64encode(credentials).decode()}"
