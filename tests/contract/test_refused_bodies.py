"""A refused body costs no more than a few times its size, in memory and in time, wherever in it the fault is and however many
there are.
"""

import gc
import subprocess
import sys
from contextlib import suppress
from types import UnionType
from typing import Annotated, Union, get_args, get_origin

import anyio.to_thread
import httpx2
import pytest
from pydantic import BaseModel, RootModel, ValidationError

from mockchirp.api import models
from mockchirp.app import create_app
from mockchirp.control.conditions import AnyCondition
from mockchirp.control.routes import OPERATIONS
from mockchirp.core.errors import ChirpError, InvalidRequest
from mockchirp.http import is_deeper, parse_model
from mockchirp.settings import Settings

MANY = 2_000
LONG = 300_000
MOST_ERRORS = 50
"""No model has more fields that may be wrong at once."""
FILLINGS = [{}, [], 0, "x", None, -1.5]


def members_of(kind):
    """The types that are somewhere in an annotation, each with what makes a value of it one of the annotation."""
    origin = get_origin(kind)
    if origin is Annotated:
        yield from members_of(get_args(kind)[0])
    elif origin in (Union, UnionType):
        for each in get_args(kind):
            yield from members_of(each)
    elif origin is list:
        yield "list", lambda value: value
        yield from ((each, lambda value, wrap=wrap: [wrap(value)]) for each, wrap in members_of(get_args(kind)[0]))
    elif origin is dict:
        yield "map", lambda value: value
        inner = members_of(get_args(kind)[1])
        yield from ((each, lambda value, wrap=wrap: {"a": wrap(value)}) for each, wrap in inner)
    else:
        yield kind, lambda value: value


def places_in(model):
    """Every place in a model where a body may hold much, and what puts a value there."""
    yield f"{model.__name__}: fields", "map", lambda value: value
    for name, field in model.model_fields.items():
        alias = field.alias or name
        for kind, wrap in members_of(field.annotation):

            def put(value, wrap=wrap, alias=alias):
                return wrap(value) if issubclass(model, RootModel) else {alias: wrap(value)}

            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from (
                    (where, what, lambda value, put=put, deeper=deeper: put(deeper(value)))
                    for where, what, deeper in places_in(kind)
                )
            else:
                yield f"{model.__name__}.{alias}", kind if isinstance(kind, str) else "value", put


CHIRPS = [each for each in vars(models).values() if isinstance(each, type) and issubclass(each, models.Body)]
OURS = [each for operation in OPERATIONS for each in (operation.body, operation.query) if each is not None]
MODELS = dict.fromkeys([*CHIRPS, *OURS, *get_args(AnyCondition)])
PLACES = [(f"{model.__name__} {where}", model, what, put) for model in MODELS for where, what, put in places_in(model)]


def much(what):
    """What costs most in a place."""
    for filling in FILLINGS:
        if what != "map":
            yield [filling] * MANY
        yield {str(number): filling for number in range(MANY)}
    yield "x" * LONG
    yield "1" * LONG
    yield "1s" * LONG
    yield "https://x" + "y" * LONG + " "
    yield 2**64 - 1


@pytest.mark.parametrize(("model", "what", "put"), [row[1:] for row in PLACES], ids=[row[0] for row in PLACES])
def test_a_refused_body_has_few_errors(model, what, put):
    """However many faults it has: each error takes a hundred times the place of a fault, and is of no use beyond the first."""
    for value in much(what):
        body = put(value)
        with suppress(ValidationError):
            model.model_validate(body)
            continue
        with pytest.raises(ValidationError) as found:
            model.model_validate(body)
        assert found.value.error_count() <= MOST_ERRORS
        with pytest.raises(InvalidRequest) as refusal:
            parse_model(model, body)
        assert len(refusal.value.message) < 1_200


