"""What comes up in a sandbox, by topics, so that those who wait look only when it concerns them."""

from collections.abc import Hashable
from typing import Protocol

from mockchirp.core.sandbox import Sandbox

EVENT = "event"
"""Any event; an event also brings up its type, its call and its recording."""
REQUEST = "request"
"""Any request in the journal; it also brings up ``(REQUEST, its operation)``."""
DELIVERY = "delivery"
"""An attempt to deliver a webhook is over."""
FAULT = "fault"
"""A fault was removed."""
IDLE = "idle"
"""Nothing is pending."""
STANDSTILL = "standstill"
"""Nothing happens any more before somebody asks for it, or something did that needed no time."""


class Told(Protocol):
    """Whose news it is."""

    sandbox: Sandbox
    outcomes: int
    """Counts the attempts that are over."""

    @property
    def pending(self) -> int: ...
    @property
    def stands_still(self) -> bool: ...


class News:
    """The topics that have come up in a sandbox since this was last called, or made."""

    def __init__(self, live: Told) -> None:
        self._live = live
        sandbox = live.sandbox
        self._event, self._exchange = sandbox.events.last, sandbox.journal.last
        self._outcomes, self._removed = live.outcomes, sandbox.faults.removed
        self._stood_still = live.stands_still

    def __call__(self) -> set[Hashable]:
        live, sandbox = self._live, self._live.sandbox
        topics: set[Hashable] = set()
        if sandbox.journal.last != self._exchange:
            topics.add(REQUEST)
            topics.update((REQUEST, exchange.operation) for exchange in sandbox.journal.after(self._exchange))
            self._exchange = sandbox.journal.last
        if live.outcomes != self._outcomes:
            topics.add(DELIVERY)
            self._outcomes = live.outcomes
        if sandbox.faults.removed != self._removed:
            topics.add(FAULT)
            self._removed = sandbox.faults.removed
        if live.pending == 0:
            topics.add(IDLE)
        stands_still = live.stands_still
        if stands_still and not (self._stood_still and sandbox.events.last == self._event):
            topics.add(STANDSTILL)
        self._stood_still = stands_still
        if sandbox.events.last != self._event:
            topics.add(EVENT)
            for event in sandbox.events.after(self._event):
                topics.update((event.type, event.call_id, event.recording_id))
            self._event = sandbox.events.last
        return topics
