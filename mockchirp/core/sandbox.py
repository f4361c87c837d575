"""The sandbox: a synchronous simulation of everything that one Chirp app can see.

It does no I/O, reads no clock and draws no global random number. Time enters through :meth:`Sandbox.run_until`; what is
to be sent leaves through :meth:`Sandbox.take_outbox`, and what came of it returns through
:meth:`Sandbox.record_outcome`. Every command validates before it changes anything: one that is refused leaves no trace.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mockchirp.core.calls import (
    COMMANDS,
    END_REASONS,
    EVENT_OF_STATUS,
    FAR_END_ACTIONS,
    TERMINAL,
    TRANSITIONS,
    TRIGGER_OF_STATUS,
    Call,
    CallStatus,
    Channel,
    Leg,
    Participant,
    check_address,
)
from mockchirp.core.deliveries import Delivery, Dispatch, Ledger, Outcome
from mockchirp.core.errors import CarrierUnavailable, Conflict, NotFound
from mockchirp.core.events import WEBHOOK_EVENTS, Event, EventLog
from mockchirp.core.ids import IdSource, app_id, check_id
from mockchirp.core.instants import SECOND, whole_seconds
from mockchirp.core.recordings import (
    LINK_LIFETIME,
    RECORDING_TRANSITIONS,
    Recording,
    RecordingFormat,
    RecordingStatus,
    public_recording,
)
from mockchirp.core.scenarios import BY_NUMBER, DEFAULT_SCENARIO, RecordingOutcome
from mockchirp.core.signing import sign
from mockchirp.core.timeline import AttemptDelivery, FarEndActs, FinishProcessing, Timeline
from mockchirp.core.webhooks import Webhook, event_id, webhook_body

DEFAULT_KEY = "sk_test_app_local"

_STATUS_DATA: Mapping[CallStatus, Mapping[str, object]] = {status: {"status": status} for status in EVENT_OF_STATUS}


@dataclass(frozen=True, slots=True)
class Policy:
    """What a new sandbox starts with. Durations in milliseconds."""

    retry_schedule: tuple[int, ...] = (2 * SECOND, 4 * SECOND, 8 * SECOND, 16 * SECOND, 32 * SECOND)
    processing_time: int = 2 * SECOND
    webhook_url: str | None = None
    webhook_headers: tuple[tuple[str, str], ...] = ()
    events_kept: int = 200_000
    deliveries_kept: int = 50_000


class Sandbox:
    """Everything that one Chirp app can see, at the instant :attr:`now` (ms since the Unix epoch).

    ``size_of`` tells how many bytes the audio file of a format and a number of seconds has. ``origin`` is where the
    links in webhooks point to.
    """

    def __init__(
        self,
        *,
        now: int,
        seed: int = 1,
        key: str = DEFAULT_KEY,
        policy: Policy | None = None,
        size_of: Callable[[RecordingFormat, int], int],
        origin: str = "http://127.0.0.1:24477",
    ) -> None:
        self.now = now
        self.app_id = app_id(key)
        self.origin = origin
        self.policy = policy or Policy()
        self.timeline = Timeline()
        self.events = EventLog(self.policy.events_kept)
        self.deliveries = Ledger(self.timeline, self.policy.retry_schedule, self.policy.deliveries_kept)
        self.calls: dict[str, Call] = {}
        self.recordings: dict[str, Recording] = {}
        self.webhooks: dict[str, Webhook] = {}
        self.secret = hashlib.sha256(f"signed links/{seed}/{key}".encode()).digest()
        self._ids = IdSource(f"{seed}/{key}", test=key.startswith("sk_test_"))
        self._size_of = size_of
        if self.policy.webhook_url is not None:
            self.add_webhook(self.policy.webhook_url, WEBHOOK_EVENTS, self.policy.webhook_headers)

    # Time and effects

    def run_until(self, instant: int) -> None:
        """Let everything due up to ``instant`` happen, in order and each at its own instant; then it is ``instant``."""
        while entry := self.timeline.pop_due(instant):
            self.now = max(self.now, entry.at)
            match entry.action:
                case FarEndActs(call_id, action):
                    self._follow_scenario(self.calls[call_id], action)
                case FinishProcessing(recording_id):
                    self._finish_processing(self.recordings[recording_id])
                case AttemptDelivery(delivery_id):
                    self._retry_delivery(delivery_id)
        self.now = max(self.now, instant)

    def take_outbox(self) -> list[Dispatch]:
        """The webhook attempts that are due now, in order; each is handed out once."""
        return self.deliveries.take_outbox()

    def record_outcome(self, dispatch: Dispatch, outcome: Outcome) -> Delivery:
        """Enter what came of an attempt that :meth:`take_outbox` handed out."""
        return self.deliveries.record(dispatch, outcome, self.now)

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
        scenario = BY_NUMBER.get(to_address, DEFAULT_SCENARIO)
        if scenario.carrier_down:
            source = "meta" if to_channel == "whatsapp" else "telnyx"
            raise CarrierUnavailable(
                f"the carrier does not answer: the call to {to_address} was not placed", source=source
            )
        call = Call(
            id=self._ids.new("call", self.now),
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
        self._open_room(call)
        self.calls[call.id] = call
        self._enter(call, "initiated")
        return call

    def call(self, call_id: str) -> Call:
        """The call with this id; raise :class:`InvalidRequest` if it is no call id, :class:`NotFound` if there is none."""
        call = self.calls.get(call_id)
        if call is None:
            check_id("call", call_id, "callId")
            raise NotFound(f"No such call: {call_id}", param="callId")
        return call

    def end_call(self, call_id: str) -> None:
        """End a live call: `completed` after the answer, `canceled` before it; raise :class:`Conflict` if it has ended."""
        call = self.call(call_id)
        if not call.is_live:
            raise Conflict(f"{call.id} is {call.status}: it has ended already; only a live call can be ended")
        self._hang_up(call)

    # Commands

    def hang_up(self, call_id: str) -> None:
        """`hangup`: end the call."""
        call = self._commanded(call_id, "hangup")
        self._note_command(call, "hangup")
        self._hang_up(call)

    def answer(self, call_id: str) -> None:
        """`answer`: take an inbound call."""
        call = self._commanded(call_id, "answer")
        self._note_command(call, "answer")
        self._enter(call, "in_progress")

    def reject(self, call_id: str, reason: str = "") -> None:
        """`reject`: refuse an inbound call, which is busy to its caller; ``reason`` is noted and nothing more."""
        call = self._commanded(call_id, "reject")
        self._note_command(call, "reject", **({"reason": reason} if reason else {}))
        self._enter(call, "busy", end_reason="rejected")

    def send_to_voicemail(self, call_id: str) -> None:
        """`send_to_voicemail`: let the caller of an inbound call leave a message."""
        call = self._commanded(call_id, "send_to_voicemail")
        self._note_command(call, "send_to_voicemail")
        self._enter(call, "voicemail")

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
        call = self._commanded(call_id, "transfer")
        check_address(to_address, to_channel, "to")
        self._note_command(call, "transfer", to=to_address, toChannel=to_channel)
        left = next(participant for participant in call.participants if participant.leg == "to")
        call.participants = tuple(participant for participant in call.participants if participant is not left)
        self._emit("calls.participant.left", call, {"participant": left.public()}, f"participant_left_{left.number}")
        call.to_address, call.to_channel = to_address, to_channel
        call.muted = tuple(leg for leg in call.muted if leg != "to")
        self._open_room(call)
        call.participant_count += 1
        self._join(call, Participant(call.participant_count, "to", to_address, to_channel))

    def start_recording(self, call_id: str, format: RecordingFormat) -> bool:
        """`start_recording`: True if the recording runs now, False if it was queued and starts with the answer."""
        call = self._commanded(call_id, "start_recording")
        if call.recording_id is not None:
            raise Conflict(f"{call.id} is being recorded already; stop {call.recording_id} first", param="type")
        if call.queued_recording is not None:
            raise Conflict(f"{call.id} has a recording queued already, which starts with the answer", param="type")
        self._note_command(call, "start_recording", format=format)
        if call.status == "in_progress":
            self._start_recording(call, format)
            return True
        call.queued_recording = format
        return False

    def stop_recording(self, call_id: str) -> None:
        """`stop_recording`: the running recording ends and is processed."""
        call = self._commanded(call_id, "stop_recording")
        if call.recording_id is None:
            raise Conflict(f"{call.id} is not being recorded; stop_recording needs a recording that runs", param="type")
        self._note_command(call, "stop_recording")
        self._stop_recording(call)

    # Recordings

    def recordings_of(self, call_id: str) -> list[Recording]:
        """The recordings of a call that are not deleted, oldest first."""
        return [self.recordings[id] for id in self.call(call_id).recording_ids]

    def recording(self, recording_id: str) -> Recording:
        """The recording with this id; raise :class:`InvalidRequest` if it is no recording id, :class:`NotFound` if
        there is none.
        """
        recording = self.recordings.get(recording_id)
        if recording is None:
            check_id("recording", recording_id, "recordingId")
            raise NotFound(f"No such recording: {recording_id}", param="recordingId")
        return recording

    def delete_recording(self, recording_id: str) -> None:
        """Delete a recording and its file; raise :class:`Conflict` while it runs."""
        recording = self.recording(recording_id)
        if recording.status == "recording":
            raise Conflict(f"{recording.id} is recording; it can't be deleted before it is stopped")
        call = self.calls[recording.call_id]
        del self.recordings[recording.id]
        call.recording_ids.remove(recording.id)
        self.timeline.cancel(recording.id)
        self._emit("recording.deleted", call, {}, recording=recording)

    def show_recording(self, recording: Recording, origin: str) -> dict[str, object]:
        """The REST recording; a completed one with its size and a signed link at ``origin``, good for an hour from now."""
        if recording.status != "completed":
            return public_recording(recording, None, None)
        assert recording.duration is not None, "a completed recording has ended"
        signed = sign(self.secret, recording.path, self.now + LINK_LIFETIME, self.app_id)
        size = self._size_of(recording.format, recording.duration)
        return public_recording(recording, f"{origin}{recording.path}?signed={signed}", size)

    # Webhooks

    def add_webhook(self, url: str, events: frozenset[str], headers: tuple[tuple[str, str], ...] = ()) -> Webhook:
        """Tell ``url`` of every event named in ``events`` from now on, with ``headers`` added to each request."""
        webhook = Webhook(self._ids.new("webhook", self.now), url, events, headers, self.now, self.now)
        self.webhooks[webhook.id] = webhook
        return webhook

    # How calls proceed

    def _commanded(self, call_id: str, command: str) -> Call:
        call = self.call(call_id)
        COMMANDS[command].check(call)
        return call

    def _note_command(self, call: Call, command: str, **parameters: object) -> None:
        self._emit("call.command", call, {"command": command, **parameters})

    def _open_room(self, call: Call) -> None:
        if call.livekit_room_name is None and "webrtc" in (call.from_channel, call.to_channel):
            call.livekit_room_name = f"call-{call.id[-12:]}"

    def _hang_up(self, call: Call) -> None:
        self._enter(call, "canceled" if call.status in ("initiated", "ringing") else "completed")

    def _follow_scenario(self, call: Call, action: str) -> None:
        status = FAR_END_ACTIONS[action]
        # A step that the call's state no longer allows is overtaken by events, and passes.
        if status in TRANSITIONS[call.direction][call.status]:
            self._enter(call, status)

    def _enter(self, call: Call, status: CallStatus, *, end_reason: str | None = None) -> None:
        """Take ``call`` into ``status``, with all that goes with it; the tables have been asked before."""
        call.status = status
        data = _STATUS_DATA[status]
        if status == "in_progress":
            call.answered_at = self.now
        elif status in TERMINAL:
            data = self._conclude(call, end_reason or END_REASONS[status])
        self._emit(EVENT_OF_STATUS[status], call, data)
        if status == "in_progress":
            self._join(call, Participant(1, "from", call.from_address, call.from_channel))
            self._join(call, Participant(2, "to", call.to_address, call.to_channel))
            if call.queued_recording is not None:
                format, call.queued_recording = call.queued_recording, None
                self._start_recording(call, format)
        trigger = TRIGGER_OF_STATUS.get(status)
        if trigger is not None:
            for step in call.scenario.steps(trigger):
                self.timeline.schedule(self.now + step.after, FarEndActs(call.id, step.do))

    def _conclude(self, call: Call, end_reason: str) -> Mapping[str, object]:
        """Wind up a call that has just become terminal: its timers, its recording, its parties. Return what its last
        event says.
        """
        call.ended_at = self.now
        call.end_reason = end_reason
        if call.answered_at is not None:
            call.duration = whole_seconds(call.answered_at, self.now)
        call.on_hold = False
        call.muted = ()
        call.queued_recording = None
        self.timeline.cancel(call.id)
        if call.recording_id is not None:
            self._stop_recording(call)
        for participant in call.participants:
            self._emit(
                "calls.participant.left",
                call,
                {"participant": participant.public()},
                f"participant_left_{participant.number}",
            )
        call.participants = ()
        return {"status": call.status, "endReason": call.end_reason, "duration": call.duration}

    def _join(self, call: Call, participant: Participant) -> None:
        call.participants = (*call.participants, participant)
        self._emit(
            "calls.participant.joined",
            call,
            {"participant": participant.public()},
            f"participant_joined_{participant.number}",
        )

    # How recordings proceed

    def _start_recording(self, call: Call, format: RecordingFormat) -> None:
        outcome: RecordingOutcome = call.scenario.recording
        recording = Recording(self._ids.new("recording", self.now), call.id, format, self.now, outcome)
        self.recordings[recording.id] = recording
        call.recording_ids.append(recording.id)
        call.recording_id = recording.id
        self._emit("recording.started", call, {"status": recording.status, "format": format}, recording=recording)

    def _stop_recording(self, call: Call) -> None:
        assert call.recording_id is not None, "a recording runs"
        recording = self.recordings[call.recording_id]
        call.recording_id = None
        recording.ended_at = self.now
        self._set_recording(recording, "processing")
        data = {"status": recording.status, "duration": recording.duration}
        self._emit("recording.processing", call, data, recording=recording)
        self.timeline.schedule(self.now + self.policy.processing_time, FinishProcessing(recording.id))

    def _finish_processing(self, recording: Recording) -> None:
        self._set_recording(recording, recording.outcome)
        call = self.calls[recording.call_id]
        data = {"status": recording.status, "duration": recording.duration, "format": recording.format}
        if recording.status == "completed":
            self._emit("calls.recording.completed", call, data, "completed", recording=recording)
        else:
            self._emit("recording.failed", call, data, recording=recording)

    def _set_recording(self, recording: Recording, status: RecordingStatus) -> None:
        assert status in RECORDING_TRANSITIONS[recording.status], f"{recording.status} -> {status}"
        recording.status = status

    # How events are told

    def _emit(
        self,
        type: str,
        call: Call,
        data: Mapping[str, object],
        suffix: str | None = None,
        *,
        recording: Recording | None = None,
    ) -> None:
        event = self.events.append(self.now, type, call.id, recording.id if recording else None, data)
        if type in WEBHOOK_EVENTS:
            self._tell_webhooks(event, call, suffix or type.removeprefix("calls."), recording)

    def _tell_webhooks(self, event: Event, call: Call, suffix: str, recording: Recording | None) -> None:
        listeners = [webhook for webhook in self.webhooks.values() if event.type in webhook.events]
        if not listeners:
            return
        extra: Mapping[str, object] = {}
        if recording is not None:
            extra = {"recording": self.show_recording(recording, self.origin)}
        elif "participant" in event.data:
            extra = event.data
        id = event_id(event, suffix)
        body = webhook_body(event, id, call, extra)
        for webhook in listeners:
            self.deliveries.open(webhook, event, id, body)

    def _retry_delivery(self, delivery_id: str) -> None:
        delivery = self.deliveries.get(delivery_id)
        if delivery is not None and (webhook := self.webhooks.get(delivery.webhook_id)) is not None:
            self.deliveries.attempt(delivery, webhook, self.now)
