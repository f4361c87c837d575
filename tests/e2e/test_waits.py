"""Requests that hold their answer, over a real socket: a client that hangs up, and a server that stops."""

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx2
import pytest

from mockchirp.server import Server
from mockchirp.settings import Settings

HELD = {"for": {"request": {"operation": "endCall"}}, "timeout": 60}
BRIEF = {**HELD, "timeout": "1ms"}


@pytest.fixture
def server() -> Iterator[Server]:
    """Takes one wait at a time."""
    with Server(Settings(port=0, max_waits=1)) as server:
        yield server


def begin(server: Server, method: str, path: str, body: bytes = b"") -> socket.socket:
    """Send a request, whose answer is held."""
    parts = urlsplit(server.url)
    connection = socket.create_connection((parts.hostname, parts.port), timeout=5)
    head = f"{method} {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)
    return connection


def until_status(server: Server, status: int) -> None:
    """Ask to wait for a moment until that has this status: 409 while somebody else waits, 408 when nobody does."""
    deadline = time.monotonic() + 5
    while (answer := httpx2.post(f"{server.url}/_mockchirp/wait", json=BRIEF)).status_code != status:
        assert answer.status_code in (408, 409), answer.text
        assert time.monotonic() < deadline, f"still {answer.status_code}"


@pytest.mark.parametrize("kind", ["wait", "poll"])
@pytest.mark.parametrize("abort", [False, True], ids=["closed", "reset"])
def test_a_client_that_hangs_up_makes_room(server: Server, kind: str, abort: bool) -> None:
    """However it does, the server holds its answer no longer."""
    request = (
        ("POST", "/_mockchirp/wait", json.dumps(HELD).encode())
        if kind == "wait"
        else ("GET", "/_mockchirp/events?wait=60")
    )
    connection = begin(server, *request)
    until_status(server, 409)
    if abort:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    connection.close()
    until_status(server, 408)


def test_what_happens_answers_a_held_request(server: Server) -> None:
    """On the connection on which it waits."""
    with begin(server, "GET", "/_mockchirp/events?wait=60") as connection:
        until_status(server, 409)
        httpx2.post(f"{server.url}/_mockchirp/calls").raise_for_status()
        assert b"200 OK" in connection.recv(65536)


def test_a_stop_answers_everyone_who_waits_and_is_quick() -> None:
    """With 503, in words; nobody is left hanging."""
    many = 50

    async def hold(client: httpx2.AsyncClient, method: str, path: str, body: object) -> httpx2.Response:
        while (answer := await client.request(method, path, json=body)).status_code == 409:
            pass  # the one below that looks whether all wait has just taken the last place
        return answer

    async def story() -> tuple[list[httpx2.Response], float]:
        limits = httpx2.Limits(max_connections=None)
        async with httpx2.AsyncClient(base_url=server.url, timeout=10, limits=limits) as client:
            waits = [hold(client, "POST", "/_mockchirp/wait", HELD) for _ in range(many)]
            polls = [hold(client, "GET", "/_mockchirp/events?wait=60", None) for _ in range(many)]
            held = [asyncio.ensure_future(request) for request in (*waits, *polls)]
            while (await client.post("/_mockchirp/wait", json=BRIEF)).status_code != 409:
                assert not any(task.done() for task in held)
            started = time.monotonic()
            await asyncio.to_thread(server.stop)
            return await asyncio.gather(*held), time.monotonic() - started

    with Server(Settings(port=0, max_waits=2 * many)) as server:
        answers, seconds = asyncio.run(story())
    assert {answer.status_code for answer in answers} == {503}
    assert "the server stops" in answers[0].json()["error"]["message"]
    assert seconds < 1
