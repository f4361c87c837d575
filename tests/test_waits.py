"""Holding an answer until something happens: who is woken, by whom, and what ends it."""

import asyncio
import threading
from functools import partial

import pytest

from mockchirp.core.errors import Conflict, Unavailable
from mockchirp.waits import Sought, Waits

pytestmark = pytest.mark.anyio

GUARD = 5
"""Real seconds after which something that should happen at once counts as never."""


LOST = []
"""Tasks whose event loop was closed over them: Python has something to say when it comes upon one that nobody knows any more."""


class Gone(Exception):
    """The one who waits has hung up."""


async def never():
    """The one who waits stays."""
    await asyncio.Event().wait()


async def until(waits, look, hang_up=never, seconds=GUARD):
    async with asyncio.timeout(GUARD):
        return await waits.until(look if isinstance(look, Sought) else Sought(look), seconds, hang_up)


async def begun(waits, *coroutines):
    """Start them, and return them as tasks when all of them wait."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    async with asyncio.timeout(GUARD):
        while len(waits) < len(tasks):
            await asyncio.sleep(0)
    return tasks


async def test_what_is_true_already_is_returned_at_once():
    """Without waiting, and so even where nobody may wait."""
    waits = Waits(0)
    assert await until(waits, lambda: "found") == "found"


async def test_everyone_looks_again_when_woken_and_only_then():
    """Nobody polls: the number of looks is that of the changes."""
    waits, looks, things = Waits(10), [], []

    def look(number):
        looks.append(number)
        return number if number in things else None

    first, second = await begun(waits, until(waits, partial(look, 1)), until(waits, partial(look, 2)))
    assert looks == [1, 2]
    things.append(2)
    waits.wake()
    assert await second == 2
    assert not first.done()
    things.append(1)
    waits.wake()
    assert await first == 1
    assert looks.count(1) == 3
    assert len(waits) == 0


async def test_changes_that_come_together_are_one_look():
    """However many there are."""
    waits, looks = Waits(1), []
    (task,) = await begun(waits, until(waits, lambda: looks.append(1) or (len(looks) if len(looks) > 1 else None)))
    for _ in range(100):
        waits.wake()
    assert await task == 2


async def test_what_many_wait_for_is_looked_for_once():
    """Equal keys make one of many; each of the many is answered."""
    waits, looks, things = Waits(100), [], []

    def sought():
        return waits.equal(Sought(lambda: looks.append(1) or (things[0] if things else None), key="the same"))

    first = await begun(waits, until(waits, sought()))
    others = [asyncio.ensure_future(until(waits, sought())) for _ in range(50)]
    while len(waits) < 51:
        await asyncio.sleep(0)
    looks.clear()
    things.append("found")
    waits.wake()
    assert await asyncio.gather(*first, *others) == ["found"] * 51
    assert len(looks) == 1


async def test_one_who_joins_late_finds_only_what_it_looks_for_itself():
    """What the others find by looking once more is theirs: it may have been before the new one began."""
    waits, things = Waits(10), []
    first = Sought(lambda: things[0] if things else None, key="the same")
    (task,) = await begun(waits, until(waits, first))
    things.append("found")
    late = Sought(lambda: None, key="the same")
    assert waits.equal(late) is late
    assert await task == "found"


async def test_what_concerns_nobody_is_looked_for_by_nobody():
    """Each names the topics that it depends on; who names none depends on all."""
    topics, looks = [], []
    waits = Waits(10, lambda: lambda: topics)

    def sought(name, of):
        return Sought(lambda: looks.append(name), of)

    tasks = await begun(
        waits, until(waits, sought("a", ["x", "y"])), until(waits, sought("b", ["y"])), until(waits, sought("c", None))
    )
    seen = []
    for topics[:] in ([], ["x"], ["y", "x"], ["z"]):
        looks.clear()
        waits.wake()
        for _ in range(3):
            await asyncio.sleep(0)
        seen.append(sorted(looks))
    assert seen == [["c"], ["a", "c"], ["a", "b", "c"], ["c"]]
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_many_are_answered_over_several_turns():
    """Between which others get theirs; all of them wait until they are told."""
    waits, things = Waits(100), []
    tasks = await begun(waits, *(until(waits, lambda: things[0] if things else None) for _ in range(100)))
    things.append("found")
    waits.wake()
    counts = []
    while len(waits):
        counts.append(sum(task.done() for task in tasks))
        await asyncio.sleep(0)
    assert len(set(counts)) >= 5
    assert await asyncio.gather(*tasks) == ["found"] * 100


async def test_what_a_look_raises_all_raise_who_wait_for_it():
    """As where it can't come any more."""
    waits, hopeless = Waits(10), []

    def look():
        if hopeless:
            raise Conflict("it can't come any more")

    shared = Sought(look, key="the same")
    tasks = await begun(waits, until(waits, shared), until(waits, shared))
    hopeless.append(True)
    waits.wake()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        assert str(outcome) == "it can't come any more"


