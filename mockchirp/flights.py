"""What a sandbox is sending: who waits for whom, what waits for a place, and what is under way.

An attempt is data until there is a place for it (:meth:`Sender.take_place`), and takes a task only then. So a receiver that
hangs costs as many tasks as it has places, and what waits is counted, and given up, by the ledger.

The webhooks of one call that fall due at one instant reach one URL in the order of their events: they form a *line*, in
which the next goes out when the one before it was answered or has failed. Duplicates of one event go out together. What
somebody asked for by hand waits in no line, and neither does anything else for another call, URL or instant.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from heapq import heapify, heappop, heappush

from mockchirp.core.deliveries import Delivery, Dispatch, Outcome, Sent
from mockchirp.core.ledger import Ledger
from mockchirp.sending.sender import Sender
from mockchirp.sending.target import origin_of

_log = logging.getLogger("mockchirp.flights")

LineKey = tuple[str, str, int]
"""The call, the URL, and the instant at which the attempts fell due."""


@dataclass(slots=True, eq=False)
class Flight:
    """One attempt on its way. ``number`` counts in the order of sending."""

    number: int
    dispatch: Dispatch
    delivery: Delivery
    sent: Sent
    line: LineKey | None
    ready: bool = False
    """Whether it waits for nothing but a place; what comes after it in its line waits for it then."""
    task: asyncio.Task[Outcome] | None = None
    outcome: Outcome | None = None
    """What came of it, as long as it is not recorded."""

    @property
    def waits(self) -> bool:
        """Whether it is neither under way nor over."""
        return self.task is None and self.outcome is None

    @property
    def is_due(self) -> bool:
        """Whether it has not been given up since."""
        return self.delivery.sent is self.sent


@dataclass(slots=True)
class _Line:
    """``ahead`` attempts of one event are ready or under way; the others wait, in the order of their events."""

    event_id: str = ""
    ahead: int = 0
    waiting: list[tuple[int, int, Flight]] = field(default_factory=list)


@dataclass(slots=True)
class _Ready:
    """What waits for a place at one origin, and the function that sends it on when there is one."""

    go: Callable[[], None]
    flights: deque[Flight] = field(default_factory=deque)


Record = Callable[[Dispatch, Outcome, int], None]
"""Enters what came of an attempt, given with its number, and adds what is to be sent next."""


class Flights:
    """The attempts of one sandbox. ``record`` is told what came of each: as it comes, or, while :attr:`in_order`, in the order
    of sending.

    It serves any number of event loops, one after another: what a loop leaves behind when it ends is sent again by the next.
    """

    def __init__(self, sender: Sender, ledger: Ledger, record: Record) -> None:
        self.sent = 0
        """How many attempts there ever were."""
        self.under_way = 0
        """How many have a place."""
        self.in_order = False
        self._sender = sender
        self._ledger = ledger
        self._record = record
        self._flights: dict[int, Flight] = {}
        self._queued = 0
        self._lines: dict[LineKey, _Line] = {}
        self._ready: dict[str, _Ready] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stalled = False
        self._news: asyncio.Future[None] | None = None
        self._all_gone: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        """How many are waiting, under way or still to be recorded."""
        return len(self._flights)

    def add(self, batch: Iterable[Dispatch]) -> None:
        """Send ``batch``, each as soon as nothing is in its way any more. Also takes up what an event loop has left behind, and
        drops what was given up.
        """
        again = self._take_up() if self._flights or self._stalled else ()
        lines: dict[LineKey, None] = {}
        for dispatch in (*again, *batch):
            delivery = self._ledger.queue(dispatch)
            if delivery is None or delivery.sent is None:
                continue
            self.sent += 1
            self._queued += 1
            line = None if delivery.sent.alone else (delivery.call_id, delivery.url, delivery.sent.at)
            flight = self._flights[self.sent] = Flight(self.sent, dispatch, delivery, delivery.sent, line)
            if line is None:
                self._make_ready(flight)
            else:
                heappush(self._lines.setdefault(line, _Line()).waiting, (delivery.order, flight.number, flight))
                lines[line] = None
        for line in list(self._lines) if self._stalled else lines:
            self._step(line)
        if self._stalled:
            self._stalled = False
            for origin in list(self._ready):
                self._go(origin)
        if self._queued != self._ledger.queued:
            self._drop_given_up()
        if self._queued and not self.in_order:
            self._hold_connections()

    async def settle(self) -> None:
        """Return when nothing is waiting or under way, or when something was handed back to the ledger; at the latest when
        all of it is let go.
        """
        loop = asyncio.get_running_loop()
        for flight in list(self._flights.values()):
            if flight.task is not None and flight.task.get_loop() is not loop:  # which may never end it
                self._hand_back(flight)
        while self._flights and not self._stalled:
            self._news = loop.create_future()
            await self._news

    def record_all(self) -> None:
        """Record everything that is over, from now on as it comes."""
        self.in_order = False
        for flight in list(self._flights.values()):
            if flight.outcome is not None:
                self._enter(flight, flight.outcome)

    def let_go(self) -> list[asyncio.Task[Outcome]]:
        """Forget everything; nothing of it counts any more. The tasks that were broken off: it is over when they are."""
        for ready in self._ready.values():
            self._sender.forget(ready.go)
        tasks = [flight.task for flight in self._flights.values() if flight.task is not None]
        self._flights, self._lines, self._ready = {}, {}, {}
        self._queued = self.under_way = 0
        for task in tasks:
            task.cancel()
        self._tell()
        return tasks

    def _step(self, key: LineKey) -> None:
        """Let those of a line go whose turn it is."""
        line = self._lines[key]
        while line.waiting:
            flight = line.waiting[0][2]
            if flight.is_due:
                if not line.ahead:
                    line.event_id = flight.delivery.event_id
                elif flight.delivery.event_id != line.event_id:
                    return
                line.ahead += 1
                self._make_ready(flight)
            heappop(line.waiting)
        if not line.ahead:
            del self._lines[key]

    def _make_ready(self, flight: Flight) -> None:
        flight.ready = True
        origin = origin_of(flight.dispatch.url)
        ready = self._ready.get(origin)
        if ready is not None:  # others wait for a place already
            ready.flights.append(flight)
            return
        ready = self._ready[origin] = _Ready(partial(self._go, origin), deque((flight,)))
        self._go(origin)

    def _go(self, origin: str) -> None:
        """Send what is ready for an origin, as far as there are places."""
        ready = self._ready.get(origin)
        if ready is None or self._stalled:
            return
        while ready.flights:
            flight = ready.flights[0]
            if flight.is_due:
                if not self._sender.take_place(flight.dispatch.url):
                    self._sender.when_free(flight.dispatch.url, ready.go)
                    return
                self._start(flight)
            ready.flights.popleft()
        self._ready.pop(origin, None)

    def _start(self, flight: Flight) -> None:
        self._ledger.depart(flight.delivery)
        self._queued -= 1
        self.under_way += 1
        self._loop = asyncio.get_running_loop()
        flight.task = self._loop.create_task(self._sender.send(flight.dispatch))
        flight.task.add_done_callback(partial(self._landed, flight))
        if not self._queued:
            _wake(self._all_gone)

    def _landed(self, flight: Flight, task: asyncio.Task[Outcome]) -> None:
        self._sender.give_place_back(flight.dispatch.url)
        if self._flights.get(flight.number) is not flight or flight.task is not task:
            return
        if task.cancelled():  # its event loop ends under it
            self._hand_back(flight)
            self._tell()
            return
        flight.task, flight.outcome = None, _outcome(task)
        self.under_way -= 1
        if self.in_order:
            self._enter_in_order()
        else:
            self._enter(flight, flight.outcome)
        self._leave_line(flight)
        if not self._flights:
            self._tell()

    def _enter_in_order(self) -> None:
        while self._flights:
            first = next(iter(self._flights.values()))
            if first.outcome is None:
                return
            self._enter(first, first.outcome)

    def _enter(self, flight: Flight, outcome: Outcome) -> None:
        del self._flights[flight.number]
        self._record(flight.dispatch, outcome, flight.number)

    def _leave_line(self, flight: Flight) -> None:
        """One of those ahead in a line is over: perhaps it is the next one's turn."""
        line = self._lines.get(flight.line) if flight.line is not None else None
        if line is not None and flight.line is not None:
            line.ahead -= 1
            self._step(flight.line)

    def _hand_back(self, flight: Flight) -> None:
        """Let the ledger have an attempt again of which nothing came. What comes after it stays where it is until somebody
        adds something: nothing starts in an event loop that ends.
        """
        del self._flights[flight.number]
        flight.task = None
        self.under_way -= 1
        self._stalled = True
        self._ledger.hand_back(flight.dispatch)
        if flight.line is not None:
            self._lines[flight.line].ahead -= 1

    def _take_up(self) -> list[Dispatch]:
        """Get ready to go on in this event loop, if another was there before; what was handed back."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            for flight in list(self._flights.values()):
                if flight.task is not None and flight.task.get_loop().is_closed():
                    self._hand_back(flight)
            self._stalled, self._loop = True, loop
        return self._ledger.take_outbox() if self._stalled else []

    def _drop_given_up(self) -> None:
        """Forget what waits and is due no more, so that it takes no memory until its turn comes."""
        gone = [flight for flight in self._flights.values() if flight.waits and not flight.is_due]
        for flight in gone:
            del self._flights[flight.number]
        self._queued -= len(gone)
        for ready in self._ready.values():
            ready.flights = deque(flight for flight in ready.flights if flight.is_due)
        for line in self._lines.values():
            line.waiting = [entry for entry in line.waiting if entry[2].is_due]
            heapify(line.waiting)
        for flight in gone:
            if flight.ready:
                self._leave_line(flight)
        if not self._flights:
            self._tell()

    def _tell(self) -> None:
        """Have :meth:`settle` look, and connections close that nobody needs."""
        _wake(self._news)
        if not self._queued:
            _wake(self._all_gone)

    def _hold_connections(self) -> None:
        """Keep connections open from one attempt to the next, for as long as something waits."""
        loop = asyncio.get_running_loop()
        if self._all_gone is None or self._all_gone.done() or self._all_gone.get_loop() is not loop:
            self._all_gone = loop.create_future()
            self._holding = loop.create_task(self._hold(self._all_gone))

    async def _hold(self, all_gone: "asyncio.Future[None]") -> None:
        async with self._sender.burst():
            await all_gone


def _wake(future: "asyncio.Future[None] | None") -> None:
    if future is not None and not future.done() and not future.get_loop().is_closed():
        future.set_result(None)


def _outcome(task: asyncio.Task[Outcome]) -> Outcome:
    error = task.exception()
    if error is None:
        return task.result()
    _log.error("an attempt to deliver a webhook ended in an error of mockchirp's own", exc_info=error)
    return Outcome(None, f"mockchirp could not send it: {type(error).__name__}")
