"""The HTTP client behind :class:`mockchirp.sending.sender.HttpSender`: how a webhook is posted, and what each failure is called.

aiohttp does the work. Set against its defaults: no cookies, no proxies from the environment, no redirects, no decompression, no
headers but the dispatch's own (``Host``, ``Content-Length`` and ``User-Agent`` apart), no limit on connections (that is what
places are for), and names looked up in threads of our own.

**Stale connections.** A receiver may close a kept connection just as the next webhook goes out on it. aiohttp drops a closed
connection that it has noticed, and repeats nothing that is not idempotent, a POST least of all. Here an attempt on a *reused*
connection that ends before the first byte of an answer is repeated, once, on a new connection: Chirp promises delivery at
least once, and a failure in the ledger that the receiver has not caused would mislead more than a duplicate, which
receivers must expect. An attempt on a new connection is never repeated.

**The end of the answer.** At most :data:`KEPT` bytes of the body are kept. When there are more the answer counts as
complete, since its status is known, and the connection is dropped. A body within that bound must end in time: otherwise the
attempt has failed, whatever its status.
"""

import asyncio
import contextlib
import errno
import io
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from mockchirp import __version__
from mockchirp.core.deliveries import Dispatch, Outcome

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.client_reqrep import ClientRequest
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

KEPT = 4096
"""Bytes of an answer's body that are read and kept."""

IDLE = 1.0
"""Seconds that an unused connection is kept: shorter than any usual server's own limit, so that ours is the side that closes."""

_LARGE = 2**20
"""Bytes of a body above which aiohttp wants a file instead."""

_UNTIMED = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)

Lookup = Callable[..., list[Any]]
"""``socket.getaddrinfo``, or what stands in for it."""


class _Attempt:
    """What is known of one attempt on its way through the HTTP library."""

    __slots__ = ("hung", "limit", "only_new", "reused", "transport")

    def __init__(self, limit: asyncio.Timeout) -> None:
        self.limit = limit
        self.only_new = False
        """Take no connection that has been used before."""
        self.reused = False
        """The connection has been used before."""
        self.transport: asyncio.Transport | None = None
        """The connection, once there is one."""
        self.hung = False
        """The time-out ended it."""


_attempt: ContextVar[_Attempt] = ContextVar("_attempt")


class Connections:
    """The connections of one event loop, the running one.

    ``time_limit`` (s) bounds each attempt.
    """

    def __init__(self, time_limit: float, lookup: Lookup) -> None:
        self.loop = asyncio.get_running_loop()
        self._time_limit = time_limit
        self._under_way: set[_Attempt] = set()
        self._session = aiohttp.ClientSession(
            connector=_Connector(resolver=_Resolver(lookup), limit=0, keepalive_timeout=IDLE, ttl_dns_cache=1),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"mockchirp/{__version__}"},
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type"),
            auto_decompress=False,
            timeout=_UNTIMED,
        )

    async def post(self, dispatch: Dispatch) -> tuple[Outcome, bool]:
        """Make one attempt: its outcome, and whether the origin can do with one more at once."""
        try:
            url = URL(dispatch.url)
            origin = url.origin()
            if origin.scheme not in ("http", "https"):
                raise ValueError(origin.scheme)
        except ValueError:
            return Outcome(None, f"not sent: {dispatch.url[:200]!r} is not an http or https URL"), False
        attempt = _Attempt(asyncio.timeout(self._time_limit))
        outcome = await self._exchange(url, dispatch, attempt)
        return outcome, attempt.reused or attempt.hung

    async def close(self) -> None:
        """Close all connections; attempts under way end at once, with an outcome."""
        if self.loop.is_closed():  # a task that its loop has left unfinished is being collected: nothing can be awaited
            self._session.detach()
            return
        for attempt in self._under_way:
            if not attempt.limit.expired():
                attempt.limit.reschedule(self.loop.time())
        await self._session.close()

    async def _exchange(self, url: URL, dispatch: Dispatch, attempt: _Attempt) -> Outcome:
        started = time.perf_counter()  # a loop's own time stands still between its rounds
        status: int | None = None
        body = bytearray()
        self._under_way.add(attempt)
        _attempt.set(attempt)
        try:
            async with attempt.limit:
                response = await self._answer(url, dispatch, attempt)
                status = response.status
                try:
                    while len(body) <= KEPT and (chunk := await response.content.read(KEPT + 1 - len(body))):
                        body += chunk
                finally:
                    response.close()  # drops the connection if there was more; one that is free again is left alone
            error = _judgement(status)
        except Exception as reason:
            attempt.hung = isinstance(reason, TimeoutError)
            error = self._fault(reason, url, status, attempt)
        finally:
            self._under_way.discard(attempt)
            # The library closes what it can't reuse, but politely: unsent bytes and TLS farewells would keep the socket.
            if attempt.transport is not None and attempt.transport.is_closing() and not self.loop.is_closed():
                attempt.transport.abort()
            attempt.transport = None
        return Outcome(status, error, bytes(body[:KEPT]), time.perf_counter() - started)

    def _fault(self, reason: Exception, url: URL, status: int | None, attempt: _Attempt) -> str:
        """Say for a person why there was no answer, or no end to it."""
        in_time = f"within {self._time_limit:g} s"
        if self._session.closed:
            return "broken off: mockchirp has stopped sending"
        if status is not None:
            end = (
                f"the answer did not end {in_time}"
                if attempt.hung
                else "the connection was lost before the answer's end"
            )
            return f"answered {status}, but {end}"
        if attempt.hung:
            return f"no answer {in_time}" if attempt.transport else f"no connection with {_place(url)} {in_time}"
        return _words(reason, url)

    async def _answer(self, url: URL, dispatch: Dispatch, attempt: _Attempt) -> aiohttp.ClientResponse:
        try:
            return await self._request(url, dispatch)
        except aiohttp.ClientConnectionError as reason:
            partial = isinstance(reason, aiohttp.ServerDisconnectedError) and not isinstance(reason.message, str)
            if partial or not attempt.reused or self._session.closed:
                raise
        attempt.only_new, attempt.reused, attempt.transport = True, False, None
        return await self._request(url, dispatch)

    async def _request(self, url: URL, dispatch: Dispatch) -> aiohttp.ClientResponse:
        # aiohttp warns of a large body unless it may send it in pieces.
        data = dispatch.body if len(dispatch.body) <= _LARGE else io.BytesIO(dispatch.body)
        return await self._session.post(url, data=data, headers=dispatch.headers, allow_redirects=False)


