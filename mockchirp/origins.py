"""Which web pages may use the mock (control-api.md, "Browser safety").

A page somewhere on the web can make a developer's browser send requests to a server on the developer's machine. So what a browser
sends counts only if it comes from a page of this machine, of the host that the server is known by, or of a host that the settings
trust. Programs that are no browsers send neither ``Origin`` nor ``Sec-Fetch-Site``, and are not concerned.

A name that the attacker owns could be made to point here (DNS rebinding): then the page would be of this very server. So a browser
has to come by a name that nobody on the Internet can own: an address, localhost, a name without a dot (as containers have), one of a
domain that is reserved for private use; or by one that the settings name. Of the names without a dot, those of the top-level domains
do have owners, who let others have names for a living; so a container that is called `app` or `dev` has to be named in the settings.
"""

import re
import socket
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from ipaddress import IPv4Address, IPv6Address, ip_address

from starlette.types import Scope

from mockchirp.core.errors import Forbidden
from mockchirp.http import Headers, header

ANY = "*"
"""Among the trusted hosts: whoever comes."""

_PRIVATE = (".localhost", ".local", ".internal", ".test", ".home.arpa")
"""Domains in which nobody on the Internet can have a name (RFC 6761, 6762, 8375; ICANN for .internal)."""
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{0,5})?", re.ASCII)
_ORIGIN = re.compile(rf"https?://{_HOST.pattern}", re.ASCII)
_NUMBERS = re.compile(r"(?:(?:0x[0-9a-f]*|[0-9]+)(?:\.|$)){1,4}", re.ASCII)
"""What URLs take for an IPv4 address, in any of its forms."""
_OF_BROWSERS = frozenset((b"origin", b"sec-fetch-site", b"user-agent"))
_TOLD = "; the setting trusted_hosts (--trusted-hosts, MOCKCHIRP_TRUSTED_HOSTS) names those that may"

