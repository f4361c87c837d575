"""The state of sandboxes over HTTP: emptied, removed, taken along, set up."""

import asyncio
import json

import httpx2
import pytest

from mockchirp.api.models import UpdateConfiguration
from mockchirp.app import create_app
from mockchirp.core.deliveries import Outcome
from mockchirp.sending.sender import Sender
from mockchirp.settings import Settings
from mockchirp.state.calling import CallingFields

RESET = "/_mockchirp/reset"
STATE = "/_mockchirp/state"
SANDBOX = "/_mockchirp/sandbox"
SANDBOXES = "/_mockchirp/sandboxes"
ADVANCE = "/_mockchirp/clock/advance"
CALL = {"from": "+15551234567", "to": "+15559876543"}
OTHER = "sk_test_app_other"
NOTHING = {
    "abandonedDeliveries": 0,
    "cancelledTimers": 0,
    "calls": 0,
    "recordings": 0,
    "voicemails": 0,
    "webhooks": 0,
    "events": 0,
}


def live_a_little(mock, **key):
    """Calls out and in, a recording, a voicemail, retries, changes of everything that can be set up."""
    mock.receiver.answer = lambda dispatch: 500 if b"voicemail" in dispatch.body else 200
    mock.put("/_mockchirp/scenarios/mine", {"created": [{"after": 1, "do": "ring"}]}, **key)
    mock.put("/_mockchirp/scenarios/numbers", {"+1555*": "mine"}, **key)
    mock.post("/_mockchirp/faults", {"operation": "getRecording", "status": 503, "probability": 0.5}, **key)
    mock.post("/v1/webhooks", {"url": "http://other.test/hook", "events": ["calls.completed"]}, **key)
    call_id = mock.post("/v1/calls", {**CALL, "to": "+15005550007"}, **key).json()["id"]
    mock.post("/v1/calls", CALL, **key)
    mock.post("/_mockchirp/calls", {"metadata": {"who": "Ana"}}, **key)
    mock.post(ADVANCE, {"by": 40}, **key)
    for command in ({"type": "start_recording"}, {"type": "hold"}, {"type": "mute"}):
        mock.post(f"/v1/calls/{call_id}/commands", command, **key)
    mock.post(ADVANCE, {"by": 32}, **key)
    mock.request("PATCH", SANDBOX, json={"rateLimit": "enforce", "calling": {"recordingFormat": "ogg"}}, **key)


def story(mock, **key):
    """What happens from here on: the report, the rest of the history, and ids of what comes then."""
    sent = len(mock.receiver.got)
    return [
        mock.post(ADVANCE, {"until": "idle"}, **key).json(),
        mock.get("/_mockchirp/calls", **key).json(),
        mock.post("/v1/calls", CALL, **key).json(),
        mock.post("/_mockchirp/calls", **key).json(),
        mock.post(ADVANCE, {"by": "1h"}, **key).json(),
        mock.get("/_mockchirp/deliveries", **key).json(),
        [mock.get(f"/v1/calls/recordings/{'call_rec_test_' + 'a' * 27}", **key).json() for _ in range(5)],
        [(dispatch.url, dispatch.headers, dispatch.body) for dispatch in mock.receiver.got[sent:]],
        mock.get(STATE, **key).json(),
    ]


class Gate(Sender):
    """Holds every attempt until it is broken off."""

    def __init__(self):
        self.under_way = 0

    async def send(self, dispatch):
        self.under_way += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.under_way -= 1
        return Outcome(200, None)

    async def close(self):
        pass


@pytest.fixture
async def gate():
    return Gate()


@pytest.fixture
async def held(gate):
    """A client of a mock none of whose webhooks arrives, and the mock's runtime."""
    app = create_app(Settings(clock_mode="frozen", webhook_url="http://app.test/hooks"), sender=gate)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://mock") as client:
        client.headers["Authorization"] = "Bearer sk_test_app_local"
        yield client, app.runtime
    await app.close()


