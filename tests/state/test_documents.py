"""Documents of state: what may be left out, what is made of it, and what is refused, with its place."""

import dataclasses

import pytest

from mockchirp.core.calls import EVENT_OF_STATUS, TRANSITIONS, Call
from mockchirp.core.deliveries import Attempt, Delivery, Outcome
from mockchirp.core.faults import Fault
from mockchirp.core.instants import MINUTE, SECOND, parse_instant
from mockchirp.core.recordings import Recording
from mockchirp.core.voicemails import Voicemail
from mockchirp.core.webhooks import Webhook
from mockchirp.state import exporting
from mockchirp.state.document import Document
from mockchirp.state.errors import BadState

T0 = parse_instant("2026-01-15T10:30:00Z")
ONE, TWO = "+15551234567", "+15559876543"
CALL_ID, OTHER_ID = "call_" + "a" * 27, "call_" + "b" * 27
RECORDING_ID, WEBHOOK_ID = "call_rec_" + "a" * 27, "whk_" + "a" * 27
AT = "2026-01-15T10:20:00Z"


def call(**fields):
    return {"from": ONE, "to": TWO, **fields}


def delivery(**fields):
    needed = {"webhookId": WEBHOOK_ID, "event": "calls.initiated", "eventId": "evt_x", "callId": CALL_ID, "body": "{}"}
    return {"id": "dlv_1", "createdAt": "-1m", "order": 1, **needed, **fields}


def ending(sandbox):
    """The calls of a sandbox, once everything that is scheduled has happened."""
    while (due := sandbox.timeline.next_due()) is not None:
        sandbox.run_until(due)
    return list(sandbox.calls.values())


def test_an_empty_document_is_a_fresh_sandbox(ark):
    """With what the server's settings give to one."""
    assert ark.export(ark.take_up({})) == ark.export(ark.fresh())


