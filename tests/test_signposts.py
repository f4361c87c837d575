"""Where a path that is not known was most likely meant to lead."""

import pytest

from mockchirp.api.routes import DOWNLOADS
from mockchirp.api.routes import OPERATIONS as CHIRPS
from mockchirp.control.routes import OPERATIONS as CONTROLS
from mockchirp.control.server import PAGES
from mockchirp.signposts import signpost

TEMPLATES = [*(row.path for row in CHIRPS), *(row[1] for row in DOWNLOADS), *(row.path for row in (*CONTROLS, *PAGES))]
ID = "call_test_38I2wA0MW1eIm6qb4t2TYim1OSb"


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/calls", "/v1/calls"),
        ("/webhooks", "/v1/webhooks"),
        ("/v1/call", "/v1/calls"),
        ("/v1/calls/", "/v1/calls"),
        ("/v1/webhooks/", "/v1/webhooks"),
        ("//v1/calls", "/v1/calls"),
        ("/v1//calls", "/v1/calls"),
        ("/V1/Calls", "/v1/calls"),
        ("/v2/calls", "/v1/calls"),
        ("/api/v1/calls", "/v1/calls"),
        ("/v1/v1/calls", "/v1/calls"),
        ("/_mockchirp/v1/calls", "/v1/calls"),
        (f"/v1/call/{ID}", f"/v1/calls/{ID}"),
        (f"/calls/{ID}/commands", f"/v1/calls/{ID}/commands"),
        (f"/v1/calls/{ID}/comand", f"/v1/calls/{ID}/commands"),
        (f"/v1/calls/{ID}/", f"/v1/calls/{ID}"),
        ("/v1/voicemails", "/v1/calls/voicemails"),
        ("/v1/recordings/rec", "/v1/calls/recordings/rec"),
        ("/v1/apps/a/calling", "/v1/organization/apps/a/calling"),
        ("/recording/rec.mp4", "/recordings/rec.mp4"),
        ("/health", "/_mockchirp/health"),
        ("/clock/advance", "/_mockchirp/clock/advance"),
        ("/v1/clock/advance", "/_mockchirp/clock/advance"),
        ("/mockchirp/calls", "/_mockchirp/calls"),
        ("/_mockchirp/clok", "/_mockchirp/clock"),
        ("/_mockchirp/fault", "/_mockchirp/faults"),
        (f"/_mockchirp/calls/{ID}/far_end", f"/_mockchirp/calls/{ID}/far-end"),
        ("/_mockchirp/reset/", "/_mockchirp/reset"),
        ("/openapi.yml", "/openapi.yaml"),
    ],
)
def test_the_nearest_path_is_named(path, meant):
    """With the ids that were in the one given."""
    assert signpost(path, TEMPLATES).startswith(f"; did you mean {meant}? ")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/foo",
        "/v1/messages",
        f"/messages/{ID}",
        "/favicon.ico",
        "/docs",
        "/v1/" + "calls" * 50,
        "/_mockchirp",
    ],
)
def test_where_nothing_is_near_nothing_is_named(path):
    """An id alone makes no path like another, however long it is."""
    assert "did you mean" not in signpost(path, TEMPLATES)


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("/_mockchirp/nap", "/_mockchirp/openapi.json describes the control API"),
        ("/_MockChirp/nap", "/_mockchirp/openapi.json describes the control API"),
        ("/mockchirp/nap", "/_mockchirp/openapi.json describes the control API"),
        ("/v1/nap", "/openapi.yaml lists what there is"),
        ("/", "/openapi.yaml lists what there is"),
    ],
)
def test_each_surface_has_a_document_of_its_own(path, document):
    """Which is named in any case."""
    assert signpost(path, TEMPLATES) == f"; {document}"


def test_an_unknown_path_is_404_in_the_envelope(mock, refused):
    """On both surfaces; what is far too long is not repeated."""
    refused(mock.post("/calls", {}), 404, says="No such route: POST /calls; did you mean /v1/calls?")
    refused(mock.get("/_mockchirp/clok"), 404, says="did you mean /_mockchirp/clock? /_mockchirp/openapi.json")
    refused(mock.get("/v1/" + "x" * 5000), 404, says="No such route")
