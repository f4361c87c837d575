"""The files that a user names: read only if they are plain ones, and replaced in one step.

A named pipe would make its reader wait for ever, a device may never end, and neither may be replaced by a file.
"""

import contextlib
import errno
import itertools
import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

_KINDS = {
    stat.S_IFDIR: (errno.EISDIR, "is a directory"),
    stat.S_IFIFO: (errno.EINVAL, "is a named pipe, not a file"),
    stat.S_IFSOCK: (errno.EINVAL, "is a socket, not a file"),
    stat.S_IFCHR: (errno.EINVAL, "is a device, not a file"),
    stat.S_IFBLK: (errno.EINVAL, "is a device, not a file"),
}


def reason_of(error: OSError | ValueError) -> str:
    """What the system says, to stand behind a colon."""
    return (getattr(error, "strerror", None) or str(error)).lower()


def check_plain(path: Path) -> None:
    """Raise ``OSError`` unless there is a plain file at ``path``, or a link to one."""
    kind = stat.S_IFMT(path.stat().st_mode)
    if kind != stat.S_IFREG:
        raise OSError(*_KINDS.get(kind, (errno.EINVAL, "is not a plain file")))


def open_plain(path: Path) -> int:
    """A descriptor to read the plain file at ``path``; raise ``OSError`` if no plain file is there."""
    check_plain(path)  # before it is opened, which some devices take for a command
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):  # it was replaced meanwhile
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is not a plain file")
    return descriptor


def read_plain(path: Path, largest: int) -> bytes:
    """What is in the plain file at ``path``; raise ``OSError`` if no plain file is there, or if it is longer than ``largest`` bytes."""
    with open(open_plain(path), "rb") as file:
        if os.fstat(file.fileno()).st_size <= largest:
            content = file.read(largest + 1)
            if len(content) <= largest:
                return content
    raise OSError(errno.EFBIG, f"is larger than {largest} bytes, which max_state_size allows")


class Draft:
    """What is to take the place of the file at ``path``: a file beside it, whose name nobody else has.

    Making it raises ``OSError`` if that can't be. It ends with :meth:`put_in_place` or :meth:`discard`.
    """

    SUFFIX = ".draft"

    def __init__(self, path: Path, mode: int = 0o600) -> None:
        """``mode`` is for a file that is not there yet; one that is keeps its own."""
        self._path = path
        self._mode = mode
        descriptor, name = tempfile.mkstemp(self.SUFFIX, f".{path.name}.", path.parent)
        self._own = Path(name)
        self._file = open(descriptor, "wb", buffering=1 << 20)  # noqa: SIM115 - it stays open for long

    def write(self, pieces: Iterable[bytes]) -> None:
        self._file.writelines(pieces)

    def put_in_place(self, *, durable: bool = True) -> None:
        """Have it replace the file. If ``durable``, it is there from then on even if the machine goes down."""
        with contextlib.suppress(FileNotFoundError):
            self._mode = stat.S_IMODE(self._path.stat().st_mode)
        os.fchmod(self._file.fileno(), self._mode)
        self._file.flush()
        if durable:
            os.fsync(self._file.fileno())
        self._file.close()
        self._own.replace(self._path)
        if not durable:
            return
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the name, too, is on disk then
        finally:
            os.close(folder)

    def discard(self) -> None:
        """Remove it, if it has not taken its place. Never fails."""
        with contextlib.suppress(OSError):
            self._file.close()  # what is still buffered may find no room
        with contextlib.suppress(OSError):
            self._own.unlink()


def sweep_drafts(path: Path) -> None:
    """Remove the drafts of the file at ``path`` that a process left when it was killed. Nobody may be writing one."""
    for left in path.parent.iterdir():
        middle = left.name.removeprefix(f".{path.name}.").removesuffix(Draft.SUFFIX)
        if left.name == f".{path.name}.{middle}{Draft.SUFFIX}" and "." not in middle:
            with contextlib.suppress(OSError):
                left.unlink()


def write_aside(path: Path, content: bytes) -> Path:
    """Put ``content`` into a new file beside the one at ``path``, which says by its name what it is; return where it is.

    No file is overwritten; one that holds the very same is taken for it. Raise ``OSError`` if it can't be.
    """
    for number in itertools.count(1):
        aside = path.with_name(f"{path.stem}.set-aside-{number}{path.suffix}")
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                with open(descriptor, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
            except OSError:
                aside.unlink()
                raise
            return aside
        with contextlib.suppress(OSError):
            if read_plain(aside, len(content)) == content:
                return aside
    raise AssertionError("there is always a further number")
