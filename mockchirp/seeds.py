"""Seed files: documents of state that people write, in YAML or JSON, for a server to begin with.

A file holds one sandbox, or several in a list under `sandboxes`. What is wrong with one is said in a line that names the
file, the line in it, the part of the document, and the reason.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson
import yaml

from mockchirp.http import is_deeper
from mockchirp.runtime import Runtime
from mockchirp.state.document import DEEPEST, VERSION, Document, check_version
from mockchirp.state.errors import BadState, within
from mockchirp.state.errors import Path as Place
from mockchirp.state.planting import plant
from mockchirp.state.restoring import read


class BadSeed(ValueError):
    """A file that can't be a seed; the message is one line and names the place."""


def sow(runtime: Runtime, names: Iterable[str]) -> None:
    """Have the sandboxes of seed files, each given by its path or by the name of a shipped one; raise :class:`BadSeed`.

    A sandbox of which a key has one already stays away: the state in which a server was left goes before its seeds.
    """
    left = {key for live in runtime for key in live.keys}
    for name in names:
        text = _text_of(name)
        try:
            for place, document in _documents(_parse(name, text)):
                if left.isdisjoint(document.keys or [runtime.default_key]):
                    with within(*place):
                        plant(runtime, document)
        except BadState as error:
            line = _line(text, error.path)
            where = name if line is None else f"{name}, line {line}"
            raise BadSeed(f"{where}: {error}") from None


@cache
def fixtures() -> dict[str, Path]:
    """The seeds that come with mockchirp, by name."""
    here = Path(str(files("mockchirp")))
    for folder in (here / "fixtures", here.parent / "fixtures"):  # in a wheel, in a checkout
        found = {path.stem: path for path in sorted(folder.glob("*.yaml"))}
        if found:
            return found
    return {}


def _text_of(name: str) -> str:
    shipped = fixtures()
    path = shipped.get(name) or Path(name)
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise BadSeed(f"{name}: is not text in UTF-8") from None
    except OSError as error:
        known = "" if "/" in name or "." in name else f", and no seed of that name comes along; {', '.join(shipped)} do"
        raise BadSeed(f"{name}: {(error.strerror or str(error)).lower()}{known}") from None


def _parse(name: str, text: str) -> Any:
    try:
        if text.lstrip()[:1] == "{":
            return orjson.loads(text)
        value = yaml.load(text, Loader=_loader())  # noqa: S506 - a safe loader
        orjson.dumps(value)
    except orjson.JSONDecodeError as error:
        raise BadSeed(f"{name}, line {error.lineno}: is not valid JSON: {error.msg}") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = "" if mark is None else f", line {mark.line + 1}"
        raise BadSeed(f"{name}{line}: is not valid YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise BadSeed(f"{name}: is not valid YAML: {' '.join(str(error).split())}") from None
    except (orjson.JSONEncodeError, RecursionError, ValueError) as error:
        raise BadSeed(f"{name}: holds what JSON can't say: {error}") from None
    return value


def _documents(value: Any) -> Iterator[tuple[Place, Document]]:
    """The documents in a file, each with its place there."""
    if not isinstance(value, dict):
        raise BadState((), "must be a mapping: a sandbox, or sandboxes in a list under `sandboxes`")
    if is_deeper(value, DEEPEST):
        raise BadState((), f"is nested more than {DEEPEST} levels deep")
    if "sandboxes" not in value:
        yield (), read(value)
        return
    check_version(value.get("version", VERSION))
    for name in value:
        if name not in ("sandboxes", "version"):
            raise BadState((str(name),), "can't stand beside sandboxes, only in each of them")
    if not isinstance(value["sandboxes"], list):
        raise BadState(("sandboxes",), "must be a list")
    for position, each in enumerate(value["sandboxes"]):
        place = ("sandboxes", position)
        with within(*place):
            document = read(each)
        yield place, document


@cache
def _loader() -> type[yaml.SafeLoader]:
    """YAML as people mean it: `+15551234567`, `off` and `2026-01-15T10:30:00Z` are texts, and no name is there twice."""

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - the library has it so

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            names: set[str] = set()
            for key, _ in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    raise yaml.constructor.ConstructorError(None, None, "a name must be a text", key.start_mark)
                if key.value in names:
                    raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is there twice", key.start_mark)
                names.add(key.value)
            return {key.value: self.construct_object(value, deep=True) for key, value in node.value}

    for tag, pattern, first in (
        ("bool", r"true|false", "tf"),
        ("null", r"null|~|", ["n", "~", ""]),
        ("int", r"-?(?:0|[1-9][0-9]*)", "-0123456789"),
        ("float", r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", "-0123456789"),
    ):
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(rf"^(?:{pattern})$"), list(first))
    return Loader


def _line(text: str, path: tuple[str | int, ...]) -> int | None:
    """The line, from 1 on, on which the part of a document stands, or what is nearest to it; None if that is the whole."""
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
