"""The control API's own OpenAPI document, generated from its tables of routes, its models and the types of its answers.

It is made when it is first asked for. Every error is in Chirp's envelope, and its status says which it is.
"""

import inspect
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, get_args

import orjson
from pydantic import BaseModel, TypeAdapter

from mockchirp import __version__
from mockchirp.clock import Mode
from mockchirp.control import answers
from mockchirp.control.operation import Handler, Operation
from mockchirp.control.polish import polish
from mockchirp.control.routes import OPERATIONS
from mockchirp.control.server import JSON, PAGES, Page
from mockchirp.core.calls import CallStatus, Channel, Direction, Leg
from mockchirp.core.configuration import AnswerBehavior
from mockchirp.core.deliveries import DeliveryStatus
from mockchirp.core.events import EVENTS
from mockchirp.core.faults import CODES, Abort, Target
from mockchirp.core.ids import PATTERNS
from mockchirp.core.recordings import RecordingFormat, RecordingStatus
from mockchirp.core.scenarios import FarEndAction, RecordingOutcome
from mockchirp.core.webhooks import WEBHOOK_EVENTS
from mockchirp.fields import DURATION_SCHEMA, INSTANT_SCHEMA
from mockchirp.state.values import WHEN_SCHEMA

_REF = "#/components/schemas/{model}"
_ERRORS: Mapping[int, tuple[str, str]] = {
    400: ("InvalidRequest", "The request is wrong: `param` names what. Unknown fields and parameters are wrong, too."),
    401: ("Unauthenticated", "A key was given, and it is no app key, or none of those that the server accepts."),
    403: ("Forbidden", "A web page asked, and it is neither of this machine nor of a trusted host."),
    404: ("NotFound", "There is nothing of this id or name in this sandbox."),
    405: ("MethodNotAllowed", "The path has no such method."),
    408: ("TimedOut", "What was waited for did not happen in time; the message says what did."),
    409: ("Conflict", "The state of things does not allow it; the message says why."),
    413: ("BodyTooLarge", "The body is larger than the setting `max_body_size` allows."),
    415: ("UnsupportedCoding", "The body is compressed, or coded in another way."),
    503: ("Unavailable", "The server is starting or about to stop."),
}
_PATH_PARAMETERS: Mapping[str, Mapping[str, object]] = {
    "callId": {"pattern": f"^{PATTERNS['call'].pattern}$"},
    "recordingId": {"pattern": f"^{PATTERNS['recording'].pattern}$"},
    "name": {"pattern": "^[a-z0-9_-]{1,64}$"},
}
_TAGS: Mapping[str, tuple[str, str]] = {
    "time": ("Clock", "The sandbox's own time: read it, set it, jump."),
    "calls": ("Calls", "The far end: somebody calls the app, answers, hangs up; recordings come out as wanted."),
    "scenarios": ("Scenarios", "How far ends behave, by the number that is dialled."),
    "faults": ("Faults", "What goes wrong on purpose."),
    "seeing": ("Events", "Everything that happened, numbered."),
    "journal": ("Requests", "What the app asked of Chirp's API, and was answered."),
    "deliveries": ("Deliveries", "Every webhook with each of its attempts."),
    "waiting": ("Waiting", "Hold an answer until something is true."),
    "sandbox": ("Sandbox", "How the sandbox is set up."),
    "state": ("State", "Empty a sandbox, remove it, take it along."),
    "server": ("Server", "What belongs to no sandbox: whether it is ready, its numbers, its documents."),
}
"""The tag of each module of handlers, and what it is about."""
_EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "setClock": {"freeze": {"mode": "frozen"}, "faster": {"mode": "real", "rate": 60}},
    "advanceClock": {
        "anHour": {"by": "1h"},
        "untilNothingIsPending": {"until": "idle", "limit": "7d"},
        "withoutWaitingForTheApp": {"by": 90, "quiet": 0},
    },
    "receiveCall": {"anybody": {}, "somebody": {"from": "+15559876543", "metadata": {"campaign": "spring"}}},
    "actAsFarEnd": {"answer": {"action": "answer"}},
    "decideRecording": {"lost": {"status": "failed"}},
    "mapNumbers": {"anAreaIsBusy": {"+1555*": "busy"}},
    "setDefaultScenario": {"nobodyAnswers": {"scenario": "no_answer"}},
    "putScenario": {
        "slow": {
            "created": [{"after": "10s", "do": "ring"}, {"after": "25s", "do": "answer"}],
            "answered": [{"after": "5m", "do": "hangup"}],
        }
    },
    "setSandbox": {
        "numbers": {"phoneNumbers": ["+15551234567"]},
        "recorded": {"calling": {"autoRecordEnabled": True, "recordingFormat": "ogg"}},
    },
    "putState": {"aCall": {"calls": [{"from": "+15551234567", "to": "+15559876543", "status": "completed"}]}},
    "redeliver": {"again": {}, "elsewhere": {"url": "http://127.0.0.1:3000/webhooks"}},
    "createFault": {
        "twoErrors": {"operation": "createCall", "status": 503, "times": 2},
        "everyThirdWebhookTwice": {"target": "webhook", "duplicate": 1, "probability": 0.33},
    },
    "wait": {
        "answered": {"for": {"event": "calls.answered"}, "timeout": "2s"},
        "nothingPending": {"for": {"idle": True}},
    },
}
"""Bodies to begin with, by operation."""
_VALUES: Mapping[str, Any] = {
    name: {"type": "string", "enum": list(values)}
    for name, values in {
        "CallStatus": get_args(CallStatus),
        "Channel": get_args(Channel),
        "Direction": get_args(Direction),
        "Leg": get_args(Leg),
        "FarEndAction": get_args(FarEndAction),
        "RecordingFormat": get_args(RecordingFormat),
        "RecordingStatus": get_args(RecordingStatus),
        "RecordingOutcome": get_args(RecordingOutcome),
        "DeliveryStatus": get_args(DeliveryStatus),
        "AnswerBehavior": get_args(AnswerBehavior),
        "ClockMode": get_args(Mode),
        "FaultTarget": get_args(Target),
        "Abort": get_args(Abort),
        "ErrorCode": CODES,
        "EventName": EVENTS,
        "WebhookEventName": WEBHOOK_EVENTS,
        "RateLimitMode": ("off", "enforce"),
        "AttemptOutcome": ("delivered", "failed"),
        "ErrorType": ("invalid_request_error", "authentication_error", "provider_error", "api_error"),
    }.items()
}
"""Enums with a name, wherever they stand."""
_MEASURES: Mapping[str, Any] = {"Duration": DURATION_SCHEMA, "Instant": INSTANT_SCHEMA, "Moment": WHEN_SCHEMA}
_DESCRIPTION = """\
Steers mockchirp, a local server that behaves like Chirp's calling API: time, the far end of calls, faults, and all that is to be \
seen. A request names its sandbox by an app key; without one, the default sandbox is meant. Durations are seconds, or strings such as \
`90s`, `5m`, `1h30m`, `2d`; instants are ISO 8601."""


