"""The size of a file is known without the file, to the byte."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from mockchirp.core.recordings import FORMATS
from mockchirp.media.files import write
from mockchirp.media.sizes import LONGEST, size_of

# Around what changes in a container: the first pages and clusters, chunks of an MP4 (524 s), the bytes that a time or a place in a
# WebM takes (66 s, 16,778 s), and the ends.
EDGES = (
    *range(16),
    49,
    50,
    51,
    59,
    60,
    61,
    65,
    66,
    67,
    119,
    120,
    121,
    523,
    524,
    525,
    600,
    1048,
    1049,
    3599,
    3600,
    3601,
)
FAR_EDGES = (16_777, 16_778, 86_399, 86_400)


@pytest.mark.parametrize("seconds", [*EDGES, *random.Random(7).sample(range(3600), 20), *FAR_EDGES])
@pytest.mark.parametrize("format", FORMATS)
def test_the_size_is_that_of_the_file(tmp_path: Path, format: str, seconds: int) -> None:
    """In every format, from nothing to the longest."""
    file = tmp_path / "file"
    write(file, format, seconds)

    assert size_of(format, seconds) == file.stat().st_size


@pytest.mark.parametrize("format", FORMATS)
def test_a_longer_recording_has_a_larger_file(format: str) -> None:
    """Second by second, up to a day; from then on the file is the same."""
    sizes = [size_of(format, seconds) for seconds in range(LONGEST + 1)]

    assert sizes == sorted(set(sizes))
    assert size_of(format, LONGEST + 1) == size_of(format, 10**12) == sizes[-1]


@pytest.mark.parametrize(("format", "seconds"), [("wav", 1), ("", 1), ("mp4", -1)])
def test_nonsense_has_no_size(format: str, seconds: int) -> None:
    """Formats that Chirp does not have and lengths below nothing are errors of the caller."""
    with pytest.raises(ValueError, match="is not"):
        size_of(format, seconds)


def test_a_size_needs_no_encoder() -> None:
    """It is arithmetic: the audio libraries are not even loaded."""
    program = "import sys, mockchirp.media.sizes as sizes; print(sizes.size_of('webm', 86400), 'av' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout.split() == [str(size_of("webm", 86_400)), "False"]
