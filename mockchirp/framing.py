"""What a request of HTTP/1.1 is: uvicorn's protocol, made strict about where a message ends and whom it is for (RFC 9112).

**Offers of another protocol** (``Upgrade``) are ignored, as RFC 9110, 7.8 lets a server do, and the request is served like any other.
The parser, however, stops at such a head: it takes what follows for the other protocol's. So the head is given to a fresh parser once
more, without its ``Upgrade``, and what follows after it. Nothing is searched for in the bytes, so it does not matter how they are cut
into packets, and where the body ends is decided by the one parser that decides it for every request.
"""

import re
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

Headers = list[tuple[bytes, bytes]]

_HOST = re.compile(rb"(?:\[[0-9A-Za-z:.%_~-]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+)(?::[0-9]*)?")
"""What RFC 3986 allows: a name or an address, and perhaps a port."""
_NOTED = frozenset((b"host", b"transfer-encoding", b"expect"))
"""Headers that say how the message itself is to be taken."""


class Refusal(Exception):
    """What is wrong with a request. It is raised in a callback of the parser, which stops there, and is the context of its error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message


class StrictProtocol(HttpToolsProtocol):
    """One connection, of which :meth:`parse` reads what comes in."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._allow_all_codings()
        self._noted: Headers = []
        self._good: Headers = [(b"", b"")]
        """What was noted of a request that was well made, to recognise the next one like it."""
        self._offers_upgrade = False

    def parse(self, data: bytes) -> None:
        """Read the next bytes; raise ``HttpParserError`` at what is not HTTP, and with a :class:`Refusal` as its context at what the
        standard forbids. Nothing more can be read then.
        """
        while (rest := self._feed(data)) is not None:
            self._feed_without_upgrade()
            data = rest

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._offers_upgrade = False
        self._noted = []

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in _NOTED:
            self._noted.append((name, value))
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise Refusal(501, "CONNECT is not served: this server is no proxy")
            self._offers_upgrade = True
        else:
            self.on_head()

    def on_head(self) -> None:
        """The head of a request is whole, and the body comes next."""
        if self._noted != self._good or self.parser.get_http_version() != "1.1":
            self._check_head()
        if not self.url.startswith(b"/"):
            self._take_path()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        if not self._offers_upgrade:
            self.on_end()

    def on_end(self) -> None:
        """The body of a request is whole."""
        super().on_message_complete()

    def _feed(self, data: bytes) -> bytes | None:
        """What the parser has left behind the head of a request that offers another protocol."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            return data[offer.args[0] :]
        return None

    def _feed_without_upgrade(self) -> None:
        """Give the head that has just been read to a fresh parser, without its offer; the application sees it as it came."""
        headers = self.headers
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())]
        lines += [b"%s: %s" % header for header in headers if header[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._allow_all_codings()
        self.parser.feed_data(b"\r\n".join([*lines, b"", b""]))
        self.scope["headers"] = headers

    def _allow_all_codings(self) -> None:
        """Have every transfer coding pass the parser, which would refuse only some of them: see :meth:`_check_head`."""
        self.parser.set_dangerous_leniencies(lenient_transfer_encoding=True)

    def _check_head(self) -> None:
        """Raise :class:`Refusal` unless the head says in a single way whom it is for and where its body ends (RFC 9112)."""
        version = self.parser.get_http_version()
        if version not in ("1.0", "1.1"):
            raise Refusal(505, f"HTTP/{version} is not served; HTTP/1.1 is")
        said: dict[bytes, list[bytes]] = {name: [] for name in _NOTED}
        for name, value in self._noted:
            said[name].append(value)
        self._check_hosts(said[b"host"], version)
        codings = said[b"transfer-encoding"]
        if codings and version == "1.0":
            raise Refusal(400, "an HTTP/1.0 request can't have a Transfer-Encoding")
        if codings and [coding.strip().lower() for coding in codings] != [b"chunked"]:
            shown = b", ".join(codings)[:80].decode("latin-1")
            raise Refusal(501, f"Transfer-Encoding {shown!r} is not served; the only one that is, is chunked")
        self.expect_100_continue = version == "1.1" and b"100-continue" in map(bytes.lower, said[b"expect"])
        if version == "1.1" and len(self._noted) == 1:
            self._good = self._noted

    def _check_hosts(self, hosts: list[bytes], version: str) -> None:
        if len(hosts) > 1:
            raise Refusal(400, f"the request has {len(hosts)} Host headers; it must have one")
        if not hosts and version == "1.1":
            raise Refusal(400, "the request has no Host header; in HTTP/1.1 it must have one")
        if hosts and not _HOST.fullmatch(hosts[0]):
            shown = hosts[0][:80].decode("latin-1")
            raise Refusal(400, f"Host {shown!r} is not valid; it must be a name or an address, perhaps with a port")

    def _take_path(self) -> None:
        """A target may be a whole URL (RFC 9112, 3.2.2), whose path is empty where it is that of the root."""
        try:
            parts = httptools.parse_url(self.url)
        except httptools.HttpParserInvalidURLError:
            raise Refusal(400, f"the target {self.url[:80].decode('latin-1')!r} is not a path or a URL") from None
        self.url = (parts.path or b"/") + (b"?" + parts.query if parts.query else b"")
