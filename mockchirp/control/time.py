"""Time (control-api.md, "Time"): read the clock, set it, jump."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, NotRequired

from pydantic import (
    AfterValidator,
    ConfigDict,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    model_validator,
)
from pydantic.config import JsonDict
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from mockchirp import advance
from mockchirp.clock import LONGEST_QUIET, Mode, check_reachable
from mockchirp.control import answers
from mockchirp.control.conditions import KINDS, AnyCondition, read_condition
from mockchirp.control.models import SetClock
from mockchirp.control.operation import Request
from mockchirp.control.waiting import check_possible, expect
from mockchirp.control.watches import Matched
from mockchirp.core.errors import TimedOut
from mockchirp.core.events import public_event
from mockchirp.core.instants import DAY, SECOND, format_duration, format_milli
from mockchirp.core.suggestions import did_you_mean
from mockchirp.fields import FINEST, Body, Duration, Instant
from mockchirp.findings import shown

FARTHEST = 7 * DAY
"""How far `until` goes unless told otherwise; to the next instant it goes however far that is."""

_NULL: JsonDict = {"type": "null"}
_GIVEN: JsonDict = {"not": _NULL}


def _quiet(value: int) -> int:
    if value > LONGEST_QUIET:
        raise ValueError(f"an advance waits at most {LONGEST_QUIET // SECOND} s for the app to be quiet")
    return value


Quiet = Annotated[
    Duration,
    AfterValidator(_quiet),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": LONGEST_QUIET // SECOND, "multipleOf": FINEST},
                {"type": "string", "pattern": r"^([0-4](\.[0-9]{1,3})?s?|5s?|[0-9]{1,3}ms)$"},
            ],
        }
    ),
]
"""Milliseconds of real time, given like a duration."""


def _until(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """``value`` as a word or as the one condition that it can mean, so that an error names what is wrong in it."""
    if isinstance(value, dict):
        return read_condition(value)
    if value in ("idle", "next"):
        return value
    words = ("idle", "next")
    meant = did_you_mean(value, words) if isinstance(value, str) else ""
    raise ValueError(
        f"it is 'idle', 'next', or a condition: an object with one of {', '.join(KINDS)}; this is {shown(value)}{meant}"
    )


class Advance(Body):
    """POST /_mockchirp/clock/advance: by a duration, to an instant, or until nothing is pending, the next due instant or a
    condition (by at most ``limit``). ``quiet`` is real time, the setting `advance_quiet` unless given.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "if": {},  # always: what stands in `then` is for validators, and generators of clients pass over it
            "then": {
                "anyOf": [
                    {"required": ["by"], "properties": {"by": _GIVEN, "to": _NULL, "until": _NULL, "limit": _NULL}},
                    {"required": ["to"], "properties": {"by": _NULL, "to": _GIVEN, "until": _NULL, "limit": _NULL}},
                    {"required": ["until"], "properties": {"by": _NULL, "to": _NULL, "until": _GIVEN}},
                ]
            },
        }
    )

    advice: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys((*KINDS, "status"), 'it belongs into until: {"until": {"event": "calls.answered"}}'),
        **dict.fromkeys(("seconds", "duration", "time"), 'write {"by": 5} for five seconds, or {"by": "1h30m"}'),
        "milliseconds": 'write {"by": "250ms"}',
        "minutes": 'write {"by": "5m"}',
        "hours": 'write {"by": "1h"}',
        "days": 'write {"by": "2d"}',
        "now": 'write {"to": instant}',
        "idle": 'write {"until": "idle"}',
        "next": 'write {"until": "next"}',
        **dict.fromkeys(("for", "condition"), 'write {"until": condition}, or {"by": 5} for five seconds'),
    }

    by: Duration | None = None
    to: Instant | None = None
    until: Annotated[Literal["idle", "next"] | AnyCondition, WrapValidator(_until)] | None = None
    limit: Duration | None = None
    quiet: Quiet | None = None

    @model_validator(mode="after")
    def _one_target(self) -> "Advance":
        if sum(target is not None for target in (self.by, self.to, self.until)) != 1:
            raise ValueError(
                'say how far, in one way: {"by": "1h"}, {"to": instant}, {"until": "idle"}, {"until": "next"} '
                'or {"until": condition}'
            )
        if self.limit is not None and self.until is None:
            raise ValueError("limit goes with until")
        return self


