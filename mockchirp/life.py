"""Whether the application is at work (control-api.md, "The app's own work"): good receivers acknowledge a webhook at once and act
afterwards, and time must not run away from them.
"""

import asyncio
from collections.abc import Callable

from mockchirp.clock import real_seconds

PARTS = 5
"""A quiet period passes in so many parts, each of which counts for no more than its own length: where the machine is too busy to
run this event loop in time, it holds up the application, too.
"""
TURNS = 5
"""Turns of the event loop in which a request that has reached this machine gets into the program."""


class Life:
    """The signs of life that an application gives in its sandbox: requests to Chirp's API, downloads included, and webhooks that
    it accepts. On the way of a request, counting is all that it costs.
    """

    __slots__ = ("_ring", "_seen", "accepted", "begun", "ended")

    def __init__(self) -> None:
        self.begun = 0
        """Requests that have come in."""
        self.ended = 0
        """Requests that are over, answered or not."""
        self.accepted = 0
        """Webhooks that were answered 200."""
        self._seen = 0
        self._ring: Callable[[], None] | None = None

    @property
    def signs(self) -> int:
        """How many signs of life there were."""
        return self.begun + self.ended + self.accepted

    @property
    def is_at_work(self) -> bool:
        """Whether a request is under way."""
        return self.begun > self.ended

    @property
    def is_new(self) -> bool:
        """Whether there were signs of life since quiet was last awaited, or :meth:`forget` called."""
        return self.signs != self._seen

    def forget(self) -> None:
        """What has been is no sign of what will be."""
        self._seen = self.signs

    def stir(self) -> None:
        """Something may have changed; from any event loop."""
        if self._ring is not None:
            self._ring()

    async def quiet(self, seconds: float, most: float, is_over: Callable[[], bool]) -> float:
        """Return as soon as the application has been quiet for ``seconds`` of real time, no request under way; at the latest
        after ``most`` seconds, or when ``is_over`` says so, asked after every change. Return the seconds that it took.
        """
        loop, bell = asyncio.get_running_loop(), asyncio.Event()

        def ring() -> None:
            try:
                loop.call_soon_threadsafe(bell.set)
            except RuntimeError:  # the loop was closed over it
                self._ring = None

        started = now = part_ends = real_seconds()
        signs, parts = -1, 0
        self._ring = ring
        try:
            while not is_over():
                if self.is_at_work or self.signs != signs:  # the period starts again
                    signs, parts, part_ends = self.signs, PARTS, now + seconds / PARTS
                elif now >= part_ends:
                    parts, part_ends = parts - 1, now + seconds / PARTS
                if parts == 0 or now >= started + most:
                    self.forget()
                    break
                until = started + most if self.is_at_work else min(part_ends, started + most)
                bell.clear()
                try:
                    async with asyncio.timeout(until - now):
                        await bell.wait()
                except TimeoutError:
                    for _ in range(TURNS):
                        await asyncio.sleep(0)  # noqa: TID251 - a turn of the event loop, no wait
                now = real_seconds()
        finally:
            if self._ring is ring:
                self._ring = None
        return now - started
