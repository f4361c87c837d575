"""What somebody who wrote a name that is not known most likely meant: the one place that says "did you mean"."""

import difflib
import re
from collections.abc import Iterable

MOST_LISTED = 25
"""How many names are few enough to list them all."""
_LONGEST_COMPARED = 80
"""Characters; comparing takes time by their square, and what is longer is no slip of the pen."""
_SEPARATORS = re.compile(r"[^a-z0-9]+")
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")


def nearest(given: str, known: Iterable[str]) -> str | None:
    """The one of ``known`` that ``given`` most likely means; None if none is near.

    Case and separators don't count (`from_channel` is `fromChannel`). Then the one that is spelled alike is taken, and else the
    shortest of which all words are in ``given`` (`fromAddress` means `from`), or the other way round (`answered` means `calls.answered`).
    """
    if not given or len(given) > _LONGEST_COMPARED:
        return None
    names = sorted(known, key=len)
    folded = {_folded(name): name for name in reversed(names)}
    near = difflib.get_close_matches(_folded(given), folded, n=1)
    if near:
        return folded[near[0]]
    words = _words(given)
    return next((name for name in names if (own := _words(name)) and (own <= words or (words and words <= own))), None)


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """`; did you mean …?` with the nearest of ``known``, or nothing if none is near."""
    near = nearest(given, known)
    return "" if near is None else f"; did you mean {near}?"


def choices(given: str, known: Iterable[str], what: str = "known are") -> str:
    """What to end "… is not known" with: the nearest of ``known``, and all of them if they are few; ``what`` introduces these."""
    names = list(known)
    near = did_you_mean(given, names)
    if not names or (near and len(names) > MOST_LISTED):
        return near
    shown = ", ".join(names[:MOST_LISTED])
    more = f", and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else ""
    lead = f" {what[:1].upper()}{what[1:]}" if near else f"; {what}"
    return f"{near}{lead} {shown}{more}"


def _folded(name: str) -> str:
    return _SEPARATORS.sub("", name.lower())


def _words(name: str) -> set[str]:
    return {word.lower() for word in _WORDS.findall(name)}
