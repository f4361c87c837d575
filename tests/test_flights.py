"""What a sandbox is sending: the order in a line, what waits for a place, and event loops that end."""

import asyncio
import json
from itertools import permutations
from random import Random

import pytest

from mockchirp.core.deliveries import MOST_PENDING, Outcome
from mockchirp.core.faults import Fault
from mockchirp.core.sandbox import Sandbox
from mockchirp.core.world import Policy
from mockchirp.flights import Flights
from mockchirp.sending.sender import Sender

pytestmark = pytest.mark.anyio

NOW = 1_768_473_000_000
HOOK, OTHER = "http://app.test/hooks", "http://other.test/hooks"
BRIEF, ENDLESS = "+15005550008", "+15005550007"
AT_ONCE = ["calls.initiated", "calls.ringing", "calls.answered", *["calls.participant.joined"] * 2]
"""What happens to a call to the brief number in the instant in which it is placed."""


async def turns(count=10):
    """Let the event loop go round, so that whatever can happen without a further answer has happened."""
    for _ in range(count):
        await asyncio.sleep(0)


class Held(Sender):
    """Holds every attempt open until the test says what came of it, with so many places for each URL."""

    def __init__(self, places=1_000_000):
        self.open = []
        self.started = []
        self.taken = {}
        self.most = 0
        self._places = places
        self._waiting = {}

    async def send(self, dispatch):
        answer = asyncio.get_running_loop().create_future()
        self.started.append(dispatch)
        self.open.append((dispatch, answer))
        try:
            status = await answer
        finally:
            self.open = [(other, held) for other, held in self.open if held is not answer]
        return Outcome(status, None if status == 200 else f"answered {status}")

    def take_place(self, url):
        if self.taken.get(url, 0) >= self._places:
            return False
        self.taken[url] = self.taken.get(url, 0) + 1
        self.most = max(self.most, sum(self.taken.values()))
        return True

    def give_place_back(self, url):
        self.taken[url] -= 1
        for tell in self._waiting.pop(url, ()):
            asyncio.get_running_loop().call_soon(tell)

    def when_free(self, url, tell):
        self._waiting.setdefault(url, []).append(tell)

    def forget(self, tell):
        for waiting in self._waiting.values():
            if tell in waiting:
                waiting.remove(tell)

    @property
    def shown(self):
        """What is under way: the event of each, and where to."""
        return [(event_of(dispatch), dispatch.url) for dispatch, _ in self.open]

    async def answer(self, place=0, status=200):
        self.open[place][1].set_result(status)
        await turns()


def event_of(dispatch):
    return json.loads(dispatch.body)["event"]


class Life:
    """A sandbox and its flights, without a clock."""

    def __init__(self, sender, **policy):
        self.sandbox = Sandbox(now=NOW, policy=Policy(**policy), size_of=lambda kind, seconds: 1)
        self.flights = Flights(sender, self.sandbox.deliveries, self.record)
        self.recorded = []

    def record(self, dispatch, outcome, number):
        self.recorded.append(number)
        self.sandbox.record_outcome(dispatch, outcome)
        self.release()

    def release(self):
        self.flights.add(self.sandbox.take_outbox())

    def place(self, to=BRIEF):
        call = self.sandbox.place_call("+15551234567", to)
        self.release()
        return call

    def run(self, seconds):
        self.sandbox.run_until(self.sandbox.now + int(seconds * 1000))
        self.release()


# Lines


async def test_the_webhooks_of_a_call_and_an_instant_follow_each_other():
    """The next goes out when the one before it is answered, in the order of their events."""
    sender = Held()
    life = Life(sender, webhook_url=HOOK)
    life.place()
    await turns()

    for count in range(1, 6):
        assert [event_of(dispatch) for dispatch in sender.started] == AT_ONCE[:count]
        assert len(sender.open) == 1
        await sender.answer()
    assert len(life.flights) == 0


@pytest.mark.parametrize("failing", range(5))
async def test_a_failure_lets_the_next_go(failing):
    """Its retry belongs to another instant."""
    sender = Held()
    life = Life(sender, webhook_url=HOOK)
    life.place()
    await turns()
    for place in range(5):
        await sender.answer(status=500 if place == failing else 200)

    assert [event_of(dispatch) for dispatch in sender.started] == AT_ONCE
    assert len(life.flights) == 0
    life.run(2)
    await turns()
    assert sender.started[-1].attempt == 2 or event_of(sender.started[5]) == "calls.completed"


@pytest.mark.parametrize("seed", range(20))
async def test_a_receiver_that_answers_at_random_hears_everything_in_order(seed):
    """Two calls to two URLs at once: each of the four lines is in order, whatever the receivers do."""
    random = Random(seed)
    sender = Held(places=random.choice([1, 2, 3, 1000]))
    life = Life(sender, webhook_url=HOOK)
    life.sandbox.notifier.add(OTHER, AT_ONCE, {})
    calls = [life.place(), life.place()]
    await turns()
    while sender.open:
        await sender.answer(random.randrange(len(sender.open)), random.choice([200, 200, 200, 500]))

    for call in calls:
        for url in (HOOK, OTHER):
            heard = [each for each in sender.started if each.url == url and call.id.encode() in each.body]
            assert [event_of(dispatch) for dispatch in heard] == AT_ONCE


