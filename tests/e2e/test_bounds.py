"""What a client on a socket may not do: hold on for ever, send without end, take every connection."""

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from mockchirp.server import Server
from mockchirp.settings import Settings

Connect = Callable[..., socket.socket]
HEAD = b"POST /v1/calls HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk_test_app_x\r\n"
JSON = b"Content-Type: application/json\r\n"


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Start a server with the given settings, or use the one that there is, and connect to it."""
    with ExitStack() as stack:
        servers: list[Server] = []

        def connect(**settings: object) -> socket.socket:
            if not servers:
                servers.append(stack.enter_context(Server(Settings(port=0, clock_mode="frozen", **settings))))
            host, _, port = servers[0].url.removeprefix("http://").partition(":")
            return stack.enter_context(closing(socket.create_connection((host, int(port)), timeout=10)))

        yield connect


def answer(client: socket.socket) -> tuple[int, dict[str, object]]:
    """The status and the error of the next answer."""
    response = http.client.HTTPResponse(client)
    response.begin()
    error = json.loads(response.read())["error"]
    return response.status, error


def is_closed(client: socket.socket) -> bool:
    """Whether the server closes the connection (within the time-out of the socket)."""
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"\r\n",
        b"GET /v1/ca",
        HEAD,
        HEAD + JSON + b"Content-Length: 10\r\n\r\n{",
        HEAD + JSON + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Trailer: ",
    ],
    ids=repr,
)
def test_half_a_request_is_waited_for_only_so_long(connect: Connect, beginning: bytes) -> None:
    """Whatever is missing; then it is 408, and the connection is closed."""
    client = connect(request_timeout="200ms")
    client.sendall(beginning)

    assert answer(client) == (
        408,
        {"type": "invalid_request_error", "message": "the request was not whole within 0.2 s"},
    )
    assert is_closed(client)


def test_a_connection_that_has_had_an_answer_is_closed_too_if_the_next_request_does_not_come(connect: Connect) -> None:
    """A line break is none."""
    client = connect(request_timeout="200ms")
    client.sendall(HEAD + JSON + b"Content-Length: 2\r\n\r\n{}")
    assert answer(client)[0] == 400
    client.sendall(b"\r\n")

    assert answer(client)[0] == 408


def test_a_request_that_is_being_answered_is_not_hurried(connect: Connect) -> None:
    """Patience is for what the client still owes."""
    client = connect(request_timeout="100ms")
    body = b'{"for": {"event": "calls.ringing"}, "timeout": "400ms"}'
    head = HEAD.replace(b"/v1/calls", b"/_mockchirp/wait")
    client.sendall(
        head.replace(b"wait", b"clock").replace(b"POST", b"PUT") + JSON + b'Content-Length: 16\r\n\r\n{"mode": "real"}'
    )
    first = http.client.HTTPResponse(client)
    first.begin()
    assert (first.status, json.loads(first.read())["mode"]) == (200, "real")
    client.sendall(head + JSON + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    status, error = answer(client)
    assert status == 408
    assert "whole" not in str(error["message"])


@pytest.mark.parametrize(
    "start", [b"GET /v1/calls/", HEAD + b"X-Long: ", HEAD + b"X-A: b\r\n"], ids=["url", "header", "headers"]
)
def test_headers_without_end_are_refused(connect: Connect, start: bytes) -> None:
    """After some 64 KiB."""
    client = connect()
    rest = b"X-A: b\r\n" * 50_000 if start.endswith(b"\r\n") else b"x" * 400_000
    try:
        client.sendall(start + rest)
    except ConnectionError:
        return  # it was closed before everything was sent

    assert answer(client)[0] == 431


@pytest.mark.parametrize(
    ("page", "reader"), [("http://localhost:3000", "http://localhost:3000"), ("https://evil.example", None)]
)
def test_what_is_refused_before_it_is_read_can_be_read_by_the_pages_that_may(
    connect: Connect, page: str, reader: str | None
) -> None:
    """Such as one whose cookies have become too many."""
    client = connect()
    head = f"GET /v1/x HTTP/1.1\r\nHost: localhost\r\nOrigin: {page}\r\nCookie: ".encode()
    client.sendall(head + b"x" * 400_000)

    response = http.client.HTTPResponse(client)
    response.begin()
    assert (response.status, response.headers["Access-Control-Allow-Origin"]) == (431, reader)


def test_trailers_are_let_go(connect: Connect) -> None:
    """They mean nothing, and add nothing."""
    client = connect()
    client.sendall(HEAD + JSON + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nAuthorization: Bearer x\r\n\r\n")

    status, error = answer(client)
    assert (status, error["param"]) == (400, "from")


@pytest.mark.parametrize(
    "nonsense", [b"\x16\x03\x01\x02\x00", b"GET / HTTP/9.9\r\n\r\n", b"GET  HTTP/1.1\r\n\r\n"], ids=repr
)
def test_what_is_not_http_is_refused_in_the_envelope(connect: Connect, nonsense: bytes) -> None:
    """And the connection is closed."""
    client = connect()
    client.sendall(nonsense)

    assert answer(client)[0] == 400
    assert is_closed(client)


def test_only_so_many_connections_are_open_at_once(connect: Connect) -> None:
    """One more takes the place of the one that has been idle for longest; where none is, it is told so."""
    clients = [connect(max_connections=3) for _ in range(3)]
    for client in clients:
        client.sendall(HEAD + JSON + b"Content-Length: 2\r\n\r\n{}")
        assert answer(client)[0] == 400

    new = connect()
    assert is_closed(clients[0])
    for client in (new, *clients[1:]):
        client.sendall(HEAD + JSON + b"Content-Length: 2\r\n\r\n{")
    clients[1].sendall(b"}" + HEAD)  # and half of the next one
    assert answer(clients[1])[0] == 400

    status, error = answer(connect())
    assert (status, error["type"]) == (503, "api_error")


def test_bodies_are_bounded_by_a_setting(connect: Connect) -> None:
    """By their announced length as by the real one."""
    client = connect(max_body_size="1KiB")
    client.sendall(HEAD + JSON + b"Content-Length: 1025\r\n\r\n" + b" " * 1025)
    assert answer(client)[0] == 413
    client.sendall(HEAD + JSON + b"Transfer-Encoding: chunked\r\n\r\n401\r\n" + b" " * 1025 + b"\r\n0\r\n\r\n")
    assert answer(client)[0] == 413
    client.sendall(HEAD + JSON + b"Content-Length: 1024\r\n\r\n{}" + b" " * 1022)
    assert answer(client)[0] == 400


def test_a_client_that_does_not_take_its_answer_is_cut_off(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    """It gets what was under way, and not the rest; and that is nothing to write into the log."""
    client = connect(request_timeout="200ms")
    client.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 500)
    for _ in range(3):  # three times the patience pass
        assert answer(connect())[0] == 408
    whole = b"".join(iter(lambda: client.recv(1 << 20), b""))

    assert 1 <= whole.count(b"HTTP/1.1 200 OK") < 500
    assert not caplog.records


def test_a_client_that_takes_its_answer_slowly_gets_all_of_it(connect: Connect) -> None:
    """Also while the system holds so much of it that the server itself has nothing to write for longer than its patience."""
    many = 500
    with ExitStack() as stack:
        metronome = stack.enter_context(Server(Settings(port=0, request_timeout="50ms")))
        host, _, port = metronome.url.removeprefix("http://").partition(":")
        client = connect(request_timeout="500ms")
        client.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * many)
        whole = bytearray()
        for _ in range(40):  # four times the patience pass
            whole += client.recv(1 << 16)
            with socket.create_connection((host, int(port)), timeout=10) as tick:
                assert answer(tick)[0] == 408
        while whole.count(b"HTTP/1.1 200 OK") < many and (data := client.recv(1 << 20)):
            whole += data

    assert whole.count(b"HTTP/1.1 200 OK") == many
