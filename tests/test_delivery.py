"""Sending webhooks to receivers of every kind: :mod:`mockchirp.sending`."""

import asyncio
import gc
import gzip
import socket
import ssl
import struct
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from typing import Any

import pytest

from mockchirp import __version__
from mockchirp.core.deliveries import Dispatch, Outcome
from mockchirp.sending.sender import HttpSender, Sender

try:
    import uvloop
except ImportError:  # not everywhere to be had
    LOOPS = {"asyncio": asyncio.new_event_loop}
else:
    LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
BRIEF = 0.1
"""A time-out (s) that is meant to strike."""

SELF_SIGNED = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgnCYY79ZE4JFHsWxj
mJolE1GiKEad0TABYdj9zYeEugqhRANCAATt68JPV/Rarv9RWevkEykqbhYDqX3T
l+uxQB8PLreIeY1JomkaKFM8HgyuQ1TGnff32ffnoHWWG6piGuaZ1IOG
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUfbO0/V9ClgHK92Mvw3ntZ/aASyUwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTA4MDgzOVoYDzIxMjYxMDI4
MDgwODM5WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATt68JPV/Rarv9RWevkEykqbhYDqX3Tl+uxQB8PLreIeY1JomkaKFM8
HgyuQ1TGnff32ffnoHWWG6piGuaZ1IOGo28wbTAdBgNVHQ4EFgQU/AEXG6ot4XRn
nDh03uT0vcZsDNQwHwYDVR0jBBgwFoAU/AEXG6ot4XRnnDh03uT0vcZsDNQwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSAAwRQIgKDmxgjNpTGlkoPPPL4TplQK+u6rcfAIwTeXFlsVe6iwCIQD/
PiqM9jLYf2D2E1cMDbK5JI7nGx1L78a8V6mSa+8iPw==
-----END CERTIFICATE-----
"""

Run = Callable[[Coroutine[Any, Any, Any]], Any]
Behaviour = Callable[["Visit"], Awaitable[None]]


class Visit:
    """One connection to a :class:`Receiver`."""

    def __init__(self, receiver: "Receiver", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.receiver, self.reader, self.writer = receiver, reader, writer

    async def request(self) -> bytes:
        """Read one request whole and keep it; raise ``IncompleteReadError`` if the sender has left."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        self.receiver.requests.append(head + await self.reader.readexactly(length))
        return self.receiver.requests[-1]

    async def answer(self, answer: bytes = OK) -> None:
        self.writer.write(answer)
        await self.writer.drain()

    async def left(self) -> None:
        """Wait until the sender has dropped the connection."""
        with suppress(ConnectionError):
            await self.reader.read()
        self.receiver.left.set()

    def reset(self) -> None:
        """End the connection with RST."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


class Receiver:
    """Listens on a free port and lets ``behave`` deal with every connection, in any way that TCP allows."""

    def __init__(self, behave: Behaviour) -> None:
        self.behave = behave
        self.requests: list[bytes] = []
        self.connections = 0
        self.open = 0
        self.most_open = 0
        self.left = asyncio.Event()
        self.visitors: set[asyncio.Task[None]] = set()
        self.origin = ""

    async def visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.visitors.add(task)
        self.connections += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                await self.behave(Visit(self, reader, writer))
        finally:
            self.open -= 1
            self.visitors.discard(task)
            writer.close()


@asynccontextmanager
async def receiving(behave: Behaviour, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    receiver = Receiver(behave)
    server = await asyncio.start_server(receiver.visit, "127.0.0.1", 0, ssl=tls)
    receiver.origin = f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield receiver
    finally:
        server.close()
        for visitor in list(receiver.visitors):
            visitor.cancel()
        await asyncio.gather(*receiver.visitors, return_exceptions=True)


def always(answer: bytes = OK) -> Behaviour:
    """Answer every request so, and keep the connection."""

    async def behave(visit: Visit) -> None:
        while True:
            await visit.request()
            await visit.answer(answer)

    return behave


async def hang(visit: Visit) -> None:
    """Read the request and never answer."""
    await visit.request()
    await visit.left()


def dispatch(url: str, *headers: tuple[str, str], body: bytes = b'{"event":"calls.initiated"}') -> Dispatch:
    return Dispatch("dlv_1", 1, url, (("Content-Type", "application/json"), *headers), body)


async def in_turn(sender: Sender, url: str, count: int) -> list[Outcome]:
    """Send ``count`` webhooks to one URL, each as soon as there is a place for it, as those who use a sender do."""
    loop = asyncio.get_running_loop()
    attempts: list[asyncio.Task[Outcome]] = []
    started = loop.create_future()

    def go_on() -> None:
        while len(attempts) < count and not started.done():
            if not sender.take_place(url):
                sender.when_free(url, go_on)
                return
            attempts.append(loop.create_task(sender.send(dispatch(url))))
            attempts[-1].add_done_callback(lambda _: sender.give_place_back(url))
        if not started.done():
            started.set_result(None)

    go_on()
    try:
        await started
        return await asyncio.gather(*attempts)
    finally:
        sender.forget(go_on)
        started.cancel()
        for attempt in attempts:
            attempt.cancel()


@pytest.fixture(params=LOOPS.values(), ids=LOOPS)
def new_loop(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    return request.param


@pytest.fixture
def run(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> Run:
    """Run a coroutine on a loop of its own."""

    def run(story: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            return runner.run(story)

    return run


@pytest.fixture
def outcome_of(run: Run) -> Callable[..., tuple[Outcome, Receiver]]:
    """Send one webhook to a receiver that behaves so, and hand back what came of it."""

    def outcome_of(behave: Behaviour, *headers: tuple[str, str], **options: Any) -> tuple[Outcome, Receiver]:
        async def story() -> tuple[Outcome, Receiver]:
            async with receiving(behave) as receiver:
                return await HttpSender(**options).send(dispatch(receiver.origin + "/hook?a=1", *headers)), receiver

        result: tuple[Outcome, Receiver] = run(story())
        return result

    return outcome_of


OutcomeOf = Callable[..., tuple[Outcome, Receiver]]


# The request


def test_the_request_is_the_dispatch_and_nothing_else(outcome_of: OutcomeOf) -> None:
    """Path, query, headers and body go out as they are; only what HTTP itself needs, and our name, is added."""
    outcome, receiver = outcome_of(always(), ("X-Key", "secret"), ("X-Key", "another"))
    assert (outcome.status, outcome.error, outcome.body, outcome.succeeded) == (200, None, b"ok", True)
    assert 0 < outcome.elapsed < 5
    head, _, body = receiver.requests[0].partition(b"\r\n\r\n")
    line, *headers = head.decode().split("\r\n")
    assert line == "POST /hook?a=1 HTTP/1.1"
    assert sorted(headers) == [
        "Content-Length: 27",
        "Content-Type: application/json",
        f"Host: {receiver.origin.removeprefix('http://')}",
        f"User-Agent: mockchirp/{__version__}",
        "X-Key: another",
        "X-Key: secret",
    ]
    assert body == b'{"event":"calls.initiated"}'


def test_a_user_agent_of_the_webhook_s_own_wins(outcome_of: OutcomeOf) -> None:
    """A ``User-Agent`` among the dispatch's headers replaces ours, whatever its case."""
    _, receiver = outcome_of(always(), ("user-agent", "mine"))
    assert receiver.requests[0].lower().count(b"user-agent") == 1
    assert b": mine\r\n" in receiver.requests[0]


