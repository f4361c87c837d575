"""Schemathesis against a server of its own over a real socket, as its users run it."""

import subprocess
import sys

import httpx2
import pytest

from mockchirp.server import Server
from mockchirp.settings import Settings


@pytest.fixture
def client(receiver):
    """A client of a server whose clocks are frozen, and whose webhooks go nowhere, whatever URLs they are given."""
    server = Server(Settings(port=0, clock_mode="frozen"), sender=receiver)
    with server, httpx2.Client(base_url=server.url) as client:
        yield client


@pytest.fixture
def world(client, populate):
    return populate(client)


@pytest.fixture
def run(client, world, write_config):
    """Run schemathesis; ``parameters`` fixes the values of some."""

    def run(*arguments, parameters):
        config = write_config(world, parameters)
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", config, "run", *arguments]
        return subprocess.run(
            [*command, f"{client.base_url}/openapi.json"],
            cwd=config.parent,
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


def test_every_operation_does_what_the_contract_says(run, client, headers):
    """Examples, coverage of the schemas, valid and invalid data, and stories along the links, while time runs."""
    for app in headers.values():
        client.put("/_mockchirp/clock", json={"mode": "real", "rate": 1000}, headers=app).raise_for_status()

    finished = run(parameters={})

    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_files_are_served_as_the_contract_says(run, world):
    """With a link that works, so that what is tried is the ranges."""
    file_name, signed = world.link()

    finished = run(
        "--include-tag=File storage",
        "--phases=examples,coverage,fuzzing",  # no links lead to files, since a link can't take a URL apart
        parameters={"path.fileName": file_name, "query.signed": signed},
    )

    assert finished.returncode == 0, finished.stdout + finished.stderr
