"""The page on faults tells the truth: its commands work as they are printed, its tables are those of the code."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import httpx2
import pytest

from mockchirp.core.faults import CODES
from mockchirp.server import Server
from mockchirp.settings import Settings

PAGE = (Path(__file__).parents[2] / "docs" / "faults.md").read_text()
KEY = {"Authorization": "Bearer sk_test_app_local"}
CALL = {"from": "+15551234567", "to": "+15559876543"}


def test_the_commands_work_as_they_are_printed() -> None:
    """Each fault is made, and the first one answers what the page says."""
    if not (shutil.which("bash") and shutil.which("curl")):
        pytest.skip("the commands need bash and curl")
    first, *others = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)

    def run(script: str, server: Server) -> str:
        command = ["bash", "-euo", "pipefail", "-c", script.replace("http://127.0.0.1:24477", server.url)]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout

    with Server(Settings(port=0, clock_mode="frozen")) as server:
        assert '"id":"flt_1"' in run(first, server)
        answer = httpx2.post(f"{server.url}/v1/calls", json=CALL, headers=KEY)
        *made, journal = [run(script, server) for script in others]
    printed = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert printed is not None
    assert answer.json() == json.loads(printed[1])
    assert [f'"id":"flt_{number}"' in "".join(made) for number in (2, 3, 4)] == [True] * 3
    assert json.loads(journal)["data"][0]["fault"] == "flt_1"


def test_the_page_has_every_code_with_its_status_and_type() -> None:
    """As they are answered."""
    for code, row in CODES.items():
        line = next(line for line in PAGE.splitlines() if line.startswith("| ") and f"`{code}`" in line)
        assert f"| {row.status} | `{row.type}`" in line
