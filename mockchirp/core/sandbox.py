"""The sandbox: a synchronous simulation of everything that one Chirp app can see.

It does no I/O, reads no clock and draws no global random number. Time enters through :meth:`Sandbox.run_until`; what is
to be sent leaves through :meth:`Sandbox.take_outbox`, and what came of it returns through
:meth:`Sandbox.record_outcome`. Every command validates before it changes anything: one that is refused leaves no trace.
"""

from collections.abc import Mapping
from typing import Any

from mockchirp.core.calls import (
    COMMANDS,
    DECISION_TIME,
    FAR_END_ACTIONS,
    Call,
    Channel,
    Leg,
    after_far_end,
    check_address,
    how_it_came,
)
from mockchirp.core.configuration import CallingConfiguration
from mockchirp.core.deliveries import Delivery, Dispatch, Outcome
from mockchirp.core.errors import CarrierUnavailable, Conflict, NotFound, PhoneNumberNotAssigned
from mockchirp.core.faults import Faults
from mockchirp.core.ids import IdSource, app_id, check_id, organization_id
from mockchirp.core.journal import Journal
from mockchirp.core.notifier import Notifier
from mockchirp.core.people import People
from mockchirp.core.rate_limits import RateLimiter
from mockchirp.core.recorder import Recorder, SizeOf
from mockchirp.core.recordings import Recording, RecordingFormat
from mockchirp.core.retention import Retention
from mockchirp.core.scenarios import FarEndAction, Scenario, ScenarioBook
from mockchirp.core.switchboard import Switchboard
from mockchirp.core.timeline import (
    AttemptDelivery,
    BeginMessage,
    CallerGivesUp,
    DecisionDue,
    EndMessage,
    FarEndActs,
    FinishProcessing,
)
from mockchirp.core.voicemail_box import VoicemailBox
from mockchirp.core.webhooks import WEBHOOK_EVENTS
from mockchirp.core.world import Policy, World

DEFAULT_KEY = "sk_test_app_local"


