"""Clients in Python, generated from both documents, checked by mypy and run through a story against a live server."""

import shutil

import pytest

from tests.clients.conftest import HERE, run

DOCUMENTS = {"chirp": "chirp.yaml", "control": "control.json"}


@pytest.fixture
def folder(documents, tmp_path):
    """A folder with the stories and both documents."""
    shutil.copytree(HERE / "python", tmp_path, dirs_exist_ok=True)
    shutil.copytree(documents, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_a_story_with_the_clients_of_openapi_python_client(python, folder, server):
    """Nothing is left out of the clients, mypy is content with them and with the story."""
    for name, document in DOCUMENTS.items():
        options = ["--meta", "none", "--config", "openapi-python-client.yaml", "--fail-on-warning"]
        run(
            [
                python / "openapi-python-client",
                "generate",
                "--path",
                document,
                "--output-path",
                f"{name}_client",
                *options,
            ],
            folder,
        )
    run([python / "mypy", "--strict", "generated.py"], folder)
    run([python / "python", "generated.py", server.url], folder)


def test_a_story_with_the_models_of_datamodel_code_generator(python, folder, server):
    """Every answer and webhook is an instance of its model, whose metadata is kept; mypy is content."""
    for name, document in DOCUMENTS.items():
        options = [
            "--input-file-type",
            "openapi",
            "--output-model-type",
            "pydantic_v2.BaseModel",
            "--use-annotated",
            "--target-python-version",
            "3.11",
        ]
        run(
            [python / "datamodel-codegen", "--input", document, "--output", f"{name}.py", *options],
            folder,
        )
    run([python / "mypy", "--strict", "models.py"], folder)
    run([python / "python", "models.py", server.url], folder)
