"""State is closed: whatever is accepted can be used, written down and read again, and whatever a server writes it reads.

Documents of real histories are changed in every way that comes to mind, which is found out by trying; what is taken is then
used in every way. Nothing of it may be an error of the server's.
"""

import copy
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mockchirp.core.calls import COMMANDS, FAR_END_ACTIONS
from mockchirp.core.deliveries import Outcome
from mockchirp.core.scenarios import SCENARIOS
from mockchirp.seeds import fixtures
from mockchirp.yaml_files import read_yaml

NUMBERS = ["+15559876543", *(scenario.number for scenario in SCENARIOS.values() if scenario.number)]
EXTREMES = [
    *(None, True, False, 0, 1, -1, 2, 3, 0.5, -0.0, 1e308, 5e-324, 10**9, 10**12, 10**15 - 1, 2**53 - 2, 2**53 - 1),
    *(
        2**53,
        2**63 - 1,
        2**64 - 1,
        "",
        " ",
        "x",
        "\u00e9\u2028\x00",
        "0",
        "-0",
        "now",
        "-1ms",
        "+1ms",
        "-5s",
        "-36500d",
        "+36500d",
    ),
    *("-13y", "2014-05-13T16:53:20Z", "2014-05-13T16:53:19.999Z", "2014-05-13T16:53:24Z", "2150-01-01T00:00:00Z"),
    *(
        "2149-12-31T23:59:59.999Z",
        "2249-12-07T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "36500d",
        "0s",
        "366d",
    ),
    *(
        "dlv_1",
        "dlv_2",
        "dlv_999999999999999",
        "flt_1",
        "flt_999999999999999",
        "+15551234567",
        "http://x",
        "calls.answered",
    ),
    *("call.command", "completed", "failed", "pending", "in_progress", "voicemail", "initiated", "inbound", "outbound"),
    *("recording", "processing", "Content-Type", "frozen", "real", [], {}, [None], [{}], {"": ""}, {"status": 1}),
]
FAULTS = [
    *({"status": 503, "times": 2}, {"code": "telnyx_api_error", "probability": 0.5}, {"delay": 0.001}),
    *({"target": "webhook", "drop": True, "times": 1}, {"target": "webhook", "duplicate": 2, "times": 2}),
    *({"target": "webhook", "reorder": 2}, {"target": "webhook", "delay": "7s", "duration": "1h"}),
]


DEMO = read_yaml(fixtures()["demo"].read_text(), 40)
DEEDS = [
    *("call", "receive", "command", "advance"),
    *("call", "receive", "command", "advance", "command", "command", "decide", "decide", "advance", "idle"),
    *("far end", "end", "delete recording", "voicemail", "define", "forget definition", "configure", "limit"),
    *("add webhook", "change webhook", "delete webhook", "answer", "redeliver", "add fault", "delete faults"),
]


