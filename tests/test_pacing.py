"""Long work that holds nobody up."""

import pytest

from mockchirp.pacing import BATCH, in_batches

pytestmark = pytest.mark.anyio


async def test_pieces_are_made_only_as_they_are_taken():
    """So that no more than a batch of them is in memory, however many there are."""
    made = 0

    def pieces():
        nonlocal made
        for number in range(100):
            made += 1
            yield b"%03d" % number + b"x" * (BATCH // 10)

    ahead, joined = [], b""
    async for batch in in_batches(pieces()):
        joined += batch
        ahead.append(made * (BATCH // 10 + 3) - len(joined))

    assert joined == b"".join(pieces())
    assert max(ahead) == 0
    assert len(ahead) == 10


async def test_nothing_is_no_batch():
    """Nor does an empty piece make one."""
    assert [batch async for batch in in_batches([])] == []
