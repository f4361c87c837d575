"""The app's own work: what it does after it has acknowledged a webhook happens at the instant of the webhook."""

import asyncio
import json
from contextlib import asynccontextmanager

import httpx2
import pytest

from mockchirp.advance import Advance, Report
from mockchirp.app import create_app
from mockchirp.core.deliveries import Outcome
from mockchirp.sending.sender import Sender
from mockchirp.settings import Settings

pytestmark = pytest.mark.anyio

ADVANCE = "/_mockchirp/clock/advance"
GUARD = 10
"""Real seconds after which something that should happen at once counts as never."""
START = "2026-01-15T10:30:00.000Z"


async def turns(count=30):
    for _ in range(count):
        await asyncio.sleep(0)


class App(Sender):
    """An application that takes every webhook at once, and afterwards does with it what ``work`` says."""

    def __init__(self):
        self.work = None
        self.tasks = []

    async def send(self, dispatch):
        if self.work is not None:
            self.tasks.append(asyncio.ensure_future(self.work(json.loads(dispatch.body))))
        return Outcome(200, None)


@asynccontextmanager
async def running(**settings):
    """An application, a client of the mock that it is tested with, and the sandbox."""
    app = App()
    mock = create_app(Settings(**{"clock_mode": "frozen", "webhook_url": "http://app.test/", **settings}), sender=app)
    transport = httpx2.ASGITransport(mock)
    headers = {"Authorization": "Bearer sk_test_app_local"}
    async with asyncio.timeout(GUARD), httpx2.AsyncClient(transport=transport, base_url="http://mock") as client:
        client.headers.update(headers)
        yield app, client, mock.runtime.sandbox_of("sk_test_app_local")
        await asyncio.gather(*app.tasks)
    await mock.close()


async def post(client, path, body=None):
    answer = await client.post(path, json=body)
    assert answer.is_success, answer.text
    return answer.json()


def answering(client, delay=turns):
    """Answers every inbound call, some time after it has come."""

    async def work(webhook):
        call = webhook["data"]["call"]
        if webhook["event"] == "calls.initiated" and call["direction"] == "inbound":
            await delay()
            await post(client, f"/v1/calls/{call['id']}/commands", {"type": "answer"})

    return work


@pytest.mark.parametrize("mode", ["frozen", "real"])
@pytest.mark.parametrize("how", [{"by": "60s"}, {"until": "idle", "limit": "1m"}], ids=repr)
@pytest.mark.parametrize("pause", [0, 30])
async def test_an_inbound_call_is_answered_after_its_webhook_was_taken(mode, how, pause):
    """In the instant in which it came, however soon the advance begins after the webhook."""
    async with running(clock_mode=mode, clock_rate=0.001) as (app, client, _):
        app.work = answering(client)
        call_id = (await post(client, "/_mockchirp/calls"))["id"]
        await turns(pause)

        report = await post(client, ADVANCE, how)

        call = (await client.get(f"/v1/calls/{call_id}")).json()
        assert call["status"] == "in_progress"
        assert call["answeredAt"] == call["createdAt"]
        assert report["quietSeconds"] > 0


async def test_who_waits_for_no_quiet_is_quick():
    """Time does not wait for the application then: its answer comes too late."""
    async with running() as (app, client, _):
        gate = asyncio.Event()
        app.work = answering(client, gate.wait)
        call_id = (await post(client, "/_mockchirp/calls"))["id"]

        report = await post(client, ADVANCE, {"by": "60s", "quiet": 0})

        assert (await client.get(f"/v1/calls/{call_id}")).json()["status"] != "in_progress"
        assert (report["quietSeconds"], report["quietRequests"]) == (0, 0)
        app.tasks[0].cancel()
        app.tasks.clear()
        gate.set()


