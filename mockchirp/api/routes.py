"""The table of Chirp's routes: exactly the operations of the contract, which a test holds against it."""

from collections import defaultdict

from starlette.routing import BaseRoute, Route

from mockchirp.api import calls, recordings
from mockchirp.api.downloads import DownloadApp, FileOf
from mockchirp.api.operation import Operation, OperationApp
from mockchirp.http import Methods
from mockchirp.runtime import Runtime

# In the order in which paths are tried: literal segments before parameters.
OPERATIONS = (
    Operation("createCall", "POST", "/v1/calls", calls.create_call, status=201, has_body=True),
    Operation("getCall", "GET", "/v1/calls/{callId}", calls.get_call),
    Operation("endCall", "DELETE", "/v1/calls/{callId}", calls.end_call),
    Operation("getRecording", "GET", "/v1/calls/recordings/{recordingId}", recordings.get_recording),
    Operation("deleteRecording", "DELETE", "/v1/calls/recordings/{recordingId}", recordings.delete_recording),
    Operation("sendCallCommand", "POST", "/v1/calls/{callId}/commands", calls.send_call_command, has_body=True),
    Operation("listCallRecordings", "GET", "/v1/calls/{callId}/recordings", recordings.list_call_recordings),
)
DOWNLOADS = (
    ("GET", "/recordings/{fileName}", "downloadRecording"),
    ("HEAD", "/recordings/{fileName}", "headRecording"),
)


def routes(runtime: Runtime, file_of: FileOf) -> list[BaseRoute]:
    """Starlette's routes for the table, one a path."""
    by_path: dict[str, dict[str, OperationApp]] = defaultdict(dict)
    for operation in OPERATIONS:
        by_path[operation.path][operation.method] = OperationApp(operation, runtime)
    download = DownloadApp(runtime, file_of)
    return [
        *(Route(path, Methods(apps)) for path, apps in by_path.items()),
        Route(DOWNLOADS[0][1], Methods({method: download for method, _, _ in DOWNLOADS})),
    ]
