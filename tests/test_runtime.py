"""The async shell: deliveries settle, order does not leak, nobody waits for anybody, and state outlives event loops."""

import asyncio
import json
import threading
from contextlib import asynccontextmanager
from itertools import permutations
from random import Random

import httpx2
import pytest

from mockchirp.app import create_app
from mockchirp.clock import real_seconds
from mockchirp.core.deliveries import Outcome
from mockchirp.core.instants import HOUR, parse_instant
from mockchirp.sending.sender import Sender
from mockchirp.settings import Settings

pytestmark = pytest.mark.anyio

KEY = "sk_test_app_local"
HOOK = "http://app.test/hooks"
OTHER = "http://other.test/hooks"
CALL = {"from": "+15551234567", "to": "+15559876543"}
ADVANCE = "/_mockchirp/clock/advance"
GUARD = 5
"""Real seconds after which something that should happen at once counts as never."""


async def turns(count=10):
    """Let the event loop go round, so that whatever can happen without a further answer has happened."""
    for _ in range(count):
        await asyncio.sleep(0)


def event_of(dispatch):
    return json.loads(dispatch.body)["event"]


class Gate(Sender):
    """Holds every attempt open until the test says what came of it."""

    def __init__(self):
        self.started = []
        self.cancelled = []
        self._answers = {}
        self._news = asyncio.Condition()

    async def send(self, dispatch):
        answer = self._answers[id(dispatch)] = asyncio.get_running_loop().create_future()
        async with self._news:
            self.started.append(dispatch)
            self._news.notify_all()
        try:
            status = await answer
        except asyncio.CancelledError:
            self.cancelled.append(dispatch)
            raise
        return Outcome(status, None if status == 200 else f"answered {status}")

    def answer(self, dispatch, status=200):
        self._answers[id(dispatch)].set_result(status)

    async def holds(self, count):
        """Wait until ``count`` attempts have been started in all; those that are held now."""
        async with asyncio.timeout(GUARD), self._news:
            await self._news.wait_for(lambda: len(self.started) >= count)
        return [dispatch for dispatch in self.started if not self._answers[id(dispatch)].done()]


class Shuffler(Sender):
    """Answers what is held at one time in an order, and after a number of turns of the event loop, drawn from a seed.

    What it answers depends on the attempt alone, not on the order.
    """

    def __init__(self, seed):
        self._random = Random(seed)
        self._held = []

    async def send(self, dispatch):
        turn = asyncio.get_running_loop().create_future()
        self._held.append(turn)
        if len(self._held) == 1:
            asyncio.get_running_loop().call_soon(self._let_go, self._random.randrange(4))
        await turn
        failed = (
            hash((dispatch.attempt, dispatch.delivery_id[-1] in "13579", event_of(dispatch) == "calls.ringing")) % 3
            == 0
        )
        return Outcome(503, "answered 503", elapsed=self._random.random()) if failed else Outcome(200, None)

    def _let_go(self, turns):
        if turns:
            asyncio.get_running_loop().call_soon(self._let_go, turns - 1)
            return
        held, self._held = self._held, []
        self._random.shuffle(held)
        kept = self._random.randrange(len(held))
        for turn in held[kept:]:
            turn.set_result(None)
        if kept:
            self._held = held[:kept]
            asyncio.get_running_loop().call_soon(self._let_go, self._random.randrange(4))


class Answering(Sender):
    """Hands every attempt to the test's own coroutine, which returns the status."""

    def __init__(self, respond):
        self._respond = respond
        self.got = []

    async def send(self, dispatch):
        self.got.append(dispatch)
        status = await self._respond(dispatch)
        return Outcome(status, None if status == 200 else f"answered {status}")


@asynccontextmanager
async def running(sender, real=real_seconds, **settings):
    """An application with this sender on this real time, and a client of it; closed at the end."""
    usual = {"clock_mode": "frozen", "webhook_url": HOOK, "advance_quiet": "0"}
    app = create_app(Settings(**{**usual, **settings}), sender=sender, real=real)
    transport = httpx2.ASGITransport(app)
    headers = {"Authorization": f"Bearer {KEY}"}
    try:
        async with httpx2.AsyncClient(transport=transport, base_url="http://mock", headers=headers) as client:
            yield app, client
    finally:
        await app.close()


async def place(client, to=CALL["to"]):
    answer = await client.post("/v1/calls", json={**CALL, "to": to})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def advance(client, **how):
    answer = await client.post(ADVANCE, json=how)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def respond_at_once(dispatch):
    return 200


def deliveries_of(app, key=KEY):
    return list(app.runtime.sandbox_of(key).sandbox.deliveries)


