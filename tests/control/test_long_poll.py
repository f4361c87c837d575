"""The list of events, held until there is something new."""

import asyncio

import pytest

EVENTS = "/_mockchirp/events"
PLACE = ("POST", "/v1/calls", {"from": "+15551234567", "to": "+15559876543"})


def test_what_is_there_already_is_answered_at_once(mock):
    """However long it might wait."""
    mock.call()
    assert [event["number"] for event in mock.events(wait="60s")] == [1]


def test_a_poll_answers_with_the_first_thing_that_happens(mock):
    """On a frozen clock as well: somebody else may move it, or place a call."""
    answer = mock.during(("GET", f"{EVENTS}?wait=5", None), PLACE).json()

    assert answer["totalCount"] == 1
    assert (answer["data"][0]["number"], answer["data"][0]["type"]) == (1, "calls.initiated")


def test_a_poll_waits_for_what_matches(mock):
    """What has another type, or is another call's, does not end it."""
    call_id = mock.call()["id"]
    advance = ("POST", "/_mockchirp/clock/advance", {"by": "10s"})

    answer = mock.during(("GET", f"{EVENTS}?after=1&callId={call_id}&type=calls.answered&wait=5", None), PLACE, advance)

    assert [event["type"] for event in answer.json()["data"]] == ["calls.answered"]
    assert answer.json()["data"][0]["callId"] == call_id


def test_polls_after_one_another_miss_nothing(mock):
    """Each goes on from the last number of the one before."""
    call_id = mock.call()["id"]
    mock.command(call_id, "hangup")
    seen = mock.events(wait=5)
    while len(seen) < len(mock.events()):
        seen += mock.events(after=seen[-1]["number"], wait=5)
    assert seen == mock.events()


def test_nothing_new_is_an_empty_list(mock):
    """When the time is up."""
    mock.call()
    assert mock.get(f"{EVENTS}?after=1&wait=10ms").json() == {"data": [], "totalCount": 0}
    assert mock.get(f"{EVENTS}?after=1&wait=0").json() == {"data": [], "totalCount": 0}


@pytest.mark.parametrize("wait", ["", "-1", "soon", "61", "61s", "2m", "nan", "inf"])
def test_a_wait_is_a_duration_of_at_most_a_minute(mock, refused, wait):
    """Anything else is refused."""
    mock.call()
    refused(mock.get(EVENTS, params={"wait": wait}), 400, param="wait")


def test_removing_the_sandbox_ends_a_poll(mock):
    """It is told so."""
    live = mock.app.runtime.sandbox_of("sk_test_app_local")

    async def story(client):
        poll = asyncio.ensure_future(client.get(f"{EVENTS}?wait=60"))
        while not live.waits:
            await asyncio.sleep(0)
        await mock.app.runtime.remove(live)
        return await poll

    assert mock.together(story).status_code == 409
