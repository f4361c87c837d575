"""The whole calling product through a real server, with real receivers: once with all that is assumed, and once without."""

import io
import json
import threading
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import av
import httpx2
import pytest
from livekit.api import TokenVerifier

from mockchirp.core.events import EVENTS
from mockchirp.server import Server
from mockchirp.settings import Settings

KEY = {"Authorization": "Bearer sk_test_app_local"}
ADMIN = {"Authorization": "Bearer sk_admin_local"}
LIFE = list(EVENTS)
"""Names of events, for those of one instant in the order in which a call has them."""


class Receiver(ThreadingHTTPServer):
    """An application's webhook endpoint: keeps what it is told and answers 200."""

    daemon_threads = True

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        told = self.told

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    def events(self, call_id: str) -> list[str]:
        """What it was told of a call, without what is assumed, by time: in which order it arrives is not promised."""
        told = [payload for payload in self.told if payload["data"]["call"]["id"] == call_id]
        told.sort(key=lambda payload: (payload["timestamp"], LIFE.index(payload["event"])))
        names = [payload["event"] for payload in told]
        return [name for name in names if name not in ("calls.participant.joined", "calls.participant.left")]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(params=[False, True], ids=["all", "strict"])
def chirp(request: pytest.FixtureRequest, receiver: Receiver) -> Iterator[httpx2.Client]:
    """A client of a server that tells the receiver of everything."""
    settings = Settings(
        port=0,
        clock_mode="frozen",
        strict=request.param,
        webhook_url=f"http://127.0.0.1:{receiver.server_port}/hooks",
    )
    with Server(settings) as server, httpx2.Client(base_url=server.url, headers=KEY) as client:
        yield client


def post(chirp: httpx2.Client, path: str, body: dict[str, Any]) -> Any:
    """A POST that must succeed; its JSON."""
    answer = chirp.post(path, json=body)
    assert answer.is_success, answer.text
    return answer.json()


def command(chirp: httpx2.Client, call_id: str, type: str, **parameters: str) -> None:
    post(chirp, f"/v1/calls/{call_id}/commands", {"type": type, **parameters})


def receive(chirp: httpx2.Client, **fields: str) -> str:
    """Somebody calls; the id of the call."""
    call_id: str = post(chirp, "/_mockchirp/calls", fields)["id"]
    return call_id


def advance(chirp: httpx2.Client, **how: object) -> None:
    post(chirp, "/_mockchirp/clock/advance", how)


def status(chirp: httpx2.Client, call_id: str) -> tuple[str, str]:
    call = chirp.get(f"/v1/calls/{call_id}").json()
    return call["status"], call["endReason"]


def played(chirp: httpx2.Client, recording: dict[str, Any]) -> float:
    """The seconds of sound in the file of a recording."""
    with httpx2.Client() as anybody:
        audio = anybody.get(recording["fileUrl"])
    assert len(audio.content) == recording["fileSize"]
    with av.open(io.BytesIO(audio.content)) as file:
        return sum(frame.samples / frame.sample_rate for frame in file.decode(audio=0))


