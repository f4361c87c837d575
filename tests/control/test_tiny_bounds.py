"""The settings of every bound at their minimum: whatever is done, nothing is in the way of anything, and an advance ends."""

from random import Random

import pytest

SMALLEST = {
    **dict.fromkeys(("calls_kept", "recordings_kept", "events_kept", "deliveries_kept", "bodies_kept"), 1),
    **dict.fromkeys(("journal_size", "max_faults", "max_waits"), 1),
    "max_webhooks": 5,
    "reorder_limit": "1s",
}
NUMBERS = [f"+1500555000{number}" for number in range(1, 9)]
COMMANDS = ["answer", "reject", "send_to_voicemail", "hangup", "hold", "start_recording", "stop_recording", "transfer"]
CONDITIONS = [{"idle": True}, {"event": "calls.completed"}, {"delivery": {"status": "delivered"}}, {"request": {}}]
FAULTS = [{"duplicate": 5}, {"reorder": 2}, {"delay": 3}, {"drop": True}]


def deeds(mock, random):
    """Some request or other, mostly about what there is."""
    call = next((each["id"] for each in mock.get("/_mockchirp/calls").json()["data"]), "none")
    delivery = random.choice([each["id"] for each in mock.get("/_mockchirp/deliveries").json()["data"]] or ["none"])
    recordings = mock.get(f"/v1/calls/{call}/recordings").json().get("data", ())
    recording = next((each["id"] for each in recordings), "none")
    return [
        ("POST", "/v1/calls", {"from": "+15551234567", "to": random.choice(NUMBERS), "metadata": {"x": "y" * 999}}),
        ("POST", "/_mockchirp/calls", {"from": random.choice(NUMBERS)}),
        ("POST", f"/v1/calls/{call}/commands", {"type": random.choice(COMMANDS), "to": "+15557654321"}),
        ("POST", f"/v1/calls/{call}/commands", {"type": random.choice(COMMANDS), "to": "+15557654321"}),
        ("DELETE", f"/v1/calls/recordings/{recording}", None),
        ("POST", f"/_mockchirp/recordings/{recording}/outcome", {"status": "completed"}),
        ("POST", f"/_mockchirp/deliveries/{delivery}/redeliver", {}),
        ("POST", "/_mockchirp/faults", {"target": "webhook", "times": 2, **random.choice(FAULTS)}),
        ("POST", "/_mockchirp/clock/advance", {"by": random.choice([0, 1, 30]), "quiet": 0}),
        (
            "POST",
            "/_mockchirp/clock/advance",
            {"until": random.choice(["next", {"event": "calls.answered"}]), "quiet": 0},
        ),
        ("POST", "/_mockchirp/wait", {"for": random.choice(CONDITIONS), "timeout": 0}),
        ("GET", f"/_mockchirp/calls/{call}", None),
        ("GET", f"/_mockchirp/deliveries/{delivery}", None),
        ("GET", "/_mockchirp/requests", None),
        ("GET", "/_mockchirp/state", None),
    ]


@pytest.mark.parametrize("seed", range(12))
def test_the_smallest_bounds_are_in_nobodys_way(open_mock, receiver, seed):
    """No request is answered 5xx, what is exported can be imported, and in the end nothing is pending."""
    random = Random(seed)
    mock = open_mock(**SMALLEST)
    receiver.answer = lambda dispatch: random.choice([200, 200, 500])
    for _ in range(4):
        mock.post("/v1/webhooks", {"url": "http://app.test/", "events": ["calls.initiated", "calls.answered"]})
    for _ in range(60):
        method, path, body = random.choice(deeds(mock, random))
        answer = mock.request(method, path, json=body)
        assert answer.status_code < 500, (method, path, body, answer.text)
    assert mock.put("/_mockchirp/state", mock.get("/_mockchirp/state").json()).status_code == 200

    report = mock.advance(until="idle", quiet=0)
    assert report["pending"] == 0
    statuses = {each["status"] for each in mock.get("/_mockchirp/deliveries").json()["data"]}
    assert "pending" not in statuses
