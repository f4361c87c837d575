"""What `--strict` leaves: of the contract the documented part, and of the mock what that part describes."""

import json

import pytest
import yaml

from mockchirp.core.calls import COMMANDS
from mockchirp.core.webhooks import WEBHOOK_EVENTS

HOOKS = "https://app.test/hooks"
DEMANDED = {"responses", "headers", "parameters"}
"""An answer has some status and a request some rule, whether documented or not: what is assumed of these stays."""


@pytest.fixture
def strict():
    return True


@pytest.fixture
def mock(open_mock):
    return open_mock(webhook_url=HOOKS)


def nodes(node, path=()):
    """Every object within ``node``, with the keys that lead to it."""
    if isinstance(node, dict):
        yield path, node
        for key, value in node.items():
            yield from nodes(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from nodes(value, (*path, index))


def unlisted(document):
    """The fields that are required somewhere and not described beside it."""
    return {
        name
        for _, node in nodes(document)
        if isinstance(node.get("required"), list) and isinstance(node.get("properties"), dict)
        for name in node["required"]
        if name not in node["properties"]
    }


def test_nothing_assumed_is_left(contracts):
    """But for the statuses, headers and parameters of something documented."""
    assert any(node.get("x-provenance") == "assumed" for _, node in nodes(contracts[False].document))
    for path, node in nodes(contracts[True].document):
        assert node.get("x-provenance") != "assumed" or DEMANDED & set(path[-2:]), path


def test_what_was_documented_is_left(contracts):
    """Every operation, event and command, and every field of every schema, that is not marked as assumed."""
    whole, left = contracts[False], contracts[True]
    assert set(whole.operations) - set(left.operations) == {"getCallingConfiguration", "headRecording"}
    assert set(whole.document["webhooks"]) == set(left.document["webhooks"])
    fields = {
        (name, field)
        for name, schema in whole.document["components"]["schemas"].items()
        for field, definition in schema.get("properties", {}).items()
        if name in left.document["components"]["schemas"] and definition is not False
        if not (isinstance(definition, dict) and definition.get("x-provenance") == "assumed")
    }
    assert len(fields) > 100
    for name, field in fields:
        assert field in left.document["components"]["schemas"][name]["properties"], (name, field)


def test_no_field_is_required_that_is_gone(contracts):
    """What is required is described, as before."""
    assert unlisted(contracts[True].document) <= unlisted(contracts[False].document)


def test_what_is_served_is_what_is_left(mock, contracts):
    """As YAML and as JSON; without `--strict`, all of it."""
    assert mock.get("/openapi.json").json() == contracts[True].document
    assert yaml.safe_load(mock.get("/openapi.yaml").text) == contracts[True].document


def test_without_strict_all_of_it_is_served(open_mock, contracts):
    """The YAML is the very file, comments included."""
    mock = open_mock(strict=False, webhook_url=None)

    assert mock.get("/openapi.json").json() == contracts[False].document
    assert yaml.safe_load(mock.get("/openapi.yaml").text) == contracts[False].document
    assert mock.get("/openapi.yaml").text.startswith("# The contract")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_documented_command_is_known(mock, command):
    """Whatever the call makes of it."""
    call_id = mock.post("/_mockchirp/calls").json()["id"]

    answer = mock.command(call_id, command, to="+15557654321")

    assert answer.status_code in (200, 409), answer.text


@pytest.mark.parametrize("event", WEBHOOK_EVENTS)
def test_an_event_whose_name_alone_is_inferred_can_be_subscribed_to(mock, contract, event):
    """Chirp's concepts page lists the events of calling, so a strict server knows all of them."""
    answer = mock.post("/v1/webhooks", {"url": HOOKS, "events": [event]})

    contract.check_answer("createWebhook", 201, answer.content, answer.headers)
    assert answer.json()["events"] == [event]


def test_a_webhook_of_the_settings_is_told_of_the_documented_events(mock, contract):
    """All of them."""
    (webhook,) = mock.get("/v1/webhooks").json()["data"]

    assert webhook["events"] == list(WEBHOOK_EVENTS) == list(contract.document["webhooks"])


def test_what_is_sent_is_what_is_documented(mock, contract):
    """No assumed event fires, and no payload holds more than the call, the app, and of the call what is documented.

    Every payload is held against what is left of the contract in the end, by the receiver.
    """
    for number in ("+15559876543", "+15005550001", "+15005550002", "+15005550003", "+15005550004"):
        mock.call(number, metadata={"order": 7})
    mock.command(mock.call()["id"], "start_recording")
    mock.post("/_mockchirp/calls", {"fromChannel": "webrtc"})
    mock.advance(until="idle")

    payloads = [json.loads(dispatch.body) for dispatch in mock.receiver.got]
    assert {payload["event"] for payload in payloads} == set(contract.document["webhooks"])
    for payload in payloads:
        assert set(payload["data"]) == {"call", "app"}
        documented = {"id", "direction", "from", "to", "fromChannel", "toChannel"}
        extra = {"livekitRoomName"} if payload["data"]["call"]["direction"] == "inbound" else {"metadata"}
        assert documented <= set(payload["data"]["call"]) <= documented | extra
    assert [payload["event"] for payload in payloads].count("calls.recording.completed") == 2


def test_an_assumed_operation_is_not_there(mock):
    """Its path has other methods, which the answer names."""
    answer = mock.get(f"/v1/organization/apps/{mock.sandbox().app_id}/calling", key="sk_admin_x")

    assert answer.status_code == 405
    assert answer.headers["allow"] == "PUT"


def test_head_is_no_assumption(mock, refused):
    """HTTP has it wherever there is GET; what is assumed is only that the contract has an operation of it."""
    path = "/recordings/call_rec_aaaaaaaaaaaaaaaaaaaaaaaaaaa.mp4?signed=x"

    assert mock.request("HEAD", path).status_code == mock.get(path).status_code == 403
    assert mock.request("POST", path).headers["allow"] == "GET, HEAD"
    refused(mock.post("/_mockchirp/faults", {"operation": "headRecording", "status": 503}), 400, param="operation")


def test_a_url_without_encryption_is_refused(mock, refused, contract):
    """As Chirp refuses it: in a new webhook, and in a change of one."""
    webhook = mock.get("/v1/webhooks").json()["data"][0]

    created = mock.post("/v1/webhooks", {"url": "http://app.test/", "events": ["calls.completed"]})
    updated = mock.put(f"/v1/webhooks/{webhook['id']}", {"url": "HTTP://app.test/"})

    for operation_id, answer in (("createWebhook", created), ("updateWebhook", updated)):
        refused(answer, 400, param="url", says="https")
        contract.check_answer(operation_id, 400, answer.content, answer.headers)
    assert mock.get("/v1/webhooks").json()["data"] == [webhook]


def test_the_webhook_of_the_settings_may_do_without_encryption(open_mock, contract):
    """It is the mock's own way to be told of a receiver, and none of Chirp's."""
    answer = open_mock(webhook_url="http://127.0.0.1:3000/hooks").get("/v1/webhooks")

    assert contract.check_answer("listWebhooks", 200, answer.content)["data"][0]["url"] == "http://127.0.0.1:3000/hooks"


def test_the_documented_answer_behaviors_are_taken(mock, contract):
    """Chirp documents that a call can go to voicemail at once; the spelling of it is ours."""
    path = f"/v1/organization/apps/{mock.sandbox().app_id}/calling"

    for behavior in ("voicemail", "webhook"):
        answer = mock.put(path, {"defaultAnswerBehavior": behavior}, key="sk_admin_x")
        contract.check_answer("updateCallingConfiguration", 200, answer.content, answer.headers)
        assert answer.json()["defaultAnswerBehavior"] == behavior


def test_every_assumption_can_be_read_from_the_server(mock, contracts):
    """With its place in the contract, what it is about and the reason: exactly the marks of the document."""
    marks = {
        ("/" + "/".join(str(key).replace("~", "~0").replace("/", "~1") for key in path), reason)
        for path, node in nodes(contracts[False].document)
        if "examples" not in path
        for reason in (node.get("x-provenance-reason"), node.get("x-assumption"))
        if isinstance(reason, str)
    }

    listed = mock.get("/_mockchirp/provenance").json()

    assert {(entry["where"], entry["reason"]) for entry in listed["data"]} == marks
    assert listed["totalCount"] == len(listed["data"]) == len(marks) > 60
    assert all(set(entry) == {"where", "what", "reason"} and entry["what"] for entry in listed["data"])
    names = {entry["what"] for entry in listed["data"]}
    assert {"event calls.ringing", "Transfer", "field participant of ParticipantEventData"} <= names
    assert "GET /v1/organization/apps/{appId}/calling" in names
