"""Long work that holds nobody up: in small portions, and without the garbage collector's pauses."""

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar, TypeVarTuple, Unpack

import anyio.to_thread

from mockchirp.clock import real_seconds

PORTION = 0.001
"""Real seconds of work between two turns of the event loop."""
BATCH = 1 << 18
"""Bytes that are handed on at once."""

Args = TypeVarTuple("Args")
Result = TypeVar("Result")

_lock = threading.Lock()
_pauses = 0
_was_on = True
"""Whether the collector worked when the first of the pauses began."""


@contextmanager
def collector_paused() -> Iterator[None]:
    """Make many objects, all of which stay, without having the collector look through all that there are, over and over: for a
    big state that takes longer than the work itself. In any thread; others may do the same meanwhile.
    """
    global _pauses, _was_on
    with _lock:
        if _pauses == 0:
            _was_on = gc.isenabled()
        _pauses += 1
        gc.disable()
    try:
        yield
    finally:
        with _lock:
            _pauses -= 1
            if _pauses == 0 and _was_on:
                gc.enable()


async def in_thread(work: Callable[[Unpack[Args]], Result], *args: *Args) -> Result:
    """What ``work`` returns or raises, while others go on.

    An error crosses over as a value: raised in a future, it would hold itself, and with it whatever was worked on, until the
    collector comes.
    """

    def attempt() -> tuple[Result, None] | tuple[None, Exception]:
        try:
            return work(*args), None
        except Exception as error:
            return None, error

    outcome = await anyio.to_thread.run_sync(attempt)
    if outcome[1] is None:
        return outcome[0]
    try:
        raise outcome[1]
    finally:
        del outcome


async def in_batches(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    """``pieces``, each of which takes some work to make, joined to batches of :data:`BATCH` bytes or a little more, so that
    no more than one of them is there at a time.
    """
    batch: list[bytes] = []
    length = 0
    turn_ends = real_seconds() + PORTION
    for piece in pieces:
        batch.append(piece)
        length += len(piece)
        if length >= BATCH:
            yield b"".join(batch)
            batch, length = [], 0
        if real_seconds() > turn_ends:
            await asyncio.sleep(0)  # noqa: TID251 - a turn for the event loop, no wait
            turn_ends = real_seconds() + PORTION
    if batch:
        yield b"".join(batch)
