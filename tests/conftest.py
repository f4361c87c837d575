"""What all rings of tests share."""

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from jsonschema_rs import Draft202012Validator, Registry

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
        # A schema can't say that two values agree.
        subject = payload["data"].get("recording", payload["data"]["call"])
        assert payload["eventId"].startswith(f"evt_{subject['id']}_"), f"{payload['eventId']} is not of {subject['id']}"
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
def contract() -> Contract:
    """The contract of this checkout."""
    return Contract(yaml.load(CONTRACT.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