def test_credentials_in_the_url_become_a_header(run: Run) -> None:
    """``http://user:password@host`` authenticates, as in other clients."""

    async def story() -> None:
        async with receiving(always()) as receiver:
            outcome = await HttpSender().send(dispatch(receiver.origin.replace("//", "//user:pass@")))
            assert outcome.succeeded
            assert b"\r\nAuthorization: Basic dXNlcjpwYXNz\r\n" in receiver.requests[0]

    run(story())


def test_proxies_of_the_environment_are_ignored(outcome_of: OutcomeOf, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that the developer's shell knows does not get to see the webhooks."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert outcome_of(always())[0].succeeded


def test_cookies_are_not_sent_back(run: Run) -> None:
    """A receiver's cookie does not come back with the next webhook."""

    async def story() -> None:
        async with receiving(always(OK.replace(b"\r\n", b"\r\nset-cookie: a=1\r\n", 1))) as receiver:
            sender = HttpSender()
            async with sender.burst():
                await sender.send(dispatch(receiver.origin))
                await sender.send(dispatch(receiver.origin))
            assert len(receiver.requests) == 2
            assert not any(b"cookie" in request.lower() for request in receiver.requests)

    run(story())


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hook",
        "//host/hook",
        "ftp://127.0.0.1/",
        "ws://127.0.0.1/",
        "http://",
        "http://[::1",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:x/",
        "http://a..b/",
        "http://\ud800/",
        "http://" + "a" * 80 + ".invalid/",
    ],
)
def test_an_unusable_url_is_a_failure_in_words(run: Run, url: str) -> None:
    """Whatever stands in the URL, nothing is raised, and the words can be written as JSON."""
    outcome = run(HttpSender().send(dispatch(url)))
    assert outcome.status is None
    assert outcome.error.startswith("not sent: ")
    assert outcome.error.encode()


