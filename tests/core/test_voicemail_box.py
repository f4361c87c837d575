"""How a message is left, to the second, and what becomes of voicemails when what they belong to goes."""

import pytest

from mockchirp.core.errors import InvalidRequest, NotFound
from mockchirp.core.instants import SECOND
from mockchirp.core.scenarios import Scenario
from mockchirp.core.voicemails import public_voicemail


def leave(sandbox, run_to_idle, scenario=None):
    """Have somebody leave a message; the voicemail, or None if there is none."""
    call = sandbox.receive_call("+15559876543", "+15551234567", scenario=scenario)
    sandbox.send_to_voicemail(call.id)
    run_to_idle(sandbox)
    return next((each for each in sandbox.voicemail_box.voicemails.values() if each.call_id == call.id), None)


def test_a_message_is_left_step_by_step(sandbox, history):
    """Greeting, message, processing; the voicemail comes right after its recording is ready."""
    call = sandbox.receive_call("+15559876543", "+15551234567")
    sandbox.send_to_voicemail(call.id)

    sandbox.run_until(sandbox.now + 60 * SECOND)

    assert history(sandbox, call) == [
        (0, "calls.initiated"),
        (0, "call.command"),
        (0, "call.voicemail"),
        (3, "recording.started"),
        (33, "recording.processing"),
        (33, "calls.completed"),
        (35, "calls.recording.completed"),
        (35, "calls.voicemail.received"),
    ]


@pytest.mark.parametrize(
    ("length", "longest", "duration"),
    [(None, 120, 30), (None, 10, 10), (200_000, 120, 120), (200_000, 600, 200), (0, 10, 0), (1_999, 10, 1)],
)
def test_a_message_is_as_long_as_the_caller_speaks_and_the_configuration_allows(
    sandbox, run_to_idle, length, longest, duration
):
    """In whole seconds, as they are shown."""
    sandbox.configuration.voicemail_max_duration = longest

    voicemail = leave(sandbox, run_to_idle, Scenario("speaker", "speaks", message_length=length))

    assert voicemail.duration == duration


def test_a_scenario_says_how_long_the_processing_takes(sandbox, history, run_to_idle):
    """And the voicemail comes as much later."""
    leave(sandbox, run_to_idle, Scenario("slow", "is processed slowly", processing_time=60 * SECOND))

    assert history(sandbox)[-1] == (93, "calls.voicemail.received")


def test_a_message_whose_processing_fails_leaves_nothing(sandbox, run_to_idle):
    """No voicemail, and no event of one."""
    assert leave(sandbox, run_to_idle, Scenario("unlucky", "is lost", recording="failed")) is None
    assert "calls.voicemail.received" not in [event.type for event in sandbox.events.after(0)]


def test_the_recording_of_a_talk_is_no_message(sandbox, bring, run_to_idle):
    """Only what a caller says after the tone becomes a voicemail."""
    call = bring(sandbox, "inbound", "in_progress")
    sandbox.start_recording(call.id, "ogg")
    sandbox.hang_up(call.id)
    run_to_idle(sandbox)

    assert len(sandbox.recorder.recordings) == 1
    assert sandbox.voicemail_box.voicemails == {}


def test_pages_count_from_the_newest(sandbox, run_to_idle):
    """And end where there are no more."""
    voicemails = [leave(sandbox, run_to_idle) for _ in range(5)]
    box = sandbox.voicemail_box

    assert box.page(2, 0) == [voicemails[4], voicemails[3]]
    assert box.page(2, 3) == [voicemails[1], voicemails[0]]
    assert box.page(100, 4) == [voicemails[0]]
    assert box.page(1, 5) == []


@pytest.mark.parametrize(("id", "error"), [("call_vm_" + "a" * 27, NotFound), ("call_vm_a", InvalidRequest)])
def test_a_voicemail_that_is_none_is_refused(sandbox, id, error):
    """It is unknown, or it can't be one."""
    for refuse in (sandbox.voicemail_box.get, sandbox.voicemail_box.delete):
        with pytest.raises(error) as raised:
            refuse(id)
        assert raised.value.param == "voicemailId"


def test_deleting_a_voicemail_leaves_its_recording(sandbox, run_to_idle):
    """And deleting its recording leaves the voicemail."""
    one, two = leave(sandbox, run_to_idle), leave(sandbox, run_to_idle)

    sandbox.voicemail_box.delete(one.id)
    sandbox.delete_recording(two.recording_id)

    assert list(sandbox.voicemail_box.voicemails.values()) == [two]
    assert list(sandbox.recorder.recordings) == [one.recording_id]
    assert public_voicemail(two)["recordingId"] is None


def test_a_voicemail_goes_with_its_call(make, run_to_idle):
    """When the oldest calls are forgotten, so are their voicemails."""
    sandbox = make(calls_kept=3)
    newest = None

    for _ in range(20):
        newest = leave(sandbox, run_to_idle)

    voicemails = sandbox.voicemail_box.voicemails
    assert 3 <= len(voicemails) <= 5
    assert newest.id in voicemails
    assert {voicemail.call_id for voicemail in voicemails.values()} <= set(sandbox.calls)
    assert {voicemail.recording_id for voicemail in voicemails.values()} <= set(sandbox.recorder.recordings)


def test_what_callers_say_depends_on_the_seed(make, run_to_idle):
    """And on how many have spoken before."""

    def words(**options):
        sandbox = make(**options)
        return [leave(sandbox, run_to_idle).transcription for _ in range(3)]

    assert words() == words() != words(seed=2)
    assert len(set(words())) == 3
    assert words(transcription=False) == [None] * 3