class User:
    """Does whatever can be done by requests; an error of the server's is the end of it."""

    def __init__(self, mock, dice):
        self.mock = mock
        self.dice = dice

    def ask(self, method, path, json=None):
        answer = self.mock.request(method, path, json=json)
        assert answer.status_code != 500 or "injected" in answer.text, f"{method} {path} {json}: {answer.text}"
        return answer

    def control(self, method, path, json=None):
        return self.ask(method, f"/_mockchirp/{path}", json)

    def ids(self, path):
        return [each["id"] for each in self.ask("GET", path).json().get("data", [])]

    def any_of(self, things):
        return self.dice.choice(things) if things else "none"

    def calls(self):
        return self.ids("/_mockchirp/calls")

    def recordings(self):
        return self.ids(f"/v1/calls/{self.any_of(self.calls())}/recordings")

    def act(self):
        """One thing."""
        dice = self.dice
        call = self.any_of(self.calls())
        what = dice.choice(DEEDS)
        match what:
            case "call":
                to = dice.choice(NUMBERS)
                metadata = dice.choice([{}, {"a": [1, {"b": None}]}, {"mockchirp": {"scenario": "brief"}}])
                self.ask("POST", "/v1/calls", {"from": "+15551234567", "to": to, "metadata": metadata})
            case "receive":
                self.control("POST", "calls", {"from": dice.choice(NUMBERS)})
            case "command":
                type = dice.choice([*COMMANDS, "send_to_voicemail", "start_recording"])
                more = {"to": "agent", "toChannel": "webrtc"} if type == "transfer" else {}
                self.ask("POST", f"/v1/calls/{call}/commands", {"type": type, **more})
            case "far end":
                self.control("POST", f"calls/{call}/far-end", {"action": dice.choice(list(FAR_END_ACTIONS))})
            case "end":
                self.ask("DELETE", f"/v1/calls/{call}")
            case "delete recording":
                self.ask("DELETE", f"/v1/recordings/{self.any_of(self.recordings())}")
            case "decide":
                status = dice.choice(["completed", "failed"])
                self.control("POST", f"recordings/{self.any_of(self.recordings())}/outcome", {"status": status})
            case "voicemail":
                one = self.any_of(self.ids("/v1/calls/voicemails"))
                self.ask(
                    *dice.choice(
                        [
                            ("DELETE", f"/v1/calls/voicemails/{one}"),
                            ("PATCH", f"/v1/calls/voicemails/{one}", {"isRead": True}),
                        ]
                    )
                )
            case "add fault":
                self.control("POST", "faults", dice.choice(FAULTS))
            case "delete faults":
                self.control("DELETE", "faults")
            case "add webhook":
                events = dice.sample(
                    ["calls.initiated", "calls.completed", "calls.ringing", "calls.voicemail.received"], 3
                )
                self.ask(
                    "POST", "/v1/webhooks", {"url": "http://other.test/", "events": events, "headers": {"X-A": "b"}}
                )
            case "delete webhook":
                self.ask("DELETE", f"/v1/webhooks/{self.any_of(self.ids('/v1/webhooks'))}")
            case "change webhook":
                self.ask("PUT", f"/v1/webhooks/{self.any_of(self.ids('/v1/webhooks'))}", {"url": "http://third.test/"})
            case "redeliver":
                one = self.any_of(self.ids("/_mockchirp/deliveries"))
                self.control("POST", f"deliveries/{one}/redeliver", dice.choice([{}, {"url": "http://again.test/"}]))
            case "advance":
                self.advance(by=dice.choice([0, 1, 3, 5, 31, 120, 7200]))
            case "idle":
                self.advance(until="idle")
            case "configure":
                change = dice.choice(
                    [
                        {"autoRecordEnabled": True},
                        {"defaultAnswerBehavior": "voicemail"},
                        {"voicemailEnabled": False},
                        {"maxConcurrentCalls": 5},
                    ]
                )
                self.control("PATCH", "sandbox", {"calling": change})
            case "limit":
                self.control("PATCH", "sandbox", {"rateLimit": dice.choice(["off", "enforce"])})
            case "define":
                body = {
                    "created": [{"after": "1s", "do": "ring"}, {"after": "36500d", "do": "answer"}],
                    "recording": "failed",
                    "patience": "36500d",
                    "processingTime": 0,
                }
                self.control("PUT", f"scenarios/{dice.choice(['mine', 'answered'])}", body)
                self.control("PUT", "scenarios/numbers", {"+1555*": "mine"})
            case "forget definition":
                self.control("DELETE", "scenarios/mine")
            case "answer":
                self.mock.receiver.answer = lambda dispatch: dice.choice(
                    [200, 500, Outcome(None, "no", b"\xff\x00"), Outcome(302, "moved")]
                )

    def advance(self, **how):
        self.control("POST", "clock/advance", how)

    def look(self):
        """At everything."""
        for path in ["clock", "calls", "events", "deliveries", "faults", "requests", "sandbox", "scenarios"]:
            answer = self.control("GET", path)
            assert answer.status_code == 200, answer.text
        for path in ("metrics", "sandboxes"):
            self.control("GET", path)
        calls = self.calls()[:4]
        for call in calls:
            answer = self.control("GET", f"calls/{call}")
            assert answer.status_code == 200
            self.ask("GET", f"/v1/calls/{call}")
            recordings = self.ids(f"/v1/calls/{call}/recordings")
            for recording in recordings[:2]:
                self.ask("GET", f"/v1/recordings/{recording}")
                self.wait({"recording": recording, "status": "completed"})
            self.wait({"call": call, "status": self.dice.choice(["in_progress", "completed", "canceled", "failed"])})
            self.wait({"event": "calls.completed", "callId": call, "count": 2})
            self.wait({"delivery": {"callId": call, "status": "delivered"}})
        self.wait({"delivery": {"status": "exhausted"}})
        for delivery in self.ids("/_mockchirp/deliveries")[:3]:
            assert self.control("GET", f"deliveries/{delivery}").status_code == 200
        self.ask("GET", "/v1/calls/voicemails")
        self.ask("GET", "/v1/webhooks")

    def wait(self, condition):
        self.control("POST", "wait", {"for": condition, "timeout": 0})

    def use(self):
        """In every way."""
        self.look()
        self.control("POST", "calls", {"from": self.dice.choice(NUMBERS)})
        self.ask("POST", "/v1/calls", {"from": "+15551234567", "to": self.dice.choice(NUMBERS)})
        for call in self.calls()[:4]:
            for type in self.dice.sample(list(COMMANDS), 5):
                self.ask("POST", f"/v1/calls/{call}/commands", {"type": type, "to": "agent", "toChannel": "webrtc"})
            self.control("POST", f"calls/{call}/far-end", {"action": self.dice.choice(list(FAR_END_ACTIONS))})
        for delivery in self.ids("/_mockchirp/deliveries")[:2]:
            self.control("POST", f"deliveries/{delivery}/redeliver", {"url": "http://again.test/"})
        self.control("POST", "faults", self.dice.choice(FAULTS))
        for _ in range(3):
            self.act()
        self.advance(by=self.dice.choice([1, 40]))
        self.advance(until="idle")
        self.control("POST", "calls", {})
        self.advance(by=35)
        self.look()

    def state(self):
        answer = self.control("GET", "state")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def put(self, document):
        return self.control("PUT", "state", document)


