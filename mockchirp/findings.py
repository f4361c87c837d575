"""What a model finds wrong with a body, a query or a document, in the words of the house."""

import re
import types
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from mockchirp.core.suggestions import MOST_LISTED, choices, did_you_mean, nearest

Path = tuple[str | int, ...]
_KINDS: Mapping[type, str] = {dict: "an object", list: "an array", type(None): "null"}
_SHOWS_WHAT_IT_IS = (
    "_type",
    "_parsing",
    "_than",
    "_than_equal",
    "_from_float",
    "_mismatch",
    "literal_error",
    "multiple_of",
)
"""Endings of pydantic's names for faults after which it helps to see what was given."""
_LONGEST_SHOWN = 40


class Finding(NamedTuple):
    """One fault: where it is, and what it is, to stand after the place and a colon."""

    path: Path
    reason: str
    is_of_name: bool = False
    """Whether the field itself is at fault, and not its value: then the reason stands right after the place."""


def place_of(path: Path) -> str:
    """A path as Chirp writes it in ``param``, such as ``calls[3].status``."""
    place = ""
    for part in path:
        place += f"[{part}]" if isinstance(part, int) else f"{'.' if place else ''}{str(part)[:80]}"
    return place


def path_of(place: str) -> Path:
    """The path that :func:`place_of` wrote."""
    return tuple(int(index) if index else name for index, name in re.findall(r"\[(\d+)\]|([^.\[\]]+)", place))


def first_finding(error: ValidationError, model: Any, value: object) -> Finding:
    """The first fault of ``value``, which should have been a ``model``.

    A model may have an attribute ``advice``: what to do about fields that it does not have, or that should be something else.
    """
    fault = error.errors(include_url=False)[0]
    path, kind, given = fault["loc"], fault["type"], fault["input"]
    if kind in ("missing", "extra_forbidden"):
        name, models = str(path[-1]), _models_for(_follow(value, path[:-1]), _models_in(*_at(model, path[:-1])))
        known = [field.alias or name for model in models for name, field in model.model_fields.items()]
        advice = {name: text for model in models for name, text in getattr(model, "advice", {}).items()}
        if kind == "missing":
            closed = any(model.model_config.get("extra") == "forbid" for model in models)
            return Finding(path, f"is required{_instead(name, given, known, advice, closed)}", is_of_name=True)
        noun = getattr(models[0], "noun", "field") if models else "field"
        better = (
            f": {advice[name]}" if name in advice else choices(name, known, f"the {noun}s are") or "; there are none"
        )
        return Finding(path, f"is not a known {noun} here{better}", is_of_name=True)
    reason = str(fault["msg"]).removeprefix("Value error, ")
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        fields = [
            field.alias or name for model in _models_in(*_at(model, path)) for name, field in model.model_fields.items()
        ]
        reason = f"it should be an object{' with ' + ', '.join(fields[:MOST_LISTED]) if fields else ''}"
    if kind == "literal_error":
        reason = reason.replace("True", "true")
    if kind.endswith(_SHOWS_WHAT_IT_IS):
        reason += f"; it is {shown(given)}"
    if kind == "literal_error" and isinstance(given, str):
        reason += did_you_mean(
            given, [part.strip("'") for part in fault["ctx"]["expected"].replace(" or ", ", ").split(", ")]
        )
    return Finding(path, f"{reason[:1].lower()}{reason[1:]}")


def shown(value: object) -> str:
    """A value as JSON has it, or what kind of thing it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return repr(value[:_LONGEST_SHOWN])
    return _KINDS.get(type(value)) or repr(value)[:_LONGEST_SHOWN]


def _instead(name: str, given: object, known: list[str], advice: Mapping[str, str], closed: bool) -> str:
    """What stands where the field ``name`` is missing and may have been meant for it, as a continued sentence.

    Where the model is ``closed``, every other field is a mistake, and the first is named.
    """
    strays = [str(stray) for stray in given if stray not in known] if isinstance(given, dict) else []
    for stray in strays[:20]:
        if stray in advice:
            return f": {advice[stray]}"
        if nearest(stray, known) == name:
            return f"; {stray[:80]} is not a field here: did you mean {name}?"
    if closed and strays:
        return f"; {strays[0][:80]} is not a field here, the fields are {', '.join(known[:MOST_LISTED])}"
    return ""


def _follow(value: Any, path: Path) -> Any:
    """What stands at ``path`` within plain data; the names of models in it are passed over."""
    for part in path:
        with suppress(KeyError, TypeError):
            value = value[part]
    return value


def _models_for(value: object, models: Iterable[type[BaseModel]]) -> list[type[BaseModel]]:
    """Those of a union that ``value`` comes nearest to: with the fewest of their required fields missing, and the most there."""
    given: set[object] = set(value) if isinstance(value, dict) else set()
    ranks: dict[tuple[int, int], list[type[BaseModel]]] = {}
    for model in models:
        fields = {field.alias or name: field.is_required() for name, field in model.model_fields.items()}
        missing = sum(required and name not in given for name, required in fields.items())
        ranks.setdefault((missing, -len(given & set(fields))), []).append(model)
    return ranks[min(ranks)] if ranks else []


def _at(annotation: Any, path: Path) -> list[Any]:
    """What may stand at ``path`` within an annotated type."""
    found = [annotation]
    for part in path:
        found = [inner for each in found for inner in _inside(each, part)]
    return found


def _inside(annotation: Any, part: str | int) -> Iterator[Any]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from _inside(arguments[0], part)
    elif origin in (Union, types.UnionType):
        for member in arguments:  # pydantic puts the member's own name into the path
            yield from [member] if getattr(member, "__name__", None) == part else _inside(member, part)
    elif origin is dict:
        yield arguments[1]
    elif origin is list and isinstance(part, int):
        yield arguments[0]
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from (field.annotation for name, field in annotation.model_fields.items() if part in (name, field.alias))


def _models_in(*annotations: Any) -> Iterator[type[BaseModel]]:
    for annotation in annotations:
        if get_origin(annotation) in (Annotated, Union, types.UnionType):
            yield from _models_in(*(member for member in get_args(annotation)))
        elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield annotation
