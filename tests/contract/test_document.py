"""The contract as a document: valid, complete, and honest about what is assumed."""

import json
import re
from typing import get_args

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from mockchirp.core import calls, configuration, ids, recordings, webhooks


@pytest.fixture(params=[False, True], ids=["all", "strict"])
def strict(request):
    """All of this holds for the whole document, and for what a strict server serves of it."""
    return request.param


def nodes(node, pointer=""):
    """Every object within ``node``, with the JSON pointer to it."""
    if isinstance(node, dict):
        yield pointer, node
        for key, value in node.items():
            yield from nodes(value, f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from nodes(value, f"{pointer}/{index}")


def operations(contract):
    """Each operation by its operationId."""
    return {name: contract.at(pointer) for name, pointer in contract.operations.items()}


def command_types(contract):
    """Each command's schema by its `type`."""
    branches = "/components/schemas/Command/oneOf"
    schemas = [contract.at(contract.follow(f"{branches}/{index}")) for index in range(len(contract.at(branches)))]
    return {schema["properties"]["type"]["const"]: schema for schema in schemas}


def test_it_is_valid_openapi_3_1(contract):
    """The validator of the OpenAPI specification has nothing to say against it."""
    validate(contract.document, cls=OpenAPIV31SpecValidator)


def test_it_is_plain_json(contract):
    """YAML made no dates and no keys that are not strings of anything in it, so that it can be served as JSON too."""
    assert json.loads(json.dumps(contract.document)) == contract.document


def test_its_examples_are_valid(contract):
    """Every example in it, of a body, a parameter or a schema, is an example of what it stands beside."""
    wrong = {}
    checked = 0
    for pointer, node in nodes(contract.document):
        if "schema" in node:
            values = [example["value"] for example in node.get("examples", {}).values()]
            values += [node["example"]] if "example" in node else []
            schema = f"{pointer}/schema"
        else:
            values = node["examples"] if isinstance(node.get("examples"), list) else []
            schema = pointer
        for value in values:
            checked += 1
            if faults := contract.faults(schema, value):
                wrong[pointer] = faults

    assert wrong == {}
    assert checked > 30


def test_its_examples_of_webhooks_are_valid(contract):
    """Those also agree with themselves: the eventId belongs to the call or recording."""
    for item in contract.document["webhooks"].values():
        for example in item["post"]["requestBody"]["content"]["application/json"].get("examples", {}).values():
            contract.check_webhook(example["value"])


def test_every_operation_command_and_event_says_where_it_comes_from(contract):
    """Each is marked as documented or assumed."""
    unmarked = [name for name, operation in operations(contract).items() if "x-provenance" not in operation]
    unmarked += [name for name, command in command_types(contract).items() if "x-provenance" not in command]
    unmarked += [name for name, item in contract.document["webhooks"].items() if "x-provenance" not in item["post"]]

    assert unmarked == []


def test_everything_assumed_has_a_reason(contract):
    """A mark is one of two words, and an assumption says in one line why it was made."""
    for pointer, node in nodes(contract.document):
        assert node.get("x-provenance", "documented") in ("documented", "assumed"), pointer
        assert ("x-provenance-reason" in node) == (node.get("x-provenance") == "assumed"), pointer
        for reason in (node.get("x-provenance-reason"), node.get("x-assumption")):
            assert reason is None or re.fullmatch(r"\S.{10,200}", reason), pointer


def test_every_reference_leads_somewhere_and_every_component_is_used(contract):
    """No dangling reference, and nothing left over. The answer to a wrong method belongs to no operation."""
    used = {node["$ref"].removeprefix("#") for _, node in nodes(contract.document) if isinstance(node.get("$ref"), str)}
    for pointer in used:
        contract.at(pointer)
    components = contract.document["components"]
    there = {
        f"/components/{kind}/{name}" for kind in components if kind != "securitySchemes" for name in components[kind]
    }

    assert there - used == {"/components/responses/MethodNotAllowed"}


def test_every_link_fits_the_operation_it_leads_to(contract):
    """Links name operations and parameters that there are."""
    links = [(pointer, link) for pointer, node in nodes(contract.document) for link in node.get("links", {}).values()]
    for pointer, link in links:
        path = contract.operations[link["operationId"]].rpartition("/")[0]
        places = [f"{path}/parameters/{index}" for index in range(len(contract.at(path).get("parameters", [])))]
        names = {contract.at(contract.follow(place))["name"] for place in places}
        assert set(link.get("parameters", {})) == names, pointer

    assert len(links) > 10


def test_all_but_the_file_storage_needs_a_key(contract):
    """Only signed links open without one, and all else may answer 401."""
    open_to_all = {name for name, operation in operations(contract).items() if operation.get("security") == []}

    assert open_to_all == {"downloadRecording", "headRecording"} & set(contract.operations)
    assert all(
        ("401" in operation["responses"]) == (name not in open_to_all)
        for name, operation in operations(contract).items()
    )


def test_every_operation_that_takes_a_body_may_refuse_it(contract):
    """A body can be wrong and too large; a call can be unknown."""
    for name, operation in operations(contract).items():
        statuses = set(operation["responses"])
        assert ("413" in statuses) == ("requestBody" in operation), name
        assert ("404" in statuses) == ("{" in contract.operations[name]), name


def test_it_has_the_events_that_the_mock_sends(contract, strict):
    """The same names, and the same of them documented."""
    in_contract = {
        name: item["post"]["x-provenance"] == "documented" for name, item in contract.document["webhooks"].items()
    }

    assert in_contract == dict.fromkeys(webhooks.WEBHOOK_EVENTS, True)


def test_webhooks_may_name_the_events_that_the_mock_sends(contract):
    """The events of calling are an enum of their own, which the names of other products don't widen."""
    others = contract.at("/components/schemas/OtherEventName/pattern")

    assert tuple(contract.at("/components/schemas/EventName/enum")) == webhooks.WEBHOOK_EVENTS
    assert all(re.fullmatch(others, f"{product}.x") for product in webhooks.OTHER_PRODUCTS)
    assert not any(re.fullmatch(others, name) for name in webhooks.WEBHOOK_EVENTS)


def test_it_has_the_commands_that_the_mock_knows(contract, strict):
    """The same names, the same of them documented, and the discriminator knows them all."""
    types = command_types(contract)
    mapping = contract.at("/components/schemas/Command/discriminator/mapping")

    assert {name: schema["x-provenance"] == "documented" for name, schema in types.items()} == dict.fromkeys(
        calls.COMMANDS, True
    )
    assert {name: contract.at(pointer.removeprefix("#")) for name, pointer in mapping.items()} == types


def test_it_has_the_values_that_the_mock_knows(contract, strict):
    """Statuses, channels, formats and reasons are the same on both sides."""
    schemas = contract.document["components"]["schemas"]

    assert schemas["CallStatus"]["enum"] == list(get_args(calls.CallStatus))
    assert schemas["Channel"]["enum"] == list(get_args(calls.Channel))
    assert schemas["AnswerBehavior"]["enum"] == list(get_args(configuration.AnswerBehavior))
    assert schemas["Direction"]["enum"] == list(get_args(calls.Direction))
    assert schemas["Leg"]["enum"] == list(get_args(calls.Leg))
    assert set(calls.END_REASONS.values()) <= set(schemas["EndReason"]["enum"])
    assert schemas["RecordingFormat"]["enum"] == list(get_args(recordings.RecordingFormat))
    assert schemas["RecordingStatus"]["enum"] == list(get_args(recordings.RecordingStatus))


def test_its_identifiers_have_the_patterns_of_the_mocks(contract):
    """One pattern an identifier, wherever it is checked."""
    names = {
        "call": "CallId",
        "app": "AppId",
        "recording": "RecordingId",
        "voicemail": "VoicemailId",
        "webhook": "WebhookId",
        "calling config": "CallingConfigurationId",
    }
    assert set(names) == set(ids.PATTERNS)
    for kind, name in names.items():
        assert contract.at(f"/components/schemas/{name}/pattern") == f"^{ids.PATTERNS[kind].pattern}$"
