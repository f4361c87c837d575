"""The addresses of a receiver, of both families, whatever its name.

Each name is looked up in a thread, once for all who wait for it. The event loop's own threads are few, and a loop waits for
them when it ends: a name server that does not answer would hold up everybody's webhooks first and the end of the process then.

No lookup asks for ``AI_ADDRCONFIG``: where the loopback is the only interface of a family, it hides ``localhost`` and whatever
else in ``/etc/hosts`` is this machine. An address that can't be reached fails at once, and the next is tried.
"""

import asyncio
import socket
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

from mockchirp.sending.failures import Failure, no_name

MOST_LOOKUPS = 100
"""Threads that look up names at once, also for those who have ceased to wait; further names wait until one ends."""

KNOWN_FOR = 1.0
"""Seconds for which addresses are good, so that many webhooks to one name ask once."""

MOST_KNOWN = 1000
"""Names whose addresses are remembered."""

LOCAL_PATIENCE = 0.5
"""Seconds that a name of this machine may take: ``app.localhost`` may end up with a name server that never answers."""

_LOCAL = {"localhost", "localhost4", "localhost6", "ip6-localhost", "ip6-loopback"}
_LOCAL |= {"localhost.localdomain", "localhost4.localdomain4", "localhost6.localdomain6"}

Lookup = Callable[..., list[Any]]
"""``socket.getaddrinfo``, or what stands in for it."""
Addresses = list[Any]
"""As it returns them: family, type, protocol, canonical name and address of each."""


class AddressBook:
    """Looks up names for one event loop, the running one."""

    def __init__(self, lookup: Lookup) -> None:
        self._loop = asyncio.get_running_loop()
        self._lookup = lookup
        self._threads = 0
        self._questions: dict[tuple[str, int], _Question] = {}
        self._queue: deque[_Question] = deque()
        self._known: dict[tuple[str, int], tuple[float, Addresses]] = {}

    async def find(self, host: str, port: int) -> Addresses:
        """The addresses of ``host``, at least one. Raise :class:`Failure` if it has no address."""
        until, addresses = self._known.get((host, port), (0.0, []))
        if self._loop.time() < until:
            return addresses
        if _is_literal(host):
            try:
                addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
            except OSError as reason:  # a zone that is not there
                raise no_name(host, reason) from None
        elif means_this_machine(host):
            addresses = await self._find_here(host, port)
        else:
            addresses = await self._ask(host, port)
        addresses = [_with_zone(address) for address in addresses]
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[host, port] = (self._loop.time() + KNOWN_FOR, addresses)
        return addresses

    async def _find_here(self, host: str, port: int) -> Addresses:
        """Both loopbacks, even where the system knows but one, or none: a receiver may listen on either."""
        found: Addresses = []
        with suppress(Failure, TimeoutError):
            async with asyncio.timeout(LOCAL_PATIENCE):
                found = await self._ask(host, port)
        if not all(ip_address(address[0]).is_loopback for *_, address in found):
            return found
        loopbacks = ((socket.AF_INET6, ("::1", port, 0, 0)), (socket.AF_INET, ("127.0.0.1", port)))
        known = {family for family, *_ in found}
        return found + [
            (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address)
            for family, address in loopbacks
            if family not in known
        ]

    async def _ask(self, host: str, port: int) -> Addresses:
        question = self._questions.get((host, port))
        if question is None:
            question = self._questions[host, port] = _Question(host, port, self._loop.create_future())
            self._queue.append(question)
        question.askers += 1
        try:
            self._start()
            found = await asyncio.shield(question.answer)
        finally:
            question.askers -= 1
        if isinstance(found, Exception):
            raise no_name(host, found)
        if not found:
            raise no_name(host, OSError("it has no address"))
        return found

    def _start(self) -> None:
        while self._queue and self._threads < MOST_LOOKUPS:
            question = self._queue.popleft()
            if not question.askers:
                del self._questions[question.host, question.port]
                continue
            self._threads += 1
            thread = threading.Thread(
                target=self._look_up, args=(question,), name=f"lookup {question.host}", daemon=True
            )
            try:
                thread.start()
            except RuntimeError as reason:  # the system gives no more threads
                self._settle(question, reason)

    def _look_up(self, question: "_Question") -> None:
        """In a thread: find the addresses, and tell the loop."""
        found: Addresses | Exception
        try:
            found = self._lookup(question.host, question.port, socket.AF_UNSPEC, socket.SOCK_STREAM, 0, 0)
        except Exception as reason:
            found = reason
        with suppress(RuntimeError):  # nobody waits any more: the loop has ended
            self._loop.call_soon_threadsafe(self._settle, question, found)

    def _settle(self, question: "_Question", found: "Addresses | Exception") -> None:
        self._threads -= 1
        del self._questions[question.host, question.port]
        question.answer.set_result(found)
        self._start()


class _Question:
    """A name that is asked for, and how many wait for the answer: addresses, or why there are none."""

    __slots__ = ("answer", "askers", "host", "port")

    def __init__(self, host: str, port: int, answer: "asyncio.Future[Addresses | Exception]") -> None:
        self.host, self.port, self.answer, self.askers = host, port, answer, 0


def means_this_machine(host: str) -> bool:
    """Whether ``host``, in lower case, is a name of the loopback (RFC 6761 section 6.3, and what ``/etc/hosts`` often has)."""
    name = host.rstrip(".")
    return name in _LOCAL or name.endswith(".localhost")


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _with_zone(entry: tuple[Any, ...]) -> tuple[Any, ...]:
    """The zone of a link-local address stands in the address itself as well: uvloop looks nowhere else."""
    family, kind, protocol, name, address = entry
    if family == socket.AF_INET6 and len(address) == 4 and address[3] and "%" not in address[0]:
        address = (f"{address[0]}%{address[3]}", *address[1:])
    return family, kind, protocol, name, address
