"""Who may import whom, and how long a module may be: the architecture, as far as it can be read from the source."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "mockchirp"
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): ast.parse(path.read_text())
    for path in sorted(PACKAGE.rglob("*.py"))
}
LONGEST = 400
"""Lines of a module; most are 60 to 250."""

# For each part of the package, what of the package it may import beside itself. The first row that fits a module counts.
MAY_IMPORT = {
    "mockchirp.core": set(),
    "mockchirp.clock": {"core"},
    "mockchirp.media": {"core"},
    "mockchirp.sending": {"core", ""},
    "mockchirp.waits": {"clock", "core"},
    "mockchirp.news": {"core"},
    "mockchirp.receivers": {"core"},
    "mockchirp.notices": {"core"},
    "mockchirp.traffic": {"core", "receivers"},
    "mockchirp.logs": set(),
    "mockchirp.flights": {"core", "sending"},
    "mockchirp.breakable": {"waits"},
    "mockchirp.life": {"clock"},
    "mockchirp.live": {
        "breakable",
        "core",
        "clock",
        "flights",
        "notices",
        "life",
        "news",
        "sending",
        "waits",
        "traffic",
    },
    "mockchirp.advance": {"breakable", "core", "clock", "live"},
    "mockchirp.runtime": {"core", "clock", "sending", "live", "traffic"},
    "mockchirp.findings": {"core"},
    "mockchirp.signposts": set(),
    "mockchirp.malformed": set(),
    "mockchirp.http": {"core", "findings", "malformed", "signposts"},
    "mockchirp.origins": {"core", "http"},
    "mockchirp.framing": set(),
    "mockchirp.idling": set(),
    "mockchirp.progress": set(),
    "mockchirp.protocol": {"framing", "idling", "progress"},
    "mockchirp.contract": set(),
    "mockchirp.api": {"core", "clock", "fields", "live", "news", "runtime", "waits", "http"},
    "mockchirp.fields": {"core"},
    "mockchirp.pacing": {"clock"},
    "mockchirp.state": {"core", "clock", "fields", "findings", "http", "live", "runtime"},
    "mockchirp.control": {
        "advance",
        "news",
        "waits",
        "pacing",
        "core",
        "clock",
        "live",
        "runtime",
        "http",
        "contract",
        "fields",
        "findings",
        "state",
        "traffic",
        "",
    },
    "mockchirp.plain_files": set(),
    "mockchirp.file_lock": set(),
    "mockchirp.yaml_files": set(),
    "mockchirp.seeds": {"core", "plain_files", "runtime", "state", "yaml_files"},
    "mockchirp.state_file": {"core", "clock", "file_lock", "live", "pacing", "plain_files", "runtime", "state"},
    "mockchirp.client": set(),
    "mockchirp.app": {
        "address",
        "origins",
        "core",
        "clock",
        "media",
        "sending",
        "runtime",
        "http",
        "api",
        "control",
        "seeds",
        "settings",
        "state_file",
        "traffic",
    },
    "mockchirp.slips": {"core", "settings"},
    "mockchirp.settings": {"core", "clock", "address"},
}
# Libraries that core may use beside the standard one.
CORE_LIBRARIES = {"faker"}


def imported(tree):
    """The full name of every module that a module imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide who imports whom"
            inner = {f"{node.module}.{name.name}" for name in node.names} & set(MODULES)
            yield from inner or {node.module}


def part_of(module):
    """The part of the package that a module belongs to; the package itself is the empty one."""
    return ([*module.split("."), ""])[1]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_what_its_part_may(module):
    """Everything points towards the core; `api` and `control` don't know each other; the rest composes."""
    row = next((may for prefix, may in MAY_IMPORT.items() if f"{module}.".startswith(f"{prefix}.")), None)
    inner = {name for name in imported(MODULES[module]) if name.split(".")[0] == "mockchirp"}

    if row is not None:
        assert {part_of(name) for name in inner} <= row | {part_of(module)}


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith("mockchirp.core")])
def test_the_core_is_pure(module):
    """It imports the standard library (and Faker), holds nothing asynchronous, and reads neither time nor the network."""
    tree = MODULES[module]
    outer = {name.split(".")[0] for name in imported(tree)} - {"mockchirp"}

    assert outer <= set(sys.stdlib_module_names) | CORE_LIBRARIES
    assert not outer & {"asyncio", "threading", "time", "socket", "os", "subprocess", "uuid", "secrets"}
    asynchronous = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    assert not any(isinstance(node, asynchronous) for node in ast.walk(tree))


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_not_too_long(module):
    """One noun a file; what grows beyond that is two."""
    path = PACKAGE.parent.joinpath(*module.split(".")).with_suffix(".py")

    assert len(path.read_text().splitlines()) <= LONGEST


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_named_for_what_it_holds(module):
    """The architecture is legible from the list of files."""
    assert not {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc"} & set(module.split("."))


def test_every_part_with_a_row_is_there():
    """A part that was renamed would escape its row. The client is still to come."""
    parts = {f"mockchirp.{part_of(module)}" for module in MODULES}

    assert set(MAY_IMPORT) - parts <= {"mockchirp.client"}


def test_what_few_servers_need_is_not_loaded_with_the_application():
    """Cold start and idle memory count: metrics and the sending of webhooks come when they are first asked for."""
    program = "import sys, mockchirp.app; mockchirp.app.create_app(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert not {"prometheus_client", "mockchirp.control.document", "mockchirp.sending.connections"} & set(
        loaded.stdout.split()
    )
