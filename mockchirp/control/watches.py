"""What each condition looks for, and what there is to say when it has not come.

A watch looks only at what is new since its last look, so that many of them cost little.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import islice, takewhile
from typing import TypeVar

from mockchirp.control.calls import show_call
from mockchirp.control.conditions import (
    AnyCondition,
    CallCondition,
    DeliveryCondition,
    EventCondition,
    RecordingCondition,
    RequestCondition,
)
from mockchirp.control.deliveries import show_delivery
from mockchirp.control.journal import show_exchange
from mockchirp.control.misses import counted, listed, story, told, what_next
from mockchirp.core.calls import EVENT_OF_STATUS, TRANSITIONS, Call, CallStatus
from mockchirp.core.deliveries import Delivery, number_of
from mockchirp.core.errors import ChirpError
from mockchirp.core.events import Event, public_event
from mockchirp.core.journal import Exchange
from mockchirp.core.recordings import RECORDING_TRANSITIONS
from mockchirp.core.sandbox import Sandbox
from mockchirp.live import LiveSandbox
from mockchirp.news import DELIVERY, IDLE, REQUEST, STANDSTILL
from mockchirp.waits import Topic

Matched = dict[str, object]
Status = TypeVar("Status", bound=str)
Thing = TypeVar("Thing")
_RECENT = 500
"""How many things of a kind a message about what did happen goes back."""

_BY_REQUEST = frozenset({"calls.initiated", "call.command", "recording.deleted"})
"""Events that only a request brings about, never time."""
_BY_DECISION: Mapping[str, tuple[CallStatus, ...]] = {
    "calls.answered": ("in_progress",),
    "calls.participant.joined": ("in_progress",),
    "recording.started": ("in_progress",),
    "call.voicemail": ("voicemail",),
    "calls.failed": ("busy",),
    "recording.dropped": ("voicemail", "busy"),
}
"""Events that the app's decision on an inbound call brings about, and the statuses that it takes the call into."""
_DECISIONS = frozenset(status for statuses in _BY_DECISION.values() for status in statuses)


class Watch(ABC):
    """One condition, on the way to being true."""

    def __init__(self, live: LiveSandbox) -> None:
        self._live = live
        self._sandbox: Sandbox = live.sandbox

    @property
    @abstractmethod
    def topics(self) -> Iterable[Topic]:
        """What it depends on (:mod:`mockchirp.news`), hope included."""

    @abstractmethod
    def look(self) -> Matched | None:
        """What matches, or None as long as nothing does."""

    def hopeless(self) -> str | None:
        """That it can't come any more, in words; None as long as it may."""
        return None

    def needs_time(self) -> bool:
        """Whether it can't come while time stands still."""
        return True

    @abstractmethod
    def missed(self) -> str:
        """That it has not come, in words."""

    @abstractmethod
    def instead(self) -> str:
        """What did happen and what comes nearest, in words."""


class _CallWatch(Watch):
    def __init__(self, live: LiveSandbox, condition: CallCondition, place: str) -> None:
        super().__init__(live)
        self._call = _named(self._sandbox.call, condition.call, f"{place}.call")
        self._wanted = condition.status
        self._seen = self._sandbox.events.last

    @property
    def topics(self) -> Iterable[Topic]:
        return self._call.id, STANDSTILL

    def look(self) -> Matched | None:
        call, event_type = self._call, EVENT_OF_STATUS[self._wanted]
        reached = call.status == self._wanted or any(
            event.data.get("status") == self._wanted
            for event in self._sandbox.events.of(event_type, call.id, self._seen)
        )
        self._seen = self._sandbox.events.last
        return {"call": show_call(self._sandbox, call)} if reached else None

    def hopeless(self) -> str | None:
        call = self._call
        if _is_ahead(TRANSITIONS[call.direction], call.status, self._wanted):
            return None
        return f"{call.id} is {call.status}, from where an {call.direction} call never becomes {self._wanted}"

    def needs_time(self) -> bool:
        return not (self._call.is_undecided and self._wanted in _DECISIONS)

    def missed(self) -> str:
        return f"{self._call.id} has not become {self._wanted}"

    def instead(self) -> str:
        return story(self._sandbox, self._call)


