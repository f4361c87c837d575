"""Waiting: the answer is held until a condition is true."""

import asyncio

import httpx2
import pytest

from mockchirp.app import create_app
from mockchirp.control.conditions import MOST_LOOKED_AT, Wait
from mockchirp.core.deliveries import Outcome
from mockchirp.sending.sender import Sender
from mockchirp.settings import Settings

WAIT = "/_mockchirp/wait"
ADVANCE = "/_mockchirp/clock/advance"
NOBODY = "call_test_38I2wA0MW1eIm6qb4t2TYim1OSb"
NOTHING = "call_rec_test_38I2wA0MW1eIm6qb4t2TYim1OSb"


@pytest.fixture
def slow(open_mock):
    """A mock whose clock runs, but so slowly that only an advance brings anything about."""
    return open_mock(clock_mode="real", clock_rate=1e-6, clock_start="2026-01-15T10:30:00Z")


def wait(mock, condition, timeout=5, **options):
    return mock.post(WAIT, {"for": condition, "timeout": timeout}, **options)


def matched(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()


def advance(**how):
    return ("POST", ADVANCE, how)


def recorded(mock):
    """A call that is being recorded; the ids of both."""
    call_id = mock.call()["id"]
    mock.advance(by=10)
    mock.command(call_id, "start_recording", format="ogg")
    return call_id, mock.get(f"/v1/calls/{call_id}/recordings").json()["data"][0]["id"]


def test_what_is_true_already_is_answered_at_once(mock):
    """With what matched, under the name of its kind; no time is needed."""
    call_id, recording_id = recorded(mock)

    call = matched(wait(mock, {"call": call_id, "status": "in_progress"}, 0))
    assert call == {"call": {key: value for key, value in see(mock, call_id).items() if key != "history"}}
    recording = matched(wait(mock, {"recording": recording_id, "status": "recording"}, 0))
    assert recording["recording"]["id"] == recording_id
    events = matched(wait(mock, {"event": "calls.participant.joined", "callId": call_id, "count": 2}, 0))
    assert events == {"events": mock.events(type="calls.participant.joined")}
    delivery = matched(wait(mock, {"delivery": {"event": "calls.ringing", "status": "delivered"}}, 0))
    assert delivery["delivery"] == mock.get("/_mockchirp/deliveries?event=calls.ringing").json()["data"][0]
    requests = matched(wait(mock, {"request": {"operation": "sendCallCommand"}}, 0))
    assert requests == {"requests": mock.get("/_mockchirp/requests?operation=sendCallCommand").json()["data"]}
    mock.advance(until="idle")
    assert matched(wait(mock, {"idle": True}, 0)) == {"idle": True}


def see(mock, call_id):
    return mock.get(f"/_mockchirp/calls/{call_id}").json()


@pytest.mark.parametrize("status", ["ringing", "in_progress", "completed"])
def test_a_call_comes_into_a_status(slow, status):
    """As soon as it does, even if it goes on at once: what is waited for is not missed."""
    call_id = slow.call()["id"]

    call = matched(slow.during(("POST", WAIT, {"for": {"call": call_id, "status": status}}), advance(by="5m")))["call"]

    assert call["id"] == call_id
    assert see(slow, call_id)["status"] == "completed"


def test_a_status_that_is_passed_in_one_step_counts(slow):
    """The call is shown as it is now."""
    call_id = slow.call()["id"]
    jump = ("PUT", "/_mockchirp/clock", {"now": "2026-01-15T11:00:00Z"})

    answer = slow.during(("POST", WAIT, {"for": {"call": call_id, "status": "ringing"}}), jump)

    assert matched(answer)["call"]["status"] == "completed"


@pytest.mark.parametrize("status", ["processing", "completed"])
def test_a_recording_comes_into_a_status(slow, status):
    """From recording through processing to its end."""
    call_id, recording_id = recorded(slow)
    stop = ("POST", f"/v1/calls/{call_id}/commands", {"type": "stop_recording"})

    held = ("POST", WAIT, {"for": {"recording": recording_id, "status": status}})
    answer = slow.during(held, stop, advance(by=2))

    assert matched(answer)["recording"]["id"] == recording_id


def test_an_event_happens_so_many_times(slow):
    """Those before the wait count as well."""
    slow.call()
    place = ("POST", "/v1/calls", {"from": "+15551234567", "to": "+15559876543"})

    answer = slow.during(("POST", WAIT, {"for": {"event": "calls.initiated", "count": 3}}), place, place)

    assert matched(answer)["events"] == slow.events(type="calls.initiated")
    assert len(matched(answer)["events"]) == 3


@pytest.mark.parametrize(("status", "wanted"), [(200, "delivered"), (503, "exhausted")])
def test_a_delivery_comes_to_its_end(slow, receiver, status, wanted):
    """Delivered, or given up after the last retry."""
    call_id = slow.call()["id"]
    receiver.answer = lambda dispatch: status
    condition = {"delivery": {"event": "calls.ringing", "callId": call_id, "status": wanted}}

    delivery = matched(slow.during(("POST", WAIT, {"for": condition}), advance(by="5m")))["delivery"]

    assert (delivery["event"], delivery["callId"], delivery["status"]) == ("calls.ringing", call_id, wanted)
    assert len(delivery["attempts"]) == (1 if wanted == "delivered" else 6)


def test_a_request_comes(mock):
    """On a frozen clock as well: requests do not depend on it."""
    call_id = mock.call()["id"]
    get = ("GET", f"/v1/calls/{call_id}", None)

    answer = mock.during(("POST", WAIT, {"for": {"request": {"path": "/v1/calls/*"}, "count": 2}}), get, get)

    assert [request["operation"] for request in matched(answer)["requests"]] == ["getCall", "getCall"]


def test_the_sandbox_becomes_idle(slow):
    """When nothing is scheduled and nothing under way."""
    slow.call()
    assert matched(slow.during(("POST", WAIT, {"for": {"idle": True}}), advance(until="idle"))) == {"idle": True}


@pytest.mark.parametrize(
    ("command", "condition"),
    [
        ("answer", {"status": "in_progress"}),
        ("send_to_voicemail", {"status": "voicemail"}),
        ("reject", {"status": "busy"}),
        ("answer", {"event": "calls.answered"}),
        ("hangup", {"event": "call.command"}),
    ],
)
def test_what_the_app_decides_is_waited_for_on_a_frozen_clock(mock, command, condition):
    """An inbound call waits for the app, which needs no time of the clock."""
    call_id = mock.post("/_mockchirp/calls").json()["id"]
    mock.advance(by=0)
    condition = {"call" if "status" in condition else "callId": call_id, **condition}

    decide = ("POST", f"/v1/calls/{call_id}/commands", {"type": command})
    assert mock.during(("POST", WAIT, {"for": condition}), decide).status_code == 200


def test_real_time_brings_it_about(open_mock):
    """Nobody has to do anything, and the background does not have to be told."""
    mock = open_mock(clock_mode="real", clock_rate=1000)
    call_id = mock.call()["id"]

    assert matched(wait(mock, {"call": call_id, "status": "completed"}))["call"]["duration"] == 120


def test_a_wait_sends_the_webhooks_that_are_due(open_mock, receiver):
    """What falls due as it comes in does not wait with it."""
    mock = open_mock(clock_mode="real", clock_rate=1_000_000)
    mock.call()

    matched(wait(mock, {"delivery": {"event": "calls.completed", "status": "delivered"}}))

    assert len(receiver.got) == 8


def test_when_the_time_is_up_it_says_what_did_happen(slow, refused):
    """What there is to wait for, what came instead, what comes nearest, and what is next."""
    call_id, recording_id = recorded(slow)
    other = slow.call()["id"]
    slow.advance(by=0)

    def missed(condition):
        return refused(wait(slow, condition, 0.01), 408)

    story = f"{call_id} is in_progress; what did happen: calls.initiated, calls.ringing, calls.answered"
    next_step = f"next: hangup of {call_id} at 2026-01-15T10:32:05.000Z"
    said = missed({"call": call_id, "status": "completed"})
    assert said.startswith(f"{call_id} has not become completed within 10ms: {story}")
    assert said.endswith(next_step)
    said = missed({"recording": recording_id, "status": "completed"})
    assert said.startswith(f"{recording_id} has not become completed within 10ms: {recording_id} is recording; {story}")
    said = missed({"event": "calls.ringing", "callId": other})
    assert said.startswith(f"calls.ringing has not happened for {other} within 10ms: {other} is initiated; what did")
    assert said.endswith(f"it has happened for {call_id}")
    said = missed({"event": "calls.initiated", "count": 5})
    assert said.startswith(
        "calls.initiated has happened 2 of 5 times within 10ms: what did happen: calls.initiated ×2, "
    )
    said = missed({"request": {"operation": "endCall"}})
    assert said.startswith("none of 1 requests with operation endCall came within 10ms: what did come, newest first: ")
    assert "POST /v1/calls (201)" in said
    said = missed({"idle": True})
    assert said.startswith("the sandbox is not idle: 3 scheduled, 0 deliveries under way within 10ms: next: ring of")


def test_deliveries_that_come_near_are_named(slow, receiver, refused):
    """With their last failure and the next attempt, or why there is none at all."""
    receiver.answer = lambda dispatch: 500
    slow.call()
    slow.advance(by=3)

    def missed(**sought):
        return refused(wait(slow, {"delivery": {"status": "delivered", **sought}}, 0.01), 408)

    near = "dlv_1 of calls.initiated is pending (attempt 2: answered 500); next: attempt delivery of dlv_1 at 2026-01-15T10:30:06"
    assert near in missed(event="calls.initiated")
    assert "there is no such delivery yet" in missed(event="calls.failed")
    webhook = slow.get("/v1/webhooks").json()["data"][0]
    slow.put(f"/v1/webhooks/{webhook['id']}", {"events": ["calls.completed"]})
    assert "no webhook is told of calls.failed" in missed(event="calls.failed")
    slow.delete(f"/v1/webhooks/{webhook['id']}")
    assert "there is no webhook" in missed(event="calls.failed")


@pytest.mark.parametrize(
    "condition",
    [
        {"call": None, "status": "ringing"},
        {"event": "calls.completed"},
        {"event": "calls.answered", "callId": None},
        {"delivery": {"status": "exhausted"}},
        {"delivery": {"status": "delivered", "event": "calls.ringing"}},
        {"idle": True},
    ],
    ids=repr,
)
def test_on_a_frozen_clock_it_says_so_at_once(mock, refused, condition):
    """What cannot come is not waited for; the message says when the next thing is due and how to get there."""
    call_id = mock.call()["id"]
    mock.advance(by=0)

    answer = wait(mock, {key: call_id if value is None else value for key, value in condition.items()}, 60)

    said = refused(answer, 408, says="time stands still: the clock is frozen at 2026-01-15T10:30:00.000Z")
    assert "POST /_mockchirp/clock/advance" in said


class Gate(Sender):
    """Holds every attempt until it is opened."""

    def __init__(self):
        self.open = asyncio.Event()
        self.reached = asyncio.Event()

    async def send(self, dispatch):
        self.reached.set()
        await self.open.wait()
        return Outcome(200, None)

    async def close(self):
        pass


@pytest.mark.anyio
async def test_on_a_frozen_clock_what_is_in_flight_is_waited_for(refused):
    """Until it has come back; then there is nothing left to wait for."""
    gate = Gate()
    app = create_app(Settings(clock_mode="frozen", webhook_url="http://app.test/hooks"), sender=gate)
    transport = httpx2.ASGITransport(app)
    async with asyncio.timeout(5), httpx2.AsyncClient(transport=transport, base_url="http://mock.test") as client:
        waits = app.runtime.sandbox_of("sk_test_app_local").waits
        await client.post("/_mockchirp/calls")
        held = [
            asyncio.ensure_future(client.post(WAIT, json={"for": {"delivery": {"status": status}}}))
            for status in ("delivered", "exhausted")
        ]
        await gate.reached.wait()
        while len(waits) < 2:
            await asyncio.sleep(0)
        gate.open.set()
        delivered, exhausted = await asyncio.gather(*held)
    assert delivered.status_code == 200
    refused(exhausted, 408, says="dlv_1 of calls.initiated is delivered (attempt 1: delivered)")
    await app.close()


def test_no_more_than_a_few_fields_of_what_is_no_condition_are_compared(mock, refused):
    """With the kinds that there are: thousands of them would hold up everybody."""
    near = {f"evnt{number}": 1 for number in range(MOST_LOOKED_AT)}

    few = wait(mock, {f"x{number}": 1 for number in range(MOST_LOOKED_AT)} | near)
    first = wait(mock, near | {f"x{number}": 1 for number in range(MOST_LOOKED_AT)})

    assert "did you mean" not in refused(few, 400, param="for")
    assert "did you mean event?" in refused(first, 400, param="for")


def test_what_can_no_longer_come_is_said_at_once(mock, refused):
    """Statuses follow from the tables: a call that has ended goes nowhere, an inbound one never rings."""
    call_id, recording_id = recorded(mock)
    inbound = mock.post("/_mockchirp/calls").json()["id"]
    mock.delete(f"/v1/calls/{call_id}")

    for condition, says in [
        (
            {"call": call_id, "status": "busy"},
            f"{call_id} is completed, from where an outbound call never becomes busy",
        ),
        ({"call": call_id, "status": "ringing"}, "what did happen: calls.initiated, calls.ringing, calls.answered"),
        ({"call": inbound, "status": "ringing"}, "from where an inbound call never becomes ringing"),
        ({"event": "calls.failed", "callId": call_id}, f"calls.failed can't happen any more for {call_id}"),
        ({"recording": recording_id, "status": "recording"}, "from where a recording never becomes recording"),
    ]:
        refused(wait(mock, condition, 60), 408, says=says)


def test_waiting_ends_when_it_can_no_longer_come(slow, refused):
    """Not only before it begins."""
    call_id = slow.call()["id"]
    end = ("DELETE", f"/v1/calls/{call_id}", None)

    answer = slow.during(("POST", WAIT, {"for": {"call": call_id, "status": "in_progress"}}), end)

    refused(answer, 408, says=f"{call_id} is canceled")


def test_a_deleted_recording_is_not_waited_for(slow, refused):
    """It has become nothing at all."""
    call_id, recording_id = recorded(slow)
    slow.command(call_id, "stop_recording")
    delete = ("DELETE", f"/v1/calls/recordings/{recording_id}", None)

    answer = slow.during(("POST", WAIT, {"for": {"recording": recording_id, "status": "completed"}}), delete)

    refused(answer, 408, says=f"{recording_id} was deleted")


@pytest.mark.parametrize(
    ("condition", "status", "param", "says"),
    [
        (None, 400, "for", "is an object with one of call, recording, event, delivery, request, idle"),
        ("calls.completed", 400, "for", "is an object"),
        ([], 400, "for", "is an object"),
        ({}, 400, "for", "is an object"),
        ({"status": "completed"}, 400, "for", "is an object"),
        ({"call": NOBODY}, 400, "for.status", "is required"),
        ({"call": NOBODY, "status": "complete"}, 400, "for.status", "'completed'"),
        ({"call": NOBODY, "status": "completed"}, 404, "for.call", "No such call"),
        ({"call": "nobody", "status": "completed"}, 400, "for.call", "is not a call id"),
        ({"call": 1, "status": "completed"}, 400, "for.call", "string"),
        ({"call": NOBODY, "status": "completed", "count": 2}, 400, "for.count", "not a known field"),
        ({"call": NOBODY, "status": "completed", "idle": True}, 400, "for.idle", "not a known field"),
        ({"recording": NOTHING, "status": "done"}, 400, "for.status", "'processing'"),
        ({"recording": NOTHING, "status": "completed"}, 404, "for.recording", "No such recording"),
        ({"event": "calls.complete"}, 400, "for.event", "calls.completed"),
        ({"event": "calls.completed", "callId": NOBODY}, 404, "for.callId", "No such call"),
        ({"event": "calls.completed", "count": 0}, 400, "for.count", "greater"),
        ({"event": "calls.completed", "count": "1"}, 400, "for.count", "integer"),
        ({"delivery": {}}, 400, "for.delivery.status", "is required"),
        ({"delivery": {"status": "pending"}}, 400, "for.delivery.status", "'exhausted'"),
        ({"delivery": {"status": "delivered", "event": "call.command"}}, 400, "for.delivery.event", "calls.completed"),
        ({"delivery": {"status": "delivered", "callId": NOBODY}}, 404, "for.delivery.callId", "No such call"),
        ({"request": {"operation": "makeCall"}}, 400, "for.request.operation", "createCall"),
        ({"request": {"method": "GET"}}, 400, "for.request.method", "not a known field"),
        ({"idle": False}, 400, "for.idle", "should be true"),
    ],
    ids=repr,
)
def test_a_condition_that_makes_no_sense_is_refused(mock, refused, condition, status, param, says):
    """At once, naming the field and what is known; nothing is waited for."""
    refused(wait(mock, condition, 60), status, param=param, says=says)


@pytest.mark.parametrize("timeout", [61, "61s", "2m", -1, "soon", True, None, [5]], ids=repr)
def test_a_timeout_that_makes_no_sense_is_refused(mock, refused, timeout):
    """It is a duration of at most a minute."""
    refused(wait(mock, {"idle": True}, timeout), 400, param="timeout")


def test_a_wait_lasts_four_seconds_unless_told_otherwise():
    """Many clients give up after five: the explanation comes before that."""
    assert Wait.model_validate({"for": {"idle": True}}).timeout == 4_000


@pytest.mark.parametrize("timeout", [0, 0.01, "10ms", "0.01s", 60, "60s", "1m"], ids=repr)
def test_a_timeout_is_a_duration(mock, timeout):
    """Seconds, or a string."""
    assert wait(mock, {"idle": True}, timeout).status_code == 200


def test_an_unknown_field_beside_the_condition_is_refused(mock, refused):
    """A typo does not pass in silence."""
    refused(mock.post(WAIT, {"for": {"idle": True}, "timeOut": 5}), 400, param="timeOut")
    refused(mock.post(WAIT, {"timeout": 5}), 400, param="for")


def test_without_a_journal_requests_are_not_waited_for(open_mock, refused):
    """They would never be seen."""
    refused(wait(open_mock(journal_size=0), {"request": {}}, 60), 408, says="journal_size is 0")


def test_only_so_many_requests_wait_in_a_sandbox(open_mock):
    """One more is 409, in words; what is true already needs no place."""
    mock = open_mock(max_waits=1, clock_mode="real")
    there = ("POST", WAIT, {"for": {"request": {"operation": "getCall"}}})
    call_id = mock.call()["id"]

    async def story(client):
        held = asyncio.ensure_future(client.request(there[0], there[1], json=there[2]))
        while not mock.app.runtime.sandbox_of("sk_test_app_local").waits:
            await asyncio.sleep(0)
        refusals = [
            await client.request(there[0], there[1], json=there[2]),
            await client.get("/_mockchirp/events?after=99&wait=5"),
        ]
        true_already = await client.post(WAIT, json={"for": {"event": "calls.initiated"}})
        await client.get(f"/v1/calls/{call_id}", headers={"Authorization": "Bearer sk_test_app_local"})
        return refusals, true_already, await held

    refusals, true_already, held = mock.together(story)
    assert [answer.status_code for answer in refusals] == [409, 409]
    assert "1 requests wait in this sandbox already" in refusals[0].text
    assert (true_already.status_code, held.status_code) == (200, 200)


def test_a_reset_ends_the_waits(mock, refused):
    """What was waited for is gone; afterwards one may wait again."""
    held = ("POST", WAIT, {"for": {"request": {}}})

    refused(mock.during(held, ("POST", "/_mockchirp/reset", None)), 409, says="the sandbox was reset")

    place = ("POST", "/v1/calls", {"from": "+15551234567", "to": "+15559876543"})
    assert mock.during(held, place).status_code == 200


def test_removing_a_sandbox_ends_its_waits(mock):
    """Those who wait are told."""
    live = mock.app.runtime.sandbox_of("sk_test_app_local")

    async def story(client):
        held = asyncio.ensure_future(client.post(WAIT, json={"for": {"request": {}}}))
        while not live.waits:
            await asyncio.sleep(0)
        await mock.app.runtime.remove(live)
        return await held

    answer = mock.together(story)
    assert answer.status_code == 409
    assert "the sandbox was removed" in answer.json()["error"]["message"]


def test_a_client_that_hangs_up_stops_its_wait(mock):
    """Nothing of it is left."""
    live = mock.app.runtime.sandbox_of("sk_test_app_local")
    body = b'{"for": {"request": {}}, "timeout": 60}'
    sent = []

    async def story(client):
        gone = asyncio.Event()
        messages = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive():
            if messages:
                return messages.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": WAIT,
            "query_string": b"",
            "headers": [(b"content-type", b"application/json")],
        }
        held = asyncio.ensure_future(mock.app(scope, receive, send))
        while not live.waits:
            await asyncio.sleep(0)
        gone.set()
        await held

    mock.together(story)
    assert sent == []
    assert len(live.waits) == 0
