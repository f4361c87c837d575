"""What the tests of Chirp's surface share."""

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def record() -> Callable[..., dict[str, Any]]:
    """Have a mock place a call and record some seconds of it; the recording as the list shows it when it is completed."""

    def record(
        mock: Any, format: str = "mp4", headers: dict[str, str] | None = None, seconds: int = 3
    ) -> dict[str, Any]:
        call_id = mock.call("+15005550007")["id"]
        mock.command(call_id, "start_recording", format=format)
        mock.advance(by=5 + seconds)
        mock.command(call_id, "stop_recording")
        mock.advance(by=2)
        (recording,) = mock.get(f"/v1/calls/{call_id}/recordings", headers=headers).json()["data"]
        assert (recording["status"], recording["duration"]) == ("completed", seconds)
        return recording

    return record
