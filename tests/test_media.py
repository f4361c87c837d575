import array
import gc
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest

from mockchirp.core.recordings import CONTENT_TYPES
from mockchirp.media import LONGEST, AudioLibrary

FORMATS = {"mp4": ("mov,mp4,m4a,3gp,3g2,mj2", "aac"), "ogg": ("ogg", "vorbis"), "webm": ("matroska,webm", "opus")}
RATE = 16_000


def run(program: str, *arguments: str | Path) -> bytes:
    """Run one of FFmpeg's programs; return what it prints, and fail if it warns of anything."""
    assert shutil.which(program), f"{program} is missing: install ffmpeg, which these tests measure the files with"
    done = subprocess.run([program, "-v", "warning", *arguments], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr.decode()) == (0, "")
    return done.stdout


def probe(file: Path) -> tuple[dict[str, str], dict[str, str]]:
    """The container and its one stream as ffprobe sees them."""
    found = json.loads(run("ffprobe", "-show_format", "-show_streams", "-of", "json", file))
    (stream,) = found["streams"]
    return found["format"], stream


def decode(file: Path) -> "array.array[float]":
    """The samples of the left channel."""
    _, stream = probe(file)
    return array.array("f", run("ffmpeg", "-i", file, "-ar", str(RATE), "-f", "f32le", "-"))[:: int(stream["channels"])]


def run_python(code: str, *arguments: str | Path) -> str:
    """Run code in a process of its own; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.strip()


def files_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def library() -> Iterator[AudioLibrary]:
    library = AudioLibrary()
    yield library
    library.close()


def test_every_format_has_its_content_type() -> None:
    """The content types are those of audio, also where the container is better known for video."""
    assert CONTENT_TYPES == {"mp4": "audio/mp4", "ogg": "audio/ogg", "webm": "audio/webm"}


@pytest.mark.parametrize("seconds", [0, 1, 2, 7, 120, 3600])
@pytest.mark.parametrize("format", FORMATS)
def test_file_is_what_it_claims_to_be(library: AudioLibrary, format: str, seconds: int) -> None:
    """ffprobe reads the container, the codec and a duration within 0.1 s of the recording's."""
    container, stream = probe(library.path(format, seconds))

    assert (container["format_name"], stream["codec_name"]) == FORMATS[format]
    assert float(container["duration"]) == pytest.approx(seconds, abs=0.1)
    assert float(container["duration"]) > 0
    if format != "webm":  # WebM keeps no duration of a stream
        assert float(stream["duration"]) == pytest.approx(seconds, abs=0.1)


@pytest.mark.parametrize("seconds", [0, 1, 7, 120])
@pytest.mark.parametrize("format", FORMATS)
def test_file_decodes_to_its_length(library: AudioLibrary, format: str, seconds: int) -> None:
    """A decoder finds no fault, and as much sound as the container promises."""
    samples = decode(library.path(format, seconds))

    assert samples
    # Some decoders give the whole of the last packet, whatever the container says of its end: 64 ms of AAC.
    assert len(samples) / RATE == pytest.approx(seconds or 0.08, abs=0.065)


