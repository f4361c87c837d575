"""The state of a whole server in a file: read at the start, written at the stop and every few seconds when something has
changed.

The file is written beside itself and then put in place in one step, so that it is whole at any moment, whatever happens. It
has the form of a seed file with several sandboxes.
"""

import asyncio
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import anyio.to_thread
import orjson

from mockchirp.clock import machine_now, real_seconds
from mockchirp.core.ids import app_id
from mockchirp.core.keys import APP_KEY, hide_keys
from mockchirp.core.sandbox import DEFAULT_KEY
from mockchirp.file_lock import FileLock, Taken
from mockchirp.live import LiveSandbox
from mockchirp.pacing import collector_paused, in_batches
from mockchirp.plain_files import Draft, check_plain, open_plain, reason_of, sweep_drafts, write_aside
from mockchirp.runtime import Runtime
from mockchirp.state.collection import BETWEEN, HEAD, TAIL, Saved, collect, read_collection
from mockchirp.state.errors import BadState, within
from mockchirp.state.exporting import capture, write
from mockchirp.state.planting import plant
from mockchirp.state.restoring import read

PAUSE = 2.0
"""Real seconds from a change to its being saved, and from one save to the next."""
PAUSE_AFTER_FAILURE = 30.0
"""The same after a save that failed: a full disk must not fill the log as well."""
MOST_WARNINGS = 20
"""Lines about sandboxes that are set aside; the file holds what they leave out."""

