"""The directories of audio files: what dead processes have left goes, and nothing else."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mockchirp.media import home

OWNER = """
import sys
from pathlib import Path
from mockchirp.media.library import AudioLibrary
library = AudioLibrary(Path(sys.argv[1]))
print(Path(library.open("mp4", 1).name).parent.name, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Callable[[], tuple["subprocess.Popen[str]", Path]]]:
    """Starts a process that keeps an audio file in the directory of the test; it, and where the file is."""
    running = []

    def own() -> tuple["subprocess.Popen[str]", Path]:
        process = subprocess.Popen(
            [sys.executable, "-c", OWNER, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        running.append(process)
        assert process.stdout is not None
        return process, tmp_path / process.stdout.readline().strip()

    yield own
    for process in running:
        process.kill()
        process.communicate()


def test_what_a_killed_process_left_is_swept(tmp_path: Path, own: Callable[..., tuple[object, Path]]) -> None:
    """And what a living one has stays, whoever sweeps."""
    (killed, left), (_, kept) = own(), own()
    killed.kill()
    killed.wait()
    assert (left / "1.mp4").exists()

    home.sweep(tmp_path)

    assert not left.exists()
    assert (kept / "1.mp4").exists()


def test_a_process_does_not_sweep_its_own(tmp_path: Path) -> None:
    """Several servers may live in one process."""
    path, lock = home.claim(tmp_path)
    home.sweep(tmp_path)
    assert path.exists()

    home.release(path, lock)
    assert list(tmp_path.iterdir()) == []


def test_a_directory_without_a_file_is_swept_as_well(tmp_path: Path) -> None:
    """Its process was killed before it wrote one."""
    (tmp_path / "mockchirp-audio-abcd_123").mkdir()
    home.sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_only_looks_like_ours_stays(tmp_path: Path) -> None:
    """Directories of other names, files, and links, whose ends may be anywhere."""
    elsewhere = tmp_path / "elsewhere"
    for name in (
        "elsewhere",
        "mockchirp-audio-",
        "mockchirp-audio-mine",
        "mockchirp-audio-abcd1234.bak",
        "mockchirp-x",
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "precious").touch()
    (tmp_path / "mockchirp-audio-filefile").touch()
    (tmp_path / "mockchirp-audio-linklink").symlink_to(elsewhere)
    (tmp_path / "mockchirp-audio-pipepipe").mkdir()
    (tmp_path / "mockchirp-audio-pipepipe").rmdir()
    os.mkfifo(tmp_path / "mockchirp-audio-pipepipe")
    before = sorted(tmp_path.rglob("*"))

    home.sweep(tmp_path)

    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only an administrator can give a directory away")
def test_what_belongs_to_somebody_else_stays(tmp_path: Path) -> None:
    """An administrator could remove it, and has no business to."""
    other = tmp_path / "mockchirp-audio-abcd1234"
    other.mkdir()
    os.chown(other, 12345, 12345)

    home.sweep(tmp_path)

    assert other.exists()


def test_sweeping_nowhere_raises_nothing(tmp_path: Path) -> None:
    """There may be no such place, or it may be no directory."""
    (tmp_path / "file").touch()
    home.sweep(tmp_path / "none")
    home.sweep(tmp_path / "file")
