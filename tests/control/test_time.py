"""The clock over HTTP: reading it, setting it, and jumping."""

import json

import pytest

CLOCK = "/_mockchirp/clock"
ADVANCE = "/_mockchirp/clock/advance"
START = "2026-01-15T10:30:00.000Z"
BODIES = [("PUT", CLOCK), ("POST", ADVANCE)]


def sent(mock):
    """The events of the webhooks that were sent, in order."""
    return [json.loads(dispatch.body)["event"] for dispatch in mock.receiver.got]


def test_the_clock_shows_what_is_to_come(mock):
    """Its time, mode and rate, the next instant at which something happens, and how much is still to come."""
    assert mock.get(CLOCK).json() == {"now": START, "mode": "frozen", "rate": 1.0, "nextDue": None, "pending": 0}

    mock.call()
    mock.advance(by=0)

    clock = mock.get(CLOCK).json()
    assert clock == {"now": START, "mode": "frozen", "rate": 1.0, "nextDue": "2026-01-15T10:30:01.000Z", "pending": 2}


def test_a_real_clock_runs(open_mock):
    """By its rate, from where the setting says."""
    mock = open_mock(clock_mode="real", clock_rate=1_000_000, clock_start="2030-01-01T00:00:00Z")

    first, second = mock.get(CLOCK).json(), mock.get(CLOCK).json()

    assert "2030-01-01T00:00:00" < first["now"] < second["now"] < "2031"
    assert (first["mode"], first["rate"]) == ("real", 1_000_000)


@pytest.mark.parametrize(
    ("body", "changed"),
    [
        ({}, {}),
        ({"rate": 60}, {"rate": 60.0}),
        ({"rate": 0.25}, {"rate": 0.25}),
        ({"rate": 1_000_000}, {"rate": 1_000_000.0}),
        ({"mode": "frozen"}, {}),
        ({"now": "2026-01-15T10:30:00Z"}, {}),
        ({"now": "2026-01-15T11:30:00.5+01:00"}, {"now": "2026-01-15T10:30:00.500Z"}),
        ({"now": "2149-12-31T23:59:59Z"}, {"now": "2149-12-31T23:59:59.000Z"}),
        (
            {"now": "2027-01-01T00:00:00Z", "rate": 5, "mode": "frozen"},
            {"now": "2027-01-01T00:00:00.000Z", "rate": 5.0},
        ),
    ],
    ids=repr,
)
def test_setting_the_clock_changes_what_is_given(mock, body, changed):
    """And answers as reading it does; the rate is kept while it is frozen."""
    answer = mock.put(CLOCK, body)

    assert answer.status_code == 200
    assert answer.json() == {"now": START, "mode": "frozen", "rate": 1.0, "nextDue": None, "pending": 0, **changed}
    assert mock.get(CLOCK).json() == answer.json()


def test_a_frozen_clock_can_be_thawed_and_frozen_again(mock):
    """In between time runs."""
    mock.put(CLOCK, {"mode": "real", "rate": 1_000_000})
    running = mock.get(CLOCK).json()
    frozen = mock.put(CLOCK, {"mode": "frozen"}).json()

    assert START < running["now"] < frozen["now"]
    assert mock.get(CLOCK).json() == frozen


