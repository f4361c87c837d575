"""The control API against its own document: it is valid, says what there is, and schemathesis finds no answer that it does not know."""

import itertools
import json
import re
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode

import pytest
import schemathesis
from hypothesis import strategies as st
from openapi_spec_validator import validate
from schemathesis import engine
from schemathesis.config import SchemathesisConfig

from mockchirp.control.document import document
from mockchirp.control.routes import OPERATIONS
from mockchirp.control.server import PAGES
from mockchirp.core.instants import parse_duration

DOCUMENT = "/_mockchirp/openapi.json"
OURS = "Bearer sk_test_app_local"

# Bodies of which more is asked than a schema can say: they name what there is, or their parts have to go together.
SAY_MORE = {
    "receiveCall": "an address that fits its channel, a number of the app, a scenario that there is",
    "createFault": "what goes together: a status and a code, a target and what is done to it; operations and calls that there are",
    "putScenario": "steps in the order of time, each possible by then",
    "mapNumbers": "scenarios that there are",
    "setDefaultScenario": "a scenario that there is",
    "setSandbox": "scenarios that there are, phone numbers",
    "redeliver": "a URL that can be sent to",
    "wait": "operations that there are, calls and recordings by their ids",
    "advanceClock": "operations that there are, calls and recordings by their ids",
    "listRequests": "operations that there are",
    "putState": "parts that fit each other",
}
# What needs something that the world of the test does not offer, and so need not succeed here.
NEEDS_MORE = {"putState", "wait"}


# What a format of ours means, and which instants a clock can show, no schema says.
SPANS = st.sampled_from(["0", "1.5", "250ms", "90s", "1.5m", "1h30m", "2d", "0.001s", " 7 "])
INSTANTS = st.datetimes(datetime(2026, 1, 16), datetime(2149, 12, 31), timezones=st.just(UTC)).map(datetime.isoformat)
MOMENTS = st.one_of(st.just("now"), SPANS.map(lambda span: "-" + span.strip()), INSTANTS)
schemathesis.openapi.format("mockchirp-duration", SPANS)
schemathesis.openapi.format("mockchirp-moment", MOMENTS)
schemathesis.openapi.format("date-time", INSTANTS)


class Stage:
    """The application as the test needs it: whatever would take the shared world away, or wind its clock to the end of time,
    happens in a sandbox of its own; and nobody waits for long.
    """

    def __init__(self, app):
        self.app = app
        self.keys = map("Bearer sk_test_app_{}".format, itertools.count())

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http" and self.is_drastic(scope["method"], scope["path"]):
            others = [header for header in scope["headers"] if header[0] != b"authorization"]
            if dict(scope["headers"]).get(b"authorization") in (None, OURS.encode()):
                scope = {**scope, "headers": [*others, (b"authorization", next(self.keys).encode())]}
        if scope["type"] == "http" and scope["path"] == "/_mockchirp/wait":
            receive = with_body(short_wait(await whole_body(receive)), receive)
        if scope["type"] == "http" and b"wait=" in scope["query_string"]:
            query = [(name, shortened(value) if name == "wait" else value) for name, value in queried(scope)]
            scope = {**scope, "query_string": urlencode(query, encoding="latin-1").encode()}
        await self.app(scope, receive, send)

    @staticmethod
    def is_drastic(method, path):
        if (method, path) == ("DELETE", "/_mockchirp/faults"):
            return True
        return method not in ("GET", "HEAD") and path.removeprefix("/_mockchirp/") in (
            "clock",
            "clock/advance",
            "reset",
            "sandbox",
            "state",
        )


def queried(scope):
    """The query string in its parts."""
    return parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True, encoding="latin-1")


def shortened(duration):
    """A duration that a request may wait, made short; anything else as it is."""
    try:
        return "10ms" if parse_duration(duration) <= 60_000 else duration
    except (TypeError, ValueError):
        return duration


def short_wait(body):
    """The body of a wait that ends soon; one that is refused anyway as it is."""
    try:
        asked = json.loads(body)
        asked["timeout"] = shortened(asked.get("timeout", 5))
    except (TypeError, ValueError, AttributeError):
        return body
    return json.dumps(asked).encode()