def test_everything_that_can_befall_an_inbound_call(chirp: httpx2.Client, receiver: Receiver) -> None:
    """One is answered, recorded, put on hold and hung up, one is rejected, one becomes a voicemail, one is abandoned."""
    answered = receive(chirp, scenario="endless")
    command(chirp, answered, "answer")
    command(chirp, answered, "start_recording", format="webm")
    command(chirp, answered, "hold", musicUrl="https://music.example.com/waiting.mp3")
    advance(chirp, by=20)
    command(chirp, answered, "unhold")
    command(chirp, answered, "hangup")
    rejected = receive(chirp)
    command(chirp, rejected, "reject", reason="Out of office")
    unanswered = receive(chirp)
    abandoned = receive(chirp, **{"from": "+15005550002"})
    advance(chirp, until="idle")

    assert status(chirp, answered) == ("completed", "hangup")
    assert status(chirp, rejected) == ("busy", "rejected")
    assert status(chirp, unanswered) == ("completed", "hangup")
    assert status(chirp, abandoned) == ("canceled", "canceled")
    (talk,) = chirp.get(f"/v1/calls/{answered}/recordings").json()["data"]
    assert played(chirp, talk) == pytest.approx(20, abs=0.1)
    (voicemail,) = chirp.get("/v1/calls/voicemails").json()["data"]
    assert voicemail["callId"] == unanswered
    message = chirp.get(f"/v1/calls/recordings/{voicemail['recordingId']}").json()
    assert played(chirp, message) == pytest.approx(30, abs=0.1)
    end = ["calls.completed", "calls.recording.completed"]
    assert receiver.events(answered) == ["calls.initiated", "calls.answered", *end]
    assert receiver.events(rejected) == ["calls.initiated", "calls.failed"]
    heard = receiver.events(unanswered)
    assert heard[:2] == ["calls.initiated", "calls.completed"]
    assert heard[2:] == ["calls.recording.completed", "calls.voicemail.received"]
    assert receiver.events(abandoned) == ["calls.initiated", "calls.completed"]


def test_one_webhook_that_fails_throughout_and_one_that_is_served_on_time(
    chirp: httpx2.Client, receiver: Receiver
) -> None:
    """Six attempts fail, each in words, while the other receiver hears of everything at the first."""
    dead = f"https://127.0.0.1:{receiver.server_port}/hooks"  # that port doesn't speak TLS
    webhook = post(chirp, "/v1/webhooks", {"url": dead, "events": ["calls.initiated", "calls.completed"]})
    call_id = post(chirp, "/v1/calls", {"from": "+15551234567", "to": "+15005550008"})["id"]
    advance(chirp, until="idle")

    deliveries = chirp.get("/_mockchirp/deliveries", params={"callId": call_id}).json()["data"]
    failed = [delivery for delivery in deliveries if delivery["webhookId"] == webhook["id"]]
    assert [(each["status"], len(each["attempts"])) for each in failed] == [("exhausted", 6)] * 2
    assert all(attempt["error"] for delivery in failed for attempt in delivery["attempts"])
    well = [delivery for delivery in deliveries if delivery["webhookId"] != webhook["id"]]
    assert {(each["status"], len(each["attempts"])) for each in well} == {("delivered", 1)}
    heard = receiver.events(call_id)
    assert [name for name in heard if name != "calls.ringing"] == [
        "calls.initiated",
        "calls.answered",
        "calls.completed",
    ]


def test_a_token_that_livekit_takes(chirp: httpx2.Client) -> None:
    """On a clock that shows the time that its library reads."""
    now = datetime.now(UTC).isoformat()
    chirp.put("/_mockchirp/clock", json={"now": now, "mode": "real"}).raise_for_status()

    token = post(chirp, "/v1/calls/token", {"roomName": "call-7", "participantIdentity": "agent-7"})["token"]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the secret is short, and well known
        assert TokenVerifier("devkey", "secret").verify(token).identity == "agent-7"


def test_an_administrator_configures_the_calls_of_an_app(chirp: httpx2.Client) -> None:
    """From then on every answered call is recorded, and nobody who calls gets to voicemail."""
    app_id = chirp.get("/_mockchirp/sandbox").json()["appId"]
    path = f"/v1/organization/apps/{app_id}/calling"
    assert chirp.put(path, json={}, headers=KEY).status_code == 401

    answer = chirp.put(path, json={"autoRecordEnabled": True, "voicemailEnabled": False}, headers=ADMIN)

    assert answer.json()["autoRecordEnabled"] is True
    call_id = post(chirp, "/v1/calls", {"from": "+15551234567", "to": "+15005550008"})["id"]
    unanswered = receive(chirp)
    advance(chirp, until="idle")
    assert chirp.get(f"/v1/calls/{call_id}/recordings").json()["totalCount"] == 1
    assert status(chirp, unanswered) == ("busy", "rejected")
