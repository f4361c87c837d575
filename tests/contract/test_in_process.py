"""Schemathesis against the application itself, without a socket: time is frozen and moves by hand, so every run is the same.

With all of the contract, and with the documented part of it that a strict server serves and keeps.
"""

import json

import httpx2
import hypothesis
import pytest
import schemathesis
from schemathesis import engine
from schemathesis.config import SchemathesisConfig


class Stage:
    """The application as stories need it: three seconds pass after each request, and each story has sandboxes of its own,
    each with a voicemail to begin with.

    Otherwise what one story did would show in the next, and no story could be told twice.
    """

    def __init__(self, app):
        self.app = app
        self.client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://testserver")
        self.story = 0
        self.known = set()

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            key = dict(scope["headers"]).get(b"authorization")
            if key is not None:
                key += b"-%d" % self.story
                others = [header for header in scope["headers"] if header[0] != b"authorization"]
                if key not in self.known:
                    self.known.add(key)
                    await self.control(key, "calls", {"scenario": "brief"})
                    await self.control(key, "clock/advance", {"until": "idle"})
                await self.app({**scope, "headers": [*others, (b"authorization", key)]}, receive, send)
                await self.control(key, "clock/advance", {"by": "3s"})
                return
        await self.app(scope, receive, send)

    async def control(self, key, path, body):
        await self.client.post(f"/_mockchirp/{path}", json=body, headers={b"authorization": key})


@pytest.fixture(params=[False, True], ids=["all", "strict"])
def strict(request):
    return request.param


@pytest.fixture
def examples(strict):
    """How often each thing is tried: the strict server is the same program with a part less."""
    return 40 if strict else 75


@pytest.fixture
def mock(open_mock):
    """One whose own webhook is such as a strict server takes, too."""
    return open_mock(webhook_url="https://app.test/hooks")


@pytest.fixture
def world(mock, populate):
    return populate(mock)


@pytest.fixture
def load(world, write_config, examples):
    """The contract of an application as schemathesis reads it; ``parameters`` fixes the values of some."""

    def from_app(app, parameters):
        config = SchemathesisConfig.from_path(write_config(world, parameters))
        config.projects.default.generation.max_examples = examples
        return schemathesis.openapi.from_asgi("/openapi.json", app, config=config)

    return from_app


def run(api, contract):
    """All phases; what went wrong, in words, and which operation gave which answers."""
    names = {pointer: name for name, pointer in contract.operations.items()}
    wrong, answers = [], set()
    for event in engine.from_schema(api).execute():
        if isinstance(event, engine.events.NonFatalError):
            wrong.append(f"{event.label}: {event.info.title}: {event.info.message}")
        if not isinstance(event, engine.events.ScenarioFinished):
            continue
        for case_id, node in event.recorder.cases.items():
            response = event.recorder.find_response(case_id=case_id)
            pointer = f"/paths/{node.value.path.replace('/', '~1')}/{node.value.method.lower()}"
            if response is not None and pointer in names:
                answers.add((names[pointer], response.status_code))
        for checks in event.recorder.checks.values():
            for failure in [check.failure_info for check in checks if check.failure_info is not None]:
                wrong.append(f"{failure.failure.title}\n{failure.failure.message}\n{failure.code_sample}")
    return wrong, answers


def successes(contract, operation_id):
    """An operation with each status of its that is a success."""
    responses = contract.at(contract.operations[operation_id])["responses"]
    return {(operation_id, int(status)) for status in responses if status < "300"}


def links(contract):
    """The names of the contract's links."""
    return {
        link
        for pointer in contract.operations.values()
        for response in contract.at(pointer)["responses"].values()
        for link in response.get("links", {})
    }


def test_every_operation_does_what_the_contract_says(load, mock, contract):
    """Examples, coverage of the schemas, valid and invalid data. Not in vain: every operation succeeds at times."""
    api = load(mock.app, {})
    api.config.phases.stateful.enabled = False

    wrong, answers = run(api, contract)

    assert not wrong, "\n\n".join(wrong)
    with_a_key = set(contract.operations) - {"downloadRecording", "headRecording"}
    assert set().union(*(successes(contract, name) for name in with_a_key)) <= answers


def test_stories_go_as_the_contract_says(load, mock, receiver, contract, examples):
    """Calls are made, commanded, recorded and ended, in any order that the links allow, while time passes.

    Not in vain: links of every name are followed and every event is sent, which the receiver holds against the contract.
    """
    stage = Stage(mock.app)
    api = load(stage, {})
    api.config.generation.with_security_parameters = False  # a story with a wrong key does not get far
    followed = set()

    class Story(api.as_state_machine()):
        def setup(self):
            stage.story += 1

        def teardown(self):
            transitions = [node.transition for node in self.recorder.cases.values() if node.transition]
            # Such as: POST /v1/calls -> [201] getCall -> GET /v1/calls/{callId}
            followed.update(transition.id.split(" -> ")[1].partition(" ")[2] for transition in transitions)
            super().teardown()

    Story.run(
        settings=hypothesis.settings(
            max_examples=examples,
            stateful_step_count=25,
            derandomize=True,
            deadline=None,
            suppress_health_check=list(hypothesis.HealthCheck),  # stories are long
        )
    )

    assert links(contract) <= followed
    assert {json.loads(dispatch.body)["event"] for dispatch in receiver.got} == set(contract.document["webhooks"])


def test_files_are_served_as_the_contract_says(load, mock, world, contract):
    """With a link that works, so that what is tried is the ranges."""
    file_name, signed = world.link()
    api = load(mock.app, {"path.fileName": file_name, "query.signed": signed}).exclude(tag_regex="^(?!File storage)")
    api.config.phases.stateful.enabled = False  # no links lead to files, since a link can't take a URL apart

    wrong, answers = run(api, contract)

    assert not wrong, "\n\n".join(wrong)
    files = {"downloadRecording", "headRecording"} & set(contract.operations)
    assert set().union(*(successes(contract, name) for name in files)) <= answers