# Settling


async def test_an_advance_waits_for_what_others_have_started():
    """A webhook that a request before it has sent is in flight: its outcome comes before time moves."""
    gate = Gate()
    async with running(gate) as (app, client):
        await place(client)
        (first,) = await gate.holds(1)

        jump = asyncio.create_task(advance(client, by="1s"))
        await turns()
        assert not jump.done()
        assert app.runtime.sandbox_of(KEY).sandbox.timeline.next_due() is not None
        assert len(gate.started) == 1, "time has not moved on: nothing rings yet"

        gate.answer(first)
        (second,) = await gate.holds(2)
        assert event_of(second) == "calls.ringing"
        gate.answer(second)
        async with asyncio.timeout(GUARD):
            report = await jump
        assert report["to"] == "2026-01-15T10:30:01.000Z"


async def test_an_advance_settles_at_every_instant():
    """The webhooks of one instant are answered before those of the next are sent, and retries come in between."""
    gate = Gate()
    async with running(gate) as (_, client):
        await place(client, "+15005550001")
        jump = asyncio.create_task(advance(client, until="idle"))
        instants = []
        for count in range(1, 6):
            held = await gate.holds(count)
            assert len(held) == 1
            body = json.loads(held[0].body)
            instants.append((body["event"], body["timestamp"][17:-1], held[0].attempt))
            gate.answer(held[0], 500 if body["event"] == "calls.ringing" and held[0].attempt < 3 else 200)
        async with asyncio.timeout(GUARD):
            report = await jump

    assert instants == [
        ("calls.initiated", "00.000", 1),
        ("calls.ringing", "01.000", 1),
        ("calls.ringing", "01.000", 2),  # at 3 s
        ("calls.failed", "05.000", 1),
        ("calls.ringing", "01.000", 3),  # at 7 s
    ]
    assert report["to"] == "2026-01-15T10:30:07.000Z"
    assert [delivery["at"][17:-1] for delivery in report["deliveries"]][-4:] == ["01.000", "03.000", "05.000", "07.000"]


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
async def test_outcomes_are_recorded_in_the_order_of_sending(order):
    """In whatever order the answers come: the report, the retries and all that follows are the same."""
    gate = Gate()
    urls = [f"http://app.test/{name}" for name in "abc"]
    async with running(gate, webhook_url=None) as (app, client):
        for url in urls:
            app.runtime.sandbox_of(KEY).sandbox.notifier.add(url, ["calls.answered"], {})
        await place(client)
        jump = asyncio.create_task(advance(client, by="5s"))
        batch = await gate.holds(3)
        for place_in_batch in order:
            gate.answer(batch[place_in_batch], 500 if place_in_batch < 2 else 200)
            await turns()
        async with asyncio.timeout(GUARD):
            report = await jump

        attempts = [(delivery["url"], delivery["outcome"]) for delivery in report["deliveries"]]
        assert attempts == [(urls[0], "failed"), (urls[1], "failed"), (urls[2], "delivered")]
        jump = asyncio.create_task(advance(client, by="2s"))
        retries = await gate.holds(5)
        assert [dispatch.url for dispatch in retries] == urls[:2]
        for dispatch in retries:
            gate.answer(dispatch)
        async with asyncio.timeout(GUARD):
            await jump


async def story(seed):
    """Two webhooks, several calls, commands in between; everything that can be seen of it."""
    seen = []
    random = Random(seed)
    async with running(Shuffler(seed)) as (app, client):
        sandbox = app.runtime.sandbox_of(KEY).sandbox
        sandbox.notifier.add(OTHER, ["calls.answered", "calls.completed", "calls.recording.completed"], {})

        async def request(method, path, body=None):
            answer = await client.request(method, path, json=body)
            assert answer.is_success, answer.text
            seen.append(answer.content)
            await turns(random.randrange(8))
            return answer.json()

        ids = [(await request("POST", "/v1/calls", {**CALL, "to": to}))["id"] for to in (CALL["to"], "+15005550004")]
        await request("POST", f"/v1/calls/{ids[0]}/commands", {"type": "start_recording"})
        await request("POST", ADVANCE, {"by": "5s"})
        await request("POST", f"/v1/calls/{ids[0]}/commands", {"type": "transfer", "to": "+15557654321"})
        ids.append((await request("POST", "/v1/calls", {**CALL, "to": "+15005550008"}))["id"])
        await request("POST", ADVANCE, {"by": "31s"})
        await request("POST", f"/v1/calls/{ids[0]}/commands", {"type": "hangup"})
        await request("POST", ADVANCE, {"to": "2026-01-15T10:31:00Z"})
        await request("POST", ADVANCE, {"until": "idle"})
        await request("GET", "/_mockchirp/events")
        seen += [
            repr((delivery.id, delivery.event_id, delivery.status, len(delivery.attempts)))
            for delivery in sandbox.deliveries
        ]
        seen += [
            repr([(attempt.at, attempt.next_attempt_at) for attempt in delivery.attempts])
            for delivery in sandbox.deliveries
        ]
    return seen


