"""The server itself: whether it lives and is ready, and its documents."""

import json
from pathlib import Path

import pytest
import yaml

CONTRACT = Path(__file__).parents[2] / "mockchirp" / "openapi.yaml"


@pytest.mark.parametrize(("path", "status"), [("/_mockchirp/health", "ok"), ("/_mockchirp/ready", "ready")])
def test_the_server_says_how_it_is(mock, path, status):
    """Without a key, and without making a sandbox."""
    answer = mock.get(path, key=None)

    assert (answer.status_code, answer.json()) == (200, {"status": status})
    assert list(mock.app.runtime) == []


def test_the_contract_is_served(mock, contract):
    """As it is written, and as JSON."""
    text, data = mock.get("/openapi.yaml", key=None), mock.get("/openapi.json", key=None)

    assert text.content == CONTRACT.read_bytes()
    assert text.headers["content-type"] == "application/yaml"
    assert data.headers["content-type"] == "application/json"
    assert data.json() == json.loads(json.dumps(contract.document)) == yaml.safe_load(text.content)


def test_the_home_page_leads_to_the_page(mock):
    """Which is HTML."""
    home = mock.get("/", key=None)

    assert (home.status_code, home.headers["location"]) == (307, "_mockchirp/ui")
    page = mock.get(home.headers["location"], key=None)
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
