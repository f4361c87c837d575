"""Load: requests over kept connections, each sent as soon as the one before it is answered.

`wrk` makes it where it is installed; otherwise, and where an exact number of requests is wanted, a thin client of our
own does, in a process of its own. Both stay on one processor, and away from the server's.
"""

import asyncio
import json
import multiprocessing
import shutil
import subprocess
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import cast

import httptools
import uvloop

from benchmarks.processors import LOAD, pin
from benchmarks.serving import KEY

WRK = shutil.which("wrk")
CONNECTIONS = 16
_LONGEST = 120.0
"""Seconds after which a load that is not answered ends."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent over and over; ``status`` is the answer that all must get."""

    port: int
    method: str
    path: str
    body: bytes = b""
    status: int = 200

    def encode(self) -> bytes:
        """The bytes on the wire."""
        head = (
            f"{self.method} {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAuthorization: Bearer {KEY}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(self.body)}\r\n\r\n"
        )
        return head.encode() + self.body


def create_call(port: int, to: str = "+15559876543") -> Request:
    """POST /v1/calls."""
    body = json.dumps({"from": "+15551234567", "to": to}).encode()
    return Request(port, "POST", "/v1/calls", body, 201)


def rate(request: Request, seconds: float) -> float:
    """Requests a second over ``seconds``."""
    if WRK:
        return _wrk(request, seconds)
    count, elapsed = _own_process().submit(_run, request, seconds, None).result()
    return count / elapsed


def send(request: Request, count: int) -> float:
    """Send exactly ``count`` requests and return the seconds that it took."""
    return _own_process().submit(_run, request, None, count).result()[1]


_SCRIPT = """
wrk.method, wrk.body = %(method)s, %(body)s
wrk.headers["Authorization"] = "Bearer %(key)s"
wrk.headers["Content-Type"] = "application/json"
function done(summary)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout + errors.status
  io.write(string.format("\\nmeasured %%d %%d %%d\\n", summary.requests, summary.duration, failed))
end
"""


def _wrk(request: Request, seconds: float) -> float:
    assert WRK is not None
    script = _SCRIPT % {
        "method": json.dumps(request.method),
        "body": json.dumps(request.body.decode()),
        "key": KEY,
    }
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        url = f"http://127.0.0.1:{request.port}{request.path}"
        output = subprocess.run(
            [WRK, "-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", "-s", file.name, url],
            preexec_fn=lambda: pin(LOAD),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
    measured = next(line for line in output.splitlines() if line.startswith("measured "))
    requests, microseconds, failed = map(int, measured.split()[1:])
    assert not failed, f"{failed} of {requests} requests failed:\n{output}"
    return requests / (microseconds / 1e6)


@cache
def _own_process() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), pin, (LOAD,))


def _run(request: Request, seconds: float | None, count: int | None) -> tuple[int, float]:
    """Requests answered, and the seconds that it took."""

    async def run() -> tuple[int, float]:
        started = time.perf_counter()
        load = _Load(request, None if seconds is None else started + seconds, count)
        loop = asyncio.get_running_loop()
        connections = [
            await loop.create_connection(lambda: _Connection(load), "127.0.0.1", request.port)
            for _ in range(CONNECTIONS)
        ]
        async with asyncio.timeout(_LONGEST):
            await load.over
        elapsed = time.perf_counter() - started
        for transport, _ in connections:
            transport.close()
        return load.answered, elapsed

    return uvloop.run(run())


class _Load:
    """What is left to send, shared by the connections."""

    def __init__(self, request: Request, end: float | None, count: int | None) -> None:
        self.bytes = request.encode()
        self.status = request.status
        self.end = end
        self.left = count
        self.under_way = 0
        self.answered = 0
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def take(self) -> bool:
        """Whether another request is to be sent."""
        if self.end is not None and time.perf_counter() >= self.end:
            return False
        if self.left is not None:
            if self.left == 0:
                return False
            self.left -= 1
        self.under_way += 1
        return True

    def answer(self, status: int) -> None:
        """One was answered."""
        self.under_way -= 1
        self.answered += 1
        if status != self.status:
            self.fail(f"answered {status} instead of {self.status}")

    def fail(self, why: str) -> None:
        if not self.over.done():
            self.over.set_exception(RuntimeError(why))


class _Connection(asyncio.Protocol):
    """One kept connection; also what its parser tells."""

    def __init__(self, load: _Load) -> None:
        self._load = load

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._load.answer(self._parser.get_status_code())
        self._next()

    def connection_lost(self, reason: Exception | None) -> None:
        self._load.fail(f"the server closed a connection: {reason}")

    def _next(self) -> None:
        if self._load.take():
            self._parser = httptools.HttpResponseParser(self)
            self._transport.write(self._load.bytes)
        elif self._load.under_way == 0 and not self._load.over.done():
            self._load.over.set_result(None)
