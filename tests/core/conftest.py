"""What the tests of the core share: sandboxes without a server, and ways to bring a call into any status."""

from collections.abc import Callable
from typing import Any

import pytest

from mockchirp.core.calls import Call
from mockchirp.core.deliveries import Dispatch, Outcome
from mockchirp.core.instants import SECOND, parse_instant
from mockchirp.core.sandbox import Sandbox
from mockchirp.core.world import Policy

T0 = parse_instant("2026-01-15T10:30:00Z")
HOOK = "http://app.test/hooks"
ENDLESS = "+15005550007"

WAYS: dict[tuple[str, str], list[str]] = {
    ("outbound", "initiated"): [],
    ("outbound", "ringing"): ["ring"],
    ("outbound", "in_progress"): ["ring", "answer"],
    ("outbound", "voicemail"): ["ring", "voicemail"],
    ("outbound", "completed"): ["ring", "answer", "hangup"],
    ("outbound", "failed"): ["ring", "fail"],
    ("outbound", "busy"): ["ring", "busy"],
    ("outbound", "no_answer"): ["ring", "no_answer"],
    ("outbound", "canceled"): ["command hang_up"],
    ("inbound", "initiated"): [],
    ("inbound", "in_progress"): ["command answer"],
    ("inbound", "voicemail"): ["command send_to_voicemail"],
    ("inbound", "completed"): ["command answer", "hangup"],
    ("inbound", "failed"): ["fail"],
    ("inbound", "busy"): ["command reject"],
    ("inbound", "canceled"): ["hangup"],
}
"""For each direction and status, the far-end actions and commands that lead to it."""


@pytest.fixture
def make() -> Callable[..., Sandbox]:
    """Makes a sandbox at T0 with seed 1 and a webhook for everything; other arguments go to it or into its policy."""

    def make(
        *, now: int = T0, seed: int = 1, key: str = "sk_test_app_local", size_of: Any = None, **policy: Any
    ) -> Sandbox:
        return Sandbox(
            now=now,
            seed=seed,
            key=key,
            policy=Policy(**{"webhook_url": HOOK, **policy}),
            size_of=size_of or (lambda kind, seconds: 1_000 + seconds),
        )

    return make


@pytest.fixture
def sandbox(make: Callable[..., Sandbox]) -> Sandbox:
    """The sandbox as most tests want it."""
    return make()


@pytest.fixture
def ways() -> dict[tuple[str, str], list[str]]:
    """See :data:`WAYS`."""
    return WAYS


@pytest.fixture
def place() -> Callable[..., Call]:
    """Place a call to a number, by default one whose far end never hangs up."""

    def place(sandbox: Sandbox, to: str = ENDLESS, **options: Any) -> Call:
        return sandbox.place_call("+15551234567", to, **options)

    return place


@pytest.fixture
def bring(place: Callable[..., Call]) -> Callable[..., Call]:
    """Bring a new call of a direction into a status, at the present instant; nothing more is scheduled for it."""

    def bring(sandbox: Sandbox, direction: str, status: str) -> Call:
        call = place(sandbox) if direction == "outbound" else sandbox.receive_call("+15559876543", "+15551234567")
        for step in WAYS[direction, status]:
            if step.startswith("command "):
                getattr(sandbox, step.removeprefix("command "))(call.id)
            else:
                sandbox.far_end(call.id, step)
        sandbox.timeline.cancel(call.id)
        assert (call.direction, call.status) == (direction, status)
        return call

    return bring


@pytest.fixture
def fingerprint() -> Callable[[Sandbox], list[object]]:
    """Everything that there is in a sandbox, comparable."""

    def fingerprint(sandbox: Sandbox) -> list[object]:
        return [
            sandbox.now,
            repr(sandbox.calls),
            repr(sandbox.recorder.recordings),
            repr(sandbox.notifier.webhooks),
            repr(list(sandbox.deliveries)),
            list(sandbox.timeline),
            list(sandbox.events.after(0)),
        ]

    return fingerprint


@pytest.fixture
def history() -> Callable[..., list[tuple[float, str]]]:
    """The events of a call as seconds since T0 and type."""

    def history(sandbox: Sandbox, call: Call | None = None) -> list[tuple[float, str]]:
        events = sandbox.events.after(0)
        return [((event.at - T0) / SECOND, event.type) for event in events if call is None or event.call_id == call.id]

    return history


@pytest.fixture
def run_to_idle() -> Callable[..., list[tuple[float, Dispatch]]]:
    """Run a sandbox until nothing is pending, answering every attempt with the status that ``answer`` says.

    What was sent, each with the seconds since T0 at which it was.
    """

    def run_to_idle(
        sandbox: Sandbox, answer: Callable[[Dispatch], int] = lambda dispatch: 200
    ) -> list[tuple[float, Dispatch]]:
        sent = []
        while True:
            while batch := sandbox.take_outbox():
                for dispatch in batch:
                    sent.append(((sandbox.now - T0) / SECOND, dispatch))
                    status = answer(dispatch)
                    sandbox.record_outcome(dispatch, Outcome(status, None if status == 200 else f"answered {status}"))
            due = sandbox.timeline.next_due()
            if due is None:
                return sent
            sandbox.run_until(due)

    return run_to_idle