def test_what_falls_due_by_setting_the_clock_happens(mock):
    """Each thing at its own instant; its webhooks are sent after the answer."""
    call_id = mock.call()["id"]

    answer = mock.put(CLOCK, {"now": "2026-01-15T10:40:00Z"})

    assert answer.json()["now"] == "2026-01-15T10:40:00.000Z"
    call = mock.get(f"/v1/calls/{call_id}").json()
    assert (call["status"], call["duration"], call["endedAt"]) == ("completed", 120, "2026-01-15T10:32:05Z")
    mock.advance(by=0)
    assert sent(mock)[0] == "calls.initiated"
    assert sent(mock)[-1] == "calls.completed"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"mode": "fast"}, "mode"),
        ({"mode": 1}, "mode"),
        ({"rate": 0}, "rate"),
        ({"rate": -1}, "rate"),
        ({"rate": 1_000_001}, "rate"),
        ({"rate": 10**30}, "rate"),
        ({"rate": "fast"}, "rate"),
        ({"rate": "60"}, "rate"),
        ({"rate": True}, "rate"),
        ({"rate": [60]}, "rate"),
        ({"now": 0}, "now"),
        ({"now": ""}, "now"),
        ({"now": "tomorrow"}, "now"),
        ({"now": "2026-01-16"}, "now"),
        ({"now": "2026-01-15T10:30:00"}, "now"),
        ({"now": "2026-02-30T10:30:00Z"}, "now"),
        ({"now": "2014-05-13T16:53:19Z"}, "now"),
        ({"now": "2150-01-01T00:00:01Z"}, "now"),
        ({"now": "0001-01-01T00:00:00+14:00"}, "now"),
        ({"now": "2026-01-16T10:30:00Z\u0000"}, "now"),
        ({"now": ["2026-01-16T10:30:00Z"]}, "now"),
        ({"Now": "2026-01-16T10:30:00Z"}, "Now"),
        ({"speed": 60}, "speed"),
        ({"now": "2026-01-16T10:30:00Z", "by": "1h"}, "by"),
    ],
    ids=repr,
)
def test_a_clock_cannot_be_set_to_nonsense(mock, refused, body, param):
    """The error names the field, a field that there is not included, and the clock stays as it was."""
    mock.call()
    before = mock.state()

    refused(mock.put(CLOCK, body), 400, param=param)

    assert mock.state() == before


def test_time_never_goes_back(mock, refused):
    """Neither by setting the clock nor by an advance."""
    mock.advance(by="1h")
    before = mock.state()

    refused(mock.put(CLOCK, {"now": "2026-01-15T11:29:59.999Z", "rate": 2}), 409, param="now", says="never goes back")
    refused(mock.post(ADVANCE, {"to": "2026-01-15T11:29:59.999Z"}), 409, param="to", says="never goes back")

    assert mock.state() == before
    assert mock.get(CLOCK).json()["rate"] == 1


@pytest.mark.parametrize(
    ("how", "end"),
    [
        ({"by": 0}, "10:30:00.000"),
        ({"by": 90}, "10:31:30.000"),
        ({"by": 0.25}, "10:30:00.250"),
        ({"by": "90"}, "10:31:30.000"),
        ({"by": "90s"}, "10:31:30.000"),
        ({"by": "250ms"}, "10:30:00.250"),
        ({"by": "5m"}, "10:35:00.000"),
        ({"by": "1h"}, "11:30:00.000"),
        ({"by": "1h30m"}, "12:00:00.000"),
        ({"by": "1.5h"}, "12:00:00.000"),
        ({"to": "2026-01-15T10:30:00Z"}, "10:30:00.000"),
        ({"to": "2026-01-15T10:30:00.001Z"}, "10:30:00.001"),
        ({"to": "2026-01-15T13:00:00+02:00"}, "11:00:00.000"),
        ({"until": "idle"}, "10:32:05.000"),
        ({"until": "idle", "limit": "1d"}, "10:32:05.000"),
        ({"until": "idle", "limit": 10}, "10:30:10.000"),
        ({"until": "idle", "limit": 0}, "10:30:00.000"),
        ({"until": "next"}, "10:30:01.000"),
        ({"until": "next", "limit": "1h"}, "10:30:01.000"),
        ({"until": "next", "limit": "10ms"}, "10:30:00.010"),
        ({"until": {"event": "calls.answered"}}, "10:30:05.000"),
        ({"until": {"event": "calls.participant.joined", "count": 2}}, "10:30:05.000"),
        ({"until": {"delivery": {"event": "calls.completed", "status": "delivered"}}}, "10:32:05.000"),
        ({"until": {"idle": True}}, "10:32:05.000"),
        ({"until": {"event": "calls.initiated"}}, "10:30:00.000"),
        ({"until": {"request": {"operation": "createCall"}}, "limit": 0}, "10:30:00.000"),
    ],
    ids=repr,
)
def test_an_advance_goes_exactly_as_far_as_it_is_told(mock, how, end):
    """By a duration, to an instant, or until nothing is pending, the next instant or a condition, but not past the limit."""
    mock.call()

    report = mock.advance(**how)

    assert (report["from"], report["to"]) == (START, f"2026-01-15T{end}Z")
    assert mock.get(CLOCK).json()["now"] == report["to"]
    assert (report["pending"] == 0) == (end >= "10:32:05.000")


