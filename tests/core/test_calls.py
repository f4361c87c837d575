"""Calls: the tables of what leads where, and what each command and each act of the far end does."""

import json
from itertools import product
from pathlib import Path
from typing import get_args

import pytest

from mockchirp.core.calls import (
    COMMANDS,
    END_REASONS,
    EVENT_OF_STATUS,
    FAR_END_ACTIONS,
    LIVE,
    TERMINAL,
    TRANSITIONS,
    CallStatus,
    check_address,
    public_call,
)
from mockchirp.core.errors import Conflict, InvalidPhoneNumber, InvalidRequest, NotFound
from mockchirp.core.events import EVENTS
from mockchirp.core.instants import SECOND, parse_instant

T0 = parse_instant("2026-01-15T10:30:00Z")
DOCUMENTED = json.loads((Path(__file__).parents[2] / "fixtures" / "documented" / "call.json").read_text())
STATUSES = get_args(CallStatus)
PLACES = [(direction, status) for direction in TRANSITIONS for status in TRANSITIONS[direction]]
# The other party hangs up on an inbound call before the answer: there it is canceled. Nothing else happens at the far end.
INBOUND = {"initiated": {"hangup": "canceled", "fail": "failed"}} | {
    status: {"hangup": "completed", "fail": "failed"} for status in ("in_progress", "voicemail")
}

RUN = {
    "answer": lambda sandbox, call: sandbox.answer(call.id),
    "reject": lambda sandbox, call: sandbox.reject(call.id, "not now"),
    "send_to_voicemail": lambda sandbox, call: sandbox.send_to_voicemail(call.id),
    "hangup": lambda sandbox, call: sandbox.hang_up(call.id),
    "hold": lambda sandbox, call: sandbox.hold(call.id, "https://music.example.com"),
    "unhold": lambda sandbox, call: sandbox.unhold(call.id),
    "start_recording": lambda sandbox, call: sandbox.start_recording(call.id, "ogg"),
    "stop_recording": lambda sandbox, call: sandbox.stop_recording(call.id),
    "mute": lambda sandbox, call: sandbox.set_muted(call.id, "to", True),
    "unmute": lambda sandbox, call: sandbox.set_muted(call.id, "to", False),
    "transfer": lambda sandbox, call: sandbox.transfer(call.id, "+15557654321", "pstn"),
}
PREPARE = {
    "unhold": lambda sandbox, call: sandbox.hold(call.id),
    "stop_recording": lambda sandbox, call: sandbox.start_recording(call.id, "mp4"),
    "unmute": lambda sandbox, call: sandbox.set_muted(call.id, "to", True),
}
"""What has to come before a command for it to be allowed."""


def reachable(direction):
    """The statuses to which the table leads from `initiated`."""
    found, new = set(), {"initiated"}
    while new:
        found |= new
        new = {after for status in new for after in TRANSITIONS[direction][status]} - found
    return found


def is_reachable(where):
    direction, status = where
    return status in reachable(direction)


REACHABLE = [place for place in PLACES if is_reachable(place)]


def test_every_status_is_in_the_tables(ways):
    """One row each for what follows it, its event, and where it is terminal its reason; and a way to it for these tests."""
    assert all(list(TRANSITIONS[direction]) == list(STATUSES) for direction in TRANSITIONS)
    assert set(EVENT_OF_STATUS) == set(STATUSES) == LIVE | TERMINAL
    assert set(EVENT_OF_STATUS.values()) <= set(EVENTS)
    assert set(END_REASONS) == TERMINAL
    assert set(ways) == set(REACHABLE)


def test_all_nine_statuses_can_be_reached():
    """By one direction or the other."""
    assert len(STATUSES) == 9
    assert reachable("outbound") | reachable("inbound") == set(STATUSES)


@pytest.mark.parametrize(("direction", "status"), PLACES)
def test_terminal_is_where_nothing_follows(direction, status):
    """And only there; what can't be reached leads nowhere either."""
    leads_nowhere = not TRANSITIONS[direction][status]

    assert leads_nowhere == (status in TERMINAL or not is_reachable((direction, status)))
    assert not (LIVE & TERMINAL)


@pytest.mark.parametrize(("direction", "status"), REACHABLE)
def test_every_transition_of_the_table_can_be_taken_and_no_other(make, bring, direction, status):
    """By what the app commands, what the far end does, or the time that passes."""
    moves = [lambda sandbox, call, action=action: sandbox.far_end(call.id, action) for action in FAR_END_ACTIONS]
    moves += RUN.values()
    moves += [
        lambda sandbox, call: sandbox.end_call(call.id),
        lambda sandbox, call: sandbox.run_until(T0 + 600 * SECOND),
    ]
    reached = set()
    for move in moves:
        sandbox = make()
        call = bring(sandbox, direction, status)
        try:
            move(sandbox, call)
        except Conflict:
            continue
        reached.add(call.status)

    assert reached - {status} == TRANSITIONS[direction][status]


