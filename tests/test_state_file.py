"""The state file: what one server leaves, the next one takes up; and whatever happens, the file is whole."""

import asyncio
import json
import logging
import os
import socket
import time

import httpx2
import pytest

from mockchirp.app import create_app
from mockchirp.core.deliveries import Outcome
from mockchirp.sending.sender import Sender
from mockchirp.server import write_port_file
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
        path.mkdir()
        with caplog.at_level(logging.ERROR):
            await app.close()

    assert "the state was not saved: state.json: is a directory" in caplog.text
    assert list(path.parent.iterdir()) == [path], "what was begun is removed"


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
        (b'{"version":1,"sandboxes":[\n{},\n{"keys', "is not valid JSON"),
        (b'{"version":1,"sandboxes":[\n{}\n]}\n{}', "is not valid JSON"),
        (b"\x1f\x8b\x08\x00\x00", "is not a file that mockchirp has saved"),
        (b"\x00" * 5000, "is not a file that mockchirp has saved"),
        (b'{"name": "app", "dependencies": {}}', "is not a file that mockchirp has saved"),
        (b'{"version":1,"sandboxes":[],"calls":[]}', "calls: can't stand beside sandboxes"),
        (b'{"version":1,"sandboxes":{}}', "is not a file that mockchirp has saved"),
        (b'{"version":"1","sandboxes":[]}', "version: 1 is not a version that this mockchirp reads"),
        (b"[]", "is not a file that mockchirp has saved"),
        (b'{"calls":[]}', "is not a file that mockchirp has saved"),
        (b'{"sandboxes":[]}', "version: None is not a version that this mockchirp reads"),
        (b'{"version":2,"sandboxes":[]}', "version: 2 is not a version that this mockchirp reads"),
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


GOOD = '{"keys":["sk_test_app_good"],"calls":[{"from":"+15551234567","to":"+15559876543"}]}'
DEEP = '{"calls":[{"from":"+15551234567","to":"+15559876543","metadata":' + '{"a":' * 60 + "{}" + "}" * 60 + "}]}"


