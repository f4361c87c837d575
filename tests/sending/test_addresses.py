"""How names are looked up: :mod:`mockchirp.sending.addresses`."""

import asyncio
import socket
import threading

import pytest

from mockchirp.sending.addresses import MOST_LOOKUPS, AddressBook, means_this_machine
from mockchirp.sending.failures import Failure


class NameServer:
    """Stands in for ``getaddrinfo``: keeps what was asked, and answers when it is let to."""

    def __init__(self, *addresses, open=True):
        self.addresses = addresses
        self.asked = []
        self.open = threading.Event()
        self.busy = self.most_busy = 0
        self._lock = threading.Lock()
        if open:
            self.open.set()

    def __call__(self, host, port, family, kind, protocol, flags):
        self.asked.append((host, family, flags))
        with self._lock:
            self.busy += 1
            self.most_busy = max(self.most_busy, self.busy)
        self.open.wait(60)
        with self._lock:
            self.busy -= 1
        if not self.addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, kind, 0, "", (address, port)) for address in self.addresses]


async def turns(count=10):
    """Let the event loop go round."""
    for _ in range(count):
        await asyncio.sleep(0)


def found(addresses):
    return [address[0] for *_, address in addresses]


@pytest.mark.parametrize("host", ["hook.test", "localhost", "app.localhost"])
def test_both_families_are_asked_for_wherever_this_machine_is(run, host):
    """``AI_ADDRCONFIG`` would hide what only the loopback has."""
    server = NameServer("127.0.0.1")

    async def story():
        await AddressBook(server).find(host, 80)

    run(story())
    assert server.asked == [(host, socket.AF_UNSPEC, 0)]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_address_is_asked_of_nobody(run, host):
    """It is known."""
    server = NameServer()

    async def story():
        return found(await AddressBook(server).find(host, 80))

    assert run(story()) == [host]
    assert server.asked == []


def test_those_who_wait_for_a_name_share_the_lookup(run):
    """One thread for all, and who ceases to wait disturbs nobody."""
    server = NameServer("192.0.2.1", open=False)

    async def story():
        book = AddressBook(server)
        asking = [asyncio.ensure_future(book.find("hook.test", 80)) for _ in range(20)]
        await turns()
        asking.pop(0).cancel()
        server.open.set()
        return [found(addresses) for addresses in await asyncio.gather(*asking)]

    assert run(story()) == [["192.0.2.1"]] * 19
    assert len(server.asked) == 1


def test_a_name_that_was_found_is_known_for_a_moment_and_one_that_was_not_is_asked_for_again(run):
    """A name that is entered after the failure is found by the next attempt."""
    server = NameServer()

    async def story():
        book = AddressBook(server)
        for _ in range(2):
            with pytest.raises(Failure, match=r"^the name hook\.test was not found: Name or service not known$"):
                await book.find("hook.test", 80)
        server.addresses = ("192.0.2.1",)
        for _ in range(2):
            assert found(await book.find("hook.test", 80)) == ["192.0.2.1"]

    run(story())
    assert len(server.asked) == 3


def test_lookups_at_once_are_bounded_and_nobody_is_forgotten(run):
    """The rest waits for a thread; a name that nobody wants any more takes none."""
    server = NameServer("192.0.2.1", open=False)

    async def story():
        book = AddressBook(server)
        asking = [asyncio.ensure_future(book.find(f"hook{n}.test", 80)) for n in range(MOST_LOOKUPS + 20)]
        await turns()
        for left in (asking.pop(), asking.pop()):
            left.cancel()
        await turns()
        server.open.set()
        return await asyncio.gather(*asking)

    assert len(run(story())) == MOST_LOOKUPS + 18
    assert len(server.asked) == MOST_LOOKUPS + 18
    assert server.most_busy <= MOST_LOOKUPS


def test_a_name_server_that_hangs_does_not_hide_this_machine(run):
    """``app.localhost`` is the loopback, whoever else is asked."""
    server = NameServer("192.0.2.1", open=False)

    async def story():
        return found(await AddressBook(server).find("app.localhost", 80))

    try:
        assert run(story()) == ["::1", "127.0.0.1"]
    finally:
        server.open.set()


def test_where_the_hosts_file_leads_elsewhere_it_counts(run):
    """A name of this machine that somebody has given to another one."""

    async def story():
        return found(await AddressBook(NameServer("192.0.2.1")).find("app.localhost", 80))

    assert run(story()) == ["192.0.2.1"]


@pytest.mark.parametrize(
    ("host", "means"),
    [
        ("localhost", True),
        ("localhost.", True),
        ("a.b.localhost", True),
        ("localhost.localdomain", True),
        ("ip6-localhost", True),
        ("notlocalhost", False),
        ("localhost.test", False),
        ("hook.test", False),
    ],
)
def test_which_names_mean_this_machine(host, means):
    """RFC 6761, and what systems have in their hosts file."""
    assert means_this_machine(host) is means
