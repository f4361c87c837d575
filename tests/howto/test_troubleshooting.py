"""The page on troubleshooting tells the truth: its commands work, and what it says of an error is what the server says."""

import json
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from mockchirp.api.routes import OPERATIONS as CHIRPS
from mockchirp.control.routes import OPERATIONS as CONTROLS
from mockchirp.server import Server
from mockchirp.settings import Settings, flag, variable

PAGE = (Path(__file__).parents[2] / "docs" / "troubleshooting.md").read_text()
ONE, TWO = "+15551234567", "+15559876543"


class Receiver(BaseHTTPRequestHandler):
    """Answers with the status that the path names, else 200."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(int(self.path[1:]) if self.path[1:].isdigit() else 200)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def listening() -> Iterator[str]:
    """The URL of a receiver on a socket, without its path."""
    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def nobody() -> str:
    """A URL at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        return f"http://127.0.0.1:{reserved.getsockname()[1]}"


def walk(name: str) -> str:
    """The commands of the page that are marked with ``name``."""
    found = re.search(rf"<!-- walk: {name} -->\n```sh\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None, name
    return found[1]


@pytest.fixture
def run(tmp_path: Path) -> Callable[[Server, str, str], list[Any]]:
    """Run commands of the page at a server, as they are printed; the answers."""
    if not (shutil.which("bash") and shutil.which("curl")):
        pytest.skip("the page needs bash and curl")
    setting = "".join(walk("webhook").partition("\n\n")[:2])

    def run(server: Server, script: str, listening: str) -> list[Any]:
        text = script if script.startswith(setting) else setting + script
        text = re.sub(r"^curl .*$", r"\g<0>; echo", text, flags=re.MULTILINE)
        text = text.replace("http://127.0.0.1:24477", server.url).replace("http://127.0.0.1:3000", listening)
        command = ["bash", "-euo", "pipefail", "-c", text]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


def test_the_questions_about_a_webhook_are_answered(run, listening, nobody):
    """Each is seen in the answer that the page points to; a redelivery tries another URL."""
    with Server(Settings(port=0, clock_mode="frozen", webhook_url=f"{nobody}/webhooks")) as server:
        script = """
curl -s -X POST $API/_mockchirp/calls
curl -s $API/_mockchirp/clock/advance -H "$JSON" -d '{"by": 1}'
"""
        run(server, script, listening)
        deliveries, webhooks, sandboxes, clock, faults = run(server, walk("webhook"), listening)
        (again,) = run(server, walk("redeliver"), listening)
        script = """curl -s $API/_mockchirp/wait -H "$JSON" -d '{"for": {"delivery": {"status": "delivered"}}}'\n"""
        (delivered,) = run(server, script, listening)

    (delivery,) = deliveries["data"]
    assert delivery["status"] == "pending"
    assert delivery["nextAttemptAt"]
    assert delivery["attempts"][0]["outcome"] == "failed"
    assert delivery["attempts"][0]["error"].startswith("connection refused by 127.0.0.1")
    assert webhooks["data"][0]["events"][0] == "calls.initiated"
    assert (sandboxes["data"][0]["keys"], sandboxes["data"][0]["calls"]) == (["sk_test_app_local"], 1)
    assert (clock["mode"], bool(clock["nextDue"])) == ("frozen", True)
    assert faults == {"data": [], "totalCount": 0}
    assert again["id"] == delivered["delivery"]["id"] == "dlv_1"
    assert delivered["delivery"]["attempts"][-1]["url"] == f"{listening}/webhooks"


@pytest.mark.parametrize("status", [204, 302, 404, 401, 500])
def test_the_page_knows_what_is_said_of_an_answer(run, listening, status):
    """But of errors of the receiver's own."""
    with Server(Settings(port=0, clock_mode="frozen", webhook_url=f"{listening}/{status}")) as server:
        script = """
curl -s -X POST $API/_mockchirp/calls
curl -s $API/_mockchirp/clock/advance -H "$JSON" -d '{"by": 0}'
curl -s $API/_mockchirp/deliveries
"""
        *_, deliveries = run(server, script, listening)

    (attempt,) = deliveries["data"][0]["attempts"]
    said = [words for words in re.findall(r"`(answered [^`]*)`", PAGE) if attempt["error"].startswith(words)]
    assert attempt["outcome"] == "failed"
    assert said or status == 500


def test_the_other_commands_work_as_they_are_printed(run, listening):
    """On a test's own key, too, which is gone in the end."""
    with Server(Settings(port=0, clock_mode="frozen", webhook_url=f"{listening}/200")) as server:
        (failures,) = run(server, walk("link"), listening)
        (call,) = run(server, walk("voicemail"), listening)
        clock, placed, report, removed = run(server, walk("test"), listening)
        (sandboxes,) = run(server, "curl -s $API/_mockchirp/sandboxes\n", listening)

    assert failures["data"] == []
    assert (call["direction"], call["history"][0]["type"]) == ("inbound", "calls.initiated")
    assert (clock["mode"], placed["status"]) == ("frozen", "initiated")
    assert "calls.answered" in [event["type"] for event in report["events"]]
    assert removed["calls"] == 1
    assert [sandbox["keys"] for sandbox in sandboxes["data"]] == [["sk_test_app_local"]]


def test_the_page_knows_what_is_said_of_a_link(mock, refused):
    """Expired, changed, without a signature, deleted; and of a recording of another sandbox."""
    call_id = mock.call("+15005550007")["id"]
    mock.command(call_id, "start_recording")
    mock.advance(by=10)
    mock.command(call_id, "stop_recording")
    mock.advance(by=2)
    (recording,) = mock.get(f"/v1/calls/{call_id}/recordings").json()["data"]
    url = recording["fileUrl"].removeprefix("http://127.0.0.1:24477")

    def says(path: str, status: int, words: str, **options: Any) -> None:
        assert words in PAGE
        assert words.strip("… ") in mock.get(path, **options).json()["error"]["message"]
        assert mock.get(path, **options).status_code == status

    says(url.partition("?")[0], 403, "has no signature")
    says(url + "0", 403, "is not genuine")
    says(f"/v1/calls/recordings/{recording['id']}", 404, "No such recording", key="sk_test_app_other")
    mock.advance(by="1h")
    says(url, 403, "expired at …")
    mock.delete(f"/v1/calls/recordings/{recording['id']}")
    says(url, 404, "was deleted")


def test_a_late_command_is_told_when_the_30_seconds_ran_out(mock):
    """As the page has it; and a call without one went to voicemail."""
    call = mock.post("/_mockchirp/calls", {}).json()
    mock.advance(by="60s", quiet="0")

    assert "ran out at 2026-01-15T10:30:30.000Z" in mock.command(call["id"], "answer").json()["error"]["message"]
    assert mock.get(f"/v1/calls/{call['id']}").json()["status"] == "voicemail"


def test_what_the_page_names_is_there():
    """Headings that are linked to, flags, variables, and the paths of requests."""
    headings = {
        re.sub(r"[^a-z0-9 -]", "", line.lower()).replace(" ", "-")
        for line in re.findall(r"^## (.*)$", PAGE, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]*)\)", PAGE)) <= headings
    flags = {flag(name) for name in Settings.model_fields}
    others = {"--tmpfs", "--read-only", "--add-host"}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE)) <= flags | others
    assert set(re.findall(r"MOCKCHIRP_[A-Z_]+", PAGE)) <= {variable(name) for name in Settings.model_fields}
    known = {f"{row.method} {row.path}" for row in (*CHIRPS, *CONTROLS)}
    named = set(re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) /[^\s`]*)", PAGE))
    assert named <= known
    assert len(named) > 10
