"""The table of Chirp's routes: exactly the operations of the contract, which a test holds against it."""

from collections import defaultdict

from starlette.routing import Route
from starlette.types import ASGIApp

from mockchirp.api import calls, organization, recordings, tokens, voicemails, webhooks
from mockchirp.api.downloads import OPERATION_IDS, Audio, DownloadApp
from mockchirp.api.operation import Operation, OperationApp
from mockchirp.http import Methods
from mockchirp.runtime import Runtime

_WEBHOOK = "/v1/webhooks/{webhookId}"
_VOICEMAIL = "/v1/calls/voicemails/{voicemailId}"
_CALLING = "/v1/organization/apps/{appId}/calling"


# In the order in which paths are tried: literal segments before parameters.
OPERATIONS = (
    Operation("createCall", "POST", "/v1/calls", calls.create_call, status=201, body="required"),
    Operation("listVoicemails", "GET", "/v1/calls/voicemails", voicemails.list_voicemails),
    Operation("createWebrtcToken", "POST", "/v1/calls/token", tokens.create_webrtc_token, body="required"),
    Operation("getCall", "GET", "/v1/calls/{callId}", calls.get_call),
    Operation("endCall", "DELETE", "/v1/calls/{callId}", calls.end_call),
    Operation("getRecording", "GET", "/v1/calls/recordings/{recordingId}", recordings.get_recording),
    Operation("deleteRecording", "DELETE", "/v1/calls/recordings/{recordingId}", recordings.delete_recording),
    Operation("getVoicemail", "GET", _VOICEMAIL, voicemails.get_voicemail),
    Operation("updateVoicemail", "PATCH", _VOICEMAIL, voicemails.update_voicemail, body="optional"),
    Operation("deleteVoicemail", "DELETE", _VOICEMAIL, voicemails.delete_voicemail),
    Operation("sendCallCommand", "POST", "/v1/calls/{callId}/commands", calls.send_call_command, body="required"),
    Operation("listCallRecordings", "GET", "/v1/calls/{callId}/recordings", recordings.list_call_recordings),
    Operation(
        "createWebhook", "POST", "/v1/webhooks", webhooks.create_webhook, 201, body="required", bucket="webhooks"
    ),
    Operation("listWebhooks", "GET", "/v1/webhooks", webhooks.list_webhooks, bucket="webhooks"),
    Operation("getWebhook", "GET", _WEBHOOK, webhooks.get_webhook, bucket="webhooks"),
    Operation("updateWebhook", "PUT", _WEBHOOK, webhooks.update_webhook, body="required", bucket="webhooks"),
    Operation("deleteWebhook", "DELETE", _WEBHOOK, webhooks.delete_webhook, bucket="webhooks"),
    Operation(
        "getCallingConfiguration",
        "GET",
        _CALLING,
        organization.get_calling_configuration,
        bucket="applications",
        admin=True,
        documented=False,
    ),
    Operation(
        "updateCallingConfiguration",
        "PUT",
        _CALLING,
        organization.update_calling_configuration,
        bucket="applications",
        body="required",
        admin=True,
    ),
)
DOWNLOADS = (
    ("GET", "/recordings/{fileName}", OPERATION_IDS["GET"], True),
    ("HEAD", "/recordings/{fileName}", OPERATION_IDS["HEAD"], False),
)
"""Method, path, operationId, and whether it is documented."""
_OF_A_CALL = ("{callId}", "{recordingId}", "{voicemailId}", "{fileName}")


def operations(*, strict: bool) -> dict[str, bool]:
    """Every operationId that is served, with whether its path says which call it is about."""
    rows = [(operation.id, operation.path, operation.documented) for operation in OPERATIONS]
    rows += [(id, path, documented) for _, path, id, documented in DOWNLOADS]
    return {id: any(part in path for part in _OF_A_CALL) for id, path, documented in rows if documented or not strict}


def routes(runtime: Runtime, audio: Audio) -> list[Route]:
    """Starlette's routes for the table, one a path; under `--strict` without what is assumed."""
    strict = runtime.defaults.policy.strict
    by_path: dict[str, dict[str, ASGIApp]] = defaultdict(dict)
    for operation in OPERATIONS:
        if operation.documented or not strict:
            by_path[operation.path][operation.method] = OperationApp(operation, runtime)
    download = DownloadApp(runtime, audio)
    for method, path, _, documented in DOWNLOADS:
        if documented or not strict:
            by_path[path][method] = download
    names: dict[str, dict[str, str]] = defaultdict(dict)
    for name, method, path in [
        *((row.id, row.method, row.path) for row in OPERATIONS),
        *((row[2], *row[:2]) for row in DOWNLOADS),
    ]:
        if method in by_path[path]:
            names[path][method] = name
    return [Route(path, Methods(apps, names[path])) for path, apps in by_path.items()]
