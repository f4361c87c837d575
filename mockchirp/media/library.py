"""Audio files on disk: made when somebody first asks for them, kept while there is room, removed at the end."""

import errno
import hashlib
import logging
import tempfile
import threading
import time
import weakref
from collections import OrderedDict
from contextlib import nullcontext
from functools import cache, partial
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from mockchirp.core.recordings import RecordingFormat
from mockchirp.media.files import write
from mockchirp.media.home import claim, release, sweep
from mockchirp.media.sizes import LONGEST, checked, size_of

GIB = 1 << 30
_SAMPLE = 10
"""Seconds of the file that stands for the sound and the muxer in a tag: all packets are in it, and two clusters."""
_LONG = 60 * 60
"""Seconds of sound in a file up to which it takes little to make it."""
_LONG_AT_ONCE = 2
"""Longer files that are made at once: each may take 90 MB of memory, and room on the disk that nobody may free for others."""
_BREATH = 0.0002
"""Real seconds that a thread at work pauses, so that others get their turn."""
_log = logging.getLogger("mockchirp")

_Key = tuple[RecordingFormat, int]


class AudioLibrary:
    """Audio files on disk, made when first asked for; the least recently used go first when they outgrow ``max_bytes``.

    The files lie in a directory of the library's own, ``mockchirp-audio-*`` in ``directory`` (by default the system's place for
    temporary files), which goes with :meth:`close`, with the library or at the end of the process. One format and length is always
    the same file, byte for byte. May be used from any thread; nothing but the making of a file takes long.
    """

    def __init__(self, directory: Path | None = None, max_bytes: int = GIB) -> None:
        self._directory = directory
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        """Held while it is decided what lies where, never while a file is made."""
        self._turn = threading.Lock()
        """Held by the thread that is muxing: several at once would only fight for the interpreter."""
        self._long = threading.BoundedSemaphore(_LONG_AT_ONCE)
        self._making: weakref.WeakValueDictionary[_Key, threading.Lock] = weakref.WeakValueDictionary()
        """Held by the thread that makes a file, while others wait for it."""
        self._home: Path | None = None
        self._release_home: weakref.finalize[..., AudioLibrary] | None = None
        self._files: OrderedDict[_Key, Path] = OrderedDict()
        """The files on disk, the latest used last."""
        self._samples: dict[RecordingFormat, bytes] = {}

    def open(self, format: RecordingFormat, seconds: int) -> BinaryIO:
        """The file of ``seconds`` (from 0; what is over :data:`LONGEST` is cut), complete and open for reading.

        Its size is :func:`~mockchirp.media.sizes.size_of`. Once open, it can be read to its end whatever happens to the library.
        Raise ``OSError`` if it can't be made; the ``strerror`` is the reason in a few words, without a path.
        """
        checked(format, seconds)
        key = format, min(seconds, LONGEST)
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            return self._open(key) or self._make(key)

    def tag(self, format: RecordingFormat, seconds: int) -> str:
        """What names the content of the file: the same for the same bytes, and for no others, on this machine or another."""
        checked(format, seconds)
        sample = self._samples.get(format)
        if sample is None:
            with self._turn:
                sample = self._samples[format] = _sample(format)
        return hashlib.sha256(sample + b"%d" % min(seconds, LONGEST)).hexdigest()[:32]

    def prepare(self) -> None:
        """Warn if there is no place for files, and remove what killed processes have left there. Takes its time in a thread."""
        threading.Thread(target=self._prepare, name="mockchirp-audio", daemon=True).start()

    def close(self) -> None:
        """Remove all files. May be called again; a later use starts a new directory."""
        with self._lock:
            if self._release_home is not None:
                self._release_home()
            self._home = None
            self._files.clear()

    def _prepare(self) -> None:
        try:
            parent = self._parent()
            with tempfile.TemporaryFile(dir=parent) as probe:
                probe.write(b"\0" * 4096)
        except OSError as error:
            _log.warning(
                "there is no place for audio files, so that downloads will be answered 503: %s; TMPDIR names another, "
                "and a read-only container needs one mounted (docker run --tmpfs /tmp)",
                error,
            )
        else:
            sweep(parent)

    def _parent(self) -> Path:
        if self._directory is None:
            return Path(tempfile.gettempdir())
        self._directory.mkdir(parents=True, exist_ok=True)
        return self._directory

    def _open(self, key: _Key) -> BinaryIO | None:
        """A file that is there. What cleans temporary directories may have been quicker than we."""
        with self._lock:
            if key not in self._files:
                return None
            try:
                file = self._files[key].open("rb")
            except FileNotFoundError:
                del self._files[key]
                return None
            self._files.move_to_end(key)
            return file

    def _make(self, key: _Key) -> BinaryIO:
        try:
            with self._long if key[1] > _LONG else nullcontext():
                try:
                    return self._write(key)
                except OSError as error:
                    if error.errno not in (errno.ENOSPC, errno.EDQUOT) or not self._files:
                        raise
                    self._make_room(self._max_bytes)  # files that nobody waits for take up what there is
                    return self._write(key)
        except OSError as error:
            format, seconds = key
            _log.warning("the audio file of %d s of %s can't be made: %s", seconds, format, error)
            raise OSError(error.errno, _reason(error)) from error

    def _write(self, key: _Key) -> BinaryIO:
        with self._lock:
            format, seconds = key
            home = self._open_home()
        path = home / f"{seconds}.{format}"
        self._make_room(size_of(*key))
        draft = path.with_suffix(path.suffix + ".partial")
        try:
            with self._turn:
                write(draft, *key, pause=partial(self._pause, home))
            made, size = draft.stat().st_size, size_of(*key)
            if made != size:
                raise OSError(errno.EINVAL, f"PyAV makes a file of {made} bytes where {size} are promised")
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        file = path.open("rb")
        with self._lock:
            self._files[key] = path
        return file

    def _pause(self, home: Path) -> None:
        """Let others have their turn; raise ``OSError`` if there is no more use in going on."""
        self._turn.release()
        time.sleep(_BREATH)  # noqa: TID251  # a thread that makes way for the event loop, not one that waits for something
        self._turn.acquire()
        if self._home != home:
            raise OSError(errno.ECANCELED, "its directory is gone")

    def _make_room(self, size: int) -> None:
        """Remove the least recently used files until ``size`` bytes are free of the most there may be."""
        with self._lock:
            used = sum(size_of(*key) for key in self._files)
            while self._files and used + size > self._max_bytes:
                key, path = self._files.popitem(last=False)
                path.unlink(missing_ok=True)
                used -= size_of(*key)

    def _open_home(self) -> Path:
        if self._home is None or not self._home.exists():
            if self._release_home is not None:
                self._release_home()
            self._home, lock = claim(self._parent())
            self._release_home = weakref.finalize(self, release, self._home, lock)
            self._files.clear()
        return self._home


@cache
def _sample(format: RecordingFormat) -> bytes:
    """Settles, with the length, every byte of a file: the encoder's sound and the muxer's way with it."""
    file = BytesIO()
    write(file, format, _SAMPLE)
    return hashlib.sha256(format.encode() + file.getvalue()).digest()


def _reason(error: OSError) -> str:
    """Why a file can't be made, without the path that the system adds, nor those that Python has tried in vain."""
    if error.filename is None and error.errno == errno.ENOENT:
        return "there is no usable directory for temporary files"
    return error.strerror or "unknown error"
