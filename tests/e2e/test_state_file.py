"""The state file over the life and death of the process."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

KEY = {"Authorization": "Bearer sk_test_app_local"}
CALL = {"from": "+15551234567", "to": "+15559876543"}
PATIENCE = 10
"""Real seconds after which what should happen within a few counts as never."""


class Process:
    """A server whose state file is in ``directory``."""

    def __init__(self, directory: Path, *arguments: str, at=None) -> None:
        """``at`` waits for a moment of the start, and returns the signal that comes then."""
        self._port = directory / "port"
        self._port.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mockchirp", "--port=0", "--port-file=port", "--state-file=state.json", *arguments],
            cwd=directory,
            env={name: value for name, value in os.environ.items() if not name.startswith("MOCKCHIRP_")},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        if at is not None:
            self._process.send_signal(at(self._process))
        ends = time.monotonic() + PATIENCE
        while not self._port.exists() and self._process.poll() is None and time.monotonic() < ends:
            time.sleep(0.01)
        port = self._port.read_text().strip() if self._port.exists() else "0"
        self.pid = self._process.pid
        self.client = httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=KEY)

    def state(self):
        return self.client.get("/_mockchirp/state").json()

    def end(self, number: int) -> tuple[int, str]:
        """End the process by a signal; its exit status, and what it said on standard error."""
        self.client.close()
        self._process.send_signal(number)
        return self._process.wait(PATIENCE), self._process.stderr.read() if self._process.stderr else ""

    def kill(self) -> None:
        self.client.close()
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def start(tmp_path):
    """Starts a server in a directory of the test's; what still runs at the end is killed."""
    started = []

    def start(*arguments: str, at=None) -> Process:
        started.append(Process(tmp_path, *arguments, at=at))
        return started[-1]

    yield start
    for process in started:
        process.kill()


def saved(directory):
    """What is in the file: it is whole whenever it is there."""
    path = directory / "state.json"
    return json.loads(path.read_bytes())["sandboxes"][0]["calls"] if path.exists() else []


def test_a_stop_and_a_start_lose_nothing(start, tmp_path):
    """On a frozen clock, the second life continues the first to the byte."""
    first = start("--clock-mode=frozen")
    ids = [first.client.post("/v1/calls", json=CALL).json()["id"] for _ in range(3)]
    first.client.post("/_mockchirp/clock/advance", json={"by": 3})
    left = first.state()
    assert first.end(signal.SIGTERM) == (0, "")

    second = start("--clock-mode=frozen")

    assert second.state() == left
    assert second.client.get(f"/v1/calls/{ids[0]}").json()["status"] == "ringing"
    assert second.end(signal.SIGINT) == (0, "")


def test_a_kill_loses_a_few_seconds_at_most(start, tmp_path):
    """What was there a moment before is there again, and the clock has run on."""
    first = start()
    call_id = first.client.post("/v1/calls", json=CALL).json()["id"]
    ends = time.monotonic() + PATIENCE
    while call_id not in [call["id"] for call in saved(tmp_path)]:
        assert time.monotonic() < ends, "not saved in time"
        time.sleep(0.05)
    before = first.client.get("/_mockchirp/clock").json()["now"]
    first.end(signal.SIGKILL)

    second = start()

    assert second.client.get(f"/v1/calls/{call_id}").json()["status"] in ("ringing", "in_progress")
    assert second.client.get("/_mockchirp/clock").json()["now"] > before


def test_the_file_is_whole_whenever_the_process_is_killed(start, tmp_path):
    """In the middle of a save, too: every next life finds what some save has left, and more from life to life."""
    counts = [0]
    for life in range(3):
        process = start()
        assert len(process.state()["calls"]) >= counts[-1]
        ends = time.monotonic() + 2.2 + 0.15 * life
        while time.monotonic() < ends:
            process.client.post("/v1/calls", json={**CALL, "metadata": {"padding": "x" * 2000}})
        process.end(signal.SIGKILL)
        counts.append(len(saved(tmp_path)))
    assert counts == sorted(counts)
    assert counts[-1] > 0


def test_a_broken_file_ends_the_start(start, tmp_path):
    """With one line and status 2; it is left as it was."""
    (tmp_path / "state.json").write_text('{"calls": [{}]}')

    process = start()

    reason = "is not a file that mockchirp has saved: sandboxes is missing"
    assert process.end(0) == (2, f"mockchirp: --state-file 'state.json': {reason}\n")
    assert (tmp_path / "state.json").read_text() == '{"calls": [{}]}'


