"""Where a path that is not known was most likely meant to lead."""

from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher

_NEAR = 0.6
"""How much two paths must have in common, from 0 to 1."""
_ITS_END, _WITHOUT_PREFIX, _CHIRPS_OWN = 0.9, 0.8, 0.95
"""What a path counts that is the end of one that there is, such as `/calls`; one that is so without its first part; and one that is
one of Chirp's without its first part, such as `/api/v1/calls`.
"""
_ANYTHING = "*"
_SAY_LITTLE = {"", _ANYTHING, "v1", "_mockchirp"}
"""Parts by which a path can't be recognized."""
_LONGEST_COMPARED = 120
"""Characters; comparing takes time by their square."""


def signpost(path: str, templates: Iterable[str]) -> str:
    """What to add to "there is no such path": the nearest of ``templates`` (such as `/v1/calls/{callId}`), and where all are listed.

    The given path may have too much (slashes, a prefix, capital letters), too little, or a slip of the pen.
    """
    parts = [part for part in path.split("/") if part]
    is_control = bool(parts) and parts[0].strip("_").lower() == "mockchirp"
    listed = "/_mockchirp/openapi.json describes the control API" if is_control else "/openapi.yaml lists what there is"
    if is_control:
        parts[0] = "_mockchirp"
    near = _nearest(parts, templates) if parts and len(path) <= _LONGEST_COMPARED else None
    return f"; {listed}" if near is None else f"; did you mean {near}? {listed}"


def _nearest(given: list[str], templates: Iterable[str]) -> str | None:
    best, nearest = _NEAR, None
    for template in templates:
        for filled, own, other in _alignments(template.split("/")[1:], given):
            score = _likeness(own, other, best)
            if score > best:
                best, nearest = score, "/" + "/".join(filled)
    return nearest


def _alignments(wanted: list[str], given: list[str]) -> Iterator[tuple[list[str], str, str]]:
    """The template with its parameters filled in from the given path, counted from the start and from the end; and how both look if
    what is filled in does not count, since ids are long and say little.
    """
    for shift in sorted({0, len(given) - len(wanted)}):
        filled, other = list(wanted), [part.lower() for part in given]
        for place, part in enumerate(wanted):
            if part.startswith("{") and 0 <= place + shift < len(given):
                filled[place] = given[place + shift]
                other[place + shift] = _ANYTHING
        if not any(part.startswith("{") for part in filled):
            own = [_ANYTHING if part.startswith("{") else part.lower() for part in wanted]
            yield filled, "/" + "/".join(own), "/" + "/".join(other)


def _likeness(own: str, other: str, least: float) -> float:
    """How near two paths are, from 0 to 1; exact only if it is more than ``least``."""
    if not set(other.split("/")) - _SAY_LITTLE:
        return 0.0
    first, slash, rest = other[1:].partition("/")
    for end, score in ((other, _ITS_END), (slash + rest, _WITHOUT_PREFIX)):
        if set(end.split("/")) - _SAY_LITTLE and own.endswith(end):
            if own == end:
                return 1.0 if end is other else _CHIRPS_OWN if own.startswith("/v1/") else score
            return score
    own_first, _, own_rest = own[1:].partition("/")
    if own_first == first:  # what so many share says little
        own, other = own_rest, rest
    matcher = SequenceMatcher(None, own, other, autojunk=False)
    if matcher.real_quick_ratio() <= least or matcher.quick_ratio() <= least:
        return 0.0
    return matcher.ratio()
