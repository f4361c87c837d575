"""What bodies and documents of our own are made of: they are strict, and say durations and instants as people do."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

from mockchirp.core.instants import parse_duration, parse_instant


def _duration(value: object) -> int:
    if isinstance(value, (int, float, str)):
        return parse_duration(value)
    raise ValueError("a duration is a number of seconds, or a string such as 90s, 5m, 1h30m, 2d")


def _instant(value: object) -> int:
    if isinstance(value, str):
        return parse_instant(value)
    raise ValueError("an instant is an ISO 8601 string with an offset, such as 2026-01-15T10:30:00Z")


Duration = Annotated[int, BeforeValidator(_duration, json_schema_input_type=float | str)]
"""Milliseconds, given as a number of seconds or a string such as ``1h30m``."""
Instant = Annotated[int, BeforeValidator(_instant, json_schema_input_type=str)]
"""Milliseconds since the Unix epoch, given in ISO 8601."""


class Body(BaseModel):
    """What all of them have in common: a typo in a test must not pass in silence."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
