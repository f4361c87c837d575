"""Receivers as plain sockets in threads of their own, for what depends on the moment at which a receiver does something."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import pytest

try:
    import uvloop
except ImportError:  # not everywhere to be had
    LOOPS = {"asyncio": asyncio.new_event_loop}
else:
    LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Peer:
    """One connection to a :class:`Listener`, in a thread of its own."""

    def __init__(self, listener: "Listener", sock: socket.socket) -> None:
        self.listener, self.sock = listener, sock

    def request(self) -> bytes:
        """Read one request whole and keep it; raise ``EOFError`` if the sender has left."""
        got = b""
        while b"\r\n\r\n" not in got:
            got += self._more()
        head, _, body = got.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        while len(body) < length:
            body += self._more()
        self.listener.requests.append(head + b"\r\n\r\n" + body)
        return self.listener.requests[-1]

    def answer(self, answer: bytes = OK) -> None:
        self.sock.sendall(answer)

    def _more(self) -> bytes:
        data = self.sock.recv(1 << 20)
        if not data:
            raise EOFError
        return data


class Listener:
    """Counts connections and keeps requests."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.requests: list[bytes] = []
        self.connections = 0
        self.port: int = sock.getsockname()[1]
        self.url = f"http://{'[::1]' if sock.family == socket.AF_INET6 else '127.0.0.1'}:{self.port}"


@contextmanager
def listen(handle: Callable[[Peer], None], host: str) -> Iterator[Listener]:
    """Let ``handle`` deal with each connection, which is closed when it returns."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = Listener(socket.create_server((host, 0), family=family, backlog=100))
    peers: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def visit(sock: socket.socket) -> None:
        with sock, suppress(OSError, EOFError):
            handle(Peer(listener, sock))

    def accept() -> None:
        with suppress(OSError):
            while True:
                sock, _ = listener.sock.accept()
                listener.connections += 1
                peers.append(sock)
                threads.append(threading.Thread(target=visit, args=(sock,)))
                threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield listener
    finally:
        listener.sock.shutdown(socket.SHUT_RDWR)
        listener.sock.close()
        accepting.join()
        for peer in peers:
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()


@pytest.fixture
def listening() -> Iterator[Callable[..., Listener]]:
    """Start a receiver that deals so with each connection; it is stopped after the test."""
    with ExitStack() as stack:
        yield lambda handle, host="127.0.0.1": stack.enter_context(listen(handle, host))


@pytest.fixture(params=LOOPS.values(), ids=LOOPS)
def run(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    """Run a coroutine on a loop of its own, of each kind."""

    def run(story: Any) -> Any:
        with asyncio.Runner(loop_factory=request.param) as runner:
            return runner.run(story)

    return run
