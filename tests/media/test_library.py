"""Audio files on disk: made once, bounded, gone in the end, and missed in plain words where there is no place for them."""

import errno
import gc
import hashlib
import logging
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mockchirp.core.recordings import FORMATS
from mockchirp.media.library import AudioLibrary
from mockchirp.media.sizes import size_of


def run_python(code: str, *arguments: str | Path) -> str:
    """Run code in a process of its own; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.strip()


def files_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.rglob("*") if path.is_file())


def content(library: AudioLibrary, format: str, seconds: int) -> bytes:
    with library.open(format, seconds) as file:
        return file.read()


@pytest.fixture
def library(tmp_path: Path) -> Iterator[AudioLibrary]:
    library = AudioLibrary(tmp_path)
    yield library
    library.close()


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_is_complete_and_of_the_promised_size(library: AudioLibrary, format: str) -> None:
    """Whoever opens it can read all of it."""
    for seconds in (0, 1, 60):
        assert len(content(library, format, seconds)) == size_of(format, seconds)


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_file_and_tag_in_every_process(format: str) -> None:
    """Format and length settle every byte, and the tag that names them."""
    program = """
import hashlib, sys
from mockchirp.media.library import AudioLibrary
library = AudioLibrary()
for seconds in (0, 1, 120):
    print(hashlib.sha256(library.open(sys.argv[1], seconds).read()).hexdigest(), library.tag(sys.argv[1], seconds))
"""
    assert run_python(program, format) == run_python(program, format)


def test_a_tag_names_one_content(library: AudioLibrary) -> None:
    """Two contents have two tags; whatever is cut to a day is one content."""
    wanted = [(format, seconds) for format in FORMATS for seconds in (0, 1, 2, 12, 86_400)]
    tags = {library.tag(*key) for key in wanted}

    assert len(tags) == len(wanted)
    assert library.tag("mp4", 86_401) == library.tag("mp4", 86_400)
    assert all(tag.isascii() and tag.isalnum() for tag in tags)


def test_a_tag_needs_no_place(tmp_path: Path) -> None:
    """Nothing is written for it."""
    library = AudioLibrary(tmp_path / "none")
    assert library.tag("ogg", 5)
    assert not (tmp_path / "none").exists()


def test_least_recently_used_files_go_first(tmp_path: Path) -> None:
    """Over its limit, the library drops the file that nobody has asked for the longest."""
    library = AudioLibrary(tmp_path, max_bytes=sum(size_of("mp4", seconds) for seconds in (10, 11, 12)))
    for seconds in (10, 11, 12, 10, 9):
        library.open("mp4", seconds).close()

    assert files_in(tmp_path) == ["10.mp4", "12.mp4", "9.mp4"]
    library.close()


def test_a_file_larger_than_the_limit_is_there_alone(tmp_path: Path) -> None:
    """Whoever asked for it gets it."""
    library = AudioLibrary(tmp_path, max_bytes=1)
    library.open("ogg", 3).close()
    assert len(content(library, "webm", 3)) == size_of("webm", 3)
    assert files_in(tmp_path) == ["3.webm"]
    library.close()


def test_an_open_file_outlives_its_removal(tmp_path: Path) -> None:
    """A slow client gets all of a file that had to go meanwhile; it is the same when it comes back."""
    library = AudioLibrary(tmp_path, max_bytes=1)
    with library.open("ogg", 5) as slow:
        library.open("mp4", 5).close()
        assert files_in(tmp_path) == ["5.mp4"]
        before = slow.read()
    assert content(library, "ogg", 5) == before
    library.close()


def test_a_file_that_vanished_comes_back(tmp_path: Path, library: AudioLibrary) -> None:
    """Whatever cleans temporary directories may take a file, or all of them, from a server that runs for weeks."""
    library.open("mp4", 5).close()
    (home,) = tmp_path.iterdir()
    (home / "5.mp4").unlink()
    assert content(library, "mp4", 5)
    shutil.rmtree(home)
    assert content(library, "mp4", 5)
    assert content(library, "mp4", 6)
    library.close()
    assert files_in(tmp_path) == []


def test_nothing_is_on_disk_before_it_is_needed(tmp_path: Path) -> None:
    """A library that nobody asks for a file leaves the disk alone."""
    AudioLibrary(tmp_path).close()
    assert list(tmp_path.iterdir()) == []


def test_close_removes_what_was_made(tmp_path: Path) -> None:
    """Closing removes the library's files and no others, can be done twice, and does not end its use."""
    (tmp_path / "precious.mp4").touch()
    library = AudioLibrary(tmp_path)
    library.open("mp4", 1).close()
    library.close()
    library.close()
    assert [path.name for path in tmp_path.iterdir()] == ["precious.mp4"]
    library.open("mp4", 1).close()
    library.close()
    assert [path.name for path in tmp_path.iterdir()] == ["precious.mp4"]


