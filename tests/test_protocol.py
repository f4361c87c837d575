"""What comes in over a connection, fed to the protocol piece by piece: where requests end, and what is none."""

import asyncio
import json
import re

import pytest
import uvicorn
from uvicorn.server import ServerState

from mockchirp.idling import LONGEST, SAID, IdleConnections
from mockchirp.protocol import BoundedProtocol

pytestmark = pytest.mark.anyio

BODY = b'{"isRead": true, "and": "GET /b HTTP/1.1"}'
CHUNKED = b"".join(b"%x;a=b\r\n%s\r\n" % (len(part), part) for part in (BODY[:1], BODY[1:30], BODY[30:])) + b"0\r\n\r\n"
LENGTH = b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
CHUNKS = b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKED
NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"


async def echo(scope, receive, send):
    """Tells what of a request has arrived."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message.get("body", b"")
        more = message.get("more_body", False)
    offers = [value.decode() for name, value in scope["headers"] if name == b"upgrade"]
    told = json.dumps([scope["method"], scope["path"], body.decode(), offers]).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(told))]})
    await send({"type": "http.response.body", "body": told})


class Wire:
    """One connection: the transport of its protocol, and the client at its other end."""

    def __init__(self, app=echo, idle=None, state=None, **bounds):
        self.sent = b""
        self.closed = False
        self.state = state or ServerState()
        config = uvicorn.Config(app, lifespan="off", ws="none", log_config=None)
        bounds = {"most": 10, "patience": 30.0, "largest": 1 << 20, **bounds}
        self.protocol = BoundedProtocol(config, self.state, {}, idle=idle or IdleConnections(), **bounds)
        self.protocol.connection_made(self)

    async def say(self, data, size=None):
        """Send ``data`` in packets of ``size`` bytes; what the server has answered to everything so far."""
        for start in range(0, len(data), size or len(data)):
            self.protocol.data_received(data[start : start + (size or len(data))])
        while self.state.tasks:
            await asyncio.gather(*self.state.tasks)
        return [int(status) for status in re.findall(rb"HTTP/1.1 (\d+) ", self.sent)]

    def told(self):
        """What :func:`echo` has told."""
        return [json.loads(line) for line in re.findall(rb"\r\n\r\n(\[.*?\])(?=HTTP/1.1|$)", self.sent)]

    def write(self, data):
        assert not self.closed
        self.sent += data

    def write_eof(self):
        self.closed = True

    def close(self):
        self.closed = True

    abort = close

    def can_write_eof(self):
        return True

    def is_closing(self):
        return self.closed

    def get_write_buffer_size(self):
        return 0

    def get_extra_info(self, name):
        return None

    def pause_reading(self):
        pass

    def resume_reading(self):
        pass


OFFERS = [
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n",
    b"upgrade: websocket\r\nconnection: keep-alive, UPGRADE\r\nSec-WebSocket-Version: 13\r\n",
    b"Upgrade: TLS/1.0, foo/2\r\nUpgrade: h2c\r\nConnection: upgrade\r\nConnection: x\r\n",
    b"Expect: 100-continue\r\nCONNECTION: upgrade\r\nUPGRADE: h2c\r\n",
]


@pytest.mark.parametrize("offer", OFFERS, ids=range(len(OFFERS)))
@pytest.mark.parametrize("body", [LENGTH, CHUNKS], ids=["length", "chunks"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "GET"])
async def test_a_request_that_offers_another_protocol_is_served_like_any_other(method, body, offer):
    """With all of its body, however it is cut into packets, and so are the requests that follow it."""
    request = method.encode() + b" /a?b HTTP/1.1\r\nHost: a\r\n" + offer + body
    head = request.index(b"\r\n\r\n") + 4
    for size in (None, 1, 2, 3, 7, head - 1, head, head + 1):
        wire = Wire()
        statuses = await wire.say(request + request + NEXT, size)

        offers = re.findall(r"(?im)^upgrade: (.*?)\r", offer.decode())
        assert [status for status in statuses if status != 100] == [200, 200, 200], size
        assert wire.told() == [[method, "/a", BODY.decode(), offers]] * 2 + [["GET", "/next", "", []]], size


async def test_a_body_that_comes_later_is_waited_for():
    """The answer comes when it is whole."""
    wire = Wire()
    head, _, body = (b"POST /a HTTP/1.1\r\nHost: a\r\n" + OFFERS[0] + LENGTH).partition(b"\r\n\r\n")
    wire.protocol.data_received(head + b"\r\n\r\n")
    await asyncio.sleep(0)
    assert wire.sent == b""

    assert await wire.say(body) == [200]
    assert wire.told() == [["POST", "/a", BODY.decode(), ["h2c"]]]


async def test_an_offer_does_not_let_a_malformed_message_pass():
    """What ends a body is decided by the same rules."""
    for wrong in (
        b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ):
        wire = Wire()
        assert await wire.say(b"POST /a HTTP/1.1\r\nHost: a\r\n" + OFFERS[0] + wrong + NEXT) == [400]
        assert wire.closed


@pytest.mark.parametrize(
    ("request_", "status", "says"),
    [
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x12\x04", 505, "HTTP/2 is not served"),
        (b"GET /a HTTP/2.0\r\nHost: a\r\n\r\n", 505, "HTTP/1.1 is"),
        (b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n\x16\x03\x01", 501, "no proxy"),
        (b"GET /a HTTP/1.1\r\n\r\n", 400, "no Host header"),
        (b"GET /a HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400, "2 Host headers"),
        (b"GET /a HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400, "2 Host headers"),
        (b"GET /a HTTP/1.1\r\nHost:\r\n\r\n", 400, "Host '' is not valid"),
        (b"GET /a HTTP/1.1\r\nHost: me@a\r\n\r\n", 400, "'me@a' is not valid"),
        (b"GET /a HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "'a/b' is not valid"),
        (b"GET /a HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "'a b' is not valid"),
        (b"GET /a HTTP/1.1\r\nHost: a:80:80\r\n\r\n", 400, "'a:80:80' is not valid"),
        (b"GET /a HTTP/1.1\r\nHost: \xe4\r\n\r\n", 400, "is not valid"),
        (b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "'gzip'"),
        (b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", 501, "'identity'"),
        (b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, "'gzip, chunked'"),
        (b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 501, "'chunked, gzip'"),
        (b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", 501, "gzip"),
        (b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 501, ""),
        (b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 501, "xchunked"),
        (b"POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "HTTP/1.0"),
        (b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, ""),
        (
            b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            400,
            "Duplicate Content-Length",
        ),
        (b"PSOT /a HTTP/1.1\r\nHost: a\r\n\r\n", 400, "POST"),
        (b"get /a HTTP/1.1\r\nHost: a\r\n\r\n", 400, "in capitals"),
        (b"\x16\x03\x01\x00\xc8\x01\x00", 400, "https://"),
        (b"GET /a HTTP/1.1\r\nHost: a\r\nA: " + b"a" * 70_000 + b"\r\n\r\n", 431, "65536 bytes"),
        (b"GET /a?" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 431, "65536 bytes"),
        (b"GET /a HTTP/1.1\r\nHost: a\r\n" + OFFERS[0] + b"A: a\r\n" * 40_000 + b"\r\n", 431, "65536 bytes"),
    ],
    ids=lambda value: value[:80] if isinstance(value, bytes) else str(value),
)
@pytest.mark.parametrize("size", [None, 1, 40_000])
async def test_what_is_no_request_of_http_1_is_refused_in_words(request_, status, says, size):
    """After the answer to the request before it; what follows is not looked at."""
    wire = Wire()

    assert await wire.say(NEXT + request_ + NEXT, size) == [200, status]
    error = json.loads(wire.sent.rpartition(b"\r\n\r\n")[2])["error"]
    assert error["type"] == "invalid_request_error"
    assert says in error["message"]
    assert wire.closed
    assert wire.told() == [["GET", "/next", "", []]]


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /a HTTP/1.0\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: A-b_c.d:\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: [fe80::1%25eth0]\r\n\r\n",
        b"GET http://a/a HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:  CHUNKED \r\n\r\n0\r\n\r\n",
        b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTransfer-Encoding: gzip\r\nHost: b\r\n\r\n",
    ],
)
async def test_what_is_unusual_is_served(request_):
    """The oldest form, whole URLs, and trailers, which mean nothing."""
    wire = Wire()

    assert await wire.say(request_) == [200]
    assert wire.told()[0][1] == "/a"


async def test_the_root_may_be_asked_for_by_a_whole_url():
    """Whose path is empty."""
    wire = Wire()
    await wire.say(b"GET http://a HTTP/1.1\r\nHost: a\r\n\r\nGET http://a?b=c HTTP/1.1\r\nHost: a\r\n\r\n")

    assert [told[:2] for told in wire.told()] == [["GET", "/"]] * 2


@pytest.mark.parametrize("size", [None, 1, 100_000])
async def test_many_requests_at_once_are_no_long_head(size):
    """What is long is the packet, or a body before."""
    wire = Wire()
    long = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 80000\r\n\r\n" + b"x" * 80_000

    assert await wire.say(NEXT * 3000 + long + NEXT[:9], size) == [200] * 3001
    assert await wire.say(NEXT[9:]) == [200] * 3002


async def test_nothing_is_done_for_a_request_that_turns_out_to_be_none():
    """Though it could have been done without its body."""
    asked = []

    async def careless(scope, receive, send):
        asked.append(scope["path"])
        await echo(scope, receive, send)

    wire = Wire(careless)
    broken = b"DELETE /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"

    assert await wire.say(NEXT + broken) == [200, 400]
    assert asked == ["/next"]


async def test_clients_are_told_for_how_long_a_connection_is_kept():
    """For less than it is; not where it is closed."""
    assert (LONGEST, SAID) == (75.0, 70)
    kept, closed = Wire(), Wire()
    await kept.say(NEXT * 2)
    await closed.say(b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

    assert kept.sent.count(b"\r\nkeep-alive: timeout=70\r\n") == 2
    assert b"keep-alive" not in closed.sent
    assert closed.closed


async def test_the_longest_idle_connection_makes_room_for_a_new_one():
    """One that is busy does not, and where all are, the new one is refused."""
    idle, state = IdleConnections(), ServerState()
    wires = [Wire(idle=idle, state=state, most=3) for _ in range(3)]
    for wire in wires:
        await wire.say(NEXT)
    await wires[0].say(NEXT)
    wires[1].protocol.data_received(b"GET /half")

    new = Wire(idle=idle, state=state, most=3)
    assert [wire.closed for wire in [*wires, new]] == [False, False, True, False]
    wires[2].protocol.connection_lost(None)
    for wire in (wires[0], new):
        wire.protocol.data_received(b"GET /half")
    refused = Wire(idle=idle, state=state, most=3)

    assert [wire.closed for wire in [*wires[:2], new, refused]] == [False, False, False, True]
    assert b"HTTP/1.1 503 " in refused.sent
    assert b"3 connections are open" in refused.sent


async def test_an_idle_connection_is_closed_in_the_end():
    """And one timer does for all of them."""
    closed = asyncio.Event()
    idle = IdleConnections(limit=0.01)

    class Connection:
        def close_idle(self):
            closed.set()

    first, second = Connection(), Connection()
    idle.add(first)
    idle.add(second)
    idle.remove(first)
    await asyncio.wait_for(closed.wait(), 5)

    assert not idle.close_longest()
