"""From the document of a state to a sandbox that goes on from there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from mockchirp.core.calls import check_address
from mockchirp.core.faults import Fault, check_fault
from mockchirp.core.instants import MINUTE
from mockchirp.core.rate_limits import LIMITS
from mockchirp.core.recorder import SizeOf
from mockchirp.core.sandbox import Sandbox
from mockchirp.core.world import Policy
from mockchirp.http import is_deeper
from mockchirp.state.calling import configure
from mockchirp.state.calls import CallReader
from mockchirp.state.deliveries import add_webhooks, read_deliveries, read_events
from mockchirp.state.document import DEEPEST, CallingPart, CountsPart, Document, FaultPart, ScenariosPart
from mockchirp.state.errors import BadState, from_validation, within
from mockchirp.state.history import implied_events
from mockchirp.state.scenarios import check_numbers, read_scenario
from mockchirp.state.timers import given_timers, usual_timers


@dataclass(frozen=True, slots=True)
class Ground:
    """What a document is put on: the key that the sandbox is for, and what it gets where the document says nothing.

    ``now`` is where its clock starts, and ``operations`` are those of Chirp's API, each with whether it is about a call.
    """

    key: str
    seed: int
    now: int
    policy: Policy
    size_of: SizeOf
    origin: str
    operations: Mapping[str, bool] = field(default_factory=dict)


def read(value: Any) -> Document:
    """The document that plain data holds; raise :class:`BadState` if it is none."""
    if is_deeper(value, DEEPEST):
        raise BadState((), f"is nested more than {DEEPEST} levels deep")
    try:
        return Document.model_validate(value)
    except ValidationError as error:
        raise from_validation(error, Document, value) from None


def restore(document: Document, ground: Ground) -> Sandbox:
    """A sandbox in the state of the document; raise :class:`BadState`, saying where, if it can't be."""
    sandbox = Sandbox(
        now=document.clock.now or ground.now,
        seed=ground.seed if document.seed is None else document.seed,
        key=ground.key,
        policy=ground.policy,
        size_of=ground.size_of,
        origin=document.origin or ground.origin,
        identity=document.identity,
    )
    now, counts = sandbox.now, document.counts
    with within():
        for place, number in enumerate(document.phone_numbers):
            check_address(number, "pstn", f"phoneNumbers[{place}]")
    sandbox.phone_numbers = tuple(dict.fromkeys(document.phone_numbers))
    if document.rate_limit is not None:
        sandbox.enforce_rate_limit = document.rate_limit == "enforce"
    if document.requests is not None:
        with within("requests"):
            sandbox.rate_limiter.window = document.requests.minute.at(now, "minute") // MINUTE
        sandbox.rate_limiter.counts = {bucket: getattr(document.requests, bucket) for bucket in LIMITS}
    _configure(sandbox, document.calling)
    _define_scenarios(sandbox, document.scenarios)
    _start_counts(sandbox, document)
    if document.webhooks is not None:
        add_webhooks(sandbox, document.webhooks)
    CallReader(sandbox).read(document)
    events = implied_events(sandbox) if document.events is None else read_events(sandbox, document.events)
    sandbox.events.restore(events, _last_event(events[-1].number if events else 0, counts))
    deliveries = read_deliveries(sandbox, document.deliveries)
    numbers = [int(delivery.id.removeprefix("dlv_")) for delivery in deliveries]
    sandbox.deliveries.restore(deliveries, _last("deliveries", counts, numbers), now)
    _schedule(sandbox, document)
    _add_faults(sandbox, document.faults, counts, ground.operations)
    if counts is not None:
        for kind, count in counts.ids.items():
            sandbox.ids.counts[kind] = max(count, sandbox.ids.counts.get(kind, 0))
        sandbox.people.numbers = max(sandbox.people.numbers, counts.numbers)
        sandbox.people.messages = max(sandbox.people.messages, counts.messages)
    return sandbox


