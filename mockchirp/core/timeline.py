"""The timeline of a sandbox: what will happen, and when.

A heap of ``(instant, order, action)``. Actions are small named values, not closures, so that they can be shown,
exported and restored. Each belongs to the thing that its first field names (a call, a recording, a delivery), and is
cancelled with it.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from mockchirp.core.scenarios import FarEndAction


class FarEndActs(NamedTuple):
    """The other party or the carrier does the next thing that the call's scenario says."""

    call_id: str
    action: FarEndAction


class FinishProcessing(NamedTuple):
    """A recording's processing comes to its end."""

    recording_id: str


class AttemptDelivery(NamedTuple):
    """A webhook delivery is tried again."""

    delivery_id: str


class DecisionDue(NamedTuple):
    """The app has not said what becomes of an inbound call: the default behaviour takes it."""

    call_id: str


class CallerGivesUp(NamedTuple):
    """The patience of an inbound caller whom nobody answers ends."""

    call_id: str


class BeginMessage(NamedTuple):
    """The greeting is over: the caller's message begins."""

    call_id: str


class EndMessage(NamedTuple):
    """The caller's message ends, and the call with it."""

    call_id: str


Action = FarEndActs | FinishProcessing | AttemptDelivery | DecisionDue | CallerGivesUp | BeginMessage | EndMessage
ACTION_NAMES: Mapping[type[Action], str] = {
    FarEndActs: "far_end",
    FinishProcessing: "finish_processing",
    AttemptDelivery: "attempt_delivery",
    DecisionDue: "decision_due",
    CallerGivesUp: "caller_gives_up",
    BeginMessage: "begin_message",
    EndMessage: "end_message",
}
"""What the actions are called where they are shown and exported."""


class Entry(NamedTuple):
    """``order`` breaks ties: at one instant, what was ordered first comes first."""

    at: int
    order: int
    action: Action


class Timeline:
    """Scheduled actions in the order in which they fall due."""

    def __init__(self) -> None:
        self._heap: list[Entry] = []
        self._by_owner: dict[str, list[Entry]] = {}
        self._cancelled: set[int] = set()
        self._next_order = 0

    def __len__(self) -> int:
        return len(self._heap) - len(self._cancelled)

    def __iter__(self) -> Iterator[Entry]:
        """Every pending entry, soonest first."""
        return iter(sorted(self.pending()))

    def first(self) -> Entry | None:
        """The pending entry that is due first."""
        return self._heap[0] if self._heap else None

    def pending(self) -> list[Entry]:
        """Every pending entry, in no order."""
        return [entry for entry in self._heap if entry.order not in self._cancelled]

    @property
    def last_order(self) -> int:
        """The last place in the order that was given away."""
        return self._next_order

    def restore(self, entries: Iterable[Entry], last_order: int) -> None:
        """Take up an exported timeline, in place of what there is; no entry's order is greater than ``last_order``."""
        self._heap = sorted(entries)
        self._by_owner = {}
        for entry in self._heap:
            self._by_owner.setdefault(entry.action[0], []).append(entry)
        self._cancelled = set()
        self._next_order = last_order

    def reserve(self) -> int:
        """A place in the order for something that will be scheduled later (see :meth:`schedule`)."""
        self._next_order += 1
        return self._next_order

    def schedule(self, at: int, action: Action, order: int | None = None) -> None:
        """Have ``action`` fall due at the instant ``at``; ``order`` is a place reserved before, not in use by a pending
        entry.
        """
        entry = Entry(at, self.reserve() if order is None else order, action)
        heapq.heappush(self._heap, entry)
        self._by_owner.setdefault(action[0], []).append(entry)

    def of(self, owner: str) -> list[Entry]:
        """The pending entries of one call, recording or delivery, soonest first."""
        return sorted(self._by_owner.get(owner, ()))

    def cancel(self, owner: str) -> None:
        """Forget everything scheduled for ``owner``."""
        for entry in self._by_owner.pop(owner, ()):
            self._cancelled.add(entry.order)
        self._drop_cancelled()

    def withdraw(self, owner: str) -> None:
        """Forget everything scheduled for ``owner``, so that its places in the order can be used again."""
        gone = self._by_owner.pop(owner, ())
        if gone:
            self._heap = [entry for entry in self._heap if entry not in gone]
            heapq.heapify(self._heap)
            self._drop_cancelled()

    def next_due(self) -> int | None:
        """The instant of the next entry, or None if nothing is pending."""
        return self._heap[0].at if self._heap else None

    def pop_due(self, now: int) -> Entry | None:
        """Take the first entry that is due at ``now``, or None."""
        if not self._heap or self._heap[0].at > now:
            return None
        entry = heapq.heappop(self._heap)
        owner = entry.action[0]
        left = self._by_owner[owner]
        left.remove(entry)
        if not left:
            del self._by_owner[owner]
        self._drop_cancelled()
        return entry

    def _drop_cancelled(self) -> None:
        # Only the head is cleaned, so that `next_due` is always a live entry; the rest goes when it gets there, or when
        # it is most of the heap.
        heap, cancelled = self._heap, self._cancelled
        while heap and heap[0].order in cancelled:
            cancelled.discard(heapq.heappop(heap).order)
        if len(cancelled) > 64 and len(cancelled) * 2 > len(heap):
            self._heap = [entry for entry in heap if entry.order not in cancelled]
            heapq.heapify(self._heap)
            cancelled.clear()
