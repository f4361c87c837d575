"""The README and the pages in `docs` tell the truth: their tables are those of the code, and their commands work.

Run as a program, this file writes the generated parts anew.
"""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Set
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mockchirp.app import create_app
from mockchirp.contract import assumptions, document
from mockchirp.control.metrics import render
from mockchirp.control.routes import OPERATIONS
from mockchirp.control.server import PAGES
from mockchirp.core.calls import (
    CALLER_ACTIONS,
    COMMANDS,
    EVENT_OF_STATUS,
    FAR_END_ACTIONS,
    TRANSITIONS,
    CallStatus,
    Direction,
)
from mockchirp.core.errors import CarrierUnavailable, ChirpError
from mockchirp.core.events import EVENTS
from mockchirp.core.recordings import RECORDING_TRANSITIONS
from mockchirp.core.scenarios import SCENARIOS
from mockchirp.server import Server
from mockchirp.settings import Settings, flag, group, variable

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


def diagram(first: str, transitions: Mapping[Any, Set[Any]]) -> str:
    """A state machine: only what can be reached from its ``first`` status."""
    reached = [first]
    for status in reached:
        reached += [name for name in transitions if name in transitions[status] and name not in reached]
    arrows = [f"[*] --> {first}"]
    for status in reached:
        arrows += [f"{status} --> {name}" for name in transitions if name in transitions[status]]
    arrows += [f"{status} --> [*]" for status in reached if not transitions[status]]
    return "\n".join(["```mermaid", "stateDiagram-v2", *(f"    {arrow}" for arrow in arrows), "```"])


def statuses(direction: Direction = "outbound") -> str:
    """The statuses of a call, as a diagram."""
    return diagram("initiated", TRANSITIONS[direction])


def _assumed_of(*path: str) -> str:
    """What the contract assumes of a part that is documented."""
    part: Any = document()
    for key in path:
        part = part[key]
    return str(part.get("x-assumption", ""))


def events() -> str:
    """The events that webhooks tell of."""
    return table(
        ("event", "when", "assumed"),
        *(
            (f"`{row.name}`", row.when, _assumed_of("webhooks", row.name, "post"))
            for row in EVENTS.values()
            if row.webhook
        ),
    )


def assumed() -> str:
    """Every assumption of the contract."""
    return table(
        ("what", "assumption, or why it is one"), *((f"{row['what']}", row["reason"]) for row in assumptions())
    )


def assumptions_by_place() -> str:
    """Every assumption with the place in the contract where it stands."""
    return table(
        ("what", "assumption, or why it is one", "in the contract"),
        *((row["what"], row["reason"], f"`{row['where']}`") for row in assumptions()),
    )


def every_event() -> str:
    """All events, with who is told of them."""
    return table(
        ("event", "when", "webhooks", "assumed"),
        *(
            (
                f"`{row.name}`",
                row.when,
                "yes" if row.webhook else "no",
                _assumed_of("webhooks", row.name, "post") if row.webhook else "",
            )
            for row in EVENTS.values()
        ),
    )


def commands() -> str:
    """What the app can command, and when."""
    return table(
        ("command", "for", "when the call is", "assumed"),
        *(
            (
                f"`{row.name}`",
                "inbound calls" if row.inbound_only else "all calls",
                ", ".join(f"`{status}`" for status in EVENT_OF_STATUS if status in row.statuses),
                _assumed_of("components", "schemas", row.name.title().replace("_", "")),
            )
            for row in COMMANDS.values()
        ),
    )


def far_end() -> str:
    """What the far end can do, and when."""

    def before(direction: Direction, target: CallStatus) -> str:
        return ", ".join(f"`{status}`" for status, following in TRANSITIONS[direction].items() if target in following)

    return table(
        ("action", "leads to", "of an outbound call that is", "of an inbound call that is"),
        *(
            (
                f"`{action}`",
                f"`{status}`",
                before("outbound", status),
                before("inbound", status)
                + (", and `initiated`, which leads to `canceled`" if action == "hangup" else "")
                if action in CALLER_ACTIONS
                else "",
            )
            for action, status in FAR_END_ACTIONS.items()
        ),
    )


def every_error(base: type[ChirpError] = ChirpError) -> Iterator[type[ChirpError]]:
    """All classes of errors that are answers."""
    for error in base.__subclasses__():
        yield error
        yield from every_error(error)


def errors() -> str:
    """Every error by its status."""
    codes = {CarrierUnavailable: "`telnyx_api_unavailable`, `meta_api_unavailable`"}
    rows = [
        (str(error.status), f"`{error.type}`", codes.get(error, f"`{error.code}`" if error.code else ""), said(error))
        for error in every_error()
        if isinstance(getattr(error, "status", None), int)
    ]
    rows += [
        (
            "400",
            "`invalid_request_error`",
            "",
            "What was sent is not HTTP/1.1, or has no Host or several; the connection is closed.",
        ),
        ("408", "`invalid_request_error`", "", "The request was not whole in time; the connection is closed."),
        (
            "431",
            "`invalid_request_error`",
            "",
            "The request line and the headers are too long; the connection is closed.",
        ),
        (
            "501",
            "`invalid_request_error`",
            "",
            "CONNECT, or a Transfer-Encoding but chunked; the connection is closed.",
        ),
        ("503", "`api_error`", "", "Too many connections are open, and none is idle; this one is closed."),
        ("505", "`invalid_request_error`", "", "HTTP/2, or another version but 1.0 and 1.1; the connection is closed."),
    ]
    return table(("status", "`type`", "`code`", "when"), *sorted(rows, key=lambda row: row[0]))


