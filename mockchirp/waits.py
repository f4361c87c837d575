"""Those who wait for something to happen in a sandbox: control requests that hold their answer.

However many they are, a change costs nothing but a mark: once a turn of the event loop, what may have come is looked for, where
something has come up that it depends on; and what many wait for is looked for once. Long work, and many answers, are spread over
several turns.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterable
from functools import partial
from typing import Any, Generic, TypeVar

from mockchirp.clock import real_seconds
from mockchirp.core.errors import Conflict

PORTION = 0.001
"""Real seconds of looking in one turn of the event loop."""
MOST_AT_ONCE = 20
"""How many are answered in one turn, which takes them longer than the looking."""

Found = TypeVar("Found")
Reason = Callable[[], BaseException]
"""Makes the error that ends a wait."""
Topic = Hashable
Hear = Callable[[], Iterable[Topic]]
"""Tells what has come up since it was last called, or made."""


class Sought(Generic[Found]):
    """What somebody waits for. ``look`` returns it, or None as long as it has not come, and looks only at what is new since its
    last look. It can come only when one of ``topics`` comes up; None stands for any. Those with equal keys find the same,
    whenever they began to look.
    """

    def __init__(
        self, look: Callable[[], Found | None], topics: Iterable[Topic] | None = None, key: Hashable | None = None
    ) -> None:
        self.look = look
        self.topics = None if topics is None else frozenset(topics)
        self.key = self if key is None else key


Mine = TypeVar("Mine", bound=Sought[Any])


class Waits:
    """Everyone who waits for a change of one sandbox, at most ``most`` at once. ``listen`` begins to take note of its news."""

    def __init__(self, most: int, listen: Callable[[], Hear] = lambda: tuple) -> None:
        self._most = most
        self._listen = listen
        self._circles: dict[asyncio.AbstractEventLoop, _Circle] = {}
        self._closed: Reason | None = None

    def __len__(self) -> int:
        return sum(circle.count for circle in self._circles.values())

    def wake(self) -> None:
        """Have everyone look again, soon: the sandbox may have changed. From any event loop."""
        if self._circles:
            for loop, circle in list(self._circles.items()):
                self._in(loop, circle.wake)

    def end(self, reason: Reason) -> None:
        """Have everyone who waits raise ``reason``; others may wait afterwards."""
        for loop, circle in list(self._circles.items()):
            self._in(loop, partial(circle.end, reason))

    def close(self, reason: Reason) -> None:
        """Have everyone raise ``reason`` who waits, now and from now on."""
        self._closed = reason
        self.end(reason)

    def equal(self, sought: Mine) -> Mine:
        """What others wait for already, if it is the same, otherwise ``sought`` itself."""
        circle = self._circles.get(asyncio.get_running_loop())
        other: Mine | None = None if circle is None else circle.equal(sought)
        return sought if other is None else other

    async def until(
        self, sought: Sought[Found], seconds: float, hang_up: Callable[[], Awaitable[None]]
    ) -> Found | None:
        """What is sought as soon as it has come, which may be at once; None if it has not within ``seconds`` of real time.

        ``hang_up`` raises when the one who waits has gone, and so does this then, and what a look raises. Raise
        :class:`Conflict` if too many wait already.
        """
        if (found := sought.look()) is not None or seconds <= 0:
            return found
        if self._closed is not None:
            raise self._closed()
        if len(self) >= self._most:
            raise Conflict(f"{self._most} requests wait in this sandbox already, which is the most that is allowed")
        loop = asyncio.get_running_loop()
        circle = self._circles.get(loop)
        if circle is None:
            circle = self._circles[loop] = _Circle(self._listen)
        waiter: asyncio.Future[Found | None] = loop.create_future()
        circle.join(sought, waiter)
        timer = loop.call_later(seconds, circle.answer_soon, partial(_answer, waiter, None))
        watch = asyncio.ensure_future(hang_up())
        watch.add_done_callback(partial(circle.notice, waiter))
        try:
            return await waiter
        finally:
            circle.leave(sought, waiter)
            if circle.count == 0 and self._circles.get(loop) is circle:
                del self._circles[loop]
            timer.cancel()
            watch.cancel()

    def _in(self, loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
        """Call something in an event loop: at once in the running one, soon in another."""
        if loop is asyncio.get_running_loop():
            call()
            return
        try:
            loop.call_soon_threadsafe(call)
        except RuntimeError:  # it was closed over those who waited
            self._circles.pop(loop, None)


class _Circle:
    """Those who wait in one event loop, gathered by what they wait for."""

    def __init__(self, listen: Callable[[], Hear]) -> None:
        self._listen = listen
        self._hear = listen()
        self._waiters: dict[Sought[Any], dict[asyncio.Future[Any], None]] = {}
        self._by_key: dict[Hashable, Sought[Any]] = {}
        self._by_topic: dict[Topic, dict[Sought[Any], None]] = {}
        self._due: dict[Sought[Any], None] = {}
        self._answers: deque[Callable[[], None]] = deque()
        self._is_changed = self._is_awake = False
        self.count = 0
        """How many wait, or are still to be told that they do no more."""

    def wake(self) -> None:
        self._is_changed = True
        self._go_on()

    def _go_on(self) -> None:
        if not self._is_awake:
            self._is_awake = True
            asyncio.get_running_loop().call_soon(self._turn)

    def end(self, reason: Reason) -> None:
        for sought in list(self._waiters):
            for waiter in self._dismiss(sought):
                self.answer_soon(partial(_refuse, waiter, reason))
        self._hear = self._listen()

    def equal(self, sought: Sought[Any]) -> Any:
        """The one with the same key, looked for up to now, if it has not come."""
        other = self._by_key.get(sought.key)
        if other is not None:
            self._look(other)
        return other if other in self._waiters else None

    def join(self, sought: Sought[Any], waiter: "asyncio.Future[Any]") -> None:
        if sought not in self._waiters:
            self._waiters[sought] = {}
            self._by_key[sought.key] = sought
            for topic in (None,) if sought.topics is None else sought.topics:
                self._by_topic.setdefault(topic, {})[sought] = None
        self._waiters[sought][waiter] = None
        self.count += 1

    def leave(self, sought: Sought[Any], waiter: "asyncio.Future[Any]") -> None:
        self.count -= 1
        waiters = self._waiters.get(sought, {})
        if waiters.pop(waiter, ...) is None and not waiters:
            self._dismiss(sought)

    def answer_soon(self, answer: Callable[[], None]) -> None:
        self._answers.append(answer)
        self._go_on()

    def notice(self, waiter: "asyncio.Future[Any]", watch: "asyncio.Future[None]") -> None:
        """The one who waits has gone."""
        if not watch.cancelled() and (error := watch.exception()) is not None:
            self.answer_soon(partial(_refuse, waiter, partial(_same, error)))

    def _turn(self) -> None:
        if self._is_changed:
            for topic in (None, *self._hear()):
                self._due.update(self._by_topic.get(topic, {}))
        ends = real_seconds() + PORTION
        while self._due and real_seconds() < ends:
            self._look(next(iter(self._due)))
        for _ in range(min(len(self._answers), MOST_AT_ONCE)):
            self._answers.popleft()()
        self._is_changed = self._is_awake = False  # not before: what the looks have changed themselves, they have seen
        if self._due or self._answers:
            self._go_on()

    def _look(self, sought: Sought[Any]) -> None:
        self._due.pop(sought, None)
        answer: Callable[[asyncio.Future[Any]], None]
        try:
            found = sought.look()
            if found is None:
                return
            answer = partial(_answer, found=found)
        except Exception as error:
            answer = partial(_refuse, reason=partial(_same, error))
        for waiter in self._dismiss(sought):
            self.answer_soon(partial(answer, waiter))

    def _dismiss(self, sought: Sought[Any]) -> Iterable["asyncio.Future[Any]"]:
        """Look for it no more; those who waited for it."""
        self._due.pop(sought, None)
        if self._by_key.get(sought.key) is sought:
            del self._by_key[sought.key]
        for topic in (None,) if sought.topics is None else sought.topics:
            interested = self._by_topic[topic]
            del interested[sought]
            if not interested:
                del self._by_topic[topic]
        return self._waiters.pop(sought)


def _same(error: BaseException) -> BaseException:
    return error


def _answer(waiter: "asyncio.Future[Any]", found: object) -> None:
    if not waiter.done():
        waiter.set_result(found)


def _refuse(waiter: "asyncio.Future[Any]", reason: Reason) -> None:
    if not waiter.done():
        waiter.set_exception(reason())