async def turns():
    for _ in range(10):
        await asyncio.sleep(0)


def test_reset_empties_a_sandbox_and_says_what_was_in_it(mock):
    """Afterwards it is as new, and what happens then is what happened first."""
    fresh = mock.get(STATE).json()
    live_a_little(mock)
    first = story(mock)
    sizes = mock.get(SANDBOXES).json()["data"][0]

    lost = mock.post(RESET).json()

    assert {name: lost[name] for name in ("calls", "recordings", "voicemails", "webhooks", "events")} == {
        name: sizes[name] for name in ("calls", "recordings", "voicemails", "webhooks", "events")
    }
    assert lost["calls"] == 5
    assert mock.get(STATE).json() == fresh
    assert mock.get("/_mockchirp/requests").json()["totalCount"] == 0
    assert mock.post(RESET).json() == {**NOTHING, "webhooks": 1}
    live_a_little(mock)
    assert story(mock) == first


def test_reset_counts_what_was_still_to_come(mock):
    """Timers, and deliveries without an end: those that wait for a retry among them."""
    mock.receiver.answer = lambda dispatch: 500
    mock.call()
    mock.advance(by=0)

    lost = mock.post(RESET).json()

    assert (lost["abandonedDeliveries"], lost["cancelledTimers"]) == (1, 3)
    assert mock.advance(until="idle")["events"] == []
    assert len(mock.receiver.got) == 1


@pytest.mark.anyio
async def test_reset_breaks_off_what_is_in_flight(gate, held):
    """Before it answers; what comes of it reaches nobody."""
    client, runtime = held
    await client.post("/v1/calls", json=CALL)
    await turns()
    assert gate.under_way == 1

    lost = (await client.post(RESET)).json()

    assert (lost["abandonedDeliveries"], gate.under_way) == (1, 0)
    await turns()
    sandbox = runtime.sandbox_of("sk_test_app_local").sandbox
    assert (list(sandbox.deliveries), sandbox.events.last) == ([], 0)


@pytest.mark.anyio
async def test_what_an_answer_was_to_release_goes_with_the_reset(gate, held):
    """A webhook of the old sandbox may still be waiting for the answer that it must not overtake."""
    client, runtime = held
    live = runtime.sandbox_of("sk_test_app_local")
    old = live.sandbox
    old.place_call("+15551234567", "+15559876543")
    batch = old.take_outbox()

    await client.post(RESET)
    live.release(batch, old)
    await turns()

    assert gate.under_way == 0


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("method", "path", "says"),
    [("POST", RESET, "was reset"), ("PUT", STATE, "was replaced"), ("DELETE", SANDBOX, "was removed")],
)
async def test_those_who_wait_are_told(held, method, path, says):
    """What they wait for can't come any more."""
    client, _ = held
    await client.put("/_mockchirp/clock", json={"mode": "real"})
    condition = {"for": {"event": "calls.completed"}, "timeout": "30s"}
    waits = [
        asyncio.create_task(client.post("/_mockchirp/wait", json=condition)),
        asyncio.create_task(client.get("/_mockchirp/events?wait=30s")),
    ]
    await turns()

    answer = await client.request(method, path, json={} if method == "PUT" else None)

    assert answer.status_code == 200
    for wait in await asyncio.gather(*waits):
        assert wait.status_code == 409
        assert says in wait.json()["error"]["message"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("method", "path", "says"),
    [("POST", RESET, "was reset"), ("PUT", STATE, "was replaced"), ("DELETE", SANDBOX, "was removed")],
)
@pytest.mark.parametrize("mode", ["frozen", "real"])
async def test_an_advance_ends_with_its_sandbox(gate, held, method, path, says, mode):
    """It answers 409 and says why; what it was doing is abandoned, and the sandbox that takes its place is as good as any."""
    client, _ = held
    await client.put("/_mockchirp/clock", json={"mode": mode})
    await client.post("/v1/calls", json=CALL)
    advance = asyncio.create_task(client.post(ADVANCE, json={"by": "1h"}))
    await turns()
    assert gate.under_way == 1

    answer = await client.request(method, path, json={} if method == "PUT" else None)
    after = await client.post(ADVANCE, json={"by": "1h"})

    assert answer.status_code == 200
    ended = await advance
    assert ended.status_code == 409
    assert f"{says} while time was advanced" in ended.json()["error"]["message"]
    assert gate.under_way == 0
    assert (after.status_code, after.json()["events"], after.json()["pending"]) == (200, [], 0)
    running = (await client.put("/_mockchirp/clock", json={"mode": "real", "rate": 1_000_000})).json()["now"]
    assert after.json()["to"] <= running < (await client.get("/_mockchirp/clock")).json()["now"]


