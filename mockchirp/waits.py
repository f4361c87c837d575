"""Those who wait for something to happen in a sandbox: control requests that hold their answer.

Each looks at the sandbox again whenever it may have changed; in between it costs nothing, and neither does a change when
nobody waits.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from mockchirp.core.errors import Conflict

Found = TypeVar("Found")
Reason = Callable[[], BaseException]
"""Makes the error that ends a wait."""


class Waits:
    """Everyone who waits for a change of one sandbox, at most ``most`` at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: set[_Waiter] = set()
        self._closed: Reason | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def wake(self) -> None:
        """Have everyone look again: the sandbox may have changed. From any event loop."""
        if not self._waiting:
            return
        for waiter in tuple(self._waiting):
            try:
                waiter.wake()
            except RuntimeError:  # its event loop was closed over it
                self._waiting.discard(waiter)

    def end(self, reason: Reason) -> None:
        """Have everyone who waits raise ``reason``; others may wait afterwards."""
        for waiter in tuple(self._waiting):
            waiter.ended = reason
        self.wake()

    def close(self, reason: Reason) -> None:
        """Have everyone raise ``reason`` who waits, now and from now on."""
        self._closed = reason
        self.end(reason)

    async def until(
        self, look: Callable[[], Found | None], seconds: float, hang_up: Callable[[], Awaitable[None]]
    ) -> Found | None:
        """What ``look`` returns as soon as that is not None: called at once and after every change, for ``seconds`` of
        real time; None if the time is up.

        ``hang_up`` raises when the one who waits has gone, and so does this then. Raise :class:`Conflict` if too many
        wait already.
        """
        if (found := look()) is not None or seconds <= 0:
            return found
        if self._closed is not None:
            raise self._closed()
        if len(self._waiting) >= self._most:
            raise Conflict(f"{self._most} requests wait in this sandbox already, which is the most that is allowed")
        waiter = _Waiter()
        self._waiting.add(waiter)
        watch = asyncio.ensure_future(hang_up())
        watch.add_done_callback(waiter.notice)
        try:
            async with asyncio.timeout(seconds):
                while found is None:
                    await waiter.turn()
                    if watch.done():
                        watch.result()
                    found = look()
        except TimeoutError:
            return None
        finally:
            self._waiting.discard(waiter)
            watch.cancel()
        return found


class _Waiter:
    """One who waits, in the running event loop."""

    def __init__(self) -> None:
        self.ended: Reason | None = None
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Raise :class:`RuntimeError` if the loop is closed."""
        if self._loop is asyncio.get_running_loop():
            self._news.set()
        else:
            self._loop.call_soon_threadsafe(self._news.set)

    def notice(self, watch: "asyncio.Future[None]") -> None:
        """The one who waits has gone; :meth:`Waits.until` raises it, unless it has found something first."""
        if not watch.cancelled():
            watch.exception()
        self._news.set()

    async def turn(self) -> None:
        """Return when there is something to look at that came after the last look; raise what ends the wait."""
        self._news.clear()
        await self._news.wait()
        if self.ended is not None:
            raise self.ended()
