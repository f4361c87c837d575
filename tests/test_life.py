"""Whether the application is at work: what counts as a sign of life, and when it is quiet."""

import asyncio

import pytest

from mockchirp.life import Life

pytestmark = pytest.mark.anyio

GUARD = 5
"""Real seconds after which something that should happen at once counts as never."""
BRIEF = 0.005
LONG = 60


def never():
    return False


async def begun(coroutine):
    """The coroutine as a task that waits."""
    task = asyncio.ensure_future(coroutine)
    for _ in range(5):
        await asyncio.sleep(0)
    assert not task.done()
    return task


async def test_without_a_sign_it_is_quiet_after_the_period():
    """The seconds that it took are told."""
    async with asyncio.timeout(GUARD):
        waited = await Life().quiet(BRIEF, LONG, never)

    assert BRIEF <= waited < GUARD


async def test_signs_are_new_until_quiet_was_awaited():
    """Requests that come and end, and webhooks that are accepted."""
    life = Life()
    for sign in ("begun", "ended", "accepted"):
        setattr(life, sign, getattr(life, sign) + 1)
        if life.is_at_work:
            continue
        assert life.is_new
        await life.quiet(BRIEF, LONG, never)
        assert not life.is_new


async def test_a_request_under_way_is_waited_for_however_long_it_takes():
    """And the period begins when it is over."""
    life = Life()
    life.begun += 1
    async with asyncio.timeout(GUARD):
        task = await begun(life.quiet(BRIEF, LONG, never))
        await Life().quiet(2 * BRIEF, LONG, never)
        assert not task.done()
        life.ended += 1
        life.stir()
        for _ in range(5):
            await asyncio.sleep(0)
        assert not task.done()
        await task


async def test_every_sign_of_life_begins_the_period_again():
    """A request that comes and goes in it, even one that nobody was woken for."""
    life, looks = Life(), []

    def is_over():
        looks.append(1)
        if len(looks) < 20:
            life.accepted += 1
        return False

    async with asyncio.timeout(GUARD):
        await life.quiet(BRIEF, LONG, is_over)

    assert len(looks) > 20


async def test_what_changes_nothing_does_not_begin_it_again():
    """Requests of the control API, such as those of a page that follows along."""
    life = Life()

    async def others():
        while True:
            life.stir()
            await asyncio.sleep(0)

    noise = asyncio.ensure_future(others())
    async with asyncio.timeout(GUARD):
        await life.quiet(BRIEF, LONG, never)
    noise.cancel()


async def test_one_that_is_never_quiet_is_not_waited_for_for_ever():
    """At most so long; what it did by then is no news afterwards."""
    life = Life()
    life.begun += 1
    async with asyncio.timeout(GUARD):
        assert await life.quiet(LONG, BRIEF, never) >= BRIEF

    assert life.is_at_work
    assert not life.is_new


async def test_it_is_over_as_soon_as_something_else_is_to_be_done():
    """At once, or after a change; what was new is new still."""
    life, others = Life(), []
    life.accepted += 1
    async with asyncio.timeout(GUARD):
        task = await begun(life.quiet(LONG, LONG, lambda: bool(others)))
        others.append("a delivery")
        life.stir()
        await task
        await life.quiet(LONG, LONG, lambda: True)

    assert life.is_new


async def test_a_sign_may_come_from_another_event_loop():
    """A request of another thread wakes the one that waits."""
    life = Life()
    life.begun += 1

    async def end():
        life.ended += 1
        life.stir()

    async with asyncio.timeout(GUARD):
        task = await begun(life.quiet(BRIEF, LONG, never))
        await asyncio.to_thread(asyncio.run, end())
        await task