def test_those_whose_event_loop_was_closed_over_them_are_forgotten():
    """They take up no place any more as soon as somebody wakes them."""
    waits, loop = Waits(1), asyncio.new_event_loop()

    async def begin():
        LOST.append(asyncio.ensure_future(waits.until(Sought(lambda: None), GUARD, never)))
        while not waits:
            await asyncio.sleep(0)

    loop.set_exception_handler(lambda *_: None)
    loop.run_until_complete(begin())
    loop.close()

    async def wake():
        waits.wake()
        assert len(waits) == 0
        assert await until(waits, lambda: None, seconds=0.001) is None

    asyncio.run(wake())


async def test_a_look_that_wakes_does_not_go_round_and_round():
    """What a look itself changes, it has seen."""
    waits, looks = Waits(1), []

    def look():
        looks.append(1)
        waits.wake()

    assert await until(waits, look, seconds=0.02) is None
    assert looks == [1]


async def test_the_time_runs_out():
    """None is found, and nobody waits any more; without any time, one look is all."""
    waits, looks = Waits(1), []
    assert await until(waits, lambda: looks.append(1), seconds=0.01) is None
    assert await until(waits, lambda: looks.append(1), seconds=0) is None
    assert len(looks) == 2
    assert len(waits) == 0


async def test_one_who_hangs_up_waits_no_longer():
    """What hanging up raises is raised, and the place is free."""
    waits, gone = Waits(1), asyncio.Event()

    async def hang_up():
        await gone.wait()
        raise Gone

    (task,) = await begun(waits, until(waits, lambda: None, hang_up))
    gone.set()
    with pytest.raises(Gone):
        await task
    assert len(waits) == 0


async def test_a_look_may_raise():
    """As where what is waited for can't come any more."""
    waits, hopeless = Waits(1), []

    def look():
        if hopeless:
            raise Conflict("it can't come any more")

    (task,) = await begun(waits, until(waits, look))
    hopeless.append(True)
    waits.wake()
    with pytest.raises(Conflict):
        await task
    assert len(waits) == 0


async def test_only_so_many_wait():
    """One more is refused, until somebody leaves."""
    waits = Waits(2)
    first, second = await begun(waits, until(waits, lambda: None), until(waits, lambda: None))
    with pytest.raises(Conflict, match="2 requests wait"):
        await until(waits, lambda: None)
    first.cancel()
    await asyncio.wait([first])
    assert await until(waits, lambda: None, seconds=0.01) is None
    second.cancel()
    await asyncio.wait([second])
    assert len(waits) == 0


async def test_waits_can_be_ended():
    """Everyone is told why; who comes later may wait again, unless that was for good."""
    waits = Waits(10)
    tasks = await begun(waits, *(until(waits, lambda: None) for _ in range(3)))
    waits.end(partial(Conflict, "it was reset"))
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["it was reset"] * 3
    assert len({id(outcome) for outcome in outcomes}) == 3

    (task,) = await begun(waits, until(waits, lambda: None))
    waits.close(partial(Unavailable, "it stops"))
    for waiting in (task, until(waits, lambda: None)):
        with pytest.raises(Unavailable, match="it stops"):
            await waiting


async def test_a_waiter_in_another_event_loop_is_woken():
    """A wait belongs to its loop, and a change may come from any other."""
    waits, things, results = Waits(10), [], []

    def elsewhere():
        results.append(asyncio.run(until(waits, lambda: things[0] if things else None)))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    while not waits:
        await asyncio.sleep(0)
    things.append("found")
    waits.wake()
    await asyncio.to_thread(thread.join, GUARD)
    assert results == ["found"]