async def test_the_same_commands_make_the_same_history_however_the_answers_are_timed():
    """Every answer, report, id and event, byte for byte, in 25 runs that differ in the receivers' order and timing alone."""
    async with asyncio.timeout(4 * GUARD):
        histories = [await story(seed) for seed in range(25)]

    assert all(history == histories[0] for history in histories)


async def test_an_advance_reports_the_attempts_that_it_sent_itself():
    """An attempt from before may have been answered or not when it begins: that must not show."""
    reports = []
    for is_quick in (True, False):
        gate = Gate()
        async with running(gate) as (_, client):
            await place(client)
            (initiated,) = await gate.holds(1)
            if is_quick:
                gate.answer(initiated)
                await turns()
            jump = asyncio.create_task(advance(client, by=0))
            await turns()
            if not is_quick:
                gate.answer(initiated)
            async with asyncio.timeout(GUARD):
                reports.append(await jump)

    assert reports[0] == reports[1]


# Receivers that call back


async def test_a_receiver_may_look_at_the_call_while_it_is_told_of_it():
    """Nothing is locked; it sees the state of the moment, which is the event's own."""
    seen = []

    async def look(dispatch):
        body = json.loads(dispatch.body)
        answer = await client.get(f"/v1/calls/{body['data']['call']['id']}")
        seen.append((body["event"], answer.json()["status"]))
        return 200

    async with running(Answering(look)) as (_, client), asyncio.timeout(GUARD):
        await place(client, "+15005550001")
        await advance(client, until="idle")

    assert seen == [("calls.initiated", "initiated"), ("calls.ringing", "ringing"), ("calls.failed", "busy")]


async def test_a_receiver_may_command_the_call_while_it_is_told_of_it():
    """The command happens at the instant of the event, and its own webhooks settle in the same advance."""

    async def hang_up_when_answered(dispatch):
        body = json.loads(dispatch.body)
        if body["event"] == "calls.answered":
            answer = await client.post(f"/v1/calls/{body['data']['call']['id']}/commands", json={"type": "hangup"})
            assert answer.json()["status"] == "accepted"
        return 200

    async with running(Answering(hang_up_when_answered)) as (app, client), asyncio.timeout(GUARD):
        call_id = await place(client)
        report = await advance(client, until="idle")
        call = (await client.get(f"/v1/calls/{call_id}")).json()

        assert (call["status"], call["endedAt"]) == ("completed", "2026-01-15T10:30:05Z")
        assert report["to"] == "2026-01-15T10:30:05.000Z"
        assert {delivery.status for delivery in deliveries_of(app)} == {"delivered"}
        assert report["deliveries"][-1]["event"] == "calls.completed"


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
async def test_what_a_receiver_commands_is_reported_in_the_order_of_sending(order):
    """The webhooks of its command are sent while its own is still open; the order of their answers must not show."""
    gate = Gate()
    async with running(gate, webhook_url=None) as (app, client):
        notifier = app.runtime.sandbox_of(KEY).sandbox.notifier
        notifier.add(HOOK, ["calls.answered"], {})
        for name in "abc":
            notifier.add(f"http://app.test/{name}", ["calls.completed"], {})
        call_id = await place(client, "+15005550007")
        jump = asyncio.create_task(advance(client, by="5s"))
        (answered,) = await gate.holds(1)
        assert (await client.delete(f"/v1/calls/{call_id}")).status_code == 200
        batch = (await gate.holds(4))[1:]
        for place_in_batch in order[:2]:
            gate.answer(batch[place_in_batch])
            await turns()
        gate.answer(answered)
        await turns()
        gate.answer(batch[order[2]])
        async with asyncio.timeout(GUARD):
            report = await jump

    assert [delivery["id"] for delivery in report["deliveries"]] == [f"dlv_{number}" for number in range(1, 5)]


