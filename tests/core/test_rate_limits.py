"""Rate limits: requests are counted by the minute."""

import pytest

from mockchirp.core.instants import MINUTE, SECOND, parse_instant
from mockchirp.core.rate_limits import LIMITS, Quota, RateLimiter, untouched

T0 = parse_instant("2026-01-15T10:30:00Z")
RESET = (T0 + MINUTE) // SECOND


@pytest.mark.parametrize(("bucket", "limit"), LIMITS.items())
def test_requests_are_counted_down_to_none(bucket, limit):
    """And the first beyond is one too many."""
    limiter = RateLimiter()

    quotas = [limiter.count(bucket, T0) for _ in range(limit + 2)]

    assert quotas[0] == Quota(limit, limit - 1, RESET)
    assert quotas[limit - 1] == Quota(limit, 0, RESET)
    assert quotas[limit:] == [Quota(limit, 0, RESET, exceeded=True)] * 2


def test_the_buckets_are_counted_apart():
    """The management of webhooks takes nothing from the rest."""
    limiter = RateLimiter()

    limiter.count("webhooks", T0)

    assert limiter.count("general", T0).remaining == 119
    assert limiter.count("webhooks", T0).remaining == 58


def test_every_minute_begins_anew():
    """On the minute of the clock, in every bucket, whether all was used up or not."""
    limiter = RateLimiter()
    for _ in range(200):
        limiter.count("general", T0 + MINUTE - 1)
        limiter.count("webhooks", T0)

    assert limiter.count("general", T0 + MINUTE) == Quota(120, 119, RESET + 60)
    assert limiter.count("webhooks", T0 + MINUTE) == Quota(60, 59, RESET + 60)
    assert limiter.count("general", T0 + 100 * MINUTE + 1).reset == RESET + 100 * 60


def test_somebody_unknown_has_everything_left():
    """Nothing is counted for whoever has no sandbox."""
    assert untouched(T0 + 59 * SECOND) == Quota(120, 120, RESET)
