"""What pydantic says of our types, said so that generators of clients make the best of it.

A generator takes the name of a component for the name of a class, makes a class of every schema that has no name, and takes a default
beside a property for a promise that the property is always there. So what is used in many places gets a name, names shadow
nothing, and defaults are told in words.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Json = dict[str, Any]

_REF = "#/components/schemas/"
_KINDS = {str: "string", bool: "boolean", int: "integer", float: "number"}
_KEYWORDS = frozenset({"type", "anyOf", "oneOf", "allOf", "enum", "const", "$ref"})
"""What tells a schema from other parts of the document."""


def polish(document: Json, named: Mapping[str, Json]) -> Json:
    """The document with better names, with a type beside every enum and const, and without what nothing points to. A schema
    that is one of ``named`` becomes a component of that name.
    """
    names = {name: _better(name) for name in document["components"]["schemas"]}
    polished: Json = _walk(document, lambda node: _polish_schema(node, names, named))
    found = polished["components"]["schemas"]
    polished["components"]["schemas"] = {**{names[name]: found[name] for name in found}, **named}
    _prune(polished)
    return polished


def _better(name: str) -> str:
    """`CallList` for pydantic's `Page_Call_`, and `SandboxState` for what would shadow a browser's `Document`."""
    if name == "Document":
        return "SandboxState"
    page = re.fullmatch(r"Page_(?:Seen|Sandbox)?(\w+?)_", name)
    return f"{page[1]}List" if page else name


def _polish_schema(node: Json, names: Mapping[str, str], named: Mapping[str, Json]) -> Json:
    if not _KEYWORDS & node.keys() or isinstance(node.get("type"), dict):
        return node
    shown = {key: value for key, value in node.items() if key not in ("title", "default")}
    values = [node["const"]] if "const" in node else node.get("enum", [])
    kinds = {_KINDS[type(value)] for value in values if type(value) in _KINDS}
    if len(kinds) == 1:
        shown.setdefault("type", kinds.pop())
    if "$ref" in shown:
        name = shown["$ref"].removeprefix(_REF)
        return {**shown, "$ref": _REF + names[name]} if name in names else shown
    told = _told(node.get("default"))
    for name, schema in named.items():
        if shown == schema:
            return {"$ref": _REF + name, **({"description": told} if told else {})}
    if told:
        shown["description"] = f"{shown.get('description', '')} {told}".strip()
    return shown


def _told(default: object) -> str:
    """A default in words, where it says something."""
    if default in (None, "") or isinstance(default, dict | list):
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}` if it is left out."


def _walk(node: Any, polish: Callable[[Json], Json], within: str = "") -> Any:
    """A copy of ``node`` in which every object was polished, its members first. Examples stay as they are."""
    if isinstance(node, list):
        return [_walk(each, polish) for each in node]
    if not isinstance(node, dict) or within in ("examples", "value"):
        return node
    walked = {key: _walk(value, polish, key) for key, value in node.items()}
    return walked if within in ("properties", "schemas") else polish(walked)


def _prune(document: Json) -> None:
    """Take out the schemas that nothing points to any more."""
    schemas = document["components"]["schemas"]
    while unused := schemas.keys() - {target.removeprefix(_REF) for target in _targets(document)}:
        for name in unused:
            del schemas[name]


def _targets(node: Any) -> Iterator[str]:
    """Where the references in ``node`` lead."""
    members = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    if isinstance(node, dict) and isinstance(node.get("$ref"), str):
        yield node["$ref"]
    for member in members:
        yield from _targets(member)