async def test_a_nested_advance_is_refused(refused):
    """And so is a change of the clock: one thing at a time moves time. The advance goes on unharmed."""
    answers = []

    async def move_time(dispatch):
        answers.append(await client.post(ADVANCE, json={"by": "1h"}))
        answers.append(await client.put("/_mockchirp/clock", json={"now": "2027-01-01T00:00:00Z"}))
        answers.append(await client.put("/_mockchirp/clock", json={"mode": "real"}))
        return 200

    async with running(Answering(move_time)) as (_, client), asyncio.timeout(GUARD):
        await place(client)
        report = await advance(client, by="3s")

        assert report["to"] == "2026-01-15T10:30:03.000Z"
        assert (await client.get("/_mockchirp/clock")).json()["mode"] == "frozen"

    during = answers[3:]
    assert len(during) == 3
    for answer in during:
        refused(answer, 409, says="under way")


async def test_a_second_advance_at_the_same_time_is_refused(refused):
    """One at a time for each sandbox; another sandbox has its own."""
    gate = Gate()
    async with running(gate) as (_, client):
        await place(client)
        (initiated,) = await gate.holds(1)
        first = asyncio.create_task(advance(client, by="1ms"))
        await asyncio.sleep(0)

        second = await client.post(ADVANCE, json={"by": "1s"})
        other = await client.post(ADVANCE, json={"by": "1s"}, headers={"Authorization": "Bearer sk_test_app_other"})

        refused(second, 409, says="under way")
        assert other.status_code == 200
        gate.answer(initiated)
        async with asyncio.timeout(GUARD):
            assert (await first)["to"] == "2026-01-15T10:30:00.001Z"
            assert (await advance(client, by="1ms"))["to"] == "2026-01-15T10:30:00.002Z"


async def test_an_advance_that_is_broken_off_loses_nothing():
    """The client gave up: what was answered meanwhile counts, the clock goes on, and the next advance works."""
    gate = Gate()
    async with running(gate) as (app, client):
        app.runtime.sandbox_of(KEY).sandbox.notifier.add(OTHER, ["calls.initiated"], {})
        await place(client)
        quick, slow = await gate.holds(2)
        jump = asyncio.create_task(advance(client, by="1h"))
        await turns()
        gate.answer(quick)
        await turns()

        jump.cancel()
        with pytest.raises(asyncio.CancelledError):
            await jump
        gate.answer(slow)
        await turns()

        assert [delivery.status for delivery in deliveries_of(app)] == ["delivered", "delivered"]
        assert (await client.get("/_mockchirp/clock")).json()["now"] == "2026-01-15T10:30:00.000Z"
        assert (await advance(client, by=0))["to"] == "2026-01-15T10:30:00.000Z"


