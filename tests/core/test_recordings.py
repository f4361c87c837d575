"""Recordings: their life, and the links to their files."""

from urllib.parse import parse_qs, urlsplit

import pytest

from mockchirp.core.errors import Conflict, InvalidRequest, NotFound
from mockchirp.core.instants import HOUR, MINUTE, SECOND, parse_instant
from mockchirp.core.recordings import FORMATS, RECORDING_TRANSITIONS
from mockchirp.core.signing import is_genuine, read_seal

T0 = parse_instant("2026-01-15T10:30:00Z")
FAILING = "+15005550006"


@pytest.fixture
def recording_in(sandbox, place):
    """A recording that began at 5 s and is in a status; if that is not the first one, it was stopped at 12 s."""

    def recording_in(status):
        call = place(sandbox, FAILING if status == "failed" else "+15005550007")
        sandbox.run_until(T0 + 5 * SECOND)
        sandbox.start_recording(call.id, "mp4")
        if status != "recording":
            sandbox.run_until(T0 + 12 * SECOND)
            sandbox.stop_recording(call.id)
        if status not in ("recording", "processing"):
            sandbox.run_until(T0 + 14 * SECOND)
        (recording,) = sandbox.recordings_of(call.id)
        return recording

    return recording_in


@pytest.mark.parametrize("status", RECORDING_TRANSITIONS)
def test_every_status_can_be_reached(recording_in, status):
    """The table has one row each, and leads to nothing that has none."""
    assert recording_in(status).status == status
    assert {after for row in RECORDING_TRANSITIONS.values() for after in row} == set(RECORDING_TRANSITIONS) - {
        "recording"
    }


@pytest.mark.parametrize(
    ("before", "after"), [(before, after) for before, row in RECORDING_TRANSITIONS.items() for after in sorted(row)]
)
def test_every_transition_of_the_table_can_be_taken(sandbox, recording_in, before, after):
    """By stopping, or by the time that processing takes."""
    if before == "processing":
        recording = recording_in(after)
        assert [event.type for event in sandbox.events.after(0)][-2:] == [
            "recording.processing",
            {"completed": "calls.recording.completed", "failed": "recording.failed"}[after],
        ]
    else:
        recording = recording_in(before)
        sandbox.stop_recording(recording.call_id)
    assert recording.status == after


@pytest.mark.parametrize("status", RECORDING_TRANSITIONS)
def test_a_recording_shows_what_its_status_implies(sandbox, recording_in, status):
    """Its end and length once it has ended, its file once it is completed."""
    recording = recording_in(status)

    shown = sandbox.recorder.show(recording, "http://mock")

    has_ended, has_file = status != "recording", status == "completed"
    assert shown == {
        "id": recording.id,
        "callId": recording.call_id,
        "status": status,
        "format": "mp4",
        "duration": 7 if has_ended else None,
        "fileUrl": shown["fileUrl"],
        "fileSize": 1_007 if has_file else None,
        "startedAt": "2026-01-15T10:30:05Z",
        "endedAt": "2026-01-15T10:30:12Z" if has_ended else None,
        "createdAt": "2026-01-15T10:30:05Z",
    }
    assert (shown["fileUrl"] is not None) == has_file


@pytest.mark.parametrize("format", FORMATS)
def test_a_queued_recording_starts_with_the_answer(sandbox, place, run_to_idle, format):
    """In the format that was asked for, and once: it is not queued for a second answer."""
    call = place(sandbox, "+15559876543")
    assert sandbox.start_recording(call.id, format) is False
    assert sandbox.recordings_of(call.id) == []
    sandbox.run_until(T0 + 5 * SECOND)

    (recording,) = sandbox.recordings_of(call.id)

    assert (recording.status, recording.format, recording.started_at) == ("recording", format, T0 + 5 * SECOND)
    assert call.queued_recording is None
    run_to_idle(sandbox)
    assert len(sandbox.recordings_of(call.id)) == 1


def test_a_recording_that_starts_is_not_dropped(sandbox, place, run_to_idle):
    """Queued or not."""
    call = place(sandbox, "+15005550008")
    sandbox.start_recording(call.id, "mp4")
    run_to_idle(sandbox)
    assert "recording.dropped" not in {event.type for event in sandbox.events.after(0)}