@pytest.mark.parametrize(("where", "action"), list(product(REACHABLE, FAR_END_ACTIONS)), ids=str)
def test_the_far_end_does_what_the_table_allows(sandbox, bring, fingerprint, where, action):
    """It leads where the table says, or it is refused with what is allowed instead, and leaves no trace."""
    direction, status = where
    call = bring(sandbox, direction, status)
    allowed = {
        name: leads_to for name, leads_to in FAR_END_ACTIONS.items() if leads_to in TRANSITIONS["outbound"][status]
    }
    if direction == "inbound":
        allowed = INBOUND.get(status, {})

    if action in allowed:
        assert sandbox.far_end(call.id, action) is call
        assert call.status == allowed[action]
        return
    before = fingerprint(sandbox)
    with pytest.raises(Conflict) as refusal:
        sandbox.far_end(call.id, action)
    assert fingerprint(sandbox) == before
    assert refusal.value.param == "action"
    for word in (call.id, status, action, *allowed):
        assert word in refusal.value.message


def test_every_command_has_a_test():
    """A new one needs a row above."""
    assert set(RUN) == set(COMMANDS)


def test_commands_are_for_the_calls_that_chirp_says():
    """The table of commands, as chirp-api.md section 2 has it."""
    inbound, live = (True, {"initiated"}), {"initiated", "ringing", "in_progress", "voicemail"}
    talking = (False, {"in_progress"})

    assert {name: (command.inbound_only, set(command.statuses)) for name, command in COMMANDS.items()} == {
        **dict.fromkeys(["answer", "reject", "send_to_voicemail"], inbound),
        "hangup": (False, live),
        "start_recording": (False, {"initiated", "ringing", "in_progress"}),
        **dict.fromkeys(["hold", "unhold", "stop_recording", "mute", "unmute", "transfer"], talking),
    }


@pytest.mark.parametrize(("where", "command"), list(product(REACHABLE, COMMANDS)), ids=str)
def test_a_command_does_what_the_table_allows(sandbox, bring, fingerprint, where, command):
    """It is noted as an event, or refused with the call's id, its state and what it needs, and leaves no trace."""
    direction, status = where
    call = bring(sandbox, direction, status)
    row = COMMANDS[command]

    if status in row.statuses and (direction == "inbound" or not row.inbound_only):
        if command in PREPARE:
            PREPARE[command](sandbox, call)
        RUN[command](sandbox, call)
        commands = [event.data["command"] for event in sandbox.events.after(0) if event.type == "call.command"]
        assert commands[-1] == command
        return
    before = fingerprint(sandbox)
    with pytest.raises(Conflict) as refusal:
        RUN[command](sandbox, call)
    assert fingerprint(sandbox) == before
    assert refusal.value.param == "type"
    assert call.id in refusal.value.message
    assert f"it can't {row.what}" in refusal.value.message
    if direction == "outbound" and row.inbound_only:
        assert "inbound" in refusal.value.message
    else:
        assert call.status in refusal.value.message
        assert all(needed in refusal.value.message for needed in row.statuses)


@pytest.mark.parametrize(
    ("earlier", "command", "says"),
    [
        (["hold"], "hold", "on hold already"),
        ([], "unhold", "not on hold"),
        (["hold", "unhold"], "unhold", "not on hold"),
        (["start_recording"], "start_recording", "being recorded already"),
        ([], "stop_recording", "not being recorded"),
        (["start_recording", "stop_recording"], "stop_recording", "not being recorded"),
    ],
)
def test_a_command_that_comes_twice_or_for_nothing_is_refused(sandbox, bring, fingerprint, earlier, command, says):
    """And leaves no trace."""
    call = bring(sandbox, "outbound", "in_progress")
    for name in earlier:
        RUN[name](sandbox, call)
    before = fingerprint(sandbox)

    with pytest.raises(Conflict, match=says) as refusal:
        RUN[command](sandbox, call)

    assert call.id in refusal.value.message
    assert fingerprint(sandbox) == before


@pytest.mark.parametrize("status", ["initiated", "ringing"])
def test_a_recording_is_queued_once(sandbox, bring, fingerprint, status):
    """The second request before the answer is refused."""
    call = bring(sandbox, "outbound", status)
    assert sandbox.start_recording(call.id, "ogg") is False
    before = fingerprint(sandbox)

    with pytest.raises(Conflict, match="queued already"):
        sandbox.start_recording(call.id, "mp4")

    assert fingerprint(sandbox) == before