async def test_an_advance_whose_client_goes_away_stops_where_it_is():
    """Nobody is left to read its report; what it had sent counts, and time may be advanced again at once."""
    gate = Gate()
    async with running(gate) as (app, client):
        await place(client)
        (initiated,) = await gate.holds(1)
        gone, sent = asyncio.Event(), []
        messages = [{"type": "http.request", "body": b'{"by": "1h"}'}]

        async def receive():
            if messages:
                return messages.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        headers = [(b"authorization", f"Bearer {KEY}".encode()), (b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": ADVANCE, "query_string": b"", "headers": headers}
        jump = asyncio.create_task(app(scope, receive, send))
        await turns()
        gone.set()
        async with asyncio.timeout(GUARD):
            await jump

        assert sent == []
        again = asyncio.create_task(advance(client, by="1s"))
        gate.answer(initiated)
        gate.answer((await gate.holds(2))[0])
        async with asyncio.timeout(GUARD):
            report = await again
        assert (report["from"], report["to"]) == ("2026-01-15T10:30:00.000Z", "2026-01-15T10:30:01.000Z")
        assert [delivery.status for delivery in deliveries_of(app)] == ["delivered"] * 2


async def test_an_advance_for_a_caller_that_repeats_its_request_comes_to_its_end():
    """Some in-process clients say over and over that there is a request: that is no news, and holds nobody up."""
    probe = Probe()
    async with running(Answering(probe.respond)) as (app, _), asyncio.timeout(GUARD):
        await probe.request(app, "POST", "/v1/calls", {**CALL, "to": "+15005550001"})
        await probe.request(app, "POST", ADVANCE, {"until": "idle"})

    assert probe.log[-4:] == ["calls.ringing", "calls.failed", *RESPONSE]


async def test_a_server_that_stops_ends_an_advance(refused):
    """With 503; what was in flight is still told of, no other advance begins, and the clock goes on from where it stands."""
    gate = Gate()
    async with running(gate) as (app, client):
        await place(client)
        (initiated,) = await gate.holds(1)
        jump = asyncio.create_task(client.post(ADVANCE, json={"by": "1h"}))
        await turns()

        app.runtime.stop()

        async with asyncio.timeout(GUARD):
            refused(await jump, 503, type="api_error", says="the server stops")
        gate.answer(initiated)
        await turns()
        assert [delivery.status for delivery in deliveries_of(app)] == ["delivered"]
        refused(await client.post(ADVANCE, json={"by": "1h"}), 503, type="api_error", says="the server stops")
        assert (await client.get("/_mockchirp/clock")).json()["now"] == "2026-01-15T10:30:00.000Z"


# Responses before webhooks


class Probe:
    """Talks ASGI to the application and writes down what happens in which order."""

    def __init__(self):
        self.log = []

    async def respond(self, dispatch):
        self.log.append(event_of(dispatch))
        return 200

    async def request(self, app, method, path, body, slowness=3):
        """Send a request; each message of the response takes some turns of the event loop to be written."""
        headers = [(b"authorization", f"Bearer {KEY}".encode()), (b"content-type", b"application/json")]
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": b"",
            "headers": headers,
            "scheme": "http",
        }

        async def receive():
            return {"type": "http.request", "body": json.dumps(body).encode()}

        async def send(message):
            await turns(slowness)
            self.log.append(message["type"])

        await app(scope, receive, send)
        await turns()


RESPONSE = ["http.response.start", "http.response.body"]


@pytest.mark.parametrize("mode", ["frozen", "real"])
async def test_a_webhook_does_not_overtake_the_response_to_what_caused_it(mode):
    """Even if the response is slow to be written: it is sent only when the last of it is."""
    probe = Probe()
    async with running(Answering(probe.respond), clock_mode=mode) as (app, client):
        await probe.request(app, "POST", "/v1/calls", CALL)
        assert probe.log == [*RESPONSE, "calls.initiated"]

        probe.log.clear()
        call_id = next(iter(app.runtime.sandbox_of(KEY).sandbox.calls))
        await probe.request(app, "POST", f"/v1/calls/{call_id}/commands", {"type": "hangup"})
        assert probe.log == [*RESPONSE, "calls.completed"]

        probe.log.clear()
        await probe.request(app, "DELETE", f"/v1/calls/{await place(client)}", None)
        assert probe.log[-3:] == [*RESPONSE, "calls.completed"]


async def test_what_a_set_clock_brings_about_is_sent_after_its_response():
    """All of it at once, in order."""
    probe = Probe()
    async with running(Answering(probe.respond)) as (app, _):
        await probe.request(app, "POST", "/v1/calls", {**CALL, "to": "+15005550001"})
        probe.log.clear()

        await probe.request(app, "PUT", "/_mockchirp/clock", {"now": "2026-01-16T00:00:00Z"})

    assert probe.log == [*RESPONSE, "calls.ringing", "calls.failed"]


async def test_a_webhook_is_sent_although_the_response_could_not_be_written():
    """The caller has gone; what it did has happened all the same."""
    probe = Probe()

    async def gone(message):
        raise OSError("the connection is gone")

    async with running(Answering(probe.respond)) as (app, _):
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/calls",
            "query_string": b"",
            "scheme": "http",
            "headers": [(b"authorization", f"Bearer {KEY}".encode()), (b"content-type", b"application/json")],
        }

        async def receive():
            return {"type": "http.request", "body": json.dumps(CALL).encode()}

        with pytest.raises(OSError, match="the connection is gone"):
            await app(scope, receive, gone)
        await turns()

    assert probe.log == ["calls.initiated"]