def test_an_advance_can_take_days(mock):
    """`2d`, and by default `until: idle` goes on for seven."""
    assert mock.advance(by="2d")["to"] == "2026-01-17T10:30:00.000Z"
    assert mock.advance(until="idle")["to"] == "2026-01-17T10:30:00.000Z"


def test_an_advance_reports_what_happened_in_it(mock):
    """Its events as the list of events shows them, and every attempt to deliver; nothing from before."""
    mock.call()
    mock.advance(by=1)
    seen = len(mock.events())

    report = mock.advance(by=4)

    assert report["events"] == mock.events()[seen:]
    assert [event["type"] for event in report["events"]] == ["calls.answered", *["calls.participant.joined"] * 2]
    assert list(report) == ["from", "to", "events", "deliveries", "pending", "quietSeconds", "quietRequests"]
    assert report["pending"] == 1
    first = report["deliveries"][0]
    assert first == {
        "id": "dlv_3",
        "event": "calls.answered",
        "eventId": f"evt_{report['events'][0]['callId']}_answered",
        "callId": report["events"][0]["callId"],
        "url": "http://app.test/hooks",
        "attempt": 1,
        "at": "2026-01-15T10:30:05.000Z",
        "outcome": "delivered",
        "responseStatus": 200,
        "error": None,
        "nextAttemptAt": None,
    }
    assert [(delivery["event"], delivery["at"]) for delivery in report["deliveries"]] == [
        (event["type"], event["at"]) for event in report["events"]
    ]


def test_retries_that_fall_into_a_jump_happen_in_it(mock):
    """At their own instants: 2, 4, 8, 16 and 32 s after the attempt before; then the delivery is exhausted."""
    mock.receiver.answer = lambda dispatch: 503
    mock.call("+15005550003")

    report = mock.advance(by="2m")

    assert {delivery["event"] for delivery in report["deliveries"]} == {"calls.initiated", "calls.failed"}
    attempts = [delivery for delivery in report["deliveries"] if delivery["event"] == "calls.failed"]
    assert [attempt["attempt"] for attempt in attempts] == [1, 2, 3, 4, 5, 6]
    assert [attempt["at"][14:-1] for attempt in attempts] == [f"30:{s:02}.000" for s in (1, 3, 7, 15, 31)] + [
        "31:03.000"
    ]
    assert [attempt["nextAttemptAt"] for attempt in attempts] == [*[attempt["at"] for attempt in attempts[1:]], None]
    assert {attempt["outcome"] for attempt in attempts} == {"failed"}
    assert {attempt["responseStatus"] for attempt in attempts} == {503}
    assert {attempt["error"] for attempt in attempts} == {"answered 503"}
    assert report["pending"] == 0
    assert len(mock.receiver.got) == 2 * 6


def test_an_advance_until_idle_waits_for_the_last_retry(mock):
    """Nothing is left to come then."""
    mock.receiver.answer = lambda dispatch: 500
    mock.call()

    report = mock.advance(until="idle")

    assert report["to"] == "2026-01-15T10:33:07.000Z"  # 62 s after the call was completed
    assert report["pending"] == 0
    assert {delivery.status for delivery in mock.sandbox().deliveries} == {"exhausted"}


@pytest.mark.parametrize("quiet", [0, 0.001, "1ms", "0.005", 5, "5s", "5000ms"])
@pytest.mark.parametrize("how", [{"by": 0}, {"to": START}, {"until": "idle"}, {"until": {"idle": True}}], ids=repr)
def test_quiet_goes_with_any_form(mock, how, quiet):
    """A duration of real time; where nobody is at work, it costs none."""
    assert mock.advance(**how, quiet=quiet)["quietSeconds"] == 0