class _Connector(aiohttp.TCPConnector):
    """Tells each attempt which connection it got, and whether somebody used it before."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._used: WeakSet[ResponseHandler] = WeakSet()

    async def connect(
        self,
        req: "ClientRequest",
        traces: list["Trace"],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  # the library's signature
    ) -> "Connection":
        attempt = _attempt.get()
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            assert protocol is not None
            attempt.reused = protocol in self._used
            if not (attempt.reused and attempt.only_new):
                break
            connection.close()
        self._used.add(protocol)
        attempt.transport = connection.transport
        return connection


class _Resolver(AbstractResolver):
    """Looks each name up in a thread of its own.

    The event loop's threads are few, and a loop waits for them when it ends: a name server that does not answer would hold
    up everybody's webhooks first and the end of the process then. aiohttp asks once for all that wait for the same name.
    """

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        found: asyncio.Future[list[Any]] = loop.create_future()

        def settle(addresses: list[Any] | None, reason: Exception | None) -> None:
            if found.done():
                return
            if addresses is not None:
                found.set_result(addresses)
            else:
                found.set_exception(reason or OSError("no address"))

        def look_up() -> None:
            addresses, reason = None, None
            try:
                addresses = self._lookup(host, port, family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG)
            except Exception as error:
                reason = error
            with contextlib.suppress(RuntimeError):  # nobody waits any more: the loop has ended
                loop.call_soon_threadsafe(settle, addresses, reason)

        threading.Thread(target=look_up, name=f"lookup {host}", daemon=True).start()
        return [
            ResolveResult(
                hostname=host, host=address[0], port=address[1], family=family, proto=proto, flags=socket.AI_NUMERICHOST
            )
            for family, _, proto, _, address in await found
        ]

    async def close(self) -> None:
        """Nothing is held: a thread ends with its lookup."""


def _judgement(status: int) -> str | None:
    if status == 200:
        return None
    return f"answered {status}" + (" (redirects are not followed)" if 300 <= status < 400 else "")


def _words(reason: Exception, url: URL) -> str:
    """Say for a person what went wrong before an answer; credentials in the URL stay out of it."""
    place = _place(url)
    match reason:
        case aiohttp.ClientConnectorCertificateError():
            return f"the TLS certificate of {place} was refused: {_certificate_fault(reason.certificate_error)}"
        case aiohttp.ClientConnectorSSLError():
            return f"no TLS connection with {place}: {_brief(reason.os_error)}"
        case aiohttp.ClientConnectorDNSError():
            return f"the name {url.raw_host} was not found: {_os_fault(reason.os_error)}"
        case aiohttp.ClientConnectorError() if reason.os_error.errno == errno.ECONNREFUSED:
            return f"connection refused by {place}"
        case aiohttp.ClientConnectorError():
            return f"no connection with {place}: {_os_fault(reason.os_error)}"
        case aiohttp.ServerDisconnectedError():
            return "the connection was closed before an answer"
        case aiohttp.ClientConnectionError():
            return "the connection was reset before an answer"
        case aiohttp.ClientResponseError():
            return f"the answer is not HTTP: {_brief(reason.message)}"
        case ValueError():
            return f"not sent: {_brief(reason)}"
        case _:
            return f"not delivered: {type(reason).__name__}: {_brief(reason)}"


def _place(url: URL) -> str:
    return f"[{url.raw_host}]:{url.port}" if ":" in str(url.raw_host) else f"{url.raw_host}:{url.port}"


def _certificate_fault(reason: Exception) -> str:
    return reason.verify_message if isinstance(reason, ssl.SSLCertVerificationError) else _brief(reason)


def _os_fault(reason: OSError) -> str:
    # asyncio words some errors itself, around the address that is named already; a resolver's numbers are none of the system's.
    if isinstance(reason, socket.gaierror) or not reason.errno:
        return _brief(reason.strerror or reason)
    return os.strerror(reason.errno)


def _brief(text: object) -> str:
    return " ".join(str(text).encode(errors="backslashreplace").decode().split())[:200]
