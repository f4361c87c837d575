"""What did happen instead of what was waited for, in words."""

from collections import Counter
from collections.abc import Iterable

from mockchirp.core.calls import Call
from mockchirp.core.deliveries import Delivery
from mockchirp.core.events import Event
from mockchirp.core.instants import format_milli
from mockchirp.core.sandbox import Sandbox
from mockchirp.core.timeline import ACTION_NAMES, Entry, FarEndActs

_SHOWN = 5
"""How many things of a kind a message names."""


def story(sandbox: Sandbox, call: Call) -> str:
    """Where a call is, what has happened to it, and what comes next."""
    happened = counted(event for event in sandbox.events.after(0) if event.call_id == call.id)
    return f"{call.id} is {call.status}; what did happen: {happened}{what_next(sandbox.timeline.of(call.id))}"


def counted(events: Iterable[Event]) -> str:
    """The types of events, each with how often it happened."""
    counts = Counter(event.type for event in events)
    return ", ".join(name if count == 1 else f"{name} ×{count}" for name, count in counts.items()) or "nothing"


def what_next(entries: Iterable[Entry]) -> str:
    """What is scheduled first, to stand at the end of a sentence; nothing if nothing is."""
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


def listed(names: Iterable[str]) -> str:
    """The first few of some names, and how many there are beside."""
    shown = list(names)
    more = f", and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return ", ".join(shown[:_SHOWN]) + more