@pytest.mark.parametrize(
    "header", [("X-Key", "a\r\nb"), ("X-Key", "\ud800"), ("X\n", "a"), ("Content-Length", "x"), ("", "a")]
)
def test_an_unusable_header_raises_nothing(outcome_of: OutcomeOf, header: tuple[str, str]) -> None:
    """Headers are checked long before; should one slip through, the attempt has an outcome all the same."""
    outcome, _ = outcome_of(hang, header, timeout=BRIEF)
    assert not outcome.succeeded
    assert outcome.error
    assert outcome.error.encode()


# The answer


@pytest.mark.parametrize("status", [400, 401, 404, 413, 429, 500, 503, 600])
def test_anything_but_200_is_a_failure(outcome_of: OutcomeOf, status: int) -> None:
    """The body is kept for the ledger."""
    outcome, receiver = outcome_of(always(b"HTTP/1.1 %d X\r\ncontent-length: 3\r\n\r\nwhy" % status))
    assert (outcome.status, outcome.error, outcome.body) == (status, f"answered {status}", b"why")
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("status", [201, 202, 204, 206])
def test_other_successes_are_failures_and_say_what_counts(outcome_of: OutcomeOf, status: int) -> None:
    """Many receivers answer 204, and wonder why the webhook comes again."""
    outcome, receiver = outcome_of(always(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % status))
    assert (outcome.status, outcome.error) == (status, f"answered {status}: only 200 counts")
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(outcome_of: OutcomeOf, status: int) -> None:
    """A redirect is an answer other than 200, and says so, and where it would lead."""
    outcome, receiver = outcome_of(always(b"HTTP/1.1 %d X\r\nLocation: /a\r\ncontent-length: 0\r\n\r\n" % status))
    assert outcome.status == status
    assert outcome.error == f"answered {status} (redirects are not followed): it points to /a"
    assert receiver.connections == 1


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 200\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", b"ok"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", b"ok"),
    ],
)
def test_other_forms_of_200(outcome_of: OutcomeOf, answer: bytes, body: bytes) -> None:
    """Empty, chunked and announced answers are answers."""
    outcome, _ = outcome_of(always(answer))
    assert (outcome.succeeded, outcome.body) == (True, body)


def test_an_answer_that_ends_with_the_connection(outcome_of: OutcomeOf) -> None:
    """HTTP/1.0, without a length, is still spoken by small servers."""

    async def behave(visit: Visit) -> None:
        await visit.request()
        await visit.answer(b"HTTP/1.0 200 OK\r\n\r\nok")

    outcome, _ = outcome_of(behave)
    assert (outcome.succeeded, outcome.body) == (True, b"ok")


def test_a_body_of_4_kib_is_kept_whole(outcome_of: OutcomeOf) -> None:
    """The bound itself is within it."""
    outcome, _ = outcome_of(always(b"HTTP/1.1 200 OK\r\ncontent-length: 4096\r\n\r\n" + b"a" * 4096))
    assert (outcome.succeeded, outcome.body) == (True, b"a" * 4096)