def nodes(tree, at=()):
    """The place of every member of a document."""
    members = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for name, member in members:
        yield (*at, name)
        yield from nodes(member, (*at, name))


def follow(tree, at):
    for name in at:
        tree = tree[name]
    return tree


def change(document, dice):
    """One change to a document: a member deleted, doubled, swapped with another, or of another value."""
    places = list(nodes(document))
    if not places:
        return
    # Long lists have the most members, but a fault hides in a short one as well.
    kinds = {}
    for place in places:
        kinds.setdefault(tuple(part for part in place if isinstance(part, str)), []).append(place)
    at = dice.choice(kinds[dice.choice(list(kinds))])
    parent, name = follow(document, at[:-1]), at[-1]
    match dice.choice(["delete", "double", "swap", "extreme", "extreme", "extreme", "nudge", "other", "rename"]):
        case "delete":
            del parent[name]
        case "double" if isinstance(parent, list):
            parent.insert(dice.randrange(len(parent) + 1), copy.deepcopy(parent[name]))
        case "swap":
            other = dice.choice([place for place in places if place[-1] == name] if isinstance(name, str) else places)
            if other[: len(at)] != at and at[: len(other)] != other:
                there = follow(document, other[:-1])
                there[other[-1]], parent[name] = parent[name], there[other[-1]]
        case "nudge" if isinstance(parent[name], int):
            parent[name] += dice.choice([-1, 1, 2, 1000])
        case "other":
            parent[name] = copy.deepcopy(follow(document, dice.choice(places)))
        case "rename" if isinstance(parent, dict):
            source = follow(document, dice.choice(places)[:-1])
            if isinstance(source, dict) and source:
                new = dice.choice(list(source))
                parent[new] = parent.pop(name)
        case _:
            parent[name] = copy.deepcopy(dice.choice(EXTREMES))


@pytest.fixture
def bounds():
    """The settings of the server."""
    return {}


@pytest.fixture
def mock(open_mock, bounds):
    """A server that may keep little, and that may send anything, since documents say what."""
    mock = open_mock(advance_quiet=0, **bounds)
    yield mock
    mock.receiver.got.clear()


def use_what_is_taken(user, document):
    """Import a document; if it is taken, use it, and read what is written of it before and after. Whether it is taken."""
    answer = user.put(document)
    if answer.status_code != 200:
        assert answer.status_code == 400, answer.text
        return False
    again = user.put(user.state())
    assert again.status_code == 200, again.text
    user.use()
    again = user.put(user.state())
    assert again.status_code == 200, again.text
    user.look()
    assert user.control("POST", "reset").status_code == 200
    return True


def check_closed(mock, seed):
    """Make a history, read what is written of it, change that, and use it if it is taken."""
    dice = random.Random(seed)
    mock.receiver.answer = lambda dispatch: 200
    user = User(mock, dice)
    user.control("DELETE", "sandbox")
    if dice.random() < 0.15:
        user.put(DEMO)
    for _ in range(dice.randrange(3, 25)):
        user.act()
    if dice.random() < 0.2:
        mock.receiver.hangs = True
        user.control("POST", "calls", {})  # its webhooks are under way
    document = user.state()
    mock.receiver.hangs = False
    own = user.put(document)
    assert own.status_code == 200, own.text
    for _ in range(dice.choice([0, 1, 1, 1, 1, 2, 2, 3])):
        change(document, dice)
    return use_what_is_taken(user, document)


