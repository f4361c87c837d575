"""YAML as people mean it, and bounded, since an alias makes much out of little.

`+15551234567`, `off` and `2026-01-15T10:30:00Z` are texts, no name is there twice, and what is read is what JSON can say.
"""

import math
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import orjson
import yaml

MOST_VALUES = 500_000
"""Names and values in a text, all that its aliases repeat among them. Each takes some 500 bytes while it is read."""
MOST_REPEATED = 16 << 20
"""Characters that a text may grow by because of its aliases."""

_TAG = "tag:yaml.org,2002:"
_MERGE = _TAG + "merge"


class BadYaml(ValueError):
    """The text can't be read; the message says why. ``line`` counts from 1, and is None where the whole is at fault."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.line = line


def read_yaml(text: str, deepest: int) -> Any:
    """The value of a YAML text, nested at most ``deepest`` levels; raise :class:`BadYaml` if it has none."""
    try:
        _check_extent(text, deepest)
        node = yaml.compose(text, Loader=_loader())
        value = None if node is None else _value(node, {})
        orjson.dumps(value)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = None if mark is None else mark.line + 1
        raise BadYaml(f"is not valid YAML: {error.problem or error.context}", line) from None
    except yaml.YAMLError as error:
        raise BadYaml(f"is not valid YAML: {' '.join(str(error).split())}") from None
    except (orjson.JSONEncodeError, OverflowError, _NotJson) as error:
        raise BadYaml(f"holds what JSON can't say: {error}") from None
    return value


def line_of(text: str, path: tuple[str | int, ...]) -> int | None:
    """The line, from 1 on, on which a part of the value stands, or what is nearest to it; None if that is the whole."""
    if not path or len(text) > MOST_REPEATED:
        return None
    try:
        node = yaml.compose(text, Loader=_loader())  # JSON is YAML, too
    except (yaml.YAMLError, RecursionError):
        return None
    line = None
    for part in path:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == part), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            found = (node.value[part], node.value[part])
        else:
            found = None
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return line


class _NotJson(Exception):
    pass


class _Opened:
    """A list or a mapping that has begun: its anchor, and how much is in it so far, names and values and their characters."""

    def __init__(self, anchor: str | None) -> None:
        self.anchor = anchor
        self.values = 1
        self.characters = 0


def _check_extent(text: str, deepest: int) -> None:
    """Raise :class:`BadYaml` if the value is nested too deep, or grows too large by its aliases: before any of it is made."""
    most_characters = len(text) + MOST_REPEATED
    extents: dict[str | None, tuple[int, int] | None] = {}
    stack = [_Opened(None)]
    for event in yaml.parse(text, Loader=_loader()):
        if isinstance(event, yaml.CollectionStartEvent):
            stack.append(_Opened(event.anchor))
            extents[event.anchor] = None
            if len(stack) - 1 > deepest:
                raise BadYaml(f"is nested more than {deepest} levels deep")
            continue
        if isinstance(event, yaml.CollectionEndEvent):
            ended = stack.pop()
            anchor, values, characters = ended.anchor, ended.values, ended.characters
        elif isinstance(event, yaml.ScalarEvent):
            anchor, values, characters = event.anchor, 1, len(event.value)
        elif isinstance(event, yaml.AliasEvent):
            anchor, repeated = event.anchor, extents.get(event.anchor, (1, 0))
            if repeated is None:
                raise _wrong(event, f"*{anchor} stands inside what it repeats")
            values, characters = repeated
        else:
            continue
        extents[anchor] = (values, characters)
        stack[-1].values += values
        stack[-1].characters += characters
        if stack[-1].values > MOST_VALUES:
            raise BadYaml(f"holds more than {MOST_VALUES} values, with those that aliases repeat", _line_of(event))
        if stack[-1].characters > most_characters:
            raise BadYaml(f"has aliases that repeat more than {MOST_REPEATED} characters", _line_of(event))


def _line_of(event: yaml.Event) -> int | None:
    return None if event.start_mark is None else event.start_mark.line + 1


def _wrong(thing: Any, what: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=what, problem_mark=thing.start_mark)


def _value(node: yaml.Node, made: dict[int, Any]) -> Any:
    """The value of a node. Aliases lead to the same node several times; ``made`` holds its value."""
    if id(node) not in made:
        made[id(node)] = _make(node, made)
    return made[id(node)]


def _make(node: yaml.Node, made: dict[int, Any]) -> Any:
    tag = node.tag.removeprefix(_TAG)
    if isinstance(node, yaml.MappingNode) and tag == "map":
        return _mapping(node, made)
    if isinstance(node, yaml.SequenceNode) and tag == "seq":
        return [_value(each, made) for each in node.value]
    read = _SCALARS.get(tag) if isinstance(node, yaml.ScalarNode) else None
    if read is None:
        raise _wrong(node, f"the tag {node.tag!r} means nothing here")
    try:
        return read(node.value)
    except (KeyError, ValueError):
        if len(node.value) > _LONGEST_NUMBER:
            raise _NotJson(f"{node.value[:40]}... is too long for a number") from None
        raise _wrong(node, f"{node.value[:40]!r} is not of the kind {tag}") from None


def _mapping(node: yaml.MappingNode, made: dict[int, Any]) -> dict[str, Any]:
    own: dict[str, Any] = {}
    merged: dict[str, Any] = {}
    for key, given in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _wrong(key, "a name must be a text")
        if key.value in own:
            raise _wrong(key, f"{key.value!r} is there twice")
        value = _value(given, made)
        if key.tag != _MERGE:
            own[key.value] = value
            continue
        for each in value if isinstance(value, list) else [value]:
            if not isinstance(each, dict):
                raise _wrong(given, "only a mapping can be merged with <<")
            merged = {**each, **merged}
    return {**merged, **own}


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _NotJson(f"{text[:40]} is out of range")
    return number


_LONGEST_NUMBER = 1000
_SCALARS: Mapping[str, Callable[[str], Any]] = {
    "str": str,
    "null": {"": None, "~": None, "null": None}.__getitem__,
    "bool": {"true": True, "false": False}.__getitem__,
    "int": int,
    "float": _finite,
}


@cache
def _loader() -> type[yaml.SafeLoader]:
    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - the library has it so

    for tag, pattern, first in (
        ("bool", r"true|false", "tf"),
        ("null", r"null|~|", ["n", "~", ""]),
        ("int", r"-?(?:0|[1-9][0-9]*)", "-0123456789"),
        ("float", r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", "-0123456789"),
        ("merge", r"<<", "<"),
    ):
        Loader.add_implicit_resolver(_TAG + tag, re.compile(rf"^(?:{pattern})$"), list(first))
    return Loader