@pytest.mark.parametrize(
    ("bad", "settings", "says"),
    [
        ('{"calls":[{"from":"+15551234567"}]}', {}, "sandboxes[1].calls[0].to: is required"),
        ('{"keys":["x"]}', {}, "sandboxes[1].keys[0]: 'x' is not an app key"),
        ('{"version":2}', {}, "sandboxes[1].version: 2 is not a version that this mockchirp reads"),
        ('{"keys":["sk_test_app_good"]}', {}, "sk_test_app_good has a sandbox already"),
        ('{"keys":["sk_test_app_other"]}', {"api_keys": "sk_test_app_good"}, "sandboxes[1].keys: Invalid API key"),
        ("{}", {"max_sandboxes": 1}, "sandboxes[1]: there are 1 sandboxes, and max_sandboxes allows no more"),
        ('{"colour":123456789012345678901234567890}', {}, "sandboxes[1].colour: is not a known field here"),
        (DEEP, {}, "sandboxes[1]: is nested more than 40 levels deep"),
        ("7", {}, "sandboxes[1]: "),
        ("null", {}, "sandboxes[1]: "),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
@pytest.mark.parametrize("layout", ["[\n%s,\n%s\n]}\n", "[%s, %s]}", " [ %s ,\n\n %s\n ] }"])
def test_a_bad_sandbox_is_set_aside_and_the_others_serve(open_mock, path, caplog, layout, bad, settings, says):
    """Whole, in a file that says what it is; one line names the file, the sandbox, the place and the reason."""
    path.write_text('{"version":1,"sandboxes":' + layout % (GOOD, bad))

    mock = open_mock(state_file=str(path), **settings)

    rows = mock.get("/_mockchirp/sandboxes", key="sk_test_app_good").json()["data"]
    assert [(row["keys"], row["calls"]) for row in rows] == [(["sk_test_app_good"], 1)]
    (line,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert says in line
    assert str(path.with_name("state.set-aside-1.json")) in line
    assert path.with_name("state.set-aside-1.json").read_text() == '{"version":1,"sandboxes":[\n' + bad + "\n]}\n"


def test_what_is_set_aside_is_never_overwritten(lives, path):
    """Not by another sandbox; and what was set aside before a kill is not set aside twice."""
    aside = [path.with_name(f"state.set-aside-{number}.json") for number in (1, 2, 3)]
    for number in (1, 2):
        path.write_text(json.dumps({"version": 1, "sandboxes": [{"phoneNumbers": [str(number)]}]}))
        create_app(Settings(state_file=str(path))).abandon()
        lives(lambda mock: None)
        assert json.loads(path.read_bytes())["sandboxes"] == []

    assert ['"1"' in aside[0].read_text(), '"2"' in aside[1].read_text(), aside[2].exists()] == [True, True, False]


def test_what_was_set_aside_can_be_a_seed_once_it_is_mended(open_mock, lives, path):
    """It has the form of a file with sandboxes."""
    path.write_text('{"version":1,"sandboxes":[{"calls":[{"from":"+15551234567"}]}]}')
    lives(lambda mock: None)
    aside = path.with_name("state.set-aside-1.json")
    aside.write_text(aside.read_text().replace("4567", '4567","to":"+15559876543'))

    assert open_mock(seed=str(aside)).get("/_mockchirp/calls").json()["totalCount"] == 1


def test_a_log_shows_no_whole_key(path, caplog):
    """Keys are credentials; the app and the beginning tell one from another."""
    key = "sk_live_app_8fK2mQ9xT4vB7nL1"
    path.write_text(json.dumps({"version": 1, "sandboxes": [{"keys": [key]}, {"keys": [key]}]}))

    create_app(Settings(state_file=str(path))).abandon()

    assert key not in caplog.text
    assert "the sandbox of app_" in caplog.text
    assert caplog.text.count("sk_live_app_8fK2mQ…") == 2


def test_many_bad_sandboxes_do_not_fill_the_log(path, caplog):
    """The file has them all."""
    path.write_text(json.dumps({"version": 1, "sandboxes": [{"seed": "x", "identity": str(i)} for i in range(50)]}))

    create_app(Settings(state_file=str(path))).abandon()

    assert len(caplog.records) == 21
    assert "so are 30 more sandboxes" in caplog.records[-1].getMessage()
    assert len(json.loads(path.with_name("state.set-aside-1.json").read_bytes())["sandboxes"]) == 50


@pytest.mark.parametrize("name", ["state.json", "./x/../state.json", "link.json", "twin.json"])
def test_a_file_has_one_server(tmp_path, monkeypatch, name):
    """By whatever name the second one comes, it gets one clear line, and may have the file when the first is gone."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "state.json"
    path.write_text('{"version":1,"sandboxes":[]}')
    (tmp_path / "x").mkdir()
    (tmp_path / "link.json").symlink_to("state.json")
    (tmp_path / "twin.json").hardlink_to(path)
    first = create_app(Settings(state_file=str(path)))

    with pytest.raises(BadSetting, match=r"is in use by .*process.*; every server needs a file of its own") as refusal:
        create_app(Settings(state_file=name))

    assert "\n" not in str(refusal.value)
    first.abandon()
    create_app(Settings(state_file=name)).abandon()
    assert not list(tmp_path.glob(".*"))


def test_a_start_that_fails_lets_go_of_the_file(path):
    """Whether it was the file or a seed that ended it."""
    for content, seed in ((b"", None), (b'{"version":1,"sandboxes":[]}', "nobody")):
        path.write_bytes(content)
        with pytest.raises(BadSetting):
            create_app(Settings(state_file=str(path), seed=seed))
        assert list(path.parent.iterdir()) == [path]


def test_drafts_of_the_dead_are_swept(lives, path):
    """Nobody else's, and no file that only looks like one."""
    others = [
        ".state.json.x.abcdefgh.draft",
        ".other.json.abcdefgh.draft",
        "state.json.abcdefgh.draft",
        ".state.json.draft",
    ]
    for name in (".state.json.abcdefgh.draft", ".state.json.x_y_z_12.draft", *others):
        path.with_name(name).touch()

    lives(lambda mock: mock.call())

    assert {each.name for each in path.parent.iterdir()} == {path.name, *others}


@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "directory"])
def test_what_is_no_file_is_refused_without_being_opened(tmp_path, kind):
    """A pipe would make the start wait for ever, and a device may never end."""
    path = tmp_path / "it"
    with socket.socket(socket.AF_UNIX) as listener:
        match kind:
            case "pipe":
                os.mkfifo(path)
            case "socket":
                listener.bind(str(path))
            case "device":
                path.symlink_to("/dev/zero")
            case "directory":
                path.mkdir()
        for settings in ({"state_file": str(path)}, {"seed": str(path)}):
            with pytest.raises(BadSetting, match=f"is a (named )?{kind}"):
                create_app(Settings(**settings))
        with pytest.raises(BadSetting, match=f"--port-file .* is a (named )?{kind}"):
            write_port_file(path, 1)
        assert list(tmp_path.iterdir()) == [path]


def test_a_place_where_nothing_can_be_written_is_refused_at_the_start(tmp_path):
    """Not when it is too late."""
    for place in (tmp_path / "nowhere" / "state.json", tmp_path):
        with pytest.raises(BadSetting, match="can't be"):
            create_app(Settings(state_file=str(place)))


@pytest.mark.anyio
async def test_a_sandbox_that_can_t_be_written_does_not_keep_the_server_from_stopping(path, caplog):
    """It would be a fault of ours: the file stays as it was, the log says why, and the next server may have it."""
    app = create_app(Settings(clock_mode="frozen", state_file=str(path)))
    app.runtime.sandbox_of("sk_test_app_local").sandbox.place_call(
        "+15551234567", "+15559876543", metadata={"x": object()}
    )

    await app.close()

    assert "the state was not saved: state.json" in caplog.text
    assert list(path.parent.iterdir()) == []