def test_refused_commands_do_not_change_what_follows(make, place):
    """Two sandboxes, one of them with every refusal there is at every instant: the same history."""
    plain, tried = make(), make()
    for sandbox in (plain, tried):
        place(sandbox, "+15559876543")
        for second in range(0, 130, 5):
            sandbox.run_until(T0 + second * SECOND)
            if sandbox is tried:
                for call in list(sandbox.calls.values()):
                    for name, run in RUN.items():
                        if call.status not in COMMANDS[name].statuses or COMMANDS[name].inbound_only:
                            with pytest.raises(Conflict):
                                run(sandbox, call)
                    with pytest.raises(InvalidRequest):
                        sandbox.transfer(call.id, "nobody", "pstn") if call.status == "in_progress" else place(
                            sandbox, "x"
                        )
            if second == 50:
                place(sandbox)

    assert list(plain.events.after(0)) == list(tried.events.after(0))
    assert repr(list(plain.deliveries)) == repr(list(tried.deliveries))
    assert repr(plain.calls) == repr(tried.calls)


@pytest.mark.parametrize(("direction", "status"), REACHABLE)
def test_a_call_shows_what_its_status_implies(sandbox, bring, direction, status):
    """Answered when it was answered, ended and with a reason when it has ended, with a duration when it was both."""
    call = bring(sandbox, direction, status)

    shown = public_call(call)

    was_answered = status in ("in_progress", "completed")
    has_ended = status in TERMINAL
    assert list(shown) == list(DOCUMENTED)
    assert (shown["direction"], shown["status"]) == (direction, status)
    assert (shown["answeredAt"] is not None) == was_answered
    assert (shown["endedAt"] is not None) == has_ended
    assert (shown["endReason"] is not None) == has_ended
    assert (shown["duration"] is not None) == (was_answered and has_ended)
    assert shown["startedAt"] == shown["createdAt"] == "2026-01-15T10:30:00Z"
    assert sandbox.switchboard.live == (not has_ended)


def test_a_finished_call_is_the_documented_one(sandbox, place, run_to_idle):
    """With the default scenario, field by field; but for the ids, the status that belongs to it, and the room that it hasn't."""
    call = place(sandbox, "+15559876543")
    run_to_idle(sandbox)

    own = {"id": call.id, "appId": sandbox.app_id, "status": "completed", "livekitRoomName": None}
    assert public_call(call) == DOCUMENTED | own


@pytest.mark.parametrize("end", ["hang_up", "end_call"])
@pytest.mark.parametrize(
    ("status", "ended", "reason"),
    [
        ("initiated", "canceled", "canceled"),
        ("ringing", "canceled", "canceled"),
        ("in_progress", "completed", "hangup"),
        ("voicemail", "completed", "hangup"),
    ],
)
def test_hanging_up_cancels_before_the_answer_and_completes_after_it(sandbox, bring, end, status, ended, reason):
    """By the command and by DELETE; what was scheduled for the call is off."""
    call = bring(sandbox, "outbound", status)
    sandbox.run_until(T0 + 7_900)

    getattr(sandbox, end)(call.id)

    assert (call.status, call.end_reason, call.ended_at) == (ended, reason, T0 + 7_900)
    assert call.duration == (7 if status == "in_progress" else None)
    assert list(sandbox.timeline) == []


@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_a_call_that_has_ended_cannot_be_ended(sandbox, bring, fingerprint, status):
    """The message names it and its status."""
    call = bring(sandbox, "outbound", status)
    before = fingerprint(sandbox)

    with pytest.raises(Conflict, match=f"{call.id} is {status}"):
        sandbox.end_call(call.id)

    assert fingerprint(sandbox) == before


def test_a_rejected_call_is_busy(sandbox, bring):
    """To its caller; the reason of its end tells the two apart, and the app's own words are noted."""
    call = bring(sandbox, "inbound", "initiated")

    sandbox.reject(call.id, "lunch")

    assert (call.status, call.end_reason) == ("busy", "rejected")
    (noted,) = (event for event in sandbox.events.after(0) if event.type == "call.command")
    assert noted.data == {"command": "reject", "reason": "lunch"}


def test_hold_and_mute_end_with_the_call(sandbox, bring):
    """They are states of the talk."""
    call = bring(sandbox, "outbound", "in_progress")
    sandbox.hold(call.id)
    sandbox.set_muted(call.id, "from", True)
    sandbox.set_muted(call.id, "to", True)
    assert (call.on_hold, call.muted) == (True, ("from", "to"))

    sandbox.hang_up(call.id)

    assert (call.on_hold, call.muted) == (False, ())


def test_muting_twice_is_allowed(sandbox, bring):
    """Each leg for itself; a leg that is not muted can be unmuted."""
    call = bring(sandbox, "outbound", "in_progress")
    for participant, muted, legs in [
        ("to", True, ("to",)),
        ("to", True, ("to",)),
        ("from", True, ("to", "from")),
        ("to", False, ("from",)),
        ("to", False, ("from",)),
    ]:
        sandbox.set_muted(call.id, participant, muted)
        assert call.muted == legs


