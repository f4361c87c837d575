"""Connections that a fault cuts, as a client on a socket sees them."""

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from mockchirp.server import Server
from mockchirp.settings import Settings

KEY = {"Authorization": "Bearer sk_test_app_local", "Content-Type": "application/json"}
CALL = json.dumps({"from": "+15551234567", "to": "+15005550007"}).encode()
FAULTS = "/_mockchirp/faults"
PATIENCE = 5.0
WAIT = {"for": {"request": {"operation": "endCall"}}, "timeout": "10ms"}


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on a clock of its own, in each of whose sandboxes one request can wait."""
    with Server(Settings(port=0, max_waits=1)) as server:
        yield server


Ask = Callable[..., tuple[int, Any]]


@pytest.fixture
def ask(server: Server) -> Ask:
    """Send a request on a connection of its own; the status and the JSON, or the bytes of anything else."""

    def ask(method: str, path: str, body: object = None) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=PATIENCE)
        try:
            connection.request(method, path, body if isinstance(body, bytes) else body and json.dumps(body), KEY)
            answer = connection.getresponse()
            content = answer.read()
            is_json = answer.headers["content-type"] == "application/json"
            return answer.status, json.loads(content) if is_json else content
        finally:
            connection.close()

    return ask


@pytest.fixture
def dial(server: Server) -> Iterator[Callable[..., socket.socket]]:
    """Send a request, and read nothing: the connection."""
    opened = []

    def dial(method: str, path: str, body: bytes = b"") -> socket.socket:
        address = urlsplit(server.url)
        connection = socket.create_connection((address.hostname, address.port), PATIENCE)
        opened.append(connection)
        headers = "".join(f"{name}: {value}\r\n" for name, value in KEY.items())
        head = f"{method} {path} HTTP/1.1\r\nHost: {address.netloc}\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        return connection

    yield dial
    for connection in opened:
        connection.close()


def read_all(connection: socket.socket) -> bytes:
    """Everything until the other end closes."""
    parts = []
    while part := connection.recv(65_536):
        parts.append(part)
    return b"".join(parts)


def until(holds: Callable[[], bool]) -> None:
    """Ask again and again, until it is so."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline


def calls(ask: Ask) -> int:
    """How many calls there are."""
    return int(ask("GET", "/_mockchirp/calls")[1]["totalCount"])


def test_a_reset_resets_the_connection(ask: Ask, dial: Callable[..., socket.socket], capfd: Any) -> None:
    """Not a byte of an answer, and nothing done; the next request is answered, and nothing is logged."""
    ask("POST", FAULTS, {"abort": "reset", "times": 3})
    for _ in range(3):
        with pytest.raises(ConnectionResetError):
            dial("POST", "/v1/calls", CALL).recv(1)

    assert calls(ask) == 0
    assert ask("POST", "/v1/calls", CALL)[0] == 201
    assert capfd.readouterr() == ("", "")


def test_a_reset_comes_after_the_latency(ask: Ask, dial: Callable[..., socket.socket]) -> None:
    """Both in one fault."""
    ask("POST", FAULTS, {"abort": "reset", "delay": "50ms", "times": 1})
    connection = dial("POST", "/v1/calls", CALL)

    connection.setblocking(False)
    with pytest.raises(BlockingIOError):
        connection.recv(1)
    connection.settimeout(PATIENCE)
    with pytest.raises(ConnectionResetError):
        connection.recv(1)


