"""Prism as a proxy in front of the mock: it refuses every request and every answer that the contract does not know."""

import contextlib
import socket
import subprocess

import httpx2
import pytest

from tests.clients.conftest import LONGEST

OURS = {"Authorization": "Bearer sk_test_app_local"}
ADMIN = {"Authorization": "Bearer sk_admin_local"}
FROM, TO = "+15551234567", "+15005550007"


@pytest.fixture
def prism(node, documents, server):
    """A client of Prism, which stands before the mock and turns whatever breaks the contract into an error of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    command = [node / "prism", "proxy", documents / "chirp.yaml", server.url, "--errors", "-h", "127.0.0.1", "-p", port]
    with subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as proxy:
        try:
            said = ""
            while "is listening" not in said:
                said = proxy.stdout.readline()
                assert said, "Prism has ended"
            with httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=OURS, timeout=LONGEST) as client:
                yield client
        finally:
            proxy.terminate()
            with contextlib.suppress(ValueError):
                proxy.communicate(timeout=10)


@pytest.fixture
def mock(server):
    """A client of the mock itself, for what Chirp's contract does not know."""
    with httpx2.Client(base_url=server.url, headers=OURS) as client:
        yield client


def test_the_whole_surface_passes_through_prism(prism, mock):
    """Every operation, with success and with each usual error, both ways."""

    def ask(status, method, path, json=None, **options):
        answer = prism.request(method, path, **({} if json is None else {"json": json}), **options)
        assert answer.status_code == status, (method, path, answer.text)
        return answer

    def advance(by):
        mock.post("/_mockchirp/clock/advance", json={"by": by}).raise_for_status()

    def command(call_id, type, status=200, **parameters):
        return ask(status, "POST", f"/v1/calls/{call_id}/commands", {"type": type, **parameters}).json()

    webhook = ask(
        201,
        "POST",
        "/v1/webhooks",
        {"url": "http://127.0.0.1:9/hooks", "events": ["calls.completed"], "headers": {"X-Token": "abc"}},
    ).json()
    path = f"/v1/webhooks/{webhook['id']}"
    ask(200, "GET", path)
    ask(200, "PUT", path, {"events": ["calls.participant.joined", "calls.no_answer"]})
    assert ask(200, "GET", "/v1/webhooks").json()["totalCount"] == 1
    ask(200, "DELETE", path)
    ask(404, "GET", path)

    call = ask(201, "POST", "/v1/calls", {"from": FROM, "to": TO, "metadata": {"a": {"b": [1, None]}}}).json()
    assert ask(200, "GET", f"/v1/calls/{call['id']}").json()["metadata"] == {"a": {"b": [1, None]}}
    assert command(call["id"], "start_recording")["status"] == "queued"
    advance("10s")
    command(call["id"], "hold", musicUrl="https://music.example.com/waiting.mp3")
    command(call["id"], "unhold")
    command(call["id"], "mute", participant="from")
    command(call["id"], "unmute", participant="from")
    command(call["id"], "transfer", to="agent-8", toChannel="webrtc")
    command(call["id"], "answer", 409)
    command(call["id"], "stop_recording")
    advance("3s")
    (recording,) = ask(200, "GET", f"/v1/calls/{call['id']}/recordings").json()["data"]
    assert recording["status"] == "completed"
    ask(200, "GET", f"/v1/calls/recordings/{recording['id']}")
    ask(200, "DELETE", f"/v1/calls/recordings/{recording['id']}")
    ask(404, "GET", f"/v1/calls/recordings/{recording['id']}")
    ask(200, "DELETE", f"/v1/calls/{call['id']}")
    ask(409, "DELETE", f"/v1/calls/{call['id']}")
    ask(424, "POST", "/v1/calls", {"from": FROM, "to": "+15005550009"})
    ask(401, "GET", f"/v1/calls/{call['id']}", headers={"Authorization": "Bearer nonsense"})

    inbound = [mock.post("/_mockchirp/calls").json()["id"] for _ in range(2)]
    command(inbound[0], "reject", reason="Out of office")
    command(inbound[1], "send_to_voicemail")
    advance("1m")
    (voicemail,) = ask(200, "GET", "/v1/calls/voicemails?limit=5&offset=0").json()["data"]
    path = f"/v1/calls/voicemails/{voicemail['id']}"
    ask(200, "GET", path)
    assert ask(200, "PATCH", path, {"isRead": True}).json()["isRead"] is True
    ask(200, "DELETE", path)
    ask(200, "POST", "/v1/calls/token", {"roomName": "call-abc", "participantIdentity": "agent-7", "ttl": 600})

    path = f"/v1/organization/apps/{call['appId']}/calling"
    assert ask(200, "GET", path, headers=ADMIN).json()["defaultAnswerBehavior"] == "webhook"
    ask(200, "PUT", path, {"defaultAnswerBehavior": "voicemail", "voicemailGreetingUrl": None}, headers=ADMIN)
