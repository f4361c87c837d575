"""Both OpenAPI documents in the hands of other people's tools. What is generated from them runs against a live server."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mockchirp import contract
from mockchirp.control.document import served
from mockchirp.server import Server
from mockchirp.settings import Settings

HERE = Path(__file__).parent
LONGEST = 240
"""Seconds that a tool may take."""


def run(command: list[str], folder: Path, **environment: str) -> str:
    """Run a tool, which must succeed; what it prints."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**os.environ, "REDOCLY_TELEMETRY": "off", **environment},
        capture_output=True,
        text=True,
        timeout=LONGEST,
    )
    assert done.returncode == 0, f"{Path(command[0]).name} failed:\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture(scope="session")
def node() -> Path:
    """The folder of the JavaScript tools, which npm installs as `package-lock.json` says."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed: the linters and the clients in TypeScript are not tried")
    lock = (HERE / "package-lock.json").read_bytes()
    stamp = HERE / "node_modules" / ".installed"
    if not stamp.exists() or stamp.read_bytes() != lock:
        run(["npm", "ci"], HERE)
        stamp.write_bytes(lock)
    return HERE / "node_modules" / ".bin"


@pytest.fixture(scope="session")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the documents as they are served: `chirp.yaml`, `strict.yaml` and `control.json`."""
    folder = tmp_path_factory.mktemp("documents")
    (folder / "chirp.yaml").write_bytes(contract.text())
    (folder / "strict.yaml").write_bytes(contract.served(strict=True)[0])
    (folder / "control.json").write_bytes(served())
    return folder


@pytest.fixture(scope="session")
def python() -> Path:
    """The folder of the commands of this Python."""
    return Path(sys.executable).parent


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on a frozen clock."""
    with Server(Settings(port=0, clock_mode="frozen")) as server:
        yield server
