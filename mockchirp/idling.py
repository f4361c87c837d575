"""Connections on which no request is under way: how long they may be so, and which of them goes first."""

import asyncio
from typing import Protocol

LONGEST = 75.0
"""Real seconds that a connection may be idle, as with nginx. Clients that poll every few seconds, or every minute, keep theirs; what
bounds their number is the setting `max_connections`."""
SAID = 70
"""Seconds that clients are told of in `Keep-Alive`: a client that counts by them gives a connection up before the server does, so
that no request meets a connection that is being closed."""


class Connection(Protocol):
    """What can be idle."""

    def close_idle(self) -> None:
        """Close it."""


class IdleConnections:
    """Those of one server, longest idle first. One timer does for all of them, and none while there are none.

    ``limit`` is how many real seconds a connection may be idle.
    """

    def __init__(self, limit: float = LONGEST) -> None:
        self._limit = limit
        self._since: dict[Connection, float] = {}
        """Since when each is, by the clock of the event loop; in the order in which they became so."""
        self._timer: asyncio.TimerHandle | None = None

    def add(self, connection: Connection) -> None:
        """Take in one that has become idle."""
        loop = asyncio.get_running_loop()
        self._since[connection] = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(self._limit, self._close_those_due, loop)

    def remove(self, connection: Connection) -> None:
        """Take out a connection on which something happens; one that is not kept here is left alone."""
        self._since.pop(connection, None)

    def close_longest(self) -> bool:
        """Close the one that has been idle for longest; whether there is one."""
        if not self._since:
            return False
        connection = next(iter(self._since))
        del self._since[connection]
        connection.close_idle()
        return True

    def _close_those_due(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        while self._since:
            due = next(iter(self._since.values())) + self._limit
            if due > now:
                self._timer = loop.call_later(due - now, self._close_those_due, loop)
                return
            self.close_longest()
