"""What receivers get to see, and what they can do to the sender, over real sockets."""

import asyncio
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections import Counter

import httpx2
import pytest

from mockchirp.app import create_app
from mockchirp.core.deliveries import Dispatch
from mockchirp.sending.sender import HttpSender
from mockchirp.settings import Settings

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
KEY = "sk_test_app_local"


def dispatch(url, body=b"{}"):
    return Dispatch("dlv_1", 1, url, (("Content-Type", "application/json"),), body)


def always(answer=OK):
    def handle(peer):
        while True:
            peer.request()
            peer.answer(answer)

    return handle


def in_a_burst(*urls, sender=None, body=b"{}"):
    """Send one webhook after the other, and hand back what came of each."""

    async def story():
        its = sender or HttpSender()
        async with its.burst():
            return [await its.send(dispatch(url, body)) for url in urls]

    return story()


# Exactly once


@pytest.mark.parametrize("kept", [True, False])
def test_every_post_on_the_wire_is_an_attempt_in_the_ledger(run, listening, kept):
    """A receiver that drops the connection after reading gets six POSTs of a webhook, on new and on kept connections."""

    def handle(peer):
        if kept:
            peer.request()
            peer.answer()
        peer.request()

    receiver = listening(handle)

    async def story():
        settings = Settings(clock_mode="frozen", webhook_url=receiver.url, state_file=None, deliveries_kept=100)
        app = create_app(settings)
        client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app), base_url="http://mock", headers={"Authorization": f"Bearer {KEY}"}
        )
        async with client:
            call = {"from": "+15551234567", "to": "+15559876543", "fromChannel": "pstn", "toChannel": "pstn"}
            (await client.post("/v1/calls", json=call)).raise_for_status()
            (await client.post("/_mockchirp/clock/advance", json={"by": "10m"})).raise_for_status()
            ledger = (await client.get("/_mockchirp/deliveries")).json()
        await app.close()
        return ledger["data"]

    attempts = {delivery["eventId"]: len(delivery["attempts"]) for delivery in run(story())}
    posts = Counter(json.loads(request.partition(b"\r\n\r\n")[2])["eventId"] for request in receiver.requests)

    assert posts == attempts
    assert max(posts.values()) <= 6


def test_what_follows_an_answer_is_never_taken_for_the_next_one(run, listening):
    """A receiver that answers twice is asked on a new connection."""
    receiver = listening(always(OK + b"HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n"))
    outcomes = run(in_a_burst(receiver.url, receiver.url))

    assert [outcome.status for outcome in outcomes] == [200, 200]
    assert receiver.connections == 2


