"""An application that acknowledges webhooks at once and acts afterwards, over real sockets: an advance gives it the time."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx2
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mockchirp.server import Server
from mockchirp.settings import Settings

KEY = {"Authorization": "Bearer sk_test_app_local"}
RUNS = 6


class Application:
    """Answers inbound calls in the background, as long as :attr:`gate` is open."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.answers: list[int] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/hooks"
        self.api = ""
        routes = [Route("/hooks", self._hear, methods=["POST"])]
        self._server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), lifespan="off", log_config=None))
        self._thread = threading.Thread(target=self._run, daemon=True)

    async def _hear(self, request: Request) -> Response:
        webhook = json.loads(await request.body())
        if webhook["event"] == "calls.initiated":
            self._tasks.append(asyncio.ensure_future(self._answer(webhook["data"]["call"]["id"])))
        return Response()

    async def _answer(self, call_id: str) -> None:
        await asyncio.to_thread(self.gate.wait, 5)
        path = f"{self.api}/v1/calls/{call_id}/commands"
        with suppress(httpx2.TransportError):  # the server has stopped
            answer = await asyncio.to_thread(self._client.post, path, json={"type": "answer"}, headers=KEY)
            self.answers.append(answer.status_code)

    def _run(self) -> None:
        with httpx2.Client() as self._client:
            asyncio.run(self._server.serve(sockets=[self._listener]))

    def __enter__(self) -> "Application":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.should_exit = True
        self.gate.set()
        self._thread.join()
        self._listener.close()


@pytest.fixture
def application() -> Iterator[Application]:
    with Application() as application:
        yield application


@pytest.fixture(params=["frozen", "real"])
def chirp(request: pytest.FixtureRequest, application: Application) -> Iterator[httpx2.Client]:
    """A client of a server that tells the application of everything. It is generous, since a machine that runs tests is busy."""
    settings = Settings(port=0, clock_mode=request.param, webhook_url=application.url, advance_quiet="400ms")
    with Server(settings) as server, httpx2.Client(base_url=server.url, headers=KEY, timeout=30) as client:
        application.api = server.url
        yield client


def post(chirp: httpx2.Client, path: str, body: Any = None) -> Any:
    answer = chirp.post(path, json=body)
    assert answer.is_success, answer.text
    return answer.json()


def is_advancing(chirp: httpx2.Client) -> bool:
    """Whether an advance is under way: then nobody else moves time."""
    return chirp.put("/_mockchirp/clock", json={}).status_code == 409


def test_a_call_that_is_answered_in_the_background_is_answered_every_time(
    chirp: httpx2.Client, application: Application
) -> None:
    """Time does not run away from it: it is in progress since the second in which it came, in every run."""
    seen = []
    for _ in range(RUNS):
        call_id = post(chirp, "/_mockchirp/calls")["id"]
        post(chirp, "/_mockchirp/clock/advance", {"by": "60s"})
        call = chirp.get(f"/v1/calls/{call_id}").json()
        seen.append((call["status"], call["answeredAt"] == call["createdAt"]))
        chirp.delete(f"/v1/calls/{call_id}")

    assert seen == [("in_progress", True)] * RUNS
    assert application.answers == [200] * RUNS


def test_without_that_time_the_call_is_gone(chirp: httpx2.Client, application: Application) -> None:
    """`"quiet": 0` is for applications that act in the handler: this one comes too late, and is told so."""
    application.gate.clear()
    call_id = post(chirp, "/_mockchirp/calls")["id"]
    post(chirp, "/_mockchirp/clock/advance", {"by": "60s", "quiet": 0})
    application.gate.set()
    assert chirp.get(f"/v1/calls/{call_id}").json()["status"] in ("voicemail", "completed")


def test_a_stop_ends_an_advance_with_503(application: Application) -> None:
    """It says so instead of a report that is not true, and the stop is quick."""
    application.gate.clear()
    settings = Settings(port=0, clock_mode="frozen", webhook_url=application.url, advance_quiet="5s")
    with Server(settings) as server, httpx2.Client(base_url=server.url, headers=KEY, timeout=30) as client:
        application.api = server.url
        post(client, "/_mockchirp/calls")
        answers: list[httpx2.Response] = []

        def advance() -> None:
            with httpx2.Client(base_url=server.url, headers=KEY, timeout=30) as other:
                answers.append(other.post("/_mockchirp/clock/advance", json={"until": "idle"}))

        thread = threading.Thread(target=advance)
        thread.start()
        while not is_advancing(client):
            assert thread.is_alive()
        server.stop()
        thread.join()
    assert answers[0].status_code == 503
    assert "the server stops" in answers[0].json()["error"]["message"]


@pytest.mark.parametrize("abort", [False, True], ids=["closed", "reset"])
def test_an_advance_whose_client_hangs_up_makes_room(application: Application, abort: bool) -> None:
    """However it does: the advance stops, and the next one is not refused."""
    application.gate.clear()
    settings = Settings(port=0, clock_mode="frozen", webhook_url=application.url, advance_quiet="5s")
    with Server(settings) as server, httpx2.Client(base_url=server.url, headers=KEY, timeout=30) as client:
        application.api = server.url
        post(client, "/_mockchirp/calls")
        body = b'{"by": "24h"}'
        head = f"POST /_mockchirp/clock/advance HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        connection = socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])))
        connection.sendall(head.encode() + b"\r\n\r\n" + body)
        while not is_advancing(client):
            pass
        if abort:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        connection.close()
        while is_advancing(client):
            pass
        report = post(client, "/_mockchirp/clock/advance", {"by": "1s", "quiet": 0})
        assert report["to"] == "2026-01-15T10:30:01.000Z"
