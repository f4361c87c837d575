"""What holds whatever is done to a sandbox, in any order: found out by trying."""

from random import Random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mockchirp.core.calls import DECISION_TIME, FAR_END_ACTIONS, LIVE, TERMINAL, TRANSITIONS, public_call
from mockchirp.core.deliveries import Outcome
from mockchirp.core.errors import ChirpError
from mockchirp.core.events import EVENTS
from mockchirp.core.faults import Fault
from mockchirp.core.ids import PATTERNS
from mockchirp.core.instants import DAY, parse_instant
from mockchirp.core.recordings import FORMATS, RECORDING_TRANSITIONS
from mockchirp.core.sandbox import Sandbox
from mockchirp.core.scenarios import SCENARIOS
from mockchirp.core.timeline import AttemptDelivery, BeginMessage, DecisionDue, EndMessage
from mockchirp.core.webhooks import WEBHOOK_EVENTS
from mockchirp.core.world import Policy

T0 = parse_instant("2026-01-15T10:30:00Z")
NUMBERS = ["+15559876543", *(scenario.number for scenario in SCENARIOS.values() if scenario.number), "nobody"]
COMMANDS = {
    "answer": [()],
    "reject": [(), ("busy",)],
    "send_to_voicemail": [(), (), ()],
    "hang_up": [()],
    "end_call": [()],
    "hold": [(), ("https://music.example.com",)],
    "unhold": [()],
    "start_recording": [(format,) for format in FORMATS],
    "stop_recording": [()],
    "set_muted": [(leg, muted) for leg in ("from", "to") for muted in (True, False)],
    "transfer": [("+15557654321", "pstn"), ("agent", "webrtc"), ("agent", "pstn")],
}
CONFIGURATION = [
    *(("voicemail_enabled", enabled) for enabled in (True, False)),
    *(("voicemail_max_duration", seconds) for seconds in (10, 120)),
    *(("auto_record_enabled", enabled) for enabled in (True, False)),
    *(("recording_format", format) for format in FORMATS),
    *(("default_answer_behavior", behavior) for behavior in ("webhook", "voicemail")),
    *(("max_concurrent_calls", most) for most in (1, 3, 10_000)),
]
EVENT_NAMES = st.sets(st.sampled_from(WEBHOOK_EVENTS)).map(lambda names: tuple(sorted(names)))
ADMINISTRATION = st.one_of(
    st.sampled_from(CONFIGURATION).map(lambda change: ("configure", *change)),
    st.sampled_from([("own", ()), ("own", ("+15551234567",)), ("own", ("+15557654321",))]),
    EVENT_NAMES.map(lambda names: ("add_webhook", "https://app.test/", names)),
    st.tuples(st.just("update_webhook"), st.integers(0, 9), EVENT_NAMES.map(lambda names: {"events": names})),
    st.tuples(st.just("delete_webhook"), st.integers(0, 9)),
)


NOT_COMMANDS = ("run", "take", "record", "hand_back", "queue", "depart")
FAULTS = [{"duplicate": 3}, {"drop": True}, {"delay": 5_000}, {"reorder": 1}, {"reorder": 3}]


def make(bounds):
    sandbox = Sandbox(
        now=T0,
        seed=1,
        policy=Policy(webhook_url="http://app.test/hooks", **bounds),
        size_of=lambda kind, seconds: 1_000 + seconds,
    )
    sandbox.flying = []
    sandbox.queued = []
    return sandbox


def nth(things, place, first=0):
    """The id of one of several things, counted from the newest, without the ``first`` so many; no id if there are none."""
    ids = list(things)[first:]
    return ids[-1 - place % len(ids)] if ids else "none"


