"""The form of the state file: the documents of several sandboxes, one a line, so that they are read one at a time.

People may have edited it: whatever is the same JSON is read, too.
"""

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, BinaryIO, NamedTuple

import orjson

from mockchirp.state.document import VERSION, check_version
from mockchirp.state.errors import BadState

HEAD = b'{"version":%d,"sandboxes":[\n' % VERSION
BETWEEN = b",\n"
TAIL = b"]}\n"

_past_blanks = re.compile(r"\s*").match


class Saved(NamedTuple):
    """A sandbox in the file: the value of its document, and how to get its text, to the byte."""

    value: Any
    text: Callable[[], bytes]


def collect(texts: list[bytes]) -> bytes:
    """A whole file of these documents."""
    return HEAD + BETWEEN.join(texts) + b"\n" + TAIL


def read_collection(file: BinaryIO) -> Iterator[Saved]:
    """The sandboxes in the file, in order. Raise :class:`BadState` if it is no such file, ``orjson.JSONDecodeError`` if it is
    no JSON: possibly after some of them.
    """
    beginning = file.read(len(HEAD))
    if beginning.lstrip()[:1] != b"{":  # before all of it is read: it may be anything, and of any size
        what = "is not a file that mockchirp has saved" if beginning else "is empty; remove it to begin anew"
        raise BadState((), what)
    count = 0
    if beginning == HEAD:
        for line in file:
            if line == TAIL and not file.read(1):
                return
            text = line.removesuffix(b"\n").removesuffix(b",")
            try:
                value = orjson.loads(text)
            except orjson.JSONDecodeError:
                break  # it was edited, or is broken
            yield Saved(value, lambda text=text: text)  # type: ignore[misc]
            count += 1
    file.seek(0)
    content = file.read()
    values = _values(content)
    texts = cache(lambda: list(_texts(content.decode())))
    for position in range(count, len(values)):
        yield Saved(values[position], lambda position=position: texts()[position].encode())  # type: ignore[misc]
        values[position] = None


def _values(content: bytes) -> list[Any]:
    whole = orjson.loads(content)
    if not isinstance(whole.get("sandboxes"), list):
        raise BadState((), "is not a file that mockchirp has saved: sandboxes is missing")
    check_version(whole.get("version"))
    for name in whole:
        if name not in ("sandboxes", "version"):
            raise BadState((name,), "can't stand beside sandboxes, only in each of them")
    sandboxes: list[Any] = whole["sandboxes"]
    return sandboxes


def _texts(content: str) -> Iterator[str]:
    """The texts of the sandboxes in a file that is valid, with what a parser would not keep, such as numbers of any length."""
    decoder = json.JSONDecoder()
    at = content.index("[", content.index('"sandboxes"'))
    while content[at] != "]":
        start = _past_blanks(content, at + 1).end()  # type: ignore[union-attr]
        _, end = decoder.raw_decode(content, start)
        yield content[start:end]
        at = _past_blanks(content, end).end()  # type: ignore[union-attr]
