"""Parts of a file (RFC 9110, section 14): which ones a request asks for, and how several of them are put into one answer."""

import re
from collections.abc import Sequence

MOST_RANGES = 100
"""Ranges in one request; with more, the header is ignored (14.2 allows it)."""
_SPECIFIER = re.compile(r"bytes=(.*)", re.IGNORECASE | re.ASCII)
_RANGE = re.compile(r"([0-9]{0,1000})-([0-9]{0,1000})")  # no file has a place with more digits


def parse_ranges(field: str, size: int) -> list[range] | None:
    """The parts of a file of ``size`` bytes that a `Range` field asks for, in its order; those that overlap or touch become one.

    An empty list means that the file has no such part. None means that the field is ignored: its unit is another than bytes, or it
    doesn't follow the grammar (14.1.1, 14.1.2), or asks for too much.
    """
    specifier = _SPECIFIER.fullmatch(field)
    if specifier is None:
        return None
    members = [member for member in (part.strip(" \t") for part in specifier[1].split(",")) if member]
    if not members or len(members) > MOST_RANGES:
        return None
    parts = []
    for member in members:
        found = _RANGE.fullmatch(member)
        if found is None or member == "-":
            return None
        first, last = found.groups()
        if not first:
            part = range(max(size - int(last), 0), size)
        elif not last:
            part = range(int(first), size)
        elif int(last) < int(first):
            return None
        else:
            part = range(int(first), min(int(last) + 1, size))
        if part:
            parts.append(part)
    return _merged(parts)


def _merged(parts: Sequence[range]) -> list[range]:
    """The parts with those that overlap or touch made one, each where the first of them stood."""
    merged: list[range] = []
    for part in parts:
        near = [place for place, other in enumerate(merged) if part.start <= other.stop and other.start <= part.stop]
        if not near:
            merged.append(part)
            continue
        group = [part, *(merged[place] for place in near)]
        merged[near[0]] = range(min(other.start for other in group), max(other.stop for other in group))
        for place in reversed(near[1:]):
            del merged[place]
    return merged


def part_heads(parts: Sequence[range], size: int, content_type: str, boundary: str) -> list[bytes]:
    """What comes before each of several parts in a `multipart/byteranges` answer, and after the last of them (14.6)."""
    heads = [
        f"--{boundary}\r\nContent-Type: {content_type}\r\nContent-Range: {content_range(part, size)}\r\n\r\n".encode()
        for part in parts
    ]
    return [heads[0], *(b"\r\n" + head for head in heads[1:]), f"\r\n--{boundary}--\r\n".encode()]


def content_range(part: range, size: int) -> str:
    """Where in the file a part lies."""
    return f"bytes {part.start}-{part.stop - 1}/{size}"
