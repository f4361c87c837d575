"""A file as HTTP answers with it: whole, in parts, or not at all because the client has it already (RFC 9110)."""

import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import anyio.to_thread
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from mockchirp.api.http_dates import http_date
from mockchirp.api.preconditions import Fields, Validators, allows_range, judge
from mockchirp.api.ranges import content_range, parse_ranges, part_heads
from mockchirp.core.errors import PreconditionFailed, RangeNotSatisfiable
from mockchirp.http import Headers

_CHUNK = 64 << 10
"""Bytes of a file that are read and sent at once."""

Piece = bytes | range
"""Of a body: bytes as they are, or those that a file has in a range."""


class FileAnswer:
    """An answer as an ASGI application. ``pieces`` of ``file`` make its body; without one, the file need not be there."""

    def __init__(self, status: int, headers: Headers, pieces: Sequence[Piece] = ()) -> None:
        self._status = status
        self._headers = headers
        self._pieces = pieces
        self.file: BinaryIO | None = None
        """To be set before the answer is sent, if it needs it; is closed then."""

    @property
    def needs_file(self) -> bool:
        """Whether the body holds anything of the file."""
        return bool(self._pieces)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.file is None:
            assert not self.needs_file, "the file was opened"
            response = Response(status_code=self._status)
            response.raw_headers = self._headers
            await response(scope, receive, send)
            return
        with self.file as file:
            response = StreamingResponse(_read(file, self._pieces), self._status)
            response.raw_headers = self._headers
            await response(scope, receive, send)


async def _read(file: BinaryIO, pieces: Sequence[Piece]) -> AsyncIterator[bytes]:
    def read(start: int, length: int) -> bytes:
        file.seek(start)
        return file.read(length)

    for piece in pieces:
        if isinstance(piece, bytes):
            yield piece
            continue
        for start in range(piece.start, piece.stop, _CHUNK):
            yield await anyio.to_thread.run_sync(read, start, min(_CHUNK, piece.stop - start))


@dataclass(frozen=True, slots=True)
class Representation:
    """A file that has a name, a type, ``size`` bytes (from 1) and validators."""

    name: str
    content_type: str
    size: int
    validators: Validators

    def answer(self, scope: Scope, headers: Headers, *, this_year: int) -> FileAnswer:
        """The answer to a GET or HEAD of this file; ``headers`` are in each. Raise :class:`PreconditionFailed` if the request sets
        conditions that the file doesn't meet, :class:`RangeNotSatisfiable` if it asks for parts that the file doesn't have.
        """
        fields = _fields(scope)
        tag, modified = self.validators.tag, http_date(self.validators.modified)
        headers = [*headers, (b"etag", tag.encode())]
        match judge(fields, self.validators, this_year):
            case "failed":
                raise PreconditionFailed(
                    f"{self.name} is not what the request's conditions ask for: its ETag is {tag}, its Last-Modified {modified}"
                )
            case "not modified":
                return FileAnswer(304, headers)
        headers += [(b"last-modified", modified.encode()), (b"accept-ranges", b"bytes")]
        parts = self._parts(fields, this_year) if scope["method"] == "GET" else None  # HEAD knows no ranges (14.2)
        status, content_type, pieces = 200, self.content_type, list[Piece]([range(self.size)])
        if parts is not None:
            status, pieces = 206, list[Piece](parts)
        if parts is not None and len(parts) == 1:
            headers.append((b"content-range", content_range(parts[0], self.size).encode()))
        elif parts is not None:
            # The same parts have the same boundary, one that nobody finds in a file.
            boundary = hashlib.sha256(f"{tag}{parts}".encode()).hexdigest()[:32]
            first, *heads = part_heads(parts, self.size, content_type, boundary)
            content_type = f"multipart/byteranges; boundary={boundary}"
            pieces = [first]
            for part, head in zip(parts, heads, strict=True):
                pieces += [part, head]
        length = sum(map(len, pieces))
        headers += [(b"content-type", content_type.encode()), (b"content-length", b"%d" % length)]
        return FileAnswer(status, headers, pieces if scope["method"] == "GET" else ())

    def _parts(self, fields: Fields, this_year: int) -> list[range] | None:
        """What of the file is asked for, None if all of it."""
        lines = fields.get("range", ())
        if len(lines) != 1 or not allows_range(fields, self.validators, this_year):
            return None
        parts = parse_ranges(lines[0], self.size)
        if parts == []:
            raise RangeNotSatisfiable(f"the range lies outside {self.name}, which has {self.size} bytes", self.size)
        return parts


def _fields(scope: Scope) -> Fields:
    fields = defaultdict(list)
    for name, value in scope["headers"]:
        fields[name.decode("latin-1")].append(value.decode("latin-1").strip(" \t"))
    return dict(fields)