def test_something_said_on_an_idle_connection_ends_it(run, listening):
    """A time-out of the receiver's, announced by a 408, is no answer to the next webhook."""

    def handle(peer):
        peer.request()
        peer.answer()
        peer.answer(b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")

    receiver = listening(handle)

    assert [outcome.status for outcome in run(in_a_burst(*[receiver.url] * 3))] == [200] * 3
    assert receiver.connections == 3


def test_a_receiver_that_closes_each_connection_unannounced_gets_every_webhook_once(run, listening):
    """Its farewell is waited for, and so there is no failure."""

    def handle(peer):
        peer.request()
        peer.answer()

    receiver = listening(handle)

    assert [outcome.error for outcome in run(in_a_burst(*[receiver.url] * 50))] == [None] * 50
    assert len(receiver.requests) == receiver.connections == 50


# The request


@pytest.mark.parametrize("path", ["/?sp=%2Ftriggers&q=%27x%27", "/a%2fb/%7E/../c//?x=%zz&y=[]{}|"])
def test_the_url_arrives_as_it_was_given(run, listening, path):
    """Nothing of it is decoded and encoded again."""
    receiver = listening(always())

    assert run(in_a_burst(receiver.url + path))[0].succeeded
    assert receiver.requests[0].startswith(f"POST {path} HTTP/1.1\r\n".encode())


def test_a_large_body_arrives_whole_at_a_receiver_that_reads_slowly(run, listening):
    """Byte for byte, behind one head with its length."""
    body = os.urandom(1 << 20)

    def handle(peer):
        got = bytearray()
        while not got.endswith(body):
            got += peer.sock.recv(3000)
        peer.listener.requests.append(bytes(got.partition(b"\r\n\r\n")[2]))
        peer.answer()

    receiver = listening(handle)

    assert run(in_a_burst(receiver.url, body=body))[0].succeeded
    assert receiver.requests == [body]


@pytest.mark.parametrize("keeps", [True, False])
def test_an_answer_before_the_end_of_the_request_counts(run, listening, keeps):
    """A receiver that refuses a large webhook by its head is heard, and the connection is not used again."""

    def handle(peer):
        while b"\r\n\r\n" not in peer.sock.recv(1000):
            pass
        peer.answer(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\n\r\n")
        if keeps:
            peer.listener.done.wait()

    receiver = listening(handle)
    receiver.done = threading.Event()

    outcomes = run(in_a_burst(receiver.url, receiver.url, body=b"x" * 20_000_000))
    receiver.done.set()

    assert [outcome.error for outcome in outcomes] == ["answered 413", "answered 413"]
    assert receiver.connections == 2


# The answer


@pytest.mark.parametrize(
    "head", [b"x: " + b"a" * 9000 + b"\r\n", b"x: a\r\n" * 150, b"set-cookie: " + b"a" * 60_000 + b"\r\n"]
)
def test_a_large_head_is_a_200(run, listening, head):
    """Cookies, policies and traces add up."""
    receiver = listening(always(OK.replace(b"\r\n", b"\r\n" + head, 1)))

    assert run(in_a_burst(receiver.url))[0].succeeded


@pytest.mark.parametrize(
    ("begin", "again"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"x: a\r\n"),
        (b"HTTP/1.1 200 OK\r\nx: ", b"a"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"0"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;", b"a"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", b"x: a\r\n"),
    ],
)
def test_a_flood_is_a_failure_and_slows_nobody(run, listening, begin, again):
    """It is cut off after a bounded number of bytes, and other receivers hear of their webhooks meanwhile."""

    def flood(peer):
        peer.request()
        peer.answer(begin)
        while True:
            peer.answer(again * (100_000 // len(again)))

    flooding, healthy = listening(flood), listening(always())

    async def story():
        sender = HttpSender()
        floods = [asyncio.ensure_future(sender.send(dispatch(flooding.url))) for _ in range(20)]
        outcomes = [await sender.send(dispatch(healthy.url)) for _ in range(20)]
        return outcomes, await asyncio.gather(*floods)

    outcomes, floods = run(story())

    assert [outcome.error for outcome in outcomes] == [None] * 20
    assert not any(outcome.succeeded for outcome in floods)
    assert all("is not HTTP" in outcome.error for outcome in floods)


# Names


def lookup_of(*addresses):
    """Stands in for ``getaddrinfo``: every name has these addresses."""

    def lookup(host, port, *_):
        return [
            (socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 0, "", (address, port))
            for address in addresses
        ]

    return lookup


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("name", ["localhost", "LOCALHOST", "localhost.", "app.localhost", "ip6-localhost"])
def test_localhost_reaches_a_receiver_on_either_loopback(run, listening, host, name):
    """Whichever of the two it listens on, and whatever the system knows of the name."""
    receiver = listening(always(), host)

    assert run(in_a_burst(f"http://{name}:{receiver.port}/"))[0].succeeded


@pytest.mark.parametrize("known", [["127.0.0.1"], ["::1"], []])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_localhost_means_both_loopbacks_even_if_the_system_knows_one(run, listening, host, known):
    """``/etc/hosts`` of a container often has but one of them."""
    receiver = listening(always(), host)
    sender = HttpSender(lookup=lookup_of(*known))

    assert run(in_a_burst(f"http://localhost:{receiver.port}/", sender=sender))[0].succeeded


@pytest.mark.parametrize("addresses", [["::1", "127.0.0.1"], ["127.0.0.1", "::1"], ["192.0.2.1", "::1", "127.0.0.1"]])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_every_address_of_a_name_is_tried(run, listening, host, addresses):
    """Of both families, until one is connected."""
    receiver = listening(always(), host)
    sender = HttpSender(lookup=lookup_of(*addresses))

    assert run(in_a_burst(f"http://hook.test:{receiver.port}/", sender=sender))[0].succeeded


def test_nobody_on_either_address_is_a_refusal(run):
    """In the words of one address, whatever became of the other."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    sender = HttpSender(lookup=lookup_of("::1", "127.0.0.1", "255.255.255.255"))

    assert (
        run(in_a_burst(f"http://hook.test:{port}/", sender=sender))[0].error
        == f"connection refused by hook.test:{port}"
    )


ALONE = """
import asyncio, socket, threading
from mockchirp.core.deliveries import Dispatch
from mockchirp.sending.sender import HttpSender
try:
    from uvloop import new_event_loop
except ImportError:
    from asyncio import new_event_loop

def serve(listener):
    while True:
        peer, _ = listener.accept()
        peer.recv(65536)
        peer.sendall(b"HTTP/1.1 200 OK\\r\\ncontent-length: 0\\r\\n\\r\\n")
        peer.close()

for host, name in (("127.0.0.1", "localhost"), ("::1", "localhost"), ("fe80::5%lo", "[fe80::5%25lo]")):
    family, kind, _, _, address = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind)
    listener.bind(address)
    listener.listen()
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    for loop in (asyncio.new_event_loop, new_event_loop):
        with asyncio.Runner(loop_factory=loop) as runner:
            url = f"http://{name}:{listener.getsockname()[1]}/"
            print(runner.run(HttpSender().send(Dispatch("dlv_1", 1, url, (), b"{}"))).error)
"""


@pytest.mark.skipif(shutil.which("unshare") is None or shutil.which("ip") is None, reason="needs unshare and ip")
def test_a_machine_without_a_network():
    """Where there is nothing but the loopback, ``localhost`` leads to either of its addresses, and a zone to its interface."""
    network = "ip link set lo up && ip -6 addr add fe80::5/64 dev lo nodad"
    alone = subprocess.run(
        ["unshare", "-rn", "sh", "-c", f"{network} && exec {sys.executable} -"],
        input=ALONE,
        capture_output=True,
        text=True,
        check=False,
    )
    if alone.returncode and "mockchirp" not in alone.stderr:
        pytest.skip(f"no network of one's own is to be had here: {alone.stderr}")

    assert alone.stdout.split() == ["None"] * 6, alone.stderr


# TLS


def test_a_receiver_with_a_certificate_of_one_s_own(run, tmp_path, monkeypatch):
    """``SSL_CERT_FILE`` names its authority, and connections are kept with TLS, too."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = (
        f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {key} -out {certificate} -days 2"
    )
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*make.split(), *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    connections = 0

    async def story():
        nonlocal connections

        async def visit(reader, writer):
            nonlocal connections
            connections += 1
            while await reader.readuntil(b"{}"):
                writer.write(OK)

        server = await asyncio.start_server(visit, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        outcomes = await in_a_burst(*[f"https://localhost:{port}/"] * 3, *[f"https://127.0.0.1:{port}/"] * 3)
        server.close()
        return outcomes

    assert [outcome.error for outcome in run(story())] == [None] * 6
    assert connections == 2
