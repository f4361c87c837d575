"""The sandbox itself (control-api.md, "State"): what it is, and how it is set up."""

from mockchirp.control.models import SetSandbox
from mockchirp.control.operation import Request
from mockchirp.core.calls import check_address
from mockchirp.core.configuration import public_configuration
from mockchirp.core.errors import Conflict
from mockchirp.state.calling import configure
from mockchirp.state.exporting import export
from mockchirp.state.planting import make
from mockchirp.state.restoring import read


async def get_sandbox(request: Request) -> object:
    """GET /_mockchirp/sandbox: what it is, and how it is set up."""
    live = request.live
    sandbox = live.sandbox
    return {
        "appId": sandbox.app_id,
        "keys": live.keys,
        "seed": live.seed,
        "strict": sandbox.policy.strict,
        "phoneNumbers": sandbox.phone_numbers,
        "calling": public_configuration(sandbox.configuration),
        "rateLimit": "enforce" if sandbox.enforce_rate_limit else "off",
        "defaultScenario": sandbox.scenarios.default,
    }


async def set_sandbox(request: Request) -> object:
    """PATCH /_mockchirp/sandbox: whatever is left out stays."""
    body: SetSandbox = request.body
    live = request.live
    sandbox = live.sandbox
    given = body.model_fields_set
    for position, number in enumerate(body.phone_numbers):
        check_address(number, "pstn", f"phoneNumbers[{position}]")
    scenario = None
    if "default_scenario" in given:
        scenario = sandbox.scenarios.named(body.default_scenario, "defaultScenario")
    if "seed" in given:
        await _start_over(request, body.seed)
        sandbox = live.sandbox
    if "phone_numbers" in given:
        sandbox.phone_numbers = tuple(dict.fromkeys(body.phone_numbers))
    if "rate_limit" in given:
        sandbox.enforce_rate_limit = body.rate_limit == "enforce"
    if "calling" in given:
        configure(sandbox.configuration, body.calling)
        sandbox.configuration.updated_at = sandbox.now
    if scenario is not None:
        sandbox.scenarios.default = scenario.name
    return await get_sandbox(request)


async def _start_over(request: Request, seed: int) -> None:
    """Have all identifiers to come be those of another seed, which is possible as long as there are no calls."""
    live = request.live
    if live.sandbox.events.last:
        raise Conflict("there were calls, with identifiers of the old seed: reset the sandbox first", param="seed")
    state = export(live.sandbox, live.clock, live.keys, seed)
    for part in ("identity", "counts"):
        del state[part]
    sandbox, clock = make(request.runtime, read(state), live.key, seed)
    sandbox.notifier.origin = live.sandbox.notifier.origin
    await live.replace(sandbox, clock, seed, "the sandbox was given another seed")
