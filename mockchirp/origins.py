"""Which web pages may steer the mock (control-api.md, "Browser safety").

A page somewhere on the web can make a developer's browser send requests to a server on the developer's machine. So what a browser
sends to ``/_mockchirp`` counts only if it comes from a page of this very server, of localhost, or of a host that the settings
trust. Programs that are no browsers send neither ``Origin`` nor ``Sec-Fetch-*``, and are not concerned.

A name that the attacker owns could be made to point here (DNS rebinding): then the page would be of this very server. So a browser
has to come by a name that nobody can own: an address, localhost, a name without a dot (as containers have), one of a domain that is
reserved for private use; or by one that the settings name.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

from starlette.types import Scope

from mockchirp.core.errors import Forbidden
from mockchirp.http import Headers

_PRIVATE = (".localhost", ".local", ".internal", ".test", ".home.arpa")
"""Domains in which nobody on the Internet can have a name (RFC 6761, 6762, 8375; ICANN for .internal)."""
_ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?", re.ASCII)
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?", re.ASCII)
_TOLD = "; the setting trusted_hosts names those that may"


class OriginRule:
    """Decides on requests to the control API.

    ``trusted`` are host names whose pages may steer the mock and by which browsers may reach it; one that begins with a dot
    means all names that end so. ``own`` are hosts, each perhaps with a port, by which the server knows itself to be reached.
    ``page`` is the path of the page, to which any link may lead.
    """

    def __init__(self, trusted: Iterable[str], own: Iterable[str], page: str) -> None:
        names = [name.lower() for name in trusted]
        self._trusted = frozenset(names)
        self._suffixes = tuple(name for name in names if name.startswith("."))
        self._own = frozenset(host.lower() for host in own)
        self._own_names = frozenset(found[1] for found in map(_HOST.fullmatch, self._own) if found)
        self._page = page

    def admit(self, scope: Scope) -> bytes | None:
        """The origin of a page that is not of this server and may read the answer, or None. Raise :class:`Forbidden` if a page
        has sent this that may not.
        """
        seen: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            if name in (b"origin", b"host", b"user-agent") or name.startswith(b"sec-fetch-"):
                seen[name] = value
        agent, host = seen.pop(b"user-agent", b""), seen.pop(b"host", b"").decode("latin-1").lower()
        if not seen and not agent.startswith(b"Mozilla/"):
            return None
        found = _HOST.fullmatch(host)
        if host and not (found and self._is_known(found[1])):
            raise Forbidden(f"browsers may not steer this server by the name {host[:80]!r}{_TOLD}")
        given = seen.get(b"origin")
        if given is not None:
            return self._admit_origin(given, host)
        if seen.get(b"sec-fetch-site") == b"cross-site" and not self._is_visit(scope, seen):
            raise Forbidden(
                "a page of another site may not steer this server: it would have to be of localhost" + _TOLD
            )
        return None

    def _admit_origin(self, given: bytes, host: str) -> bytes | None:
        origin = given.decode("latin-1")
        found = _ORIGIN.fullmatch(origin)
        if found and origin.partition("://")[2] == host:
            return None
        if found and origin.partition("://")[2] in self._own:  # by way of a proxy that sends another Host
            return given
        if found and (_is_localhost(found[1]) or self._is_trusted(found[1])):
            return given
        raise Forbidden(
            f"a page of {origin[:80]!r} may not steer this server: it is neither of this server nor of localhost{_TOLD}"
        )

    def _is_visit(self, scope: Scope, seen: dict[bytes, bytes]) -> bool:
        """Whether somebody has followed a link to the page, which does nothing by itself."""
        return (
            scope["path"] == self._page
            and scope["method"] in ("GET", "HEAD")
            and seen.get(b"sec-fetch-mode") == b"navigate"
            and seen.get(b"sec-fetch-dest") == b"document"
        )

    def _is_known(self, host: str) -> bool:
        name = host.rstrip(".")
        is_nobodys = _is_address(name) or "." not in name or name.endswith(_PRIVATE)
        return is_nobodys or name in self._own_names or self._is_trusted(name)

    def _is_trusted(self, host: str) -> bool:
        return host in self._trusted or host.endswith(self._suffixes)


def preflight_headers(origin: bytes) -> Headers:
    """The answer to a browser that asks whether a page of ``origin``, which was admitted, may send a request."""
    return [
        *cors_headers(origin),
        (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE"),
        (b"access-control-allow-headers", b"Authorization, Content-Type"),
        (b"access-control-max-age", b"600"),
    ]


def cors_headers(origin: bytes) -> Headers:
    """What lets a page of ``origin`` read an answer."""
    return [(b"access-control-allow-origin", origin), (b"vary", b"Origin")]


def _is_localhost(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost") or (_is_address(host) and _address(host).is_loopback)


def _is_address(host: str) -> bool:
    try:
        _address(host)
    except ValueError:
        return False
    return True


def _address(host: str) -> IPv4Address | IPv6Address:
    return ip_address(host.strip("[]"))
