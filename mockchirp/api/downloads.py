"""The files of recordings, behind signed links (chirp-api.md section 3, "Download").

No key is asked for: the link is the credential. Each way in which it fails has its own message: no signature, a
tampered one, a deleted recording, an expired link.
"""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs

import anyio.to_thread
from starlette.responses import FileResponse
from starlette.types import Message, Receive, Scope, Send

from mockchirp.api.injection import fault_for, is_silent, strike, truncated
from mockchirp.api.journal import enter, entering
from mockchirp.api.operation import CORS_HEADERS
from mockchirp.clock import real_seconds
from mockchirp.core.errors import ChirpError, Forbidden, NotFound, RangeNotSatisfiable
from mockchirp.core.faults import Fault
from mockchirp.core.instants import format_second
from mockchirp.core.rate_limits import untouched
from mockchirp.core.recordings import CONTENT_TYPES, Recording, RecordingFormat
from mockchirp.core.signing import Seal, is_genuine, read_seal
from mockchirp.http import ConnectionCut, Disconnected, internal_error, send_error
from mockchirp.live import LiveSandbox
from mockchirp.runtime import Runtime

OPERATION_IDS = {"GET": "downloadRecording", "HEAD": "headRecording"}
_RENEW = "get the recording again for a fresh link"

FileOf = Callable[[RecordingFormat, int], Path]
"""The audio file of a format and a number of seconds."""


class DownloadApp:
    """Serves `GET` and `HEAD /recordings/{fileName}?signed=...`, ranges included."""

    def __init__(self, runtime: Runtime, file_of: FileOf) -> None:
        self._runtime = runtime
        self._file_of = file_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        live: LiveSandbox | None = None
        fault: Fault | None = None
        started = real_seconds()
        operation_id = OPERATION_IDS[scope["method"]]
        try:
            live, seal = self._admit(scope)
            scope["sandbox"] = live.sandbox.app_id
            live.catch_up()
            sandbox = live.sandbox
            if sandbox.faults.requests:
                fault = fault_for(sandbox, operation_id, scope["path_params"])
            if fault is not None and fault.abort == "truncate":
                send = truncated(send)
            if sandbox.journal.kept:
                if fault is not None and is_silent(fault):
                    enter(live, scope, started, operation_id, fault, b"", None, [], b"")
                send = entering(send, live, scope, started, operation_id, fault)
            if fault is not None:
                await strike(live, fault, receive, untouched(sandbox.now))
                live.catch_up()
            recording = self._open(scope, live, seal)
            assert recording.duration is not None, "a completed recording has ended"
            path = await anyio.to_thread.run_sync(self._file_of, recording.format, recording.duration)
        except (ConnectionCut, Disconnected) as exception:
            if isinstance(exception, ConnectionCut):
                raise
        except Exception as exception:
            error = exception if isinstance(exception, ChirpError) else internal_error(scope)
            await send_error(send, error, CORS_HEADERS)
        else:
            headers = {"access-control-allow-origin": "*", "etag": f'"{recording.id}"'}
            response = FileResponse(path, media_type=CONTENT_TYPES[recording.format], headers=headers)
            await _serve(response, scope, receive, send)
        finally:
            if live is not None:
                live.release(live.sandbox.take_outbox())

    def _admit(self, scope: Scope) -> tuple[LiveSandbox, Seal]:
        """The sandbox that the link belongs to; raise :class:`Forbidden` if it is not genuine."""
        file_name: str = scope["path_params"]["fileName"]
        signed = parse_qs(scope["query_string"].decode("latin-1")).get("signed", [""])[0]
        if not signed:
            raise Forbidden(f"the link to {file_name[:80]} has no signature (signed=...): {_RENEW}", param="signed")
        seal = read_seal(signed)
        live = None if seal is None else self._runtime.sandbox_of_app(seal.app_id)
        if (
            seal is None
            or live is None
            or not is_genuine(live.sandbox.recorder.secret, f"/recordings/{file_name}", seal)
        ):
            raise Forbidden(f"the signature of the link to {file_name[:80]} is not genuine: {_RENEW}", param="signed")
        return live, seal

    def _open(self, scope: Scope, live: LiveSandbox, seal: Seal) -> Recording:
        """The recording that the link opens; raise :class:`Forbidden` or :class:`NotFound` if it opens none."""
        file_name: str = scope["path_params"]["fileName"]
        recording = live.sandbox.recorder.recordings.get(file_name.rpartition(".")[0])
        if recording is None:
            raise NotFound(f"the recording behind {file_name[:80]} was deleted, and its file with it")
        if live.sandbox.now >= seal.expires_at:
            expired = format_second(seal.expires_at)
            raise Forbidden(f"the link to {file_name[:80]} expired at {expired}: {_RENEW}", param="signed")
        if recording.status != "completed" or file_name != f"{recording.id}.{recording.format}":
            # The link is from before a reset or an import, since when the same identifier was given once more.
            raise NotFound(f"there is no {file_name[:80]}: the {recording.format} recording is {recording.status}")
        return recording


async def _serve(response: FileResponse, scope: Scope, receive: Receive, send: Send) -> None:
    """Send the file; ranges that can't be satisfied are answered in the envelope, ranges that make no sense are ignored
    (RFC 9110, 14.2).
    """
    refused: list[Message] = []

    async def watch(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] >= 400:
            refused.append(message)
        if not refused:
            await send(message)

    await response(scope, receive, watch)
    if not refused:
        return
    if refused[0]["status"] == 416:
        content_range = [(name, value) for name, value in refused[0]["headers"] if name == b"content-range"]
        error = RangeNotSatisfiable("the range lies outside the file; Content-Range tells its size")
        await send_error(send, error, [*content_range, *CORS_HEADERS])
    else:
        whole = {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != b"range"]}
        await response(whole, receive, send)
