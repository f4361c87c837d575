"""How the far end behaves: each built-in scenario at its exact instants."""

import pytest

from mockchirp.core.calls import FAR_END_ACTIONS, check_steps
from mockchirp.core.errors import CarrierUnavailable
from mockchirp.core.instants import SECOND, parse_instant
from mockchirp.core.scenarios import DEFAULT_SCENARIO, SCENARIOS

T0 = parse_instant("2026-01-15T10:30:00Z")
JOINED, LEFT = "calls.participant.joined", "calls.participant.left"


def answered_at(second):
    return [(second, "calls.answered"), (second, JOINED), (second, JOINED)]


def over_at(second, event="calls.completed"):
    return [(second, LEFT), (second, LEFT), (second, event)]


RINGS = [(0, "calls.initiated"), (1, "calls.ringing")]
# For each scenario: what happens at which second; how the call is in the end: status, reason, duration.
HISTORIES = {
    "answered": ([*RINGS, *answered_at(5), *over_at(125)], ("completed", "hangup", 120)),
    "busy": ([*RINGS, (5, "calls.failed")], ("busy", "busy", None)),
    "no_answer": ([*RINGS, (31, "calls.no_answer")], ("no_answer", "no_answer", None)),
    "failed": ([(0, "calls.initiated"), (1, "calls.failed")], ("failed", "failed", None)),
    "voicemail": ([*RINGS, (21, "call.voicemail"), (51, "calls.completed")], ("completed", "hangup", None)),
    "dropped": ([*RINGS, *answered_at(5), *over_at(12, "calls.failed")], ("failed", "failed", 7)),
    "recording_failed": ([*RINGS, *answered_at(5), *over_at(125)], ("completed", "hangup", 120)),
    "endless": ([*RINGS, *answered_at(5)], ("in_progress", None, None)),
    "brief": (
        [(0, "calls.initiated"), (0, "calls.ringing"), *answered_at(0), *over_at(1)],
        ("completed", "hangup", 1),
    ),
}
# Where a recording that was asked for at once is answered: from when to when, and when it is what.
RECORDED = {
    "answered": (5, 125, "completed"),
    "dropped": (5, 12, "completed"),
    "recording_failed": (5, 125, "failed"),
    "brief": (0, 1, "completed"),
}


def number_of(name):
    return SCENARIOS[name].number or "+15559876543"


def test_every_scenario_has_a_test():
    """A new one needs a row above; the carrier that is down leads to no call."""
    assert {*HISTORIES, "carrier_down"} == set(SCENARIOS)
    assert {scenario.name for scenario in SCENARIOS.values() if scenario.carrier_down} == {"carrier_down"}


@pytest.mark.parametrize("name", HISTORIES)
def test_a_scenario_takes_its_course(sandbox, place, history, run_to_idle, name):
    """Every event at its instant, and the call as it is in the end."""
    events, end = HISTORIES[name]
    call = place(sandbox, number_of(name))

    run_to_idle(sandbox)

    assert history(sandbox) == events
    assert (call.status, call.end_reason, call.duration) == end
    assert call.scenario is SCENARIOS[name]


@pytest.mark.parametrize("name", HISTORIES)
@pytest.mark.parametrize("step", [1, 250, 1_000, 7_777, 10**9])
def test_the_course_is_the_same_however_time_is_cut_up(make, place, run_to_idle, name, step):
    """In one leap or in many small ones."""
    whole, cut = make(), make()
    place(whole, number_of(name))
    run_to_idle(whole)
    place(cut, number_of(name))
    until = T0
    while cut.timeline.next_due() is not None and cut.now < T0 + (200 * SECOND if step > 1 else 2 * SECOND):
        until += step
        cut.run_until(until)
        for dispatch in cut.take_outbox():
            assert dispatch.attempt == 1

    events = [event for event in whole.events.after(0) if event.at <= cut.now]
    assert list(cut.events.after(0)) == events


