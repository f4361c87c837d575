"""The files of recordings, behind signed links (chirp-api.md section 3, "Download").

No key is asked for: the link is the credential. Each way in which it fails has its own message: no signature, a
tampered one, a deleted recording, an expired link. Only a file that is sent has to be there; its size and its tag are known
without it.
"""

from functools import cached_property
from typing import BinaryIO, Protocol
from urllib.parse import parse_qs

import anyio
import anyio.to_thread
from starlette.types import ASGIApp, Receive, Scope, Send

from mockchirp.api.injection import fault_for, is_silent, strike, truncated
from mockchirp.api.journal import enter, entering
from mockchirp.api.preconditions import Validators
from mockchirp.api.representation import Representation
from mockchirp.clock import real_seconds
from mockchirp.core.errors import ChirpError, Forbidden, NotFound, Unavailable
from mockchirp.core.faults import Fault
from mockchirp.core.instants import SECOND, format_second
from mockchirp.core.rate_limits import untouched
from mockchirp.core.recordings import CONTENT_TYPES, Recording, RecordingFormat
from mockchirp.core.signing import Seal, is_genuine, read_seal
from mockchirp.http import ConnectionCut, Disconnected, Headers, follow_caller, internal_error, send_error
from mockchirp.live import LiveSandbox
from mockchirp.runtime import Runtime

OPERATION_IDS = {"GET": "downloadRecording", "HEAD": "headRecording"}
_RENEW = "get the recording again for a fresh link"

_MOST_OPENING = 32
"""Downloads whose files are looked for, and perhaps made, at once; more wait for their turn."""
NO_STORE = (b"cache-control", b"no-store")
"""In every answer about a file: a browser would go on opening a link that is dead from its cache."""
_HEADERS: Headers = [NO_STORE]


class Audio(Protocol):
    """Where the files come from. Its methods may take their time, and are called in threads."""

    def open(self, format: RecordingFormat, seconds: int) -> BinaryIO:
        """The file of a format and length; raise ``OSError``, whose ``strerror`` holds no path, if it can't be made."""

    def tag(self, format: RecordingFormat, seconds: int) -> str:
        """What names the content of that file, in ASCII letters and digits."""


class DownloadApp:
    """Serves `GET` and `HEAD /recordings/{fileName}?signed=...`, ranges and preconditions included."""

    def __init__(self, runtime: Runtime, audio: Audio) -> None:
        self._runtime = runtime
        self._audio = audio

    @cached_property
    def _opening(self) -> anyio.CapacityLimiter:
        """Threads of their own: those that read files must not wait until others are made."""
        return anyio.CapacityLimiter(_MOST_OPENING)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        live: LiveSandbox | None = None
        fault: Fault | None = None
        started = real_seconds()
        operation_id: str = scope["endpoint"].names[scope["method"]]
        try:
            live, seal = self._admit(scope)
            live.life.begun += 1
            follow_caller(scope, live.sandbox.notifier, self._runtime.defaults.public_url)
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
            answer = await self._answer(scope, self._open(scope, live, seal), live.sandbox.now)
        except (ConnectionCut, Disconnected) as exception:
            if isinstance(exception, ConnectionCut):
                raise
        except Exception as error:  # a frame that kept it would keep itself, and the body
            if not isinstance(error, ChirpError):
                error = internal_error(scope)
            await send_error(send, error, _HEADERS)
        else:
            await answer(scope, receive, send)
        finally:
            if live is not None:
                live.life.ended += 1
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

    async def _answer(self, scope: Scope, recording: Recording, now: int) -> ASGIApp:
        """The answer with a recording's file; raise :class:`Unavailable` if that can't be made, and what the request's conditions and
        ranges come to.
        """
        format, duration, size = recording.format, recording.duration, recording.file_size
        assert duration is not None, "a completed recording has ended"
        assert recording.ended_at is not None, "a completed recording has ended"
        assert size is not None, "a completed recording has a file"
        tag = await anyio.to_thread.run_sync(self._audio.tag, format, duration)
        validators = Validators(f'"{tag}"', recording.ended_at // SECOND)
        file = Representation(f"{recording.id}.{format}", CONTENT_TYPES[format], size, validators)
        answer = file.answer(scope, _HEADERS, this_year=int(format_second(now)[:4]))
        if answer.needs_file:
            try:
                answer.file = await anyio.to_thread.run_sync(
                    self._audio.open, format, duration, abandon_on_cancel=True, limiter=self._opening
                )
            except OSError as error:
                raise Unavailable(
                    f"the audio of {file.name} can't be made: {error.strerror}; it takes {size} bytes in the server's directory for "
                    "temporary files, which TMPDIR names"
                ) from error
        return answer
