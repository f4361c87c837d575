"""How calls proceed: from status to status, with all that goes with it (chirp-api.md section 2).

Whether a step is allowed has been asked before it comes here; ``calls`` has the tables.
"""

from collections.abc import Callable, Mapping

from mockchirp.core.calls import (
    CALLER_ACTIONS,
    COMMANDS,
    END_REASONS,
    EVENT_OF_STATUS,
    TERMINAL,
    TRIGGER_OF_STATUS,
    Call,
    CallStatus,
    Channel,
    Participant,
    after_far_end,
)
from mockchirp.core.configuration import CallingConfiguration
from mockchirp.core.instants import whole_seconds
from mockchirp.core.recorder import Recorder
from mockchirp.core.scenarios import FarEndAction
from mockchirp.core.timeline import FarEndActs
from mockchirp.core.world import World

_STATUS_DATA: Mapping[CallStatus, Mapping[str, object]] = {status: {"status": status} for status in EVENT_OF_STATUS}


class Switchboard:
    """Moves the calls of a sandbox. ``live`` counts those that have not ended, ``undecided`` those of them that wait for the app to
    say what becomes of them.
    """

    def __init__(self, world: World, configuration: CallingConfiguration) -> None:
        self.calls: dict[str, Call] = {}
        self.live = 0
        self.undecided = 0
        self._world = world
        self._configuration = configuration

    def connect(self, recorder: Recorder, greet: Callable[[Call], None]) -> None:
        """Who records calls, and what an inbound call that becomes `voicemail` is handed to."""
        self._recorder = recorder
        self._greet = greet

    def create(self, call: Call) -> None:
        """Begin a call."""
        self.calls[call.id] = call
        self.live += 1
        self.undecided += call.is_undecided
        self.open_room(call)
        self.enter(call, "initiated")

    def enter(self, call: Call, status: CallStatus, *, end_reason: str | None = None) -> None:
        """Take ``call`` into ``status``; ``end_reason`` where it is not the usual one."""
        world = self._world
        was_undecided = call.is_undecided
        if was_undecided:
            world.timeline.cancel(call.id)  # the decision has fallen; what the scenario does next is scheduled below
        call.status = status
        self.undecided += call.is_undecided - was_undecided
        data = _STATUS_DATA[status]
        if status == "in_progress":
            call.answered_at = world.now
        elif status in TERMINAL:
            data = self._conclude(call, end_reason or END_REASONS[status])
        world.emit(EVENT_OF_STATUS[status], call, data)
        if call.queued_recording is not None and status not in COMMANDS["start_recording"].statuses:
            self._drop_recording(call)
        if status == "in_progress":
            self._join(call, Participant(1, "from", call.from_address, call.from_channel))
            self._join(call, Participant(2, "to", call.to_address, call.to_channel))
            self._record_if_wanted(call)
        if status == "voicemail" and call.direction == "inbound":
            self._greet(call)  # from here on the message decides, not the scenario
        else:
            self._schedule_far_end(call)

    def hang_up(self, call: Call) -> None:
        """End a live call from the app's side."""
        self.enter(call, "canceled" if call.status in ("initiated", "ringing") else "completed")

    def follow_scenario(self, call: Call, action: FarEndAction) -> None:
        """The far end does what the scenario says; a step that the call no longer allows is overtaken, and passes."""
        if (status := after_far_end(call, action)) is not None:
            self.enter(call, status)

    def decide_by_default(self, call: Call) -> None:
        """No command has come in time: voicemail if the app has it, else the caller hears a busy signal."""
        call.decided_at = self._world.now
        if self._configuration.voicemail_enabled:
            self.enter(call, "voicemail")
        else:
            self.enter(call, "busy", end_reason="rejected")

    def replace_party(self, call: Call, address: str, channel: Channel) -> None:
        """The party at `to` leaves, and another joins in its place."""
        left = next(participant for participant in call.participants if participant.leg == "to")
        call.participants = tuple(participant for participant in call.participants if participant is not left)
        self._leave(call, left)
        call.to_address, call.to_channel = address, channel
        call.muted = tuple(leg for leg in call.muted if leg != "to")
        self.open_room(call)
        call.participant_count += 1
        self._join(call, Participant(call.participant_count, "to", address, channel))

    def _record_if_wanted(self, call: Call) -> None:
        format = call.queued_recording
        if format is None and self._configuration.auto_record_enabled:
            format = self._configuration.recording_format
        if format is not None:
            call.queued_recording = None
            self._recorder.start(call, format)

    def _drop_recording(self, call: Call) -> None:
        """What was queued starts with the answer, which will not come any more."""
        reason = f"only an answered call is recorded, and this one is {call.status}"
        data = {"format": call.queued_recording, "reason": reason}
        call.queued_recording = None
        self._world.emit("recording.dropped", call, data)

    def _schedule_far_end(self, call: Call) -> None:
        """Put on the timeline what the call's scenario does after the status that the call has just entered."""
        trigger = TRIGGER_OF_STATUS.get(call.status)
        if trigger is None:
            return
        for step in call.scenario.steps(trigger):
            if call.direction == "outbound" or step.do in CALLER_ACTIONS:
                self._world.timeline.schedule(self._world.now + step.after, FarEndActs(call.id, step.do))

    def _conclude(self, call: Call, end_reason: str) -> Mapping[str, object]:
        """Wind up a call that has just become terminal: its timers, its recording, its parties.

        Return what its last event says.
        """
        self.live -= 1
        now = call.ended_at = self._world.now
        call.end_reason = end_reason
        if call.answered_at is not None:
            call.duration = whole_seconds(call.answered_at, now)
        call.on_hold = False
        call.muted = ()
        self._world.timeline.cancel(call.id)
        if call.recording_id is not None:
            self._recorder.stop(call)
        for participant in call.participants:
            self._leave(call, participant)
        call.participants = ()
        return {"status": call.status, "endReason": call.end_reason, "duration": call.duration}

    def open_room(self, call: Call) -> None:
        if call.livekit_room_name is None and "webrtc" in (call.from_channel, call.to_channel):
            call.livekit_room_name = f"call-{call.id[-12:]}"

    def _join(self, call: Call, participant: Participant) -> None:
        call.participants = (*call.participants, participant)
        data = {"participant": participant.public()}
        self._world.emit("calls.participant.joined", call, data, f"participant_joined_{participant.number}")

    def _leave(self, call: Call, participant: Participant) -> None:
        data = {"participant": participant.public()}
        self._world.emit("calls.participant.left", call, data, f"participant_left_{participant.number}")