def test_a_truncated_answer_stops_in_the_middle(ask: Ask, dial: Callable[..., socket.socket], capfd: Any) -> None:
    """The headers promise all of it, half of it comes, and the operation was done."""
    ask("POST", FAULTS, {"abort": "truncate", "times": 1})

    head, _, body = read_all(dial("POST", "/v1/calls", CALL)).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 201")
    (length,) = (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length"))
    assert len(body) == length // 2
    assert calls(ask) == 1
    assert capfd.readouterr() == ("", "")


def test_a_truncated_file_stops_in_the_middle(ask: Ask, dial: Callable[..., socket.socket]) -> None:
    """A large one too: an hour of audio, to the byte."""
    call_id = ask("POST", "/v1/calls", CALL)[1]["id"]
    ask("POST", "/_mockchirp/clock/advance", {"by": 10})
    ask("POST", f"/v1/calls/{call_id}/commands", {"type": "start_recording"})
    ask("POST", "/_mockchirp/clock/advance", {"by": "1h"})
    ask("POST", f"/v1/calls/{call_id}/commands", {"type": "stop_recording"})
    ask("POST", "/_mockchirp/clock/advance", {"by": 5})
    (recording,) = ask("GET", f"/v1/calls/{call_id}/recordings")[1]["data"]
    path = recording["fileUrl"].removeprefix("http://").partition("/")[2]
    ask("POST", FAULTS, {"abort": "truncate", "times": 1, "operation": "downloadRecording"})

    _, _, half = read_all(dial("GET", f"/{path}")).partition(b"\r\n\r\n")

    status, whole = ask("GET", f"/{path}")
    assert (status, len(whole)) == (200, recording["fileSize"])
    assert len(whole) > 1_000_000
    assert half == whole[: len(whole) // 2]


def test_a_hang_lasts_until_the_fault_is_deleted(ask: Ask, dial: Callable[..., socket.socket]) -> None:
    """Meanwhile everything else goes on; then the connection is closed, and nothing was done."""
    fault = ask("POST", FAULTS, {"abort": "hang", "operation": "createCall"})[1]["id"]
    connection = dial("POST", "/v1/calls", CALL)
    until(lambda: ask("GET", "/_mockchirp/requests")[1]["totalCount"] == 1)
    connection.setblocking(False)
    with pytest.raises(BlockingIOError):
        connection.recv(1)
    connection.settimeout(PATIENCE)

    ask("DELETE", f"{FAULTS}/{fault}")

    assert read_all(connection) == b""
    assert calls(ask) == 0


def test_latency_ends_when_the_fault_is_deleted(ask: Ask, dial: Callable[..., socket.socket]) -> None:
    """The request is then answered at once."""
    ask("POST", FAULTS, {"delay": "5m"})
    connection = dial("GET", "/v1/calls/voicemails")
    connection.settimeout(0.05)
    with pytest.raises(TimeoutError):
        connection.recv(1)
    connection.settimeout(PATIENCE)
    ask("DELETE", FAULTS)

    assert connection.recv(12) == b"HTTP/1.1 200"


def test_a_hang_ends_when_its_client_goes_away(ask: Ask, dial: Callable[..., socket.socket]) -> None:
    """It takes one of the places of those who wait, and gives it back."""
    ask("POST", FAULTS, {"abort": "hang", "operation": "getCall"})
    hanging = dial("GET", "/v1/calls/call_" + "a" * 27)
    until(lambda: ask("GET", FAULTS)[1]["data"][0]["matched"] == 1)
    assert ask("POST", "/_mockchirp/wait", WAIT)[0] == 409
    hanging.close()

    until(lambda: ask("POST", "/_mockchirp/wait", WAIT)[0] == 408)


def test_what_is_only_put_off_is_done_for_nobody_too(ask: Ask, dial: Callable[..., socket.socket]) -> None:
    """As by a slow server whose client has lost its patience."""
    ask("POST", FAULTS, {"delay": "100ms", "operation": "createCall"})
    impatient = dial("POST", "/v1/calls", CALL)
    until(lambda: ask("GET", FAULTS)[1]["data"][0]["matched"] == 1)
    impatient.close()

    until(lambda: calls(ask) == 1)


@pytest.mark.parametrize("fault", [{"abort": "hang"}, {"delay": "5m"}])
def test_a_reset_of_the_sandbox_lets_go_without_effect(
    ask: Ask, dial: Callable[..., socket.socket], fault: dict[str, str]
) -> None:
    """Nothing from before it happens after it."""
    ask("POST", FAULTS, fault)
    connection = dial("POST", "/v1/calls", CALL)
    connection.settimeout(0.05)
    with pytest.raises(TimeoutError):
        connection.recv(1)
    connection.settimeout(PATIENCE)

    assert ask("POST", "/_mockchirp/reset")[0] == 200

    assert read_all(connection) == b""
    assert calls(ask) == 0


@pytest.mark.parametrize("fault", [{"abort": "hang"}, {"delay": "5m"}])
def test_a_stop_waits_for_nobody_who_hangs(fault: dict[str, str]) -> None:
    """The server is gone within its two seconds, and so is the connection."""
    server = Server(Settings(port=0)).start()
    address = urlsplit(server.url)
    control = http.client.HTTPConnection(address.netloc, timeout=PATIENCE)
    control.request("POST", FAULTS, json.dumps(fault), KEY)
    control.getresponse().read()
    control.close()
    connection = http.client.HTTPConnection(address.netloc, timeout=PATIENCE)
    connection.request("POST", "/v1/calls", CALL, KEY)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    stopping.join(2)
    assert not stopping.is_alive()
    with contextlib.suppress(ConnectionResetError, http.client.RemoteDisconnected):
        assert connection.getresponse().status == 503
    connection.close()
