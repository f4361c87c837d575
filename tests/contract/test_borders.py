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

URLS = [
    "https://app.test",
    "http://app.test/hooks?a=1#b",
    "HTTPS://APP.TEST/",
    "http://127.0.0.1:3000/hooks",
    "http://[::1]:3000/",
    "http://[fe80::1%25eth0]/",
    "http://[app.test]/",
    "http://user:pa%20ss@app.test/",
    "http://@app.test",
    "http://a@b@app.test/",
    "http://app.test:1",
    "http://app.test:65535/",
    "http://app.test:65536/",
    "http://app.test:70000/",
    "http://app.test:0/",
    "http://app.test:080/",
    "http://app.test:/",
    "http://app.test:port/",
    "http://app.test:1:2/",
    "http://::1/",
    "http://app_1.test/",
    "http://app.test/{id}|^`",
    "http://app.test?x",
    "http://app.test\\x",
    "http://app.test/a b",
    "http://app.test/\n",
    "http://app.test\n",
    "http://app test/",
    " http://app.test/",
    "http://äpp.test/",
    "http://app.test/ä",
    "httpſ://app.test/",
    "http://app.test/" + "x" * 2032,
    "http://app.test/" + "x" * 2033,
    "http:app.test",
    "http:///hooks",
    "http://",
    "//app.test/",
    "app.test",
    "ftp://app.test/",
    "javascript:alert(1)",
    "",
    None,
    1,
    [],
]
EVENT_LISTS = [
    [],
    ["calls.initiated"],
    ["calls.ringing", "calls.no_answer", "calls.participant.joined", "calls.participant.left"],
    ["calls.voicemail.received", "calls.voicemail.received"],
    ["messages.sms.received", "messages.whatsapp.message.sent", "templates.whatsapp.approved"],
    ["contacts.whatsapp.updated", "whatsapp.account.x_1"],
    ["calls.initiated"] * 100,
    ["calls.initiated"] * 101,
    ["calls"],
    ["calls.*"],
    ["*"],
    ["Calls.initiated"],
    ["calls.initiated "],
    ["calls.initiated\n"],
    ["call.command"],
    ["recording.started"],
    ["messages.sms"],
    ["payments.refunded", "partners.whatsapp.joined", "groups.whatsapp.created"],
    ["messages"],
    ["messages.sms."],
    ["messages.sms.a."],
    ["messages.sms.Received"],
    ["messages.sms.received\n"],
    ["messages.email.received"],
    ["xmessages.sms.received"],
    [""],
    [None],
    [["calls.initiated"]],
    "calls.initiated",
    {"calls.initiated": True},
    None,
]
HEADERS = [
    {},
    {"X-Token": "abc"},
    {"!#$%&'*+.^_`|~0-9A-Za-z": ""},
    {"X": " \t padded \t "},
    {"x" * 256: "x"},
    {"x" * 257: "x"},
    {"X": "x" * 8192},
    {"X": "x" * 8193},
    {"X": "x" * 8192 + " "},
    {f"X-{n}": "x" for n in range(50)},
    {f"X-{n}": "x" for n in range(51)},
    *({name: "x"} for name in ("Host", "host", "Content-Length", "CONTENT-LENGTH", "Transfer-Encoding", "Connection")),
    *({name: "x"} for name in ("Upgrade", "TE", "te", "Trailer", "Expect", "Keep-Alive", "Proxy-Connection")),
    *({name: "x"} for name in ("Content-Type", "content-type", "Content-Encoding", "Tea", "Hosts", "X-Host")),
    {"": "x"},
    {"X Y": "x"},
    {"X:": "x"},
    {"X\r\nHost": "x"},
    {"X\n": "x"},
    {"Host\n": "x"},
    {"Ü": "x"},
    {"Hoſt": "x"},
    {"X": "a\r\nHost: b"},
    {"X": "a\n"},
    {"X": "a\x00"},
    {"X": "a\x7f"},
    {"X": "ä"},
    {"X": None},
    {"X": 1},
    {"X": ["a"]},
    [["X", "a"]],
    "X: a",
    None,
]
SHOWN = ("url", "events", "headers")
HOOK = {"url": "https://app.test/", "events": ["calls.completed"]}
WEBHOOKS = [
    *({**HOOK, "url": url} for url in URLS),
    *({**HOOK, "events": events} for events in EVENT_LISTS),
    *({**HOOK, "headers": headers} for headers in HEADERS),
    {"url": "https://app.test/"},
    {"events": []},
    {"headers": {}},
    {},
    {**HOOK, "id": 1, "secret": None},
]
NUMBERS = [0, 1, 9, 10, 10.0, 10.5, 60, 59, 600, 601, 86_400, 86_401, 2**53 - 1, 2**53, 1e300, -1, True, "60", None, []]
CONFIGURATIONS = [
    {},
    {"unknown": None, "id": 7, "createdAt": "yesterday"},
    *({"voicemailMaxDuration": number} for number in NUMBERS),
    *({"maxConcurrentCalls": number} for number in NUMBERS),
    *(
        {flag: value}
        for flag in (
            "voicemailEnabled",
            "autoRecordEnabled",
            "whatsappCallingEnabled",
            "whatsappSipEnabled",
        )
        for value in (True, False, None, 0, 1, "true", [])
    ),
    *({"recordingFormat": format} for format in ("mp4", "ogg", "webm", "mp3", "", None)),
    *({"defaultAnswerBehavior": behavior} for behavior in ("webhook", "voicemail", "busy", "reject", "", None, True)),
    *({"voicemailGreetingUrl": url} for url in ("https://a/b.mp3", "http://a", "ftp://a", "a", "", None, 1)),
]
TOKEN = {"roomName": "call-7", "participantIdentity": "agent-7"}
TEXTS = ["a", "", " ", "ä", "\x00", "😀" * 256, "x" * 256, "x" * 257, None, 1, []]
TOKENS = [
    *({**TOKEN, name: text} for name in ("roomName", "participantIdentity", "participantName") for text in TEXTS),
    *({**TOKEN, "ttl": number} for number in NUMBERS),
    {"roomName": "call-7"},
    {"participantIdentity": "agent-7"},
    {**TOKEN, "video": {"roomAdmin": True}},
    {},
]
MARKS = [
    {},
    {"isRead": True},
    {"isRead": False},
    *({"isRead": value} for value in (None, 0, 1, "true", [])),
    {"read": 1},
]
PAGES = [
    *(("limit", value) for value in ("1", "20", "100", "0", "101", "-1", "1.0", "1e1", "", "x", "٣", "9" * 40)),
    *(("offset", value) for value in ("0", "1", "9007199254740991", "9007199254740992", "-1", "0.5", "", "null")),
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


@pytest.mark.parametrize("body", WEBHOOKS, ids=shown)
def test_webhooks(contract, mock, body):
    """A new webhook is refused if and only if it is invalid, and is then as it was given."""
    answer = mock.post("/v1/webhooks", body)

    assert answer.status_code == (400 if contract.faults("WebhookRequest", body) else 201), answer.text
    if answer.status_code == 201:
        contract.check_answer("createWebhook", 201, answer.content, answer.headers)
        assert answer.json().items() >= {"headers": {}, **{name: body[name] for name in body if name in SHOWN}}.items()


@pytest.mark.parametrize("body", WEBHOOKS, ids=shown)
def test_changes_of_webhooks(contract, mock, body):
    """And so is a change of one, which may leave anything out."""
    webhook = mock.post("/v1/webhooks", HOOK).json()

    answer = mock.put(f"/v1/webhooks/{webhook['id']}", body)

    valid = not contract.faults("WebhookUpdate", body)
    assert answer.status_code == (200 if valid else 400), answer.text
    changed = {name: body[name] for name in body if name in SHOWN} if valid else {}
    assert mock.get(f"/v1/webhooks/{webhook['id']}").json() == {**webhook, **changed}


@pytest.mark.parametrize("body", CONFIGURATIONS, ids=shown)
def test_configurations(contract, mock, body):
    """A configuration changes by what is valid, and by nothing else."""
    path = f"/v1/organization/apps/{mock.sandbox().app_id}/calling"
    before = mock.get(path, key="sk_admin_x").json()

    answer = mock.put(path, body, key="sk_admin_x")

    valid = not contract.faults("CallingConfigurationUpdate", body)
    assert answer.status_code == (200 if valid else 400), answer.text
    changed = {name: value for name, value in body.items() if name in before and name not in ("id", "createdAt")}
    assert mock.get(path, key="sk_admin_x").json() == {**before, **(changed if valid else {})}


@pytest.mark.parametrize("body", TOKENS, ids=shown)
def test_tokens(contract, mock, body):
    """A token is made if and only if what is asked for is valid."""
    answer = mock.post("/v1/calls/token", body)

    assert answer.status_code == (400 if contract.faults("TokenRequest", body) else 200), answer.text


@pytest.mark.parametrize("body", MARKS, ids=shown)
def test_marks_of_voicemails(contract, mock, body):
    """A voicemail is marked if and only if the mark is valid."""
    mock.post("/_mockchirp/calls", {"scenario": "brief"})
    mock.advance(until="idle")
    (voicemail,) = mock.get("/v1/calls/voicemails").json()["data"]

    answer = mock.request("PATCH", f"/v1/calls/voicemails/{voicemail['id']}", json=body)

    assert answer.status_code == (400 if contract.faults("VoicemailUpdate", body) else 200), answer.text


@pytest.mark.parametrize(("name", "value"), PAGES)
def test_pages(contract, mock, refused, name, value):
    """A page is refused if and only if its limit or offset is none; the error names it."""
    answer = mock.get("/v1/calls/voicemails", params={name: value})

    parameters = f"{contract.operations['listVoicemails']}/parameters"
    place = next(i for i, parameter in enumerate(contract.at(parameters)) if parameter["name"] == name)
    number = int(value) if value.lstrip("-").isdigit() and value.isascii() else value
    if contract.faults(f"{parameters}/{place}/schema", number):
        refused(answer, 400, param=name)
    else:
        assert answer.json() == {"data": [], "totalCount": 0}
