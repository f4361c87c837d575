"""Calls: their states, what leads from one to the next, and which commands they take (chirp-api.md section 2).

The tables in this file are the only place where legality lives; the diagrams in the documentation are drawn from them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from mockchirp.core.errors import Conflict, InvalidPhoneNumber, InvalidRequest
from mockchirp.core.instants import SECOND, format_duration, format_milli, format_second
from mockchirp.core.recordings import RecordingFormat
from mockchirp.core.scenarios import FarEndAction, Scenario, Trigger

Channel = Literal["pstn", "whatsapp", "webrtc"]
Direction = Literal["inbound", "outbound"]
Leg = Literal["from", "to"]
CallStatus = Literal[
    "initiated", "ringing", "in_progress", "voicemail", "completed", "failed", "busy", "no_answer", "canceled"
]

TRANSITIONS: Mapping[Direction, Mapping[CallStatus, frozenset[CallStatus]]] = {
    "outbound": {
        "initiated": frozenset({"ringing", "failed", "canceled"}),
        "ringing": frozenset({"in_progress", "voicemail", "busy", "no_answer", "failed", "canceled"}),
        "in_progress": frozenset({"completed", "failed"}),
        "voicemail": frozenset({"completed", "failed"}),
        "completed": frozenset(),
        "failed": frozenset(),
        "busy": frozenset(),
        "no_answer": frozenset(),
        "canceled": frozenset(),
    },
    "inbound": {
        "initiated": frozenset({"in_progress", "voicemail", "busy", "failed", "canceled"}),
        "ringing": frozenset(),
        "in_progress": frozenset({"completed", "failed"}),
        "voicemail": frozenset({"completed", "failed"}),
        "completed": frozenset(),
        "failed": frozenset(),
        "busy": frozenset(),
        "no_answer": frozenset(),
        "canceled": frozenset(),
    },
}
TERMINAL: frozenset[CallStatus] = frozenset({"completed", "failed", "busy", "no_answer", "canceled"})
LIVE: frozenset[CallStatus] = frozenset({"initiated", "ringing", "in_progress", "voicemail"})

EVENT_OF_STATUS: Mapping[CallStatus, str] = {
    "initiated": "calls.initiated",
    "ringing": "calls.ringing",
    "in_progress": "calls.answered",
    "voicemail": "call.voicemail",
    "completed": "calls.completed",
    "canceled": "calls.completed",
    "failed": "calls.failed",
    "busy": "calls.failed",
    "no_answer": "calls.no_answer",
}
TRIGGER_OF_STATUS: Mapping[CallStatus, Trigger] = {
    "initiated": "created",
    "in_progress": "answered",
    "voicemail": "voicemail",
}
END_REASONS: Mapping[CallStatus, str] = {
    "completed": "hangup",
    "canceled": "canceled",
    "failed": "failed",
    "busy": "busy",
    "no_answer": "no_answer",
}

FAR_END_ACTIONS: Mapping[FarEndAction, CallStatus] = {
    "ring": "ringing",
    "answer": "in_progress",
    "busy": "busy",
    "no_answer": "no_answer",
    "voicemail": "voicemail",
    "hangup": "completed",
    "fail": "failed",
}
"""What the other party or the carrier can do, and the status that it leads to."""
CALLER_ACTIONS: frozenset[FarEndAction] = frozenset({"hangup", "fail"})
"""What of it can befall an inbound call: there the rest is the app's to decide."""
DECISION_TIME = 30 * SECOND
"""How long the app has to say what becomes of an inbound call [documented]."""

_BEFORE_ANSWER: frozenset[CallStatus] = frozenset({"initiated", "ringing"})
_TALKING: frozenset[CallStatus] = frozenset({"in_progress"})


@dataclass(frozen=True, slots=True)
class Command:
    """One command type: what it does in words, and the calls that it is for."""

    name: str
    what: str
    """Completes "it can't …"."""
    statuses: frozenset[CallStatus]
    inbound_only: bool = False

    def check(self, call: "Call") -> None:
        """Raise :class:`Conflict`, naming the state and what is allowed, if ``call`` does not take this command now."""
        if self.inbound_only and call.direction != "inbound":
            raise Conflict(
                f"{call.id} is an outbound call; it can't {self.what}: {self.name} is for inbound calls that are initiated",
                param="type",
            )
        if call.status not in self.statuses:
            allowed = " or ".join(status for status in EVENT_OF_STATUS if status in self.statuses)
            raise Conflict(
                f"{call.id} is {call.status}; it can't {self.what}: {self.name} needs a call that is {allowed}{how_it_came(call)}",
                param="type",
            )


COMMANDS: Mapping[str, Command] = {
    command.name: command
    for command in (
        Command("answer", "be answered", frozenset({"initiated"}), inbound_only=True),
        Command("reject", "be rejected", frozenset({"initiated"}), inbound_only=True),
        Command("send_to_voicemail", "be sent to voicemail", frozenset({"initiated"}), inbound_only=True),
        Command("hangup", "be hung up", LIVE),
        Command("hold", "be put on hold", _TALKING),
        Command("unhold", "be taken off hold", _TALKING),
        Command("start_recording", "be recorded", _BEFORE_ANSWER | _TALKING),
        Command("stop_recording", "stop being recorded", _TALKING),
        Command("mute", "be muted", _TALKING),
        Command("unmute", "be unmuted", _TALKING),
        Command("transfer", "be transferred", _TALKING),
    )
}


