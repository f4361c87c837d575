"""An HTTP answer (RFC 9112), read as it comes in and within bounds: no receiver can make it cost more than a little work.

httptools parses; here is what of it counts. The head is bounded in bytes, lines and interim answers (``1xx``). Of the body
:data:`KEPT` bytes are kept: when there are more the answer is complete, since its status is known. A body within that bound must
come to its end, and what frames it (chunk sizes, extensions, trailers) is bounded, too.
"""

import httptools

KEPT = 4096
"""Bytes of a body that are kept."""

MOST_HEAD = 64 * 1024
"""Bytes of a head, interim answers included: eight times what most servers send at most."""

MOST_LINES = 1000
"""Header lines: ten times what most servers send at most."""

MOST_INTERIM = 32
"""Answers of ``1xx`` before the real one: a receiver that works for some seconds may send one every now and then."""

MOST_FRAMED = 64 * 1024
"""Bytes of a body with its framing: enough for :data:`KEPT` chunks of one byte, and their ends."""


class Answer:
    """One answer. Feed it until it has ``ended``; then either all is known or ``fault`` says why not."""

    __slots__ = (
        "_framed",
        "_interim",
        "_lines",
        "_parser",
        "_room",
        "_until_closed",
        "body",
        "ended",
        "fault",
        "kept",
        "location",
        "status",
    )

    def __init__(self) -> None:
        self.status: int | None = None
        self.location: str | None = None
        """Where a redirect points."""
        self.body = bytearray()
        """The first bytes of the body; :data:`KEPT`, or one more if there were more."""
        self.ended = False
        self.fault: str | None = None
        """Why there is no answer, or no end to it, in words."""
        self.kept = False
        """Whether the receiver keeps the connection for another request."""
        self._room = MOST_HEAD
        self._lines = self._interim = 0
        self._framed = self._until_closed = False
        parser = httptools.HttpResponseParser(self)
        # As lenient as most clients are: to line feeds alone, to bytes in headers that nobody needs to understand.
        parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        self._parser: httptools.HttpResponseParser | None = parser

    def feed(self, data: bytes) -> None:
        """Take what has come in."""
        at, parser = 0, self._parser
        while at < len(data) and not self.ended:
            assert parser is not None, "there is one as long as the answer has not ended"
            piece = data[at : at + self._room]
            if not piece:
                what = f"its head has more than {MOST_HEAD}" if self.status is None else f"no end within {MOST_FRAMED}"
                self._fail(f"{what} bytes")
                break
            at += len(piece)
            self._room -= len(piece)
            try:
                parser.feed_data(piece)
            except (httptools.HttpParserError, httptools.HttpParserUpgrade) as reason:
                self.kept = False  # what follows an answer may have raised it
                self._fail(str(reason))
        if at < len(data):
            self.kept = False
        if self.ended:
            self._parser = None  # it knows this answer, so that only the garbage collector would find the two

    def lose(self, reason: Exception | None) -> None:
        """Take note that the connection is closed, or lost for a ``reason``."""
        if self.ended:
            return
        self.ended, self._parser = True, None
        if self.status is not None:
            if not self._until_closed or reason is not None:
                self.fault = "the connection was lost before the answer's end"
        elif reason is None:
            self.fault = "the connection was closed before an answer"
        elif isinstance(reason, ConnectionError):
            self.fault = "the connection was reset before an answer"
        else:
            self.fault = f"the connection was lost before an answer: {reason}"

    def _fail(self, why: str) -> None:
        if not self.ended:
            self.ended, self.kept = True, False
            self.fault = f"{'the answer' if self.status is None else 'its body'} is not HTTP: {why}"

    # What the parser calls. An exception stops it in the midst of what it was fed.

    def on_message_begin(self) -> None:
        if self.ended:  # something follows the answer
            self.kept = False
            raise _Enough

    def on_header(self, name: bytes, value: bytes) -> None:
        self._lines += 1
        if self._lines > MOST_LINES:
            self._fail(f"it has more than {MOST_LINES} header lines")
            raise _Enough
        if self.status is not None:
            return  # a trailer
        lower = name.lower()
        if lower == b"content-length":
            self._framed = True
        elif lower == b"transfer-encoding":
            self._framed = value.strip().lower().endswith(b"chunked")
        elif lower == b"location":
            self.location = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        status = self._parser.get_status_code()
        if 100 <= status < 200 and status != 101:
            self._interim += 1
            self._framed, self.location = False, None
            if self._interim > MOST_INTERIM:
                self._fail(f"more than {MOST_INTERIM} interim answers (1xx) come before it")
                raise _Enough
            return
        if status < 100:
            self._fail(f"{status:03} is no status")
            raise _Enough
        self.status, self._room = status, MOST_FRAMED
        self._until_closed = not self._framed
        if status == 101:  # another protocol, for which nobody has asked
            self.ended = True

    def on_body(self, data: bytes) -> None:
        self.body += data[: KEPT + 1 - len(self.body)]
        if len(self.body) > KEPT:
            self.ended = True
            raise _Enough

    def on_message_complete(self) -> None:
        if self.status is not None and not self.ended:
            assert self._parser is not None
            self.ended = True
            self.kept = self._parser.should_keep_alive()


class _Enough(Exception):
    """Nothing of what follows counts."""
