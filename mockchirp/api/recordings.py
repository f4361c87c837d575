"""Recordings as resources (chirp-api.md section 3); their files are served by ``downloads``."""

from mockchirp.api.operation import Request


def list_call_recordings(request: Request) -> object:
    """GET /v1/calls/{callId}/recordings."""
    recordings = request.sandbox.recordings_of(request.path["callId"])
    data = [request.sandbox.recorder.show(recording, request.origin) for recording in recordings]
    return {"data": data, "totalCount": len(data)}


def get_recording(request: Request) -> object:
    """GET /v1/calls/recordings/{recordingId}."""
    recorder = request.sandbox.recorder
    return recorder.show(recorder.get(request.path["recordingId"]), request.origin)


def delete_recording(request: Request) -> object:
    """DELETE /v1/calls/recordings/{recordingId}."""
    request.sandbox.delete_recording(request.path["recordingId"])
    return {"message": "Recording deleted"}
