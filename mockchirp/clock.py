"""The clock of a sandbox, and the only place where real time is read.

Virtual time is ``base + (real - real_base) * rate``: rate 1 is real time, 60 a demo in which a minute passes in a
second; a frozen clock stays at its base. Changing the rate or the time rebases the formula, so that time has no leaps
that were not asked for. The reading of real time is an argument: the clock itself is the test double.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Literal

from mockchirp.core.errors import Conflict, InvalidRequest
from mockchirp.core.instants import SECOND, format_milli, parse_instant

Mode = Literal["real", "frozen"]
RealSeconds = Callable[[], float]
"""A reader of real time."""
EARLIEST = parse_instant("2014-05-13T16:53:20Z")
"""The epoch of KSUIDs: no identifier can be older."""
LATEST = parse_instant("2150-01-01T00:00:00Z")
"""The 4 bytes of a KSUID's seconds last until then."""
FASTEST = 1_000_000.0
LONGEST_QUIET = 5 * SECOND
"""How long (real time) the application may have to be quiet before an advance goes on."""


class WallTime:
    """Seconds by ``monotonic``, which may stand still while the machine sleeps; when ``wall`` has moved on by more meanwhile, the
    seconds have as well. They never go back, whatever the wall clock does. For machines whose system does not count its sleep.
    """

    LEAP = 1.0
    """Seconds that the two clocks may differ by before that counts as sleep: they are never read at the same moment."""

    def __init__(self, monotonic: Callable[[], float], wall: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._wall = wall
        self._seen = (wall() - monotonic(), 0.0)
        """By how much the wall clock was ahead when that last changed, and the seconds slept until then."""

    def __call__(self) -> float:
        now = self._monotonic()
        ahead, slept = self._seen
        leap = self._wall() - now - ahead
        if abs(leap) > self.LEAP:
            slept += max(0.0, leap)
            self._seen = (ahead + leap, slept)
        return now + slept


def _real_seconds() -> RealSeconds:
    try:
        time.clock_gettime(time.CLOCK_BOOTTIME)
    except (AttributeError, OSError):
        return WallTime(time.monotonic, time.time)  # noqa: TID251 - this is the one place
    return partial(time.clock_gettime, time.CLOCK_BOOTTIME)


real_seconds = _real_seconds()
"""Seconds of real time since some fixed moment, those included in which the machine slept; never goes back."""


def machine_now() -> int:
    """The machine's own time, as an instant."""
    return int(time.time() * SECOND)  # noqa: TID251 - this is the one place


def check_reachable(instant: int, param: str | None = None) -> None:
    """Raise :class:`InvalidRequest` if no sandbox's clock can show ``instant``."""
    if not EARLIEST <= instant <= LATEST:
        raise InvalidRequest(
            f"a sandbox's clock runs from {format_milli(EARLIEST)} to {format_milli(LATEST)}; that is outside",
            param=param,
        )


class Clock:
    """Maps real seconds to instants. ``rate`` (sandbox seconds a real second) is kept while the clock is frozen."""

    def __init__(self, now: int, real: float, *, mode: Mode = "real", rate: float = 1.0) -> None:
        self.mode: Mode = mode
        self.rate = rate
        self._base = now
        self._real_base = real

    def read(self, real: float) -> int:
        """The instant at ``real`` seconds; it stops at :data:`LATEST`."""
        if self.mode == "frozen":
            return self._base
        return min(LATEST, self._base + int((real - self._real_base) * self.rate * SECOND))

    def real_at(self, instant: int) -> float | None:
        """The real seconds at which the clock will show ``instant``, or None if it is frozen."""
        if self.mode == "frozen":
            return None
        return self._real_base + (instant - self._base) / (self.rate * SECOND)

    def set(self, real: float, *, now: int | None = None, mode: Mode | None = None, rate: float | None = None) -> None:
        """Change the time, the mode or the rate from ``real`` on; raise :class:`Conflict` if time would go back."""
        shown = self.read(real)
        if now is not None and now < shown:
            raise Conflict(
                f"it is {format_milli(shown)}; time never goes back, so now can't be {format_milli(now)}", param="now"
            )
        self.rebase(shown if now is None else now, real)
        self.mode = mode or self.mode
        self.rate = rate or self.rate

    def rebase(self, now: int, real: float) -> None:
        """From ``real`` seconds on, count from the instant ``now``."""
        self._base = now
        self._real_base = real
