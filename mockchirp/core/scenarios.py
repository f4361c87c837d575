"""How the far end behaves, as data (control-api.md, "The far end").

A scenario lists, for each trigger, what the other party or the carrier does and how long after the trigger. The
``after`` of every step counts from the trigger, not from the step before.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from mockchirp.core.errors import InvalidRequest, NotFound
from mockchirp.core.instants import SECOND
from mockchirp.core.suggestions import choices

Trigger = Literal["created", "answered", "voicemail"]
RecordingOutcome = Literal["completed", "failed"]
FarEndAction = Literal["ring", "answer", "busy", "no_answer", "voicemail", "hangup", "fail"]


@dataclass(frozen=True, slots=True)
class Step:
    """``do`` is taken ``after`` milliseconds."""

    after: int
    do: FarEndAction


@dataclass(frozen=True, slots=True)
class Scenario:
    """The behaviour of one far end; ``number`` is the dialled number that chooses it, None for the default."""

    name: str
    what: str
    number: str | None = None
    created: tuple[Step, ...] = ()
    answered: tuple[Step, ...] = ()
    voicemail: tuple[Step, ...] = ()
    recording: RecordingOutcome = "completed"
    carrier_down: bool = False
    patience: int | None = None
    """How long (ms) an inbound caller waits for the answer; None: longer than the app has to decide."""
    message_length: int | None = None
    """How long (ms) an inbound caller speaks after the greeting; None: the usual 30 s."""
    processing_time: int | None = None
    """How long (ms) recordings are processed; None: as the server is set."""

    def steps(self, trigger: Trigger) -> tuple[Step, ...]:
        """What follows when ``trigger`` happens."""
        if trigger == "created":
            return self.created
        return self.answered if trigger == "answered" else self.voicemail


def _at(seconds: int, do: FarEndAction) -> Step:
    return Step(seconds * SECOND, do)


_PICKED_UP = (_at(1, "ring"), _at(5, "answer"))
_TALK = (_at(120, "hangup"),)

SCENARIOS: Mapping[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            "answered",
            "rings after 1 s, answered at 5 s, hung up by the far end after 120 s of talk",
            created=_PICKED_UP,
            answered=_TALK,
        ),
        Scenario(
            "busy",
            "rings after 1 s, busy at 5 s",
            "+15005550001",
            created=(_at(1, "ring"), _at(5, "busy")),
        ),
        Scenario(
            "no_answer",
            "rings after 1 s for 30 s, and nobody answers; as a caller, gives up after 20 s",
            "+15005550002",
            created=(_at(1, "ring"), _at(31, "no_answer")),
            patience=20 * SECOND,
        ),
        Scenario("failed", "the carrier fails the call after 1 s", "+15005550003", created=(_at(1, "fail"),)),
        Scenario(
            "voicemail",
            "rings after 1 s, the far end's voicemail takes it at 21 s, and the call ends after 30 s of message",
            "+15005550004",
            created=(_at(1, "ring"), _at(21, "voicemail")),
            voicemail=(_at(30, "hangup"),),
        ),
        Scenario(
            "dropped",
            "answered at 5 s, and the network drops it 7 s later",
            "+15005550005",
            created=_PICKED_UP,
            answered=(_at(7, "fail"),),
        ),
        Scenario(
            "recording_failed",
            "answered at 5 s, hung up after 120 s; the processing of its recordings fails",
            "+15005550006",
            created=_PICKED_UP,
            answered=_TALK,
            recording="failed",
        ),
        Scenario("endless", "answered at 5 s, and never hung up by the far end", "+15005550007", created=_PICKED_UP),
        Scenario(
            "brief",
            "answered at once, hung up after 1 s",
            "+15005550008",
            created=(_at(0, "ring"), _at(0, "answer")),
            answered=(_at(1, "hangup"),),
        ),
        Scenario("carrier_down", "creating the call itself is answered with 424", "+15005550009", carrier_down=True),
    )
}
DEFAULT_SCENARIO = SCENARIOS["answered"]
_BUILT_IN_NUMBERS = {scenario.number: scenario.name for scenario in SCENARIOS.values() if scenario.number}


@dataclass(slots=True)
class ScenarioBook:
    """The scenarios of one sandbox: the built-in ones, those defined or overridden, and which number leads to which.

    A number is looked up as it is, then among the patterns (`*` stands for any digits) in their order, then among the built-in
    numbers; one that is in none of them leads to the default.
    """

    defined: dict[str, Scenario] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    default: str = DEFAULT_SCENARIO.name

    def __iter__(self) -> Iterator[Scenario]:
        """Every scenario, the built-in ones first."""
        return iter({**SCENARIOS, **self.defined}.values())

    def get(self, name: str) -> Scenario | None:
        """The scenario of this name, as it was defined last."""
        return self.defined.get(name) or SCENARIOS.get(name)

    def named(self, name: str, param: str) -> Scenario:
        """The scenario of this name, given as ``param``; raise :class:`InvalidRequest` if there is none."""
        scenario = self.get(name)
        if scenario is None:
            known = choices(name, [each.name for each in self])
            raise InvalidRequest(f"{param}: {name[:80]!r} is not a scenario{known}", param=param)
        return scenario

    def of_number(self, number: str) -> Scenario:
        """The scenario that a number leads to."""
        name = self.numbers.get(number)
        if name is None:
            patterns = (pattern for pattern in self.numbers if "*" in pattern)
            name = next((self.numbers[pattern] for pattern in patterns if fnmatchcase(number, pattern)), None)
        if name is None:
            name = _BUILT_IN_NUMBERS.get(number, self.default)
        return self.defined.get(name) or SCENARIOS[name]

    def remove(self, name: str) -> None:
        """Forget a definition: a built-in scenario is itself again, another one is gone, and so are its numbers."""
        if name not in self.defined:
            known = choices(name, self.defined, "defined are") or "; none is"
            raise NotFound(f"No scenario {name[:80]!r} was defined here{known}")
        del self.defined[name]
        if name not in SCENARIOS:
            self.numbers = {number: leads_to for number, leads_to in self.numbers.items() if leads_to != name}
            if self.default == name:
                self.default = DEFAULT_SCENARIO.name