def perform(sandbox, deed):
    """Do one thing to a sandbox; a refusal is an answer like any other."""
    name, *arguments = deed
    try:
        match name:
            case "run":
                sandbox.run_until(sandbox.now + arguments[0])
            case "take":
                sandbox.flying.extend(sandbox.take_outbox())
            case "record":
                place, status = arguments
                if sandbox.flying:
                    dispatch = sandbox.flying.pop(place % len(sandbox.flying))
                    sandbox.record_outcome(dispatch, Outcome(status, None if status == 200 else "no"))
            case "hand_back":
                if sandbox.flying:
                    sandbox.deliveries.hand_back(sandbox.flying.pop(arguments[0] % len(sandbox.flying)))
            case "queue":
                if sandbox.flying:
                    dispatch = sandbox.flying.pop(arguments[0] % len(sandbox.flying))
                    if (delivery := sandbox.deliveries.queue(dispatch)) is not None:
                        sandbox.queued.append((dispatch, delivery, delivery.sent))
            case "depart":
                if sandbox.queued:
                    dispatch, delivery, sent = sandbox.queued.pop(arguments[0] % len(sandbox.queued))
                    if delivery.sent is sent:
                        sandbox.deliveries.depart(delivery)
                        sandbox.flying.append(dispatch)
            case "fault":
                fault = Fault(id=sandbox.faults.next_id(), created_at=sandbox.now, target="webhook", **arguments[0])
                sandbox.faults.add(fault)
            case "delete_recording":
                sandbox.delete_recording(nth(sandbox.recorder.recordings, arguments[0]))
            case "decide_recording":
                sandbox.recorder.decide(nth(sandbox.recorder.recordings, arguments[0]), arguments[1])
            case "delete_voicemail":
                sandbox.voicemail_box.delete(nth(sandbox.voicemail_box.voicemails, arguments[0]))
            case "configure":
                setattr(sandbox.configuration, *arguments)
            case "own":
                sandbox.phone_numbers = arguments[0]
            case "add_webhook":
                sandbox.notifier.add(*arguments, {})
            case "update_webhook":
                sandbox.notifier.update(nth(sandbox.notifier.webhooks, arguments[0], 1), **arguments[1])
            case "delete_webhook":
                sandbox.notifier.delete(nth(sandbox.notifier.webhooks, arguments[0], 1))
            case "call":
                place, method, *parameters = arguments
                getattr(sandbox, method)(nth(sandbox.calls, place), *parameters)
            case _:
                getattr(sandbox, name)(*arguments)
    except ChirpError as error:
        return type(error).__name__
    return "done"


def told(sandbox):
    """Everything that can be seen of a sandbox."""
    return (
        sandbox.now,
        list(sandbox.events.after(0)),
        [public_call(call) for call in sandbox.calls.values()],
        repr(list(sandbox.deliveries)),
        repr(sandbox.recorder.recordings),
        repr(sandbox.voicemail_box.voicemails),
        repr(sandbox.configuration),
        repr(sandbox.notifier.webhooks),
        sandbox.phone_numbers,
        list(sandbox.timeline),
    )


