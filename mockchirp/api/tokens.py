"""WebRTC tokens (chirp-api.md section 8): real LiveKit access tokens.

Their times are the machine's, whatever the sandbox's clock says, since a LiveKit server judges them by its own.
"""

import warnings

from mockchirp.api.models import CreateToken
from mockchirp.api.operation import Request
from mockchirp.clock import machine_now
from mockchirp.core.instants import SECOND
from mockchirp.http import parse_model


def create_webrtc_token(request: Request) -> object:
    """POST /v1/calls/token."""
    import jwt  # most servers never sign a token

    body = parse_model(CreateToken, request.body)
    policy = request.sandbox.policy
    now = machine_now() // SECOND
    claims: dict[str, object] = {
        "iss": policy.livekit_api_key,
        "sub": body.participant_identity,
        "nbf": now,
        "exp": now + body.ttl,
        "video": {"room": body.room_name, "roomJoin": True},
    }
    if "participant_name" in body.model_fields_set:
        claims["name"] = body.participant_name
    with warnings.catch_warnings():
        # A development server's secret is short, and meant to be.
        warnings.simplefilter("ignore", UserWarning)
        token = jwt.encode(claims, policy.livekit_api_secret, algorithm="HS256")
    return {"token": token, "expiresAt": now + body.ttl}
