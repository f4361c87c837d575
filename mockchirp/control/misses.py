"""What did happen instead of what was waited for, in words."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import islice
from typing import TypeVar

from mockchirp.core.calls import Call
from mockchirp.core.deliveries import Delivery
from mockchirp.core.instants import format_milli
from mockchirp.core.sandbox import Sandbox
from mockchirp.core.timeline import ACTION_NAMES, Entry, FarEndActs

Thing = TypeVar("Thing")
_SHOWN = 5
"""How many things of a kind a message names."""


def story(sandbox: Sandbox, call: Call) -> str:
    """Where a call is, what has happened to it, and what comes next."""
    happened = counted(Counter(event.type for event in sandbox.events.of(call_id=call.id)))
    return f"{call.id} is {call.status}; what did happen: {happened}{what_next(sandbox.timeline.of(call.id))}"


def counted(counts: Mapping[str, int]) -> str:
    """The types of events, each with how often it happened."""
    return ", ".join(name if count == 1 else f"{name} ×{count}" for name, count in counts.items()) or "nothing"


def what_next(entries: Iterable[Entry | None]) -> str:
    """The first of what is scheduled, to stand at the end of a sentence; nothing if nothing is."""
    entry = next(iter(entries), None)
    if entry is None:
        return ""
    action = entry.action
    what = action.action if isinstance(action, FarEndActs) else ACTION_NAMES[type(action)]
    return f"; next: {what.replace('_', ' ')} of {action[0]} at {format_milli(entry.at)}"


def told(sandbox: Sandbox, delivery: Delivery) -> str:
    """A delivery in a few words."""
    tried = ""
    if delivery.attempts:
        tried = f" (attempt {len(delivery.attempts)}: {delivery.attempts[-1].outcome.error or 'delivered'})"
    return f"{delivery.id} of {delivery.event} is {delivery.status}{tried}{what_next(sandbox.timeline.of(delivery.id))}"


def listed(things: Collection[Thing], name: Callable[[Thing], str] = str) -> str:
    """The first few of some things by their names, and how many there are beside."""
    more = f", and {len(things) - _SHOWN} more" if len(things) > _SHOWN else ""
    return ", ".join(name(thing) for thing in islice(things, _SHOWN)) + more