@pytest.mark.parametrize(
    ("row", "kind", "found_out_again"),
    [
        (exporting.CALL, Call, {"app_id", "duration", "recording_id", "recording_ids"}),
        (exporting.RECORDING, Recording, {"call_id"}),
        (exporting.VOICEMAIL, Voicemail, {"call_id"}),
        (exporting.DELIVERY, Delivery, {"attempts", "sent"}),
        (exporting.WEBHOOK, Webhook, set()),
        (exporting.FAULT, Fault, set()),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_field_is_exported(row, kind, found_out_again):
    """Or is found out again from what is: a field that is new has to be one or the other."""
    assert {field.name for field in dataclasses.fields(kind)} == {*row.fields, *found_out_again}


def test_what_changes_of_a_delivery_is_part_of_it():
    """An export takes only this of each, and says the rest later."""
    assert set(exporting.PROGRESS.fields) < set(exporting.DELIVERY.fields)


def test_a_delivery_may_have_the_body_of_one_above(ark):
    """The very same bytes. Documents that say each body are read as ever."""
    short = [delivery(), delivery(id="dlv_2", order=2, bodyOf="dlv_1"), delivery(id="dlv_3", order=3, bodyOf="dlv_2")]
    for each in short[1:]:
        del each["body"]
    whole = [{**each, "body": "{}"} for each in short]
    for each in whole:
        each.pop("bodyOf", None)

    sandbox = ark.take_up({"deliveries": short})

    assert len({id(each.body) for each in sandbox.deliveries}) == 1
    assert ark.export(sandbox) == ark.export(ark.take_up({"deliveries": whole}))
    assert [each.get("bodyOf") for each in ark.export(sandbox)["deliveries"]] == [None, "dlv_1", "dlv_1"]


@pytest.mark.parametrize(
    ("fields", "place", "says"),
    [
        ({"body": None}, "body", "is required, or bodyOf"),
        ({"bodyOf": "dlv_1"}, "body", "it can't go with bodyOf"),
        ({"body": None, "bodyOf": "dlv_2"}, "bodyOf", "dlv_2 is none of the deliveries above this one"),
        ({"body": None, "bodyOf": "dlv_9"}, "bodyOf", "dlv_9 is none of the deliveries above this one"),
    ],
)
def test_a_body_is_said_or_named(ark, fields, place, says):
    """One of the two, and no delivery before it is there."""
    with pytest.raises(BadState) as refusal:
        ark.take_up(
            {"deliveries": [delivery(), delivery(id="dlv_2", order=2, **fields), delivery(id="dlv_9", order=3)]}
        )

    assert str(refusal.value) == f"deliveries[1].{place}: {says}"


def test_attempts_are_exported_whole():
    """These two are written by hand: number, instant, URL, outcome, retry, place; status, error, body, duration."""
    assert len(dataclasses.fields(Attempt)) == 6
    assert len(dataclasses.fields(Outcome)) == 4


@pytest.mark.parametrize(
    ("direction", "status"),
    [
        (direction, status)
        for direction, table in TRANSITIONS.items()
        for status in EVENT_OF_STATUS
        if status == "initiated" or any(status in following for following in table.values())
    ],
)
def test_a_call_needs_two_addresses_and_a_status(ark, direction, status):
    """Its times suit the status; what is still to come, comes; and its export says the same."""
    sandbox = ark.take_up({"calls": [call(direction=direction, status=status)]})

    (made,) = sandbox.calls.values()
    times = [at for at in (made.created_at, made.answered_at, made.ended_at) if at is not None]
    assert times == sorted(times)
    assert times[-1] <= T0
    assert made.is_live == (made.ended_at is None)
    assert (made.answered_at is not None) == (status in ("in_progress", "completed"))
    assert made.duration == (120 if status == "completed" else None)
    assert (made.end_reason is None) == made.is_live
    assert [event.number for event in sandbox.events.after(0)] == list(range(1, sandbox.events.last + 1))
    assert sandbox.switchboard.live == made.is_live
    assert ark.export(ark.take_up(ark.export(sandbox))) == ark.export(sandbox)
    assert not ending(sandbox)[0].is_live


@pytest.mark.parametrize(
    ("given", "created", "answered", "ended"),
    [
        ({"createdAt": AT}, 0, 5, 125),
        ({"createdAt": "-10m"}, 0, 5, 125),
        ({"createdAt": AT, "duration": 60}, 0, 5, 65),
        ({"createdAt": AT, "duration": "1m30s"}, 0, 5, 95),
        ({"createdAt": AT, "endedAt": "2026-01-15T10:21:00Z"}, 0, 5, 60),
        ({"createdAt": AT, "endedAt": "2026-01-15T10:21:00Z", "duration": 10}, 0, 50, 60),
        ({"createdAt": AT, "answeredAt": "2026-01-15T10:20:09Z"}, 0, 9, 129),
        ({"answeredAt": AT, "duration": 7}, -5, 0, 7),
        ({"endedAt": AT, "duration": 7}, -12, -7, 0),
        ({"endedAt": AT}, -125, -120, 0),
        ({"createdAt": AT, "answeredAt": None, "endedAt": "2026-01-15T10:20:30Z"}, 0, None, 30),
        ({"createdAt": AT, "voicemail": {}}, 0, None, 33),
        ({"createdAt": AT, "voicemail": {"duration": 10}}, 0, None, 13),
        ({"createdAt": AT, "status": "busy"}, 0, None, 5),
        ({"createdAt": AT, "status": "no_answer"}, 0, None, 31),
        ({"createdAt": AT, "status": "failed"}, 0, None, 1),
        ({"createdAt": AT, "status": "failed", "duration": 7}, 0, 5, 12),
        ({"createdAt": "-2s"}, 598, 600, 600),
    ],
    ids=repr,
)
def test_times_that_are_left_out_follow_from_the_others(ark, given, created, answered, ended):
    """In seconds from 10:20; where nothing else is said, a call is answered after 5 s and lasts 120 s."""
    sandbox = ark.take_up({"calls": [call(**{"status": "completed", **given})]})

    (made,) = sandbox.calls.values()
    start = T0 - 10 * MINUTE
    got = [None if at is None else (at - start) // SECOND for at in (made.created_at, made.answered_at, made.ended_at)]
    assert got == [created, answered, ended]


@pytest.mark.parametrize(
    ("part", "upcoming"),
    [
        (call(), {"far_end": [1, 5]}),
        (call(status="ringing"), {"far_end": [0, 4]}),
        (call(status="in_progress"), {"far_end": [120]}),
        (call(status="in_progress", createdAt="-65s"), {"far_end": [60]}),
        (call(status="in_progress", createdAt="-2h"), {"far_end": [120]}),
        (call(status="in_progress", scenario="endless"), {}),
        (call(status="voicemail", scenario="voicemail"), {"far_end": [30]}),
        (call(direction="inbound"), {"decision_due": [30]}),
        (
            call(direction="inbound", createdAt="-10s", scenario="no_answer"),
            {"decision_due": [20], "caller_gives_up": [10]},
        ),
        (call(direction="inbound", createdAt="-1h"), {"decision_due": [30]}),
        (call(direction="inbound", status="voicemail"), {"begin_message": [3]}),
        (
            call(
                direction="inbound",
                status="voicemail",
                createdAt="-13s",
                recordings=[{"status": "recording", "startedAt": "-10s", "message": True}],
            ),
            {"end_message": [20]},
        ),
        (call(status="completed", recordings=[{"status": "processing"}]), {"finish_processing": [2]}),
        (call(status="completed"), {}),
    ],
    ids=str,
)
def test_what_comes_next_is_what_the_scenario_says(ark, part, upcoming):
    """In seconds from now. What would have happened by now counts from now on instead."""
    document = ark.export(ark.take_up({"calls": [part]}))

    got = {}
    for timer in document["timers"]:
        got.setdefault(timer["action"], []).append((parse_instant(timer["at"]) - T0) // SECOND)
    assert got == upcoming


def test_timers_that_are_listed_are_all_there_are(ark):
    """None at all, if the list is empty."""
    document = {"calls": [call(id=CALL_ID, status="in_progress")], "timers": []}
    assert not len(ark.take_up(document).timeline)

    document["timers"] = [{"at": "+1h", "action": "far_end", "callId": CALL_ID, "does": "fail"}]
    sandbox = ark.take_up(document)
    sandbox.run_until(T0 + 60 * MINUTE)
    assert sandbox.call(CALL_ID).status == "failed"


def test_what_is_written_by_hand_gets_everything_else(ark):
    """Recordings their times and sizes, voicemails their message and words, webhooks all events, ids for all."""
    sandbox = ark.take_up(
        {
            "webhooks": [{"url": "http://app.test/a"}],
            "phoneNumbers": [ONE],
            "rateLimit": "enforce",
            "calling": {"autoRecordEnabled": True},
            "scenarios": {"defined": {"mine": {"created": [{"after": "2s", "do": "fail"}]}}, "numbers": {TWO: "mine"}},
            "faults": [{"status": 503}, {"target": "webhook", "drop": True}],
            "calls": [
                call(
                    status="completed",
                    createdAt="-1h",
                    recordings=[{"format": "webm", "duration": 90}, {"format": "ogg"}],
                ),
                call(direction="inbound", status="completed", voicemail={"duration": 12}),
                call(),
            ],
        }
    )

    first, second, third = sandbox.calls.values()
    webm, ogg = sandbox.recordings_of(first.id)
    assert (webm.duration, webm.file_size, ogg.duration, ogg.file_size) == (90, 4_090, 30, 3_030)
    (voicemail,) = sandbox.voicemail_box.voicemails.values()
    (message,) = sandbox.recordings_of(second.id)
    assert (voicemail.call_id, voicemail.recording_id, voicemail.duration) == (second.id, message.id, 12)
    assert voicemail.transcription.startswith("Hi, this is ")
    (webhook,) = sandbox.notifier.webhooks.values()
    assert len(webhook.events) == 10
    assert third.scenario.name == "mine"
    assert [fault.id for fault in sandbox.faults] == ["flt_1", "flt_2"]
    assert (sandbox.phone_numbers, sandbox.enforce_rate_limit) == ((ONE,), True)
    assert sandbox.configuration.auto_record_enabled
    assert [call.id for call in ending(sandbox) if call.status == "failed"] == [third.id]


def test_a_history_is_made_up_for_calls_that_have_none(ark):
    """The events that must have happened, each at its instant, numbered; no webhook tells of them."""
    recorded = call(status="completed", createdAt=AT, recordings=[{"duration": 60}])
    sandbox = ark.take_up(
        {"calls": [recorded, call(direction="inbound", status="completed", createdAt=AT, voicemail={})]}
    )

    told = [((event.at - T0) // SECOND + 600, event.type) for event in sandbox.events.after(0)]
    assert told == [
        (0, "calls.initiated"),
        (0, "calls.initiated"),
        (3, "recording.started"),
        (5, "calls.answered"),
        (5, "calls.participant.joined"),
        (5, "calls.participant.joined"),
        (5, "recording.started"),
        (33, "calls.completed"),
        (33, "recording.processing"),
        (35, "calls.recording.completed"),
        (35, "calls.voicemail.received"),
        (65, "recording.processing"),
        (67, "calls.recording.completed"),
        (125, "calls.completed"),
        (125, "calls.participant.left"),
        (125, "calls.participant.left"),
    ]
    assert not sandbox.take_outbox()


def test_new_ids_don_t_meet_those_that_are_given(ark):
    """Even where the document does not count what there was."""
    sandbox = ark.fresh()
    ids = {sandbox.place_call(ONE, TWO).id for _ in range(5)}
    document = ark.export(sandbox)
    for part in ("counts", "identity"):
        del document[part]
    document["calls"].append(call())

    again = ark.take_up(document)

    assert set(again.calls) > ids
    assert len({*again.calls, *(again.place_call(ONE, TWO).id for _ in range(5))}) == 11


def test_another_key_continues_the_same_world(ark):
    """Its app is its own; the ids that are there stay, and those to come are the same but for what a live key makes of them."""
    sandbox = ark.fresh()
    sandbox.place_call(ONE, TWO)
    document = ark.export(sandbox)

    other = ark.take_up(document, "sk_live_app_other")

    assert other.app_id != sandbox.app_id
    assert {call.app_id for call in other.calls.values()} == {other.app_id}
    assert list(other.calls) == list(sandbox.calls)
    assert other.place_call(ONE, TWO).id == sandbox.place_call(ONE, TWO).id.replace("test_", "")


REFUSED = [
    ({"version": 2}, "version", "it reads 1"),
    ({"version": True}, "version", "it reads 1"),
    ({"colour": "red"}, "colour", "not a known field"),
    ({"keys": ["sk_admin_x"]}, "keys[0]", "not an app key"),
    ({"clock": {"now": "-5m"}}, "clock.now", "not an ISO 8601 instant"),
    ({"clock": {"now": "1999-01-01T00:00:00Z"}}, "clock.now", "must lie between"),
    ({"clock": {"rate": 0}}, "clock.rate", "greater than 0"),
    ({"phoneNumbers": [ONE, "555"]}, "phoneNumbers[1]", "not a phone number"),
    ({"calling": {"voicemailMaxDuration": 9}}, "calling.voicemailMaxDuration", "greater than or equal to 10"),
    ({"calling": {"createdAt": "-1h", "updatedAt": "-2h"}}, "calling.updatedAt", "follow each other"),
    ({"scenarios": {"default": "mine"}}, "scenarios.default", "is not a scenario"),
    ({"scenarios": {"numbers": {"+1555*": "mine"}}}, "scenarios.numbers.+1555*", "is not a scenario"),
    ({"scenarios": {"defined": {"X": {}}}}, "scenarios.defined.X.name", "can't be a scenario's"),
    (
        {"scenarios": {"defined": {"mine": {"created": [{"after": 1, "do": "hangup"}]}}}},
        "scenarios.defined.mine.created[0].do",
        "can't hangup",
    ),
    ({"webhooks": [{"url": "ftp://x"}]}, "webhooks[0].url", "not an http"),
    ({"webhooks": [{"url": "http://x", "events": ["calls.x"]}]}, "webhooks[0].events[0]", "not an event"),
    ({"webhooks": [{"url": "http://x", "headers": {"Host": "y"}}]}, "webhooks[0].headers", "can't be set"),
    (
        {"webhooks": [{"url": "http://x", "headers": {"X-A": "1", "x-a": "2"}}]},
        "webhooks[0].headers",
        "X-A and x-a differ in case alone",
    ),
    ({"webhooks": [{"url": "http://x/" + "x" * 2048}]}, "webhooks[0].url", "it has 2057 characters"),
    ({"calling": {"voicemailGreetingUrl": "ftp://x"}}, "calling.voicemailGreetingUrl", "its scheme is ftp"),
    ({"calls": [call(duration="0.5ms")]}, "calls[0].duration", "finer than a millisecond"),
    ({"calls": [call(createdAt="-0.0005s")]}, "calls[0].createdAt", "finer than a millisecond"),
    ({"webhooks": [{"url": "http://x", "id": WEBHOOK_ID}] * 2}, "webhooks[1].id", "twice"),
    ({"calls": [{"from": ONE}]}, "calls[0].to", "is required"),
    ({"calls": [call(to="12")]}, "calls[0].to", "not a phone number"),
    ({"calls": [call(), call(status="gone")]}, "calls[1].status", "should be 'initiated'"),
    ({"calls": [call(id="call_1")]}, "calls[0].id", "not a call id"),
    ({"calls": [call(id=CALL_ID), call(id=CALL_ID)]}, "calls[1].id", "twice"),
    ({"calls": [call(createdAt="yesterday")]}, "calls[0].createdAt", "not an instant"),
    ({"calls": [call(createdAt="-x")]}, "calls[0].createdAt", "not a duration"),
    ({"calls": [call(createdAt="+1s")]}, "calls[0].createdAt", "still to come"),
    ({"calls": [call(endedAt="-1s")]}, "calls[0].endedAt", "has not ended"),
    ({"calls": [call(duration=5)]}, "calls[0].duration", "none yet"),
    ({"calls": [call(answeredAt="-1s")]}, "calls[0].answeredAt", "was not answered"),
    ({"calls": [call(status="busy", answeredAt="-1s")]}, "calls[0].answeredAt", "never answered"),
    ({"calls": [call(status="busy", duration=3)]}, "calls[0].duration", "only a call that was answered"),
    (
        {"calls": [call(status="completed", createdAt="-9m", answeredAt="-10m")]},
        "calls[0].answeredAt",
        "is before createdAt",
    ),
    (
        {"calls": [call(status="completed", answeredAt="-60s", endedAt="-30s", duration=31)]},
        "calls[0].duration",
        "it is 30 s, not 31 s",
    ),
    ({"calls": [call(status="completed", createdAt="-10s", duration=60)]}, "calls[0].endedAt", "still to come"),
    ({"calls": [call(endReason="hangup")]}, "calls[0].endReason", "none yet"),
    ({"calls": [call(status="failed", endReason="hangup")]}, "calls[0].endReason", "it is failed"),
    ({"calls": [call(direction="inbound", status="ringing")]}, "calls[0].status", "never ringing"),
    ({"calls": [call(direction="inbound", status="no_answer")]}, "calls[0].status", "never no_answer"),
    ({"calls": [call(hold=True)]}, "calls[0].hold", "only a call in progress"),
    ({"calls": [call(status="completed", muted=["to"])]}, "calls[0].muted", "only a call in progress"),
    ({"calls": [call(status="in_progress", queuedRecording="ogg")]}, "calls[0].queuedRecording", "not answered"),
    ({"calls": [call(status="voicemail", decidedAt="now")]}, "calls[0].decidedAt", "only of an inbound call"),
    ({"calls": [call(direction="inbound", decidedAt="now")]}, "calls[0].decidedAt", "only of an inbound call"),
    (
        {"calls": [call(direction="inbound", status="in_progress", decidedAt="now")]},
        "calls[0].decidedAt",
        "that was not answered",
    ),
    (
        {"calls": [call(direction="inbound", status="voicemail", createdAt="-1m", decidedAt="-2m")]},
        "calls[0].decidedAt",
        "not within the life of the call",
    ),
    ({"calls": [call(status="in_progress", participants=[])]}, "calls[0].participants", "has two"),
    ({"calls": [call(scenario="mine")]}, "calls[0].scenario", "is not a scenario"),
    (
        {"calls": [call(metadata={"mockchirp": {"scenario": "x"}})]},
        "calls[0].metadata.mockchirp.scenario",
        "not a scenario",
    ),
    ({"calls": [call(recordings=[{}])]}, "calls[0].recordings[0].status", "has no recordings yet"),
    (
        {"calls": [call(status="busy", recordings=[{"format": "mp3"}])]},
        "calls[0].recordings[0].format",
        "'mp4', 'ogg' or",
    ),
    (
        {"calls": [call(status="completed", recordings=[{"status": "recording"}])]},
        "calls[0].recordings[0].status",
        "is not being recorded",
    ),
    (
        {"calls": [call(status="in_progress", recordings=[{"status": "recording"}] * 2)]},
        "calls[0].recordings[1].status",
        "only one recording",
    ),
    (
        {"calls": [call(status="in_progress", recordings=[{"status": "recording", "duration": 1}])]},
        "calls[0].recordings[0].duration",
        "none yet",
    ),
    (
        {"calls": [call(status="completed", createdAt="-1h", recordings=[{"startedAt": "-2h"}])]},
        "calls[0].recordings[0].startedAt",
        "before the call",
    ),
    (
        {"calls": [call(status="completed", createdAt="-1h", duration=9, recordings=[{"duration": 10}])]},
        "calls[0].recordings[0].endedAt",
        "after the end of the call",
    ),
    (
        {"calls": [call(status="completed", recordings=[{"status": "failed", "fileSize": 3}])]},
        "calls[0].recordings[0].fileSize",
        "has no file",
    ),
    (
        {"calls": [call(status="completed", recordings=[{"status": "failed", "outcome": "completed"}])]},
        "calls[0].recordings[0].outcome",
        "can't come to",
    ),
    (
        {"calls": [call(status="completed", recordings=[{"message": True}])]},
        "calls[0].recordings[0].message",
        "no message",
    ),
    (
        {"calls": [call(status="completed", recordings=[{"id": RECORDING_ID}] * 2)]},
        "calls[0].recordings[1].id",
        "twice",
    ),
    ({"calls": [call(voicemail={})]}, "calls[0].voicemail", "has none yet"),
    (
        {"calls": [call(status="completed", voicemail={"recordingId": RECORDING_ID})]},
        "calls[0].voicemail.recordingId",
        "not among the recordings",
    ),
    (
        {"calls": [call(status="completed", voicemail={"createdAt": "-1d"})]},
        "calls[0].voicemail.createdAt",
        "between the call's createdAt and now",
    ),
    ({"deliveries": [delivery()] * 2}, "deliveries[1].id", "twice"),
    ({"deliveries": [delivery(), delivery(id="dlv_2")]}, "deliveries[1].order", "twice"),
    ({"deliveries": [delivery(url="gopher://x")]}, "deliveries[0].url", "not an http"),
    ({"deliveries": [delivery(headers={"Host": "x"})]}, "deliveries[0].headers", "can't be set"),
    ({"deliveries": [delivery(headers={"X-A": "1", "x-a": "2"})]}, "deliveries[0].headers", "differ in case alone"),
    ({"deliveries": [delivery(createdAt="+1s")]}, "deliveries[0].createdAt", "still to come"),
    ({"deliveries": [delivery(underWay=1)]}, "deliveries[0].underWay", "to nowhere is not under way"),
    ({"deliveries": [delivery(heldBy="flt_1")]}, "deliveries[0].behind", "go together"),
    ({"deliveries": [delivery(heldBy="flt_1", behind=1)]}, "deliveries[0].heldBy", "whose webhook is there"),
    (
        {"deliveries": [delivery(attempts=[{"number": 2, "at": "-1s", "url": "http://x"}])]},
        "deliveries[0].attempts[0].number",
        "count from 1",
    ),
    (
        {"deliveries": [delivery(attempts=[{"number": 1, "at": "-1s", "url": "http://x", "bodyBase64": "?"}])]},
        "deliveries[0].attempts[0].bodyBase64",
        "not base64",
    ),
    (
        {
            "events": [
                {"number": 1, "at": "-1m", "type": "calls.initiated", "callId": CALL_ID},
                {"number": 3, "at": "-1m", "type": "calls.ringing", "callId": CALL_ID},
            ]
        },
        "events[1].number",
        "without a gap",
    ),
    (
        {
            "events": [
                {"number": 1, "at": "-1m", "type": "calls.initiated", "callId": CALL_ID},
                {"number": 2, "at": "-2m", "type": "calls.ringing", "callId": CALL_ID},
            ]
        },
        "events[1].at",
        "before the event above",
    ),
    ({"events": [{"number": 1, "at": "-1m", "type": "calls.x", "callId": CALL_ID}]}, "events[0].type", "not an event"),
    ({"timers": [{"at": "+1s", "action": "nap"}]}, "timers[0].action", "not an action"),
    ({"timers": [{"at": "+1s", "action": "far_end"}]}, "timers[0].callId", "needs it"),
    (
        {"timers": [{"at": "+1s", "action": "decision_due", "callId": CALL_ID, "does": "ring"}]},
        "timers[0].does",
        "no use for it",
    ),
    ({"timers": [{"at": "+1s", "action": "decision_due", "callId": CALL_ID}]}, "timers[0].callId", "there is no call"),
    (
        {
            "calls": [call(id=CALL_ID, status="completed")],
            "timers": [{"at": "+1s", "action": "far_end", "callId": CALL_ID, "does": "hangup"}],
        },
        "timers[0].callId",
        "a call that has ended",
    ),
    (
        {"calls": [call(id=CALL_ID)], "timers": [{"at": "+1s", "action": "decision_due", "callId": CALL_ID}]},
        "timers[0].action",
        "can't happen to an outbound call",
    ),
    (
        {
            "calls": [call(id=CALL_ID, direction="inbound")],
            "timers": [{"at": "+1s", "action": "decision_due", "callId": CALL_ID}] * 2,
        },
        "timers[1]",
        "only once",
    ),
    (
        {
            "calls": [call(id=CALL_ID)],
            "timers": [{"at": "+1s", "order": 7, "action": "far_end", "callId": CALL_ID, "does": "ring"}] * 2,
        },
        "timers[1].order",
        "twice",
    ),
    (
        {"timers": [{"at": "+1s", "action": "finish_processing", "recordingId": RECORDING_ID}]},
        "timers[0].recordingId",
        "no recording",
    ),
    (
        {"timers": [{"at": "+1s", "action": "attempt_delivery", "deliveryId": "dlv_1"}]},
        "timers[0].deliveryId",
        "no delivery",
    ),
    ({"faults": [{"status": 200}]}, "faults[0].status", "greater than or equal to 400"),
    ({"faults": [{}]}, "faults[0].status", "say what goes wrong"),
    ({"faults": [{"status": 500, "drop": True}]}, "faults[0].drop", "is for webhooks"),
    ({"faults": [{"status": 500, "abort": "reset"}]}, "faults[0].abort", "no answer to give"),
    ({"faults": [{"target": "webhook", "drop": True, "duplicate": 1}]}, "faults[0].drop", "can't go with duplicate"),
    ({"faults": [{"status": 500, "times": 1, "matched": 2}]}, "faults[0].matched", "more than times"),
    ({"faults": [{"status": 500, "matched": 2, "injected": 3}]}, "faults[0].injected", "more than matched"),
    ({"faults": [{"id": "flt_1", "status": 500}] * 2}, "faults[1].id", "twice"),
    ({"counts": {"ids": {"cow": 1}}}, "counts.ids.cow.[key]", "not a kind"),
    ({"deliveries": [delivery(id="dlv_9")], "counts": {"deliveries": 8}}, "counts.deliveries", "there is a number 9"),
    (
        {"events": [{"number": 4, "at": "-1m", "type": "calls.initiated", "callId": CALL_ID}], "counts": {"events": 9}},
        "counts.events",
        "the last event has the number 4",
    ),
]


@pytest.mark.parametrize(
    ("document", "place", "reason"), REFUSED, ids=[f"{place} {reason}" for _, place, reason in REFUSED]
)
def test_what_can_t_be_is_refused_with_its_place(ark, document, place, reason):
    """The place is the path into the document; the reason is for people."""
    with pytest.raises(BadState) as refusal:
        ark.take_up(document)

    assert refusal.value.place == place
    assert reason in refusal.value.reason


@pytest.mark.parametrize(
    "does",
    [
        {"target": "api", "status": 503},
        {"target": "api", "delay": "1ms"},
        {"target": "webhook", "delay": "7s"},
        {"target": "webhook", "drop": True},
        {"target": "webhook", "duplicate": 3},
        {"target": "webhook", "event": "calls.answered", "reorder": 2},
    ],
    ids=lambda does: list(does)[-1],
)
def test_faults_of_older_exports_are_read(ark, does):
    """They say what a fault does not do as well. Written by hand, that is a mistake, as it is in a request."""
    nothing = {"operation": "*", "probability": 1.0, "duplicate": 0, "drop": False, "reorder": 0}
    old = {"id": "flt_1", "createdAt": "now", **nothing, **does, "matched": 0, "injected": 0}

    taken = ark.take_up({"faults": [old]})

    (fault,) = ark.export(taken)["faults"]
    assert does.items() <= fault.items()
    assert not {"duplicate", "drop", "reorder"} & fault.keys() - does.keys()
    with pytest.raises(BadState, match=r"faults\[0\]"):
        ark.take_up({"faults": [{**nothing, **does}]})


def test_the_size_of_a_file_is_what_this_server_makes_of_it(ark):
    """A document from elsewhere may tell another one, and the file would not be as long as promised."""
    given = [{}, {"fileSize": 3}, {"fileSize": None}]
    sandbox = ark.take_up({"calls": [call(status="completed", recordings=given)]})

    sizes = {recording.file_size for recording in sandbox.recorder.recordings.values()}
    assert sizes == {ark.size_of("mp4", recording.duration) for recording in sandbox.recorder.recordings.values()}


def test_a_strict_server_takes_nothing_that_is_assumed(open_ark):
    """As its own requests don't."""
    ark = open_ark(strict=True, webhook_url=None)
    with pytest.raises(BadState, match="https only"):
        ark.take_up({"webhooks": [{"url": "http://x.test"}]})


def test_bounds_of_the_server_hold(open_ark):
    """More webhooks or faults than may be made are not taken, either."""
    ark = open_ark(max_webhooks=1, max_faults=1)
    with pytest.raises(BadState, match="max_webhooks allows 1"):
        ark.take_up({"webhooks": [{"url": "http://x.test"}] * 2})
    with pytest.raises(BadState, match="max_faults allows 1"):
        ark.take_up({"faults": [{"status": 500}] * 2})


@pytest.mark.parametrize("decided", [False, True])
def test_a_message_that_failed_leaves_a_state_that_can_be_read(ark, decided):
    """Whether the caller's number has it so or somebody decides: the recording is there, and no message any more."""
    sandbox = ark.fresh()
    made = sandbox.receive_call(TWO if decided else "+15005550006")
    sandbox.send_to_voicemail(made.id)
    sandbox.run_until(T0 + 34 * SECOND)
    if decided:
        sandbox.recorder.decide(made.recording_ids[0], "failed")
    sandbox.run_until(T0 + MINUTE)

    again = ark.take_up(ark.export(sandbox))

    (recording,) = again.recordings_of(made.id)
    assert recording.status == "failed"
    assert not again.voicemail_box.voicemails
    assert ark.export(again) == ark.export(sandbox)


def test_an_export_is_what_the_schema_says(ark):
    """Every field of it is a field of the document."""
    sandbox = ark.take_up(
        {
            "calls": [
                call(status="completed", recordings=[{}]),
                call(direction="inbound", status="completed", voicemail={}),
            ]
        }
    )
    sandbox.place_call(ONE, TWO)

    Document.model_validate(ark.export(sandbox))
