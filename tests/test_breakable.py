"""Work that others break off: it ends where it stands, for the reason that is given, and nobody else is cancelled."""

import asyncio

import pytest

from mockchirp.breakable import Breakable
from mockchirp.core.errors import Conflict, Unavailable

pytestmark = pytest.mark.anyio


def reset():
    return Conflict("the sandbox was reset")


def stop():
    return Unavailable("the server stops")


async def working(work, cleaned=None):
    with work:
        try:
            await asyncio.Event().wait()
        finally:
            if cleaned is not None:
                cleaned.append(True)
    return "done"


async def begun(coroutine):
    task = asyncio.ensure_future(coroutine)
    await asyncio.sleep(0)
    return task


async def test_it_ends_with_the_first_reason():
    """What comes later is too late."""
    work, cleaned = Breakable(), []
    task = await begun(working(work, cleaned))
    assert work.is_alive
    work.break_off(reset)
    work.break_off(stop)
    with pytest.raises(Conflict, match="was reset"):
        await task
    assert cleaned == [True]
    assert not work.is_alive


async def test_the_task_goes_on_afterwards():
    """It is not cancelled: what it awaits next is awaited."""
    work = Breakable()

    async def story():
        with pytest.raises(Conflict):
            await working(work)
        await asyncio.sleep(0)
        return asyncio.current_task().cancelling()

    task = await begun(story())
    work.break_off(reset)
    assert await task == 0


async def test_one_that_is_cancelled_is_cancelled():
    """Even if it is broken off as well."""
    work = Breakable()
    task = await begun(working(work))
    work.break_off(reset)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_work_that_is_over_is_not_broken_off():
    """Nor work that has not begun."""
    work = Breakable()
    work.break_off(reset)
    with work:
        await asyncio.sleep(0)
    work.break_off(reset)
    await asyncio.sleep(0)


async def test_another_event_loop_may_break_it_off():
    """And one that was closed over its work can be broken off no more."""
    work, begun, outcomes = Breakable(), asyncio.Event(), []
    loop = asyncio.get_running_loop()

    async def elsewhere():
        loop.call_soon_threadsafe(begun.set)
        try:
            await working(work)
        except Conflict as error:
            outcomes.append(str(error))

    thread = asyncio.ensure_future(asyncio.to_thread(asyncio.run, elsewhere()))
    await begun.wait()
    while not work.is_alive:
        await asyncio.sleep(0)
    work.break_off(reset)
    await thread
    assert outcomes == ["the sandbox was reset"]


def test_it_is_not_alive_when_its_event_loop_was_closed_over_it():
    """Then breaking it off does nothing."""
    work, loop = Breakable(), asyncio.new_event_loop()
    task = loop.create_task(working(work))
    loop.run_until_complete(asyncio.sleep(0, loop))
    task._log_destroy_pending = False  # what is told of it is not of interest here
    loop.close()
    assert not work.is_alive

    async def story():
        work.break_off(reset)

    asyncio.run(story())