def test_a_bad_sandbox_does_not_end_the_start(start, tmp_path):
    """It is set aside before anything is written; the warning is one line."""
    good = {"keys": ["sk_test_app_local"], "calls": [CALL]}
    bad = {"keys": ["sk_test_app_bad"], "calls": [{}]}
    (tmp_path / "state.json").write_text(json.dumps({"version": 1, "sandboxes": [bad, good]}))

    process = start()

    assert len(process.state()["calls"]) == 1
    assert json.loads((tmp_path / "state.set-aside-1.json").read_bytes())["sandboxes"] == [bad]
    status, said = process.end(signal.SIGTERM)
    assert (status, said.count("\n")) == (0, 1)
    assert said.startswith("mockchirp: WARNING: the sandbox of app_test_")
    assert said.endswith(": sandboxes[0].calls[0].from: is required\n")
    assert len(saved(tmp_path)) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_second_server_ends_with_one_line(start, number):
    """For as long as the first one lives, however that ends."""
    first = start()

    second = start()

    pid = first.pid
    line = f"--state-file 'state.json': is in use by process {pid}; every server needs a file of its own"
    assert second.end(0) == (2, f"mockchirp: {line}\n")
    first.client.post("/v1/calls", json=CALL)
    first.end(number)
    assert start().end(signal.SIGTERM) == (0, "")


def test_a_broken_seed_ends_the_start(start, tmp_path):
    """With one line that says where."""
    (tmp_path / "seed.yaml").write_text("calls:\n  - to: +15551234567\n    from: 5\n")

    process = start("--seed=seed.yaml")

    assert process.end(0) == (
        2,
        "mockchirp: --seed seed.yaml, line 3: calls[0].from: input should be a valid string; it is 5\n",
    )


def test_a_server_with_seeds_is_ready_when_it_answers(start):
    """They are loaded before it does."""
    process = start("--seed=demo")

    assert process.client.get("/_mockchirp/ready").status_code == 200
    assert len(process.state()["calls"]) == 22


def test_a_stop_frees_no_memory_object_by_object(tmp_path):
    """Which takes seconds where there is much: the process ends without the interpreter being torn down, and leaves no file."""
    program = (
        "import atexit, sys; atexit.register(print, 'torn down'); from mockchirp.cli import main; sys.exit(main())"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, "--port=0", "--port-file=port", "--state-file=state.json", "--seed=demo"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    while "Ctrl-C stops" not in process.stdout.readline():
        assert process.poll() is None

    process.send_signal(signal.SIGTERM)

    assert process.communicate(timeout=PATIENCE) == ("", None)
    assert process.returncode == 0
    assert len(saved(tmp_path)) == 22
    assert os.listdir(tmp_path) == ["state.json"]


def test_a_stop_while_the_state_is_loaded_leaves_everything_as_it_was(start, tmp_path):
    """The file, and nothing beside it."""
    sandboxes = [{"keys": [f"sk_test_app_{number}"], "calls": [CALL] * 20} for number in range(2000)]
    (tmp_path / "state.json").write_text(json.dumps({"version": 1, "sandboxes": sandboxes}))
    before = (tmp_path / "state.json").read_bytes()

    def at(process):
        while not (tmp_path / ".state.json.lock").exists():
            assert process.poll() is None
        return signal.SIGTERM

    process = start(at=at)

    assert process.end(0) == (0, "")
    assert (tmp_path / "state.json").read_bytes() == before
    assert os.listdir(tmp_path) == ["state.json"]


def test_a_stop_with_no_one_at_the_other_end_of_its_output_is_a_stop_like_others(tmp_path):
    """The screen was read and its reader is gone."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mockchirp", "--port=0", "--port-file=port", "--state-file=state.json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.close()
    ends = time.monotonic() + PATIENCE
    while not (tmp_path / "port").exists() and time.monotonic() < ends:
        time.sleep(0.01)

    process.send_signal(signal.SIGTERM)

    assert process.stderr is not None
    assert (process.wait(PATIENCE), process.stderr.read()) == (0, "")
    process.stderr.close()
    assert os.listdir(tmp_path) == []