async def test_a_caller_who_leaves_before_the_request_is_whole_changes_nothing():
    """Half a body is no request."""
    probe = Probe()
    messages = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])

    async def receive():
        return next(messages)

    async def send(message):
        probe.log.append(message["type"])

    async with running(Answering(probe.respond)) as (app, client):
        headers = [(b"authorization", f"Bearer {KEY}".encode()), (b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": "/v1/calls", "query_string": b"", "headers": headers}
        await app(scope, receive, send)

        assert (await client.get("/_mockchirp/events")).json()["data"] == []
    assert probe.log == []


# Real time


async def test_time_passes_without_any_request():
    """The timer alone brings a call from its beginning to its end, at a thousand times the speed."""
    done = asyncio.Event()
    events = []

    async def note(dispatch):
        events.append(event_of(dispatch))
        if events[-1] == "calls.completed":
            done.set()
        return 200

    async with running(Answering(note), clock_mode="real", clock_rate=1_000) as (_, client):
        await place(client)
        async with asyncio.timeout(GUARD):
            await done.wait()

    assert [event for event in events if "participant" not in event] == [
        "calls.initiated",
        "calls.ringing",
        "calls.answered",
        "calls.completed",
    ]


async def test_retries_come_without_any_request():
    """Six attempts, 62 seconds in all, at ten thousand times the speed."""
    attempts = []
    done = asyncio.Event()

    async def fail(dispatch):
        attempts.append(dispatch.attempt)
        if dispatch.attempt == 6:
            done.set()
        return 500

    async with running(Answering(fail), clock_mode="real", clock_rate=10_000) as (_, client):
        call_id = await place(client, "+15005550007")
        await client.delete(f"/v1/calls/{call_id}")
        async with asyncio.timeout(GUARD):
            await done.wait()

    assert sorted(set(attempts)) == [1, 2, 3, 4, 5, 6]


async def test_a_dead_receiver_holds_up_nobody_else():
    """In real time the other webhook hears of everything while the first attempt to the dead one is still open."""
    done = asyncio.Event()
    heard = []

    async def answer(dispatch):
        if dispatch.url == HOOK:
            await asyncio.Event().wait()
        heard.append(event_of(dispatch))
        if heard[-1] == "calls.completed":
            done.set()
        return 200

    async with running(Answering(answer), clock_mode="real", clock_rate=1_000) as (app, client):
        app.runtime.sandbox_of(KEY).sandbox.notifier.add(
            OTHER, ["calls.initiated", "calls.answered", "calls.completed"], {}
        )
        await place(client)
        async with asyncio.timeout(GUARD):
            await done.wait()

        await asyncio.sleep(0)
        assert heard == ["calls.initiated", "calls.answered", "calls.completed"]
        first, *_ = deliveries_of(app)
        assert {first.webhook_id == delivery.webhook_id: delivery.status for delivery in deliveries_of(app)} == {
            True: "pending",
            False: "delivered",
        }


async def test_a_dead_receiver_holds_up_no_request():
    """Requests are answered as if there were no webhooks."""

    async def hang(dispatch):
        await asyncio.Event().wait()

    async with running(Answering(hang), clock_mode="real") as (_, client), asyncio.timeout(GUARD):
        for _ in range(20):
            call_id = await place(client)
            assert (await client.get(f"/v1/calls/{call_id}")).status_code == 200


class Laptop:
    """Real time on a machine that can be closed: the timers of its event loop stand still then."""

    def __init__(self):
        self.slept = 0.0

    def __call__(self):
        return real_seconds() + self.slept


async def test_after_the_machine_slept_clocks_have_moved_on():
    """Whoever asks first sees all that fell due meanwhile, each thing at its own instant; a frozen clock slept as well."""
    laptop = Laptop()
    async with running(Answering(respond_at_once), clock_mode="real", real=laptop) as (app, client):
        call_id = await place(client)
        started = (await client.get("/_mockchirp/clock")).json()["now"]
        await client.put(
            "/_mockchirp/clock", json={"mode": "frozen"}, headers={"Authorization": "Bearer sk_test_app_other"}
        )
        laptop.slept = 3_600

        call = (await client.get(f"/v1/calls/{call_id}")).json()
        assert (call["status"], call["duration"]) == ("completed", 120)
        now = app.runtime.sandbox_of(KEY).sandbox.now
        assert now >= parse_instant(started) + HOUR
        other = app.runtime.sandbox_of("sk_test_app_other")
        other.catch_up()
        assert other.sandbox.now < now


async def test_after_the_machine_slept_timers_are_not_late_by_the_sleep():
    """They don't know of it, so none of them is long: what fell due comes soon, without any request."""
    laptop, done = Laptop(), asyncio.Event()

    async def note(dispatch):
        if event_of(dispatch) == "calls.completed":
            done.set()
        return 200

    async with running(Answering(note), clock_mode="real", real=laptop) as (_, client):
        await place(client)
        await advance(client, by="10s")
        laptop.slept = 3_600
        async with asyncio.timeout(GUARD):
            await done.wait()


async def test_an_earlier_instant_rearms_the_timer():
    """A call in the far future must not make a later one with a nearer end wait."""
    done = asyncio.Event()

    async def note(dispatch):
        if event_of(dispatch) == "calls.completed":
            done.set()
        return 200

    async with running(Answering(note), clock_mode="real", clock_rate=100, recording_processing_time="1d") as (
        _,
        client,
    ):
        call_id = await place(client, "+15005550007")
        await advance(client, by="5s")
        await client.post(f"/v1/calls/{call_id}/commands", json={"type": "start_recording"})
        await client.post(f"/v1/calls/{call_id}/commands", json={"type": "stop_recording"})
        await place(client, "+15005550008")
        async with asyncio.timeout(GUARD):
            await done.wait()


@pytest.mark.parametrize(
    "change",
    [
        {"rate": 1_000_000},
        {"mode": "real"},
        {"mode": "real", "rate": 100_000},
        {"now": "2026-01-15T10:30:05Z", "mode": "real"},
    ],
    ids=repr,
)
async def test_a_change_of_the_clock_rearms_the_timer(change):
    """What was far away, or would never have come, comes at once."""
    done = asyncio.Event()

    async def note(dispatch):
        if event_of(dispatch) == "calls.ringing":
            done.set()
        return 200

    slow = {"clock_mode": "frozen"} if "mode" in change else {"clock_mode": "real", "clock_rate": 0.001}
    start = {"clock_start": "2026-01-15T10:30:00Z"}
    async with running(Answering(note), **slow, **start) as (_, client):
        if change == {"mode": "real"}:
            await client.put("/_mockchirp/clock", json={"rate": 100_000})
        await place(client)
        await turns()  # nothing is under way any more: only the timer can wake the sandbox
        assert (await client.put("/_mockchirp/clock", json=change)).status_code == 200
        async with asyncio.timeout(GUARD):
            await done.wait()


async def test_after_an_advance_real_time_goes_on():
    """From where the jump led to, and the timer knows."""
    done = asyncio.Event()

    async def note(dispatch):
        if event_of(dispatch) == "calls.completed":
            done.set()
        return 200

    start = {"clock_start": "2026-01-15T10:30:00Z"}
    async with running(Answering(note), clock_mode="real", clock_rate=20, **start) as (_, client):
        await place(client)
        report = await advance(client, to="2026-01-15T10:32:04Z")
        assert not done.is_set()
        assert report["to"] == "2026-01-15T10:32:04.000Z"
        async with asyncio.timeout(GUARD):
            await done.wait()
        assert "2026-01-15T10:32:05" <= (await client.get("/_mockchirp/clock")).json()["now"] < "2026-01-15T10:34"


async def test_a_frozen_clock_sets_no_timer():
    """An idle server does nothing: no handle is left in the event loop."""
    async with running(Answering(respond_at_once)) as (app, client):
        await place(client)
        await advance(client, by="2s")

        live = app.runtime.sandbox_of(KEY)
        assert live.clock.real_at(live.sandbox.now) is None
        assert live._timer is None


async def test_what_is_due_at_once_on_a_frozen_clock_happens_at_once():
    """The brief call is answered in the instant in which it is placed, without an advance."""
    heard = []
    done = asyncio.Event()

    async def note(dispatch):
        heard.append(event_of(dispatch))
        if len(heard) == 5:
            done.set()
        return 200

    async with running(Answering(note)) as (_, client):
        await place(client, "+15005550008")
        async with asyncio.timeout(GUARD):
            await done.wait()

    assert heard == ["calls.initiated", "calls.ringing", "calls.answered", *["calls.participant.joined"] * 2]


# Ends


async def test_closing_abandons_what_is_in_flight():
    """At once, however a receiver hangs, and nothing is sent afterwards."""
    gate = Gate()
    async with running(gate, clock_mode="real", clock_rate=100) as (app, client):
        await place(client)
        (held,) = await gate.holds(1)

        async with asyncio.timeout(0.5):
            await app.close()

        assert gate.cancelled[0] is held
        count = len(gate.started)
        await place(client)
        await turns()
        assert len(gate.started) == count


async def test_closing_twice_is_harmless():
    """Also before anything has happened."""
    async with running(Answering(respond_at_once)) as (app, client):
        await app.close()
        await place(client)
        await app.close()


LOST = []
"""Tasks whose event loop was closed over them: Python has something to say when it comes upon one that nobody knows any more."""


# Event loops, threads, lifespans. These drive loops of their own, so they are no coroutines.


def in_a_loop_of_its_own(work):
    """Run a coroutine function in a fresh event loop, in a fresh thread; its result."""
    results = []

    def run():
        results.append(asyncio.run(work()))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(GUARD)
    assert not thread.is_alive(), "it hangs"
    return results[0]


def client_of(app):
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app), base_url="http://mock", headers={"Authorization": f"Bearer {KEY}"}
    )