@pytest.mark.parametrize("status", [200, 500])
def test_an_endless_answer_is_cut_off(outcome_of: OutcomeOf, status: int) -> None:
    """4 KiB are kept, the status counts, and the connection is dropped at once."""

    async def behave(visit: Visit) -> None:
        await visit.request()
        await visit.answer(b"HTTP/1.1 %d X\r\n\r\n" % status)
        while True:
            await visit.answer(b"a" * 1000)

    outcome, receiver = outcome_of(behave)
    assert (outcome.status, outcome.succeeded, outcome.body) == (status, status == 200, b"a" * 4096)
    assert outcome.elapsed < 2
    assert receiver.connections == 1


def test_compressed_answers_stay_compressed(outcome_of: OutcomeOf) -> None:
    """A small answer can't become a large one."""
    bomb = gzip.compress(b"\0" * 1_000_000)
    answer = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(bomb) + bomb
    outcome, _ = outcome_of(always(answer))
    assert (outcome.succeeded, outcome.body) == (True, bomb)


# Receivers that misbehave


def test_nobody_listens(run: Run) -> None:
    """A receiver that is not running is named."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    outcome = run(HttpSender().send(dispatch(f"http://user:secret@127.0.0.1:{port}/")))
    assert (outcome.status, outcome.error) == (None, f"connection refused by 127.0.0.1:{port}")


def test_no_answer(outcome_of: OutcomeOf) -> None:
    """A receiver that hangs fails with the time-out."""
    outcome, _ = outcome_of(hang, timeout=BRIEF)
    assert (outcome.status, outcome.error) == (None, "no answer within 0.1 s")
    assert 0.9 * BRIEF < outcome.elapsed < 10 * BRIEF


def test_a_receiver_that_hangs_loses_its_connection(run: Run) -> None:
    """The socket is closed with the time-out, not later."""

    async def story() -> None:
        async with receiving(hang) as receiver:
            await HttpSender(BRIEF).send(dispatch(receiver.origin))
            await asyncio.wait_for(receiver.left.wait(), 2)

    run(story())


def test_a_body_that_is_never_read(run: Run) -> None:
    """A webhook larger than all buffers goes nowhere, and neither does its socket stay."""

    async def behave(visit: Visit) -> None:
        visit.writer.transport.pause_reading()
        await asyncio.Event().wait()

    async def story() -> None:
        async with receiving(behave) as receiver:
            outcome = await HttpSender(BRIEF).send(dispatch(receiver.origin, body=b"a" * 20_000_000))
            assert outcome.error == "no answer within 0.1 s"

    run(story())


@pytest.mark.parametrize("body", [b"", b"some"])
def test_an_answer_that_does_not_end(outcome_of: OutcomeOf, body: bytes) -> None:
    """A status of 200 is not enough when a short body never ends; what came of it is kept."""

    async def behave(visit: Visit) -> None:
        await visit.request()
        await visit.answer(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n" + body)
        await visit.left()

    outcome, _ = outcome_of(behave, timeout=BRIEF)
    assert not outcome.succeeded
    assert (outcome.status, outcome.body) == (200, body)
    assert outcome.error == "answered 200, but the answer did not end within 0.1 s"


def test_an_answer_that_drips(outcome_of: OutcomeOf) -> None:
    """A byte now and then does not prolong the time-out."""

    async def behave(visit: Visit) -> None:
        await visit.request()
        while True:
            await visit.answer(b"HTTP/1.1 102 Processing\r\n\r\n")
            with suppress(TimeoutError):
                await asyncio.wait_for(visit.left(), BRIEF / 10)
                return

    outcome, _ = outcome_of(behave, timeout=BRIEF)
    assert (outcome.status, outcome.error) == (None, "no answer within 0.1 s")
    assert outcome.elapsed < 20 * BRIEF


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\ncontent-le"])
def test_a_connection_closed_before_an_answer(outcome_of: OutcomeOf, answer: bytes) -> None:
    """Closing early is a failure, and on a new connection nothing is sent twice."""

    async def behave(visit: Visit) -> None:
        await visit.request()
        await visit.answer(answer)

    outcome, receiver = outcome_of(behave)
    assert (outcome.status, outcome.error) == (None, "the connection was closed before an answer")
    assert len(receiver.requests) == 1


def test_a_connection_reset_before_an_answer(outcome_of: OutcomeOf) -> None:
    """A reset is told apart from an orderly end."""

    async def behave(visit: Visit) -> None:
        await visit.request()
        visit.reset()

    outcome, receiver = outcome_of(behave)
    assert (outcome.status, outcome.error) == (None, "the connection was reset before an answer")
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("framing", [b"content-length: 9\r\n\r\nsome", b"transfer-encoding: chunked\r\n\r\n9\r\nsome"])
def test_an_answer_that_breaks_off(run: Run, framing: bytes, reset: bool) -> None:
    """A truncated 200 is a failure."""

    async def behave(visit: Visit) -> None:
        await visit.request()
        await visit.answer(b"HTTP/1.1 200 OK\r\n" + framing)
        if reset:
            visit.reset()

    async def story() -> None:
        async with receiving(behave) as receiver:
            outcome = await HttpSender().send(dispatch(receiver.origin))
            assert not outcome.succeeded
            if outcome.status is None:  # a reset may overtake what was sent before it
                assert (reset, outcome.error) == (True, "the connection was reset before an answer")
            else:
                assert outcome.error == "answered 200, but the connection was lost before the answer's end"

    run(story())


@pytest.mark.parametrize(
    "answer",
    [
        b"220 mail.example ESMTP\r\n",
        b"\0\1\2\3" * 100,
        b"HTTP/1.1 \xff\xfe\r\n\r\n",
        b"HTTP/1.1 99999 X\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"a" * 100_000 + b"\r\n\r\n",
    ],
)
def test_an_answer_that_is_not_http(outcome_of: OutcomeOf, answer: bytes) -> None:
    """Garbage is shown, in one line of bounded length."""

    async def behave(visit: Visit) -> None:
        await visit.request()
        await visit.answer(answer)
        await visit.left()

    outcome, receiver = outcome_of(behave)
    assert outcome.status is None
    assert outcome.error is not None
    assert outcome.error.startswith("the answer is not HTTP: ")
    assert len(outcome.error) < 300
    assert outcome.error.isprintable()
    assert len(receiver.requests) == 1


def test_an_answer_to_nothing(outcome_of: OutcomeOf) -> None:
    """A switch of protocols is no success, and does not hang."""
    outcome, _ = outcome_of(always(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"))
    assert outcome.status == 101
    assert not outcome.succeeded


def test_a_certificate_that_nobody_vouches_for(run: Run, tls: ssl.SSLContext) -> None:
    """Certificates are verified, and the reason of the refusal is told."""

    async def story() -> None:
        async with receiving(always(), tls) as receiver:
            outcome = await HttpSender().send(dispatch(receiver.origin))
            place = receiver.origin.removeprefix("https://")
            assert outcome.error.startswith(f"the TLS certificate of {place} was refused: self-signed certificate; ")
            assert "SSL_CERT_FILE" in outcome.error
            assert receiver.requests == []

    run(story())


def test_https_to_a_receiver_that_speaks_http(run: Run) -> None:
    """The wrong scheme fails in words."""

    async def behave(visit: Visit) -> None:
        await visit.reader.read(1)
        await visit.answer(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await visit.left()

    async def story() -> None:
        async with receiving(behave) as receiver:
            outcome = await HttpSender().send(dispatch(receiver.origin.replace("http:", "https:")))
            assert outcome.error.startswith("no TLS connection with 127.0.0.1:")

    run(story())


def test_a_handshake_that_never_ends(run: Run) -> None:
    """Connecting counts towards the time-out."""

    async def behave(visit: Visit) -> None:
        await visit.left()

    async def story() -> None:
        async with receiving(behave) as receiver:
            outcome = await HttpSender(BRIEF).send(dispatch(receiver.origin.replace("http:", "https:")))
            place = receiver.origin.removeprefix("http://")
            assert outcome.error == f"no connection with {place} within 0.1 s"
            await asyncio.wait_for(receiver.left.wait(), 2)

    run(story())


@pytest.fixture
def tls(tmp_path: Any) -> ssl.SSLContext:
    """A server's side of TLS, with a certificate that it has signed itself."""
    (tmp_path / "self-signed.pem").write_text(SELF_SIGNED)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "self-signed.pem")
    return context


