"""What is still to happen in a restored sandbox: as the document says, or as the scenarios of its calls have it."""

from collections.abc import Iterator, Mapping

from mockchirp.core.calls import CALLER_ACTIONS, DECISION_TIME, TRIGGER_OF_STATUS, Call
from mockchirp.core.instants import SECOND
from mockchirp.core.sandbox import Sandbox
from mockchirp.core.timeline import (
    ACTION_NAMES,
    Action,
    AttemptDelivery,
    BeginMessage,
    CallerGivesUp,
    DecisionDue,
    EndMessage,
    Entry,
    FarEndActs,
    FinishProcessing,
)
from mockchirp.core.voicemails import GREETING, MESSAGE
from mockchirp.state.document import TimerPart
from mockchirp.state.errors import BadState, within

_ACTIONS: Mapping[str, type[Action]] = {name: action for action, name in ACTION_NAMES.items()}
_FIELDS = {"call_id": "callId", "recording_id": "recordingId", "delivery_id": "deliveryId", "action": "does"}


def given_timers(sandbox: Sandbox, parts: list[TimerPart], reserved: Mapping[int, str]) -> list[Entry]:
    """The timers of a document; those without a place in the order come last. ``reserved`` are the places of deliveries.
    Raise :class:`BadState` on one that can't be: what would it happen to, and how could it?
    """
    entries: list[Entry] = []
    orders: set[int] = set()
    once: set[tuple[str, str]] = set()
    last_order = max([0, *reserved, *(part.order or 0 for part in parts)])
    for place, part in enumerate(parts):
        with within("timers", place):
            order = part.order
            if order is None:
                order = last_order = last_order + 1
            if order in orders or reserved.get(order, part.delivery_id) != part.delivery_id:
                raise BadState(("order",), f"{order} is there twice")
            orders.add(order)
            action = _action_of(part)
            _check_subject(sandbox, action)
            if not isinstance(action, FarEndActs):
                if (part.action, action[0]) in once:
                    raise BadState((), "this can happen only once, and is scheduled twice")
                once.add((part.action, action[0]))
            entries.append(Entry(part.at.at(sandbox.now, "at"), order, action))
    return entries


def _action_of(part: TimerPart) -> Action:
    kind = _ACTIONS[part.action]
    given = {
        "call_id": part.call_id,
        "recording_id": part.recording_id,
        "delivery_id": part.delivery_id,
        "action": part.does,
    }
    for field, value in given.items():
        if (value is not None) != (field in kind._fields):
            problem = "needs it" if value is None else "has no use for it"
            raise BadState((_FIELDS[field],), f"{part.action} {problem}")
    return kind(*(given[field] for field in kind._fields))  # type: ignore[arg-type]


def _check_subject(sandbox: Sandbox, action: Action) -> None:
    """Raise :class:`BadState` unless there is what the action is about, in a state in which it can happen."""
    match action:
        case AttemptDelivery(id):
            delivery = sandbox.deliveries.get(id)
            if delivery is None:
                raise BadState(("deliveryId",), f"there is no delivery {id[:80]}")
            if delivery.status != "pending" or delivery.sent is not None:
                raise BadState(
                    ("deliveryId",),
                    f"{id} is {'under way' if delivery.sent else delivery.status}: it is not tried again",
                )
        case FinishProcessing(id):
            recording = sandbox.recorder.recordings.get(id)
            if recording is None:
                raise BadState(("recordingId",), f"there is no recording {id[:80]}")
            if recording.status != "processing":
                raise BadState(
                    ("recordingId",), f"{id} is {recording.status}; only one that is processing comes to its end"
                )
        case _:
            call = sandbox.calls.get(action.call_id)
            if call is None:
                raise BadState(("callId",), f"there is no call {action.call_id[:80]}")
            if not call.is_live:
                raise BadState(
                    ("callId",), f"{call.id} is {call.status}: nothing is scheduled for a call that has ended"
                )
            if not _fits(call, action):
                raise BadState(("action",), f"this can't happen to an {call.direction} call that is {call.status}")


def _fits(call: Call, action: Action) -> bool:
    match action:
        case DecisionDue() | CallerGivesUp():
            return call.direction == "inbound" and call.status == "initiated"
        case BeginMessage() | EndMessage():
            is_recorded = call.recording_id is not None
            leaves_message = call.direction == "inbound" and call.status == "voicemail"
            return leaves_message and is_recorded == isinstance(action, EndMessage)
    return True


def usual_timers(sandbox: Sandbox) -> Iterator[tuple[int, Action, int | None]]:
    """When is what to happen, with its place in the order if it has one: the scenarios of live calls, recordings that are
    processing, deliveries that are pending.

    What a scenario would have done by now counts from now on instead.
    """
    now = sandbox.now
    for call in sandbox.calls.values():
        if call.is_live:
            for at, action in _next_of(sandbox, call):
                yield at, action, None
    for recording in sandbox.recorder.recordings.values():
        if recording.status == "processing":
            wanted = sandbox.calls[recording.call_id].scenario.processing_time
            processing_time = sandbox.policy.processing_time if wanted is None else wanted
            yield now + processing_time, FinishProcessing(recording.id), None
    for delivery in sandbox.deliveries:
        if delivery.status == "pending" and delivery.sent is None:
            planned = delivery.attempts[-1].next_attempt_at if delivery.attempts else None
            yield max(now, planned or now), AttemptDelivery(delivery.id), delivery.order


def _next_of(sandbox: Sandbox, call: Call) -> Iterator[tuple[int, Action]]:
    now = sandbox.now
    if call.direction == "inbound" and call.status == "voicemail":
        if call.recording_id is None:
            yield now + GREETING, BeginMessage(call.id)
        else:
            started = sandbox.recorder.recordings[call.recording_id].started_at
            wanted = call.scenario.message_length
            longest = sandbox.configuration.voicemail_max_duration * SECOND
            yield _from(started, min(MESSAGE if wanted is None else wanted, longest), now), EndMessage(call.id)
        return
    if call.direction == "inbound" and call.status == "initiated":
        yield _from(call.created_at, DECISION_TIME, now), DecisionDue(call.id)
        if call.scenario.patience is not None:
            yield _from(call.created_at, call.scenario.patience, now), CallerGivesUp(call.id)
    trigger = TRIGGER_OF_STATUS.get("initiated" if call.status == "ringing" else call.status)
    if trigger is None:
        return
    steps = call.scenario.steps(trigger)
    began = call.answered_at if call.answered_at is not None else call.created_at
    if call.status == "voicemail" or (steps and began + steps[-1].after < now):
        began = now
    for step in steps:
        if call.direction == "outbound" or step.do in CALLER_ACTIONS:
            yield max(now, began + step.after), FarEndActs(call.id, step.do)


def _from(start: int, length: int, now: int) -> int:
    """The end of a length of time, which begins now if it would be over already."""
    return start + length if start + length >= now else now + length