UNANSWERED = [
    *[("outbound", status) for status in ("voicemail", "failed", "busy", "no_answer", "canceled")],
    *[("inbound", status) for status in ("voicemail", "failed", "busy", "canceled")],
]


def test_every_way_to_stay_unanswered_is_tried(ways):
    """All statuses but those before the answer and those that an answer leads to."""
    assert set(UNANSWERED) == {
        (direction, status)
        for direction, status in ways
        if status not in ("initiated", "ringing", "in_progress", "completed")
    }


@pytest.mark.parametrize(("direction", "status"), UNANSWERED)
def test_a_queued_recording_of_a_call_that_is_not_answered_is_dropped(
    sandbox, place, ways, run_to_idle, direction, status
):
    """An event of ours says so and why, once, right after the one that says what became of the call; no webhook does."""
    call = place(sandbox) if direction == "outbound" else sandbox.receive_call("+15559876543", "+15551234567")
    sandbox.start_recording(call.id, "ogg")
    for step in ways[direction, status]:
        if step.startswith("command "):
            getattr(sandbox, step.removeprefix("command "))(call.id)
        else:
            sandbox.far_end(call.id, step)

    assert call.queued_recording is None
    *_, last, dropped = sandbox.events.after(0)
    assert (last.data["status"], dropped.type, dropped.at) == (status, "recording.dropped", T0)
    assert dropped.data == {"format": "ogg", "reason": f"only an answered call is recorded, and this one is {status}"}
    sent = run_to_idle(sandbox)
    assert [event.type for event in sandbox.events.after(0)].count("recording.dropped") == 1
    assert all(b"recording.dropped" not in dispatch.body for _, dispatch in sent)


@pytest.mark.parametrize("enabled", [True, False], ids=["voicemail", "busy"])
def test_a_queued_recording_is_dropped_when_nobody_decides(sandbox, run_to_idle, enabled):
    """The time for it is over."""
    sandbox.configuration.voicemail_enabled = enabled
    call = sandbox.receive_call("+15559876543", "+15551234567")
    sandbox.start_recording(call.id, "mp4")
    run_to_idle(sandbox)
    (dropped,) = [event for event in sandbox.events.after(0) if event.type == "recording.dropped"]
    assert dropped.at == T0 + 30 * SECOND
    assert dropped.data["reason"].endswith("voicemail" if enabled else "busy")


@pytest.mark.parametrize("number", ["+15005550001", "+15005550002", "+15005550003", "+15005550004"])
def test_a_call_that_is_not_answered_is_not_recorded(sandbox, place, run_to_idle, number):
    """What was queued is forgotten."""
    call = place(sandbox, number)
    sandbox.start_recording(call.id, "mp4")

    run_to_idle(sandbox)

    assert sandbox.recordings_of(call.id) == []
    assert call.queued_recording is None
    assert [event.type for event in sandbox.events.after(0)].count("recording.dropped") == 1


@pytest.mark.parametrize("end", ["hang_up", "end_call", "far_end hangup", "far_end fail"])
def test_a_recording_ends_with_its_call(sandbox, bring, end):
    """However the call ends; the recording's end comes first."""
    call = bring(sandbox, "outbound", "in_progress")
    sandbox.start_recording(call.id, "ogg")
    sandbox.run_until(T0 + 9 * SECOND)

    if end.startswith("far_end "):
        sandbox.far_end(call.id, end.removeprefix("far_end "))
    else:
        getattr(sandbox, end)(call.id)

    (recording,) = sandbox.recordings_of(call.id)
    assert (recording.status, recording.ended_at, recording.duration) == ("processing", T0 + 9 * SECOND, 9)
    types = [event.type for event in sandbox.events.after(0)]
    assert types.index("recording.processing") < len(types) - 1
    assert sandbox.timeline.next_due() == T0 + 11 * SECOND


def test_a_call_can_be_recorded_again_and_again(sandbox, bring):
    """One recording at a time, each with an id of its own, oldest first."""
    call = bring(sandbox, "outbound", "in_progress")
    for _ in range(3):
        sandbox.start_recording(call.id, "mp4")
        sandbox.run_until(sandbox.now + SECOND)
        sandbox.stop_recording(call.id)

    recordings = sandbox.recordings_of(call.id)

    assert [recording.started_at for recording in recordings] == [T0, T0 + SECOND, T0 + 2 * SECOND]
    assert len({recording.id for recording in recordings}) == 3