# Names


def no_such_name(host: str, *_: object) -> list[Any]:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def test_a_name_that_does_not_exist(run: Run) -> None:
    """The name is in the words."""
    outcome = run(HttpSender(lookup=no_such_name).send(dispatch("http://receiver.invalid/hook")))
    assert outcome.error == "the name receiver.invalid was not found: Name or service not known"


def test_names_are_looked_up(run: Run) -> None:
    """A name that leads to the receiver reaches it, under its own name."""

    async def story() -> None:
        async with receiving(always()) as receiver:
            port = int(receiver.origin.rpartition(":")[2])

            def lookup(host: str, *_: object) -> list[Any]:
                assert host == "receiver.test"
                return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))]

            outcome = await HttpSender(lookup=lookup).send(dispatch(f"http://receiver.test:{port}/"))
            assert outcome.succeeded
            assert f"\r\nHost: receiver.test:{port}\r\n".encode() in receiver.requests[0]

    run(story())


def test_a_name_server_that_hangs_holds_up_nobody(run: Run) -> None:
    """Lookups that never end cost their own webhooks the time-out, and neither the others nor the end of the loop anything."""
    answered = threading.Event()

    def lookup(host: str, port: int, *_: object) -> list[Any]:
        if host != "receiver.test":
            answered.wait(60)
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))]

    async def story() -> None:
        async with receiving(always()) as receiver:
            sender = HttpSender(BRIEF, lookup=lookup)
            stuck = [asyncio.ensure_future(sender.send(dispatch(f"http://stuck{n}.test/"))) for n in range(50)]
            port = receiver.origin.rpartition(":")[2]
            served = await HttpSender(lookup=lookup).send(dispatch(f"http://receiver.test:{port}/"))
            assert served.succeeded
            for number, outcome in enumerate(await asyncio.gather(*stuck)):
                assert outcome.error == f"no connection with stuck{number}.test:80 within 0.1 s"

    try:
        run(story())
    finally:
        answered.set()


