"""Who computes where: the measured server has a processor to itself, and all that loads it shares another."""

import os

_ALLOWED = sorted(os.sched_getaffinity(0))
SERVER = _ALLOWED[0]
LOAD = _ALLOWED[-1]


def pin(processor: int, process: int = 0) -> None:
    """Keep ``process`` (0: this one) on one processor."""
    os.sched_setaffinity(process, {processor})
