"""Long work in small portions, so that the event loop has its turn in between."""

import asyncio
from collections.abc import Iterable

from mockchirp.clock import real_seconds

PORTION = 0.001
"""Real seconds of work between two turns of the event loop."""


async def gather_gently(pieces: Iterable[bytes]) -> list[bytes]:
    """All of ``pieces``, each of which takes some work to make."""
    gathered = []
    turn_ends = real_seconds() + PORTION
    for piece in pieces:
        gathered.append(piece)
        if real_seconds() > turn_ends:
            await asyncio.sleep(0)  # noqa: TID251 - a turn for the event loop, no wait
            turn_ends = real_seconds() + PORTION
    return gathered
