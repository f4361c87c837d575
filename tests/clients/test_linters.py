"""The linters of OpenAPI have nothing to say; each rule that is off has its reason in the ruleset."""

import pytest

from tests.clients.conftest import HERE, run

DOCUMENTS = ["chirp.yaml", "strict.yaml", "control.json"]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_redocly_finds_nothing(node, documents, document):
    """Not even a warning."""
    run([node / "redocly", "lint", "--config", HERE / "redocly.yaml", document], documents)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_spectral_finds_nothing(node, documents, document):
    """Not even a warning."""
    run([node / "spectral", "lint", "--fail-severity=warn", "--ruleset", HERE / "spectral.yaml", document], documents)