@cache
def served() -> bytes:
    """The document as JSON."""
    return orjson.dumps(document())


def document() -> dict[str, Any]:
    """The document: OpenAPI 3.1."""
    schemas, components = _schemas()
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schemas, components)
    for page in PAGES:
        paths.setdefault(page.path, {})["get"] = _page(page, schemas)
    whole = {
        "openapi": "3.1.0",
        "info": {
            "title": "mockchirp control API",
            "summary": "Steers mockchirp",
            "version": __version__,
            "description": _DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
            "contact": {"name": "The mockchirp authors"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": what} for name, what in _TAGS.values()],
        "security": [{}, {"appKey": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"appKey": {"type": "http", "scheme": "bearer", "description": "An app key."}},
            "responses": {name: _error(status, what) for status, (name, what) in _ERRORS.items()},
            "schemas": components,
        },
    }
    return polish(whole, {**_VALUES, **_MEASURES})


def _schemas() -> tuple[dict[Any, dict[str, Any]], dict[str, Any]]:
    """The schema of every model and answer, by (mode, type), and the components that they refer to."""
    wanted: dict[Any, TypeAdapter[Any]] = {("answer", answers.ErrorEnvelope): TypeAdapter(answers.ErrorEnvelope)}
    for operation in OPERATIONS:
        wanted["answer", operation.answer] = TypeAdapter(operation.answer)
        wanted["query", operation.query] = TypeAdapter(operation.query)
        if operation.body is not None:
            wanted["body", operation.body] = TypeAdapter(operation.body)
    for page in PAGES:
        if page.answer is not None:
            wanted["answer", page.answer] = TypeAdapter(page.answer)
    inputs = [(key, "serialization" if key[0] == "answer" else "validation", each) for key, each in wanted.items()]
    schemas, definitions = TypeAdapter.json_schemas(inputs, ref_template=_REF)  # type: ignore[arg-type]
    return {key: schema for (key, _), schema in schemas.items()}, definitions.get("$defs", {})


def _operation(operation: Operation, schemas: Mapping[Any, Any], components: Mapping[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [_TAGS[operation.handler.__module__.rpartition(".")[2]][0]],
        "summary": operation.what,
        "description": _told(operation.handler) or f"{operation.what}.",
    }
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", **_PATH_PARAMETERS.get(name, {})}}
        for name in re.findall(r"{(\w+)}", operation.path)
    ]
    has_path_parameters = bool(parameters)
    parameters += _query_parameters(operation.query, schemas, components)
    if parameters:
        described["parameters"] = parameters
    if operation.body is not None:
        examples = {name: {"value": value} for name, value in _EXAMPLES[operation.id].items()}
        content = {JSON: {"schema": schemas["body", operation.body], "examples": examples}}
        described["requestBody"] = {"required": not operation.body_optional, "content": content}
    answer = {JSON: {"schema": schemas["answer", operation.answer]}}
    errors = {400, 401, 403, 405, 409, *operation.refusals}
    errors |= ({404} if has_path_parameters else set()) | ({413, 415} if operation.body is not None else set())
    success = {"description": "Done.", "content": answer}
    described["responses"] = {str(operation.status): success, **_refer(errors)}
    return described


def _told(handler: Handler) -> str:
    """What a handler's docstring says of the operation, after its route."""
    said = " ".join((inspect.getdoc(handler) or "").split()).partition(": ")[2].replace("``", "`")
    return said[:1].upper() + said[1:]


def _query_parameters(
    query: type[BaseModel], schemas: Mapping[Any, Any], components: Mapping[str, Any]
) -> list[dict[str, Any]]:
    schema = schemas["query", query]
    while "$ref" in schema:
        schema = components[schema["$ref"].rpartition("/")[2]]
    required = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _without_null(each)}
        for name, each in schema.get("properties", {}).items()
    ]


