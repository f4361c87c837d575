"""A change that would break a generated client is deliberate: the CHANGELOG names it.

`docs/released/` has both documents as they were last released; `python -m tests.contract.release` puts the present ones there.
"""

import copy
import json
import re
from pathlib import Path

import pytest
import yaml

from mockchirp import contract
from mockchirp.control.document import document as control_document
from tests.contract.compatibility import breaking_changes

ROOT = Path(__file__).parents[2]
RELEASED = ROOT / "docs" / "released"


@pytest.fixture(params=["chirp.yaml", "control.json"])
def pair(request):
    """One of the documents as it was last released, and as it is."""
    released = yaml.safe_load((RELEASED / request.param).read_bytes())
    return released, contract.document() if request.param == "chirp.yaml" else control_document()


def announced():
    """What the CHANGELOG names as breaking since the last release."""
    unreleased = re.search(r"## \[Unreleased\]\n(.*?)(?=\n## \[|\Z)", (ROOT / "CHANGELOG.md").read_text(), re.DOTALL)
    return re.findall(r"^- \*\*Breaking:\*\* (.+?)\.?$", unreleased[1], re.MULTILINE)


def test_a_change_that_breaks_generated_clients_stands_in_the_changelog(pair):
    """As a line `- **Breaking:** ` and the words of this test."""
    released, present = pair

    unannounced = [change for change in breaking_changes(released, present) if change not in announced()]

    assert unannounced == [], "these break clients that were generated from the last release: undo or announce them"


@pytest.mark.parametrize(
    ("pointer", "value", "says"),
    [
        ("/paths/~1v1~1calls/post", None, "operation createCall is gone"),
        ("/paths/~1v1~1calls/post/operationId", "placeCall", "operation createCall is gone"),
        ("/components/schemas/Metadata", None, "schema Metadata is gone"),
        ("/components/schemas/Call/properties/endReason", None, "Call: field endReason is gone"),
        ("/components/schemas/Call/required", ["id"], "Call: field status may be missing"),
        ("/components/schemas/CallStatus/enum", ["initiated", "parked"], "Call.status can be parked"),
        ("/components/schemas/CallRequest/required", ["from", "to", "metadata"], "field metadata is required"),
        ("/components/schemas/CallRequest/properties/metadata", None, "CallRequest: field metadata is gone"),
        ("/components/schemas/EventName/enum", ["calls.initiated"], "can no longer be calls.answered"),
        ("/components/schemas/Voicemail/properties/isRead/type", ["boolean", "null"], "Voicemail.isRead can be null"),
        ("/components/schemas/TokenRequest/properties/ttl/type", "string", "ttl can no longer be integer"),
        ("/components/schemas/CallEventData/properties/app", None, "CallEventData: field app is gone"),
        (
            "/paths/~1v1~1calls~1voicemails/get/parameters/0/required",
            True,
            "listVoicemails: parameter limit is required",
        ),
        ("/paths/~1v1~1calls~1voicemails/get/parameters/1/name", "skip", "listVoicemails: parameter offset is gone"),
        ("/paths/~1v1~1calls/post/responses/424", None, "createCall: status 424 is gone"),
    ],
)
def test_a_breaking_change_is_noticed(pointer, value, says):
    """Whatever a client names, sends or reads."""
    changed = copy.deepcopy(contract.document())
    *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    node = changed
    for part in parents:
        node = node[int(part) if isinstance(node, list) else part]
    if value is None:
        del node[last]
    else:
        node[last] = value
    if pointer == "/components/schemas/Metadata":
        changed = json.loads(json.dumps(changed).replace("schemas/Metadata", "schemas/Message"))

    assert any(says in change for change in breaking_changes(contract.document(), changed))


def test_what_only_adds_breaks_nothing():
    """A new operation, an optional field of a request, a field of an answer, a value that a request may have."""
    changed = copy.deepcopy(contract.document())
    changed["paths"]["/v1/new"] = {"get": {"operationId": "getNew", "responses": {}}}
    schemas = changed["components"]["schemas"]
    schemas["CallRequest"]["properties"]["label"] = {"type": "string"}
    schemas["Call"]["properties"]["label"] = {"type": "string"}
    schemas["TokenRequest"]["properties"]["ttl"]["type"] = ["integer", "string"]

    assert breaking_changes(contract.document(), changed) == []