async def test_the_setting_is_what_quiet_is_unless_given():
    """With it at 0, an advance waits only where it is told to."""
    async with running(advance_quiet="0") as (app, client, _):
        app.work = answering(client)
        call_id = (await post(client, "/_mockchirp/calls"))["id"]

        first = await post(client, ADVANCE, {"by": 0})
        second = await post(client, ADVANCE, {"by": 0, "quiet": "25ms"})

        assert first["quietSeconds"] == 0
        assert second["quietSeconds"] >= 0.025
        assert (await client.get(f"/v1/calls/{call_id}")).json()["status"] == "in_progress"


async def test_without_a_sign_of_life_nothing_is_waited_for():
    """A receiver that refuses is not at work, and neither is nobody at all; what was waited for once is not waited for twice."""
    async with running(advance_quiet="5s") as (app, client, live):
        live.sandbox.place_call("+15551234567", "+15005550003")
        app.send = lambda dispatch: asyncio.sleep(0, Outcome(500, "answered 500"))

        report = await post(client, ADVANCE, {"until": "idle"})
        assert (report["quietSeconds"], len(report["deliveries"])) == (0, 12)

        del app.send
        await post(client, "/_mockchirp/calls")
        assert (await post(client, ADVANCE, {"by": 0, "quiet": "1ms"}))["quietSeconds"] > 0
        assert (await post(client, ADVANCE, {"by": 1}))["quietSeconds"] == 0


async def test_idle_is_not_before_the_app_is_quiet():
    """What it does about the last webhook counts still, webhook by webhook."""
    placed = []

    async def call_again(webhook):
        if webhook["event"] == "calls.completed" and len(placed) < 3:
            await turns()
            placed.append(await post(client, "/v1/calls", {"from": "+15551234567", "to": "+15005550008"}))

    async with running() as (app, client, _):
        app.work = call_again
        await post(client, "/v1/calls", {"from": "+15551234567", "to": "+15005550008"})

        report = await post(client, ADVANCE, {"until": "idle"})

        assert [event["type"] for event in report["events"]].count("calls.completed") == 4
        assert report["pending"] == 0
        assert report["quietRequests"] == 3
        assert report["to"] == "2026-01-15T10:30:04.000Z"


async def test_every_request_of_the_app_begins_the_period_again():
    """However many it makes, one after another, all of them happen before time moves on."""

    async def ask_a_lot(webhook):
        call_id = webhook["data"]["call"]["id"]
        for _ in range(20):
            await turns(5)
            await client.get(f"/v1/calls/{call_id}")
        await post(client, f"/v1/calls/{call_id}/commands", {"type": "answer"})
        app.work = None

    async with running() as (app, client, _):
        app.work = ask_a_lot
        call_id = (await post(client, "/_mockchirp/calls"))["id"]
        await post(client, ADVANCE, {"by": "60s"})
        call = (await client.get(f"/v1/calls/{call_id}")).json()
        assert (call["status"], call["answeredAt"]) == ("in_progress", call["createdAt"])


@pytest.mark.parametrize(
    ("fault", "status"), [({"delay": 0.1}, "in_progress"), ({"status": 503, "delay": 0.1}, "voicemail")], ids=repr
)
async def test_a_request_that_is_under_way_is_waited_for(fault, status):
    """It takes longer than the period: the period is one without any."""
    async with running() as (_, client, _):
        await post(client, "/_mockchirp/faults", {"operation": "sendCallCommand", **fault})
        call_id = (await post(client, "/_mockchirp/calls"))["id"]
        command = asyncio.ensure_future(client.post(f"/v1/calls/{call_id}/commands", json={"type": "answer"}))
        await turns(5)

        report = await post(client, ADVANCE, {"by": "31s"})

        assert command.done()
        assert (await client.get(f"/v1/calls/{call_id}")).json()["status"] == status
        assert report["quietSeconds"] >= 0.1


