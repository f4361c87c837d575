"""HEAD works wherever GET does, and tells the same without the body (RFC 9110, 9.3.2)."""

import pytest

from mockchirp.api.routes import OPERATIONS as CHIRPS
from mockchirp.control.routes import OPERATIONS as CONTROLS
from mockchirp.control.server import PAGES


@pytest.fixture
def paths(mock, record):
    """Every path that can be read, with ids of things that there are."""
    recording = record(mock)
    call_id = recording["callId"]
    mock.post("/v1/webhooks", {"url": "https://app.test/", "events": ["calls.completed"]})
    names = {
        "callId": call_id,
        "recordingId": recording["id"],
        "webhookId": mock.get("/v1/webhooks").json()["data"][0]["id"],
        "voicemailId": "call_vm_test_" + "a" * 27,
        "appId": mock.sandbox().app_id,
        "name": "answered",
        "deliveryId": mock.get("/_mockchirp/deliveries").json()["data"][0]["id"],
        "faultId": "flt_1",
    }
    rows = [*CHIRPS, *CONTROLS]
    paths = [row.path for row in rows if row.method == "GET"] + [page.path for page in PAGES]
    return [path.format_map(names) for path in dict.fromkeys(paths)]


def test_head_tells_what_get_would(mock, paths):
    """Status and headers, the length among them; refusals too."""
    for path in paths:
        key = "sk_admin_x" if "/organization/" in path else "sk_test_app_local"
        head, get = (mock.request(method, path, key=key) for method in ("HEAD", "GET"))

        assert head.status_code == get.status_code, path
        assert head.content == b"", path
        assert list(head.headers) == list(get.headers), path
        same = {name: value for name, value in get.headers.items() if name != "x-ratelimit-remaining"}
        if path not in ("/_mockchirp/metrics", "/_mockchirp/requests"):  # which count this very request
            assert same.items() <= dict(head.headers).items(), path


def test_head_is_counted_and_entered_like_get(mock):
    """In the limit of requests, and in the journal, as what it is."""
    left = [int(mock.request(m, "/v1/webhooks").headers["x-ratelimit-remaining"]) for m in ("GET", "HEAD", "GET")]
    entries = mock.get("/_mockchirp/requests").json()["data"]

    assert left == [59, 58, 57]
    assert [(entry["method"], entry["operation"], entry["response"]["status"]) for entry in entries] == [
        ("GET", "listWebhooks", 200),
        ("HEAD", "listWebhooks", 200),
        ("GET", "listWebhooks", 200),
    ]
    assert [bool(entry["response"]["body"]) for entry in entries] == [True, False, True]
    assert mock.get("/_mockchirp/requests?method=HEAD").json()["totalCount"] == 1


def test_a_fault_strikes_head_as_it_strikes_get(mock):
    """It is the same operation."""
    mock.post("/_mockchirp/faults", {"operation": "listWebhooks", "status": 503, "times": 1})

    assert mock.request("HEAD", "/v1/webhooks").status_code == 503
    assert mock.get("/v1/webhooks").status_code == 200


def test_where_there_is_no_get_there_is_no_head(mock):
    """It would do what POST does."""
    assert mock.request("HEAD", "/v1/calls").status_code == 405
    assert mock.request("HEAD", "/_mockchirp/clock/advance").status_code == 405
    assert mock.request("HEAD", "/nothing").status_code == 404
