"""Everything that happened to a call, on one time axis."""


def history(mock, call_id):
    return mock.get(f"/_mockchirp/calls/{call_id}").json()["history"]


def told(item):
    """An item in one word or two."""
    match item["kind"]:
        case "event":
            return item["type"]
        case "command":
            return f"command {item['data']['command']}"
        case "request":
            return f"{item['operation']} {item['status']}"
        case "delivery":
            return f"{item['event']} -> {item['outcome']}"


def test_a_call_is_told_from_the_request_that_made_it(open_mock):
    """Requests, events, commands and deliveries, each where it belongs, refusals included."""
    mock = open_mock(clock_mode="frozen")
    call_id = mock.call("+15005550007")["id"]
    assert mock.command(call_id, "hold").status_code == 409
    mock.advance(by=5)
    mock.command(call_id, "start_recording", format="ogg")
    mock.command(call_id, "mute", participant="to")
    mock.get(f"/v1/calls/{call_id}")
    mock.command(call_id, "hangup")
    mock.advance(until="idle")
    recording_id = mock.get(f"/v1/calls/{call_id}/recordings").json()["data"][0]["id"]
    mock.call()

    items = history(mock, call_id)

    assert [told(item) for item in items] == [
        "createCall 201",
        "calls.initiated",
        "calls.initiated -> delivered",
        "sendCallCommand 409",
        "calls.ringing",
        "calls.ringing -> delivered",
        "calls.answered",
        "calls.answered -> delivered",
        "calls.participant.joined",
        "calls.participant.joined -> delivered",
        "calls.participant.joined",
        "calls.participant.joined -> delivered",
        "sendCallCommand 200",
        "command start_recording",
        "recording.started",
        "sendCallCommand 200",
        "command mute",
        "sendCallCommand 200",
        "command hangup",
        "recording.processing",
        "calls.participant.left",
        "calls.participant.left -> delivered",
        "calls.participant.left",
        "calls.participant.left -> delivered",
        "calls.completed",
        "calls.completed -> delivered",
        "calls.recording.completed",
        "calls.recording.completed -> delivered",
    ]
    assert [item["at"] for item in items] == sorted(item["at"] for item in items)
    mock.delete(f"/v1/calls/recordings/{recording_id}")
    assert told(history(mock, call_id)[-1]) == "recording.deleted"


def test_retries_stand_between_what_happens_meanwhile(mock, receiver):
    """Each attempt at its own instant, and after what happened before it at that instant."""
    receiver.answer = lambda dispatch: 200 if dispatch.attempt == 3 else 500
    call_id = mock.call("+15005550008")["id"]
    mock.advance(until="idle")

    items = history(mock, call_id)

    assert [item["at"] for item in items] == sorted(item["at"] for item in items)
    told_attempts = [(item["attempt"], item["outcome"]) for item in items if item.get("event") == "calls.completed"]
    assert told_attempts == [(1, "failed"), (2, "failed"), (3, "delivered")]
    assert [item["nextAttemptAt"] for item in items if item.get("id") == "dlv_1"][-1] is None


def test_what_is_still_under_way_is_shown_as_pending(mock, receiver):
    """It has no outcome yet."""
    receiver.hangs = True
    call_id = mock.call()["id"]

    item = history(mock, call_id)[-1]

    assert (told(item), item["attempt"], item["responseStatus"]) == ("calls.initiated -> pending", 1, None)


def test_faults_of_deliveries_are_shown_as_injected(mock):
    """What was dropped never had an attempt, and is shown nevertheless."""
    mock.post("/_mockchirp/faults", {"target": "webhook", "event": "calls.ringing", "drop": True})
    call_id = mock.call()["id"]
    mock.advance(by=3)

    items = [item for item in history(mock, call_id) if item.get("event") == "calls.ringing"]

    assert [told(item) for item in items] == ["calls.ringing -> dropped"]
    assert "dropped by" in items[0]["injected"][0]
    assert items[0]["at"] == "2026-01-15T10:30:01.000Z"


def test_a_redelivery_stands_where_it_was_asked_for(mock):
    """In the history of the call of its event."""
    call_id = mock.call("+15005550008")["id"]
    mock.advance(until="idle")
    mock.advance(by="1h")
    mock.post("/_mockchirp/deliveries/dlv_1/redeliver")
    mock.advance(by=0)

    last = history(mock, call_id)[-1]

    assert (told(last), last["at"]) == ("calls.initiated -> delivered", "2026-01-15T11:30:01.000Z")
