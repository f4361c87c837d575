"""Scenarios as they are written: in the control API and in documents of state."""

import re
from typing import Annotated

from pydantic import Field

from mockchirp.core.calls import check_steps
from mockchirp.core.errors import InvalidRequest
from mockchirp.core.instants import format_duration
from mockchirp.core.scenarios import FarEndAction, RecordingOutcome, Scenario, ScenarioBook, Step
from mockchirp.fields import Body, Duration

MOST_SCENARIOS = 1_000
MOST_NUMBERS = 10_000
_NAME = re.compile(r"[a-z0-9_-]{1,64}")
_PATTERN = re.compile(r"\+?[0-9*]{1,32}")
_RESERVED = frozenset({"numbers", "default"})


Numbers = Annotated[dict[str, str], Field(max_length=MOST_NUMBERS)]
"""Scenario names by number or pattern."""


class StepBody(Body):
    """One step of a scenario: ``do`` happens ``after`` the trigger."""

    after: Duration
    do: FarEndAction


Steps = Annotated[list[StepBody], Field(max_length=100)]


class ScenarioBody(Body):
    """A whole scenario; nothing is kept of the one before."""

    what: str = Field("", max_length=500)
    created: Steps = Field(default_factory=list)
    answered: Steps = Field(default_factory=list)
    voicemail: Steps = Field(default_factory=list)
    recording: RecordingOutcome = "completed"
    carrier_down: bool = Field(False, alias="carrierDown")
    patience: Duration | None = None
    message_length: Duration | None = Field(None, alias="messageLength")
    processing_time: Duration | None = Field(None, alias="processingTime")


def read_scenario(name: str, body: ScenarioBody) -> Scenario:
    """The scenario that is written; raise :class:`InvalidRequest`, saying where, if it makes no sense."""
    if not _NAME.fullmatch(name) or name in _RESERVED:
        raise InvalidRequest(
            f"name: {name[:80]!r} can't be a scenario's: 1 to 64 of a-z, 0-9, _ and -, and not 'numbers' or 'default'",
            param="name",
        )

    def steps(given: list[StepBody]) -> tuple[Step, ...]:
        return tuple(Step(step.after, step.do) for step in given)

    scenario = Scenario(
        name=name,
        what=body.what,
        created=steps(body.created),
        answered=steps(body.answered),
        voicemail=steps(body.voicemail),
        recording=body.recording,
        carrier_down=body.carrier_down,
        patience=body.patience,
        message_length=body.message_length,
        processing_time=body.processing_time,
    )
    check_steps(scenario)
    return scenario


def show_scenario(scenario: Scenario) -> dict[str, object]:
    """The scenario as :class:`ScenarioBody` reads it, every field given."""

    def steps(listed: tuple[Step, ...]) -> list[dict[str, str]]:
        return [{"after": format_duration(step.after), "do": step.do} for step in listed]

    def duration(value: int | None) -> str | None:
        return None if value is None else format_duration(value)

    return {
        "what": scenario.what,
        "created": steps(scenario.created),
        "answered": steps(scenario.answered),
        "voicemail": steps(scenario.voicemail),
        "recording": scenario.recording,
        "carrierDown": scenario.carrier_down,
        "patience": duration(scenario.patience),
        "messageLength": duration(scenario.message_length),
        "processingTime": duration(scenario.processing_time),
    }


def check_numbers(numbers: dict[str, str], book: ScenarioBook) -> None:
    """Raise :class:`InvalidRequest` unless these are numbers and patterns, and lead to scenarios of ``book``."""
    for number, name in numbers.items():
        if not _PATTERN.fullmatch(number):
            raise InvalidRequest(
                f"{number[:80]!r} is neither a number such as +15551234567 nor a pattern such as +1555*",
                param=number[:80],
            )
        book.named(name, number)
