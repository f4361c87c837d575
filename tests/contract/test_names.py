"""The names of both documents, which become names of classes and types in generated clients."""

import builtins
import re

import pytest

from mockchirp import contract
from mockchirp.control.document import document

# What a browser or Node has under a name with a capital letter that an API might want for itself.
GLOBALS = {
    *(
        "Array",
        "Blob",
        "Date",
        "Document",
        "Error",
        "Event",
        "Function",
        "Headers",
        "History",
        "Location",
        "Lock",
        "Map",
    ),
    *("Node", "Notification", "Number", "Object", "Option", "Promise", "Proxy", "Range", "Record", "Report", "Request"),
    *("Response", "Selection", "Set", "Storage", "String", "Symbol", "Text", "URL", "Window", "Worker"),
}


@pytest.fixture(params=["chirp", "control"])
def described(request):
    """One of the documents."""
    return contract.document() if request.param == "chirp" else document()


# What only validators read, and where to look further is in vain.
PASSED_OVER = {"dependentSchemas", "if", "then", "else", "not", "example", "examples", "value"}


def schemas(node):
    """Every object within ``node`` that a generator reads."""
    if isinstance(node, list):
        for each in node:
            yield from schemas(each)
    elif isinstance(node, dict):
        yield node
        for key, value in node.items():
            if key not in PASSED_OVER:
                yield from schemas(value)


def test_a_schema_shadows_nothing(described):
    """Neither a global of JavaScript nor a name that every Python program has."""
    names = described["components"]["schemas"]

    assert not [name for name in names if name in GLOBALS or hasattr(builtins, name)]
    assert all(re.fullmatch(r"[A-Z][A-Za-z]+", name) for name in names)


def test_every_operation_is_described(described):
    """It has a tag that the document explains, a summary and a description; a body has an example."""
    tags = {tag["name"] for tag in described["tags"]}
    operations = [
        operation
        for item in described["paths"].values()
        for method, operation in item.items()
        if method in ("get", "put", "post", "patch", "delete", "head")
    ]

    for operation in operations:
        assert set(operation["tags"]) <= tags, operation["operationId"]
        assert operation["summary"]
        assert operation["description"]
        for content in operation.get("requestBody", {}).get("content", {}).values():
            assert content["examples"], operation["operationId"]


def test_every_enum_and_const_has_a_type(described):
    """A generator that finds none makes `unknown` of it."""
    for schema in schemas(described["components"]["schemas"]):
        assert "type" in schema or not (isinstance(schema.get("enum"), list) or isinstance(schema.get("const"), str)), (
            schema
        )


def test_nothing_stands_beside_a_reference_that_would_change_it(described):
    """Generators drop what stands beside a reference, or make it up; words may stand there."""
    for schema in schemas(described):
        if isinstance(schema.get("$ref"), str):
            assert set(schema) <= {"$ref", "description", "summary"} or any(key.startswith("x-") for key in schema), (
                schema
            )


def test_no_field_promises_its_default(described):
    """Beside a property, some generators take a default for a promise that the property is always there."""
    for schema in schemas(described["components"]["schemas"]):
        for field in (schema.get("properties") or {}).values():
            assert not isinstance(field, dict) or "default" not in field, field