def test_next_goes_from_instant_to_instant(mock):
    """Past none of them. When nothing is due any more, time stays where it is, and the report says that nothing is pending."""
    mock.call()

    steps = [mock.advance(until="next") for _ in range(5)]

    assert [(step["to"][14:-5], step["pending"]) for step in steps] == [
        ("30:01", 1),
        ("30:05", 1),
        ("32:05", 0),
        ("32:05", 0),
        ("32:05", 0),
    ]
    assert [event["type"] for event in steps[0]["events"]] == ["calls.ringing"]
    assert steps[3]["events"] == steps[3]["deliveries"] == []


def test_next_is_what_comes_after_all_that_is_due_now(mock):
    """What happens at this instant settles first: the brief call is answered before time moves, and a retry counts."""
    mock.receiver.answer = lambda dispatch: 200 if dispatch.attempt == 2 else 500
    mock.call("+15005550008")

    assert mock.advance(until="next")["to"] == "2026-01-15T10:30:01.000Z"
    assert mock.advance(until="next")["to"] == "2026-01-15T10:30:02.000Z"


def test_next_goes_however_far_it_is(mock):
    """Further than other ways go unless told to."""
    mock.put("/_mockchirp/scenarios/slow", {"created": [{"after": "30d", "do": "ring"}]})
    mock.put("/_mockchirp/scenarios/default", {"scenario": "slow"})
    mock.call()

    assert mock.advance(until="idle")["to"] == "2026-01-22T10:30:00.000Z"
    assert mock.advance(until="next")["to"] == "2026-02-14T10:30:00.000Z"


def test_until_a_condition_shows_what_matched(mock):
    """As `wait` does. A status that the call only passes counts, and what holds already is answered where time stands."""
    steps = {
        "created": [{"after": 1, "do": "ring"}, {"after": 1, "do": "answer"}],
        "answered": [{"after": 1, "do": "hangup"}],
    }
    mock.put("/_mockchirp/scenarios/quick", steps)
    mock.put("/_mockchirp/scenarios/default", {"scenario": "quick"})
    call_id = mock.call()["id"]

    passed = mock.advance(until={"call": call_id, "status": "ringing"})
    assert (passed["to"], passed["matched"]["call"]["status"]) == ("2026-01-15T10:30:01.000Z", "in_progress")
    ended = mock.advance(until={"call": call_id, "status": "completed"})
    assert (ended["to"], ended["matched"]["call"]["duration"]) == ("2026-01-15T10:30:02.000Z", 1)
    again = mock.advance(until={"call": call_id, "status": "completed"})
    assert (again["to"], again["events"], again["matched"]) == (ended["to"], [], ended["matched"])
    assert "matched" not in mock.advance(until="idle")


def test_until_a_recording_is_there(mock):
    """From instant to instant, over its processing."""
    call_id = mock.call("+15005550007")["id"]
    mock.command(call_id, "start_recording")
    mock.advance(until={"event": "recording.started"})
    (recording,) = mock.get(f"/v1/calls/{call_id}/recordings").json()["data"]
    mock.command(call_id, "stop_recording")

    report = mock.advance(until={"recording": recording["id"], "status": "completed"})

    assert report["to"] == "2026-01-15T10:30:07.000Z"
    assert report["matched"]["recording"]["fileUrl"]


def test_what_does_not_come_until_nothing_is_pending_is_408(mock, refused):
    """With the explanation that `wait` gives; what happened on the way has happened."""
    mock.call()

    says = "calls.failed has not happened, and nothing is pending any more: what did happen: calls.initiated, calls.ringing"
    refused(mock.post(ADVANCE, {"until": {"event": "calls.failed"}}), 408, says=says)

    assert mock.get(CLOCK).json()["now"] == "2026-01-15T10:32:05.000Z"
    refused(
        mock.post(ADVANCE, {"until": {"request": {"operation": "endCall"}}}), 408, says="nothing is pending any more"
    )


