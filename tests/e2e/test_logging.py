"""The log of the program as a process."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the program on a free port with the given variables; it is ended with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(**variables: str) -> "subprocess.Popen[str]":
        own = {f"MOCKCHIRP_{name.upper()}": value for name, value in variables.items()}
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MOCKCHIRP_")}
        process = subprocess.Popen(
            [sys.executable, "-m", "mockchirp", "--port", "0"],
            env={**environment, **own},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def url_of(process: "subprocess.Popen[str]") -> str:
    """The base URL, as the screen tells it."""
    assert process.stdout is not None
    return next(line.split()[1].removesuffix("/v1") for line in process.stdout if line.startswith("  API"))


def log_of(process: "subprocess.Popen[str]") -> list[str]:
    """Stop the program; what it logged."""
    process.send_signal(signal.SIGTERM)
    return process.communicate(timeout=20)[1].splitlines()


def test_the_log_can_be_json_line_by_line(start: Start) -> None:
    """Whoever wrote it, uvicorn included."""
    process = start(log_format="json", log_level="info")
    httpx2.get(
        url_of(process) + "/_mockchirp/clock?token=secret", headers={"Authorization": "Bearer sk_test_app_secret"}
    )

    lines = [json.loads(line) for line in log_of(process)]

    assert all({"time", "level", "message"} <= set(line) for line in lines)
    assert [line["operation"] for line in lines if line.get("event") == "request"] == ["getClock"]
    assert "secret" not in str(lines)


def test_a_request_that_is_no_http_is_not_worth_a_line(start: Start) -> None:
    """A quiet default: only what the user can do something about."""
    process = start()
    url = url_of(process)
    httpx2.get(url + "/_mockchirp/health", headers={"Connection": "Upgrade", "Upgrade": "h2c"})
    httpx2.get(url + "/v1/nonsense")

    assert log_of(process) == []
