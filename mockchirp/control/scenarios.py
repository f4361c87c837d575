"""Scenarios (control-api.md, "The far end"): read them, define them, lead numbers to them."""

from mockchirp.control.models import DefaultScenario, NumberMap
from mockchirp.control.operation import Request
from mockchirp.core.errors import Conflict, NotFound
from mockchirp.core.scenarios import SCENARIOS, Scenario, ScenarioBook
from mockchirp.core.suggestions import choices
from mockchirp.state.scenarios import MOST_SCENARIOS, check_numbers, read_scenario, show_scenario


async def list_scenarios(request: Request) -> object:
    """GET /_mockchirp/scenarios."""
    book = request.live.sandbox.scenarios
    data = [_show(scenario, book) for scenario in book]
    return {"data": data, "totalCount": len(data), "numbers": book.numbers, "default": book.default}


async def get_scenario(request: Request) -> object:
    """GET /_mockchirp/scenarios/{name}."""
    book = request.live.sandbox.scenarios
    name = request.path["name"]
    scenario = book.get(name)
    if scenario is None:
        raise NotFound(f"No such scenario: {name[:80]!r}{choices(name, [each.name for each in book])}")
    return _show(scenario, book)


async def put_scenario(request: Request) -> object:
    """PUT /_mockchirp/scenarios/{name}: define a scenario, or override a built-in one. Calls under way keep theirs."""
    book = request.live.sandbox.scenarios
    name = request.path["name"]
    scenario = read_scenario(name, request.body)
    if name not in book.defined and len(book.defined) >= MOST_SCENARIOS:
        raise Conflict(f"{MOST_SCENARIOS} scenarios are defined, which is the most; delete one first")
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
    check_numbers(body.root, book)
    book.numbers = dict(body.root)
    return {"numbers": book.numbers}


async def set_default_scenario(request: Request) -> object:
    """PUT /_mockchirp/scenarios/default: what a number leads to that nothing else is said of."""
    body: DefaultScenario = request.body
    book = request.live.sandbox.scenarios
    book.default = book.named(body.scenario, "scenario").name
    return {"default": book.default}


def _show(scenario: Scenario, book: ScenarioBook) -> dict[str, object]:
    built_in = scenario.name in SCENARIOS and scenario.name not in book.defined
    return {"name": scenario.name, "builtIn": built_in, **show_scenario(scenario)}
