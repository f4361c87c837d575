"""What the tests of the contract share."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
import yaml

HERE = Path(__file__).parent
DOCUMENTED = HERE.parents[1] / "fixtures" / "documented"
OURS = {"Authorization": "Bearer sk_test_app_local"}
APPS = {"ours": OURS, "theirs": {"Authorization": "Bearer sk_live_app_theirs"}}
ADMIN = {"Authorization": "Bearer sk_admin_local"}


@pytest.fixture(scope="session")
def documented() -> dict[str, dict[str, Any]]:
    """Chirp's own examples by file name: each entry of the index, with the `example` itself."""
    index = yaml.safe_load((DOCUMENTED / "index.yaml").read_text())
    return {
        entry["file"]: {**entry, "example": json.loads((DOCUMENTED / entry["file"]).read_text())} for entry in index
    }


@pytest.fixture(scope="session")
def documented_files() -> set[str]:
    """The names of the files of examples that there are."""
    return {path.name for path in DOCUMENTED.glob("*.json")}


class Client(Protocol):
    """What sends requests: the shared `Mock`, or a client of a real server."""

    def get(self, path: str, *, headers: Any) -> httpx2.Response: ...

    def post(self, path: str, *, json: Any, headers: Any) -> httpx2.Response: ...


@dataclass
class World:
    """Our sandbox: calls of both directions in every status, recordings in every status and format, voicemails, webhooks."""

    client: Client
    call_ids: list[str] = field(default_factory=list)
    recording_ids: list[str] = field(default_factory=list)
    voicemail_ids: list[str] = field(default_factory=list)
    webhook_ids: list[str] = field(default_factory=list)

    @property
    def app_id(self) -> str:
        """The app that our sandbox is."""
        return self.client.get("/_mockchirp/sandbox", headers=OURS).json()["appId"]

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """A request that must succeed; its JSON."""
        answer = self.client.post(path, json=body, headers=OURS)
        assert answer.is_success, answer.text
        return answer.json()

    def advance(self, seconds: int) -> None:
        """Move the time of our sandbox."""
        self.post("/_mockchirp/clock/advance", {"by": seconds})

    def call(self, to: str) -> str:
        """Place a call; its id."""
        self.call_ids.append(self.post("/v1/calls", {"from": "+15551234567", "to": to})["id"])
        return self.call_ids[-1]

    def receive(self, **fields: str) -> str:
        """Let somebody call; the id of the call."""
        self.call_ids.append(self.post("/_mockchirp/calls", fields)["id"])
        return self.call_ids[-1]

    def command(self, call_id: str, type: str, **parameters: str) -> None:
        """Command a call."""
        self.post(f"/v1/calls/{call_id}/commands", {"type": type, **parameters})

    def recordings(self, call_id: str) -> list[dict[str, Any]]:
        """The recordings of a call."""
        return self.client.get(f"/v1/calls/{call_id}/recordings", headers=OURS).json()["data"]

    def link(self) -> tuple[str, str]:
        """The file name and the signature of a link that works."""
        urls = [recording["fileUrl"] for call_id in self.call_ids for recording in self.recordings(call_id)]
        parts = urlsplit(next(url for url in urls if url))
        return parts.path.rpartition("/")[2], parse_qs(parts.query)["signed"][0]


@pytest.fixture
def headers() -> dict[str, dict[str, str]]:
    """The headers of each app that schemathesis is."""
    return APPS


@pytest.fixture
def populate() -> Callable[[Client], World]:
    """Fill our sandbox on a server that the given client reaches."""

    def fill(client: Client) -> World:
        world = World(client)
        for url in ("https://app.test/calls", "https://app.test/all"):
            world.webhook_ids.append(world.post("/v1/webhooks", {"url": url, "events": ["calls.completed"]})["id"])
        for _ in range(4):
            world.receive()  # nobody answers: a voicemail comes of it
        world.receive(scenario="no_answer")
        for number in ("+15005550001", "+15005550002", "+15005550003", "+15005550004", "+15005550005", "+15005550008"):
            world.call(number)
        world.advance(200)
        failed = world.call("+15005550006")
        talks = [world.call("+15005550007") for _ in range(6)]
        world.advance(5)
        for call_id, format in zip([failed, *talks], ["mp4", "ogg", "webm", "mp4", "ogg", "webm", "mp4"], strict=True):
            world.command(call_id, "start_recording", format=format)
        world.advance(4)
        for call_id in (failed, *talks[:4]):
            world.command(call_id, "stop_recording")
        world.advance(3)
        world.command(talks[0], "hold")
        world.call("+15005550007")
        world.advance(1)
        world.command(talks[4], "stop_recording")
        world.call("+15005550007")
        inbound = [world.receive(**channel) for channel in ({}, {}, {}, {}, {"fromChannel": "webrtc"})]
        world.command(inbound[0], "answer")
        world.command(inbound[1], "reject")
        world.command(inbound[2], "send_to_voicemail")
        world.advance(0)  # what is being sent has been sent
        voicemails = client.get("/v1/calls/voicemails", headers=OURS).json()["data"]
        world.voicemail_ids = [voicemail["id"] for voicemail in voicemails]
        for call_id in world.call_ids:
            world.recording_ids += [recording["id"] for recording in world.recordings(call_id)]
        assert (len(world.recording_ids), len(world.voicemail_ids)) == (11, 4)
        return world

    return fill


@pytest.fixture
def write_config(tmp_path: Path) -> Callable[[World, dict[str, str]], Path]:
    """Write schemathesis' configuration for a world; ``parameters`` fixes the values of some, by name.

    Two apps: neither may see what belongs to the other. And an administrator, who is tried where both are refused.
    """

    def write(world: World, parameters: dict[str, str]) -> Path:
        keys = tmp_path / "keys.json"
        entries = [
            {"name": name, "fixedHeaders": [{"name": header, "value": value} for header, value in headers.items()]}
            for name, headers in {**APPS, "admin": ADMIN}.items()
        ]
        keys.write_text(json.dumps({"auth": entries}))
        # Strings and lists of strings are written the same in TOML and JSON.
        lines = [
            "[auth.wfc]",
            f"path = {json.dumps(str(keys))}",
            f"peers = {json.dumps(list(APPS))}",
            "[dictionaries]",
            f"calls.values = {json.dumps(world.call_ids)}",
            f"recordings.values = {json.dumps(world.recording_ids)}",
            f"voicemails.values = {json.dumps(world.voicemail_ids)}",
            f"webhooks.values = {json.dumps(world.webhook_ids)}",
            f"apps.values = {json.dumps([world.app_id])}",
            "[parameters]",
            '"path.callId" = { dictionary = "calls", probability = 0.8 }',
            '"path.recordingId" = { dictionary = "recordings", probability = 0.5 }',
            '"path.voicemailId" = { dictionary = "voicemails", probability = 0.5 }',
            '"path.webhookId" = { dictionary = "webhooks", probability = 0.5 }',
            '"path.appId" = { dictionary = "apps", probability = 0.8 }',
            *(f"{json.dumps(name)} = {json.dumps(value)}" for name, value in parameters.items()),
        ]
        path = tmp_path / "schemathesis.toml"
        path.write_text((HERE / "schemathesis.toml").read_text() + "\n".join(lines) + "\n")
        return path

    return write