class _RecordingWatch(Watch):
    def __init__(self, live: LiveSandbox, condition: RecordingCondition, place: str) -> None:
        super().__init__(live)
        self._recording = _named(self._sandbox.recorder.get, condition.recording, f"{place}.recording")
        self._wanted = condition.status
        self._seen = self._sandbox.events.last

    @property
    def topics(self) -> Iterable[Topic]:
        return self._recording.id, STANDSTILL

    def look(self) -> Matched | None:
        recording, recorder = self._recording, self._sandbox.recorder
        reached = self._exists() and (
            recording.status == self._wanted
            or any(
                event.recording_id == recording.id and event.data.get("status") == self._wanted
                for event in self._sandbox.events.of(call_id=recording.call_id, after=self._seen)
            )
        )
        self._seen = self._sandbox.events.last
        return {"recording": recorder.show(recording, self._sandbox.notifier.origin)} if reached else None

    def hopeless(self) -> str | None:
        if not self._exists():
            return f"{self._recording.id} was deleted"
        if _is_ahead(RECORDING_TRANSITIONS, self._recording.status, self._wanted):
            return None
        recording = self._recording
        return f"{recording.id} is {recording.status}, from where a recording never becomes {self._wanted}"

    def missed(self) -> str:
        return f"{self._recording.id} has not become {self._wanted}"

    def instead(self) -> str:
        is_now = self._recording.status if self._exists() else "deleted"
        coming = what_next(self._sandbox.timeline.of(self._recording.id))
        call = self._sandbox.calls.get(self._recording.call_id)
        return f"{self._recording.id} is {is_now}{coming}" + ("" if call is None else f"; {story(self._sandbox, call)}")

    def _exists(self) -> bool:
        return self._recording.id in self._sandbox.recorder.recordings


class _EventWatch(Watch):
    def __init__(self, live: LiveSandbox, condition: EventCondition, place: str) -> None:
        super().__init__(live)
        self._type = condition.event
        self._count = condition.count
        call_id = condition.call_id
        self._call = None if call_id is None else _named(self._sandbox.call, call_id, f"{place}.callId")
        self._seen = 0
        self._found: list[Event] = []

    @property
    def topics(self) -> Iterable[Topic]:
        return self._type if self._call is None else self._call.id, STANDSTILL

    def look(self) -> Matched | None:
        self._found += self._sandbox.events.of(self._type, None if self._call is None else self._call.id, self._seen)
        self._seen = self._sandbox.events.last
        if len(self._found) < self._count:
            return None
        return {"events": [public_event(event) for event in self._found[: self._count]]}

    def hopeless(self) -> str | None:
        statuses = [status for status, type in EVENT_OF_STATUS.items() if type == self._type]
        call = self._call
        if call is None or not statuses:
            return None
        table = TRANSITIONS[call.direction]
        if any(_is_ahead(table, call.status, status) for status in statuses):
            return None
        return f"{self._type} can't happen any more for {call.id}, an {call.direction} call that is {call.status}"

    def needs_time(self) -> bool:
        return _needs_time(self._sandbox, self._type, self._call)

    def missed(self) -> str:
        whose = "" if self._call is None else f" for {self._call.id}"
        if self._count == 1:
            return f"{self._type} has not happened{whose}"
        return f"{self._type} has happened {len(self._found)} of {self._count} times{whose}"

    def instead(self) -> str:
        log = self._sandbox.events
        if self._call is None:
            return f"what did happen: {counted(log.counts())}{what_next([self._sandbox.timeline.first()])}"
        others = dict.fromkeys(event.call_id for event in log.of(self._type, after=log.last - _RECENT))
        others.pop(self._call.id, None)
        elsewhere = f"; it has happened for {listed(others)}" if others else ""
        return story(self._sandbox, self._call) + elsewhere


class _DeliveryWatch(Watch):
    def __init__(self, live: LiveSandbox, condition: DeliveryCondition, place: str) -> None:
        super().__init__(live)
        self._sought = condition.delivery
        call_id = self._sought.call_id
        self._call = None if call_id is None else _named(self._sandbox.call, call_id, f"{place}.delivery.callId")
        self._seen = 0
        self._open: list[Delivery] = []
        """What may still come to the end that is wanted."""

    @property
    def topics(self) -> Iterable[Topic]:
        return DELIVERY, STANDSTILL

    def look(self) -> Matched | None:
        deliveries = self._sandbox.deliveries
        fresh = takewhile(lambda delivery: number_of(delivery.id) > self._seen, self._newest_first())
        self._open += [delivery for delivery in list(fresh)[::-1] if self._fits(delivery)]
        self._seen = deliveries.count
        found = next((delivery for delivery in self._open if delivery.status == self._sought.status), None)
        if found is not None:
            return {"delivery": show_delivery(self._sandbox, found)}
        self._open = [delivery for delivery in self._open if delivery.status == "pending"]
        return None

    def needs_time(self) -> bool:
        return self._sought.event is None or _needs_time(self._sandbox, self._sought.event, self._call)

    def missed(self) -> str:
        of = "" if self._sought.event is None else f" of {self._sought.event}"
        whose = "" if self._call is None else f" for {self._call.id}"
        return f"no delivery{of}{whose} is {self._sought.status}"

    def instead(self) -> str:
        near = [delivery for delivery in islice(self._newest_first(), _RECENT) if self._fits(delivery)]
        if near:
            return listed(near, partial(told, self._sandbox))
        webhooks = self._sandbox.notifier.webhooks.values()
        if not webhooks:
            why = "there is no webhook"
        elif self._sought.event is None or any(self._sought.event in webhook.events for webhook in webhooks):
            why = "there is no such delivery yet"
        else:
            why = f"no webhook is told of {self._sought.event}"
        return why + ("" if self._call is None else f"; {story(self._sandbox, self._call)}")

    def _newest_first(self) -> Iterator[Delivery]:
        deliveries = self._sandbox.deliveries
        return reversed(deliveries if self._call is None else deliveries.of_call(self._call.id))

    def _fits(self, delivery: Delivery) -> bool:
        return self._sought.event in (None, delivery.event) and self._sought.call_id in (None, delivery.call_id)


