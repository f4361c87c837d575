"""Instants and durations: the only two measures of time inside a sandbox.

Both are whole milliseconds held in an ``int``: an instant counts from the Unix epoch (UTC), a duration from nothing.
Whole numbers keep a history the same byte for byte; milliseconds are the finest that Chirp ever shows.

An instant that is written more finely means the millisecond that it lies in, since most languages print microseconds unasked. A
duration that is written more finely is refused: rounded, it would be another one, and often 0.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, Inexact, InvalidOperation
from functools import lru_cache

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
LONGEST = 36_500 * DAY

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {"ms": 1, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+", re.ASCII)
_ONE_NUMBER = re.compile(r"[-+.\deE]+|nan|inf(?:inity)?", re.ASCII | re.IGNORECASE)
"""What is left to ``Decimal``: it alone would take underscores and the digits of any script, too."""
_LONGEST_TEXT = 100
"""Characters of a duration that is read at all."""
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)


def parse_instant(text: str) -> int:
    """Read an ISO 8601 date-time with an offset or ``Z``; raise ``ValueError``, saying what is wrong, otherwise."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None or "\0" in text:  # Python reads no further than a NUL
            raise ValueError("no offset")
        return (moment - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text[:40]!r} is not an ISO 8601 instant with an offset, such as 2026-01-15T10:30:00Z"
        ) from None


# Chirp's known instants come in the same second over and over: 4,096 strings spare most of the formatting.
@lru_cache(maxsize=4096)
def _whole_second(second: int) -> str:
    return (_EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S")


def format_second(instant: int) -> str:
    """The form of Chirp's REST fields, ``2026-01-15T10:30:00Z``: the second that the instant lies in."""
    return _whole_second(instant // SECOND) + "Z"


def format_milli(instant: int) -> str:
    """The form of Chirp's webhook timestamps and of the control API, ``2026-04-13T12:00:00.000Z``."""
    return f"{_whole_second(instant // SECOND)}.{instant % SECOND:03}Z"


def whole_seconds(start: int, end: int) -> int:
    """Seconds between two instants as REST fields show them, so that ``duration`` is ``endedAt`` - ``answeredAt``."""
    return end // SECOND - start // SECOND


def parse_duration(value: str | int | float) -> int:
    """Read seconds as a number, or a string such as ``90s``, ``5m``, ``1h30m``, ``2d``, ``250ms`` or ``1.5``.

    The decimal digits count as they are written; of a float, the 15 that a double keeps. Raise ``ValueError`` on anything else:
    negative and infinite numbers, and what is finer than a millisecond.
    """
    if isinstance(value, str):
        text = value.strip() if len(value) <= _LONGEST_TEXT else ""
        parts = (
            _PART.findall(text) if _DURATION.fullmatch(text) else [(text if _ONE_NUMBER.fullmatch(text) else "", "s")]
        )
    else:
        parts = [(f"{value:.15g}" if isinstance(value, float) else str(value), "s")]
    shown = repr(value.strip()[:40] if isinstance(value, str) else value)[:42]
    try:
        duration = sum(_milliseconds(number, unit) for number, unit in parts)
    except InvalidOperation:
        raise ValueError(f"{shown} is not a duration: seconds from 0, or a string such as 90s, 5m, 1h30m, 2d") from None
    except Inexact:
        raise ValueError(f"{shown} is finer than a millisecond; a duration is a whole number of milliseconds") from None
    if duration > LONGEST:
        raise ValueError(f"{shown} is too long a duration: at most {LONGEST // DAY} days")
    return duration


_EXACT = Context(prec=60, traps=[Inexact, InvalidOperation])


def _milliseconds(number: str, unit: str) -> int:
    """``number`` of a unit. Raise ``InvalidOperation`` unless it is a number from 0 on, ``Inexact`` if it is finer than a millisecond."""
    exact = Decimal(number)
    if not exact.is_finite() or exact < 0:
        raise InvalidOperation
    if exact > LONGEST:
        return LONGEST + 1
    return int(_EXACT.multiply(exact, Decimal(_UNITS[unit])).to_integral_exact(context=_EXACT))


def format_duration(duration: int) -> str:
    """The shortest string that :func:`parse_duration` reads back as the same duration, such as ``1h30m``."""
    parts = []
    for unit, length in reversed(_UNITS.items()):
        count, duration = divmod(duration, length)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