def test_its_length_is_its_end_minus_its_start_as_they_are_shown(sandbox, bring):
    """In whole seconds, so that the three fields agree."""
    call = bring(sandbox, "outbound", "in_progress")
    sandbox.run_until(T0 + 900)
    sandbox.start_recording(call.id, "mp4")
    sandbox.run_until(T0 + 2_100)
    sandbox.stop_recording(call.id)

    (recording,) = sandbox.recordings_of(call.id)

    shown = sandbox.recorder.show(recording, "")
    assert (shown["startedAt"][-3:], shown["endedAt"][-3:], shown["duration"]) == ("00Z", "02Z", 2)


@pytest.mark.parametrize("processing_time", [0, 1, 2 * SECOND, 10 * MINUTE])
def test_processing_takes_as_long_as_the_policy_says(make, bring, run_to_idle, processing_time):
    """Not at all, if it says so."""
    sandbox = make(processing_time=processing_time)
    call = bring(sandbox, "outbound", "in_progress")
    sandbox.start_recording(call.id, "mp4")
    sandbox.stop_recording(call.id)

    run_to_idle(sandbox)

    completed = [event.at for event in sandbox.events.after(0) if event.type == "calls.recording.completed"]
    assert completed == [T0 + processing_time]


@pytest.mark.parametrize("status", RECORDING_TRANSITIONS)
def test_a_recording_can_be_deleted_once_it_has_stopped(sandbox, recording_in, fingerprint, run_to_idle, status):
    """Then it is gone for good, and nothing more comes of it; while it runs, it is refused without a trace."""
    recording = recording_in(status)
    before = fingerprint(sandbox)
    if status == "recording":
        with pytest.raises(Conflict, match=recording.id):
            sandbox.delete_recording(recording.id)
        assert fingerprint(sandbox) == before
        return

    sandbox.delete_recording(recording.id)

    events = list(sandbox.events.after(0))
    assert (events[-1].type, events[-1].recording_id) == ("recording.deleted", recording.id)
    assert sandbox.recordings_of(recording.call_id) == []
    for look in (sandbox.recorder.get, sandbox.delete_recording):
        with pytest.raises(NotFound, match=recording.id):
            look(recording.id)
    run_to_idle(sandbox)
    assert [event.type for event in sandbox.events.after(len(events)) if "recording" in event.type] == []


@pytest.mark.parametrize(
    ("id", "error"),
    [("", InvalidRequest), ("call_" + "a" * 27, InvalidRequest), ("call_rec_" + "a" * 27, NotFound)],
)
def test_a_recording_that_is_none_is_refused(sandbox, id, error):
    """An id that can be none is another fault than one that is nobody's."""
    for look in (sandbox.recorder.get, sandbox.delete_recording):
        with pytest.raises(error) as refusal:
            look(id)
        assert refusal.value.param == "recordingId"


def test_a_link_is_signed_and_good_for_an_hour_from_now(sandbox, recording_in):
    """For its path and its app; a later look makes a later link."""
    recording = recording_in("completed")
    links = []
    for _ in range(2):
        url = urlsplit(sandbox.recorder.show(recording, "https://mock.example:1")["fileUrl"])
        seal = read_seal(parse_qs(url.query)["signed"][0])
        assert f"{url.scheme}://{url.netloc}" == "https://mock.example:1"
        assert url.path == recording.path == f"/recordings/{recording.id}.mp4"
        assert (seal.expires_at, seal.app_id) == (sandbox.now + HOUR, sandbox.app_id)
        assert is_genuine(sandbox.recorder.secret, url.path, seal)
        links.append(seal)
        sandbox.run_until(sandbox.now + SECOND)

    assert links[0] != links[1]


def test_every_sandbox_signs_with_a_secret_of_its_own(make):
    """By its seed and its key."""
    secrets = [make().recorder.secret, make(seed=2).recorder.secret, make(key="sk_test_app_x").recorder.secret]

    assert len(set(secrets)) == 3
    assert make().recorder.secret == secrets[0]
