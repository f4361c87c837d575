"""Whether a client takes what is sent to it.

Between a server and a client that reads slowly, two systems hold data: some 4 MB wait to be sent, and up to 6 MB wait to be read. So
the server may have nothing to write for a minute, and see nothing taken for another, while the client has read all the time. What the
client's system has acknowledged counts as progress, and before a client is given up it gets the time to read what its system holds.
"""

import socket
import struct
import sys
from typing import Any

STEP = 32 << 10
"""Bytes that count as progress: a system takes a few by itself, to fill what is left of its buffer."""
BY_ITSELF = 256 << 10
"""Bytes that a system takes for a program that reads none of them. It takes more only for programs that read."""
MOST_AHEAD = 6 << 20
"""Bytes that a system takes at most before its program has read them, as Linux is set up."""
SLOWEST = 16 << 10
"""Bytes a second at which a client reads at least, if it is to be told from one that does not."""


class Progress:
    """How a client takes an answer, from a moment at which nothing waited for it.

    It is given up when it has taken nothing for ``patience`` seconds. ``taken`` is a count of bytes, ``now`` is in seconds.
    """

    def __init__(self, patience: float, taken: int, now: float) -> None:
        self._patience = patience
        self._first = self._last = taken
        self._since = now

    def has_stopped(self, taken: int, now: float) -> bool:
        """Whether it is to be given up."""
        if taken >= self._last + STEP:
            self._last, self._since = taken, now
        ahead = min(max(taken - self._first - BY_ITSELF, 0), MOST_AHEAD)
        return now - self._since >= self._patience + ahead / SLOWEST


def acknowledged(client: Any) -> int | None:
    """Bytes that the other side's system has taken since the connection began, None where this system does not tell."""
    if sys.platform != "linux":
        return None
    try:
        info = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ACKNOWLEDGED.size)
    except OSError:
        return None  # it is closed
    return int(_ACKNOWLEDGED.unpack(info)[0]) if len(info) == _ACKNOWLEDGED.size else None


_ACKNOWLEDGED = struct.Struct("120xQ")
"""`tcpi_bytes_acked` of Linux's `struct tcp_info`."""
