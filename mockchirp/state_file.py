"""The state of a whole server in a file: read at the start, written at the stop and every few seconds when something has
changed.

The file is written beside itself and then put in place in one step, so that it is whole at any moment, whatever happens. It
has the form of a seed file with several sandboxes.
"""

import asyncio
import contextlib
import logging
import os
import threading
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import anyio.to_thread
import orjson

from mockchirp.clock import machine_now, real_seconds
from mockchirp.live import LiveSandbox
from mockchirp.pacing import collector_paused, gather_gently
from mockchirp.runtime import Runtime
from mockchirp.state.document import VERSION, check_version
from mockchirp.state.errors import BadState, within
from mockchirp.state.exporting import capture, write
from mockchirp.state.planting import plant
from mockchirp.state.restoring import read

PAUSE = 2.0
"""Real seconds from a change to its being saved, and from one save to the next."""
PAUSE_AFTER_FAILURE = 30.0
"""The same after a save that failed: a full disk must not fill the log as well."""

_log = logging.getLogger("mockchirp")


class BadStateFile(ValueError):
    """The file can't be used; the message is one line."""


class StateFile:
    """Keeps the sandboxes of ``runtime`` in the file at ``path``. ``pause`` (real s) comes before each save but the last."""

    def __init__(self, path: Path, runtime: Runtime, pause: float = PAUSE) -> None:
        self.saving = threading.Lock()
        """Held while the file is written, which nobody should cut short."""
        self._path = Path(os.path.realpath(path))  # what replaces a link would not be one
        self._runtime = runtime
        self._saved: dict[LiveSandbox, tuple[int, ...]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_in: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._least_pause = self._pause = pause
        self._closed = False

    def load(self) -> None:
        """Take up what the file holds, if there is one, and keep it from now on; raise :class:`BadStateFile` if it can't be
        read, or could not be written.
        """
        self._runtime.when_used = self._note
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            self._check_writable()
        except OSError as error:
            raise BadStateFile(f"can't be read: {_reason(error)}") from None
        else:
            self._check_writable()
            with collector_paused():
                self._take_up(content)
        self._saved = {live: live.trace for live in self._runtime}

    def save(self) -> None:
        """Write the file now if something has changed, and no more after that: the server stops."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
        if self._closed or not self._has_changed():
            self._closed = True
            return
        self._closed = True
        try:
            self._write(_pieces(self._runtime))
        except OSError as error:
            _log.error("the state was not saved: %s: %s", self._path.name, _reason(error))

    def _take_up(self, content: bytes) -> None:
        try:
            value: Any = orjson.loads(content)
            if not isinstance(value, dict) or not isinstance(value.get("sandboxes"), list):
                raise BadState((), "is not a file that mockchirp has saved: sandboxes is missing")
            check_version(value.get("version"))
            for position, each in enumerate(value["sandboxes"]):
                with within("sandboxes", position):
                    plant(self._runtime, read(each))
        except orjson.JSONDecodeError as error:
            what = f"is not valid JSON: {error}" if content else "is empty; remove it to begin anew"
            raise BadStateFile(what) from None
        except BadState as error:
            raise BadStateFile(str(error)) from None

    def _check_writable(self) -> None:
        if os.path.ismount(self._path):
            raise BadStateFile("is a mount of its own, which can't be replaced: mount its directory instead")
        draft = self._draft
        try:
            os.close(os.open(draft, os.O_WRONLY | os.O_CREAT, 0o600))
            draft.unlink()
        except OSError as error:
            raise BadStateFile(f"can't be written: {_reason(error)}") from None

    @property
    def _draft(self) -> Path:
        return self._path.with_name(f".{self._path.name}.saving")

    def _note(self, live: LiveSandbox) -> None:
        """A sandbox has been used: see to it that the file is written soon, if that has changed it."""
        loop = asyncio.get_running_loop()
        if self._closed or (self._timer is not None and self._timer_in is loop):
            return
        self._timer_in = loop
        self._timer = loop.call_later(self._pause, self._begin)

    def _begin(self) -> None:
        self._timer = None
        if self._closed or (self._task is not None and not self._task.done()) or not self._has_changed():
            return
        self._task = asyncio.get_running_loop().create_task(self._save_gently())

    async def _save_gently(self) -> None:
        started = real_seconds()
        pause = self._least_pause
        before = {live: live.trace for live in self._runtime}
        try:
            pieces = await gather_gently(_pieces(self._runtime))
            await anyio.to_thread.run_sync(self._write, pieces)
        except OSError as error:
            _log.error("the state was not saved: %s: %s", self._path.name, _reason(error))
            pause = PAUSE_AFTER_FAILURE
        else:
            self._saved = before
        self._pause = max(pause, 2 * (real_seconds() - started))
        if self._has_changed():  # meanwhile, or still
            for live in self._runtime:
                self._note(live)
                break

    def _has_changed(self) -> bool:
        return {live: live.trace for live in self._runtime} != self._saved

    def _write(self, pieces: Iterable[bytes]) -> None:
        with self.saving:
            mode = self._path.stat().st_mode & 0o777 if self._path.exists() else 0o600
            try:
                with open(self._draft, "wb", buffering=1 << 20, opener=partial(os.open, mode=mode)) as file:
                    file.writelines(pieces)
                    file.flush()
                    os.fsync(file.fileno())
                self._draft.replace(self._path)
            except OSError:
                with contextlib.suppress(OSError):
                    self._draft.unlink()
                raise
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)  # the name, too, is on disk then
            finally:
                os.close(folder)


def _pieces(runtime: Runtime) -> Iterator[bytes]:
    """The whole file. Each sandbox is as it is when its turn comes."""
    yield b'{"version":%d,"sandboxes":[' % VERSION
    separator = b""
    for live in list(runtime):
        if live.closed:
            continue  # it was removed meanwhile
        live.catch_up()
        yield separator
        with collector_paused():
            snapshot = capture(live.sandbox, live.clock, live.keys, live.seed, as_of=machine_now())
        yield from write(snapshot)
        separator = b",\n"
    yield b"]}\n"


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