@pytest.mark.parametrize("name", RECORDED)
def test_what_is_recorded_lasts_from_the_answer_to_the_end(sandbox, place, run_to_idle, history, name):
    """Processing takes 2 s more, and comes to what the scenario says."""
    start, end, outcome = RECORDED[name]
    call = place(sandbox, number_of(name))
    sandbox.start_recording(call.id, "webm")

    run_to_idle(sandbox)

    (recording,) = sandbox.recordings_of(call.id)
    assert (recording.started_at, recording.ended_at) == (T0 + start * SECOND, T0 + end * SECOND)
    assert (recording.status, recording.duration) == (outcome, end - start)
    finished = "calls.recording.completed" if outcome == "completed" else "recording.failed"
    assert [entry for entry in history(sandbox) if "recording" in entry[1]] == [
        (start, "recording.started"),
        (end, "recording.processing"),
        (end + 2, finished),
    ]


def test_every_scenario_that_is_answered_can_be_recorded():
    """A new one needs a row above."""
    answered = {name for name, (events, _) in HISTORIES.items() if any(type == "calls.answered" for _, type in events)}

    assert set(RECORDED) == answered - {"endless"}


@pytest.mark.parametrize(("channel", "source"), [("pstn", "telnyx"), ("whatsapp", "meta"), ("webrtc", "telnyx")])
def test_a_carrier_that_is_down_takes_no_call(sandbox, place, fingerprint, channel, source):
    """The error is the provider's, and nothing happens."""
    before = fingerprint(sandbox)

    with pytest.raises(CarrierUnavailable) as refusal:
        place(sandbox, SCENARIOS["carrier_down"].number, to_channel=channel)

    assert (refusal.value.status, refusal.value.code) == (424, f"{source}_api_unavailable")
    assert refusal.value.provider["source"] == source
    assert fingerprint(sandbox) == before


@pytest.mark.parametrize("number", ["+15559876543", "+15005550000", "+1500555000", "+150055500010", "+15005550010"])
def test_any_other_number_is_answered(sandbox, place, number):
    """The default scenario."""
    assert place(sandbox, number).scenario is DEFAULT_SCENARIO


def test_each_scenario_has_a_number_of_its_own():
    """Nine of them in a row, as control-api.md lists them; the default needs none."""
    numbers = [scenario.number for scenario in SCENARIOS.values() if scenario.number]

    assert numbers == [f"+1500555000{digit}" for digit in range(1, 10)]
    assert DEFAULT_SCENARIO.number is None


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=lambda scenario: scenario.name)
def test_every_step_can_be_taken(scenario):
    """In its order, and each where the call allows it; and it is said in words what happens."""
    check_steps(scenario)

    assert scenario.what
    steps = (*scenario.created, *scenario.answered, *scenario.voicemail)
    assert {step.do for step in steps} <= set(FAR_END_ACTIONS)


def test_a_step_that_was_overtaken_passes(sandbox, place, run_to_idle, history):
    """The app hangs up while it rings: no answer follows, and the far end does not hang up either."""
    call = place(sandbox, "+15559876543")
    sandbox.run_until(T0 + 3 * SECOND)

    sandbox.hang_up(call.id)
    run_to_idle(sandbox)

    assert history(sandbox) == [*RINGS, (3, "call.command"), (3, "calls.completed")]
    assert (call.status, call.end_reason, call.duration) == ("canceled", "canceled", None)


def test_the_far_end_may_be_quicker_than_its_scenario(sandbox, place, run_to_idle, history):
    """Answered by hand at 2 s: the talk lasts its 120 s from there, and the step of the scenario passes."""
    call = place(sandbox, "+15559876543")
    sandbox.run_until(T0 + 2 * SECOND)

    sandbox.far_end(call.id, "answer")
    run_to_idle(sandbox)

    assert history(sandbox) == [*RINGS, *answered_at(2), *over_at(122)]


def test_many_calls_take_their_courses_side_by_side(sandbox, place, run_to_idle, history):
    """Each as if it were alone; what falls into one instant comes in the order of the calls."""
    calls = {name: place(sandbox, number_of(name)) for name in HISTORIES}

    run_to_idle(sandbox)

    assert {name: history(sandbox, call) for name, call in calls.items()} == {
        name: events for name, (events, _) in HISTORIES.items()
    }
    order = list(calls.values())
    rings = [event.call_id for event in sandbox.events.after(0) if event.type == "calls.ringing" and event.at > T0]
    assert rings == [call.id for call in order if call.id in rings]