async def test_other_calls_urls_and_instants_wait_for_nobody():
    """A line is one call's, one URL's and one instant's."""
    sender = Held()
    life = Life(sender, webhook_url=HOOK)
    life.sandbox.notifier.add(OTHER, AT_ONCE, {})
    life.place()
    life.place()
    await turns()
    assert sender.shown == [("calls.initiated", HOOK), ("calls.initiated", OTHER)] * 2

    life.run(1)
    await turns()
    assert sender.shown[4:] == [("calls.participant.left", HOOK)] * 2


async def test_two_webhooks_with_one_url_are_one_line():
    """Both hear of an event at once, and of the next one when both have answered."""
    sender = Held()
    life = Life(sender, webhook_url=HOOK)
    life.sandbox.notifier.add(HOOK, AT_ONCE, {})
    life.place()
    await turns()

    assert sender.shown == [("calls.initiated", HOOK)] * 2
    await sender.answer(1)
    assert sender.shown == [("calls.initiated", HOOK)]
    await sender.answer()
    assert sender.shown == [("calls.ringing", HOOK)] * 2


async def test_duplicates_go_out_together():
    """They are one event; the next event waits for all of them."""
    sender = Held()
    life = Life(sender, webhook_url=HOOK)
    life.sandbox.faults.add(Fault(id="flt_1", created_at=NOW, target="webhook", duplicate=2, times=1))
    life.place()
    await turns()

    assert sender.shown == [("calls.initiated", HOOK)] * 3
    await sender.answer(2)
    await sender.answer(0)
    assert sender.shown == [("calls.initiated", HOOK)]
    await sender.answer()
    assert sender.shown == [("calls.ringing", HOOK)]


@pytest.mark.parametrize("behind", [1, 2])
async def test_what_a_fault_holds_back_follows_those_that_it_is_held_behind(behind):
    """Right after them, although others of its line wait."""
    sender = Held()
    life = Life(sender, webhook_url=HOOK)
    life.sandbox.faults.add(Fault(id="flt_1", created_at=NOW, target="webhook", reorder=behind, times=1))
    life.place()
    await turns()
    while sender.open:
        await sender.answer()

    first, *others = AT_ONCE
    assert [event_of(dispatch) for dispatch in sender.started] == [*others[:behind], first, *others[behind:]]


async def test_a_retry_and_a_new_event_of_one_instant_come_in_the_order_of_events():
    """Also where the new event was scheduled long before the retry."""
    sender = Held()
    life = Life(sender, webhook_url=HOOK, retry_schedule=(5000,))
    life.place("+15559876543")
    await turns()
    await sender.answer(status=500)
    life.run(1)
    await turns()
    await sender.answer()
    life.run(4)
    await turns()
    while sender.open:
        await sender.answer()

    assert [(event_of(dispatch), dispatch.attempt) for dispatch in sender.started[2:4]] == [
        ("calls.initiated", 2),
        ("calls.answered", 1),
    ]


async def test_a_retry_without_a_wait_comes_before_the_next_event():
    """It falls due at the same instant."""
    sender = Held()
    life = Life(sender, webhook_url=HOOK, retry_schedule=(0,))
    life.place()
    await turns()
    await sender.answer(status=500)
    while sender.open:
        await sender.answer()

    assert [(event_of(dispatch), dispatch.attempt) for dispatch in sender.started[:3]] == [
        ("calls.initiated", 1),
        ("calls.initiated", 2),
        ("calls.ringing", 1),
    ]


async def test_what_somebody_asks_for_waits_for_nobody():
    """A redelivery goes out although its call's webhooks are held at that instant."""
    sender = Held()
    life = Life(sender, webhook_url=HOOK)
    life.place()
    await turns()
    await sender.answer()

    life.sandbox.notifier.redeliver("dlv_1")
    life.release()
    await turns()
    assert sender.shown == [("calls.ringing", HOOK), ("calls.initiated", HOOK)]


# In order


@pytest.mark.parametrize("order", list(permutations(range(4))), ids=str)
async def test_in_order_outcomes_are_recorded_in_the_order_of_sending(order):
    """Nobody waits for that but the ledger: a line goes on at once."""
    sender = Held()
    life = Life(sender, webhook_url=HOOK)
    life.flights.in_order = True
    for _ in range(4):
        life.place(ENDLESS)
    await turns()
    held = list(sender.open)
    for place in order:
        held[place][1].set_result(500)
        await turns()

    assert life.recorded == [1, 2, 3, 4]


async def test_what_is_over_is_recorded_when_order_matters_no_more():
    """As when an advance is broken off."""
    sender = Held()
    life = Life(sender, webhook_url=HOOK)
    life.flights.in_order = True
    for _ in range(3):
        life.place(ENDLESS)
    await turns()
    await sender.answer(2)
    assert life.recorded == []

    life.flights.record_all()
    assert life.recorded == [3]
    await sender.answer(1)
    await sender.answer()
    assert life.recorded == [3, 2, 1]
    assert len(life.flights) == 0