def _configure(sandbox: Sandbox, part: CallingPart) -> None:
    configuration, now = sandbox.configuration, sandbox.now
    configure(configuration, part)
    configuration.id = part.id or configuration.id
    with within("calling"):
        if part.created_at is not None:
            configuration.created_at = configuration.updated_at = part.created_at.at(now, "createdAt")
        if part.updated_at is not None:
            configuration.updated_at = part.updated_at.at(now, "updatedAt")
    if not configuration.created_at <= configuration.updated_at <= now:
        raise BadState(("calling", "updatedAt"), "createdAt, updatedAt and now must follow each other")


def _define_scenarios(sandbox: Sandbox, part: ScenariosPart) -> None:
    book = sandbox.scenarios
    with within("scenarios"):
        for name, body in part.defined.items():
            with within("defined", name):
                book.defined[name] = read_scenario(name, body)
        with within("numbers"):
            check_numbers(part.numbers, book)
        book.numbers = dict(part.numbers)
        if part.default is not None:
            book.default = book.named(part.default, "default").name


def _start_counts(sandbox: Sandbox, document: Document) -> None:
    """Have new identifiers continue those that the document gives to things."""
    calls = document.calls
    given: dict[str, list[str | None]] = {
        "call": [call.id for call in calls],
        "recording": [recording.id for call in calls for recording in call.recordings],
        "voicemail": [call.voicemail.id for call in calls if call.voicemail is not None],
    }
    if document.webhooks is not None:
        given["webhook"] = [webhook.id for webhook in document.webhooks]
    for kind, ids in given.items():
        known = 0 if document.counts is None else document.counts.ids.get(kind, 0)
        sandbox.ids.counts[kind] = max(known, sum(id is not None for id in ids))


def _schedule(sandbox: Sandbox, document: Document) -> None:
    orders = [delivery.order for delivery in document.deliveries]
    if document.timers is not None:
        entries = given_timers(sandbox, document.timers, {part.order: part.id for part in document.deliveries})
        last = _last("orders", document.counts, [*orders, *(entry.order for entry in entries)])
        sandbox.timeline.restore(entries, last)
    else:
        sandbox.timeline.restore((), _last("orders", document.counts, orders))
        for at, action, order in usual_timers(sandbox):
            sandbox.timeline.schedule(at, action, order)


def _add_faults(
    sandbox: Sandbox, parts: list[FaultPart], counts: CountsPart | None, operations: Mapping[str, bool]
) -> None:
    faults: dict[str, Fault] = {}
    now = sandbox.now
    if len(parts) > sandbox.policy.max_faults:
        raise BadState(("faults",), f"there are {len(parts)}, and max_faults allows {sandbox.policy.max_faults}")
    numbers = [int(part.id.removeprefix("flt_")) for part in parts if part.id is not None]
    last = _last("faults", counts, numbers)
    for place, part in enumerate(parts):
        with within("faults", place):
            check_fault(part.asked, operations, sandbox.policy.fault_hold_limit)
            if part.times is not None and part.matched > part.times:
                raise BadState(("matched",), f"{part.matched} is more than times")
            if part.injected > part.matched:
                raise BadState(("injected",), f"{part.injected} is more than matched")
            id = part.id
            if id is None:
                last += 1
                id = f"flt_{last}"
            if id in faults:
                raise BadState(("id",), f"{id} is there twice")
            faults[id] = Fault(
                id=id,
                created_at=now if part.created_at is None else part.created_at.at(now, "createdAt"),
                expires_at=None if part.expires_at is None else part.expires_at.at(now, "expiresAt"),
                matched=part.matched,
                injected=part.injected,
                **part.asked,
            )
    sandbox.faults.restore(faults.values(), last)


def _last(name: str, counts: CountsPart | None, numbers: list[int]) -> int:
    """How many there ever were: as counted, or as many as there must have been."""
    highest = max([0, *numbers])
    if counts is None or name not in counts.model_fields_set:
        return highest
    count: int = getattr(counts, name)
    if count < highest:
        raise BadState(("counts", name), f"there is a number {highest}, and so it can't be {count}")
    return count


def _last_event(highest: int, counts: CountsPart | None) -> int:
    count = _last("events", counts, [highest])
    if highest and count != highest:
        raise BadState(("counts", "events"), f"the last event has the number {highest}")
    return count
