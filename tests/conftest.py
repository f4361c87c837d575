"""What all rings of tests share."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import httpx2
import pytest
import yaml
from jsonschema_rs import Draft202012Validator, Registry

from mockchirp.app import create_app
from mockchirp.contract import documented
from mockchirp.core.deliveries import Dispatch, Outcome
from mockchirp.core.sandbox import Sandbox
from mockchirp.media.library import AudioLibrary
from mockchirp.sending.sender import Sender
from mockchirp.settings import Settings

CONTRACT = Path(__file__).parents[1] / "mockchirp" / "openapi.yaml"


class Contract:
    """The contract as an oracle: it says what is wrong with an answer of the mock, or with a webhook that it sent.

    Its parts are named by JSON pointers into the document, such as `/components/schemas/Call`.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self._registry = Registry([("urn:contract", document)])
        self._validators: dict[str, Draft202012Validator] = {}

    @cached_property
    def operations(self) -> dict[str, str]:
        """The pointer to every operation by its operationId; webhooks are not among them."""
        return {
            operation["operationId"]: f"/paths/{path.replace('/', '~1')}/{method}"
            for path, item in self.document["paths"].items()
            for method, operation in item.items()
            if method in ("get", "head", "post", "put", "patch", "delete")
        }

    def at(self, pointer: str) -> Any:
        """The part of the document that ``pointer`` points at."""
        node = self.document
        for part in pointer.split("/")[1:]:
            node = node[int(part) if isinstance(node, list) else part.replace("~1", "/").replace("~0", "~")]
        return node

    def follow(self, pointer: str) -> str:
        """``pointer``, or where the ``$ref`` that it points at leads."""
        while "$ref" in (node := self.at(pointer)):
            pointer = node["$ref"].removeprefix("#")
        return pointer

    def faults(self, schema: str, instance: object) -> dict[str, str]:
        """What is wrong with ``instance``: each fault by the pointer to its place, which is empty for the whole.

        ``schema`` is the pointer to one, or the name of a component.
        """
        if schema not in self._validators:
            pointer = schema if schema.startswith("/") else f"/components/schemas/{schema}"
            self._validators[schema] = Draft202012Validator(
                {"$ref": f"urn:contract#{quote(pointer, safe='/~')}"}, registry=self._registry, validate_formats=True
            )
        return {
            "".join(f"/{part}" for part in error.instance_path): error.message
            for error in self._validators[schema].iter_errors(instance)
        }

    def validate(self, schema: str, instance: object) -> None:
        """Fail, naming every fault, unless ``instance`` is valid."""
        faults = self.faults(schema, instance)
        assert not faults, "\n".join(f"{place or 'the whole'}: {fault}" for place, fault in faults.items())

    def check_answer(
        self,
        operation_id: str | None,
        status: int,
        body: bytes | str | Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Fail unless the contract allows this answer of an operation; return its JSON, or None if it has none.

        ``operation_id`` None is for what is the answer of no operation: 404 to an unknown route, 405. With ``headers``, they and
        the content type are checked too.
        """
        if operation_id is None:
            response = "/components/responses/" + {404: "NotFound", 405: "MethodNotAllowed"}[status]
        else:
            responses = f"{self.operations[operation_id]}/responses"
            assert str(status) in self.at(responses), (
                f"{operation_id} answers {status}, which the contract doesn't know"
            )
            response = self.follow(f"{responses}/{status}")
        if headers is not None:
            self._check_headers(response, {name.lower(): value for name, value in headers.items()})
        content = self.at(response).get("content", {})
        if "application/json" not in content:
            assert content or not body, f"{operation_id} answers {status} with a body, and should not"
            return None
        answer = json.loads(body) if isinstance(body, bytes | str) else body
        self.validate(f"{response}/content/application~1json/schema", answer)
        return answer

    def check_webhook(self, body: bytes | str | Mapping[str, Any]) -> Any:
        """Fail unless this is the body of one of the contract's webhooks; return its JSON."""
        payload = json.loads(body) if isinstance(body, bytes | str) else body
        name = payload["event"]
        assert name in self.document["webhooks"], f"{name} is not an event of the contract"
        self.validate(f"/webhooks/{name}/post/requestBody/content/application~1json/schema", payload)
        # A schema can't say that two values agree. Without what is assumed, some payloads don't say what they are about.
        kind = {"calls.recording.completed": "recording", "calls.voicemail.received": "voicemail"}.get(name, "call")
        subject = payload["data"].get(kind)
        if subject is not None:
            assert payload["eventId"].startswith(f"evt_{subject['id']}_"), payload["eventId"]
        return payload

    def _check_headers(self, response: str, headers: Mapping[str, str]) -> None:
        definition = self.at(response)
        for name in definition.get("headers", {}):
            header = self.follow(f"{response}/headers/{name}")
            value = headers.get(name.lower())
            assert value is not None or not self.at(header).get("required"), f"the header {name} is missing"
            if value is not None:
                is_number = self.at(header)["schema"].get("type") == "integer"
                self.validate(f"{header}/schema", int(value) if is_number else value)
        if "content" in definition:
            media_type = headers["content-type"].partition(";")[0]
            assert media_type in definition["content"], f"the content type {media_type} is not one of the contract's"


@pytest.fixture(scope="session")
def contracts() -> dict[bool, Contract]:
    """The contract of this checkout: all of it, and under True the documented part, which is what `--strict` leaves."""
    document = yaml.load(CONTRACT.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return {False: Contract(document), True: Contract(documented(document))}


@pytest.fixture
def strict() -> bool:
    """Whether `mock` is strict, and which contract it keeps; where both are to be tested, a module has its own."""
    return False


@pytest.fixture
def contract(contracts: dict[bool, Contract], strict: bool) -> Contract:
    """The contract that `mock` keeps."""
    return contracts[strict]


KEY = "sk_test_app_local"
Result = TypeVar("Result")


class Receiver(Sender):
    """Stands where the network is: keeps every webhook in the order in which it was sent, and answers as told."""

    def __init__(self) -> None:
        self.got: list[Dispatch] = []
        self.answer: Callable[[Dispatch], int | Outcome] = lambda dispatch: 200
        """What comes of an attempt: the status of the answer, or all of it."""
        self.hangs = False
        """Whether attempts stay under way."""

    async def send(self, dispatch: Dispatch) -> Outcome:
        self.got.append(dispatch)
        if self.hangs:
            await asyncio.Event().wait()
        status = self.answer(dispatch)
        if isinstance(status, Outcome):
            return status
        return Outcome(status, None if status == 200 else f"answered {status}")

    async def close(self) -> None:
        pass


class Mock:
    """mockchirp in process, with an event loop of its own that runs only during a request."""

    def __init__(self, settings: Settings, receiver: Receiver, library: AudioLibrary | None = None) -> None:
        self.receiver = receiver
        self.app = create_app(settings, sender=receiver, library=library)
        self._client = httpx2.AsyncClient(transport=httpx2.ASGITransport(self.app), base_url="http://127.0.0.1:24477")

    def __enter__(self) -> "Mock":
        self._runner = asyncio.Runner()
        return self

    def __exit__(self, *exception: object) -> None:
        with self._runner:
            self._runner.run(self.app.close())
            self._runner.run(self._client.aclose())

    def request(
        self, method: str, path: str, *, key: str | None = KEY, headers: Any = None, **options: Any
    ) -> httpx2.Response:
        """Any request, by default with the key that control requests mean when they have none."""
        own = {} if key is None else {"Authorization": f"Bearer {key}"}
        request = self._client.build_request(method, path, headers={**own, **(headers or {})}, **options)
        return self._runner.run(self._client.send(request))

    def get(self, path: str, **options: Any) -> httpx2.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> httpx2.Response:
        return self.request("POST", path, json=json, **options)

    def put(self, path: str, json: Any = None, **options: Any) -> httpx2.Response:
        return self.request("PUT", path, json=json, **options)

    def delete(self, path: str, **options: Any) -> httpx2.Response:
        return self.request("DELETE", path, **options)

    def during(self, held: tuple[str, str, Any], *others: tuple[str, str, Any]) -> httpx2.Response:
        """Send a request that holds its answer and, as soon as it does, others, which must succeed; the held answer."""

        async def story(client: httpx2.AsyncClient) -> httpx2.Response:
            async def send(method: str, path: str, json: Any) -> httpx2.Response:
                return await client.request(method, path, json=json, headers={"Authorization": f"Bearer {KEY}"})

            task = asyncio.ensure_future(send(*held))
            while not self.app.runtime.sandbox_of(KEY).waits:
                assert not task.done(), task.result().text
                await asyncio.sleep(0)
            for other in others:
                (await send(*other)).raise_for_status()
            return await task

        return self.together(story)

    def together(self, story: Callable[[httpx2.AsyncClient], Coroutine[Any, Any, Result]]) -> Result:
        """What a story with requests at once comes to, within a few seconds."""

        async def bounded() -> Result:
            async with asyncio.timeout(5):
                return await story(self._client)

        return self._runner.run(bounded())

    def call(self, to: str = "+15559876543", *, key: str = KEY, **fields: Any) -> dict[str, Any]:
        """Place a call, which must succeed; the REST call."""
        answer = self.post("/v1/calls", {"from": "+15551234567", "to": to, **fields}, key=key)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def command(self, call_id: str, type: str, **parameters: Any) -> httpx2.Response:
        return self.post(f"/v1/calls/{call_id}/commands", {"type": type, **parameters})

    def advance(self, *, key: str = KEY, **how: Any) -> dict[str, Any]:
        """Advance the clock, which must succeed; the report."""
        answer = self.post("/_mockchirp/clock/advance", how, key=key)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def events(self, **query: Any) -> list[dict[str, Any]]:
        """What happened in the default sandbox."""
        return self.get("/_mockchirp/events", params=query).json()["data"]

    def sandbox(self, key: str = KEY) -> Sandbox:
        """The sandbox of a key, from inside."""
        return self.app.runtime.sandbox_of(key).sandbox

    def state(self) -> list[str]:
        """Everything in the default sandbox, in words: a refused request leaves it as it is."""
        self.advance(by=0)  # what is being sent has been sent
        sandbox = self.sandbox()
        parts = [sandbox.now, sandbox.calls, list(sandbox.timeline), list(sandbox.deliveries), len(self.receiver.got)]
        return [*map(repr, parts), *map(repr, self.events())]


@pytest.fixture
def receiver(contract: Contract) -> Iterator[Receiver]:
    """Takes every webhook that is sent in a test; in the end each is held against the contract."""
    receiver = Receiver()
    yield receiver
    for dispatch in receiver.got:
        contract.check_webhook(dispatch.body)


@pytest.fixture
def open_mock(receiver: Receiver, strict: bool) -> Iterator[Callable[..., Mock]]:
    """Makes a :class:`Mock` with the given settings: on a frozen clock, sending its webhooks, and in no need to wait for an
    application, unless they say otherwise.
    """
    usual = {"clock_mode": "frozen", "webhook_url": "http://app.test/hooks", "strict": strict, "advance_quiet": "0"}
    with ExitStack() as stack:
        yield lambda library=None, **settings: stack.enter_context(
            Mock(Settings(**{**usual, **settings}), receiver, library)
        )


@pytest.fixture
def mock(open_mock: Callable[..., Mock]) -> Mock:
    """The mock as most tests want it."""
    return open_mock()


def check_refusal(
    answer: httpx2.Response,
    status: int,
    *,
    type: str = "invalid_request_error",
    code: str | None = None,
    param: str | None = None,
    says: str = "",
) -> str:
    """Fail unless ``answer`` is this error in the documented envelope, and nothing more; return its message."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-length"] == str(len(answer.content))
    assert list(answer.json()) == ["error"]
    error = answer.json()["error"]
    message, provider = error.pop("message"), error.pop("provider", None)
    assert isinstance(message, str)
    assert 10 < len(message) < 1000
    assert says in message
    assert (provider is not None) == (status == 424)
    expected = {"type": type, "code": code, "param": param}
    if code is not None:
        expected["doc_url"] = f"https://docs.buildwithchirp.com/api_reference/error-codes#{code}"
    assert error == {name: value for name, value in expected.items() if value is not None}
    return message


@pytest.fixture
def refused() -> Callable[..., str]:
    """The one check of the shape of every error: see :func:`check_refusal`."""
    return check_refusal


@pytest.fixture
def anyio_backend() -> str:
    """Tests that are coroutines (marked `anyio`) run in asyncio."""
    return "asyncio"
