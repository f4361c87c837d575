"""The contract, ``openapi.yaml``, as data: what it says, what of it is assumed, and what is left without the assumptions.

A part of the document that carries ``x-provenance: assumed`` is assumed as a whole; ``x-assumption`` on a documented part names the
detail of it that is ours.
"""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

import orjson
import yaml

_METHODS = frozenset({"get", "put", "post", "patch", "delete", "head", "options", "trace"})
_BEHAVIOUR = frozenset({"responses", "headers", "parameters"})
"""Where assumed parts stay under `--strict`: an answer has to have some status, and a request some rule."""


@cache
def text() -> bytes:
    """The contract as it is written, in YAML."""
    return files("mockchirp").joinpath("openapi.yaml").read_bytes()


@cache
def document() -> dict[str, Any]:
    """The contract as data; not to be changed."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loaded: dict[str, Any] = yaml.load(text(), Loader=loader)  # noqa: S506 - a safe loader, the quick one where there is one
    return loaded


@cache
def served(strict: bool) -> tuple[bytes, bytes]:
    """The contract that a server serves, as YAML and as JSON: all of it, or under ``strict`` the documented part."""
    if not strict:
        return text(), orjson.dumps(document())
    reduced = documented(document())
    return yaml.safe_dump(reduced, sort_keys=False, allow_unicode=True, width=120).encode(), orjson.dumps(reduced)


def documented(whole: dict[str, Any]) -> dict[str, Any]:
    """The document without its assumed operations, commands, events, values and fields, without what pointed to them, and
    without what only they pointed to.

    Assumed statuses, headers and parameters stay: they describe how something documented behaves.
    """
    gone = {
        f"#/components/schemas/{name}" for name, schema in whole["components"]["schemas"].items() if _is_assumed(schema)
    }
    reduced: dict[str, Any] = _without(whole, gone)
    operations = {operation["operationId"] for operation in _operations(reduced)}
    for operation in _operations(reduced):
        for response in operation["responses"].values():
            links = response.get("links", {})
            for name in [name for name, link in links.items() if link.get("operationId") not in operations]:
                del links[name]
            if not links:
                response.pop("links", None)
    _prune(reduced, set(_targets(whole)))
    return reduced


def assumptions() -> list[dict[str, str]]:
    """Every assumption: ``where`` as a JSON pointer into the contract, ``what`` it is about, and the ``reason``."""
    return list(_assumptions(document(), ()))


def _assumptions(part: object, path: tuple[str, ...]) -> Iterator[dict[str, str]]:
    if isinstance(part, dict):
        if _is_assumed(part):
            yield {"where": _pointer(path), "what": _name(path, part), "reason": part["x-provenance-reason"]}
        if isinstance(part.get("x-assumption"), str):
            yield {"where": _pointer(path), "what": _name(path, part), "reason": part["x-assumption"]}
        for key, member in part.items():
            if key != "examples":  # an example of something assumed is no further assumption
                yield from _assumptions(member, (*path, str(key)))
    elif isinstance(part, list):
        for index, member in enumerate(part):
            yield from _assumptions(member, (*path, str(index)))


def _name(path: tuple[str, ...], part: dict[str, Any]) -> str:
    """A short name for a person: `GET /v1/webhooks`, `event calls.ringing`, `field status of WebhookCall`."""
    if path[0] == "webhooks" and len(path) <= 3:
        return f"event {path[1]}"
    if path[0] == "paths" and len(path) > 2 and path[2] in _METHODS:
        operation = f"{path[2].upper()} {path[1]}"
        if len(path) > 4 and path[3] == "responses":
            return f"status {path[4]} of {operation}"
        return operation
    if path[0] == "paths":
        return f"parameter {part['name']} of {path[1]}"
    if path[:2] == ("components", "schemas"):
        fields = [path[i + 1] for i, key in enumerate(path[:-1]) if key == "properties" and i >= 3]
        const = part.get("const")
        detail = f"value {const} of " if const is not None else ""
        return f"{detail}field {'.'.join(fields)} of {path[2]}" if fields else f"{detail}{path[2]}"
    if path[0] == "components":
        kinds = {"responses": "answer", "headers": "header", "securitySchemes": "security scheme"}
        detail = f"header {path[4]} of " if len(path) > 4 and path[3] == "headers" else ""
        return f"{detail}{kinds[path[1]]} {path[2]}"
    return " ".join(path)


def _pointer(path: tuple[str, ...]) -> str:
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in path)


def _prune(reduced: dict[str, Any], once: set[str]) -> None:
    """Take out the components that were pointed to ``once`` and are not any more."""
    components = reduced["components"]
    while True:
        idle = once - set(_targets(reduced))
        left_over = [
            (kind, name) for kind in components for name in components[kind] if f"#/components/{kind}/{name}" in idle
        ]
        if not left_over:
            return
        for kind, name in left_over:
            del components[kind][name]


def _targets(part: object) -> Iterator[str]:
    """Where the references in ``part`` lead."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for member in part.values():
            yield from _targets(member)
    elif isinstance(part, list):
        for member in part:
            yield from _targets(member)


def _is_assumed(part: object) -> bool:
    return isinstance(part, dict) and part.get("x-provenance") == "assumed"


def _operations(whole: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        operation
        for section in ("paths", "webhooks")
        for item in whole[section].values()
        for method, operation in item.items()
        if method in _METHODS
    ]


def _without(part: Any, gone: set[str], within: str = "") -> Any:
    """A copy of ``part`` without what is assumed; ``within`` is the key under which it stands."""

    def is_gone(member: object) -> bool:
        if within in _BEHAVIOUR:
            return False
        points_to_gone = isinstance(member, dict) and member.get("$ref") in gone
        return _is_assumed(member) or points_to_gone or (within == "mapping" and member in gone)

    if isinstance(part, list):
        return [_without(member, gone) for member in part if not is_gone(member)]
    if not isinstance(part, dict):
        return part
    kept = {key: _without(member, gone, str(key)) for key, member in part.items() if not is_gone(member)}
    if isinstance(kept.get("required"), list) and isinstance(kept.get("properties"), dict):
        lost = part["properties"].keys() - kept["properties"].keys()
        kept["required"] = [name for name in kept["required"] if name not in lost]
    if len(kept.get("anyOf", ())) == 1:  # what is left of a choice is none
        kept["allOf"] = kept.pop("anyOf")
    if within in ("paths", "webhooks"):
        return {path: item for path, item in kept.items() if _METHODS & item.keys()}
    return kept
