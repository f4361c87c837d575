"""Conditions that a request sets on what it wants to read (RFC 9110, section 13)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mockchirp.api.http_dates import parse_http_date

Verdict = Literal["perform", "not modified", "failed"]
Fields = Mapping[str, Sequence[str]]
"""The lines of each header field, by its name in lower case."""

_MEMBER = re.compile(r'(?:"[^"]*"|[^,])+')  # never goes back: its time is linear, whatever a client sends
_TAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')


@dataclass(frozen=True, slots=True)
class Validators:
    """What a file is known by: its ``tag``, a strong one with its quotes, and the Unix second of its last change."""

    tag: str
    modified: int


def judge(fields: Fields, file: Validators, this_year: int) -> Verdict:
    """What the conditions of a GET or HEAD come to, in the order of precedence (13.2.2)."""

    def date_in(name: str) -> int | None:
        return _date(fields.get(name, ()), this_year)

    if "if-match" in fields:
        if not _names(fields["if-match"], file.tag, strong=True):
            return "failed"
    elif (unmodified_since := date_in("if-unmodified-since")) is not None and file.modified > unmodified_since:
        return "failed"
    if "if-none-match" in fields:
        if _names(fields["if-none-match"], file.tag, strong=False):
            return "not modified"
    elif (modified_since := date_in("if-modified-since")) is not None and file.modified <= modified_since:
        return "not modified"
    return "perform"


def allows_range(fields: Fields, file: Validators, this_year: int) -> bool:
    """Whether `If-Range` (13.1.5), if it is given, still names this file: by its strong tag, or by the very date of its last change.

    The date is a strong validator here: a recording never changes, and its second of start is in its identifier.
    """
    lines = fields.get("if-range", ())
    if not lines:
        return True
    if len(lines) > 1:
        return False
    return lines[0] == file.tag or _date(lines, this_year) == file.modified


def _names(lines: Sequence[str], tag: str, *, strong: bool) -> bool:
    """Whether a list of tags holds ``tag``, or is the asterisk for any (13.1.1, 13.1.2). What is no tag names nothing."""
    field = ", ".join(lines).strip(" \t")
    if field == "*":
        return True
    members = (_TAG.fullmatch(member.strip(" \t")) for member in _MEMBER.findall(field))
    return any(member and member[2] == tag and not (strong and member[1]) for member in members)


def _date(lines: Sequence[str], this_year: int) -> int | None:
    """The date in a field; None if it is absent, several, or no date, all of which are ignored."""
    return parse_http_date(lines[0], this_year) if len(lines) == 1 else None