class Sandbox:
    """Everything that one Chirp app can see, at the instant :attr:`now` (ms since the Unix epoch).

    ``size_of`` tells how many bytes the audio file of a format and a number of seconds has. ``origin`` is where the
    links in webhooks point to. ``identity`` is what identifiers, people and everything else by chance come from: the seed
    and the key, unless another sandbox is to be continued.
    """

    def __init__(
        self,
        *,
        now: int,
        seed: int = 1,
        key: str = DEFAULT_KEY,
        policy: Policy | None = None,
        size_of: SizeOf,
        origin: str = "http://127.0.0.1:24477",
        identity: str | None = None,
    ) -> None:
        self.identity = own_seed = identity or f"{seed}/{key}"
        self.app_id = app_id(key)
        self.policy = policy = policy or Policy()
        self.ids = IdSource(own_seed, test=key.startswith("sk_test_"))
        self._world = world = World(now, self.ids, policy)
        self.timeline = world.timeline
        self.events = world.events
        self.phone_numbers: tuple[str, ...] = ()
        """The numbers of the app; as long as none are listed, any number is taken for one."""
        self.configuration = CallingConfiguration(
            self.ids.new("calling config", now), self.app_id, organization_id(self.app_id), now, now
        )
        self.switchboard = Switchboard(world, self.configuration)
        self.calls = self.switchboard.calls
        self.scenarios = ScenarioBook()
        self.rate_limiter = RateLimiter()
        self.enforce_rate_limit = policy.enforce_rate_limit
        self.people = People(own_seed)
        self._own_number = self.people.phone_number()
        self.recorder = Recorder(world, own_seed, self.app_id, self.calls, size_of)
        self.voicemail_box = VoicemailBox(world, self.recorder, self.calls, self.configuration, self.people)
        self.switchboard.connect(self.recorder, self.voicemail_box.greet)
        self._retention = Retention(policy, self.switchboard, self.recorder, self.voicemail_box)
        self.faults = Faults(own_seed, policy.max_faults)
        self.journal = Journal(policy.journal_size, policy.bodies_kept)
        self.notifier = Notifier(world, self.recorder, self.app_id, origin, self.faults)
        self.deliveries = self.notifier.deliveries
        if policy.webhook_url is not None:
            self.notifier.add(policy.webhook_url, WEBHOOK_EVENTS, dict(policy.webhook_headers))

    def discard(self) -> None:
        """Nobody needs this sandbox any more: cut it apart, so that its memory is free at once."""
        self._world.listeners.clear()
        self.recorder.when_finished.clear()

    # Time and effects

    @property
    def now(self) -> int:
        """The instant at which the sandbox is."""
        return self._world.now

    def run_until(self, instant: int) -> None:
        """Let everything due up to ``instant`` happen, in order and each at its own instant; then it is ``instant``."""
        world = self._world
        while entry := self.timeline.pop_due(instant):
            world.now = max(world.now, entry.at)
            match entry.action:
                case FarEndActs(call_id, action):
                    self.switchboard.follow_scenario(self.calls[call_id], action)
                case FinishProcessing(recording_id):
                    self.recorder.finish(self.recorder.recordings[recording_id])
                case AttemptDelivery(delivery_id):
                    self.notifier.retry(delivery_id)
                case DecisionDue(call_id):
                    self.switchboard.decide_by_default(self.calls[call_id])
                case CallerGivesUp(call_id):
                    self.switchboard.enter(self.calls[call_id], "canceled")
                case BeginMessage(call_id):
                    self.voicemail_box.begin_message(self.calls[call_id])
                case EndMessage(call_id):
                    self.switchboard.enter(self.calls[call_id], "completed")
        world.now = max(world.now, instant)

    def take_outbox(self) -> list[Dispatch]:
        """The webhook attempts that are due now, in order; each is handed out once. What else is due now happens first."""
        self.run_until(self.now)
        return self.deliveries.take_outbox()

    def record_outcome(self, dispatch: Dispatch, outcome: Outcome) -> Delivery:
        """Enter what came of an attempt that :meth:`take_outbox` handed out."""
        delivery = self.deliveries.record(dispatch, outcome, self.now)
        if dispatch.attempt == 1:
            self.notifier.let_follow(delivery)
        return delivery

    # Calls

    def place_call(
        self,
        from_address: str,
        to_address: str,
        from_channel: Channel = "pstn",
        to_channel: Channel = "pstn",
        metadata: dict[str, Any] | None = None,
    ) -> Call:
        """Call ``to_address``. The dialled number chooses the scenario that the far end follows.

        Raise :class:`InvalidRequest` on an address that is none, :class:`CarrierUnavailable` if the scenario says so.
        """
        check_address(from_address, from_channel, "from")
        check_address(to_address, to_channel, "to")
        self._check_assigned(from_address, from_channel, "from")
        self._check_capacity()
        scenario = self.scenario_for(to_address, metadata)
        if scenario.carrier_down:
            source = "meta" if to_channel == "whatsapp" else "telnyx"
            raise CarrierUnavailable(
                f"the carrier does not answer: the call to {to_address} was not placed", source=source
            )
        call = Call(
            id=self.ids.new("call", self.now),
            app_id=self.app_id,
            direction="outbound",
            from_address=from_address,
            to_address=to_address,
            from_channel=from_channel,
            to_channel=to_channel,
            metadata=metadata or {},
            scenario=scenario,
            created_at=self.now,
        )
        self._retention.make_room()
        self.switchboard.create(call)
        return call

    def receive_call(
        self,
        from_address: str | None = None,
        to_address: str | None = None,
        from_channel: Channel = "pstn",
        to_channel: Channel = "pstn",
        metadata: dict[str, Any] | None = None,
        scenario: Scenario | None = None,
    ) -> Call:
        """Somebody calls the app (chirp-api.md section 5). Missing addresses are made up; ``scenario`` is how the
        caller behaves, otherwise the calling number chooses it.

        Raise :class:`InvalidRequest` on an address that is none, or a number called that the app doesn't have.
        """
        if from_address is not None:
            check_address(from_address, from_channel, "from")
        if to_address is not None:
            check_address(to_address, to_channel, "to")
            self._check_assigned(to_address, to_channel, "to")
        self._check_capacity()
        from_address = from_address or self._made_up(from_channel)
        to_address = to_address or (self.phone_numbers[0] if self.phone_numbers else self._own_number)
        call = Call(
            id=self.ids.new("call", self.now),
            app_id=self.app_id,
            direction="inbound",
            from_address=from_address,
            to_address=to_address,
            from_channel=from_channel,
            to_channel=to_channel,
            metadata=metadata or {},
            scenario=scenario or self.scenario_for(from_address, metadata),
            created_at=self.now,
        )
        self._retention.make_room()
        self.switchboard.create(call)
        if self.configuration.default_answer_behavior == "voicemail":
            self.switchboard.decide_by_default(call)
            return call
        self.timeline.schedule(self.now + DECISION_TIME, DecisionDue(call.id))
        if call.scenario.patience is not None:
            self.timeline.schedule(self.now + call.scenario.patience, CallerGivesUp(call.id))
        return call

    def call(self, call_id: str) -> Call:
        """The call with this id; raise :class:`InvalidRequest` if it is no call id, :class:`NotFound` if there is none."""
        call = self.calls.get(call_id)
        if call is None:
            check_id("call", call_id, "callId")
            raise NotFound(f"No such call: {call_id}", param="callId", sought=call_id)
        return call

    def end_call(self, call_id: str) -> None:
        """End a live call: `completed` after the answer, `canceled` before it; raise :class:`Conflict` if it has ended."""
        call = self.call(call_id)
        if not call.is_live:
            raise Conflict(
                f"{call.id} is {call.status}: it has ended already; only a live call can be ended{how_it_came(call)}"
            )
        self.switchboard.hang_up(call)

    def far_end(self, call_id: str, action: FarEndAction) -> Call:
        """The other party or the carrier does ``action`` (a key of ``FAR_END_ACTIONS``) now; raise :class:`Conflict`
        where
        the call does not allow it."""
        call = self.call(call_id)
        status = after_far_end(call, action)
        if status is None:
            allowed = ", ".join(name for name in FAR_END_ACTIONS if after_far_end(call, name)) or "nothing any more"
            raise Conflict(
                f"{call.id} is an {call.direction} call and {call.status}; its far end can't {action} now, but {allowed}",
                param="action",
            )
        self.switchboard.enter(call, status)
        return call

    # Commands

    def hang_up(self, call_id: str) -> None:
        """`hangup`: end the call."""
        call = self._commanded(call_id, "hangup")
        self._note_command(call, "hangup")
        self.switchboard.hang_up(call)

    def answer(self, call_id: str) -> None:
        """`answer`: take an inbound call."""
        call = self._commanded(call_id, "answer")
        self._note_command(call, "answer")
        self.switchboard.enter(call, "in_progress")

    def reject(self, call_id: str, reason: str = "") -> None:
        """`reject`: refuse an inbound call, which is busy to its caller; ``reason`` is noted and nothing more."""
        call = self._commanded(call_id, "reject")
        self._note_command(call, "reject", **({"reason": reason} if reason else {}))
        self.switchboard.enter(call, "busy", end_reason="rejected")

    def send_to_voicemail(self, call_id: str) -> None:
        """`send_to_voicemail`: let the caller of an inbound call leave a message."""
        call = self._commanded(call_id, "send_to_voicemail")
        self._note_command(call, "send_to_voicemail")
        self.switchboard.enter(call, "voicemail")

    def hold(self, call_id: str, music_url: str = "") -> None:
        """`hold`: put the call on hold; ``music_url`` is noted and nothing more."""
        call = self._commanded(call_id, "hold")
        if call.on_hold:
            raise Conflict(f"{call.id} is on hold already; hold needs a call that is not on hold", param="type")
        call.on_hold = True
        self._note_command(call, "hold", **({"musicUrl": music_url} if music_url else {}))

    def unhold(self, call_id: str) -> None:
        """`unhold`: take the call off hold."""
        call = self._commanded(call_id, "unhold")
        if not call.on_hold:
            raise Conflict(f"{call.id} is not on hold; unhold needs a call that is on hold", param="type")
        call.on_hold = False
        self._note_command(call, "unhold")

    def set_muted(self, call_id: str, participant: Leg, muted: bool) -> None:
        """`mute` and `unmute`: one leg is muted, or heard again; doing it twice is allowed."""
        command = "mute" if muted else "unmute"
        call = self._commanded(call_id, command)
        others = tuple(leg for leg in call.muted if leg != participant)
        call.muted = (*others, participant) if muted else others
        self._note_command(call, command, participant=participant)

    def transfer(self, call_id: str, to_address: str, to_channel: Channel) -> None:
        """`transfer`: the party at `to` leaves, and ``to_address`` joins in its place."""
        self.call(call_id)
        check_address(to_address, to_channel, "to")
        call = self._commanded(call_id, "transfer")
        self._note_command(call, "transfer", to=to_address, toChannel=to_channel)
        self.switchboard.replace_party(call, to_address, to_channel)

    def start_recording(self, call_id: str, format: RecordingFormat) -> bool:
        """`start_recording`: True if the recording runs now, False if it was queued and starts with the answer."""
        call = self._commanded(call_id, "start_recording")
        if call.recording_id is not None:
            raise Conflict(f"{call.id} is being recorded already; stop {call.recording_id} first", param="type")
        if call.queued_recording is not None:
            raise Conflict(f"{call.id} has a recording queued already, which starts with the answer", param="type")
        self._note_command(call, "start_recording", format=format)
        if call.status == "in_progress":
            self._retention.make_room()
            self.recorder.start(call, format)
            return True
        call.queued_recording = format
        return False

    def stop_recording(self, call_id: str) -> None:
        """`stop_recording`: the running recording ends and is processed."""
        call = self._commanded(call_id, "stop_recording")
        if call.recording_id is None:
            raise Conflict(f"{call.id} is not being recorded; stop_recording needs a recording that runs", param="type")
        self._note_command(call, "stop_recording")
        self.recorder.stop(call)

    def extra_command(self, call_id: str, command: str) -> None:
        """A command that the user's settings name: it is logged, and nothing more."""
        self._note_command(self.call(call_id), command)

    # Recordings

    def recordings_of(self, call_id: str) -> list[Recording]:
        """The recordings of a call that are not deleted, oldest first."""
        return [self.recorder.recordings[id] for id in self.call(call_id).recording_ids]

    def delete_recording(self, recording_id: str) -> None:
        """Delete a recording and its file; raise :class:`Conflict` while it runs."""
        self.recorder.delete(recording_id)
        self.voicemail_box.forget_recordings({recording_id})

    # What is allowed

    def _commanded(self, call_id: str, command: str) -> Call:
        call = self.call(call_id)
        COMMANDS[command].check(call)
        return call

    def _note_command(self, call: Call, command: str, **parameters: object) -> None:
        self._world.emit("call.command", call, {"command": command, **parameters})

    def scenario_for(self, number: str, metadata: Mapping[str, Any] | None) -> Scenario:
        """The scenario that `metadata.mockchirp.scenario` names, else the one that the number leads to."""
        wanted = metadata.get("mockchirp") if metadata else None
        if isinstance(wanted, dict) and "scenario" in wanted:
            return self.scenarios.named(str(wanted["scenario"]), "metadata.mockchirp.scenario")
        return self.scenarios.of_number(number)

    def _check_assigned(self, address: str, channel: Channel, param: str) -> None:
        if self.phone_numbers and channel != "webrtc" and address not in self.phone_numbers:
            raise PhoneNumberNotAssigned(
                f"{param} {address} is not a number of this app; it has {', '.join(self.phone_numbers[:10])}",
                param=param,
            )

    def _check_capacity(self) -> None:
        most = min(self.configuration.max_concurrent_calls, self.policy.calls_kept)
        if self.switchboard.live >= most:
            raise Conflict(f"{self.switchboard.live} calls are live; maxConcurrentCalls allows {most}: end one first")

    def _made_up(self, channel: Channel) -> str:
        number = self.people.phone_number()
        return f"caller-{number[1:]}" if channel == "webrtc" else number
