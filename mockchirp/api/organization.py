"""What an organization's administrator decides: the calling configuration of an app (chirp-api.md section 7)."""

from mockchirp.api.models import UpdateConfiguration
from mockchirp.api.operation import Request
from mockchirp.core.configuration import public_configuration
from mockchirp.http import parse_model


def get_calling_configuration(request: Request) -> object:
    """GET /v1/organization/apps/{appId}/calling."""
    return public_configuration(request.sandbox.configuration)


def update_calling_configuration(request: Request) -> object:
    """PUT /v1/organization/apps/{appId}/calling: what is left out stays."""
    sandbox = request.sandbox
    changes = parse_model(UpdateConfiguration, request.body).model_dump(exclude_unset=True)
    for name, value in changes.items():
        setattr(sandbox.configuration, name, value)
    sandbox.configuration.updated_at = sandbox.now
    return public_configuration(sandbox.configuration)