@pytest.mark.anyio
async def test_during_an_advance_the_state_can_be_exported(gate, held):
    """As it is at the instant at which the advance stands; what is in flight is said to be. The advance goes on."""
    client, runtime = held
    await client.post("/v1/calls", json=CALL)
    advance = asyncio.create_task(client.post(ADVANCE, json={"by": 1}))
    await turns()

    document = (await client.get(STATE)).json()

    assert document["deliveries"][0]["underWay"] == 1
    assert not advance.done()
    await runtime.close()
    assert (await advance).status_code == 409


@pytest.mark.anyio
async def test_an_import_that_is_refused_ends_no_advance(gate, held):
    """Nothing is replaced then."""
    client, runtime = held
    await client.post("/v1/calls", json=CALL)
    advance = asyncio.create_task(client.post(ADVANCE, json={"by": 1}))
    await turns()

    assert (await client.put(STATE, json={"calls": 7})).status_code == 400

    assert gate.under_way == 1
    assert not advance.done()
    await runtime.close()
    await advance


def test_an_exported_sandbox_goes_on_elsewhere_as_it_would_have(open_mock):
    """On a fresh server: its future is the same to the byte, retries, faults by chance and links included."""
    first, second = open_mock(), open_mock(clock_start="2020-02-02T00:00:00Z")
    live_a_little(first)
    document = first.get(STATE).json()
    assert document["timers"]

    second.receiver.answer = first.receiver.answer
    overview = second.put(STATE, document).json()

    assert second.get(STATE).json() == document
    assert overview == first.get(SANDBOXES).json()["data"][0]
    assert story(second) == story(first)


def test_links_that_were_given_away_stay_valid(open_mock):
    """And their files have the size that was told."""
    first, second = open_mock(), open_mock()
    live_a_little(first)
    first.advance(by=0)
    first.delete("/_mockchirp/faults")
    call_id = first.get("/_mockchirp/calls").json()["data"][-1]["id"]
    first.command(call_id, "stop_recording")
    first.advance(by=2)
    recording = first.get(f"/v1/calls/{call_id}/recordings").json()["data"][0]

    second.put(STATE, first.get(STATE).json())

    file = second.get(recording["fileUrl"].removeprefix("http://127.0.0.1:24477"), key=None)
    assert (file.status_code, len(file.content)) == (200, recording["fileSize"])


