"""Whether a client takes its answer, told by what its system has acknowledged."""

from mockchirp.progress import BY_ITSELF, MOST_AHEAD, SLOWEST, STEP, Progress

PATIENCE = 30.0


def test_a_client_that_takes_nothing_has_stopped_after_its_time() -> None:
    """What its system takes without it does not count, nor the little that fills a buffer up."""
    progress = Progress(PATIENCE, taken=1000, now=0.0)

    assert not progress.has_stopped(1000, 1.0)
    assert not progress.has_stopped(1000 + BY_ITSELF, 2.0)
    assert not progress.has_stopped(1000 + BY_ITSELF, 31.9)
    assert progress.has_stopped(1000 + BY_ITSELF, 32.0)
    assert Progress(PATIENCE, 0, 0.0).has_stopped(STEP - 1, PATIENCE)


def test_whatever_a_client_takes_it_is_not_given_up() -> None:
    """A little, again and again, for hours."""
    progress = Progress(PATIENCE, taken=0, now=0.0)

    assert not any(progress.has_stopped(turn * STEP, turn * (PATIENCE - 0.1)) for turn in range(1000))


def test_a_client_has_time_to_read_what_its_system_has_taken_for_it() -> None:
    """As slowly as `SLOWEST` says, and no longer than for what a system takes at most."""
    ahead = 4 << 20
    progress = Progress(PATIENCE, taken=0, now=0.0)
    assert not progress.has_stopped(ahead + BY_ITSELF, 1.0)

    assert not progress.has_stopped(ahead + BY_ITSELF, PATIENCE + ahead / SLOWEST)
    assert progress.has_stopped(ahead + BY_ITSELF, PATIENCE + ahead / SLOWEST + 1.0)
    assert not progress.has_stopped(1 << 40, 10_000.0)
    assert progress.has_stopped(1 << 40, 10_000.0 + PATIENCE + MOST_AHEAD / SLOWEST)
