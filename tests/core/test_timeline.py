"""The timeline: what falls due, in which order, and what no longer does."""

from random import Random

import pytest

from mockchirp.core.timeline import AttemptDelivery, FarEndActs, FinishProcessing, Timeline


def act(owner, action="ring"):
    return FarEndActs(owner, action)


def pop_all(timeline, now=10**9):
    """Everything that is due, as instants and actions."""
    popped = []
    while entry := timeline.pop_due(now):
        popped.append((entry.at, entry.action))
    return popped


def test_nothing_is_due_on_an_empty_timeline():
    """And cancelling is harmless."""
    timeline = Timeline()
    timeline.cancel("nobody")

    assert (timeline.next_due(), timeline.pop_due(10**9), len(timeline), list(timeline), timeline.of("x")) == (
        None,
        None,
        0,
        [],
        [],
    )


def test_what_is_due_comes_in_the_order_of_time():
    """Whatever the order in which it was scheduled."""
    timeline = Timeline()
    for at in (30, 10, 20):
        timeline.schedule(at, act(f"c{at}"))

    assert timeline.next_due() == 10
    assert [entry.at for entry in timeline] == [10, 20, 30]
    assert pop_all(timeline) == [(at, act(f"c{at}")) for at in (10, 20, 30)]


def test_at_one_instant_what_was_scheduled_first_comes_first():
    """Whatever kind of thing it is."""
    timeline = Timeline()
    actions = [act("c"), AttemptDelivery("b"), FinishProcessing("a"), act("c", "answer"), act("a")]
    for action in actions:
        timeline.schedule(5, action)

    assert [action for _, action in pop_all(timeline)] == actions


def test_a_reserved_place_comes_in_its_turn():
    """Before what was scheduled after the reservation, at the same instant."""
    timeline = Timeline()
    timeline.schedule(5, act("first"))
    place = timeline.reserve()
    timeline.schedule(5, act("third"))
    timeline.schedule(5, act("second"), place)

    assert [action.call_id for _, action in pop_all(timeline)] == ["first", "second", "third"]


def test_a_reserved_place_can_be_used_again():
    """As retries of one delivery do, also after one of them was cancelled and another entry still hides it."""
    timeline = Timeline()
    place = timeline.reserve()
    timeline.schedule(1, act("other"))
    timeline.schedule(5, AttemptDelivery("d"), place)
    timeline.cancel("d")

    timeline.schedule(7, AttemptDelivery("d"), place)

    assert len(timeline) == 2
    assert pop_all(timeline) == [(1, act("other")), (7, AttemptDelivery("d"))]


@pytest.mark.parametrize(("now", "due"), [(9, []), (10, [10]), (11, [10]), (20, [10, 20]), (10**9, [10, 20])])
def test_only_what_is_due_is_popped(now, due):
    """An instant is due when it has come."""
    timeline = Timeline()
    timeline.schedule(20, act("a"))
    timeline.schedule(10, act("b"))

    assert [at for at, _ in pop_all(timeline, now)] == due
    assert len(timeline) == 2 - len(due)


def test_what_is_cancelled_never_comes():
    """Everything of one owner, and nothing of another."""
    timeline = Timeline()
    for at in (10, 20, 30):
        timeline.schedule(at, act("a"))
        timeline.schedule(at, act("b"))

    timeline.cancel("a")

    assert timeline.of("a") == []
    assert [entry.at for entry in timeline.of("b")] == [10, 20, 30]
    assert (len(timeline), timeline.next_due()) == (3, 10)
    assert pop_all(timeline) == [(at, act("b")) for at in (10, 20, 30)]


def test_what_an_owner_still_has_to_come_is_in_order():
    """Soonest first, whatever the order in which it was scheduled."""
    timeline = Timeline()
    for at in (30, 10, 20, 10):
        timeline.schedule(at, act("a", str(at)))

    assert [(entry.at, entry.order) for entry in timeline.of("a")] == [(10, 2), (10, 4), (20, 3), (30, 1)]