def test_the_state_of_one_key_can_go_to_another(open_mock, mock):
    """The app stays its own; calls and their ids come along."""
    live_a_little(mock)
    document = mock.get(STATE).json()
    own = mock.get(SANDBOX, key=OTHER).json()

    mock.put(STATE, document, key=OTHER)

    assert mock.get(SANDBOX, key=OTHER).json()["appId"] == own["appId"]
    assert mock.get(SANDBOX, key=OTHER).json()["keys"] == [OTHER]
    theirs = mock.get("/_mockchirp/calls", key=OTHER).json()["data"]
    assert [call["id"] for call in theirs] == [call["id"] for call in mock.get("/_mockchirp/calls").json()["data"]]
    assert {call["appId"] for call in theirs} == {own["appId"]}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"version": 2}, "version"),
        ({"calls": [{**CALL, "status": "sleeping"}]}, "calls[0].status"),
        ({"calls": [CALL, {**CALL, "createdAt": "+1h"}]}, "calls[1].createdAt"),
        ({"faults": [{"operation": "nap", "status": 500}]}, "faults[0].operation"),
        ({"colour": "red"}, "colour"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_document_that_can_t_be_changes_nothing(mock, refused, body, param):
    """It is refused with the path to what is wrong."""
    live_a_little(mock)
    before = mock.get(STATE).json()

    refused(mock.put(STATE, body), 400, param=param)

    assert mock.get(STATE).json() == before


def test_a_document_of_state_has_a_bound_of_its_own(open_mock, refused):
    """Which is larger than that of other bodies, unless it is set otherwise."""
    mock = open_mock(max_state_size="2MiB")
    documents = {size: {"calls": [{**CALL, "metadata": {"x": "x" * size}}]} for size in (1_500_000, 3_000_000)}

    assert mock.put(STATE, documents[1_500_000]).status_code == 200
    refused(mock.put(STATE, documents[3_000_000]), 413, says="2097152 bytes")
    refused(mock.put(STATE, documents[3_000_000]), 413, says="a larger --max-state-size")
    assert len(mock.get(STATE).json()["calls"]) == 1


def test_a_body_that_many_webhooks_get_is_said_once(open_mock):
    """Or else a call with a megabyte of metadata and a hundred webhooks would cost half a gigabyte."""
    mock = open_mock(webhook_url=None, max_body_size="2MiB")
    for number in range(100):
        mock.post("/v1/webhooks", {"url": f"http://app.test/{number}", "events": ["calls.initiated", "calls.ringing"]})
    mock.call(metadata={"x": "x" * 1_000_000})
    mock.advance(by=1)

    export = mock.get(STATE).content

    assert len(export) < 3_300_000
    deliveries = json.loads(export)["deliveries"]
    assert [("body" in each, each.get("bodyOf")) for each in (deliveries[0], deliveries[1], deliveries[100])] == [
        (True, None),
        (False, "dlv_1"),
        (True, None),
    ]
    assert mock.request("PUT", STATE, content=export, headers={"Content-Type": "application/json"}).status_code == 200
    assert mock.get(STATE).json() == json.loads(export)
    assert len({id(delivery.body) for delivery in mock.sandbox().deliveries}) == 2


@pytest.mark.anyio
async def test_an_export_is_written_piece_by_piece():
    """As fast as the client takes it: the whole is never in memory at once. A small one comes at once, with its length."""
    sizes = []

    async def send(message):
        if message["type"] == "http.response.start":
            sizes.append(dict(message["headers"]).get(b"content-length"))
        else:
            sizes.append(len(message["body"]))

    async def receive():
        return {"type": "http.request"}

    scope = {"type": "http", "method": "GET", "path": STATE, "headers": [], "query_string": b"", "client": None}
    app = create_app(Settings(clock_mode="frozen"))
    sandbox = app.runtime.sandbox_of("sk_test_app_local").sandbox
    for length in (0, 500_000):
        sizes.clear()
        for number in range(10):
            sandbox.place_call("+15551234567", f"+1555987000{number}", metadata={"x": "x" * length})
        await app({**scope}, receive, send)
        if length:
            assert sizes[0] is None
            assert len(sizes) > 10
            assert max(sizes[1:]) < 800_000
        else:
            assert int(sizes[0]) == sizes[1]


def test_what_a_call_may_hold_may_come_back(mock):
    """A body of the deepest nesting that is allowed is not too deep for a document."""
    metadata = {"a": 1}
    for _ in range(29):
        metadata = {"a": metadata}
    mock.call(metadata=metadata)
    document = mock.get(STATE).json()

    assert mock.put(STATE, document).status_code == 200
    assert mock.get(STATE).json() == document


def test_instants_count_from_the_clock_that_the_server_s_settings_give(open_mock):
    """As if the sandbox were new, where the document has no clock."""
    mock = open_mock(clock_start="2030-01-01T00:00:00Z")
    mock.advance(by="1h")

    mock.put(STATE, {"calls": [{**CALL, "status": "busy", "createdAt": "-1m"}]})

    assert mock.get("/_mockchirp/clock").json()["now"] == "2030-01-01T00:00:00.000Z"
    assert mock.get("/_mockchirp/calls").json()["data"][0]["createdAt"] == "2029-12-31T23:59:00Z"


def test_a_removed_sandbox_leaves_nothing_behind(mock):
    """Neither under its key nor under its app; the next request makes a new one."""
    live_a_little(mock, key=OTHER)
    app_id = mock.get(SANDBOX, key=OTHER).json()["appId"]

    lost = mock.delete(SANDBOX, key=OTHER).json()

    assert lost["calls"] == 3
    assert mock.get(SANDBOXES).json()["data"] == []
    calling = f"/v1/organization/apps/{app_id}/calling"
    assert mock.get(calling, key="sk_admin_x").status_code == 404
    assert mock.get("/_mockchirp/calls", key=OTHER).json()["totalCount"] == 0
    assert mock.get(calling, key="sk_admin_x").status_code == 200


def test_removing_what_is_not_there_makes_nothing(mock):
    """So that whoever cleans up need not know."""
    assert mock.delete(SANDBOX).json() == NOTHING
    assert mock.get(SANDBOXES).json() == {"data": [], "totalCount": 0}


def test_removing_needs_a_key_that_is_accepted(open_mock, refused):
    """Like everything else."""
    mock = open_mock(api_keys=OTHER)

    refused(mock.delete(SANDBOX), 401, type="authentication_error")
    refused(mock.delete(SANDBOX, key="nonsense"), 401, type="authentication_error")
    assert mock.delete(SANDBOX, key=OTHER).status_code == 200


@pytest.mark.anyio
async def test_a_request_whose_sandbox_is_removed_meanwhile_finds_a_new_one(held):
    """While its body was coming."""
    client, runtime = held
    old = runtime.sandbox_of("sk_test_app_local")

    async def body():
        yield b'{"from": "+15551234567", '
        await runtime.remove(old)
        yield b'"to": "+15559876543"}'

    for path in ("/v1/calls", "/_mockchirp/calls"):
        old = runtime.sandbox_of("sk_test_app_local")
        answer = await client.post(path, content=body(), headers={"Content-Type": "application/json"})
        assert answer.status_code == 201
        assert len(runtime.sandbox_of("sk_test_app_local").sandbox.calls) == 1


def test_sandboxes_are_listed_without_making_any(mock):
    """In the order of their making, with what is in them."""
    assert mock.get(SANDBOXES, key=None).json() == {"data": [], "totalCount": 0}
    mock.call()
    mock.call(key=OTHER)
    mock.call(key=OTHER)
    mock.advance(by=30, key=OTHER)

    first, second = mock.get(SANDBOXES).json()["data"]

    assert (first["keys"], first["calls"], first["now"]) == (["sk_test_app_local"], 1, "2026-01-15T10:30:00.000Z")
    assert second == {
        "appId": mock.get(SANDBOX, key=OTHER).json()["appId"],
        "keys": [OTHER],
        "now": "2026-01-15T10:30:30.000Z",
        "mode": "frozen",
        "liveCalls": 2,
        "pending": 2,
        "calls": 2,
        "recordings": 0,
        "voicemails": 0,
        "webhooks": 1,
        "events": 10,
    }


def test_there_are_only_so_many_sandboxes(open_mock, refused):
    """One more key is refused, and told how to make room."""
    mock = open_mock(max_sandboxes=2)
    keys = [f"sk_test_app_{number}" for number in range(3)]
    for key in keys[:2]:
        mock.call(key=key)

    for path in ("/v1/calls/voicemails", "/_mockchirp/clock"):
        refused(mock.get(path, key=keys[2]), 409, says="max_sandboxes")
    mock.delete(SANDBOX, key=keys[0])

    mock.call(key=keys[2])
    assert mock.get("/v1/calls/voicemails", key=keys[0]).status_code == 409
    assert mock.get("/v1/calls/voicemails", key=keys[1]).status_code == 200


def patch(mock, **fields):
    return mock.request("PATCH", SANDBOX, json=fields)


def test_a_sandbox_is_set_up_in_one_request(mock):
    """What is left out stays."""
    before = mock.get(SANDBOX).json()

    answer = patch(mock, calling={"voicemailEnabled": False, "voicemailMaxDuration": 30}, defaultScenario="busy").json()

    calling = {**before["calling"], "voicemailEnabled": False, "voicemailMaxDuration": 30}
    assert answer == {**before, "calling": calling, "defaultScenario": "busy"}
    assert mock.get("/_mockchirp/scenarios").json()["default"] == "busy"
    assert patch(mock, rateLimit="enforce", phoneNumbers=["+15551234567"]).json() == {
        **answer,
        "rateLimit": "enforce",
        "phoneNumbers": ["+15551234567"],
    }


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"calling": {"voicemailMaxDuration": 601}}, "calling.voicemailMaxDuration"),
        ({"calling": {"colour": 1}}, "calling.colour"),
        ({"calling": None}, "calling"),
        ({"defaultScenario": "nobody"}, "defaultScenario"),
        ({"phoneNumbers": ["+15551234567", "5"]}, "phoneNumbers[1]"),
        ({"seed": 1.5}, "seed"),
        ({"seed": 2**63}, "seed"),
    ],
    ids=repr,
)
def test_a_set_up_that_can_t_be_changes_nothing(mock, refused, fields, param):
    """Not even what would have been possible."""
    before = mock.get(SANDBOX).json()
    code = "invalid_phone_number" if param.startswith("phone") else None

    refused(patch(mock, rateLimit="enforce", **fields), 400, param=param, code=code)

    assert mock.get(SANDBOX).json() == before


