"""The journal of requests: what the app asked of Chirp's API, and what it was answered (control-api.md, "Seeing").

It stands on the way of every request, so that an entry is a tuple of references to what there is anyway; reading
makes something of it.
"""

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

Headers = list[tuple[bytes, bytes]]
LARGEST_KEPT = 64 << 10
"""Bytes of a body, of a path and a query, or of all headers together; what is longer is cut, and said to be."""


class Exchange(NamedTuple):
    """One request and its answer. ``number`` counts from 1 in its sandbox."""

    number: int
    at: int
    """The instant of the sandbox's clock at which it came."""
    elapsed: float | None
    """Real seconds from the request to the answer; None if there was no answer."""
    operation: str | None
    """The operationId, or None if there is no such route or method."""
    fault: str | None
    """The fault that was injected."""
    method: str
    path: str
    query: bytes
    headers: Headers
    body: bytes
    body_length: int
    """As it was sent; ``body`` has at most :data:`LARGEST_KEPT` bytes of it."""
    status: int | None
    """None if the connection was cut before an answer."""
    answer_headers: Headers
    answer: bytes
    answer_length: int
    after_event: int = 0
    """The number of the newest event when it came: its place in the history."""

    def matches(
        self,
        operation: str | None = None,
        status: int | None = None,
        method: str | None = None,
        path: str | None = None,
    ) -> bool:
        """Whether it is what is asked for; None asks for nothing. A ``path`` that ends in `*` is the beginning of one."""
        return (
            operation in (None, self.operation)
            and status in (None, self.status)
            and method in (None, self.method)
            and (path is None or self.path == path or (path[-1:] == "*" and self.path.startswith(path[:-1])))
        )


class Journal:
    """The newest ``kept`` exchanges of a sandbox, in the order of their answers; fewer, but at least one, where they have more
    than ``bytes_kept``.
    """

    def __init__(self, kept: int, bytes_kept: int = 64 << 20) -> None:
        self.kept = kept
        """0 if nothing is to be entered."""
        self.last = 0
        """The number of the newest exchange, 0 if there was none."""
        self._bytes_kept = bytes_kept
        self._exchanges: deque[Exchange] = deque()
        self._sizes: deque[int] = deque()
        self._size = 0

    def __len__(self) -> int:
        return len(self._exchanges)

    def enter(
        self,
        at: int,
        elapsed: float | None,
        operation: str | None,
        fault: str | None,
        request: tuple[str, str, bytes, Headers, bytes],
        status: int | None,
        answer_headers: Headers,
        answer: bytes,
        answer_length: int | None = None,
        after_event: int = 0,
    ) -> None:
        """Enter an exchange. ``request`` is its method, path, query, headers and body; ``answer_length`` is given where
        ``answer`` is not kept.
        """
        method, path, query, headers, body = request
        if len(path) + len(query) > LARGEST_KEPT:
            path, query = path[:LARGEST_KEPT], query[:LARGEST_KEPT]
        size = sum([len(name) + len(value) for name, value in headers])
        if size > LARGEST_KEPT:
            headers, size = _shortened(headers), LARGEST_KEPT
        size += len(path) + len(query) + min(len(body), LARGEST_KEPT) + min(len(answer), LARGEST_KEPT)
        self._make_room(size)
        self.last += 1
        self._exchanges.append(
            Exchange(
                self.last,
                at,
                elapsed,
                operation,
                fault,
                method,
                path,
                query,
                headers,
                body if len(body) <= LARGEST_KEPT else body[:LARGEST_KEPT],
                len(body),
                status,
                answer_headers,
                answer if len(answer) <= LARGEST_KEPT else answer[:LARGEST_KEPT],
                len(answer) if answer_length is None else answer_length,
                after_event,
            )
        )

    def _make_room(self, size: int) -> None:
        """Forget the oldest exchanges, so that there is room for one more of ``size`` bytes."""
        exchanges, sizes = self._exchanges, self._sizes
        self._size += size
        while exchanges and (len(exchanges) >= self.kept or self._size > self._bytes_kept):
            exchanges.popleft()
            self._size -= sizes.popleft()
        sizes.append(size)

    def after(self, number: int) -> Iterator[Exchange]:
        """The kept exchanges whose number is greater than ``number``, oldest first."""
        fresh = self.last - number
        if fresh < len(self._exchanges):
            return reversed(list(islice(reversed(self._exchanges), max(0, fresh))))
        return iter(self._exchanges)

    def __reversed__(self) -> Iterator[Exchange]:
        """The kept exchanges, newest first."""
        return reversed(self._exchanges)

    def clear(self) -> int:
        """Forget all exchanges; how many there were. Numbers go on from where they were."""
        count = len(self._exchanges)
        self._exchanges.clear()
        self._sizes.clear()
        self._size = 0
        return count


def _shortened(headers: Headers) -> Headers:
    """As many of the headers, from the first on, as there is room for."""
    kept, room = [], LARGEST_KEPT
    for name, value in headers:
        room -= len(name) + len(value)
        if room < 0:
            break
        kept.append((name, value))
    return kept
