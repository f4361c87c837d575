"""The server itself: whether it lives and is ready, and its documents."""

import json
import re
from pathlib import Path
from urllib.parse import urljoin, urlsplit

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


def test_the_page_names_what_it_needs_relatively(mock):
    """So that it works under any path of a proxy: nothing that it links to or fetches begins at the root."""
    text = mock.get("/_mockchirp/ui").text
    fetched = re.findall(r"""ask\("[A-Z]+", "([^"]+)""", text)
    linked = [url for url in re.findall(r"""(?:href|src|action)=["']([^"']*)""", text) if not url.startswith("data:")]

    assert len(fetched) >= 4
    for url in [*fetched, *linked]:
        path = urlsplit(urljoin("http://proxy.test/some/path/_mockchirp/ui", url)).path
        assert path.startswith("/some/path/"), url
        assert mock.request("OPTIONS", path.removeprefix("/some/path")).status_code == 204, url
    assert not re.search(r"""["'`(]/(?:v1|_mockchirp|openapi)""", text)
    home = mock.get("/").headers["location"]
    assert urljoin("http://proxy.test/some/path/", home) == "http://proxy.test/some/path/_mockchirp/ui"
