"""The journal of requests: what it keeps, and what it finds."""

import pytest

from mockchirp.core.instants import parse_instant
from mockchirp.core.journal import LARGEST_KEPT, Journal

T0 = parse_instant("2026-01-15T10:30:00Z")


def enter(
    journal,
    path="/v1/calls",
    *,
    method="GET",
    operation="getCall",
    status=200,
    headers=None,
    query=b"",
    body=b"",
    answer=b"",
):
    journal.enter(T0, 0.001, operation, None, (method, path, query, headers or [], body), status, [], answer)


def test_the_newest_are_kept_under_their_numbers():
    """Counting goes on, whatever is forgotten."""
    journal = Journal(3)
    for _ in range(5):
        enter(journal)

    assert [exchange.number for exchange in journal.after(0)] == [3, 4, 5]
    assert [exchange.number for exchange in journal.after(4)] == [5]
    assert [list(journal.after(number)) for number in (5, 6, 10**15)] == [[], [], []]
    assert journal.clear() == 3
    assert list(journal.after(0)) == []
    enter(journal)
    assert [exchange.number for exchange in journal.after(0)] == [6]
    assert (journal.last, len(journal)) == (6, 1)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, [1, 2, 3]),
        ({"operation": "getCall"}, [2]),
        ({"status": 201}, [1]),
        ({"status": 404}, [3]),
        ({"method": "GET"}, [2, 3]),
        ({"path": "/v1/calls"}, [1]),
        ({"path": "/v1/calls*"}, [1, 2]),
        ({"path": "*"}, [1, 2, 3]),
        ({"path": ""}, []),
        ({"path": "/v1/*", "method": "GET", "status": 404}, [3]),
        ({"operation": "endCall"}, []),
    ],
)
def test_what_is_asked_for_is_found(asked, found):
    """Each thing that is asked for narrows it down."""
    journal = Journal(10)
    enter(journal, method="POST", operation="createCall", status=201)
    enter(journal, "/v1/calls/call_x")
    enter(journal, "/v1/nothing", operation=None, status=404)

    assert [exchange.number for exchange in journal.after(0) if exchange.matches(**asked)] == found


def test_what_is_long_is_cut():
    """Bodies keep their length in words, headers stay whole or go."""
    journal = Journal(1)
    long = b"x" * (LARGEST_KEPT + 1)
    enter(
        journal,
        "/" + "p" * len(long),
        query=long,
        headers=[(b"a", b"1"), (b"b", long), (b"c", b"3")],
        body=long,
        answer=long,
    )

    (exchange,) = journal.after(0)

    assert len(exchange.body) == len(exchange.answer) == len(exchange.path) == len(exchange.query) == LARGEST_KEPT
    assert (exchange.body_length, exchange.answer_length) == (LARGEST_KEPT + 1, LARGEST_KEPT + 1)
    assert exchange.headers == [(b"a", b"1")]


def test_the_oldest_go_when_they_take_too_many_bytes():
    """Whatever they consist of; the newest stays however large it is."""
    large = 60_000
    for parts in (
        {"body": b"x" * large},
        {"answer": b"x" * large},
        {"path": "/" + "x" * large},
        {"query": b"x" * large},
        {"headers": [(b"x", b"x" * large)]},
    ):
        journal = Journal(1000, 200_000)
        for _ in range(10):
            enter(journal, **parts)
        assert [exchange.number for exchange in journal.after(0)] == [8, 9, 10]
        enter(journal, body=b"x" * large, answer=b"x" * large, path="/" + "x" * large, query=b"x", headers=[])
        assert [exchange.number for exchange in journal.after(0)] == [11]
        journal.clear()
        for _ in range(3):
            enter(journal, **parts)
        assert len(journal) == 3

    journal = Journal(1000, 1)
    enter(journal)
    enter(journal)
    assert [exchange.number for exchange in journal.after(0)] == [2]
