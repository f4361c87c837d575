"""Clients in TypeScript, generated from both documents, compiled strictly and run through a story against a live server."""

import shutil

import pytest

from tests.clients.conftest import HERE, run


@pytest.fixture(scope="session")
def built(node, documents, tmp_path_factory):
    """The folder of the compiled stories, and of the clients that both generators make for them."""
    folder = tmp_path_factory.mktemp("typescript")
    shutil.copytree(HERE / "typescript", folder, dirs_exist_ok=True)
    shutil.copytree(documents, folder, dirs_exist_ok=True)
    (folder / "node_modules").symlink_to(HERE / "node_modules")
    (folder / "package.json").write_text('{"type": "module"}')
    for document in ("chirp.yaml", "control.json"):
        run([node / "openapi-typescript", document, "-o", f"{document.partition('.')[0]}.ts"], folder)
    run([node / "openapi-ts"], folder)
    run([node / "tsc", "--project", "."], folder)
    return folder / "built"


@pytest.mark.parametrize("story", ["fetch.js", "hey.js"])
def test_a_story_in_typescript(built, server, story):
    """Calls, commands, recordings, voicemails, errors and webhooks, with their types."""
    run(["node", built / story], built, CHIRP_URL=server.url)
