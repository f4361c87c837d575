"""The sandbox itself (control-api.md, "State"): what it is, and how it is set up."""

from mockchirp.control.models import SetSandbox
from mockchirp.control.operation import Request
from mockchirp.core.calls import check_address
from mockchirp.core.configuration import public_configuration


async def get_sandbox(request: Request) -> object:
    """GET /_mockchirp/sandbox."""
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
    }


async def set_sandbox(request: Request) -> object:
    """PATCH /_mockchirp/sandbox: whatever is left out stays."""
    body: SetSandbox = request.body
    sandbox = request.live.sandbox
    given = body.model_fields_set
    if "phone_numbers" in given:
        for position, number in enumerate(body.phone_numbers):
            check_address(number, "pstn", f"phoneNumbers.{position}")
        sandbox.phone_numbers = tuple(dict.fromkeys(body.phone_numbers))
    if "rate_limit" in given:
        sandbox.enforce_rate_limit = body.rate_limit == "enforce"
    return await get_sandbox(request)
