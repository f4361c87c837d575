"""Rate limits: so many requests a key and minute (chirp-api.md section 1, "Rate limits").

Windows are fixed minutes of the sandbox's clock [assumed]. Requests are always counted and told of in the headers;
whether the limit is enforced is the sandbox's policy.
"""

from dataclasses import dataclass
from typing import Literal

from mockchirp.core.instants import MINUTE, SECOND

Bucket = Literal["general", "webhooks", "applications"]
LIMITS: dict[Bucket, int] = {"general": 120, "webhooks": 60, "applications": 60}
"""Requests a minute: `webhooks` is the management of webhooks, `applications` what an admin key does with an application, of
which the calling configuration is taken for a part [assumed].
"""


@dataclass(frozen=True, slots=True)
class Quota:
    """What the headers say after a request: ``reset`` in Unix seconds. ``exceeded`` if it was one too many."""

    limit: int
    remaining: int
    reset: int
    exceeded: bool = False


class RateLimiter:
    """Counts the requests of one sandbox in the current window."""

    def __init__(self) -> None:
        self.window = 0
        """The current one: minutes since the Unix epoch. With the counts, all there is to keep."""
        self.counts: dict[Bucket, int] = dict.fromkeys(LIMITS, 0)

    def count(self, bucket: Bucket, now: int) -> Quota:
        """Count a request made at the instant ``now``."""
        window = now // MINUTE
        if window != self.window:
            self.window = window
            self.counts = dict.fromkeys(LIMITS, 0)
        self.counts[bucket] = count = self.counts[bucket] + 1
        limit = LIMITS[bucket]
        return Quota(limit, max(0, limit - count), (window + 1) * MINUTE // SECOND, count > limit)


def untouched(now: int, bucket: Bucket = "general") -> Quota:
    """The quota of a caller whom no sandbox knows."""
    limit = LIMITS[bucket]
    return Quota(limit, limit, (now // MINUTE + 1) * MINUTE // SECOND)
