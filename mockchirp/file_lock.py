"""A lock that a process holds for its life, however it ends: on a file beside the one that it is about, which is replaced."""

import contextlib
import fcntl
import os
import weakref
from pathlib import Path


class Taken(Exception):
    """Somebody else holds the lock. The message says who, as far as it is known."""


class FileLock:
    """Holds the lock of the file at ``path`` until :meth:`release`, or until the process ends.

    Making it raises :class:`Taken`, or ``OSError`` if the file beside it can't be opened. ``unsupported`` is the reason why
    nothing is locked, on a filesystem that knows no locks, else None.
    """

    def __init__(self, path: Path) -> None:
        self.unsupported: str | None = None
        self._own = path.with_name(f".{path.name}.lock")
        self._closers: list[weakref.finalize[[int], FileLock]] = []
        self._held = False
        try:
            self._claim(path)
        except BaseException:  # a signal may end the start just now
            self.release()
            raise

    def release(self) -> None:
        """Let go. May be called again."""
        if self._held:
            with contextlib.suppress(OSError):
                self._own.unlink()  # whoever has opened it meanwhile will find that it is not there
        self._close()

    def _claim(self, path: Path) -> None:
        descriptor = self._open(self._own, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW)
        self._take(descriptor)
        while not self._is_own(descriptor):  # its holder let go of it just now, and removed it
            self._close()
            descriptor = self._open(self._own, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW)
            self._take(descriptor)
        with contextlib.suppress(OSError):  # a full disk must not keep anybody from locking
            os.ftruncate(descriptor, 0)
            os.write(descriptor, b"%d\n" % os.getpid())
        self._take_by_other_names(path)

    def _take(self, descriptor: int) -> None:
        self._held = True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # the latter over NFS
            self._held = False
            holder = os.pread(descriptor, 20, 0).strip()
            self._close()
            raise Taken(f"process {holder.decode()}" if holder.isdigit() else "another process") from None
        except OSError as error:
            self.unsupported = error.strerror or str(error)

    def _take_by_other_names(self, path: Path) -> None:
        """Lock the file itself, too: by another name of it, somebody may hold the lock beside that."""
        try:
            fcntl.flock(self._open(path, os.O_RDONLY | os.O_NONBLOCK), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Taken("another process, by another name") from None
        except OSError:
            pass  # it is not there yet, or the filesystem knows no locks

    def _open(self, path: Path, flags: int) -> int:
        descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)
        closer = weakref.finalize(self, os.close, descriptor)
        closer.atexit = False
        self._closers.append(closer)
        return descriptor

    def _is_own(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self._own.lstat())
        except FileNotFoundError:
            return False

    def _close(self) -> None:
        self._held = False
        while self._closers:
            self._closers.pop()()
