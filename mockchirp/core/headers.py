"""A webhook's own headers: which may be set, so that no delivery's HTTP framing can be broken."""

import re
from collections.abc import Iterable

# Names that belong to the connection or the framing of one HTTP message, which only its sender can know.
_FRAMING = frozenset(
    {
        *("connection", "content-length", "expect", "host", "keep-alive"),
        *("proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
    }
)
MOST_HEADERS = 50
LONGEST_NAME = 256
LONGEST_VALUE = 8192
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NOT_PLAIN = re.compile(r"[^\t -~]")


def read_headers(pairs: Iterable[tuple[str, object]]) -> tuple[tuple[str, str], ...]:
    """Headers by name, their values without surrounding blanks.

    Raise ``ValueError`` on one that can't be set, on more than :data:`MOST_HEADERS`, and on two whose names differ in case at most:
    to HTTP they are one.
    """
    given: dict[str, tuple[str, str]] = {}
    for name, value in pairs:
        if len(given) == MOST_HEADERS:
            raise ValueError(f"at most {MOST_HEADERS} are taken")
        text = check_header(name, value)
        if name.lower() in given:
            other, _ = given[name.lower()]
            same = "is given twice" if other == name else f"and {name} differ in case alone, and so are one header"
            raise ValueError(f"{other} {same}: give it once")
        given[name.lower()] = (name, text)
    return tuple(given.values())


def check_header(name: str, value: object) -> str:
    """Return ``value`` without surrounding blanks; raise ``ValueError`` where the two can't be a header of one's own."""
    if not _NAME.fullmatch(name):
        why = "it is empty" if not name else "letters, digits and !#$%&'*+.^_`|~- are allowed"
        raise ValueError(f"{name[:40]!r} is not a header name: {why}")
    if len(name) > LONGEST_NAME:
        raise ValueError(
            f"the header name {name[:40]}... has {len(name)} characters, and at most {LONGEST_NAME} are taken"
        )
    if name.lower() == "content-type":
        raise ValueError(f"the header {name} can't be set: it is always application/json")
    if name.lower() in _FRAMING:
        raise ValueError(f"the header {name} can't be set: it would break HTTP framing")
    if not isinstance(value, str):
        raise ValueError(f"the value of the header {name} must be text")
    if len(value) > LONGEST_VALUE:
        raise ValueError(
            f"the value of the header {name} has {len(value)} characters, and at most {LONGEST_VALUE} are taken"
        )
    odd = _NOT_PLAIN.search(value)
    if odd is not None:
        what = "a line break" if odd[0] in "\r\n" else f"the character {odd[0]!a}"
        raise ValueError(
            f"the value of the header {name} holds {what}: it must be printable ASCII characters, no line breaks"
        )
    return value.strip(" \t")