class Life(RuleBasedStateMachine):
    """A sandbox to which anything may be done at any time, by the app, its administrator, people and receivers.

    The first of its webhooks is told of everything and stays.
    """

    bounds = {}  # noqa: RUF012 - each machine has its own

    def __init__(self):
        super().__init__()
        self.sandbox = make(self.bounds)
        self.deeds = []
        self.answers = []
        self.last_now = self.sandbox.now
        self.statuses = {}
        self.recordings = {}
        self.voicemails = set()
        self.seen = 0

    def do(self, *deed):
        self.deeds.append(deed)
        before = None if deed[0] in NOT_COMMANDS else told(self.sandbox)
        self.answers.append(perform(self.sandbox, deed))
        if before is not None and self.answers[-1] != "done":
            assert told(self.sandbox) == before, f"{deed} was refused and left a trace"

    @initialize()
    def begin(self):
        """With a call in each direction, each of which waits for somebody."""
        self.place_call("+15005550007", "pstn")
        self.receive_call("+15005550007")

    @rule(to=st.sampled_from(NUMBERS), channel=st.sampled_from(["pstn", "whatsapp", "webrtc"]))
    def place_call(self, to, channel):
        self.do("place_call", "+15551234567", to, "pstn", channel)
        assert self.answers[-1] != "done" or self.sandbox.phone_numbers in ((), ("+15551234567",))
        self.check_capacity()

    @rule(caller=st.sampled_from([None, *NUMBERS]))
    def receive_call(self, caller):
        self.do("receive_call", caller)
        self.check_capacity()

    def check_capacity(self):
        most = self.sandbox.configuration.max_concurrent_calls
        assert self.answers[-1] != "done" or self.sandbox.switchboard.live <= most

    @rule(
        place=st.integers(0, 9),
        command=st.sampled_from([(name, *row) for name, rows in COMMANDS.items() for row in rows]),
    )
    def command(self, place, command):
        self.do("call", place, *command)

    @rule(place=st.integers(0, 9), action=st.sampled_from(list(FAR_END_ACTIONS)))
    def far_end(self, place, action):
        self.do("call", place, "far_end", action)

    @precondition(lambda self: self.sandbox.recorder.recordings)
    @rule(place=st.integers(0, 9))
    def delete_recording(self, place):
        self.do("delete_recording", place)

    @precondition(lambda self: self.sandbox.recorder.recordings)
    @rule(place=st.integers(0, 9), outcome=st.sampled_from(["completed", "failed"]))
    def decide_recording(self, place, outcome):
        self.do("decide_recording", place, outcome)

    @precondition(lambda self: self.sandbox.voicemail_box.voicemails)
    @rule(place=st.integers(0, 9))
    def delete_voicemail(self, place):
        self.do("delete_voicemail", place)

    @rule(deed=ADMINISTRATION)
    def administer(self, deed):
        self.do(*deed)

    @rule(passed=st.sampled_from([0, 1, 999, 1_000, 4_000, 5_000, 30_000, 62_000, 120_000]) | st.integers(0, DAY))
    def run(self, passed):
        self.do("run", passed)

    @rule()
    def take(self):
        before = len(self.sandbox.flying)
        self.do("take")
        for dispatch in self.sandbox.flying[before:]:
            assert self.sandbox.deliveries.get(dispatch.delivery_id).webhook_id in self.sandbox.notifier.webhooks

    @rule(place=st.integers(0, 9), status=st.sampled_from([200, 500, None]))
    def record(self, place, status):
        self.do("record", place, status)

    @invariant()
    def time_never_goes_back(self):
        assert self.sandbox.now >= self.last_now
        self.last_now = self.sandbox.now
        due = self.sandbox.timeline.next_due()
        assert due is None or due >= self.sandbox.now or self.deeds[-1][0] not in ("run", "take")

    @invariant()
    def calls_follow_the_table(self):
        """From what was seen last to what is seen now there is a way, and terminal stays terminal."""
        for call in self.sandbox.calls.values():
            last = self.statuses.get(call.id, "initiated")
            ways, new = {last}, {last}
            while new:
                new = {after for status in new for after in TRANSITIONS[call.direction][status]} - ways
                ways |= new
            assert call.status in ways
            assert last not in TERMINAL or call.status == last
            assert call.is_live == (call.status in LIVE) == (call.ended_at is None)
            assert not (call.on_hold or call.muted or call.recording_id) or call.status in ("in_progress", "voicemail")
            assert call.is_live or not self.sandbox.timeline.of(call.id)
            self.statuses[call.id] = call.status
        assert self.sandbox.switchboard.live == sum(call.is_live for call in self.sandbox.calls.values())

    @invariant()
    def an_inbound_call_does_not_wait_for_ever(self):
        """Until somebody has decided, the end of the 30 seconds is near; on voicemail, the end of what is being done."""
        for call in self.sandbox.calls.values():
            actions = {type(entry.action): entry.at for entry in self.sandbox.timeline.of(call.id)}
            if call.direction == "inbound" and call.status == "initiated":
                assert self.sandbox.now <= actions[DecisionDue] == call.created_at + DECISION_TIME
            elif call.direction == "inbound" and call.status == "voicemail":
                assert (BeginMessage in actions) != (EndMessage in actions)
                assert (EndMessage in actions) == (call.recording_id is not None)

    @invariant()
    def a_voicemail_is_what_a_caller_has_said(self):
        """It comes after the end of its call, once, and points to the recording as long as there is one."""
        for voicemail in self.sandbox.voicemail_box.voicemails.values():
            call = self.sandbox.calls[voicemail.call_id]
            assert call.direction == "inbound"
            assert call.answered_at is None
            assert call.ended_at <= voicemail.created_at
            if voicemail.recording_id is not None:
                recording = self.sandbox.recorder.recordings[voicemail.recording_id]
                assert (recording.call_id, recording.status) == (call.id, "completed")
                assert recording.duration == voicemail.duration <= 120
        self.voicemails |= set(self.sandbox.voicemail_box.voicemails)

    @invariant()
    def recordings_follow_the_table(self):
        for recording in self.sandbox.recorder.recordings.values():
            last = self.recordings.get(recording.id, "recording")
            ways = {
                last,
                *RECORDING_TRANSITIONS[last],
                *(after for way in RECORDING_TRANSITIONS[last] for after in RECORDING_TRANSITIONS[way]),
            }
            assert recording.status in ways
            assert (recording.status == "recording") == (recording.ended_at is None)
            running = self.sandbox.calls[recording.call_id].recording_id == recording.id
            assert running == (recording.status == "recording")
            self.recordings[recording.id] = recording.status

    @invariant()
    def a_message_is_still_to_come(self):
        """What is counted among the messages runs or is processed; anything else would never become a voicemail."""
        for id in self.sandbox.voicemail_box.messages:
            assert self.sandbox.recorder.recordings[id].status in ("recording", "processing")

    @invariant()
    def what_is_counted_and_found_by_call_is_what_there_is(self):
        sandbox = self.sandbox
        assert sandbox.switchboard.undecided == sum(call.is_undecided for call in sandbox.calls.values())
        assert sandbox.switchboard.live == sum(call.is_live for call in sandbox.calls.values())
        by_call = {}
        for delivery in sandbox.deliveries:
            by_call.setdefault(delivery.call_id, []).append(delivery)
        assert {id: sandbox.deliveries.of_call(id) for id in by_call} == by_call
        assert not any(sandbox.deliveries.of_call(id) for id in sandbox.calls if id not in by_call)

    @invariant()
    def events_are_numbered_and_in_order(self):
        events = list(self.sandbox.events.after(self.seen))
        if self.bounds and events:
            self.seen = max(self.seen, events[0].number - 1)
        for event in events:
            self.seen += 1
            assert event.number == self.seen
            assert event.type in EVENTS
            assert event.at <= self.sandbox.now
            assert event.call_id in self.sandbox.calls or self.bounds
        instants = [event.at for event in self.sandbox.events.after(max(0, self.seen - len(events) - 1))]
        assert instants == sorted(instants)

    @invariant()
    def ids_are_what_they_should_be(self):
        assert all(PATTERNS["call"].fullmatch(id) for id in self.sandbox.calls)
        assert all(PATTERNS["recording"].fullmatch(id) for id in self.sandbox.recorder.recordings)
        assert all(PATTERNS["voicemail"].fullmatch(id) for id in self.voicemails)
        assert all(PATTERNS["webhook"].fullmatch(id) for id in self.sandbox.notifier.webhooks)

    def teardown(self):
        """In the end the receiver answers at random: everything is delivered or exhausted, and all of it happens again."""
        random = Random(len(self.deeds))
        for _ in range(100_000):
            while self.sandbox.queued:
                self.do("depart", random.randrange(100))
            while self.sandbox.flying:
                self.do("record", random.randrange(100), random.choice([200, 500, None]))
            self.do("take")
            due = self.sandbox.timeline.next_due()
            if not self.sandbox.flying:
                if due is None:
                    break
                self.do("run", max(0, due - self.sandbox.now))
        assert len(self.sandbox.timeline) == 0
        for delivery in self.sandbox.deliveries:
            assert delivery.status in ("delivered", "exhausted", "abandoned", *(("dropped",) if self.bounds else ()))
            assert (delivery.status == "delivered") == any(each.outcome.succeeded for each in delivery.attempts[-1:])
            assert len(delivery.attempts) == 6 or delivery.status != "exhausted"
            assert len(delivery.attempts) <= 6
            if delivery.status == "abandoned" and not self.bounds:
                assert delivery.webhook_id not in self.sandbox.notifier.webhooks
            assert [attempt.number for attempt in delivery.attempts] == list(range(1, len(delivery.attempts) + 1))
        if not self.bounds:
            self.check_that_everything_was_told()
        things = [self.sandbox.calls, self.recordings, self.voicemails]
        assert len(set().union(*things)) == sum(map(len, things))

        again = make(self.bounds)
        assert [perform(again, deed) for deed in self.deeds] == self.answers
        assert told(again) == told(self.sandbox)

    def check_that_everything_was_told(self):
        first = next(iter(self.sandbox.notifier.webhooks))
        events = [event for event in self.sandbox.events.after(0) if EVENTS[event.type].webhook]
        deliveries = [delivery for delivery in self.sandbox.deliveries if delivery.webhook_id == first]
        assert [delivery.event for delivery in deliveries] == [event.type for event in events]
        received = {event.data["voicemailId"] for event in events if event.type == "calls.voicemail.received"}
        assert self.voicemails <= received
        assert len({event.call_id for event in events if event.type == "calls.voicemail.received"}) == len(received)
        ids = [delivery.event_id for delivery in deliveries]
        assert len(set(ids)) == len(ids)


