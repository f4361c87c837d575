"""A sandbox that is written down and taken up goes on as it would have: found out by trying."""

import base64

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from mockchirp.clock import Clock
from mockchirp.core.calls import FAR_END_ACTIONS
from mockchirp.core.deliveries import Outcome
from mockchirp.core.errors import ChirpError
from mockchirp.core.faults import Fault
from mockchirp.core.instants import HOUR, SECOND, parse_instant
from mockchirp.core.recordings import FORMATS
from mockchirp.core.sandbox import Sandbox
from mockchirp.core.scenarios import SCENARIOS, Scenario, Step
from mockchirp.core.webhooks import WEBHOOK_EVENTS
from mockchirp.core.world import Policy
from mockchirp.state.exporting import export
from mockchirp.state.restoring import Ground, read, restore

T0 = parse_instant("2026-01-15T10:30:00Z")
KEY = "sk_test_app_local"
POLICY = Policy(webhook_url="http://app.test/hooks", calls_kept=6, recordings_kept=4, reorder_limit=20 * SECOND)
NUMBERS = ["+15559876543", *(scenario.number for scenario in SCENARIOS.values() if scenario.number)]
BODIES = [b"", b"ok", "schön".encode(), b"\xff\x00\xfe"]
PLACES = st.integers(0, 9)


def size_of(format, seconds):
    return 1_000 * len(format) + seconds


def written(sandbox):
    return export(sandbox, Clock(sandbox.now, 0.0, mode="frozen"), [KEY], 1)


def nth(things, place):
    ids = list(things)
    return ids[place % len(ids)] if ids else "none"