def after_far_end(call: "Call", action: FarEndAction) -> CallStatus | None:
    """The status to which a far-end action takes ``call``, or None where its direction and status don't allow it."""
    status = FAR_END_ACTIONS[action]
    if call.direction == "inbound":
        if action not in CALLER_ACTIONS:
            return None
        if action == "hangup" and call.status == "initiated":
            status = "canceled"
    return status if status in TRANSITIONS[call.direction][call.status] else None


def check_steps(scenario: Scenario) -> None:
    """Raise :class:`InvalidRequest`, saying where, on a step that comes before the one above it or that no call allows then."""
    begins: Mapping[Trigger, CallStatus] = {"created": "initiated", "answered": "in_progress", "voicemail": "voicemail"}
    for trigger, status in begins.items():
        earliest = 0
        for index, step in enumerate(scenario.steps(trigger)):
            where = f"{trigger}[{index}]"
            if step.after < earliest:
                raise InvalidRequest(
                    f"{where}.after: {format_duration(step.after)} comes before the step above it, at "
                    f"{format_duration(earliest)}; every 'after' counts from the trigger",
                    param=f"{where}.after",
                )
            earliest = step.after
            target = FAR_END_ACTIONS[step.do]
            allowed = TRANSITIONS["outbound"][status]
            if target not in allowed:
                can = ", ".join(action for action, leads_to in FAR_END_ACTIONS.items() if leads_to in allowed)
                raise InvalidRequest(
                    f"{where}.do: the call is {status} by then and can't {step.do}; it can {can or 'do nothing any more'}",
                    param=f"{where}.do",
                )
            status = target


class Participant(NamedTuple):
    """One party of a call; ``number`` counts from 1 in its call: 1 is `from`, 2 is `to`, 3 and on are those transferred
    to.
    """

    number: int
    leg: Leg
    address: str
    channel: Channel

    def public(self) -> dict[str, object]:
        """As `data.participant` of the participant events shows it."""
        return {"leg": self.leg, "address": self.address, "channel": self.channel}


@dataclass(slots=True)
class Call:
    """One call. Instants are None until they have come."""

    id: str
    app_id: str
    direction: Direction
    from_address: str
    to_address: str
    from_channel: Channel
    to_channel: Channel
    metadata: dict[str, Any]
    scenario: Scenario
    created_at: int
    livekit_room_name: str | None = None
    status: CallStatus = "initiated"
    answered_at: int | None = None
    ended_at: int | None = None
    duration: int | None = None
    end_reason: str | None = None
    on_hold: bool = False
    muted: tuple[Leg, ...] = ()
    queued_recording: RecordingFormat | None = None
    """The format of a recording that was asked for before the answer and starts with it."""
    recording_id: str | None = None
    """The recording that is running now."""
    recording_ids: list[str] = field(default_factory=list)
    participants: tuple[Participant, ...] = ()
    """The parties that are connected now."""
    participant_count: int = 2

    decided_at: int | None = None
    """When the app's default decided on an inbound call, since no command had come."""

    @property
    def is_live(self) -> bool:
        return self.status in LIVE

    @property
    def is_undecided(self) -> bool:
        """Whether it waits for the app, which may decide at any time, the clock's or not."""
        return self.direction == "inbound" and self.status == "initiated"


def how_it_came(call: Call) -> str:
    """A further sentence for those who come too late: when the default decided on the call and how, or when it ended."""
    if call.decided_at is not None:
        at = format_milli(call.decided_at)
        outcome = "its caller heard a busy signal" if call.status == "busy" else "it went to voicemail"
        if call.decided_at == call.created_at:
            return f". By the app's calling configuration {outcome} at once, at {at}"
        return f". Its {DECISION_TIME // SECOND} s for a command ran out at {at}, and {outcome} by default"
    return "" if call.ended_at is None else f". It ended at {format_milli(call.ended_at)}"


def public_call(call: Call) -> dict[str, object]:
    """The 16 fields of the REST call, all always present."""
    created_at = format_second(call.created_at)
    return {
        "id": call.id,
        "appId": call.app_id,
        "direction": call.direction,
        "status": call.status,
        "fromAddress": call.from_address,
        "toAddress": call.to_address,
        "fromChannel": call.from_channel,
        "toChannel": call.to_channel,
        "duration": call.duration,
        "endReason": call.end_reason,
        "metadata": call.metadata,
        "livekitRoomName": call.livekit_room_name,
        "startedAt": created_at,
        "answeredAt": None if call.answered_at is None else format_second(call.answered_at),
        "endedAt": None if call.ended_at is None else format_second(call.ended_at),
        "createdAt": created_at,
    }


_E164 = re.compile(r"\+[1-9][0-9]{1,14}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
LONGEST_IDENTIFIER = 256


def check_address(address: str, channel: Channel, param: str) -> None:
    """Raise if ``address``, given as ``param``, can't be an address on ``channel``: E.164, or for `webrtc` an
    identifier.
    """
    if channel == "webrtc":
        if not address or len(address) > LONGEST_IDENTIFIER or _CONTROL.search(address):
            raise InvalidRequest(
                f"{param} is not a WebRTC identifier: it must have 1 to {LONGEST_IDENTIFIER} characters and no control characters",
                param=param,
            )
    elif not _E164.fullmatch(address):
        raise InvalidPhoneNumber(
            f"{param} {address[:40]!r} is not a phone number in E.164 format, such as +15551234567", param=param
        )