SMALL = {"calls_kept": 3, "recordings_kept": 1, "events_kept": 10, "deliveries_kept": 5}
SMALLEST = {"calls_kept": 1, "recordings_kept": 1, "events_kept": 1, "deliveries_kept": 1, "journal_size": 0}
STRICT = {"strict": True, "webhook_url": "https://app.test/hooks"}


@pytest.mark.parametrize("bounds", [{}, SMALL, SMALLEST, STRICT], ids=["usual", "small", "smallest", "strict"])
@given(seed=st.integers(0, 2**32))
@settings(max_examples=30, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_what_is_accepted_can_be_used_written_and_read(mock, seed):
    """And what is not is refused with the reason, never with a failure of the server."""
    check_closed(mock, seed)


CALL = {"id": "call_" + "a" * 27, "from": "+15551234567", "to": "+15559876543"}
INBOUND = {**CALL, "direction": "inbound"}
DELIVERY = {
    "id": "dlv_1",
    "webhookId": "whk_" + "a" * 27,
    "event": "calls.initiated",
    "eventId": "evt_x",
    "callId": CALL["id"],
    "body": "{}",
    "createdAt": "-1m",
    "order": 1,
}
ATTEMPT = {"number": 1, "at": "-1m", "url": "http://x"}
EVENT = {"number": 1, "at": "-1m", "type": "calls.completed", "callId": CALL["id"]}
MESSAGE = {"status": "processing", "message": True}
START = {"now": "2014-05-13T16:53:21Z", "mode": "frozen"}
END = {"now": "2149-12-31T23:59:59Z", "mode": "frozen"}
BROKE = [
    *({"counts": {name: 2**53 - 1}} for name in ("numbers", "messages", "orders", "deliveries", "events", "faults")),
    {"counts": {"ids": {"call": 2**53 - 1, "webhook": 2**53 - 2}}},
    {"deliveries": [{**DELIVERY, "id": "dlv_999999999999999"}]},
    {"deliveries": [{**DELIVERY, "order": 2**53 - 1}]},
    {"faults": [{"id": "flt_999999999999999", "status": 500}]},
    {"faults": [{"status": 500, "matched": 2**53 - 1}]},
    {"events": [{**EVENT, "number": 2**53 - 1}]},
    {
        "timers": [{"at": "+1s", "order": 2**53 - 1, "action": "far_end", "callId": CALL["id"], "does": "ring"}],
        "calls": [CALL],
    },
    {"calls": [{**CALL, "status": "in_progress", "participantCount": 2**53 - 1}]},
    {"requests": {"minute": "now", "general": 2**53 - 1}},
    {"calls": [{**CALL, "createdAt": "-13y"}]},
    {"calls": [{**CALL, "createdAt": "-5000d"}]},
    {"calls": [{**CALL, "status": "completed", "duration": "366d"}], "clock": START},
    {"calls": [{**CALL, "status": "completed"}], "clock": START},
    {"calls": [{**INBOUND, "status": "completed", "voicemail": {}}], "clock": START},
    {"calls": [{**INBOUND, "status": "completed", "voicemail": {"createdAt": "-5000d"}}]},
    {"webhooks": [{"url": "http://x", "createdAt": "-5000d"}]},
    {"calling": {"createdAt": "-5000d"}},
    {"faults": [{"status": 500, "createdAt": "-5000d"}]},
    {"deliveries": [{**DELIVERY, "createdAt": "-5000d"}]},
    {"deliveries": [{**DELIVERY, "attempts": [{**ATTEMPT, "at": "-5000d"}]}]},
    {"events": [{**EVENT, "at": "-5000d"}]},
    {"requests": {"minute": "-5000d"}},
    *({"clock": clock, "calls": [CALL, INBOUND | {"id": "call_" + "b" * 27}]} for clock in (START, END)),
    {"clock": END, "faults": [{"target": "webhook", "delay": "36500d"}, {"status": 500, "expiresAt": "+36500d"}]},
    {"clock": END, "timers": [{"at": "+36500d", "action": "decision_due", "callId": CALL["id"]}], "calls": [INBOUND]},
    {"calls": [{**INBOUND, "status": "completed", "voicemail": {"duration": 10**9}}]},
    {"calls": [{**INBOUND, "status": "completed", "voicemail": {"duration": 4 * 10**8}}]},
    {"calls": [{**INBOUND, "status": "completed", "voicemail": {"duration": 10**12}}]},
    {"calls": [{**INBOUND, "status": "voicemail", "voicemail": {}}]},
    {"calls": [{**INBOUND, "status": "completed", "voicemail": {}, "recordings": [MESSAGE]}]},
    {"calls": [{**INBOUND, "status": "completed", "recordings": [MESSAGE, MESSAGE]}]},
    {"calls": [{**CALL, "status": "completed", "recordings": [MESSAGE]}]},
    {"calls": [{**CALL, "livekitRoomName": ""}]},
    *({"deliveries": [{**DELIVERY, name: ""}]} for name in ("eventId", "body", "heldBy", "redeliveryOf", "url")),
    {
        "deliveries": [{**DELIVERY, "heldBy": "", "behind": 1}],
        "webhooks": [{"id": DELIVERY["webhookId"], "url": "http://x"}],
    },
    *(
        {"deliveries": [{**DELIVERY, "underWay": 1, "url": "http://x", "headers": {name: "\n"}}]}
        for name in ("Content-Type", "X")
    ),
    *(
        {"deliveries": [{**DELIVERY, "attempts": [{**ATTEMPT, **more}]}]}
        for more in ({"elapsed": 1e308}, {"status": 2**64 - 1})
    ),
    *({"deliveries": [{**DELIVERY, "attempts": [{**ATTEMPT, "bodyBase64": text}]}]} for text in ("", "\u00e9", "====")),
    *(
        {"events": [{**EVENT, "data": data}], "calls": [CALL]}
        for data in ({}, {"status": []}, {"status": {"a": 1}}, {"participant": 1})
    ),
    {"clock": {"rate": 5e-324, "mode": "real"}, "calls": [CALL]},
    {
        "scenarios": {"defined": {"mine": {"created": [{"after": "36500d", "do": "ring"}]}}, "default": "mine"},
        "clock": END,
    },
]


@pytest.mark.parametrize("document", BROKE, ids=[str(document)[:100] for document in BROKE])
def test_no_document_at_the_edge_breaks_what_comes_of_it(mock, document):
    """Counts, instants and lengths that leave no room, texts that are empty, parts that don't go together."""
    use_what_is_taken(User(mock, random.Random(1)), document)


def test_an_empty_text_that_is_needed_is_written(mock):
    """Nothing that is required is left out, however little it says."""
    user = User(mock, random.Random(1))
    assert user.put({"deliveries": [{**DELIVERY, "eventId": "", "body": ""}]}).status_code == 200

    (delivery,) = user.state()["deliveries"]

    assert (delivery["eventId"], delivery["body"]) == ("", "")


@pytest.mark.parametrize(
    ("bounds", "clock"),
    [
        ({"strict": True}, {}),
        ({}, START),
        ({}, {"now": "2014-05-13T16:53:20Z", "mode": "frozen"}),
        ({}, END),
        ({}, {"now": "2150-01-01T00:00:00Z", "mode": "frozen"}),
    ],
    ids=["a plain webhook by the settings of a strict server", "the start", "the first instant", "the end", "the last"],
)
def test_what_is_written_is_read_at_the_ends_of_time_and_under_any_settings(mock, clock):
    """After requests and calls in both directions."""
    user = User(mock, random.Random(1))
    if clock:
        assert user.control("PUT", "state", {"clock": clock}).status_code == 200
    user.ask("POST", "/v1/calls", {"from": "+15551234567", "to": "+15559876543"})
    user.control("POST", "calls", {"from": "+15005550006"})

    assert user.put(user.state()).status_code == 200
    user.advance(until="idle")
    assert user.put(user.state()).status_code == 200


@pytest.mark.parametrize(("levels", "status"), [(31, 200), (32, 400), (36, 400)])
def test_metadata_are_as_deep_as_a_request_may_give_them(mock, levels, status):
    """In a document, which has more levels itself, as well."""
    metadata = {}
    for _ in range(levels - 1):
        metadata = {"a": metadata}
    user = User(mock, random.Random(1))

    placed = user.ask("POST", "/v1/calls", {"from": "+15551234567", "to": "+15559876543", "metadata": metadata})
    imported = user.put({"calls": [{**CALL, "metadata": metadata}]})

    assert (placed.status_code // 100, imported.status_code) == (status // 100, status)


def test_new_things_never_get_an_id_that_is_in_use(mock):
    """Not even where a document gives away those that would have come next."""
    user = User(mock, random.Random(1))
    _, second = (user.control("POST", "calls", {}).json()["id"] for _ in range(2))
    document = user.state()
    document["counts"]["ids"]["call"] = 0
    document["calls"] = [call for call in document["calls"] if call["id"] == second]
    for part in ("events", "deliveries", "timers"):
        document[part] = []
    document["counts"].update(events=0)
    assert user.put(document).status_code == 200

    ids = [user.control("POST", "calls", {}).json()["id"] for _ in range(3)]

    assert second not in ids
    assert len({*ids, *user.calls()}) == 4