_NAMES = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:[ \t]*,[ \t]*[!#$%&'*+.^_`|~0-9A-Za-z-]+)*")
_MOST_ASKED = 4096
"""Bytes of the names of headers that a page may ask for."""


class OriginRule:
    """Decides on requests.

    ``trusted`` are host names whose pages may use the mock and by which browsers may reach it; one that begins with a dot means all
    names that end so, and :data:`ANY` opens it to all. ``own`` are hosts, each perhaps with a port, by which the server is known.
    ``page`` is the path of the page, to which any link may lead, and ``files`` is how the paths of files begin, whose links are
    credentials.
    """

    def __init__(self, trusted: Iterable[str], own: Iterable[str], page: str, files: str = "/recordings/") -> None:
        names = [_canonical(name.lower()) for name in trusted]
        found = [_HOST.fullmatch(host.lower()) for host in own]
        self._trusted = frozenset(names) | {_canonical(match[1]) for match in found if match}
        self._suffixes = tuple(name for name in names if name.startswith("."))
        self._open = ANY in names
        self._page = page
        self._files = files

    def admit(self, scope: Scope) -> bytes | None:
        """The origin of the page that has sent this and may read the answer, None if no page has said that it did. Raise
        :class:`Forbidden` if one has sent it that may not.
        """
        for name, value in scope["headers"]:  # hardly any request of a program needs more than this
            if name in _OF_BROWSERS and (name != b"user-agent" or value.startswith(b"Mozilla/")):
                return self._admit_browser(scope)
        return None

    def _admit_browser(self, scope: Scope) -> bytes | None:
        seen: dict[bytes, list[bytes]] = defaultdict(list)
        for name, value in scope["headers"]:
            seen[name].append(value)
        given = seen[b"origin"]
        if len(given) > 1:
            raise Forbidden(f"the request has {len(given)} Origin headers; it can come from one page only")
        if self._open:
            return given[0] if given else None
        if not given and self._is_link_to_file(scope):
            return None
        self._check_host(b", ".join(seen[b"host"]).decode("latin-1").lower())
        if given:
            return self._admit_origin(given[0], seen[b"host"])
        sites = {site.strip().lower() for site in seen[b"sec-fetch-site"]}
        if sites <= {b"same-origin", b"same-site", b"none"} or self._is_visit(scope, seen):
            return None
        raise Forbidden("a page of another site may not use this server: it would have to be of localhost" + _TOLD)

    def _check_host(self, host: str) -> None:
        found = _HOST.fullmatch(host)
        name = _canonical(found[1]) if found else None
        if host and not (name and self._is_known(name)):
            why = ", since it is a top-level domain" if name in _tlds() else ""
            raise Forbidden(f"browsers may not reach this server by the name {host[:80]!r}{why}{_TOLD}")

    def _admit_origin(self, given: bytes, hosts: list[bytes]) -> bytes:
        origin = given.decode("latin-1").lower()
        found = _ORIGIN.fullmatch(origin)
        if found:
            name = _canonical(found[1])
            its_own = [host.decode("latin-1").lower() for host in hosts] == [origin.partition("://")[2]]
            if its_own or _is_localhost(name) or self._is_trusted(name):
                return given
        raise Forbidden(
            f"a page of {origin[:80]!r} may not use this server: it is neither of this server nor of localhost{_TOLD}"
        )

    def _is_link_to_file(self, scope: Scope) -> bool:
        """Whether this asks for a file without saying from where: a player in a page, or somebody who follows a link.

        Who has the link may have the file, and a page that does not say where it is from can't read it.
        """
        return scope["method"] in ("GET", "HEAD") and scope["path"].startswith(self._files)

    def _is_visit(self, scope: Scope, seen: dict[bytes, list[bytes]]) -> bool:
        """Whether somebody has followed a link to the page, which does nothing by itself."""
        return (
            scope["path"] == self._page
            and scope["method"] in ("GET", "HEAD")
            and [value.lower() for value in seen[b"sec-fetch-mode"]] == [b"navigate"]
            and [value.lower() for value in seen[b"sec-fetch-dest"]] == [b"document"]
        )

    def _is_known(self, name: str) -> bool:
        is_nobodys = (
            (_address(name) is not None) or name.endswith(_PRIVATE) or ("." not in name and name not in _tlds())
        )
        return is_nobodys or self._is_trusted(name)

    def _is_trusted(self, name: str) -> bool:
        return name in self._trusted or name.endswith(self._suffixes)


def preflight_headers(scope: Scope, origin: bytes) -> Headers:
    """The answer to a browser that asks whether a page of ``origin``, which was admitted, may send a request: with any method, and
    with the headers that it asks for.
    """
    asked = header(scope, b"access-control-request-headers") or b""
    is_list = len(asked) <= _MOST_ASKED and _NAMES.fullmatch(asked.strip())
    allowed = [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, PATCH, DELETE"),
        (b"access-control-allow-headers", asked.strip() if is_list else b"Authorization, Content-Type"),
        (b"access-control-max-age", b"600"),
        (b"vary", b"Origin, Access-Control-Request-Headers, Access-Control-Request-Private-Network"),
    ]
    if header(scope, b"access-control-request-private-network") == b"true":
        allowed.append((b"access-control-allow-private-network", b"true"))
    return allowed


def cors_headers(origin: bytes) -> Headers:
    """What lets a page of ``origin`` read an answer, with those of its headers that say something."""
    return [
        (b"access-control-allow-origin", origin),
        (
            b"access-control-expose-headers",
            b"X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After, Allow, Content-Length, Content-Range, "
            b"Accept-Ranges, ETag, Last-Modified",
        ),
        (b"vary", b"Origin"),
    ]


def _canonical(host: str) -> str:
    """The one form of a name or an address: without brackets, and without the dot that may end a name."""
    name = host.strip("[]").removesuffix(".")
    address = _address(name)
    return name if address is None else str(address)


def _is_localhost(name: str) -> bool:
    address = _address(name)
    if address is None:
        return name == "localhost" or name.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        if ":" not in name:
            return IPv4Address(socket.inet_aton(name)) if _NUMBERS.fullmatch(name) else None
        address = ip_address(name)
    except (ValueError, OSError):
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


@cache
def _tlds() -> frozenset[str]:
    lines = files("mockchirp").joinpath("tlds.txt").read_text("ascii").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))