def test_what_does_not_come_by_the_limit_is_408(mock, refused):
    """Time stands at the limit then."""
    call_id = mock.call()["id"]
    condition = {"call": call_id, "status": "completed"}

    says = f"{call_id} has not become completed within 1m: {call_id} is in_progress"
    said = refused(mock.post(ADVANCE, {"until": condition, "limit": "1m"}), 408, says=says)

    assert said.endswith(f"next: hangup of {call_id} at 2026-01-15T10:32:05.000Z")
    assert mock.get(CLOCK).json()["now"] == "2026-01-15T10:31:00.000Z"


def test_what_can_no_longer_come_ends_an_advance_at_once(mock, refused):
    """At the instant at which that is known, before or on the way."""
    call_id = mock.call("+15005550001")["id"]

    for status in ("in_progress", "ringing"):
        condition = {"until": {"call": call_id, "status": status}}
        refused(
            mock.post(ADVANCE, condition),
            408,
            says=f"{call_id} is busy, from where an outbound call never becomes {status}",
        )

    assert mock.get(CLOCK).json()["now"] == "2026-01-15T10:30:05.000Z"


def test_an_unknown_call_is_not_waited_for(mock, refused):
    """404, and no time passes."""
    nobody = "call_test_38I2wA0MW1eIm6qb4t2TYim1OSb"

    refused(mock.post(ADVANCE, {"until": {"call": nobody, "status": "ringing"}}), 404, param="until.call")

    assert mock.get(CLOCK).json()["now"] == START


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, None),
        ({"by": None}, None),
        ({"limit": "1h"}, None),
        ({"by": "1h", "to": "2026-01-16T00:00:00Z"}, None),
        ({"by": "1h", "until": "idle"}, None),
        ({"by": "1h", "limit": "1h"}, None),
        ({"to": "2026-01-16T00:00:00Z", "limit": "1h"}, None),
        ({"by": -1}, "by"),
        ({"by": "-1s"}, "by"),
        ({"by": "soon"}, "by"),
        ({"by": ""}, "by"),
        ({"by": "1h 30m"}, "by"),
        ({"by": "1y"}, "by"),
        ({"by": "1s\u0000"}, "by"),
        ({"by": "nan"}, "by"),
        ({"by": "inf"}, "by"),
        ({"by": "1e999"}, "by"),
        ({"by": True}, "by"),
        ({"by": ["1h"]}, "by"),
        ({"by": {"h": 1}}, "by"),
        ({"by": 10**18}, "by"),
        ({"by": "36501d"}, "by"),
        ({"by": "200000d"}, "by"),
        ({"by": "9" * 5_000}, "by"),
        ({"to": "2150-01-02T00:00:00Z"}, "to"),
        ({"to": "2000-01-01T00:00:00Z"}, "to"),
        ({"to": "noon"}, "to"),
        ({"to": 1_768_473_000_000}, "to"),
        ({"until": "done"}, "until"),
        ({"until": "Idle"}, "until"),
        ({"until": ["idle"]}, "until"),
        ({"until": {}}, "until"),
        ({"until": {"call": "call_x"}}, "until.status"),
        ({"until": {"call": "call_x", "status": "ringing"}}, "until.call"),
        ({"until": {"event": "calls.complete"}}, "until.event"),
        ({"until": {"request": {"operation": "makeCall"}}}, "until.request.operation"),
        ({"until": {"idle": True, "limit": 1}}, "until.limit"),
        ({"by": "1h", "until": "next"}, None),
        ({"quiet": "25ms"}, None),
        ({"by": 1, "quiet": -1}, "quiet"),
        ({"by": 1, "quiet": "5001ms"}, "quiet"),
        ({"by": 1, "quiet": 6}, "quiet"),
        ({"by": 1, "quiet": "1h"}, "quiet"),
        ({"by": 1, "quiet": True}, "quiet"),
        ({"by": 1, "quiet": 0.0005}, "quiet"),
        ({"by": 1, "quiet": "soon"}, "quiet"),
        ({"until": True}, "until"),
        ({"until": "idle", "limit": "-1s"}, "limit"),
        ({"until": "idle", "limit": "forever"}, "limit"),
        ({"for": "1h"}, "for"),
        ({"by": "1h", "for": "2h"}, "for"),
    ],
    ids=lambda value: repr(value)[:50],
)
def test_an_advance_cannot_go_just_anywhere(mock, refused, body, param):
    """The error names the field, and no time passes."""
    mock.call()
    before = mock.state()

    refused(mock.post(ADVANCE, body), 400, param=param)

    assert mock.state() == before


