"""The README tells the truth: its tables are those of the code, and its commands work.

Run as a program, this file writes the generated parts of the README anew.
"""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from mockchirp.contract import assumptions
from mockchirp.core.calls import TRANSITIONS, Direction
from mockchirp.core.events import EVENTS
from mockchirp.core.scenarios import SCENARIOS
from mockchirp.server import Server
from mockchirp.settings import Settings, flag, variable

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"


def table(*rows: tuple[str, ...]) -> str:
    """A Markdown table; the first row is its head."""
    head, *body = ("| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in rows)
    return "\n".join([head, "|---" * len(rows[0]) + "|", *body])


def settings() -> str:
    """Each setting by its flag and its variable."""
    return table(
        ("setting", "default", "what"),
        *(
            (
                f"`{flag(name)}`<br>`{variable(name)}`",
                "" if field.default is None else f"`{field.default}`",
                str(field.description),
            )
            for name, field in Settings.model_fields.items()
        ),
    )


def scenarios() -> str:
    """What each dialled number leads to."""
    return table(
        ("`to` number", "scenario", "what happens"),
        *((f"`{row.number}`" if row.number else "any other", f"`{row.name}`", row.what) for row in SCENARIOS.values()),
    )


def statuses(direction: Direction = "outbound") -> str:
    """The statuses of a call, as a diagram."""
    arrows = ["[*] --> initiated"]
    for status, following in TRANSITIONS[direction].items():
        arrows += [f"{status} --> {name}" for name in TRANSITIONS[direction] if name in following]
    return "\n".join(["```mermaid", "stateDiagram-v2", *(f"    {arrow}" for arrow in arrows), "```"])


def events() -> str:
    """The events that webhooks tell of."""
    return table(
        ("event", "when", ""),
        *(
            (f"`{row.name}`", row.when, "" if row.documented else "assumed name")
            for row in EVENTS.values()
            if row.webhook
        ),
    )


def assumed() -> str:
    """Every assumption of the contract."""
    return table(
        ("what", "assumption, or why it is one"), *((f"{row['what']}", row["reason"]) for row in assumptions())
    )


GENERATED = {
    "scenarios": scenarios,
    "statuses": statuses,
    "events": events,
    "settings": settings,
    "assumptions": assumed,
}


def parts(text: str) -> Mapping[str, str]:
    """The generated parts of a text by their names, as they stand there."""
    return {
        match[1]: match[2].strip("\n") for match in re.finditer(r"<!-- (\w+) -->\n(.*?)<!-- /\1 -->", text, re.DOTALL)
    }


def block(name: str) -> str:
    """The code block of the README that is marked with ``name``."""
    found = re.search(rf"<!-- {name} -->\n```sh\n(.*?)```", README.read_text(), re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("name", GENERATED)
def test_a_generated_part_is_up_to_date(name: str) -> None:
    """After a change of the table behind it, `python tests/test_docs.py` writes it anew."""
    assert parts(README.read_text())[name] == GENERATED[name]()


def test_the_walk_works_as_it_is_printed(tmp_path: Path) -> None:
    """Pasted into a shell, it ends with a file that plays and a link that has expired."""
    if not (shutil.which("bash") and shutil.which("curl")):
        pytest.skip("the walk needs bash and curl")
    with Server(Settings(port=0, clock_mode="frozen")) as server:
        script = block("walk").replace("http://127.0.0.1:24477", server.url)
        walk = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    assert '"status":"in_progress"' in walk.stdout
    assert '"type":"calls.recording.completed"' in walk.stdout
    assert "expired" in walk.stdout.splitlines()[-1]
    assert (tmp_path / "call.ogg").read_bytes().startswith(b"OggS")


def test_ci_runs_the_readmes_very_test_command() -> None:
    """What people run is what CI runs."""
    assert block("tests") in (ROOT / ".ci" / "run").read_text()


if __name__ == "__main__":
    text = README.read_text()
    for name, generate in GENERATED.items():
        before, opening, rest = text.partition(f"<!-- {name} -->\n")
        _, closing, after = rest.partition(f"<!-- /{name} -->")
        text = f"{before}{opening}\n{generate()}\n\n{closing}{after}"
    README.write_text(text)