@pytest.mark.parametrize("format", FORMATS)
def test_sound_is_soft_and_loops_without_a_click(library: AudioLibrary, format: str) -> None:
    """The sound is there from beginning to end, at a quarter of full scale, and no sample leaps from the one before it."""
    samples = decode(library.path(format, 5))

    for second in range(5):
        assert 0.2 < max(samples[second * RATE : (second + 1) * RATE]) < 0.3
    # The steepest that 480 Hz at 0.25 gets in one sample is 0.047.
    assert max(abs(after - before) for before, after in pairwise(samples)) < 0.055
    assert max(map(abs, samples[: RATE // 100])) < 0.01


@pytest.mark.parametrize("format", FORMATS)
def test_an_hour_is_made_in_no_time(library: AudioLibrary, format: str) -> None:
    """A recording of an hour is ready in far less than the 2 s that it may take."""
    library.size(format, 1)  # the encoder has done its work
    started = time.perf_counter()
    library.path(format, 3601)
    assert time.perf_counter() - started < 1


def test_longest_file_is_a_day() -> None:
    """A call that went on for years has a file of 24 hours, and does not fill the disk."""
    library = AudioLibrary()
    container, _ = probe(library.path("mp4", 3650 * LONGEST))
    assert float(container["duration"]) == LONGEST
    assert library.size("mp4", 3650 * LONGEST) == library.size("mp4", LONGEST)
    library.close()


@pytest.mark.parametrize("format", FORMATS)
def test_same_file_in_every_process(library: AudioLibrary, format: str) -> None:
    """Format and length settle every byte: no date, version or random number is in a file."""
    digest = """
import hashlib, sys
from mockchirp.media import AudioLibrary
library = AudioLibrary()
print([hashlib.sha256(library.path(sys.argv[1], seconds).read_bytes()).hexdigest() for seconds in (0, 1, 120)])
"""
    first, second = run_python(digest, format), run_python(digest, format)
    assert first == second
    assert not re.search(rb"Lav[cf]\d", library.path(format, 1).read_bytes())


@pytest.mark.parametrize("format", FORMATS)
def test_size_is_that_of_the_file(library: AudioLibrary, format: str) -> None:
    """``size`` is exact, and grows with the recording."""
    sizes = [library.size(format, seconds) for seconds in (0, 1, 2, 60)]
    assert sizes == [library.path(format, seconds).stat().st_size for seconds in (0, 1, 2, 60)]
    assert sizes == sorted(set(sizes))


def test_least_recently_used_files_go_first(tmp_path: Path) -> None:
    """Over its limit, the library drops the file that nobody has asked for the longest."""
    library = AudioLibrary(tmp_path)
    room = library.size("mp4", 10) + library.size("mp4", 11) + library.size("mp4", 12)
    library.close()

    library = AudioLibrary(tmp_path, max_bytes=room)
    for seconds in (10, 11, 12):
        library.path("mp4", seconds)
    library.path("mp4", 10)
    library.path("mp4", 9)
    assert files_in(tmp_path) == ["10.mp4", "12.mp4", "9.mp4"]
    library.close()


def test_file_just_made_stays(tmp_path: Path) -> None:
    """A file larger than the whole limit is there for whoever asked for it, alone."""
    library = AudioLibrary(tmp_path, max_bytes=1)
    library.path("ogg", 3)
    assert library.path("webm", 3).exists()
    assert files_in(tmp_path) == ["3.webm"]
    library.close()


def test_evicted_file_comes_back(tmp_path: Path) -> None:
    """A file that had to go is the same when it is asked for again; its size was never forgotten."""
    library = AudioLibrary(tmp_path, max_bytes=1)
    before = library.path("ogg", 5).read_bytes()
    library.path("mp4", 5)
    assert library.size("ogg", 5) == len(before)
    assert files_in(tmp_path) == ["5.mp4"]
    assert library.path("ogg", 5).read_bytes() == before
    library.close()


def test_file_that_vanished_comes_back(tmp_path: Path) -> None:
    """Whatever cleans temporary directories may take a file, or all of them, from a server that runs for weeks."""
    library = AudioLibrary(tmp_path)
    library.path("mp4", 5).unlink()
    assert library.path("mp4", 5).exists()
    shutil.rmtree(library.path("mp4", 5).parent)
    assert library.path("mp4", 5).exists()
    assert library.path("mp4", 6).exists()
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
    library.path("mp4", 1)
    library.close()
    library.close()
    assert [path.name for path in tmp_path.iterdir()] == ["precious.mp4"]
    assert library.path("mp4", 1).exists()
    library.close()
    assert [path.name for path in tmp_path.iterdir()] == ["precious.mp4"]


def test_forgotten_library_cleans_up(tmp_path: Path) -> None:
    """Nothing is left of a library that nobody closed, once it or its process is gone."""
    library = AudioLibrary(tmp_path)
    library.path("mp4", 1)
    del library
    gc.collect()
    assert list(tmp_path.iterdir()) == []

    made = run_python("from mockchirp.media import AudioLibrary as L\nlibrary = L()\nprint(library.path('mp4', 1))")
    assert Path(made).parent.name.startswith("mockchirp-")
    assert not Path(made).parent.exists()


def test_directory_that_cannot_be(tmp_path: Path) -> None:
    """A directory where no file can be is an ``OSError`` that says what was tried and why it failed."""
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"audio file of a recording cannot be written: (Not a directory|File exists)"):
        AudioLibrary(tmp_path / "file" / "below").size("mp4", 1)


@pytest.mark.parametrize("format", FORMATS)
def test_full_disk_leaves_no_half_file(tmp_path: Path, format: str) -> None:
    """A file that could not be finished is an ``OSError``, is not found later, and is made once there is room."""
    # A limit on the size of files stands in for the full disk: the process meets it in the same place.
    code = """
import resource, sys
from pathlib import Path
from mockchirp.media import AudioLibrary
format, directory = sys.argv[1], Path(sys.argv[2])
library = AudioLibrary(directory)
library.size(format, 1)
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
for ask in (library.size, library.path):
    try:
        ask(format, 600)
    except OSError as error:
        print(error.errno, error)
print([path.name for path in directory.rglob("*") if path.is_file()])
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
print(library.size(format, 600) == library.path(format, 600).stat().st_size > 10_000)
"""
    first, second, files, complete = run_python(code, format, tmp_path).splitlines()
    for line in (first, second):
        assert "The audio file of a recording cannot be written: File too large" in line
    assert (files, complete) == (f"['1.{format}']", "True")


def test_threads_share_a_library(tmp_path: Path) -> None:
    """Threads that ask for the same files at once each find them complete."""
    library = AudioLibrary(tmp_path)
    wanted = [(format, seconds) for seconds in (30, 31) for format in FORMATS] * 4
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda key: (key, library.path(*key).stat().st_size), wanted))
    assert all(size == library.size(*key) for key, size in found)
    library.close()


@pytest.mark.parametrize(("format", "seconds"), [("wav", 1), ("", 1), ("mp4", -1)])
def test_nonsense_is_refused(library: AudioLibrary, format: str, seconds: int) -> None:
    """Formats that Chirp does not have and lengths below nothing are errors of the caller."""
    with pytest.raises(ValueError, match="is not"):
        library.size(format, seconds)


def test_libraries_of_ffmpeg_load_when_needed() -> None:
    """A server that records nothing does not wait for the audio libraries at its start."""
    assert run_python("import sys, mockchirp.media; print('av' in sys.modules)") == "False"