# Connections


def test_a_burst_reuses_its_connection(run: Run) -> None:
    """One after the other inside a burst share a connection; it is closed with the burst."""

    async def behave(visit: Visit) -> None:
        for _ in range(3):
            await visit.request()
            await visit.answer()
        await visit.left()

    async def story() -> None:
        async with receiving(behave) as receiver:
            sender = HttpSender()
            async with sender.burst():
                for _ in range(3):
                    assert (await sender.send(dispatch(receiver.origin))).succeeded
                assert receiver.connections == 1
                assert not receiver.left.is_set()
            await asyncio.wait_for(receiver.left.wait(), 2)

    run(story())


def test_attempts_at_once_share_few_connections(run: Run) -> None:
    """As many connections as places, however many webhooks."""

    async def story() -> None:
        async with receiving(always()) as receiver:
            sender = HttpSender(per_origin=3)
            async with sender.burst():
                outcomes = await in_turn(sender, receiver.origin, 50)
            assert all(outcome.succeeded for outcome in outcomes)
            assert len(receiver.requests) == 50
            assert receiver.connections <= 3

    run(story())


@pytest.mark.parametrize("reset", [False, True])
def test_a_stale_connection_is_replaced(run: Run, reset: bool) -> None:
    """A connection that the receiver ended while it was kept is not used again, even if the event loop has not noticed yet."""

    async def story() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
            sender = HttpSender()
            async with sender.burst():
                first = asyncio.ensure_future(serve_by_hand(listener, count=2))
                for _ in range(2):  # the second shows that the receiver keeps connections
                    assert (await sender.send(dispatch(url))).succeeded
                connection = await first
                if reset:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.close()
                second = asyncio.ensure_future(serve_by_hand(listener, count=1))
                assert (await sender.send(dispatch(url))).succeeded
                (await second).close()

    run(story())


async def serve_by_hand(listener: socket.socket, count: int) -> socket.socket:
    """Accept one connection, answer so many requests on it, and hand it back: what is done to it then is done at once."""

    def serve() -> socket.socket:
        listener.settimeout(10)  # so that a test that fails comes to an end
        connection, _ = listener.accept()
        connection.settimeout(10)
        for _ in range(count):
            while not connection.recv(65536).endswith(b"}"):
                pass
            connection.sendall(OK)
        return connection

    return await asyncio.to_thread(serve)