class _RequestWatch(Watch):
    def __init__(self, live: LiveSandbox, condition: RequestCondition) -> None:
        super().__init__(live)
        self._sought = condition.request
        self._count = condition.count
        self._seen = 0
        self._found: list[Exchange] = []

    @property
    def topics(self) -> Iterable[Topic]:
        return [REQUEST if self._sought.operation is None else (REQUEST, self._sought.operation)]

    def look(self) -> Matched | None:
        journal = self._sandbox.journal
        for exchange in journal.after(self._seen):
            if exchange.matches(operation=self._sought.operation, path=self._sought.path):
                self._found.append(exchange)
        self._seen = journal.last
        if len(self._found) < self._count:
            return None
        return {"requests": [show_exchange(exchange) for exchange in self._found[: self._count]]}

    def hopeless(self) -> str | None:
        return None if self._sandbox.journal.kept else "requests can't be waited for: journal_size is 0"

    def needs_time(self) -> bool:
        return False

    def missed(self) -> str:
        sought = [f"{name} {value}" for name, value in self._sought.model_dump(exclude_none=True).items()]
        what = f" with {' and '.join(sought)}" if sought else ""
        return f"{len(self._found) or 'none'} of {self._count} requests{_printable(what)} came"

    def instead(self) -> str:
        newest = dict.fromkeys(
            (each.method, each.path, each.status) for each in islice(reversed(self._sandbox.journal), _RECENT)
        )
        return f"what did come, newest first: {listed(newest, _exchange)}" if newest else "no request has come"


class _IdleWatch(Watch):
    @property
    def topics(self) -> Iterable[Topic]:
        return IDLE, STANDSTILL

    def look(self) -> Matched | None:
        return {"idle": True} if self._live.pending == 0 else None

    def missed(self) -> str:
        scheduled = len(self._sandbox.timeline)
        return f"the sandbox is not idle: {scheduled} scheduled, {self._live.pending - scheduled} deliveries under way"

    def instead(self) -> str:
        return what_next([self._sandbox.timeline.first()]).removeprefix("; ") or "nothing is scheduled"


def watch(live: LiveSandbox, condition: AnyCondition, place: str) -> Watch:
    """Begin to watch for ``condition``, given at ``place`` in a body; raise :class:`NotFound` if it names a call or a recording
    that there is not.
    """
    match condition:
        case CallCondition():
            return _CallWatch(live, condition, place)
        case RecordingCondition():
            return _RecordingWatch(live, condition, place)
        case EventCondition():
            return _EventWatch(live, condition, place)
        case DeliveryCondition():
            return _DeliveryWatch(live, condition, place)
        case RequestCondition():
            return _RequestWatch(live, condition)
        case _:
            return _IdleWatch(live)


def _named(get: Callable[[str], Thing], id: str, param: str) -> Thing:
    """What has this id; the error of one that there is not names the condition's field."""
    try:
        return get(id)
    except ChirpError as error:
        error.param = param
        raise


def _is_ahead(table: Mapping[Status, Iterable[Status]], status: Status, wanted: Status) -> bool:
    """Whether ``table`` leads from one status to the other, by however many steps."""
    reached, edge = {status}, [status]
    while edge:
        fresh = set(table[edge.pop()]) - reached
        if wanted in fresh:
            return True
        reached |= fresh
        edge += fresh
    return False


def _printable(text: str) -> str:
    return text[:120].encode(errors="replace").decode()


def _exchange(told: tuple[str, str, int | None]) -> str:
    method, path, status = told
    return f"{method} {_printable(path)} ({status or 'no answer'})"


def _needs_time(sandbox: Sandbox, event_type: str, call: Call | None) -> bool:
    if event_type in _BY_REQUEST:
        return False
    is_undecided = sandbox.switchboard.undecided > 0 if call is None else call.is_undecided
    return not (event_type in _BY_DECISION and is_undecided)
