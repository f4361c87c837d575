"""The page on seeing and waiting tells the truth: its commands work as they are printed."""

import json
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from mockchirp.control.conditions import AnyCondition
from mockchirp.core.deliveries import DeliveryStatus
from mockchirp.server import Server
from mockchirp.settings import Settings

PAGE = (Path(__file__).parents[2] / "docs" / "waiting.md").read_text()


def test_the_walk_works_as_it_is_printed(tmp_path: Path) -> None:
    """Pasted into a shell: waits that come true, one that can't, one that times out, a redelivery and a history."""
    if not (shutil.which("bash") and shutil.which("curl")):
        pytest.skip("the walk needs bash and curl")
    found = re.search(r"<!-- walk -->\n```sh\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        nobody = f"http://127.0.0.1:{reserved.getsockname()[1]}"
    settings = Settings(port=0, clock_rate=60, webhook_url=f"{nobody}/webhooks")
    with Server(settings) as server:
        script = found[1].replace("http://127.0.0.1:24477", server.url).replace("http://127.0.0.1:3001", nobody)
        walk = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", re.sub(r"^curl .*$", r"\g<0>; echo", script, flags=re.MULTILINE)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    answered, hopeless, timed_out, events, deliveries, exhausted, again, call = map(
        json.loads, walk.stdout.splitlines()
    )
    assert answered["call"]["answeredAt"] is not None
    assert "never becomes ringing" in hopeless["error"]["message"]
    assert "calls.failed has not happened within 50ms: what did happen: calls.initiated, calls.ringing" in str(
        timed_out
    )
    assert events["data"][0]["number"] == 4
    assert deliveries["totalCount"] == 1
    assert exhausted["delivery"]["attempts"][0]["error"].startswith("connection refused by 127.0.0.1")
    assert (again["redeliveryOf"], again["url"]) == ("dlv_1", f"{nobody}/again")
    assert {item["kind"] for item in call["history"]} == {"request", "event", "delivery"}


def test_the_page_names_every_condition_and_status() -> None:
    """What can be waited for, and what a delivery can come to."""
    for condition in AnyCondition.__args__:
        assert f'{{"{next(iter(condition.model_fields))}"' in PAGE
    for status in DeliveryStatus.__args__:
        assert f"`{status}`" in PAGE
