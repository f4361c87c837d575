"""Recordings as resources (chirp-api.md section 3); their files are served by ``downloads``."""

from mockchirp.api.operation import Request


def list_call_recordings(request: Request) -> object:
    """GET /v1/calls/{callId}/recordings."""
    sandbox = request.sandbox
    recordings = sandbox.recordings_of(request.path["callId"])
    data = [sandbox.show_recording(recording, request.origin) for recording in recordings]
    return {"data": data, "totalCount": len(data)}


def get_recording(request: Request) -> object:
    """GET /v1/calls/recordings/{recordingId}."""
    return request.sandbox.show_recording(request.sandbox.recording(request.path["recordingId"]), request.origin)


def delete_recording(request: Request) -> object:
    """DELETE /v1/calls/recordings/{recordingId}."""
    request.sandbox.delete_recording(request.path["recordingId"])
    return {"message": "Recording deleted"}