def test_a_forgotten_library_cleans_up(tmp_path: Path) -> None:
    """Nothing is left of a library that nobody closed, once it or its process is gone."""
    library = AudioLibrary(tmp_path)
    library.open("mp4", 1).close()
    del library
    gc.collect()
    assert list(tmp_path.iterdir()) == []

    program = """
import sys
from pathlib import Path
from mockchirp.media.library import AudioLibrary
library = AudioLibrary(Path(sys.argv[1]))
print(library.open("mp4", 1).name)
"""
    made = Path(run_python(program, tmp_path))
    assert made.parent.name.startswith("mockchirp-audio-")
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be(tmp_path: Path) -> None:
    """The reason is in words, and without a path."""
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"(Not a directory|File exists)") as caught:
        AudioLibrary(tmp_path / "file" / "below").open("mp4", 1)

    assert "/" not in str(caught.value)


@pytest.mark.parametrize("format", FORMATS)
def test_a_full_disk_leaves_no_half_file(tmp_path: Path, format: str) -> None:
    """A file that could not be finished is an ``OSError``, is not found later, and is made once there is room."""
    # A limit on the size of files stands in for the full disk: the process meets it in the same place.
    code = """
import resource, sys
from pathlib import Path
from mockchirp.media.library import AudioLibrary
format, directory = sys.argv[1], Path(sys.argv[2])
library = AudioLibrary(directory)
library.open(format, 1)
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
try:
    library.open(format, 600)
except OSError as error:
    print(error.errno, error.strerror)
print([path.name for path in directory.rglob("*") if path.is_file()])
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
print(len(library.open(format, 600).read()))
"""
    failure, files, complete = run_python(code, format, tmp_path).splitlines()

    assert failure == f"{errno.EFBIG} {os.strerror(errno.EFBIG)}"
    assert (files, int(complete)) == (f"['1.{format}']", size_of(format, 600))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for a megabyte."""
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", tmp_path]).returncode:
        pytest.skip("only an administrator can mount a file system")
    yield tmp_path
    subprocess.run(["umount", "--lazy", tmp_path], check=True)


def test_files_make_way_for_others_where_the_disk_is_small(small_disk: Path) -> None:
    """What lies there already is no reason to refuse a file; one that would not fit alone is refused."""
    library = AudioLibrary(small_disk)
    for seconds in (100, 101, 102, 103, 104, 105):
        assert len(content(library, "webm", seconds)) == size_of("webm", seconds)
    with pytest.raises(OSError, match="No space left on device"):
        library.open("webm", 600)

    assert len(content(library, "webm", 100)) == size_of("webm", 100)
    library.close()
    assert list(small_disk.iterdir()) == []


def test_threads_share_a_library(library: AudioLibrary) -> None:
    """Threads that ask for the same files at once each find them complete."""
    wanted = [(format, seconds) for seconds in (30, 31) for format in FORMATS] * 4
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda key: (key, hashlib.sha256(content(library, *key)).digest()), wanted))

    assert len(set(found)) == 6
    assert all(digest == hashlib.sha256(content(library, *key)).digest() for key, digest in found)


def test_a_short_file_does_not_wait_for_long_ones(tmp_path: Path, library: AudioLibrary) -> None:
    """Files are muxed by turns, so that whoever wants little gets it soon."""
    with ThreadPoolExecutor(2) as pool:
        long = [pool.submit(library.open, "ogg", seconds) for seconds in (86_399, 86_400)]
        while len(files_in(tmp_path)) < len(long):
            assert not any(future.done() for future in long)
        library.open("ogg", 3600).close()
        assert not any(future.done() for future in long)
        library.close()


def test_closing_breaks_off_what_is_being_made(tmp_path: Path) -> None:
    """A stop waits for no file."""
    library = AudioLibrary(tmp_path)
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(library.open, "ogg", 86_400)
        while not files_in(tmp_path):
            assert not made.done()
        library.close()
        with pytest.raises(OSError, match="its directory is gone"):
            made.result()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("format", "seconds"), [("wav", 1), ("", 1), ("mp4", -1)])
def test_nonsense_is_refused(library: AudioLibrary, format: str, seconds: int) -> None:
    """Formats that Chirp does not have and lengths below nothing are errors of the caller."""
    for ask in (library.open, library.tag):
        with pytest.raises(ValueError, match="is not"):
            ask(format, seconds)


def prepared(library: AudioLibrary) -> None:
    """Prepare a library, and wait until it has."""
    library.prepare()
    for thread in threading.enumerate():
        if thread.name == "mockchirp-audio":
            thread.join()


def test_a_library_without_a_place_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """In one line, which says what will not work and what to do about it."""
    (tmp_path / "file").touch()
    prepared(AudioLibrary(tmp_path / "file" / "below"))

    (line,) = caplog.records
    assert line.levelno == logging.WARNING
    assert "\n" not in line.getMessage()
    for word in ("no place for audio files", "503", "TMPDIR", "--tmpfs /tmp"):
        assert word in line.getMessage()


def test_a_library_with_a_place_says_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """And leaves nothing there."""
    prepared(AudioLibrary(tmp_path))

    assert not caplog.records
    assert list(tmp_path.iterdir()) == []


def test_libraries_of_ffmpeg_load_when_needed() -> None:
    """A server that nobody asks for a file does not wait for the audio libraries at its start."""
    assert run_python("import sys, mockchirp.media.library; print('av' in sys.modules)") == "False"
