"""Scenarios (control-api.md, "The far end"): read them, define them, lead numbers to them."""

import re

from mockchirp.control.models import DefaultScenario, NumberMap, ScenarioBody, StepBody
from mockchirp.control.operation import Request
from mockchirp.core.calls import check_steps
from mockchirp.core.errors import Conflict, InvalidRequest, NotFound
from mockchirp.core.instants import format_duration
from mockchirp.core.scenarios import SCENARIOS, Scenario, ScenarioBook, Step

MOST_SCENARIOS = 1_000
MOST_NUMBERS = 10_000
_NAME = re.compile(r"[a-z0-9_-]{1,64}")
_PATTERN = re.compile(r"\+?[0-9*]{1,32}")
_RESERVED = frozenset({"numbers", "default"})


async def list_scenarios(request: Request) -> object:
    """GET /_mockchirp/scenarios."""
    book = request.live.sandbox.scenarios
    data = [_show(scenario, book) for scenario in book]
    return {"data": data, "totalCount": len(data), "numbers": book.numbers, "default": book.default}


async def get_scenario(request: Request) -> object:
    """GET /_mockchirp/scenarios/{name}."""
    book = request.live.sandbox.scenarios
    scenario = book.get(request.path["name"])
    if scenario is None:
        raise NotFound(
            f"No such scenario: {request.path['name'][:80]!r}; known are {', '.join(each.name for each in book)}"
        )
    return _show(scenario, book)


async def put_scenario(request: Request) -> object:
    """PUT /_mockchirp/scenarios/{name}: define a scenario, or override a built-in one. Calls under way keep theirs."""
    book = request.live.sandbox.scenarios
    name = request.path["name"]
    if not _NAME.fullmatch(name) or name in _RESERVED:
        raise InvalidRequest(
            f"name: {name[:80]!r} can't be a scenario's: 1 to 64 of a-z, 0-9, _ and -, and not 'numbers' or 'default'",
            param="name",
        )
    if name not in book.defined and len(book.defined) >= MOST_SCENARIOS:
        raise Conflict(f"{MOST_SCENARIOS} scenarios are defined, which is the most; delete one first")
    scenario = _read(name, request.body)
    check_steps(scenario)
    book.defined[name] = scenario
    return _show(scenario, book)


async def delete_scenario(request: Request) -> object:
    """DELETE /_mockchirp/scenarios/{name}: a built-in scenario is itself again, another one is gone."""
    request.live.sandbox.scenarios.remove(request.path["name"])
    return {"message": "Scenario deleted"}


async def map_numbers(request: Request) -> object:
    """PUT /_mockchirp/scenarios/numbers: `{number or pattern: name}`, which replaces the mapping there was."""
    body: NumberMap = request.body
    book = request.live.sandbox.scenarios
    mapping = body.root
    if len(mapping) > MOST_NUMBERS:
        raise InvalidRequest(f"at most {MOST_NUMBERS} numbers and patterns are taken")
    for number, name in mapping.items():
        if not _PATTERN.fullmatch(number):
            raise InvalidRequest(
                f"{number[:80]!r} is neither a number such as +15551234567 nor a pattern such as +1555*",
                param=number[:80],
            )
        book.named(name, number)
    book.numbers = dict(mapping)
    return {"numbers": book.numbers}


async def set_default_scenario(request: Request) -> object:
    """PUT /_mockchirp/scenarios/default: what a number leads to that nothing else is said of."""
    body: DefaultScenario = request.body
    book = request.live.sandbox.scenarios
    book.default = book.named(body.scenario, "scenario").name
    return {"default": book.default}


def _read(name: str, body: ScenarioBody) -> Scenario:
    def steps(given: list[StepBody]) -> tuple[Step, ...]:
        return tuple(Step(step.after, step.do) for step in given)

    return Scenario(
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


def _show(scenario: Scenario, book: ScenarioBook) -> dict[str, object]:
    def steps(listed: tuple[Step, ...]) -> list[dict[str, str]]:
        return [{"after": format_duration(step.after), "do": step.do} for step in listed]

    def duration(value: int | None) -> str | None:
        return None if value is None else format_duration(value)

    return {
        "name": scenario.name,
        "what": scenario.what,
        "builtIn": scenario.name in SCENARIOS and scenario.name not in book.defined,
        "created": steps(scenario.created),
        "answered": steps(scenario.answered),
        "voicemail": steps(scenario.voicemail),
        "recording": scenario.recording,
        "carrierDown": scenario.carrier_down,
        "patience": duration(scenario.patience),
        "messageLength": duration(scenario.message_length),
        "processingTime": duration(scenario.processing_time),
    }
