"""What is wrong with a document of state, and where."""

from types import TracebackType

from pydantic import BaseModel, ValidationError

from mockchirp.core.errors import ChirpError
from mockchirp.findings import Path as Path
from mockchirp.findings import first_finding, path_of, place_of


class BadState(ValueError):
    """The document can't be taken: ``reason`` says why, ``path`` which part of it is at fault."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}" if self.path else self.reason

    @property
    def place(self) -> str:
        """The path as people write it, such as ``calls[3].status``."""
        return place_of(self.path)


class within:  # noqa: N801 - it stands in a `with` statement and reads like a word of it
    """What goes wrong inside is wrong within a part of the document: errors of the core become :class:`BadState`, too."""

    def __init__(self, *path: str | int) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, BadState):
            error.path = (*self._path, *error.path)
        elif isinstance(error, ChirpError):
            own = () if error.param is None else path_of(error.param)
            reason = error.message.removeprefix(f"{error.param}: ")
            raise BadState((*self._path, *own), reason) from None


def from_validation(error: ValidationError, model: type[BaseModel], value: object) -> BadState:
    """The first thing that a model finds wrong with a value."""
    found = first_finding(error, model, value)
    return BadState(found.path, found.reason)