class Clock(TypedDict):
    """A sandbox's clock. ``pending`` counts scheduled actions and deliveries in flight."""

    now: answers.Instant
    mode: Mode
    rate: float
    nextDue: answers.Instant | None
    pending: int


_Span = TypedDict(
    "_Span", {"from": answers.Instant, "to": answers.Instant, "quietSeconds": float, "quietRequests": int}
)


class AdvanceReport(_Span):
    """What an advance did, in order. It waited ``quietSeconds`` (real time) for the app to be quiet, which made ``quietRequests``
    meanwhile; ``hint`` says how to do without, where that was long. ``matched`` is there if it went until a condition.
    """

    events: list[answers.SandboxEvent]
    deliveries: list[answers.Attempt]
    pending: int
    hint: NotRequired[str]
    matched: NotRequired[answers.Matched]


async def get_clock(request: Request) -> object:
    """GET /_mockchirp/clock."""
    live = request.live
    due = live.sandbox.timeline.next_due()
    return {
        "now": format_milli(live.sandbox.now),
        "mode": live.clock.mode,
        "rate": live.clock.rate,
        "nextDue": None if due is None else format_milli(due),
        "pending": live.pending,
    }


async def set_clock(request: Request) -> object:
    """PUT /_mockchirp/clock."""
    body: SetClock = request.body
    if body.now is not None:
        check_reachable(body.now, "now")
    request.live.set_clock(now=body.now, mode=body.mode, rate=body.rate)
    return await get_clock(request)


async def advance_clock(request: Request) -> object:
    """POST /_mockchirp/clock/advance: answers when everything that fell due has happened, webhooks, their retries and what the
    app makes of them included.
    """
    body: Advance = request.body
    quiet = request.runtime.defaults.advance_quiet if body.quiet is None else body.quiet
    jump = advance.Advance(request.live, quiet, request.hang_up)
    if body.by is not None:
        return _show(request, await jump.by(body.by))
    if body.to is not None:
        return _show(request, await jump.to(body.to))
    if body.until == "next":
        return _show(request, await jump.until(lambda: jump.instants > 0, body.limit))
    limit = FARTHEST if body.limit is None else body.limit
    if body.until == "idle":
        return _show(request, await jump.until(lambda: False, limit))
    assert body.until is not None, "the model sees to it"
    return await _until_condition(request, jump, body.until, limit)


async def _until_condition(request: Request, jump: advance.Advance, condition: AnyCondition, limit: int) -> object:
    """Advance until a condition holds; raise :class:`TimedOut` if it does not within ``limit``, or can't."""
    watched = expect(request, condition, "until")
    found: Matched | None = None

    def look() -> bool:
        nonlocal found
        found = watched.look()
        if found is None:
            check_possible(watched)
        return found is not None

    report = await jump.until(look, limit)
    if found is None:
        how_far = f" within {format_duration(limit)}" if request.live.pending else ", and nothing is pending any more"
        raise TimedOut(f"{watched.missed()}{how_far}: {watched.instead()}")
    return {**_show(request, report), "matched": found}


def _show(request: Request, report: advance.Report) -> dict[str, object]:
    live = request.live
    hint = {} if report.hint is None else {"hint": report.hint}
    return {
        "from": format_milli(report.start),
        "to": format_milli(report.end),
        "events": [public_event(event) for event in live.sandbox.events.after(report.last_event)],
        "deliveries": list(report.attempts),
        "pending": live.pending,
        "quietSeconds": round(report.quiet_seconds, 3),
        "quietRequests": report.quiet_requests,
        **hint,
    }
