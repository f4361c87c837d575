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


FINEST = 0.001
"""Seconds of which every duration is a multiple."""
DURATION_SCHEMA = {
    "anyOf": [
        {"type": "number", "minimum": 0, "maximum": LONGEST // SECOND, "multipleOf": FINEST},
        {"type": "string", "format": "mockchirp-duration"},
    ],
    "description": "Seconds, or a string such as `90s`, `5m`, `1h30m`, `2d`; a whole number of milliseconds.",
    "examples": ["1h30m", 90],
}
INSTANT_SCHEMA = {
    "type": "string",
    "format": "date-time",
    "examples": ["2026-01-15T10:30:00Z"],
}

Duration = Annotated[int, BeforeValidator(_duration), WithJsonSchema(DURATION_SCHEMA)]
"""Milliseconds, given as a number of seconds or a string such as ``1h30m``."""
Instant = Annotated[int, BeforeValidator(_instant), WithJsonSchema(INSTANT_SCHEMA)]
"""Milliseconds since the Unix epoch, given in ISO 8601."""


class Body(Closed):
    """What bodies and documents of our own have in common: a typo in a test must not pass in silence."""

    model_config = ConfigDict(strict=True)