def test_an_owner_can_be_scheduled_again_after_it_was_cancelled():
    """Only what was there is off."""
    timeline = Timeline()
    timeline.schedule(10, act("a"))
    timeline.cancel("a")
    timeline.schedule(20, act("a"))

    assert pop_all(timeline) == [(20, act("a"))]


def test_the_place_of_what_was_withdrawn_can_be_used_again():
    """Which the place of what was cancelled can't, as long as that is still in the heap."""
    timeline = Timeline()
    for at in (1, 5, 9):
        timeline.schedule(at, act("other"))
    order = timeline.reserve()
    timeline.schedule(7, act("mine"), order)

    timeline.withdraw("mine")
    assert timeline.of("mine") == []
    timeline.schedule(3, act("mine"), order)
    timeline.withdraw("nobody")

    assert [(entry.at, entry.action.call_id) for entry in timeline] == [
        (1, "other"),
        (3, "mine"),
        (5, "other"),
        (9, "other"),
    ]
    assert len(pop_all(timeline)) == 4


def test_a_popped_entry_is_no_longer_the_owners():
    """Cancelling afterwards has nothing left to do."""
    timeline = Timeline()
    timeline.schedule(10, act("a"))
    timeline.schedule(20, act("a"))
    timeline.pop_due(10)

    assert [entry.at for entry in timeline.of("a")] == [20]
    timeline.cancel("a")
    assert (len(timeline), timeline.next_due()) == (0, None)


def test_the_next_instant_is_never_that_of_a_cancelled_entry():
    """However many of them come first."""
    timeline = Timeline()
    for number in range(1_000):
        timeline.schedule(number, act(f"c{number}"))
    for number in range(999):
        timeline.cancel(f"c{number}")

    assert (timeline.next_due(), len(timeline)) == (999, 1)


@pytest.mark.parametrize("order", ["forwards", "backwards", "shuffled"])
def test_cancelled_entries_take_no_room(order):
    """A call that ends early leaves nothing behind: the heap stays in proportion to what is still to come."""
    timeline = Timeline()
    owners = [f"c{number}" for number in range(20_000)]
    for number, owner in enumerate(owners):
        timeline.schedule(number, act(owner))
    if order == "backwards":
        owners.reverse()
    elif order == "shuffled":
        Random(1).shuffle(owners)

    for owner in owners[:-10]:
        timeline.cancel(owner)

    assert len(timeline) == 10
    assert len(timeline._heap) <= 100
    assert len(timeline._cancelled) <= 100
    assert sorted(timeline._by_owner) == sorted(owners[-10:])
    assert {action.call_id for _, action in pop_all(timeline)} == set(owners[-10:])


@pytest.mark.parametrize("seed", range(20))
def test_it_is_a_sorted_list_with_deletions(seed):
    """The plainest model there is agrees with it through any mixture of what can be done."""
    random, timeline, model, place = Random(seed), Timeline(), [], 0
    for _ in range(400):
        chance = random.random()
        if chance < 0.5:
            place += 1
            entry = (random.randrange(50), place, act(f"c{random.randrange(20)}"))
            timeline.schedule(entry[0], entry[2])
            model.append(entry)
        elif chance < 0.7:
            owner = f"c{random.randrange(20)}"
            random.choice([timeline.cancel, timeline.withdraw])(owner)
            model = [entry for entry in model if entry[2].call_id != owner]
        else:
            now = random.randrange(50)
            expected = min((entry for entry in model if entry[0] <= now), default=None)
            popped = timeline.pop_due(now)
            assert (popped and tuple(popped)) == expected
            if expected:
                model.remove(expected)
        assert len(timeline) == len(model)
        assert timeline.next_due() == min((entry[0] for entry in model), default=None)
        assert [tuple(entry) for entry in timeline] == sorted(model)
