"""What the tests of the contract share."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

DOCUMENTED = Path(__file__).parents[2] / "fixtures" / "documented"


@pytest.fixture(scope="session")
def documented() -> dict[str, dict[str, Any]]:
    """Chirp's own examples by file name: each entry of the index, with the `example` itself."""
    index = yaml.safe_load((DOCUMENTED / "index.yaml").read_text())
    return {
        entry["file"]: {**entry, "example": json.loads((DOCUMENTED / entry["file"]).read_text())} for entry in index
    }


@pytest.fixture(scope="session")
def documented_files() -> set[str]:
    """The names of the files of examples that there are."""
    return {path.name for path in DOCUMENTED.glob("*.json")}