Traces = dict[LiveSandbox, tuple[int, ...]]
"""What sandboxes were like, each by numbers that differ when it has changed."""

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
        self._lock: FileLock | None = None
        self._saved: Traces = {}
        self._used: set[LiveSandbox] = set()
        """Since the last save began."""
        self._is_outdated = False
        """Whether the file holds what no sandbox is made of."""
        self._timer: asyncio.TimerHandle | None = None
        self._timer_in: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._least_pause = self._pause = pause
        self._closed = False

    def load(self) -> None:
        """Take up what the file holds, if there is one, and keep it from now on. A sandbox that can't be taken up is set aside,
        in a file of its own, and a warning says so.

        Raise :class:`BadStateFile` if it is no such file, could not be written, or is another server's.
        """
        self._runtime.when_used = self._note
        try:
            with suppress(FileNotFoundError):
                check_plain(self._path)
            self._claim()
            with suppress(FileNotFoundError), open(open_plain(self._path), "rb") as file, collector_paused():
                self._take_up(read_collection(file))
        except OSError as error:
            self.release()
            raise BadStateFile(f"can't be read: {reason_of(error)}") from None
        except BaseException:
            self._sweep()  # a signal may have come between the making of a draft and its end
            self.release()
            raise
        self._saved = {live: live.trace for live in self._runtime}

    def release(self) -> None:
        """Let another server have the file."""
        if self._lock is not None:
            self._lock.release()

    def save(self) -> None:
        """Write the file now if something has changed, and no more after that: the server stops."""
        if self._closed:
            return
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
        try:
            with self.saving:
                self._save_at_once()
        except Exception as error:
            self._complain(error)
        finally:
            self.release()

    def _claim(self) -> None:
        """Lock the file, and see that it can be replaced."""
        if os.path.ismount(self._path):
            raise BadStateFile("is a mount of its own, which can't be replaced: mount its directory instead")
        try:
            self._lock = FileLock(self._path)
            Draft(self._path).discard()
            self._sweep()
        except Taken as holder:
            raise BadStateFile(f"is in use by {holder}; every server needs a file of its own") from None
        except OSError as error:
            raise BadStateFile(f"can't be written: {reason_of(error)}") from None
        if self._lock.unsupported is not None:
            why = self._lock.unsupported.lower()
            _log.warning("%s can't be locked: %s; see that no other server uses it", self._path, why)

    def _sweep(self) -> None:
        if self._lock is not None and self._lock.unsupported is None:
            sweep_drafts(self._path)

    def _take_up(self, collection: Iterator[Saved]) -> None:
        bad: list[tuple[Saved, BadState]] = []
        try:
            for position, saved in enumerate(collection):
                try:
                    with within("sandboxes", position):
                        self._plant(saved)
                except BadState as error:
                    bad.append((saved, error))
            if bad:
                self._set_aside(bad)
        except orjson.JSONDecodeError as error:
            raise BadStateFile(f"is not valid JSON: {error}") from None
        except MemoryError:
            raise BadStateFile("is too large for the memory that there is") from None
        except BadState as error:
            raise BadStateFile(str(error)) from None

    def _plant(self, saved: Saved) -> None:
        try:
            plant(self._runtime, read(saved.value))
        except BadState:
            raise
        except Exception as error:  # it may be nobody's fault but ours, and the others are to serve all the same
            _log.debug("a sandbox could not be taken up", exc_info=True)
            raise BadState((), f"it could not be taken up: {type(error).__name__}: {error}") from None

    def _set_aside(self, bad: list[tuple[Saved, BadState]]) -> None:
        try:
            aside = write_aside(self._path, collect([saved.text() for saved, _ in bad]))
        except OSError as error:
            raise BadStateFile(f"{bad[0][1]}; and it can't be set aside: {reason_of(error)}") from None
        self._is_outdated = True
        for saved, fault in bad[:MOST_WARNINGS]:
            which, reason = _named(saved.value), hide_keys(str(fault))
            _log.warning("%s of %s is set aside in %s, and the rest serves: %s", which, self._path, aside, reason)
        if bad[MOST_WARNINGS:]:
            _log.warning("so are %d more sandboxes of %s", len(bad) - MOST_WARNINGS, self._path)

    def _note(self, live: LiveSandbox) -> None:
        """A sandbox has been used: see to it that the file is written soon, if that has changed it."""
        self._used.add(live)
        self._begin_later()

    def _begin_later(self) -> None:
        loop = asyncio.get_running_loop()
        if self._closed or (self._timer is not None and self._timer_in is loop):
            return
        self._timer_in = loop
        self._timer = loop.call_later(self._pause, self._begin)

    def _begin(self) -> None:
        self._timer = None
        if not self._closed and (self._task is None or self._task.done()) and self._has_changed():
            self._task = asyncio.get_running_loop().create_task(self._save_gently())

    async def _save_gently(self) -> None:
        """Write the file while others work: no more of it than a batch is in memory at a time."""
        started = real_seconds()
        pause = self._least_pause
        used, self._used = self._used, set()
        traces: Traces = {}
        draft: Draft | None = None
        try:
            draft = Draft(self._path)
            async for batch in in_batches(_pieces(self._runtime, traces)):
                await anyio.to_thread.run_sync(draft.write, [batch])
            await anyio.to_thread.run_sync(self._put_in_place, draft)
        except Exception as error:
            self._complain(error)
            self._used |= {live for live in used if not live.closed}
            self._is_outdated = True
            pause = PAUSE_AFTER_FAILURE
        else:
            self._saved = traces
            self._is_outdated = False
        finally:
            if draft is not None:
                draft.discard()
        self._pause = max(pause, 2 * (real_seconds() - started))
        if self._has_changed():  # meanwhile, or still
            self._begin_later()

    def _complain(self, error: Exception) -> None:
        if isinstance(error, OSError):
            _log.error("the state was not saved: %s: %s", self._path.name, reason_of(error))
        else:  # our own fault, which must not end the server, or keep it from stopping
            _log.error("the state was not saved: %s", self._path.name, exc_info=error)

    def _put_in_place(self, draft: Draft) -> None:
        with self.saving:
            if not self._closed:  # or the last save would be undone
                draft.put_in_place()

    def _has_changed(self) -> bool:
        """Whether the file is outdated, or one of those that were used since the last save is not as it was."""
        return self._is_outdated or any(
            (None if live.closed else live.trace) != self._saved.get(live) for live in self._used
        )

    def _save_at_once(self) -> None:
        traces: Traces = {live: live.trace for live in self._runtime}
        if traces == self._saved and not self._is_outdated:
            return
        draft = Draft(self._path)
        try:
            draft.write(_pieces(self._runtime, traces))
            draft.put_in_place()
        finally:
            draft.discard()


def _pieces(runtime: Runtime, traces: Traces) -> Iterator[bytes]:
    """The whole file. Each sandbox is as it is when its turn comes, which is noted in ``traces``."""
    yield HEAD
    separator = b""
    for live in list(runtime):
        if live.closed:
            continue  # it was removed meanwhile
        live.catch_up()
        traces[live] = live.trace
        yield separator
        with collector_paused():
            snapshot = capture(live.sandbox, live.clock, live.keys, live.seed, as_of=machine_now())
        yield from write(snapshot)
        separator = BETWEEN
    yield b"\n" + TAIL if separator else TAIL


def _named(value: object) -> str:
    """A sandbox as a log line may name it: keys are credentials, apps are not."""
    keys = value.get("keys", [DEFAULT_KEY]) if isinstance(value, dict) else None
    if isinstance(keys, list) and keys and isinstance(keys[0], str) and APP_KEY.fullmatch(keys[0]):
        return f"the sandbox of {app_id(keys[0])} ({hide_keys(keys[0])})"
    return "a sandbox"