def test_the_calling_configuration_has_the_same_ranges_everywhere():
    """Its administrator may set what the control API may set, and the other way round."""
    ours, chirps = (model.model_json_schema()["properties"] for model in (CallingFields, UpdateConfiguration))
    bounds = ("type", "anyOf", "enum", "minimum", "maximum", "default")

    assert set(ours) == set(chirps)
    for name in set(ours) - {"voicemailGreetingUrl"}:
        assert {key: ours[name].get(key) for key in bounds} == {key: chirps[name].get(key) for key in bounds}


def test_another_seed_gives_other_ids(open_mock):
    """As a server with that seed would: as long as there are no calls. What was set up stays."""
    mock, seven = open_mock(), open_mock(random_seed=7)
    webhook = mock.post("/v1/webhooks", {"url": "http://own.test/hook", "events": ["calls.completed"]}).json()
    patch(mock, phoneNumbers=["+15551234567"])
    mock.put("/_mockchirp/scenarios/default", {"scenario": "busy"})

    answer = patch(mock, seed=7).json()

    assert (answer["seed"], answer["phoneNumbers"], answer["defaultScenario"]) == (7, ["+15551234567"], "busy")
    assert mock.get(f"/v1/webhooks/{webhook['id']}").json() == webhook
    assert mock.call()["id"] == seven.call()["id"]
    mock.post(RESET)
    assert mock.get(SANDBOX).json()["seed"] == 7


def test_a_seed_comes_before_the_first_call(mock, refused):
    """Afterwards, the ids of two seeds would be mixed up."""
    mock.call()

    refused(patch(mock, seed=7), 409, param="seed", says="reset the sandbox first")


def test_a_server_that_is_still_loading_is_not_ready(mock, refused):
    """And says why."""
    ready = "/_mockchirp/ready"
    assert mock.get(ready, key=None).json() == {"status": "ready"}

    mock.app.runtime.loading = "the state and the seeds are being loaded"

    refused(mock.get(ready, key=None), 503, type="api_error", says="being loaded")
