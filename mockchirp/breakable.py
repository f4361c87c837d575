"""Work that others may break off, giving their reason."""

import asyncio
from types import TracebackType
from typing import Self

from mockchirp.waits import Reason


class Breakable:
    """A span of the running task's work, as a context: :meth:`break_off` ends it at the await at which it stands, and the
    context raises the reason.
    """

    def __init__(self) -> None:
        self._task: asyncio.Task[object] | None = None
        self._cancelled_before = 0
        self._reason: Reason | None = None

    def __enter__(self) -> Self:
        self._task = asyncio.current_task()
        assert self._task is not None, "work is broken off by its task"
        self._cancelled_before = self._task.cancelling()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        assert task is not None, "it was entered"
        if self._reason is not None and task.uncancel() <= self._cancelled_before and kind is asyncio.CancelledError:
            raise self._reason() from None

    @property
    def is_alive(self) -> bool:
        """Whether the work goes on: it does not if its event loop was closed over it."""
        return self._task is not None and not self._task.get_loop().is_closed()

    def break_off(self, reason: Reason) -> None:
        """End the work with the error that ``reason`` makes, if it goes on and nobody was quicker. From any event loop."""
        if self._task is None or not self.is_alive:
            return
        if self._task.get_loop() is asyncio.get_running_loop():
            self._cancel(reason)
        else:
            self._task.get_loop().call_soon_threadsafe(self._cancel, reason)

    def _cancel(self, reason: Reason) -> None:
        if self._task is not None and self._reason is None:
            self._reason = reason
            self._task.cancel()
