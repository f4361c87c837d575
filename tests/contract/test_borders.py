"""The mock draws the line between valid and invalid bodies exactly where the contract draws it, also where random data seldom goes."""

import pytest

ADDRESSES = [
    "+15551234567",
    "+12",
    "+1",
    "+",
    "",
    "+123456789012345",
    "+1234567890123456",
    "+0123456",
    "15551234567",
    "+1555123456x",
    "+15551234567\n",
    "\n+15551234567",
    " +15551234567",
    "+1555 1234567",
    "+１５５５",  # fullwidth digits
    "+١٥٥٥",  # Arabic digits
    "agent-7",
    "a",
    " ",
    "é",
    "😀" * 256,
    "x" * 256,
    "x" * 257,
    "a\x00b",
    "a\x1fb",
    "a\x7fb",
    "a\x80b",
    "a\x85b",
    "a\u2028b",
    "a\n",
    None,
    15551234567,
    ["+15551234567"],
    {},
    True,
]
CHANNELS = ["pstn", "whatsapp", "webrtc", "PSTN", "", None, 1, ["pstn"]]
COMMANDS = [
    *(
        {"type": "hold", "musicUrl": url}
        for url in (
            "http://a",
            "https://music.example.com/waiting.mp3?loop=1#t",
            "http://127.0.0.1:8000/a%20b",
            "http://[::1]:8000",
            "http://user:password@host/",
            "http://a?b",
            "HTTP://a",
            "ftp://a",
            "http://",
            "http:///a",
            "http://?",
            "http://a b",
            "http://a/b c",
            "http://a/\n",
            "http://a\n",
            "http://é",
            "http://a/é",
            "http://a/\x7f",
            "http://a/" + "x" * 2039,
            "http://a/" + "x" * 2040,
            "",
            None,
            1,
            [],
        )
    ),
    *({"type": "reject", "reason": reason} for reason in ("", "x" * 500, "x" * 501, "😀" * 500, "\x00", None, 1)),
    *({"type": "start_recording", "format": format} for format in ("mp4", "ogg", "webm", "MP4", "mp3", "", None, 4)),
    *({"type": type, "participant": leg} for type in ("mute", "unmute") for leg in ("from", "to", "both", "", None, 1)),
    *({"type": "transfer", "to": to} for to in ADDRESSES),
    *({"type": "transfer", "to": to, "toChannel": "webrtc"} for to in ADDRESSES),
    *({"type": "transfer", "to": "+15551234567", "toChannel": channel} for channel in CHANNELS),
    {"type": "transfer"},
    {"type": "hangup", "musicUrl": 1, "reason": None},
    {"type": "Hangup"},
    {"type": ""},
    {"type": None},
    {"type": 1},
    {"type": ["hangup"]},
    {"type": {"hangup": 1}},
    {},
]
CALLS = [
    *({"from": address, "to": "+15551234567"} for address in ADDRESSES),
    *({"from": "+15551234567", "to": address} for address in ADDRESSES),
    *({"from": address, "fromChannel": "webrtc", "to": "+15551234567"} for address in ADDRESSES),
    *({"from": "+15551234567", "to": address, "toChannel": "webrtc"} for address in ADDRESSES),
    *({"from": "+15551234567", "to": address, "toChannel": "whatsapp"} for address in ADDRESSES),
    *({"from": "+15551234567", "to": "+15551234567", "toChannel": channel} for channel in CHANNELS),
    *({"from": "+15551234567", "to": "+15551234567", "fromChannel": channel} for channel in CHANNELS),
    *(
        {"from": "+1555", "to": "+1555", "metadata": data}
        for data in ({}, {"a": None}, {"": [1.5, {}]}, [], "", None, 0)
    ),
    {"from": "+15551234567"},
    {"to": "+15551234567"},
    {"from": "+15551234567", "to": "+15551234567", "unknown": None, "direction": "inbound"},
    {},
]


def shown(body):
    """The name of a case: the body, but not all of a long one."""
    return ascii(body)[:80]


@pytest.mark.parametrize("body", CALLS, ids=shown)
def test_calls(contract, mock, body):
    """A body is refused if and only if it is invalid."""
    answer = mock.post("/v1/calls", body)

    assert answer.status_code == (400 if contract.faults("CallRequest", body) else 201), answer.text


@pytest.mark.parametrize("body", COMMANDS, ids=shown)
def test_commands(contract, mock, body):
    """A body is refused if and only if it is invalid; whether the call takes the command is another matter."""
    answer = mock.post(f"/v1/calls/{mock.call()['id']}/commands", body)

    assert (answer.status_code == 400) == bool(contract.faults("Command", body)), answer.text
    assert answer.status_code in (200, 400, 409)
