"""How many attempts may be under way at once: :mod:`mockchirp.sending.places`."""

import asyncio

from mockchirp.sending.places import FIRST_PLACES, MOST_AT_ONCE, MOST_OF_ALL, Places

HOOK = "http://hook.test:80"
OTHER = "http://other.test:80"


def turns(story):
    """Run a story that yields where the event loop is to go round."""

    async def play():
        for _ in story():
            await asyncio.sleep(0)

    asyncio.run(play())


def take_all(places, origin=HOOK):
    """Take every place that there is for an origin; how many there were."""
    return sum(iter(lambda: places.take(origin), False))


def test_an_origin_begins_with_a_few_places_and_gets_more_up_to_the_bound():
    """One more each time that it has shown that it can do with more."""

    def story():
        places = Places(FIRST_PLACES + 2)
        assert take_all(places) == FIRST_PLACES
        for expected in (1, 1, 0):
            places.widen(HOOK)
            assert take_all(places) == expected
        yield

    turns(story)


def test_a_bound_below_the_first_places_counts_from_the_start():
    """`per_origin` is never passed."""

    def story():
        places = Places(2)
        places.widen(HOOK)
        assert take_all(places) == 2
        yield

    turns(story)


def test_who_waits_is_told_when_a_place_is_given_back_and_only_then():
    """In a later turn of the event loop, once."""

    def story():
        places, told = Places(1), []
        assert places.take(HOOK)
        places.when_free(HOOK, lambda: told.append(places.take(HOOK)))
        yield
        assert not told
        places.give_back(HOOK)
        assert not told
        yield
        assert told == [True]
        places.give_back(HOOK)
        yield
        assert told == [True]
        assert places.unused

    turns(story)


def test_who_waits_is_told_of_a_place_that_is_added():
    """A receiver that can do with more gets more at once."""

    def story():
        places, told = Places(FIRST_PLACES + 1), []
        take_all(places)
        places.when_free(HOOK, lambda: told.append(places.take(HOOK)))
        places.widen(HOOK)
        yield
        assert told == [True]

    turns(story)


def test_those_who_wait_take_turns():
    """Each takes what it can get; who is refused and asks again goes to the end."""

    def story():
        places, served = Places(1), []

        def waiter(name, want):
            def tell():
                nonlocal want
                while want and places.take(HOOK):
                    want -= 1
                    served.append(name)
                if want:
                    places.when_free(HOOK, tell)

            return tell

        assert places.take(HOOK)
        for tell in (waiter("a", 2), waiter("b", 2)):
            places.when_free(HOOK, tell)
            places.when_free(HOOK, tell)
        for _ in range(6):
            places.give_back(HOOK)
            yield
            if len(served) == 4:
                break
        assert served == ["a", "b", "a", "b"]

    turns(story)


def test_who_wants_no_place_any_more_keeps_it_from_nobody():
    """The next in the queue is told in the same turn."""

    def story():
        places, told = Places(1), []
        assert places.take(HOOK)
        places.when_free(HOOK, lambda: told.append("wants none"))
        places.when_free(HOOK, lambda: told.append(places.take(HOOK)))
        places.give_back(HOOK)
        yield
        assert told == ["wants none", True]

    turns(story)


def test_who_is_forgotten_is_not_told():
    """A sandbox that is removed waits for nothing."""

    def story():
        places, told = Places(1), []
        assert places.take(HOOK)
        places.when_free(HOOK, tell := lambda: told.append(1))
        places.forget(tell)
        places.give_back(HOOK)
        yield
        assert not told
        assert places.unused

    turns(story)


def test_an_origin_with_nothing_under_way_gets_a_place_though_all_are_taken():
    """Receivers that hang hold up nobody but themselves."""

    def story():
        places = Places(100)
        crowd = [f"http://hook{number}.test:80" for number in range(MOST_AT_ONCE // FIRST_PLACES)]
        assert sum(take_all(places, origin) for origin in crowd) == MOST_AT_ONCE
        assert take_all(places, OTHER) == 1
        yield

    turns(story)


def test_there_is_an_end_to_first_places_too():
    """Descriptors are left for the server's own clients."""

    def story():
        places = Places(100)
        crowd = [f"http://hook{number}.test:80" for number in range(2 * MOST_OF_ALL)]
        assert sum(places.take(origin) for origin in crowd) == MOST_OF_ALL
        told = []
        places.when_free(OTHER, lambda: told.append(places.take(OTHER)))
        places.give_back(crowd[0])
        yield
        assert told == [True]

    turns(story)


def test_any_origin_is_told_when_the_crowd_thins():
    """Whoever was refused because of all the others."""

    def story():
        places = Places(100)
        crowd = [f"http://hook{number}.test:80" for number in range(MOST_AT_ONCE)]
        for origin in crowd:
            assert places.take(origin)
        assert places.take(OTHER)
        assert not places.take(OTHER)
        told = []
        places.when_free(OTHER, lambda: told.append(places.take(OTHER)))
        for origin in crowd[:2]:
            places.give_back(origin)
        yield
        assert told == [True]

    turns(story)
