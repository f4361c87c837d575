"""Audio files and their place, with the program as a process: none, one too small, and what is left there."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

KEY = {"Authorization": "Bearer sk_test_app_local"}


class Program:
    """A server on a frozen clock that keeps temporary files in ``place``; ``prelude`` is what a shell does before it starts."""

    def __init__(self, place: Path, prelude: str = ":") -> None:
        own = {name: value for name, value in os.environ.items() if not name.startswith("MOCKCHIRP_")}
        self.process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", f'{prelude}; exec "$0" "$@"', sys.executable, "-m", "mockchirp"]
            if prelude != ":"
            else [sys.executable, "-m", "mockchirp"],
            env={**own, "TMPDIR": str(place), "MOCKCHIRP_PORT": "0", "MOCKCHIRP_CLOCK_MODE": "frozen"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        url = next(line.split()[1] for line in self.process.stdout if line.startswith("  API"))
        self.client = httpx2.Client(base_url=url.removesuffix("/v1"), headers=KEY, timeout=30)

    def record(self, format: str, seconds: int) -> dict[str, object]:
        """Have a call recorded for some time; the recording, which must be complete."""
        post = self.client.post
        call_id = post("/v1/calls", json={"from": "+15551234567", "to": "+15005550007"}).json()["id"]
        post("/_mockchirp/clock/advance", json={"by": 5})
        post(f"/v1/calls/{call_id}/commands", json={"type": "start_recording", "format": format})
        post("/_mockchirp/clock/advance", json={"by": seconds})
        post(f"/v1/calls/{call_id}/commands", json={"type": "stop_recording"})
        post("/_mockchirp/clock/advance", json={"by": 2})
        (recording,) = self.client.get(f"/v1/calls/{call_id}/recordings").json()["data"]
        assert recording["status"] == "completed"
        return recording  # type: ignore[no-any-return]

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """End it; the exit status and what stood on standard error."""
        self.client.close()
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=20)
        return self.process.returncode, errors


@pytest.fixture
def program() -> Iterator[Callable[..., Program]]:
    """Starts the program; what still runs at the end of the test is killed."""
    started: list[Program] = []

    def start(place: Path, prelude: str = ":") -> Program:
        started.append(Program(place, prelude))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.end(signal.SIGKILL)


administrator = pytest.mark.skipif(
    os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], check=False).returncode != 0,
    reason="only an administrator can mount file systems",
)


@administrator
def test_a_server_without_any_place_for_audio_starts_and_says_so(
    program: Callable[..., Program], tmp_path: Path
) -> None:
    """In one line; it records and tells sizes all the same, and downloads are 503 with a reason and no path."""
    places = ("/tmp", "/var/tmp")  # what is there stays: this very checkout may be
    read_only = "; ".join(f"mount --bind {place} {place}; mount -o remount,ro,bind {place}" for place in places)
    server = program(tmp_path, f"{read_only}; mount -t tmpfs -o ro tmpfs /mnt; cd /mnt")
    recording = server.record("ogg", 30)

    answer = server.client.get(str(recording["fileUrl"]))

    assert answer.status_code == 503
    error = answer.json()["error"]
    assert error["type"] == "api_error"
    assert "there is no usable directory for temporary files" in error["message"]
    assert "/" not in error["message"]
    assert server.client.head(str(recording["fileUrl"])).headers["content-length"] == str(recording["fileSize"])
    status, errors = server.end()
    assert status == 0
    warnings = [line for line in errors.splitlines() if "no place for audio files" in line]
    assert len(warnings) == 1
    assert "--tmpfs /tmp" in warnings[0]
    assert "Traceback" not in errors


@administrator
def test_a_download_that_does_not_fit_says_so(program: Callable[..., Program], tmp_path: Path) -> None:
    """The others go on, and it does not matter how many there have been."""
    server = program(tmp_path, f"mount -t tmpfs -o size=1m tmpfs {tmp_path}")
    large = server.record("mp4", 3600)
    answer = server.client.get(str(large["fileUrl"]))
    assert answer.status_code == 503
    assert "No space left on device" in answer.json()["error"]["message"]
    assert str(tmp_path) not in answer.text

    for seconds in range(100, 110):
        small = server.record("webm", seconds)
        assert len(server.client.get(str(small["fileUrl"])).content) == small["fileSize"]

    assert server.end()[0] == 0


def test_what_a_killed_server_left_is_swept_by_the_next(program: Callable[..., Program], tmp_path: Path) -> None:
    """And what a living one keeps stays; after a stop nothing is left."""
    killed, living = program(tmp_path), program(tmp_path)
    for server in (killed, living):
        server.client.get(str(server.record("ogg", 3)["fileUrl"])).raise_for_status()
    (kept,) = _homes(living)
    (left,) = _homes(killed)
    killed.end(signal.SIGKILL)
    assert (left / "3.ogg").exists()

    following = program(tmp_path)
    deadline = time.monotonic() + 10
    while left.exists():
        assert time.monotonic() < deadline, "nobody swept"
        time.sleep(0.01)

    assert (kept / "3.ogg").exists()
    for server in (living, following):
        assert server.end()[0] == 0
    assert list(tmp_path.iterdir()) == []


def _homes(server: Program) -> list[Path]:
    """The directories of audio that a server has open."""
    links = [os.readlink(link) for link in Path(f"/proc/{server.process.pid}/fd").iterdir() if link.is_symlink()]
    return [Path(link) for link in links if "/mockchirp-audio-" in link and Path(link).is_dir()]


def test_a_stop_does_not_wait_for_files_that_are_being_made(program: Callable[..., Program], tmp_path: Path) -> None:
    """However long they are; nothing is left of them, as it would be if the last resort had to end the process."""
    server = program(tmp_path)
    recordings = [server.record("ogg", seconds)["id"] for seconds in range(86_397, 86_401)]
    links = [server.client.get(f"/v1/calls/recordings/{id}").json()["fileUrl"] for id in recordings]
    with subprocess.Popen(
        [
            "curl",
            "-s",
            "--parallel",
            "--parallel-immediate",
            *(part for link in links for part in ("-o", "/dev/null", link)),
        ]
    ) as curl:
        while len(list(tmp_path.glob("*/*.partial"))) < 2:  # no more long ones are made at once
            assert curl.poll() is None, "it was over too soon"
            time.sleep(0.001)
        assert server.end()[0] == 0

    assert list(tmp_path.iterdir()) == []
