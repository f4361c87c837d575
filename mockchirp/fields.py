"""What bodies and documents are made of. All of them stop at their first fault; those of our own are strict besides, and
say durations and instants as people do.
"""

from itertools import islice
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, GetCoreSchemaHandler, WithJsonSchema, model_validator
from pydantic_core import CoreSchema

from mockchirp.core.instants import LONGEST, SECOND, parse_duration, parse_instant

_LONGEST_TEXT = 100
"""Characters of an instant or a duration; nobody needs more, and reading megabytes of them would take a while."""


_MOST_UNKNOWN = 20
"""Unknown fields of a model that are looked at."""


class FailsFast:
    """A model, this class before ``BaseModel`` among its bases, that keeps no more than the first fault of every list and map.

    Otherwise, a refused body costs a hundred times its size: pydantic collects an error for every item.
    """

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        _fail_fast(schema)
        return schema


def _fail_fast(schema: Any) -> None:
    """Have every list and map in a schema stop at its first fault."""
    if isinstance(schema, dict):
        if schema.get("type") in ("list", "dict"):
            schema["fail_fast"] = True
        for part in schema.values():
            _fail_fast(part)
    elif isinstance(schema, list):
        for part in schema:
            _fail_fast(part)


class Closed(FailsFast, BaseModel):
    """A model that knows all its fields: another one is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _few_unknown_fields(cls, value: Any) -> Any:
        fields = cls.model_fields
        if not isinstance(value, dict) or len(value) <= len(fields):
            return value
        known = {field.alias or name for name, field in fields.items()}
        unknown = set(islice((name for name in value if name not in known), _MOST_UNKNOWN))
        return {name: member for name, member in value.items() if name in known or name in unknown}


def _duration(value: object) -> int:
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        raise ValueError(f"{value[:40]!r} is longer than any duration: it has {len(value)} characters")
    if isinstance(value, (int, float, str)):
        return parse_duration(value)
    raise ValueError("a duration is a number of seconds, or a string such as 90s, 5m, 1h30m, 2d")


def _instant(value: object) -> int:
    if isinstance(value, str):
        return parse_instant(value)
    raise ValueError("an instant is an ISO 8601 string with an offset, such as 2026-01-15T10:30:00Z")


# What a schema says is a little narrower than what is read: it leaves out what is too long, and days that there are not.
_CANONICAL = r"(([0-9]{1,4}|[12][0-9]{4}|3[0-5][0-9]{3}|36[0-4][0-9]{2})d)?(1?[0-9]h|2[0-3]h)?([1-5]?[0-9]m)?([1-5]?[0-9]s)?([0-9]{1,3}ms)?"
_PARTS = r"([0-9]{1,4}(ms|(\.[0-9]{1,3})?(s|m|h|d))){1,3}|[0-9]{1,9}(\.[0-9]{1,3})?s?|36500d"
_DAYS = r"((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,3})?(Z|[+-](0[0-9]|1[0-2]):[0-5][0-9])"
_LEAP_YEARS = r"20(16|[2468][048]|[3579][26])|21(0[48]|[13][26]|[24][048])"
_LATER_LEAP_YEARS = r"21([68][048]|[579][26])|22(0[48]|[13][26]|[24][048])"
INSTANT = rf"((201[5-9]|20[2-9][0-9]|21[0-4][0-9])-{_DAYS}|({_LEAP_YEARS})-02-29)T{_TIME}"
"""An expression for an instant that a clock can show."""
_LATER_YEARS = r"201[5-9]|20[2-9][0-9]|21[0-9]{2}|22[0-4][0-9]"
LATER_INSTANT = rf"(({_LATER_YEARS})-{_DAYS}|({_LEAP_YEARS}|{_LATER_LEAP_YEARS})-02-29)T{_TIME}"
"""An expression for an instant that something can be scheduled for."""
FINEST = 0.001
"""Seconds of which every duration is a multiple."""
DURATION_SCHEMA = {
    "anyOf": [
        {"type": "number", "minimum": 0, "maximum": LONGEST // SECOND, "multipleOf": FINEST},
        {"type": "string", "minLength": 1, "pattern": f"^({_PARTS}|{_CANONICAL})$"},
    ],
    "description": "Seconds, or a string such as `90s`, `5m`, `1h30m`, `2d`; a whole number of milliseconds.",
    "examples": ["1h30m", 90],
}
INSTANT_SCHEMA = {
    "type": "string",
    "format": "date-time",
    "pattern": f"^{INSTANT}$",
    "examples": ["2026-01-15T10:30:00Z"],
}

Duration = Annotated[int, BeforeValidator(_duration), WithJsonSchema(DURATION_SCHEMA)]
"""Milliseconds, given as a number of seconds or a string such as ``1h30m``."""
Instant = Annotated[int, BeforeValidator(_instant), WithJsonSchema(INSTANT_SCHEMA)]
"""Milliseconds since the Unix epoch, given in ISO 8601."""


class Body(Closed):
    """What bodies and documents of our own have in common: a typo in a test must not pass in silence."""

    model_config = ConfigDict(strict=True)