class Twins(RuleBasedStateMachine):
    """What is done to one sandbox is done to its twin, which is taken up anew from a document again and again."""

    def __init__(self):
        super().__init__()
        self.one = Sandbox(now=T0, key=KEY, policy=POLICY, size_of=size_of)
        self.other = self.again(self.one)

    def again(self, sandbox):
        document = read(written(sandbox))
        return restore(document, Ground(KEY, 1, T0 - HOUR, POLICY, size_of, "http://elsewhere.test"))

    def both(self, deed):
        """Do the same to both; what comes of it is the same."""
        results = []
        for sandbox in (self.one, self.other):
            sandbox.notifier.origin = "http://127.0.0.1:24477"
            try:
                results.append(deed(sandbox))
            except ChirpError as error:
                results.append((type(error), error.message))
        assert repr(results[0]) == repr(results[1])

    @rule(to=st.sampled_from(NUMBERS), metadata=st.sampled_from([None, {"a": [1, {"b": None}]}]))
    def place_call(self, to, metadata):
        self.both(lambda sandbox: sandbox.place_call("+15551234567", to, metadata=metadata))

    @rule(number=st.sampled_from([None, *NUMBERS]), channel=st.sampled_from(["pstn", "webrtc"]))
    def receive_call(self, number, channel):
        self.both(lambda sandbox: sandbox.receive_call(number, from_channel=channel))

    @rule(place=PLACES, action=st.sampled_from(sorted(FAR_END_ACTIONS)))
    def far_end(self, place, action):
        self.both(lambda sandbox: sandbox.far_end(nth(sandbox.calls, place), action))

    @rule(
        place=PLACES,
        command=st.sampled_from(
            [
                *(("start_recording", format) for format in FORMATS),
                *((name,) for name in ("answer", "reject", "send_to_voicemail", "hang_up", "hold", "unhold")),
                *(("set_muted", leg, muted) for leg in ("from", "to") for muted in (True, False)),
                ("stop_recording",),
                ("transfer", "agent", "webrtc"),
            ]
        ),
    )
    def command(self, place, command):
        self.both(lambda sandbox: getattr(sandbox, command[0])(nth(sandbox.calls, place), *command[1:]))

    @rule(place=PLACES, outcome=st.sampled_from(["completed", "failed"]))
    def decide(self, place, outcome):
        self.both(lambda sandbox: sandbox.recorder.decide(nth(sandbox.recorder.recordings, place), outcome))

    @rule(place=PLACES)
    def delete_recording(self, place):
        self.both(lambda sandbox: sandbox.delete_recording(nth(sandbox.recorder.recordings, place)))

    @rule(place=PLACES)
    def delete_voicemail(self, place):
        self.both(lambda sandbox: sandbox.voicemail_box.delete(nth(sandbox.voicemail_box.voicemails, place)))

    @rule(
        change=st.sampled_from(
            [
                ("auto_record_enabled", True),
                ("recording_format", "webm"),
                ("voicemail_enabled", False),
                ("default_answer_behavior", "voicemail"),
                ("voicemail_max_duration", 10),
            ]
        )
    )
    def configure(self, change):
        self.both(lambda sandbox: setattr(sandbox.configuration, *change))

    @rule(events=st.sampled_from([("calls.answered", "calls.completed"), WEBHOOK_EVENTS]))
    def add_webhook(self, events):
        self.both(lambda sandbox: sandbox.notifier.add("http://other.test/hook", events, {"X-Token": "a"}))

    @rule(place=PLACES)
    def delete_webhook(self, place):
        self.both(lambda sandbox: sandbox.notifier.delete(nth(sandbox.notifier.webhooks, place)))

    @rule(place=PLACES, url=st.sampled_from([None, "http://third.test/again"]))
    def redeliver(self, place, url):
        ids = [delivery.id for delivery in self.one.deliveries]
        self.both(lambda sandbox: sandbox.notifier.redeliver(nth(ids, place), url).id)

    @rule(
        what=st.sampled_from(
            [{"drop": True}, {"delay": 7 * SECOND}, {"duplicate": 2}, {"reorder": 2}, {"drop": True, "times": 1}]
        ),
        probability=st.sampled_from([0.3, 1.0]),
    )
    def disturb(self, what, probability):
        self.both(
            lambda sandbox: sandbox.faults.add(
                Fault(
                    id=sandbox.faults.next_id(),
                    created_at=sandbox.now,
                    target="webhook",
                    probability=probability,
                    expires_at=sandbox.now + HOUR,
                    **what,
                )
            )
        )

    @rule(name=st.sampled_from(["answered", "mine"]), after=st.integers(0, 9), number=st.sampled_from(["", "+1555*"]))
    def define(self, name, after, number):
        steps = (Step(after * SECOND, "ring"), Step(9 * SECOND, "answer"))

        def deed(sandbox):
            sandbox.scenarios.defined[name] = Scenario(name, "", created=steps, processing_time=after)
            if number:
                sandbox.scenarios.numbers[number] = name

        self.both(deed)

    @rule()
    def forget_definition(self):
        self.both(lambda sandbox: sandbox.scenarios.remove("mine"))

    @rule()
    def count_request(self):
        self.both(lambda sandbox: sandbox.rate_limiter.count("webhooks", sandbox.now))

    @rule(
        seconds=st.sampled_from([0, 1, 3, 31, 130, 900]),
        status=st.sampled_from([200, 500]),
        body=st.sampled_from(BODIES),
    )
    def go_on(self, seconds, status, body):
        outcome = Outcome(status, None if status == 200 else "no", body, 0.25)
        self.both(lambda sandbox: self.settle(sandbox, sandbox.now + seconds * SECOND, outcome))

    @staticmethod
    def settle(sandbox, to, outcome):
        """Let everything happen up to an instant, with an outcome for every attempt; all that was sent, in order."""
        sent = []
        while True:
            while batch := sandbox.take_outbox():
                for dispatch in batch:
                    sent.append(dispatch)
                    sandbox.record_outcome(dispatch, outcome)
            due = sandbox.timeline.next_due()
            if due is None or due > to:
                sandbox.run_until(to)
                return sent
            sandbox.run_until(due)

    @rule()
    def take_up(self):
        """From here on, the twin is another one, made of what was written down of the first; nothing was under way then."""
        self.both(lambda sandbox: self.settle(sandbox, sandbox.now, Outcome(200, None)))
        self.other = self.again(self.one)

    @rule()
    def break_off(self):
        """What is under way when it is written down is sent again, in the order in which it was sent."""
        copy = self.again(self.one)
        sent = [delivery for delivery in self.one.deliveries if delivery.sent and delivery.status == "pending"]
        sent.sort(key=lambda delivery: delivery.sent.number)
        again = copy.deliveries.take_outbox()
        assert [dispatch.delivery_id for dispatch in again] == [delivery.id for delivery in sent]
        assert [(dispatch.url, dispatch.headers, dispatch.body, dispatch.attempt) for dispatch in again] == [
            (delivery.url, delivery.headers, delivery.body, len(delivery.attempts) + 1) for delivery in sent
        ]

    @precondition(lambda self: self.one.events.last)
    @rule()
    def compare(self):
        assert written(self.one) == written(self.other)
        assert repr(self.one.switchboard.live) == repr(self.other.switchboard.live)

    def teardown(self):
        self.go_on(0, 200, b"")
        self.take_up()
        self.go_on(900, 500, b"\xff")
        self.go_on(100_000, 200, b"ok")
        self.compare()
        assert not len(self.other.timeline)


TestTwins = Twins.TestCase
TestTwins.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def test_an_answer_that_is_no_text_is_kept_byte_for_byte(ark):
    """Bytes have no other way into JSON than base64."""
    sandbox = ark.fresh()
    sandbox.place_call("+15551234567", "+15559876543")
    (dispatch,) = sandbox.take_outbox()
    sandbox.record_outcome(dispatch, Outcome(500, "no", b"\xff\x00"))

    document = ark.export(sandbox)
    (attempt,) = document["deliveries"][0]["attempts"]

    assert base64.b64decode(attempt["bodyBase64"]) == b"\xff\x00"
    assert next(iter(ark.take_up(document).deliveries)).attempts[0].outcome.body == b"\xff\x00"
