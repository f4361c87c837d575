"""A webhook receiver that does as little as a receiver can: it counts, and answers what it was told to."""

import asyncio
import multiprocessing
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import uvloop

from benchmarks.processors import LOAD, pin

_ANSWERS = {
    200: b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    500: b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 2\r\n\r\nno",
}


@dataclass(frozen=True, slots=True)
class Receiver:
    """A receiver in a process of its own."""

    url: str
    counter: Any

    @property
    def received(self) -> int:
        """How many webhooks have come so far."""
        return int(self.counter.value)

    def wait_for(self, count: int, seconds: float) -> None:
        """Return when ``count`` webhooks have come; raise ``TimeoutError`` if they have not after ``seconds``."""
        end = time.perf_counter() + seconds
        while self.received < count:
            if time.perf_counter() > end:
                raise TimeoutError(f"{self.received} of {count} webhooks came within {seconds:g} s")
            time.sleep(0.005)


@contextmanager
def receiving(status: int = 200) -> Iterator[Receiver]:
    """A receiver that answers every webhook with ``status``."""
    context = multiprocessing.get_context("fork")
    counter = context.Value("Q", 0, lock=False)
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        process = context.Process(target=_receive, args=(listener, counter, _ANSWERS[status]), daemon=True)
        process.start()
        try:
            yield Receiver(f"http://127.0.0.1:{listener.getsockname()[1]}/", counter)
        finally:
            process.terminate()
            process.join()


def _receive(listener: socket.socket, counter: Any, answer: bytes) -> None:
    class Connection(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = cast(asyncio.Transport, transport)
            self.buffer = b""

        def data_received(self, data: bytes) -> None:
            self.buffer += data
            while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
                head = self.buffer[:end].lower()
                whole = end + 4 + int(head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0])
                if len(self.buffer) < whole:
                    return
                self.buffer = self.buffer[whole:]
                counter.value += 1
                self.transport.write(answer)

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(Connection, sock=listener)
        await server.serve_forever()

    pin(LOAD)
    uvloop.run(serve())
