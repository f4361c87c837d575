"""The list of everything that happened."""

import pytest

EVENTS = "/_mockchirp/events"


@pytest.fixture
def told(mock):
    """Two calls, one of them recorded, until nothing is left to come."""
    call_id = mock.call()["id"]
    mock.command(call_id, "start_recording", format="ogg")
    mock.call("+15005550001")
    mock.advance(until="idle")
    return mock


def test_events_are_numbered_from_one_in_the_order_of_time(told):
    """Each with its instant, its call and what changed."""
    answer = told.get(EVENTS).json()

    events = answer["data"]
    assert answer["totalCount"] == len(events) > 10
    assert [event["number"] for event in events] == list(range(1, len(events) + 1))
    assert [event["at"] for event in events] == sorted(event["at"] for event in events)
    assert events[0] == {
        "number": 1,
        "at": "2026-01-15T10:30:00.000Z",
        "type": "calls.initiated",
        "callId": events[0]["callId"],
        "data": {"status": "initiated"},
    }
    assert events[-1]["type"] == "calls.recording.completed"
    assert events[-1]["recordingId"].startswith("call_rec_")
    assert events[-1]["data"] == {"status": "completed", "duration": 120, "format": "ogg"}


@pytest.mark.parametrize("after", [0, 1, 5, 10_000, 999_999_999_999_999])
def test_events_after_a_number(told, after):
    """The newer ones: none is an empty list."""
    everything = told.events()

    assert told.events(after=after) == everything[after:]


def test_events_of_a_type_and_of_a_call(told):
    """Each filter narrows the list, and `totalCount` counts what is in it."""
    everything = told.events()
    call_id = everything[0]["callId"]

    for query in [
        {"type": "calls.answered"},
        {"callId": call_id},
        {"callId": call_id, "type": "calls.completed", "after": 3},
        {"type": "calls.no_answer"},
        {"callId": "nobody"},
    ]:
        answer = told.get(EVENTS, params=query).json()
        assert answer["data"] == [
            event
            for event in everything
            if query.get("type", event["type"]) == event["type"]
            and query.get("callId", event["callId"]) == event["callId"]
            and event["number"] > query.get("after", 0)
        ]
        assert answer["totalCount"] == len(answer["data"])


def test_a_sandbox_without_events_has_an_empty_list(mock):
    """And so has one that nobody has used."""
    assert mock.get(EVENTS).json() == {"data": [], "totalCount": 0}
    mock.call()
    assert mock.get(EVENTS, key="sk_test_app_other").json() == {"data": [], "totalCount": 0}


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("after=-1", "after"),
        ("after=", "after"),
        ("after=x", "after"),
        ("after=1.5", "after"),
        ("after=0x1", "after"),
        ("after=%D9%A1", "after"),
        ("after=%C2%B2", "after"),
        ("after=1%00", "after"),
        ("after=" + "9" * 5_000, "after"),
        ("type=", "type"),
        ("type=calls.sung", "type"),
        ("type=" + "x" * 5_000, "type"),
        ("aftr=1", "aftr"),
        ("After=1", "After"),
        ("=1", None),
        ("after=1&x", "x"),
        ("%00=1", "\x00"),
        ("%FF=1", "\ufffd"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_query_that_makes_no_sense_is_refused(told, refused, query, param):
    """An unknown parameter included: a typo must not pass in silence."""
    before = told.state()

    refused(told.get(f"{EVENTS}?{query}"), 400, param=param)

    assert told.state() == before