# Places


async def test_only_what_has_a_place_takes_a_task():
    """Everything is sent in the end, and each origin has its own places."""
    sender = Held(places=5)
    life = Life(sender, webhook_url=HOOK)
    life.sandbox.notifier.add(OTHER, ["calls.initiated"], {})
    before = len(asyncio.all_tasks())
    for _ in range(500):
        life.place(ENDLESS)
    await turns()

    assert len(life.flights) == 2500 - 500 - 1000  # initiated to both, ringing waits behind it
    assert len(sender.open) == life.flights.under_way == 10
    assert len(asyncio.all_tasks()) <= before + 11, "one more keeps the connections"
    while sender.open:
        for _, answer in list(sender.open):
            answer.set_result(200)
        await turns()
    assert len(life.flights) == 0
    assert sender.most == 10
    assert {delivery.status for delivery in life.sandbox.deliveries} == {"delivered"}
    assert len(asyncio.all_tasks()) == before


async def test_what_waits_for_a_place_is_bounded():
    """A receiver that hangs holds what is under way and no more than may wait; what was given up is never sent."""
    sender = Held(places=5)
    life = Life(sender, webhook_url=HOOK, deliveries_kept=10)
    for _ in range(1_000):
        life.place(ENDLESS)
    await turns()

    assert len(life.flights) <= MOST_PENDING * 10 + 10
    assert len([*life.sandbox.deliveries]) <= MOST_PENDING * 10 + 10
    assert life.sandbox.deliveries.given_up >= 900
    newest = [delivery.id for delivery in life.sandbox.deliveries]
    while sender.open:
        await sender.answer()
    assert [dispatch.delivery_id for dispatch in sender.started] == newest
    assert len(life.flights) == 0


async def test_a_deleted_webhook_is_sent_nothing_that_waited():
    """What has a place ends as it ends, and others go on."""
    sender = Held(places=2)
    life = Life(sender, webhook_url=HOOK)
    doomed = life.sandbox.notifier.add(HOOK, AT_ONCE, {})
    for _ in range(10):
        life.place(BRIEF)
    await turns()
    life.sandbox.notifier.delete(doomed.id)
    life.release()

    assert len(life.flights) == 10 * 5 + 1
    while sender.open:
        await sender.answer()
    assert len(life.flights) == 0
    statuses = {delivery.status for delivery in life.sandbox.deliveries if delivery.webhook_id != doomed.id}
    assert statuses == {"delivered"}
    assert [each.delivery_id for each in sender.started].count("dlv_2") == 1
    assert sum(delivery.status != "abandoned" for delivery in life.sandbox.deliveries) == 51


async def test_what_is_let_go_is_over():
    """Nothing of it is recorded, and nothing that waited is sent."""
    sender = Held(places=2)
    life = Life(sender, webhook_url=HOOK)
    for _ in range(10):
        life.place(BRIEF)
    await turns()

    tasks = life.flights.let_go()
    await asyncio.wait(tasks)
    await turns()
    assert (len(life.flights), life.flights.under_way, life.recorded) == (0, 0, [])
    assert (len(sender.started), sender.open, sender.taken) == (2, [], {HOOK: 0})


async def test_settling_ends_with_the_last():
    """Or when everything is let go."""
    for let_go in (False, True):
        sender = Held(places=1)
        life = Life(sender, webhook_url=HOOK)
        life.flights.in_order = True
        life.place()
        settled = asyncio.create_task(life.flights.settle())
        await turns()
        for _ in range(4):
            await sender.answer()
            assert not settled.done()
        if let_go:
            life.flights.let_go()
            await turns()
        else:
            await sender.answer()
        assert settled.done()


# Event loops. These drive loops of their own, so they are no coroutines.


@pytest.mark.parametrize("end", ["cancelled", "closed"])
def test_what_an_event_loop_leaves_behind_is_sent_by_the_next(end):
    """In the same lines: those that were under way when it ended once more, and then those that waited."""
    sender = Held(places=1)
    life = Life(sender, webhook_url=HOOK)

    async def begin():
        life.place()
        life.place()
        await turns()

    async def go_on():
        life.release()
        await turns()
        while sender.open:
            await sender.answer()

    if end == "cancelled":
        asyncio.run(begin())
    else:
        loop = asyncio.new_event_loop()
        loop.run_until_complete(begin())
        for task in asyncio.all_tasks(loop):
            task._log_destroy_pending = False
        loop.close()
        sender.open.clear()
        sender.taken.clear()
    assert len(sender.started) == 1
    asyncio.run(go_on())

    assert len(life.flights) == 0
    assert {delivery.status for delivery in life.sandbox.deliveries} == {"delivered"}
    first, second = life.sandbox.calls
    for call in (first, second):
        heard = [event_of(each) for each in sender.started if call.encode() in each.body]
        assert heard == ([AT_ONCE[0], *AT_ONCE] if call == first else AT_ONCE)