def test_a_transfer_replaces_the_far_leg(sandbox, bring):
    """One participant leaves, another joins under the next number, and both leave at the end under theirs."""
    call = bring(sandbox, "outbound", "in_progress")
    sandbox.set_muted(call.id, "to", True)
    sandbox.take_outbox()

    sandbox.transfer(call.id, "+15557654321", "whatsapp")
    sandbox.transfer(call.id, "agent 8", "webrtc")
    sandbox.hang_up(call.id)

    assert (call.to_address, call.to_channel, call.muted) == ("agent 8", "webrtc", ())
    assert call.livekit_room_name is not None
    bodies = [json.loads(dispatch.body) for dispatch in sandbox.take_outbox()]
    told = [(body["eventId"].removeprefix(f"evt_{call.id}_"), body["data"].get("participant")) for body in bodies]
    caller = {"leg": "from", "address": "+15551234567", "channel": "pstn"}
    first = {"leg": "to", "address": "+15005550007", "channel": "pstn"}
    second = {"leg": "to", "address": "+15557654321", "channel": "whatsapp"}
    third = {"leg": "to", "address": "agent 8", "channel": "webrtc"}
    assert told == [
        ("participant_left_2", first),
        ("participant_joined_3", second),
        ("participant_left_3", second),
        ("participant_joined_4", third),
        ("participant_left_1", caller),
        ("participant_left_4", third),
        ("completed", None),
    ]


@pytest.mark.parametrize(
    "channels", [("webrtc", "pstn"), ("pstn", "webrtc"), ("webrtc", "webrtc"), ("pstn", "whatsapp")]
)
def test_a_call_with_a_webrtc_leg_has_a_room(sandbox, channels):
    """`call-` and a short token; other calls have none."""
    call = sandbox.place_call("+15551234567", "+15559876543", *channels)

    assert (call.livekit_room_name is not None) == ("webrtc" in channels)
    assert call.livekit_room_name is None or call.livekit_room_name.startswith("call-")


@pytest.mark.parametrize(
    ("id", "error"),
    [
        ("", InvalidRequest),
        ("x", InvalidRequest),
        ("call_" + "a" * 27 + "\n", InvalidRequest),
        ("call_" + "a" * 27, NotFound),
    ],
)
def test_a_call_that_is_none_is_refused(sandbox, id, error):
    """An id that can be none is another fault than one that is nobody's; every command looks first."""
    for look in (sandbox.call, sandbox.end_call, sandbox.recordings_of, sandbox.hang_up, sandbox.hold):
        with pytest.raises(error) as refusal:
            look(id)
        assert refusal.value.param == "callId"
    assert list(sandbox.events.after(0)) == []


@pytest.mark.parametrize("address", ["+12", "+15551234567", "+491701234567", "+999999999999999"])
@pytest.mark.parametrize("channel", ["pstn", "whatsapp"])
def test_an_address_in_e164_is_a_phone_number(address, channel):
    """A plus sign and 2 to 15 digits, the first of which is not 0."""
    check_address(address, channel, "to")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "+",
        "+1",
        "15551234567",
        "+05551234567",
        "+1234567890123456",
        "+1 555",
        "+1555-1234",
        " +15551234567",
        "+15551234567\n",
        "+1555123456a",
        "++1555123456",
        "+١٥٥٥",
        "+1５５５",
        "tel:+15551234567",
        "agent",
    ],
    ids=repr,
)
@pytest.mark.parametrize("channel", ["pstn", "whatsapp"])
def test_any_other_address_is_no_phone_number(address, channel):
    """The error has Chirp's code and names the field."""
    with pytest.raises(InvalidPhoneNumber) as refusal:
        check_address(address, channel, "from")

    assert (refusal.value.status, refusal.value.code, refusal.value.param) == (400, "invalid_phone_number", "from")


@pytest.mark.parametrize("address", ["x", "agent 7", "+15551234567", "é😀", "a" * 256, "sip:x@y"])
def test_a_webrtc_address_is_any_identifier(address):
    """Blanks and any letters included."""
    check_address(address, "webrtc", "to")


@pytest.mark.parametrize("address", ["", "a\nb", "a\x00", "\x7f", "\t", "a" * 257], ids=repr)
def test_a_webrtc_address_is_no_just_anything(address):
    """It is not empty, not endless, and holds no control characters; it is no phone number that is wrong."""
    with pytest.raises(InvalidRequest) as refusal:
        check_address(address, "webrtc", "to")

    assert (refusal.value.code, refusal.value.param) == (None, "to")
