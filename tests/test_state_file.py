"""The state file: what one server leaves, the next one takes up; and whatever happens, the file is whole."""

import asyncio
import json
import logging
import os
import time

import httpx2
import pytest

from mockchirp.app import create_app
from mockchirp.core.deliveries import Outcome
from mockchirp.sending.sender import Sender
from mockchirp.settings import BadSetting, Settings
from mockchirp.state_file import StateFile

CALL = {"from": "+15551234567", "to": "+15559876543"}
OTHER = "sk_test_app_other"
STATE = "/_mockchirp/state"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.json"


@pytest.fixture
def lives(open_mock, path):
    """One life after the other, over the same state file: does something in it, and stops."""

    def lives(deed, **settings):
        mock = open_mock(state_file=str(path), **settings)
        result = deed(mock)
        mock._runner.run(mock.app.close())
        return result

    return lives


def test_what_one_server_leaves_the_next_takes_up(lives):
    """Every sandbox with its clock, its timers and its future."""

    def first(mock):
        mock.receiver.answer = lambda dispatch: 500
        mock.call()
        mock.call(key=OTHER)
        mock.advance(by=3)
        return [mock.get(STATE, key=key).json() for key in ("sk_test_app_local", OTHER)]

    def second(mock):
        return [mock.get(STATE, key=key).json() for key in ("sk_test_app_local", OTHER)], mock.advance(until="idle")

    left = lives(first)
    found, report = lives(second)

    assert found == left
    assert report["events"][-1]["type"] == "calls.completed"
    assert {row["attempt"] for row in report["deliveries"]} == {1, 2, 3, 4, 5, 6}


def test_a_file_without_a_server_is_whole_and_private(lives, path):
    """Headers of webhooks may be secrets. What is there keeps its mode."""
    lives(lambda mock: mock.call())
    assert path.stat().st_mode & 0o777 == 0o600
    assert [*path.parent.iterdir()] == [path]

    path.chmod(0o640)
    lives(lambda mock: mock.call())
    assert path.stat().st_mode & 0o777 == 0o640
    assert len(json.loads(path.read_bytes())["sandboxes"][0]["calls"]) == 2


def test_nothing_is_written_where_nothing_has_changed(lives, path):
    """A server that was only looked at leaves the file as it was; one that was not used at all leaves none."""
    lives(lambda mock: None)
    assert not path.exists()

    lives(lambda mock: mock.call())
    before = path.stat()
    lives(lambda mock: [mock.get(STATE), mock.get("/v1/calls/voicemails"), mock.get("/_mockchirp/sandboxes")])
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


@pytest.mark.parametrize(
    "change",
    [
        lambda mock: mock.put("/_mockchirp/clock", {"rate": 3}),
        lambda mock: mock.post("/v1/webhooks", {"url": "http://x.test", "events": []}),
        lambda mock: mock.request("PATCH", "/_mockchirp/sandbox", json={"rateLimit": "enforce"}),
        lambda mock: mock.advance(by=1),
        lambda mock: mock.post("/_mockchirp/reset"),
    ],
)
def test_every_change_is_written(lives, change):
    """Also one that is no event."""
    lives(lambda mock: mock.call())

    after = lives(lambda mock: change(mock) and mock.get(STATE).json())

    assert lives(lambda mock: mock.get(STATE).json()) == after


def test_a_sandbox_that_was_removed_does_not_come_back(lives):
    """Nor do its keys."""
    lives(lambda mock: (mock.call(), mock.call(key=OTHER)))
    lives(lambda mock: mock.delete("/_mockchirp/sandbox", key=OTHER))

    rows = lives(lambda mock: mock.get("/_mockchirp/sandboxes").json()["data"])

    assert [row["keys"] for row in rows] == [["sk_test_app_local"]]


def test_the_state_goes_before_the_seeds(lives, tmp_path):
    """A seed is where one begins, the state is where one left off; a sandbox that is in no state comes from its seed."""
    seed = tmp_path / "seed.yaml"
    seed.write_text(
        "sandboxes: [{keys: [sk_test_app_local, sk_test_app_b], calls: [{from: +15551234567, to: +15559876543}]}]"
    )
    lives(lambda mock: mock.call(), seed=str(seed))
    seed.write_text(seed.read_text().replace("}]}]", "}]}, {keys: [sk_test_app_c]}]"))

    rows = lives(lambda mock: mock.get("/_mockchirp/sandboxes").json()["data"], seed=str(seed))

    assert [(row["keys"][-1], row["calls"]) for row in rows] == [("sk_test_app_b", 2), ("sk_test_app_c", 0)]


def test_a_clock_that_runs_has_run_on_meanwhile(lives, path):
    """By the machine's time and its own rate; what fell due happens. A frozen clock stands where it stood."""
    lives(lambda mock: mock.put("/_mockchirp/clock", {"mode": "frozen"}, key=OTHER) and mock.call(key=OTHER))
    lives(lambda mock: mock.put("/_mockchirp/clock", {"mode": "real", "rate": 60}) and mock.call())
    document = json.loads(path.read_bytes())
    for sandbox in document["sandboxes"]:
        sandbox["clock"]["asOf"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600))
    path.write_text(json.dumps(document))

    def look(mock):
        clocks = [mock.get("/_mockchirp/clock", key=key).json()["now"] for key in ("sk_test_app_local", OTHER)]
        return clocks, mock.get("/_mockchirp/calls").json()["data"][0]["status"]

    (runs, stands), status = lives(look)
    assert "2026-01-17T22:30:00" <= runs < "2026-01-17T23"
    assert stands == "2026-01-15T10:30:00.000Z"
    assert status == "completed"


