"""What audio files are: FFmpeg's own programs measure and decode them."""

import array
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from mockchirp.core.recordings import CONTENT_TYPES
from mockchirp.media.files import write
from mockchirp.media.sound import ENCODINGS, packets

FORMATS = {"mp4": ("mov,mp4,m4a,3gp,3g2,mj2", "aac"), "ogg": ("ogg", "vorbis"), "webm": ("matroska,webm", "opus")}
RATE = 16_000

Made = Callable[[str, int], Path]


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


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Writes the file of a format and length."""

    def made(format: str, seconds: int) -> Path:
        file = tmp_path / f"{seconds}.{format}"
        write(file, format, seconds)
        return file

    return made


def test_every_format_has_its_content_type() -> None:
    """The content types are those of audio, also where the container is better known for video."""
    assert CONTENT_TYPES == {"mp4": "audio/mp4", "ogg": "audio/ogg", "webm": "audio/webm"}


@pytest.mark.parametrize("seconds", [0, 1, 2, 7, 120, 3600])
@pytest.mark.parametrize("format", FORMATS)
def test_file_is_what_it_claims_to_be(made: Made, format: str, seconds: int) -> None:
    """ffprobe reads the container, the codec and a duration within 0.1 s of the recording's."""
    container, stream = probe(made(format, seconds))

    assert (container["format_name"], stream["codec_name"]) == FORMATS[format]
    assert float(container["duration"]) == pytest.approx(seconds, abs=0.1)
    assert float(container["duration"]) > 0
    if format != "webm":  # WebM keeps no duration of a stream
        assert float(stream["duration"]) == pytest.approx(seconds, abs=0.1)


@pytest.mark.parametrize("seconds", [0, 1, 7, 120])
@pytest.mark.parametrize("format", FORMATS)
def test_file_decodes_to_its_length(made: Made, format: str, seconds: int) -> None:
    """A decoder finds no fault, and as much sound as the container promises."""
    samples = decode(made(format, seconds))

    assert samples
    # Some decoders give the whole of the last packet, whatever the container says of its end: 64 ms of AAC.
    assert len(samples) / RATE == pytest.approx(seconds or 0.08, abs=0.065)


@pytest.mark.parametrize("format", FORMATS)
def test_sound_is_soft_and_loops_without_a_click(made: Made, format: str) -> None:
    """The sound is there from beginning to end, at a quarter of full scale, and no sample leaps from the one before it."""
    samples = decode(made(format, 5))

    for second in range(5):
        assert 0.2 < max(samples[second * RATE : (second + 1) * RATE]) < 0.3
    # The steepest that 480 Hz at 0.25 gets in one sample is 0.047.
    assert max(abs(after - before) for before, after in pairwise(samples)) < 0.055
    assert max(map(abs, samples[: RATE // 100])) < 0.01


def test_packets_of_aac_are_filled_up_inside() -> None:
    """A decoder that reads packet after packet stumbles over zeros behind the end of one: none fills a byte."""
    assert {len(packet) for packet in packets("mp4")} == {ENCODINGS["mp4"].packet_size}
    assert all(packet[-1] for packet in packets("mp4"))


def test_whoever_makes_a_file_makes_way_for_others(tmp_path: Path) -> None:
    """Every thousand packets, which take a millisecond or two: the interpreter is needed by the event loop."""
    pauses: list[int] = []
    write(tmp_path / "file", "webm", 1000, pause=lambda: pauses.append(1))

    assert len(pauses) == 10


def test_longest_file_is_a_day(made: Made) -> None:
    """A call that went on for years has a file of 24 hours, and does not fill the disk."""
    container, _ = probe(made("mp4", 3650 * 86_400))

    assert float(container["duration"]) == 86_400


@pytest.mark.parametrize("format", FORMATS)
def test_nothing_in_a_file_tells_when_and_by_what_it_was_made(made: Made, format: str) -> None:
    """No date, version or random number is in it."""
    assert not re.search(rb"Lav[cf]\d", made(format, 1).read_bytes())


@pytest.mark.parametrize(
    ("format", "index", "sound"), [("mp4", b"moov", b"mdat"), ("webm", b"\x1cS\xbbk", b"\x1fC\xb6u")]
)
def test_the_index_comes_before_the_sound(made: Made, format: str, index: bytes, sound: bytes) -> None:
    """A player that fetches the beginning of a file can play it, and knows where to go on from."""
    content = made(format, 60).read_bytes()

    assert 0 < content.index(index) < content.index(sound)