async def whole_body(receive):
    """Everything that is received of a request."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return body


def with_body(body, receive):
    """Receive ``body``, and then what ``receive`` has."""
    messages = [{"type": "http.request", "body": body}]

    async def receive_body():
        return messages.pop() if messages else await receive()

    return receive_body


def configuration(world, tmp_path):
    """Schemathesis as for the contract of Chirp's API, with the ids of the world and the exceptions from above."""
    path = tmp_path / "schemathesis.toml"
    talks = [world.call("+15005550007") for _ in range(5)]
    world.advance(5)
    for talk in talks:
        world.command(talk, "start_recording")
        world.command(talk, "stop_recording")
    processing = [world.recordings(talk)[0]["id"] for talk in talks]
    faults = [world.post("/_mockchirp/faults", {"status": 500, "times": 1})["id"] for _ in range(20)]
    deliveries = [row["id"] for row in world.client.get("/_mockchirp/deliveries", headers={}).json()["data"]]
    dictionaries = {
        "calls": world.call_ids,
        "recordings": [*processing, *world.recording_ids[:2]],
        "deliveries": deliveries[:10],
        "faults": faults,
        "scenarios": ["answered", "busy", "mine"],
    }
    parameters = {
        "path.callId": "calls",
        "path.recordingId": "recordings",
        "path.deliveryId": "deliveries",
        "path.faultId": "faults",
        "path.name": "scenarios",
    }
    there_is = {operation.id for operation in OPERATIONS}
    lenient = sorted(there_is & set(SAY_MORE))
    path.write_text(
        "\n".join(
            [
                "color = false",
                f'headers = {{ Authorization = "{OURS}" }}',
                "[generation]",
                "deterministic = true",
                'database = "none"',
                "max-examples = 15",
                "[cache]",
                "enabled = false",
                "[phases.stateful]",
                "enabled = false",
                "[dictionaries]",
                *(f"{name}.values = {json.dumps(values)}" for name, values in dictionaries.items()),
                "[parameters]",
                *(
                    f'"{name}" = {{ dictionary = "{values}", probability = 0.8 }}'
                    for name, values in parameters.items()
                ),
                "[[operations]]",
                f"include-operation-id = {json.dumps(lenient)}",
                "[operations.checks]",
                'positive_data_acceptance.expected-statuses = ["2xx", 400, 401, 403, 404, 408, 409]',
            ]
        )
    )
    return SchemathesisConfig.from_path(path)


def run(api):
    """All phases; what went wrong, in words, and which operation gave which answers."""
    names = {(operation.path, operation.method): operation.id for operation in OPERATIONS}
    names |= {(page.path, "GET"): page.id for page in PAGES}
    wrong, answers = [], set()
    for event in engine.from_schema(api).execute():
        if isinstance(event, engine.events.NonFatalError):
            wrong.append(f"{event.label}: {event.info.title}: {event.info.message}")
        if not isinstance(event, engine.events.ScenarioFinished):
            continue
        for case_id, node in event.recorder.cases.items():
            response = event.recorder.find_response(case_id=case_id)
            name = names.get((node.value.path, node.value.method))
            if response is not None and name is not None:
                answers.add((name, response.status_code))
        for checks in event.recorder.checks.values():
            for failure in [check.failure_info for check in checks if check.failure_info is not None]:
                wrong.append(f"{failure.failure.title}\n{failure.failure.message}\n{failure.code_sample}")
    return wrong, answers


def test_every_operation_does_what_the_document_says(mock, populate, tmp_path):
    """Examples, coverage of the schemas, valid and invalid data. Not in vain: every operation succeeds at times."""
    config = configuration(populate(mock), tmp_path)

    wrong, answers = run(schemathesis.openapi.from_asgi(DOCUMENT, Stage(mock.app), config=config))

    assert not wrong, "\n\n".join(wrong)
    wanted = {(operation.id, operation.status) for operation in OPERATIONS if operation.id not in NEEDS_MORE}
    wanted |= {(page.id, 200 if page.media_type else 307) for page in PAGES if page.path != DOCUMENT}
    assert wanted <= answers


def test_the_document_is_valid_and_served(mock):
    """OpenAPI 3.1, to whoever asks."""
    answer = mock.get(DOCUMENT, key=None)

    assert answer.headers["content-type"] == "application/json"
    validate(answer.json())
    assert answer.json()["openapi"].startswith("3.1")


def test_every_route_is_in_the_document():
    """And nothing else: its method, its path, its parameters."""
    routes = {(operation.id, operation.method, operation.path) for operation in OPERATIONS}
    routes |= {(page.id, "GET", page.path) for page in PAGES}
    described = set()
    for path, item in document()["paths"].items():
        for method, operation in item.items():
            described.add((operation["operationId"], method.upper(), path))
            in_path = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"}
            assert in_path == set(re.findall(r"{(\w+)}", path))

    assert described == routes
    assert len({operation_id for operation_id, _, _ in described}) == len(described)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)
def test_every_operation_says_what_it_does(operation):
    """In one line."""
    assert 10 <= len(operation.what) <= 120


def test_the_exceptions_of_this_test_are_of_operations_that_there_are():
    """One that was renamed would be excused for nothing."""
    assert set(SAY_MORE) | NEEDS_MORE <= {operation.id for operation in OPERATIONS}
