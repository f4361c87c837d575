"""What in an OpenAPI document would break a client that was generated from an earlier one.

A client breaks when something that it names is gone, when a request needs more than it sends or takes less, and when an answer or a
webhook holds less than it reads or something that it does not know.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

Json = Mapping[str, Any]
Way = Literal["in", "out"]
"""Into the server, as requests go, or out of it, as answers and webhooks do."""
_METHODS = ("get", "put", "post", "patch", "delete", "head")


def breaking_changes(old: Json, new: Json) -> list[str]:
    """Every change from ``old`` to ``new`` that breaks such a client, in words, each once."""
    return list(dict.fromkeys(_Comparison(old, new).changes()))


class _Comparison:
    def __init__(self, old: Json, new: Json) -> None:
        self._old, self._new = old, new
        self._compared: set[tuple[str, Way]] = set()

    def changes(self) -> Iterator[str]:
        for name in self._old["components"]["schemas"]:
            if name not in self._new["components"]["schemas"]:
                yield f"schema {name} is gone"
        there = dict(_operations(self._new))
        for id, (place, before) in dict(_operations(self._old)).items():
            if id not in there:
                yield f"operation {id} is gone"
                continue
            moved, after = there[id]
            if moved != place:
                yield f"operation {id} is at {moved}, no longer at {place}"
            yield from self._operation(id, before, after)

    def _operation(self, id: str, old: Json, new: Json) -> Iterator[str]:
        before, after = self._parameters(self._old, old), self._parameters(self._new, new)
        for name in before:
            if name not in after:
                yield f"{id}: parameter {name} is gone"
            else:
                yield from self._schema(f"{id}: parameter {name}", before[name]["schema"], after[name]["schema"], "in")
        for name, parameter in after.items():
            if parameter.get("required") and not before.get(name, {}).get("required"):
                yield f"{id}: parameter {name} is required"
        is_webhook = id.startswith("on")
        ours, theirs = old.get("requestBody", {}), new.get("requestBody", {})
        if theirs.get("required") and not ours.get("required"):
            yield f"{id}: the body is required"
        yield from self._content(f"{id}: body", ours, theirs, "out" if is_webhook else "in")
        for status, answer in old["responses"].items():
            if status not in new["responses"]:
                yield f"{id}: status {status} is gone"
                continue
            answers = self._follow(self._old, answer), self._follow(self._new, new["responses"][status])
            yield from self._content(f"{id}: {status}", *answers, "out")

    def _content(self, where: str, old: Json, new: Json, way: Way) -> Iterator[str]:
        for media_type, content in old.get("content", {}).items():
            if media_type not in new.get("content", {}):
                yield f"{where} is no longer {media_type}"
            else:
                after = new["content"][media_type].get("schema", {})
                yield from self._schema(where, content.get("schema", {}), after, way)

    def _schema(self, where: str, old: Json, new: Json, way: Way) -> Iterator[str]:
        name = old.get("$ref", "").rpartition("/")[2]
        if name:
            if (name, way) in self._compared:
                return
            self._compared.add((name, way))
            where = name
        old, new = self._flat(self._old, old), self._flat(self._new, new)
        lost, gained = _types(old) - _types(new), _types(new) - _types(old)
        for kind in sorted(lost if way == "in" else gained):
            yield f"{where} {'can no longer be' if way == 'in' else 'can be'} {kind}"
        yield from self._values(where, old, new, way)
        before, after = old.get("properties", {}), new.get("properties", {})
        for field, schema in before.items():
            if field not in after:
                yield f"{where}: field {field} is gone"
            else:
                yield from self._schema(f"{where}.{field}", schema, after[field], way)
        required = set(old.get("required", ())), set(new.get("required", ()))
        for field in sorted(required[1] - required[0] if way == "in" else (required[0] - required[1]) & after.keys()):
            yield f"{where}: field {field} {'is required' if way == 'in' else 'may be missing'}"
        for branch in old.get("branches", {}).keys() & new.get("branches", {}).keys():
            yield from self._schema(branch, old["branches"][branch], new["branches"][branch], way)
        if "items" in old and "items" in new:
            yield from self._schema(f"{where}[]", old["items"], new["items"], way)

    def _values(self, where: str, old: Json, new: Json, way: Way) -> Iterator[str]:
        before, after = _values_of(old), _values_of(new)
        if way == "in" and after is not None:
            for value in sorted(map(str, (before or set()) - after)):
                yield f"{where} can no longer be {value}"
        if way == "out" and before is not None:
            for value in sorted(map(str, (after or set()) - before)):
                yield f"{where} can be {value}"

    def _flat(self, document: Json, schema: Json) -> Json:
        """The schema with its reference followed, and what stands in `allOf` and in the branches of a union put together."""
        schema = self._follow(document, schema)
        flat: dict[str, Any] = dict(schema)
        union = (*schema.get("anyOf", ()), *schema.get("oneOf", ()))
        flat["branches"] = {each["$ref"]: each for each in union if "$ref" in each}
        branches = [self._flat(document, each) for each in union]
        parts = [self._flat(document, each) for each in schema.get("allOf", ())]
        for part in (*parts, *branches):
            flat["properties"] = {**part.get("properties", {}), **flat.get("properties", {})}
            if "items" in part:
                flat.setdefault("items", part["items"])
        for part in parts:
            flat["required"] = [*flat.get("required", ()), *part.get("required", ())]
            for key in ("type", "enum", "const"):
                if key in part:
                    flat.setdefault(key, part[key])
        if branches and "type" not in flat:
            flat["type"] = sorted(set().union(*map(_types, branches)))
            values = [_values_of(branch) for branch in branches]
            if all(value is not None for value in values):
                flat["enum"] = sorted(set().union(*filter(None, values)), key=str)
        return flat

    def _follow(self, document: Json, part: Json) -> Json:
        while "$ref" in part:
            target: Json = document
            for key in part["$ref"].split("/")[1:]:
                target = target[key.replace("~1", "/").replace("~0", "~")]
            part = target
        return part

    def _parameters(self, document: Json, operation: Json) -> dict[str, Json]:
        followed = [self._follow(document, each) for each in operation.get("parameters", ())]
        return {each["name"]: each for each in followed}


def _operations(document: Json) -> Iterator[tuple[str, tuple[str, Json]]]:
    for section in ("paths", "webhooks"):
        for path, item in document.get(section, {}).items():
            for method in _METHODS:
                if method in item:
                    shared = item.get("parameters", [])
                    operation = {**item[method], "parameters": [*shared, *item[method].get("parameters", [])]}
                    yield operation["operationId"], (f"{method.upper()} {path}", operation)


def _types(schema: Json) -> set[str]:
    given = schema.get("type", [])
    return {given} if isinstance(given, str) else set(given)


def _values_of(schema: Json) -> set[Any] | None:
    if "const" in schema:
        return {schema["const"]}
    return set(schema["enum"]) if "enum" in schema else None