@pytest.mark.parametrize("reset", [False, True])
def test_a_webhook_that_is_lost_on_a_kept_connection_is_a_failure(run: Run, reset: bool) -> None:
    """The receiver has had it, and does not get it twice in one attempt: trying again is the ledger's business."""

    async def behave(visit: Visit) -> None:
        await visit.request()
        await visit.answer()
        await visit.request()
        if reset:
            visit.reset()

    async def story() -> None:
        async with receiving(behave) as receiver:
            sender = HttpSender()
            async with sender.burst():
                assert (await sender.send(dispatch(receiver.origin))).succeeded
                outcome = await sender.send(dispatch(receiver.origin))
            how = "reset" if reset else "closed"
            assert (outcome.status, outcome.error) == (None, f"the connection was {how} before an answer")
            assert (receiver.connections, len(receiver.requests)) == (1, 2)

    run(story())


def test_connections_that_the_receiver_closes_unannounced(run: Run) -> None:
    """A receiver that closes after every answer without saying so is served without a failure."""

    async def behave(visit: Visit) -> None:
        await visit.request()
        await visit.answer()

    async def story() -> None:
        async with receiving(behave) as receiver:
            sender = HttpSender(per_origin=5)
            outcomes = await in_turn(sender, receiver.origin, 100)
            assert [outcome.error for outcome in outcomes if outcome.error] == []

    run(story())


def test_an_answer_that_has_begun_is_not_asked_for_again(run: Run) -> None:
    """A receiver that has begun to answer has had the webhook: it does not get it twice in one attempt."""

    async def behave(visit: Visit) -> None:
        await visit.request()
        await visit.answer()
        await visit.request()
        await visit.answer(b"HTTP/1.1 200 OK\r\ncontent-le")

    async def story() -> None:
        async with receiving(behave) as receiver:
            sender = HttpSender()
            async with sender.burst():
                assert (await sender.send(dispatch(receiver.origin))).succeeded
                outcome = await sender.send(dispatch(receiver.origin))
            assert outcome.error == "the connection was closed before an answer"
            assert len(receiver.requests) == 2

    run(story())