def test_state_outlives_event_loops():
    """Every request in a loop and a thread of its own, as some test tools do it: one history all the same."""
    sender = Answering(respond_at_once)
    app = create_app(Settings(clock_mode="frozen", webhook_url=HOOK), sender=sender)

    async def create():
        async with client_of(app) as client:
            return await place(client, "+15005550001")

    async def jump():
        async with client_of(app) as client:
            return await advance(client, until="idle")

    call_id = in_a_loop_of_its_own(create)
    in_a_loop_of_its_own(jump)

    assert app.runtime.sandbox_of(KEY).sandbox.calls[call_id].status == "busy"
    assert [event_of(dispatch) for dispatch in sender.got if dispatch.attempt == 1] == [
        *["calls.initiated"] * (len(sender.got) - 2),
        "calls.ringing",
        "calls.failed",
    ]
    assert {delivery.status for delivery in deliveries_of(app)} == {"delivered"}
    asyncio.run(app.close())


def test_a_delivery_whose_event_loop_ended_is_sent_again():
    """It was under way when the loop of its request ended: nobody knows what came of it, so it is due again."""
    hanging = asyncio.Event

    async def hang_at_first(dispatch):
        if len(sender.got) == 1:
            await hanging().wait()
        return 200

    sender = Answering(hang_at_first)
    app = create_app(Settings(clock_mode="frozen", webhook_url=HOOK), sender=sender)

    async def create():
        async with client_of(app) as client:
            call_id = await place(client)
            await turns()
            return call_id

    async def jump():
        async with client_of(app) as client:
            return await advance(client, by=0)

    in_a_loop_of_its_own(create)
    assert [delivery.status for delivery in deliveries_of(app)] == ["pending"]
    in_a_loop_of_its_own(jump)

    assert [(event_of(dispatch), dispatch.attempt) for dispatch in sender.got] == [("calls.initiated", 1)] * 2
    assert [delivery.status for delivery in deliveries_of(app)] == ["delivered"]
    asyncio.run(app.close())


