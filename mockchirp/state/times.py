"""When things were, as far as a document does not say: times that suit the status.

A call is answered 5 s after it was placed and lasts 120 s, as in Chirp's documentation; what was never answered lasted as
long as the built-in scenarios have it.
"""

from typing import NamedTuple

from mockchirp.core.calls import LIVE, CallStatus
from mockchirp.core.instants import SECOND, format_milli, whole_seconds
from mockchirp.core.voicemails import GREETING, MESSAGE
from mockchirp.state.document import CallPart, RecordingPart
from mockchirp.state.errors import BadState
from mockchirp.state.values import Moment, check_reachable

_TO_ANSWER = 5 * SECOND
_TALK = 120 * SECOND
_RECORDED = 30 * SECOND
_UNANSWERED: dict[CallStatus, int] = {
    "completed": GREETING + MESSAGE,  # it was a message
    "failed": 1 * SECOND,
    "busy": 5 * SECOND,
    "no_answer": 31 * SECOND,
    "canceled": 5 * SECOND,
}
_SINCE: dict[CallStatus, int] = {"initiated": 0, "ringing": 1 * SECOND, "voicemail": 0}


class CallTimes(NamedTuple):
    """The instants of a call; None for what has not come, or never came."""

    created: int
    answered: int | None
    ended: int | None


def times_of_call(call: CallPart, now: int) -> CallTimes:
    """When a call was created, answered and ended; raise :class:`BadState` if what is given can't be."""
    created = _at(call.created_at, now, "createdAt")
    answered = _at(call.answered_at, now, "answeredAt")
    ended = _at(call.ended_at, now, "endedAt")
    talked = call.duration
    if call.status in LIVE:
        _refuse(ended is not None, "endedAt", f"a call that is {call.status} has not ended")
        _refuse(talked is not None, "duration", f"a call that is {call.status} has none yet")
        if call.status == "in_progress":
            if answered is None:
                answered = now if created is None else min(created + _TO_ANSWER, now)
            created = answered - _TO_ANSWER if created is None else created
        else:
            _refuse(answered is not None, "answeredAt", f"a call that is {call.status} was not answered")
            created = now - _SINCE[call.status] if created is None else created
    else:
        can_be_answered = call.status in ("completed", "failed")
        _refuse(answered is not None and not can_be_answered, "answeredAt", f"a {call.status} call was never answered")
        _refuse(talked is not None and not can_be_answered, "duration", "only a call that was answered has one")
        left_message = call.voicemail is not None or any(recording.message for recording in call.recordings)
        never = "answered_at" in call.model_fields_set and answered is None  # null says so
        was_answered = answered is not None or talked is not None
        _refuse(never and talked is not None, "duration", "only a call that was answered has one")
        if was_answered or (call.status == "completed" and not left_message and not never):
            created, answered, ended = _of_talk(created, answered, ended, talked, now)
        else:
            lasted = _UNANSWERED[call.status]
            if call.voicemail is not None and call.voicemail.duration is not None:
                lasted = GREETING + call.voicemail.duration * SECOND
            if ended is None:
                ended = now if created is None else min(created + lasted, now)
            created = ended - lasted if created is None else created
    _check_order({"createdAt": created, "answeredAt": answered, "endedAt": ended}, now)
    if talked is not None and answered is not None and ended is not None:
        shown = whole_seconds(answered, ended)
        _refuse(
            shown != talked // SECOND,
            "duration",
            f"from answeredAt to endedAt it is {shown} s, not {talked / SECOND:g} s",
        )
    return CallTimes(created, answered, ended)


def times_of_recording(recording: RecordingPart, call: CallTimes, now: int) -> tuple[int, int | None]:
    """When a recording of a call was started and ended; raise :class:`BadState` if what is given can't be."""
    started = _at(recording.started_at, now, "startedAt")
    ended = _at(recording.ended_at, now, "endedAt")
    length = recording.duration
    if recording.status == "recording":
        _refuse(ended is not None, "endedAt", "a recording that runs has not ended")
        _refuse(length is not None, "duration", "a recording that runs has none yet")
    latest = now if call.ended is None else call.ended
    if started is None:
        if ended is not None and length is not None:
            started = ended - length
        elif call.answered is not None:
            started = call.answered
        else:
            started = min(call.created + GREETING, latest)
    if recording.status != "recording" and ended is None:
        ended = min(started + _RECORDED, latest) if length is None else started + length
    _check_order({"startedAt": started, "endedAt": ended}, now)
    _refuse(started < call.created, "startedAt", "it is before the call was created")
    _refuse((ended or started) > latest, "endedAt", "it is after the end of the call")
    if length is not None and ended is not None:
        shown = whole_seconds(started, ended)
        _refuse(
            shown != length // SECOND,
            "duration",
            f"from startedAt to endedAt it is {shown} s, not {length / SECOND:g} s",
        )
    return started, ended


def _of_talk(
    created: int | None, answered: int | None, ended: int | None, talked: int | None, now: int
) -> tuple[int, int, int]:
    """Call times of which at least the talk has happened."""
    if answered is None:
        if created is not None:
            answered = min(created + _TO_ANSWER, now if ended is None else ended)
            if talked is not None and ended is not None:
                answered = ended - talked
        else:
            answered = (now if ended is None else ended) - (_TALK if talked is None else talked)
    if ended is None:
        ended = min(answered + _TALK, now) if talked is None else answered + talked
    return answered - _TO_ANSWER if created is None else created, answered, ended


def _at(moment: Moment | None, now: int, field: str) -> int | None:
    return None if moment is None else moment.at(now, field)


def _check_order(times: dict[str, int | None], now: int) -> None:
    """Raise :class:`BadState` unless each of ``times`` that is known comes at or after those before it, and not after now."""
    before, latest = "", None
    for name, at in times.items():
        if at is None:
            continue
        check_reachable(at, name)  # it may follow from others
        _refuse(
            latest is not None and at < latest,
            name,
            f"{format_milli(at)} is before {before}, {format_milli(latest or 0)}",
        )
        _refuse(at > now, name, f"{format_milli(at)} is still to come: it is {format_milli(now)}")
        before, latest = name, at


def _refuse(wrong: bool, field: str, reason: str) -> None:
    if wrong:
        raise BadState((field,), reason)