def said(error: type[ChirpError]) -> str:
    """The first sentence of an error's docstring, without the marks of references."""
    first = re.split(r"\n\s*\n", error.__doc__ or "")[0]
    return re.sub(r"\s+", " ", re.sub(r":\w+:`~?\.?(\w+\.)*(\w+)`", r"`\2`", first.replace("``", "`"))).strip()


def routes() -> str:
    """Every route of the control API, and of the server."""
    rows = [(f"`{row.method} {row.path}`", row.what) for row in OPERATIONS]
    rows += [(f"`GET {page.path}`", page.what[:1].upper() + page.what[1:]) for page in PAGES]
    return table(("request", "what"), *rows)


def bounds() -> str:
    """The settings that bound something."""
    return table(
        ("setting", "default", "what"),
        *(
            (f"`{flag(name)}`", f"`{field.default}`", str(field.description))
            for name, field in Settings.model_fields.items()
            if group(field) == "Bounds"
        ),
    )


def metrics() -> str:
    """The metrics of a server."""
    app = create_app(Settings())
    text = render(app.runtime)[0].decode()
    rows = [
        (f"`{family.name}{'_total' if family.type == 'counter' else ''}`", family.type, family.documentation)
        for family in text_string_to_metric_families(text)
        if family.name.startswith("mockchirp_")
    ]
    return table(("metric", "type", "what"), *rows)


GENERATED: dict[str, Callable[[], str]] = {
    "routes": routes,
    "errors": errors,
    "every_event": every_event,
    "outbound": statuses,
    "inbound": partial(statuses, "inbound"),
    "recording": partial(diagram, "recording", RECORDING_TRANSITIONS),
    "commands": commands,
    "far_end": far_end,
    "assumptions_by_place": assumptions_by_place,
    "bounds": bounds,
    "metrics": metrics,
    "scenarios": scenarios,
    "statuses": statuses,
    "events": events,
    "settings": settings,
    "assumptions": assumed,
}


PART = re.compile(r"(<!-- (\w+) -->\n)(.*?)(<!-- /\2 -->)", re.DOTALL)
PAGES_WITH_PARTS = [README, *sorted((ROOT / "docs").glob("*.md"))]
PARTS = [
    (page, match[2]) for page in PAGES_WITH_PARTS for match in PART.finditer(page.read_text()) if match[2] in GENERATED
]


def part(page: Path, name: str) -> str:
    """A generated part of a page, as it stands there."""
    return next(match[3].strip("\n") for match in PART.finditer(page.read_text()) if match[2] == name)


def block(name: str) -> str:
    """The code block of the README that is marked with ``name``."""
    found = re.search(rf"<!-- {name} -->\n```sh\n(.*?)```", README.read_text(), re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(("page", "name"), PARTS, ids=lambda value: getattr(value, "stem", value))
def test_a_generated_part_is_up_to_date(page: Path, name: str) -> None:
    """After a change of the table behind it, `python tests/test_docs.py` writes it anew."""
    assert part(page, name) == GENERATED[name]()


def test_every_generated_part_has_a_place() -> None:
    """So that the docs name every route, event, error, status, setting, metric and assumption."""
    assert {name for _, name in PARTS} == set(GENERATED)


def test_the_examples_of_the_control_api_work_and_show_every_route(tmp_path: Path) -> None:
    """One after the other, as the page has it; each operation succeeds."""
    if not (shutil.which("bash") and shutil.which("curl")):
        pytest.skip("the examples need bash and curl")
    blocks = re.findall(r"<!-- run -->\n```sh\n(.*?)```", (ROOT / "docs" / "control-api.md").read_text(), re.DOTALL)
    with Server(Settings(port=0, clock_mode="frozen", webhook_url="http://127.0.0.1:9/webhooks")) as server:
        script = "\n".join(blocks).replace("http://127.0.0.1:24477", server.url)
        command = ["bash", "-euo", "pipefail", "-c", script]
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        measured = subprocess.run(
            ["curl", "-s", f"{server.url}/_mockchirp/metrics"], capture_output=True, text=True, check=True
        ).stdout
    assert run.returncode == 0, run.stderr
    answered = set(re.findall(r'mockchirp_requests_total\{operation="(\w+)",status="(\d+)"\}', measured))
    assert {operation for operation, status in answered if status < "400"} >= {row.id for row in (*OPERATIONS, *PAGES)}
    # The fault is meant; whatever else fails does not.
    assert {(operation, status) for operation, status in answered if status >= "400"} == {("getCall", "503")}


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
    for page in PAGES_WITH_PARTS:
        page.write_text(
            PART.sub(
                lambda found: (
                    f"{found[1]}\n{GENERATED[found[2]]()}\n\n{found[4]}" if found[2] in GENERATED else found[0]
                ),
                page.read_text(),
            )
        )
