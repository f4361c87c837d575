"""Lists, one page at a time: however much there is, an answer is bounded in number and in bytes."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import orjson

from mockchirp.control.models import PageQuery

LARGEST = 16 << 20
"""Bytes of a page; what goes beyond has to be asked for. One thing is always shown, however large."""

Thing = TypeVar("Thing")


def page(matching: Iterable[Thing], query: PageQuery, show: Callable[[Thing], object]) -> bytes:
    """The JSON of one page of what matches. ``totalCount`` counts all of it; where it says that there is more, the next page
    begins after the last thing of this one.
    """
    pieces: list[bytes] = []
    size = total = 0
    end = query.offset + query.limit
    for place, thing in enumerate(matching):
        total += 1
        if query.offset <= place < end:
            piece = orjson.dumps(show(thing))
            size += len(piece) + 1
            if size > LARGEST and pieces:
                end = place
            else:
                pieces.append(piece)
    return b'{"data":[%b],"totalCount":%d}' % (b",".join(pieces), total)
