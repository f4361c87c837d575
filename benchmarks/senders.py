"""What does a webhook cost our sender, and general HTTP clients? ``python benchmarks/senders.py`` prints the table.

All run in this process on uvloop, as in the server, one after the other, and send the same POST to one receiver in a second
process that does as little as a receiver can. What counts is processor time, which other programs on the machine hardly disturb.
"thin" is the least code that still parses the answers: it has no time-outs, no TLS and no manners, and shows the most that
Python could reach here.
"""

import asyncio
import multiprocessing
import socket
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import aiohttp
import httptools
import httpx2
import uvloop

from mockchirp.core.deliveries import Dispatch
from mockchirp.sending.sender import HttpSender

BODY = b'{"event":"calls.initiated","filler":"' + b"x" * 560 + b'"}'
HEADERS = (("Content-Type", "application/json"), ("X-Webhook-Key", "secret"))
SECONDS = 1.0
"""Length of one measurement."""

Post = Callable[[str], Awaitable[int | None]]
"""Sends one webhook to a URL and returns the status, or None where there was no answer."""
Client = Callable[[], AbstractAsyncContextManager[Post]]


class Receiver(asyncio.Protocol):
    """Answers every POST as its path asks: ``/200``, ``/500``, or ``/close`` (200, and the connection ends)."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.received = b""

    def data_received(self, data: bytes) -> None:
        self.received += data
        while (end := self.received.find(b"\r\n\r\n")) >= 0:
            head = self.received[:end].lower()
            length = int(head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0])
            if len(self.received) < end + 4 + length:
                return
            self.received = self.received[end + 4 + length :]
            status = b"500 Internal Server Error" if head.startswith(b"post /500") else b"200 OK"
            closing = head.startswith(b"post /close")
            self.transport.write(
                b"HTTP/1.1 %b\r\ncontent-type: text/plain\r\n%bcontent-length: 2\r\n\r\nok"
                % (status, b"connection: close\r\n" if closing else b"")
            )
            if closing:
                self.transport.close()


def receive(listener: socket.socket) -> None:
    """The second process: serve until it is terminated."""

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(Receiver, sock=listener)
        await server.serve_forever()

    uvloop.run(serve())


@asynccontextmanager
async def mockchirp_single() -> AsyncIterator[Post]:
    """What the server uses, each webhook on its own."""
    sender = HttpSender()

    async def post(url: str) -> int | None:
        return (await sender.send(Dispatch("dlv_1", 1, url, HEADERS, BODY))).status

    yield post
    await sender.close()


@asynccontextmanager
async def mockchirp_burst() -> AsyncIterator[Post]:
    """What the server uses, with connections kept from one webhook to the next."""
    sender = HttpSender()

    async def post(url: str) -> int | None:
        return (await sender.send(Dispatch("dlv_1", 1, url, HEADERS, BODY))).status

    async with sender.burst():
        yield post


@asynccontextmanager
async def bare_aiohttp() -> AsyncIterator[Post]:
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=5),
    ) as session:

        async def post(url: str) -> int | None:
            try:
                async with session.post(url, data=BODY, headers=HEADERS, allow_redirects=False) as response:
                    await response.read()
                    return response.status
            except aiohttp.ClientConnectionError:
                return None

        yield post


@asynccontextmanager
async def bare_httpx2() -> AsyncIterator[Post]:
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx2.AsyncClient(limits=limits, timeout=5, trust_env=False) as client:

        async def post(url: str) -> int | None:
            try:
                return (await client.post(url, content=BODY, headers=HEADERS)).status_code
            except httpx2.TransportError:
                return None

        yield post


class Exchange(asyncio.Protocol):
    """One connection of the thin client."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.reusable = True

    def post(self, request: bytes) -> asyncio.Future[int]:
        self.parser = httptools.HttpResponseParser(self)
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self.answer

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        self.reusable = self.parser.should_keep_alive()
        self.answer.set_result(self.parser.get_status_code())

    def connection_lost(self, reason: Exception | None) -> None:
        self.reusable = False


@asynccontextmanager
async def thin_httptools() -> AsyncIterator[Post]:
    loop = asyncio.get_running_loop()
    idle: deque[Exchange] = deque()

    async def post(url: str) -> int | None:
        parsed = httptools.parse_url(url.encode())
        while idle:
            exchange = idle.pop()
            if exchange.reusable:
                break
        else:
            try:
                _, exchange = await loop.create_connection(Exchange, parsed.host.decode(), parsed.port)
            except OSError:
                return None
        head = [
            f"POST {parsed.path.decode()} HTTP/1.1",
            f"Host: {parsed.host.decode()}:{parsed.port}",
            *(f"{name}: {value}" for name, value in HEADERS),
            f"Content-Length: {len(BODY)}",
            "\r\n",
        ]
        status = await exchange.post("\r\n".join(head).encode() + BODY)
        if exchange.reusable:
            idle.append(exchange)
        else:
            exchange.transport.close()
        return status

    yield post
    for exchange in idle:
        exchange.transport.close()


CLIENTS: dict[str, Client] = {
    "HttpSender, in a burst": mockchirp_burst,
    "HttpSender, single": mockchirp_single,
    "aiohttp, bare": bare_aiohttp,
    "httpx2, bare": bare_httpx2,
    "httptools, thin": thin_httptools,
}

CASES = (
    # title, path (None: nobody listens), status, how many at once
    ("100 at once, 200", "/200", 200, 100),
    ("100 at once, 500", "/500", 500, 100),
    ("100, not kept", "/close", 200, 100),
    ("100, refused", None, None, 100),
    ("one by one, 200", "/200", 200, 1),
)


async def cost(client: Client, url: str, expected: int | None, at_once: int) -> float:
    """Microseconds of processor time for a delivery; every one must end as expected."""
    count = 0
    async with client() as post:
        assert await post(url) == expected  # connections and imports apart
        start = time.process_time()
        end = time.perf_counter() + SECONDS

        async def worker() -> None:
            nonlocal count
            while time.perf_counter() < end:
                status = await post(url)
                assert status == expected, f"{url}: {status} instead of {expected}"
                count += 1

        await asyncio.gather(*(worker() for _ in range(at_once)))
        return (time.process_time() - start) / count * 1e6


def main() -> int:
    """Print what a delivery costs every client in every case."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    nobody = socket.create_server(("127.0.0.1", 0))
    nobody_port = nobody.getsockname()[1]
    nobody.close()
    receiver = multiprocessing.get_context("fork").Process(target=receive, args=(listener,), daemon=True)
    receiver.start()
    try:
        print("microseconds of processor time for a webhook, body of", len(BODY), "bytes")
        print(f"{'':24}", *(f"{title:>18}" for title, *_ in CASES))
        for name, client in CLIENTS.items():
            print(f"{name:24}", end="", flush=True)
            for _, path, expected, at_once in CASES:
                port = listener.getsockname()[1] if path else nobody_port
                measured = uvloop.run(cost(client, f"http://127.0.0.1:{port}{path or '/'}", expected, at_once))
                print(f" {measured:18,.0f}", end="", flush=True)
            print()
    finally:
        receiver.terminate()
        receiver.join()
        listener.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
