"""Seed files: documents of state that people write, in YAML or JSON, for a server to begin with.

A file holds one sandbox, or several in a list under `sandboxes`. What is wrong with one is said in a line that names the
file, the line in it, the part of the document, and the reason.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson

from mockchirp.core.suggestions import did_you_mean
from mockchirp.plain_files import read_plain, reason_of
from mockchirp.runtime import Runtime
from mockchirp.state.document import DEEPEST, VERSION, Document, check_version
from mockchirp.state.errors import BadState, within
from mockchirp.state.errors import Path as Place
from mockchirp.state.planting import plant
from mockchirp.state.restoring import read
from mockchirp.yaml_files import BadYaml, line_of, read_yaml


class BadSeed(ValueError):
    """A file that can't be a seed; the message is one line and names the place."""


def sow(runtime: Runtime, names: Iterable[str]) -> None:
    """Have the sandboxes of seed files, each given by its path or by the name of a shipped one; raise :class:`BadSeed`.

    A sandbox of which a key has one already stays away: the state in which a server was left goes before its seeds.
    """
    left = {key for live in runtime for key in live.keys}
    for name in names:
        text = _text_of(name, runtime.defaults.max_state_size)
        try:
            for place, document in _documents(_parse(name, text)):
                if left.isdisjoint(document.keys or [runtime.default_key]):
                    with within(*place):
                        plant(runtime, document)
        except BadState as error:
            line = line_of(text, error.path)
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


def _text_of(name: str, largest: int) -> str:
    shipped = fixtures()
    path = shipped.get(name) or Path(name)
    try:
        return read_plain(path, largest).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadSeed(f"{name}: is not text in UTF-8") from None
    except (OSError, ValueError) as error:  # the latter if the name holds a NUL
        meant = f"{', '.join(shipped)} do{did_you_mean(name, shipped)}"
        is_path = "/" in name or "." in name or not isinstance(error, FileNotFoundError)
        known = "" if is_path else f", and no seed of that name comes along; {meant}"
        raise BadSeed(f"{name}: {reason_of(error)}{known}") from None


def _parse(name: str, text: str) -> Any:
    try:
        if text.lstrip()[:1] == "{":
            return _json(text)
        return read_yaml(text, 2 * DEEPEST)  # what exactly is too deep is found out later
    except orjson.JSONDecodeError as error:
        raise BadSeed(f"{name}, line {error.lineno}: is not valid JSON: {error.msg}") from None
    except BadYaml as error:
        line = "" if error.line is None else f", line {error.line}"
        raise BadSeed(f"{name}{line}: {error}") from None


def _json(text: str) -> Any:
    """The value of a JSON text. Raise ``BadState`` if a name is twice in one object: a parser keeps the last of them."""
    value = orjson.loads(text)
    with suppress(RecursionError):  # what is as deep as that is refused anyway
        json.loads(text, object_pairs_hook=_once, parse_int=str)  # an integer may be of any length
    return value


def _once(members: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for name, _ in members:
        if name in seen:
            raise BadState((), f"{name[:80]!r} is there twice in one object")
        seen.add(name)


def _documents(value: Any) -> Iterator[tuple[Place, Document]]:
    """The documents in a file, each with its place there."""
    if not isinstance(value, dict):
        raise BadState((), "must be a mapping: a sandbox, or sandboxes in a list under `sandboxes`")
    if "sandboxes" not in value:
        yield (), read(value)
        return
    check_version(value.get("version", VERSION))
    for name in value:
        if name not in ("sandboxes", "version"):
            near = did_you_mean(str(name), ("sandboxes", "version"))
            raise BadState((str(name),), f"can't stand beside sandboxes, only in each of them{near}")
    if not isinstance(value["sandboxes"], list):
        raise BadState(("sandboxes",), "must be a list")
    for position, each in enumerate(value["sandboxes"]):
        place = ("sandboxes", position)
        with within(*place):
            document = read(each)
        yield place, document