def test_all_bodies_are_looked_at():
    """Lists in lists among them."""
    names = {row[0] for row in PLACES}
    assert {"CreateWebhook CreateWebhook.events", "NumberMap NumberMap.root", "Document AttemptPart: fields"} <= names
    assert len(names) > 150


PROGRAM = """
import asyncio, resource, sys
import httpx2
from mockchirp.app import create_app
from mockchirp.settings import Settings

async def send():
    app = create_app(Settings())
    resource.setrlimit(resource.RLIMIT_AS, (int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize() + {room},) * 2)
    client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1")
    headers = {{"Content-Type": "application/json", "Authorization": "Bearer sk_test_app_local"}}
    answer = await client.request("{method}", "{path}", content={content}, headers=headers)
    print(answer.status_code, answer.json()["error"]["message"])

asyncio.run(send())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the bound on memory is Linux's")
@pytest.mark.parametrize(
    ("method", "path", "content", "says"),
    [
        ("PUT", "/_mockchirp/state", '''b'{"deliveries":[' + b"{}," * 3_000_000 + b"{}]}"''', "deliveries[0]"),
        ("PUT", "/_mockchirp/state", '''b'{"a":0' + b"".join(b',"%d":0' % n for n in range(900_000)) + b"}"''', "a is"),
        ("POST", "/v1/webhooks", '''b'{"url":"http://x","events":[' + b"0," * 500_000 + b"0]}"''', "events"),
    ],
    ids=["deliveries", "unknown fields", "events"],
)
def test_a_large_refused_body_needs_little_memory(method, path, content, says):
    """A server with 512 MB to spare refuses 9 MB of faults: most of that is what the JSON itself becomes."""
    program = PROGRAM.format(method=method, path=path, content=content, room=512 << 20)

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)

    assert done.stdout.startswith("400 "), done.stdout + done.stderr
    assert says in done.stdout


def errors_alive():
    """The errors that somebody holds, by their identity; earlier tests may have left some."""
    return {id(each) for each in gc.get_objects() if isinstance(each, ChirpError | ValidationError)}


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("PUT", "/_mockchirp/state", b'{"deliveries":[' + b"{}," * 100_000 + b"{}]}"),
        ("PUT", "/_mockchirp/state", b'{"calls":[],"recordings":[{"id":"call_rec_%027d"}]}' % 0),
        (
            "PUT",
            "/_mockchirp/state",
            b'{"timers":[{"at":"2026-01-01T00:00:00Z","order":0,"action":"attempt","deliveryId":"dlv_1"}]}',
        ),
        ("POST", "/_mockchirp/wait", b'{"for":{}}'),
        ("POST", "/v1/webhooks", b'{"url":"http://x","events":[0]}'),
        ("POST", "/v1/nothing", b"{}"),
        ("GET", "/recordings/call_rec_0.mp4", b""),
    ],
)
@pytest.mark.anyio
async def test_a_refused_body_is_gone_when_the_answer_is_there(method, path, content):
    """Nothing waits for the garbage collector, which comes too late for bodies of megabytes that follow one another."""
    app = create_app(Settings())
    transport = httpx2.ASGITransport(app)
    headers = {"Content-Type": "application/json", "Authorization": "Bearer sk_test_app_local"}
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        gc.collect()
        gc.disable()
        before = errors_alive()
        try:
            answer = await client.request(method, path, content=content, headers=headers)
            await anyio.to_thread.run_sync(
                int
            )  # by now, the thread has let go of what it has worked on, and the loop of its result
            left = errors_alive() - before
        finally:
            gc.enable()

    assert answer.status_code >= 400
    assert not left


@pytest.mark.parametrize("levels", range(6))
def test_depth_is_that_of_the_deepest_member(levels):
    """However many there are beside it: five levels here."""
    assert is_deeper([*([[[]]] * 1_000), {"a": [{"b": {}}]}], levels) == (levels < 5)
    assert not is_deeper("[[[[", levels)