class TinyLife(Life):
    """With every bound as small as it can be, nothing that is in use is ever forgotten; and webhooks go wrong, too."""

    bounds = {  # noqa: RUF012 - it is only read
        "deliveries_kept": 1,
        "events_kept": 1,
        "calls_kept": 3,
        "recordings_kept": 1,
        "journal_size": 1,
        "max_webhooks": 4,
        "max_faults": 2,
        "reorder_limit": 10_000,
    }

    @rule(fault=st.sampled_from(FAULTS), times=st.sampled_from([None, 1, 3]))
    def disturb(self, fault, times):
        self.do("fault", {**fault, "times": times})

    @rule(place=st.integers(0, 9))
    def queue(self, place):
        self.do("queue", place)

    @rule(place=st.integers(0, 9))
    def depart(self, place):
        self.do("depart", place)

    @rule(place=st.integers(0, 9))
    def hand_back(self, place):
        self.do("hand_back", place)

    @invariant()
    def what_is_sent_is_there(self):
        """With its delivery, as is what will be tried again."""
        ledger = self.sandbox.deliveries
        kept = {delivery.id: delivery for delivery in ledger}
        for dispatch in self.sandbox.flying:
            assert kept[dispatch.delivery_id].sent is not None
        assert ledger.queued == sum(delivery.sent is sent for _, delivery, sent in self.sandbox.queued)
        for entry in self.sandbox.timeline:
            if isinstance(entry.action, AttemptDelivery):
                assert kept[entry.action.delivery_id].status == "pending"
                assert kept[entry.action.delivery_id].sent is None
        assert self.sandbox.switchboard.live <= 3
        assert len(self.sandbox.notifier.webhooks) <= 4


TestLife = Life.TestCase


class TinyBodies(TinyLife):
    """Nor where no body may be kept."""

    bounds = {**TinyLife.bounds, "deliveries_kept": 3, "bodies_kept": 1}  # noqa: RUF012 - it is only read


TestTinyLife = TinyLife.TestCase
TestTinyBodies = TinyBodies.TestCase
TestTinyLife.settings = TestTinyBodies.settings = settings(
    max_examples=100,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestLife.settings = settings(
    max_examples=200,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