@pytest.mark.parametrize("abort", ["reset", "hang"])
async def test_a_request_that_gets_no_answer_is_over(abort):
    """However it ends: nobody is waited for who has gone."""
    async with running() as (_, client, live):
        await post(client, "/_mockchirp/faults", {"operation": "listVoicemails", "abort": abort})
        request = asyncio.ensure_future(client.get("/v1/calls/voicemails"))
        await turns()
        request.cancel()
        await asyncio.wait([request])

        report = await post(client, ADVANCE, {"by": 1, "quiet": 0.001})

        assert not live.life.is_at_work
        assert report["quietSeconds"] < GUARD


async def test_downloads_are_work_too():
    """The app fetches the file of a recording before its link expires."""
    got = []

    async def download(webhook):
        if webhook["event"] == "calls.recording.completed":
            await turns()
            got.append(await client.get(webhook["data"]["recording"]["fileUrl"]))

    async with running() as (app, client, _):
        app.work = download
        call_id = (await post(client, "/v1/calls", {"from": "+15551234567", "to": "+15005550007"}))["id"]
        await post(client, ADVANCE, {"by": 5})
        await post(client, f"/v1/calls/{call_id}/commands", {"type": "start_recording"})
        await post(client, ADVANCE, {"by": 5})
        await post(client, f"/v1/calls/{call_id}/commands", {"type": "stop_recording"})
        report = await post(client, ADVANCE, {"by": "2h"})
        assert [answer.status_code for answer in got] == [200]
        assert report["quietRequests"] == 1


@pytest.mark.parametrize("delays", [(0, 0, 0), (20, 0, 5), (3, 40, 1)], ids=repr)
async def test_the_history_is_the_same_however_long_the_app_takes(delays):
    """Its commands happen at the instants at which the advance stands."""
    waits = iter(delays)

    async def work(webhook):
        call_id, event = webhook["data"]["call"]["id"], webhook["event"]
        commands = {
            "calls.initiated": "answer",
            "calls.answered": "start_recording",
            "calls.recording.completed": "hangup",
        }
        if event in commands:
            await turns(next(waits, 0))
            await client.post(f"/v1/calls/{call_id}/commands", json={"type": commands[event]})
            if event == "calls.answered":
                await turns(next(waits, 0))
                await client.post(f"/v1/calls/{call_id}/commands", json={"type": "stop_recording"})

    async with running() as (app, client, _):
        app.work = work
        await post(client, "/_mockchirp/calls")
        report = await post(client, ADVANCE, {"until": "idle"})

    happened = [(event["at"][17:-1], event["type"]) for event in report["events"]]
    assert happened == [
        ("00.000", "call.command"),
        ("00.000", "calls.answered"),
        ("00.000", "calls.participant.joined"),
        ("00.000", "calls.participant.joined"),
        ("00.000", "call.command"),
        ("00.000", "recording.started"),
        ("00.000", "call.command"),
        ("00.000", "recording.processing"),
        ("02.000", "calls.recording.completed"),
        ("02.000", "call.command"),
        ("02.000", "calls.participant.left"),
        ("02.000", "calls.participant.left"),
        ("02.000", "calls.completed"),
    ]


def test_an_advance_that_waited_for_long_says_how_to_do_without():
    """Over five seconds in all; before, there is nothing to say."""
    assert Report(0, 0, 0, [], quiet_seconds=5.0).hint is None
    hint = Report(0, 0, 0, [], quiet_seconds=5.1).hint
    assert "5.1 s" in hint
    assert '"quiet": 0' in hint


async def test_it_is_said_in_the_log_and_in_the_report(caplog):
    """With the sandbox that it is about."""

    async def never():
        await asyncio.Event().wait()

    async with running() as (_, _, live):
        jump = Advance(live, 0, never)
        jump.report.quiet_seconds = 6.0
        report = await jump.by(1)
        assert report.hint in caplog.text
        assert live.sandbox.app_id in caplog.text
        assert [record.levelname for record in caplog.records] == ["WARNING"]