def _without_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A query can't say null: what may be null in the model is what may be left out."""
    shown = {key: value for key, value in schema.items() if not (key == "default" and value is None)}
    given = [each for each in shown.get("anyOf", ()) if each != {"type": "null"}]
    if len(given) == 1:
        del shown["anyOf"]
        return {**shown, **given[0]}
    return shown


def _page(page: Page, schemas: Mapping[Any, Any]) -> dict[str, Any]:
    if page.media_type:
        usual = {} if page.media_type == "application/yaml" else {"type": "string"}
        schema = usual if page.answer is None else schemas["answer", page.answer]
        content = {page.media_type: {"schema": schema}}
        answers_with: dict[str, Any] = {"200": {"description": page.what, "content": content}}
    else:
        location = {"required": True, "schema": {"type": "string"}}
        answers_with = {"307": {"description": page.what, "headers": {"Location": location}}}
    errors = {405, *page.refusals} | ({403} if page.path.startswith("/_mockchirp") else set())
    return {
        "operationId": page.id,
        "tags": [_TAGS["server"][0]],
        "summary": page.what[:1].upper() + page.what[1:],
        "description": f"Answers with {page.what}." if not page.what[:1].isdigit() else f"{page.what}.",
        "security": [],
        "responses": {**answers_with, **_refer(errors)},
    }


def _refer(statuses: set[int]) -> dict[str, Any]:
    return {str(status): {"$ref": f"#/components/responses/{_ERRORS[status][0]}"} for status in sorted(statuses)}


def _error(status: int, what: str) -> dict[str, Any]:
    described: dict[str, Any] = {
        "description": what,
        "content": {JSON: {"schema": {"$ref": _REF.format(model="ErrorEnvelope")}}},
    }
    header = {401: "WWW-Authenticate", 405: "Allow"}.get(status)
    if header is not None:
        described["headers"] = {header: {"required": True, "schema": {"type": "string"}}}
    return described
