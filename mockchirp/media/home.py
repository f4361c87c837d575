"""The directories in which audio files lie, ``mockchirp-audio-*``: each belongs to one library and is locked as long as that lives.

A process that is killed leaves its directory behind. That its owner is dead shows in the lock, which the kernel lets go: a process id
might be in use again by now, and means nothing to another container that shares the place.
"""

import fcntl
import os
import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

_PREFIX = "mockchirp-audio-"
_NAME = re.compile(_PREFIX + "[a-z0-9_]{8}")  # as mkdtemp makes them


def claim(parent: Path) -> tuple[Path, int | None]:
    """A new directory in ``parent``, and the descriptor that locks it until it is closed; raise ``OSError`` if there can be none.

    On a file system that knows no locks there is no descriptor, and nobody sweeps.
    """
    while True:
        home = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent)).absolute()
        try:
            lock = _lock(home)
        except OSError:
            return home, None
        if lock is not None:
            return home, lock
        # Somebody who sweeps came between the two, and removes it.


def release(home: Path, lock: int | None) -> None:
    """Remove a directory that was claimed, with all that is in it."""
    shutil.rmtree(home, ignore_errors=True)
    if lock is not None:
        os.close(lock)


def sweep(parent: Path) -> None:
    """Remove the directories in ``parent`` that this user's dead processes have left. Never raises ``OSError``: what can't be removed
    stays.
    """
    with suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            with suppress(OSError):
                if _NAME.fullmatch(entry.name) and entry.stat(follow_symlinks=False).st_uid == os.geteuid():
                    lock = _lock(Path(entry.path))
                    if lock is not None:
                        release(Path(entry.path), lock)


def _lock(home: Path) -> int | None:
    """The descriptor that locks a directory, or None if somebody else has the lock or the directory is gone."""
    lock = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(lock), os.stat(home)):
            return lock
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(lock)
        raise
    os.close(lock)
    return None
