"""A server inside the process of a test: from starting it to what is left when it has stopped."""

import asyncio
import http.client
import socket
import threading
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from mockchirp.server import Server
from mockchirp.settings import BadSetting, Settings

KEY = {"Authorization": "Bearer sk_test_app_local"}


def test_a_server_answers_as_soon_as_it_has_started() -> None:
    """No polling is needed, and two servers in one process have nothing to do with each other."""
    with Server(Settings(port=0, clock_mode="frozen")) as one, Server(Settings(port=0)) as other:
        assert one.url != other.url
        assert httpx2.get(f"{one.url}/_mockchirp/clock", headers=KEY).json()["mode"] == "frozen"
        assert httpx2.get(f"{other.url}/_mockchirp/clock", headers=KEY).json()["mode"] == "real"


def test_a_server_can_be_pinged_as_a_whole() -> None:
    """By `OPTIONS *` (RFC 9110, 9.3.7), which no client library but the plainest sends; other methods have no such target."""
    with Server(Settings(port=0)) as server:
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc)
        statuses = []
        for method in ("OPTIONS", "GET"):
            connection.request(method, "*")
            response = connection.getresponse()
            response.read()
            statuses.append(response.status)
        connection.close()

    assert statuses == [204, 404]


def test_after_a_stop_nothing_is_left(tmp_path: Path) -> None:
    """The port is free again, the port file and the thread are gone; a second stop does no harm."""
    path = tmp_path / "port"
    server = Server(Settings(port=0, port_file=path)).start()
    port = int(path.read_text())
    server.stop()
    server.stop()
    assert not path.exists()
    assert "mockchirp" not in [thread.name for thread in threading.enumerate()]
    with Server(Settings(port=port)) as again:
        assert httpx2.get(f"{again.url}/_mockchirp/ready").status_code == 200


def test_a_stop_right_after_the_start_stops() -> None:
    """Whether or not the event loop has begun to run."""
    for _ in range(5):
        Server(Settings(port=0)).start().stop()


def test_a_taken_port_is_raised_where_the_server_is_started() -> None:
    """In the caller's thread, before anything else is done."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(BadSetting, match="is taken"):
        Server(Settings(port=taken.getsockname()[1])).start()


def test_a_server_can_be_stopped_from_an_event_loop() -> None:
    """Its own loop runs in its own thread, whatever runs in the caller's."""

    async def story() -> int:
        with Server(Settings(port=0)) as server:
            async with httpx2.AsyncClient() as client:
                return (await client.get(f"{server.url}/_mockchirp/ready")).status_code

    assert asyncio.run(story()) == 200
