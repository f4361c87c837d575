"""Places for attempts: how many may be under way at once, to one origin and to all of them.

A sending takes a task, a connection and a file descriptor only when there is a place; what waits is data of the sandbox
that wants to send. Everything here is synchronous and belongs to one event loop.

An origin begins with :data:`FIRST_PLACES`: a small receiver's queue of new connections is short (five, in Python's own
server), and what does not fit waits for seconds or fails. A receiver that keeps its connections open gets a place more
with every answer on a kept one; so does one that hangs, as there is nothing left to spare it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

FIRST_PLACES = 5
"""Attempts that may be under way to an origin of which nothing is known yet."""

MOST_AT_ONCE = 400
"""Attempts that may be under way to all origins before each gets one place only: each holds a file descriptor, of which
a process often has no more than 1,024, and what is under way delays every turn of the event loop."""

MOST_OF_ALL = 800
"""Attempts that may be under way at all, so that descriptors are left for the server's own clients."""

MOST_KNOWN = 1000
"""Origins whose number of places is remembered, beside those in use."""

Tell = Callable[[], None]


class Places:
    """The places of the running event loop: at most ``per_origin`` for each origin."""

    def __init__(self, per_origin: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._most = per_origin
        self._allowed: dict[str, int] = {}
        self._taken: dict[str, int] = {}
        self._all_taken = 0
        self._waiting: OrderedDict[str, OrderedDict[Tell, None]] = OrderedDict()
        self._freed: set[str] = set()
        self._telling = False

    @property
    def taken(self) -> int:
        """How many attempts are under way."""
        return self._all_taken

    @property
    def unused(self) -> bool:
        """Whether no place is taken and nobody waits for one."""
        return not self._taken and not self._waiting

    def take(self, origin: str) -> bool:
        """Take a place; return False if all are taken."""
        if not self._has(origin):
            return False
        self._taken[origin] = self._taken.get(origin, 0) + 1
        self._all_taken += 1
        return True

    def give_back(self, origin: str) -> None:
        """Let others have a place that was taken; those who wait hear of it in the loop's next turn."""
        if origin not in self._taken:
            return  # it was taken on another loop, and is gone with that
        taken = self._taken[origin] - 1
        if taken:
            self._taken[origin] = taken
        else:
            del self._taken[origin]
            if len(self._allowed) > MOST_KNOWN:
                self._allowed.pop(origin, None)
        # The last of all the places would do for any origin.
        self._announce(*(self._waiting if self._all_taken >= MOST_AT_ONCE else (origin,)))
        self._all_taken -= 1

    def widen(self, origin: str) -> None:
        """Give an origin one more place, up to the bound."""
        allowed = self._allowed.get(origin, min(FIRST_PLACES, self._most))
        if allowed < self._most:
            self._allowed[origin] = allowed + 1
            self._announce(origin)

    def when_free(self, origin: str, tell: Tell) -> None:
        """Have ``tell`` called once, when a place for ``origin`` is free; to ask again before that changes nothing."""
        self._waiting.setdefault(origin, OrderedDict())[tell] = None
        if self._has(origin):
            self._announce(origin)

    def forget(self, tell: Tell) -> None:
        """Never call ``tell``."""
        for origin, waiting in list(self._waiting.items()):
            waiting.pop(tell, None)
            if not waiting:
                del self._waiting[origin]

    def forget_all(self) -> None:
        """Let every origin begin anew: a receiver may have been started again, as another."""
        self._allowed.clear()

    def _has(self, origin: str) -> bool:
        taken = self._taken.get(origin, 0)
        if not taken:
            return self._all_taken < MOST_OF_ALL
        return self._all_taken < MOST_AT_ONCE and taken < self._allowed.get(origin, min(FIRST_PLACES, self._most))

    def _announce(self, *origins: str) -> None:
        self._freed.update(origin for origin in origins if origin in self._waiting)
        if self._freed and not self._telling:
            self._telling = True
            self._loop.call_soon(self._tell)

    def _tell(self) -> None:
        """Tell those who wait, in the order of their asking, as long as there are places. Who asks again is last."""
        self._telling = False
        freed, self._freed = self._freed, set()
        for origin in [origin for origin in self._waiting if origin in freed]:
            waiting = self._waiting.pop(origin)
            for _ in range(len(waiting)):
                if not self._has(origin):
                    break
                waiting.popitem(last=False)[0]()
            again = self._waiting.pop(origin, None)
            if again:
                waiting.update(again)
            if waiting:
                self._waiting[origin] = waiting  # behind the other origins, so that all get their share