def test_links_in_webhooks_go_on_leading_to_where_callers_come(lives, path):
    """They follow the last caller, also over a stop."""
    lives(lambda mock: mock.post("/v1/calls", CALL, headers={"Host": "host.docker.internal:24477"}))

    assert json.loads(path.read_bytes())["sandboxes"][0]["origin"] == "http://host.docker.internal:24477"


@pytest.mark.anyio
async def test_what_was_under_way_is_sent_again_at_the_start(path):
    """Without anybody asking for it."""

    class Never(Sender):
        async def send(self, dispatch):
            await asyncio.Event().wait()
            raise AssertionError

        async def close(self):
            pass

    class Once(Never):
        def __init__(self):
            self.got = []

        async def send(self, dispatch):
            self.got.append(dispatch)
            return Outcome(200, None)

    settings = Settings(clock_mode="frozen", webhook_url="http://app.test/hooks", state_file=str(path))
    first = create_app(settings, sender=Never())
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(first), base_url="http://mock") as client:
        await client.post("/v1/calls", json=CALL, headers={"Authorization": "Bearer sk_test_app_local"})
    await first.close()

    receiver = Once()
    second = create_app(settings, sender=receiver)
    second.start()
    for _ in range(10):
        await asyncio.sleep(0)
    await second.close()

    assert [json.loads(dispatch.body)["event"] for dispatch in receiver.got] == ["calls.initiated"]
    assert json.loads(path.read_bytes())["sandboxes"][0]["deliveries"][0]["status"] == "delivered"


@pytest.mark.anyio
async def test_it_is_written_while_the_server_runs(path):
    """Soon after a change, and again after the next one."""
    app = create_app(Settings(clock_mode="frozen"))
    state_file = StateFile(path, app.runtime, pause=0)
    state_file.load()

    async def calls():
        while True:
            try:
                return len(json.loads(path.read_bytes())["sandboxes"][0]["calls"])
            except FileNotFoundError:
                await asyncio.sleep(0)

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://mock") as client:
        client.headers["Authorization"] = "Bearer sk_test_app_local"
        async with asyncio.timeout(10):
            for number in (1, 2):
                await client.post("/v1/calls", json=CALL)
                while await calls() != number:
                    await asyncio.sleep(0)
    state_file.save()
    await app.close()


@pytest.mark.anyio
async def test_a_save_that_fails_leaves_the_file_and_says_so(path, caplog):
    """And the server goes on."""
    app = create_app(Settings(clock_mode="frozen", state_file=str(path)))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://mock") as client:
        client.headers["Authorization"] = "Bearer sk_test_app_local"
        await client.post("/v1/calls", json=CALL)
        path.with_name(".state.json.saving").mkdir()
        with caplog.at_level(logging.ERROR):
            await app.close()

    assert "the state was not saved: state.json: is a directory" in caplog.text
    assert not path.exists()


def test_a_link_stays_a_link(lives, path, tmp_path):
    """What it points to is what is written."""
    target = tmp_path / "there.json"
    path.symlink_to(target)

    lives(lambda mock: mock.call())

    assert path.is_symlink()
    assert len(json.loads(target.read_bytes())["sandboxes"]) == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty; remove it to begin anew"),
        (b'{"version":1,"sandboxes":[{', "is not valid JSON"),
        (b"[]", "is not a file that mockchirp has saved"),
        (b'{"calls":[]}', "is not a file that mockchirp has saved"),
        (b'{"sandboxes":[]}', "version: None is not a version that this mockchirp reads"),
        (b'{"version":2,"sandboxes":[]}', "version: 2 is not a version that this mockchirp reads"),
        (b'{"version":1,"sandboxes":[{},{"keys":["x"]}]}', "sandboxes.1.keys.0: 'x' is not an app key"),
        (b'{"version":1,"sandboxes":[{},{}]}', "sandboxes.1: sk_test_app_local has a sandbox already"),
        (b'{"version":1,"sandboxes":[{"calls":[{"from":"+15551234567"}]}]}', "sandboxes.0.calls.0.to: is required"),
    ],
)
def test_a_file_that_can_t_be_read_ends_the_start_and_is_left_as_it_was(path, content, says):
    """One line names the file and the reason."""
    path.write_bytes(content)

    with pytest.raises(BadSetting) as refusal:
        create_app(Settings(state_file=str(path)))

    assert str(refusal.value).startswith(f"--state-file {str(path)[:80]!r}"[:60])
    assert says in str(refusal.value)
    assert path.read_bytes() == content
    assert os.listdir(path.parent) == [path.name]


def test_a_place_where_nothing_can_be_written_is_refused_at_the_start(tmp_path):
    """Not when it is too late."""
    for place in (tmp_path / "nowhere" / "state.json", tmp_path):
        with pytest.raises(BadSetting, match="can't be"):
            create_app(Settings(state_file=str(place)))