def test_the_timer_moves_to_the_event_loop_that_is_there():
    """A timer of a loop that has ended wakes nobody; the next request sets one in its own."""
    done = threading.Event()

    async def note(dispatch):
        if event_of(dispatch) == "calls.completed":
            done.set()
        return 200

    app = create_app(Settings(clock_mode="real", clock_rate=1_000, webhook_url=HOOK), sender=Answering(note))

    async def create():
        async with client_of(app) as client:
            return await place(client)

    async def look():
        async with client_of(app) as client:
            await client.get("/_mockchirp/clock")
            await asyncio.to_thread(done.wait, GUARD)

    in_a_loop_of_its_own(create)
    in_a_loop_of_its_own(look)

    assert done.is_set()
    asyncio.run(app.close())


def test_an_advance_whose_event_loop_was_closed_over_it_is_over():
    """Nothing is stuck: the next request takes the sandbox on."""

    async def hang_at_first(dispatch):
        if len(sender.got) == 1:
            await asyncio.Event().wait()
        return 200

    sender = Answering(hang_at_first)
    app = create_app(Settings(clock_mode="frozen", webhook_url=HOOK, advance_quiet="0"), sender=sender)
    loop = asyncio.new_event_loop()

    async def begin():
        async with client_of(app) as client:
            await place(client)
            LOST.append(asyncio.create_task(client.post(ADVANCE, json={"by": "1h"})))
            await turns()

    loop.set_exception_handler(lambda *_: None)
    loop.run_until_complete(begin())
    LOST.extend(asyncio.all_tasks(loop))
    loop.close()
    assert app.runtime.sandbox_of(KEY).sandbox.now

    async def go_on():
        async with client_of(app) as client:
            return await advance(client, by="1s")

    assert in_a_loop_of_its_own(go_on)["to"] == "2026-01-15T10:30:01.000Z"
    assert {delivery.status for delivery in deliveries_of(app)} == {"delivered"}
    asyncio.run(app.close())


async def test_the_lifespan_may_run_several_times_or_never():
    """State lives elsewhere: a lifespan that ends takes nothing with it."""

    async def lifespan(app):
        messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
        said = []

        async def receive():
            return next(messages)

        async def send(message):
            said.append(message["type"])

        await app({"type": "lifespan", "state": {}}, receive, send)
        return said

    async with running(Answering(respond_at_once)) as (app, client):
        call_id = await place(client)
        for _ in range(3):
            assert await lifespan(app) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
            assert (await client.get(f"/v1/calls/{call_id}")).status_code == 200
        await advance(client, until="idle")
        assert {delivery.status for delivery in deliveries_of(app)} == {"delivered"}


async def test_what_is_due_after_the_last_instant_of_a_clock_keeps_nobody_busy():
    """It never comes: no timer goes off for it, over and over."""
    async with running(
        Shuffler(1), clock_mode="real", clock_rate=1_000_000, clock_start="2150-01-01T00:00:00Z", webhook_url=None
    ) as (app, client):
        uses = []
        app.runtime.when_used = uses.append
        await place(client)
        assert [live.pending for live in app.runtime] == [2]
        uses.clear()
        await turns(50)
        assert uses == []