def test_a_small_receiver_is_not_overrun(run: Run) -> None:
    """A receiver of one thread, with room for five new connections and none kept, gets a hundred webhooks at once."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    async def story(url: str) -> list[Outcome]:
        return await in_turn(HttpSender(), url, 100)

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        outcomes = run(story(f"http://127.0.0.1:{server.server_port}/"))
        server.shutdown()
        thread.join()
    assert [outcome.error for outcome in outcomes if outcome.error] == []
    assert max(outcome.elapsed for outcome in outcomes) < 0.9  # nobody's first packet was lost and sent again


def test_a_receiver_that_keeps_connections_gets_more_of_them(run: Run) -> None:
    """The number of attempts at once grows to the bound."""

    async def story() -> None:
        async with receiving(always()) as receiver:
            sender = HttpSender(per_origin=8)
            async with sender.burst():
                for _ in range(5):
                    await in_turn(sender, receiver.origin, 20)
            assert receiver.most_open == 8

    run(story())


def test_a_receiver_that_hangs_holds_up_no_other(run: Run) -> None:
    """All its places taken and more waiting, another origin is served at once."""

    async def story() -> None:
        async with receiving(hang) as hanging, receiving(always()) as healthy:
            sender = HttpSender(per_origin=2)
            stuck = asyncio.ensure_future(in_turn(sender, hanging.origin, 5))
            for _ in range(10):
                assert (await in_turn(sender, healthy.origin, 1))[0].succeeded
            assert not stuck.done()
            assert hanging.most_open <= 2
            stuck.cancel()
            await asyncio.gather(stuck, return_exceptions=True)

    run(story())


def test_waiting_for_a_place_is_not_timed(run: Run) -> None:
    """The time-out begins with the connection: those at the end of the queue get all of it."""

    async def story() -> None:
        async with receiving(hang) as receiver:
            sender = HttpSender(BRIEF, per_origin=1)
            outcomes = await in_turn(sender, receiver.origin, 3)
            assert [outcome.error for outcome in outcomes] == ["no answer within 0.1 s"] * 3
            assert len(receiver.requests) == 3
            assert receiver.most_open == 1
            assert all(outcome.elapsed < 2 * BRIEF for outcome in outcomes)

    run(story())


# Ends


def test_cancelling_drops_the_connection(run: Run) -> None:
    """An attempt that is broken off ends at once, and so does its connection."""

    async def story() -> None:
        requested = asyncio.Event()

        async def behave(visit: Visit) -> None:
            await visit.request()
            requested.set()
            await visit.left()

        async with receiving(behave) as receiver:
            attempt = asyncio.ensure_future(HttpSender().send(dispatch(receiver.origin)))
            await asyncio.wait_for(requested.wait(), 2)
            attempt.cancel()
            with pytest.raises(asyncio.CancelledError):
                await attempt
            await asyncio.wait_for(receiver.left.wait(), 2)

    run(story())


def test_close_breaks_off_what_is_under_way(run: Run) -> None:
    """Closing ends attempts with an outcome; the sender can be used again."""

    async def story() -> None:
        requested = asyncio.Event()

        async def behave(visit: Visit) -> None:
            await visit.request()
            requested.set()
            await visit.left()

        async with receiving(behave) as hanging, receiving(always()) as healthy:
            sender = HttpSender()
            await sender.close()
            attempt = asyncio.ensure_future(sender.send(dispatch(hanging.origin)))
            await asyncio.wait_for(requested.wait(), 2)
            await sender.close()
            assert (await attempt).error == "broken off: mockchirp has stopped sending"
            await asyncio.wait_for(hanging.left.wait(), 2)
            assert (await sender.send(dispatch(healthy.origin))).succeeded

    run(story())


def test_close_breaks_off_what_is_still_connecting(run: Run) -> None:
    """A handshake that hangs ends with the sender."""

    async def story() -> None:
        connected = asyncio.Event()

        async def behave(visit: Visit) -> None:
            connected.set()
            await visit.left()

        async with receiving(behave) as receiver:
            sender = HttpSender()
            url = receiver.origin.replace("http:", "https:")
            attempts = [asyncio.ensure_future(sender.send(dispatch(url))) for _ in range(3)]
            await asyncio.wait_for(connected.wait(), 2)
            await sender.close()
            outcomes = await asyncio.wait_for(asyncio.gather(*attempts), 2)
            assert [outcome.error for outcome in outcomes] == ["broken off: mockchirp has stopped sending"] * 3

    run(story())


@pytest.fixture
def receiver_apart() -> Iterator[str]:
    """The URL of a receiver in a thread of its own, which keeps connections open."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 100

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_loops_end_without_a_trace(
    new_loop: Callable[[], asyncio.AbstractEventLoop], run: Run, receiver_apart: str
) -> None:
    """One sender serves loop after loop; none is closed in form, and nothing warns."""
    sender = HttpSender()
    for _ in range(3):
        loop = new_loop()
        assert loop.run_until_complete(sender.send(dispatch(receiver_apart))).succeeded
        loop.close()
        assert run(sender.send(dispatch(receiver_apart))).succeeded
    del sender, loop
    gc.collect()


def test_a_loop_may_end_with_attempts_under_way(run: Run) -> None:
    """What a loop cancels at its end leaves nothing behind."""
    sender = HttpSender()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"

        async def story() -> list[asyncio.Task[Outcome]]:
            attempts = [asyncio.create_task(sender.send(dispatch(url))) for _ in range(5)]
            await asyncio.wait(attempts, timeout=BRIEF)
            return attempts

        attempts = run(story())
        assert all(attempt.cancelled() for attempt in attempts)
    del attempts
    gc.collect()


def test_loops_in_several_threads_at_once(run: Run, receiver_apart: str) -> None:
    """A sender is shared by loops that know nothing of one another."""
    sender = HttpSender()
    outcomes: list[Outcome] = []

    async def story() -> None:
        outcomes.extend(await asyncio.gather(*(sender.send(dispatch(receiver_apart)) for _ in range(10))))

    threads = [threading.Thread(target=run, args=(story(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [outcome.status for outcome in outcomes] == [200] * 40


def test_what_only_sending_needs_waits_for_the_first_webhook() -> None:
    """A server that sends nothing does not pay for the import."""
    code = "import sys, mockchirp.sending.sender as s; s.HttpSender(); sys.exit('aiohappyeyeballs' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
