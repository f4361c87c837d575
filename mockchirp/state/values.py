"""The values that a document of state is made of: instants, identifiers, names."""

import re
from collections.abc import Callable, Collection
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from mockchirp.clock import EARLIEST, LATEST
from mockchirp.core.events import EVENTS
from mockchirp.core.faults import CODES
from mockchirp.core.ids import PATTERNS, PREFIXES
from mockchirp.core.instants import DAY, LONGEST, format_second, parse_duration, parse_instant
from mockchirp.core.keys import APP_KEY, APP_KEYS_ARE
from mockchirp.core.suggestions import choices
from mockchirp.core.timeline import ACTION_NAMES
from mockchirp.core.urls import LONGEST_URL, check_http_url
from mockchirp.core.webhooks import WEBHOOK_EVENTS
from mockchirp.fields import INSTANT_SCHEMA, Duration
from mockchirp.http import DEEPEST, is_deeper
from mockchirp.state.errors import BadState

MOST = 2**53 - 1
"""The greatest whole number that every JSON reader keeps."""
MOST_COUNTED = 250_000_000_000
"""The greatest number or count in a document: no server comes near it in its life, and one that begins lower never gets there."""


class Moment(NamedTuple):
    """An instant as it is written: absolute, or so many milliseconds from the sandbox's own now."""

    value: int
    relative: bool = False

    def at(self, now: int, field: str) -> int:
        """The instant that is meant, in ``field``, where it is ``now``; raise :class:`BadState` if no sandbox can be there."""
        instant = now + self.value if self.relative else self.value
        check_reachable(instant, field)
        return instant


def check_reachable(instant: int, field: str) -> None:
    """Raise :class:`BadState` if ``instant``, in ``field``, is before all time, or later than anything is ever due."""
    if not EARLIEST <= instant <= LATEST + LONGEST:
        raise BadState(
            (field,),
            f"it would be {'before ' + format_second(EARLIEST) if instant < EARLIEST else 'later than anything is due'}",
        )


def _moment(value: object) -> Moment:
    if isinstance(value, str):
        if value == "now":
            return Moment(0, True)
        if value[:1] in ("-", "+"):
            span = parse_duration(value[1:])
            return Moment(-span if value[0] == "-" else span, True)
        try:
            instant = parse_instant(value)
        except ValueError:
            pass
        else:
            return Moment(_reachable(instant, LATEST + LONGEST))
    raise ValueError(
        f"{str(value)[:40]!r} is not an instant, such as 2026-01-15T10:30:00Z, or from now on: -5m, +90s, now"
    )


def _absolute(value: object) -> int:
    if not isinstance(value, str):
        raise ValueError("it must be an instant, such as 2026-01-15T10:30:00Z")
    return _reachable(parse_instant(value))


def _reachable(instant: int, latest: int = LATEST) -> int:
    if not EARLIEST <= instant <= latest:
        raise ValueError(f"it must lie between {format_second(EARLIEST)} and {format_second(latest)}")
    return instant


def _one_of(known: Collection[str], what: str, lead: str = "those are") -> Callable[[str], str]:
    def check(value: str) -> str:
        if value not in known:
            raise ValueError(f"{value[:80]!r} is not {what}{choices(value, known, lead)}")
        return value

    return check


def _id_of(kind: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if not PATTERNS[kind].fullmatch(value):
            form = f"{PREFIXES[kind]}[test_]{{27 letters and digits}}"
            raise ValueError(
                f"{value[:80]!r} is not a {kind} id, which looks like {form}; leave it out to have one made"
            )
        return value

    return check


def _numbered(value: str) -> str:
    if int(value.partition("_")[2]) > MOST_COUNTED:
        raise ValueError(f"{value} is beyond the greatest number, {MOST_COUNTED}")
    return value


def _key(value: str) -> str:
    if not APP_KEY.fullmatch(value):
        raise ValueError(f"{value[:40]!r} is not an app key: {APP_KEYS_ARE}")
    return value


def _http_url(value: str) -> str:
    check_http_url(value)
    return value


def _origin(value: str) -> str:
    """As lenient as what a caller's ``Host`` makes of it."""
    if not re.fullmatch(r"https?://[^\s/?#][^\s]*", value):
        raise ValueError(f"{value[:80]!r} is not an http or https URL")
    if len(value) > LONGEST_URL:
        raise ValueError(f"it has {len(value)} characters, and at most {LONGEST_URL} are taken")
    return value


_OF_WEBHOOKS = WEBHOOK_EVENTS
WHEN_SCHEMA = {
    "type": "string",
    "format": "mockchirp-moment",
    "description": "An instant in ISO 8601, or from the sandbox's now on: `-5m`, `+90s`, `now`.",
    "examples": ["2026-01-15T10:30:00Z", "-5m"],
}

When = Annotated[Moment, BeforeValidator(_moment), WithJsonSchema(WHEN_SCHEMA)]
"""An instant in ISO 8601, or from the sandbox's now on: ``-5m``, ``+90s``, ``now``."""
Absolute = Annotated[int, BeforeValidator(_absolute), WithJsonSchema(INSTANT_SCHEMA)]
"""An instant in ISO 8601."""
Span = Annotated[Duration, Field(le=366 * DAY)]
"""A duration of what people do, in milliseconds."""


def _as_deep_as_requests(value: dict[str, Any]) -> dict[str, Any]:
    if is_deeper(value, DEEPEST - 1):
        raise ValueError(f"is nested more than {DEEPEST - 1} levels deep")
    return value


Metadata = Annotated[dict[str, Any], AfterValidator(_as_deep_as_requests)]
"""The metadata of a call, as a request may give them: within a body, which is a level of its own."""

CallId = Annotated[
    str, AfterValidator(_id_of("call")), Field(json_schema_extra={"pattern": f"^{PATTERNS['call'].pattern}$"})
]
RecordingId = Annotated[str, AfterValidator(_id_of("recording"))]
VoicemailId = Annotated[str, AfterValidator(_id_of("voicemail"))]
WebhookId = Annotated[str, AfterValidator(_id_of("webhook"))]
ConfigurationId = Annotated[str, AfterValidator(_id_of("calling config"))]
DeliveryId = Annotated[str, Field(pattern=r"^dlv_[1-9][0-9]{0,11}$"), AfterValidator(_numbered)]
FaultId = Annotated[str, Field(pattern=r"^flt_[1-9][0-9]{0,11}$"), AfterValidator(_numbered)]

EventName = Annotated[
    str, AfterValidator(_one_of(EVENTS, "an event", "known are")), Field(json_schema_extra={"enum": list(EVENTS)})
]
WebhookEventName = Annotated[
    str,
    AfterValidator(_one_of(_OF_WEBHOOKS, "an event of webhooks", "they are")),
    Field(json_schema_extra={"enum": list(_OF_WEBHOOKS)}),
]
ActionName = Annotated[str, AfterValidator(_one_of(list(ACTION_NAMES.values()), "an action"))]
Code = Annotated[
    str,
    AfterValidator(_one_of(CODES, "a code that Chirp documents for calling")),
    Field(json_schema_extra={"enum": list(CODES)}),
]
Kind = Annotated[str, AfterValidator(_one_of(PREFIXES, "a kind of identifier"))]
Key = Annotated[str, AfterValidator(_key)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
Origin = Annotated[str, AfterValidator(_origin)]

Count = Annotated[int, Field(ge=0, le=MOST_COUNTED)]
Number = Annotated[int, Field(ge=1, le=MOST_COUNTED)]