@pytest.mark.parametrize("value", ["x" * 900_000, "1" * 900_000, "1s" * 450_000 + "x"], ids=["word", "digits", "units"])
@pytest.mark.parametrize(
    ("method", "path", "field"), [("PUT", CLOCK, "now"), ("POST", ADVANCE, "by"), ("POST", ADVANCE, "to")]
)
def test_a_huge_value_is_not_repeated_whole(mock, refused, method, path, field, value):
    """An error is for a person to read (the check of its shape bounds it), and it comes at once."""
    refused(mock.request(method, path, json={field: value}), 400, param=field)


@pytest.mark.parametrize(("method", "path"), BODIES)
def test_a_huge_field_name_is_not_repeated_whole(mock, refused, method, path):
    """Neither in the message nor as the param."""
    answer = mock.request(method, path, json={"x" * 900_000: 1})

    assert answer.status_code == 400
    assert len(answer.content) < 2_000


def test_the_last_instant_can_be_reached(mock):
    """The clock stops there; until then every way to move works."""
    mock.put(CLOCK, {"now": "2149-12-31T23:59:00Z"})

    assert mock.advance(by="30s")["to"] == "2149-12-31T23:59:30.000Z"
    assert mock.advance(until="idle")["to"] == "2149-12-31T23:59:30.000Z"
    assert mock.advance(to="2150-01-01T00:00:00Z")["to"] == "2150-01-01T00:00:00.000Z"


@pytest.mark.parametrize("by", [0, "1s"])
def test_a_running_clock_can_be_advanced_by_any_duration(open_mock, by):
    """The time that passes between the request and the jump counts for nothing, however fast it passes."""
    mock = open_mock(clock_mode="real", clock_rate=1_000_000)

    for _ in range(20):
        mock.advance(by=by)


def test_each_key_has_its_own_clock(mock):
    """And a request without a key means the default one."""
    mock.advance(by="1h", key="sk_test_app_other")

    assert mock.get(CLOCK, key="sk_test_app_other").json()["now"] == "2026-01-15T11:30:00.000Z"
    assert mock.get(CLOCK).json()["now"] == mock.get(CLOCK, key=None).json()["now"] == START


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", CLOCK, None),
        ("PUT", CLOCK, {"rate": 2}),
        ("POST", ADVANCE, {"by": 1}),
        ("GET", "/_mockchirp/events", None),
    ],
)
@pytest.mark.parametrize(
    ("key", "says"), [("", "No API key"), ("x", "Invalid API key"), ("sk_admin_x", "Wrong kind of API key")]
)
def test_a_control_request_with_a_wrong_key_is_refused(mock, refused, method, path, body, key, says):
    """It would otherwise steer a sandbox that nobody looks at."""
    answer = mock.request(method, path, json=body, key=key)

    refused(answer, 401, type="authentication_error", says=says)


@pytest.mark.parametrize(("method", "path"), [*BODIES, ("GET", CLOCK)])
def test_unknown_query_parameters_are_refused(mock, refused, method, path):
    """A typo must not pass in silence."""
    before = mock.state()
    body = {"POST": {"by": "1h"}, "PUT": {"rate": 2}}.get(method)

    refused(mock.request(method, path + "?wait=1s", json=body), 400, param="wait", says="wait")

    assert mock.state() == before
