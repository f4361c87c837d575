"""The page on state tells the truth: its commands and its seed work as they are printed."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from mockchirp.app import create_app
from mockchirp.seeds import fixtures
from mockchirp.server import Server
from mockchirp.settings import Settings
from mockchirp.state.document import CallPart, Document

PAGE = (Path(__file__).parents[2] / "docs" / "state.md").read_text()


def block(name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_walk_works_as_it_is_printed(tmp_path: Path) -> None:
    """Pasted into a shell: taken along, emptied, brought back, written by hand, refused, removed."""
    if not (shutil.which("bash") and shutil.which("curl")):
        pytest.skip("the walk needs bash and curl")
    with Server(Settings(port=0, clock_mode="frozen")) as server:
        script = block("walk").replace("http://127.0.0.1:24477", server.url)
        script = re.sub(r"^(curl (?:[^\n']|'[^']*')*)$", r"\1; echo", script, flags=re.MULTILINE)
        walk = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    call, _, _, lost, back, report, own, voicemails, refused, gone = [
        json.loads(line) if line else None for line in walk.stdout.splitlines()
    ]
    assert (lost["calls"], back["calls"], back["liveCalls"]) == (1, 1, 1)
    assert report["events"][0]["type"] == "calls.answered"
    assert {event["callId"] for event in report["events"]} == {call["id"]}
    assert (own["calls"], own["recordings"], own["voicemails"]) == (2, 2, 1)
    assert voicemails["data"][0]["duration"] == 20
    assert refused["error"]["param"] == "calls[0].to"
    assert gone["calls"] == 2


def test_the_seed_works_as_it_is_printed(tmp_path: Path) -> None:
    """Also for readers of YAML who know nothing of it."""
    path = tmp_path / "seed.yaml"
    path.write_text(block("seed"))
    assert len(yaml.safe_load(block("seed"))["sandboxes"]) == 2

    app = create_app(Settings(seed=str(path)))

    shop, empty = app.runtime
    assert [call.status for call in shop.sandbox.calls.values()] == ["completed", "in_progress"]
    assert empty.keys == ("sk_test_app_empty",)


def test_the_page_names_every_field_and_seed() -> None:
    """Those that people write; exports have more."""
    for name, field in Document.model_fields.items():
        assert f"`{field.alias or name}`" in PAGE or name == "origin"
    machinery = {"participants", "participant_count", "scenario_definition"}
    for name, field in CallPart.model_fields.items():
        assert name in machinery or f"`{field.alias or name}`" in PAGE or f"**{name}" in PAGE, name
    for name in fixtures():
        assert f"- `{name}`:" in PAGE
