"""From the calls of a document to those of a sandbox, with their recordings and voicemails."""

from typing import NamedTuple

from mockchirp.core.calls import END_REASONS, LIVE, TERMINAL, TRANSITIONS, Call, CallStatus, Participant, check_address
from mockchirp.core.instants import SECOND, format_milli, whole_seconds
from mockchirp.core.recordings import Recording
from mockchirp.core.sandbox import Sandbox
from mockchirp.core.scenarios import SCENARIOS, Scenario
from mockchirp.core.voicemails import MESSAGE, Voicemail
from mockchirp.state.document import CallPart, Document, RecordingPart, VoicemailPart
from mockchirp.state.errors import BadState, Path, within
from mockchirp.state.scenarios import read_scenario
from mockchirp.state.times import CallTimes, times_of_call, times_of_recording
from mockchirp.state.values import Moment

_REACHABLE = {
    direction: frozenset[CallStatus]({"initiated"}).union(*table.values()) for direction, table in TRANSITIONS.items()
}


class _Given(NamedTuple):
    """A call of the document: its place there, what is said of it, and its times."""

    place: int
    part: CallPart
    times: CallTimes


class CallReader:
    """Puts the calls of a document into an empty sandbox; :attr:`places` tells where in the document each of them stands."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.places: dict[str, int] = {}
        self._sandbox = sandbox
        self._now = sandbox.now

    def read(self, document: Document) -> None:
        """Raise :class:`BadState` if a call, a recording or a voicemail can't be."""
        given = []
        for place, part in enumerate(document.calls):
            with within("calls", place):
                self._note_ids(part)
                given.append(_Given(place, part, times_of_call(part, self._now)))
        given.sort(key=lambda each: each.times.created)
        for each in given:
            with within("calls", each.place):
                self._add_call(each)
        self._add_recordings(given)
        self._add_voicemails(given)

    def _note_ids(self, part: CallPart) -> None:
        self._sandbox.ids.take(part.id)
        for place, recording in enumerate(part.recordings):
            with within("recordings", place):
                self._sandbox.ids.take(recording.id)
        if part.voicemail is not None:
            with within("voicemail"):
                self._sandbox.ids.take(part.voicemail.id)

    def _add_call(self, given: _Given) -> None:
        part, times, sandbox = given.part, given.times, self._sandbox
        _check_call(part)
        is_live = part.status in LIVE
        call = Call(
            id=part.id or sandbox.ids.new("call", times.created),
            app_id=sandbox.app_id,
            direction=part.direction,
            from_address=part.from_address,
            to_address=part.to_address,
            from_channel=part.from_channel,
            to_channel=part.to_channel,
            metadata=part.metadata,
            scenario=self._scenario_of(part),
            created_at=times.created,
            livekit_room_name=part.livekit_room_name,
            status=part.status,
            answered_at=times.answered,
            ended_at=times.ended,
            end_reason=None if is_live else part.end_reason or END_REASONS[part.status],
            on_hold=part.hold,
            muted=tuple(dict.fromkeys(part.muted)),
            queued_recording=part.queued_recording,
            participants=_participants(part),
            participant_count=part.participant_count or 2,
            decided_at=_decided_at(part, times, self._now),
        )
        if times.answered is not None and times.ended is not None:
            call.duration = whole_seconds(times.answered, times.ended)
        sandbox.switchboard.open_room(call)
        sandbox.calls[call.id] = call
        sandbox.switchboard.live += is_live
        sandbox.switchboard.undecided += call.is_undecided
        self.places[call.id] = given.place

    def _scenario_of(self, part: CallPart) -> Scenario:
        if part.scenario_definition is not None:
            with within("scenarioDefinition"):
                return read_scenario(part.scenario or "custom", part.scenario_definition)
        if part.scenario is not None:
            return self._sandbox.scenarios.named(part.scenario, "scenario")
        number = part.to_address if part.direction == "outbound" else part.from_address
        scenario = self._sandbox.scenario_for(number, part.metadata)
        if part.status == "voicemail" and not scenario.voicemail:
            return SCENARIOS["voicemail"]  # the other one says nothing of how it goes on
        return scenario

    def _add_recordings(self, given: list[_Given]) -> None:
        found: list[tuple[int, int, Path, Call, RecordingPart, int | None]] = []
        calls = list(self._sandbox.calls.values())
        for each, call in zip(given, calls, strict=True):
            parts = each.part.recordings or self._implied_recording(each.part)
            running = [part for part in parts if part.status == "recording"]
            for place, part in enumerate(parts):
                with within("calls", each.place, "recordings", place):
                    _check_recording(part, call, running)
                    started, ended = times_of_recording(part, each.times, self._now)
                found.append((started, part.order, ("calls", each.place, "recordings", place), call, part, ended))
        for started, _, path, call, part, ended in sorted(found, key=lambda row: row[:2]):
            with within(*path):
                self._add_recording(call, part, started, ended)

    def _implied_recording(self, part: CallPart) -> list[RecordingPart]:
        """A voicemail of which no recording is told has one nonetheless: the message."""
        voicemail = part.voicemail
        if voicemail is None or "recording_id" in voicemail.model_fields_set:
            return []
        length = MESSAGE // SECOND if voicemail.duration is None else voicemail.duration
        format = self._sandbox.configuration.recording_format
        return [RecordingPart.model_construct(format=format, duration=length * SECOND)]  # it has been checked

    def _add_recording(self, call: Call, part: RecordingPart, started: int, ended: int | None) -> None:
        sandbox = self._sandbox
        came_to = part.status if part.status in ("completed", "failed") else call.scenario.recording
        recording = Recording(
            id=part.id or sandbox.ids.new("recording", started),
            call_id=call.id,
            format=part.format,
            started_at=started,
            outcome=part.outcome or came_to,
            status=part.status,
            ended_at=ended,
        )
        if part.status == "completed":
            assert recording.duration is not None, "it has ended"
            # Whatever the document says: it may come from a version whose files were of other sizes.
            recording.file_size = sandbox.recorder.size_of(part.format, recording.duration)
        sandbox.recorder.recordings[recording.id] = recording
        call.recording_ids.append(recording.id)
        if part.status == "recording":
            call.recording_id = recording.id
        if part.message:
            sandbox.voicemail_box.messages.add(recording.id)

    def _add_voicemails(self, given: list[_Given]) -> None:
        found: list[tuple[int, int, Path, Call, VoicemailPart, Recording | None]] = []
        for each, call in zip(given, list(self._sandbox.calls.values()), strict=True):
            part = each.part.voicemail
            if part is None:
                continue
            path: Path = ("calls", each.place, "voicemail")
            with within(*path):
                recording = self._recording_of(part, call)
                created = self._created(part.created_at, call, recording)
            found.append((created, part.order, path, call, part, recording))
        for created, _, path, call, part, recording in sorted(found, key=lambda row: row[:2]):
            with within(*path):
                self._add_voicemail(call, part, created, recording)

    def _recording_of(self, part: VoicemailPart, call: Call) -> Recording | None:
        recordings = self._sandbox.recorder.recordings
        if "recording_id" not in part.model_fields_set:
            return recordings[call.recording_ids[-1]]
        if part.recording_id is None:
            return None
        if part.recording_id not in call.recording_ids:
            raise BadState(("recordingId",), f"{part.recording_id} is not among the recordings of the call")
        return recordings[part.recording_id]

    def _created(self, given: Moment | None, call: Call, recording: Recording | None) -> int:
        if given is not None:
            created = given.at(self._now, "createdAt")
        else:
            ended = recording.ended_at if recording is not None else call.ended_at
            created = min(self._now, (ended or call.created_at) + self._sandbox.policy.processing_time)
        if not call.created_at <= created <= self._now:
            raise BadState(("createdAt",), "it must lie between the call's createdAt and now")
        return created

    def _add_voicemail(self, call: Call, part: VoicemailPart, created: int, recording: Recording | None) -> None:
        sandbox = self._sandbox
        given = part.model_fields_set
        made_up = "transcription" not in given and sandbox.policy.transcription
        if part.caller_number is not None:
            check_address(part.caller_number, part.caller_channel or call.from_channel, "callerNumber")
        voicemail = Voicemail(
            id=part.id or sandbox.ids.new("voicemail", created),
            call_id=call.id,
            caller_number=part.caller_number or call.from_address,
            caller_channel=part.caller_channel or call.from_channel,
            duration=part.duration if "duration" in given or recording is None else recording.duration,
            transcription=sandbox.people.message() if made_up else part.transcription,
            recording_id=None if recording is None else recording.id,
            created_at=created,
            is_read=part.is_read,
        )
        sandbox.voicemail_box.voicemails[voicemail.id] = voicemail


def _check_call(part: CallPart) -> None:
    check_address(part.from_address, part.from_channel, "from")
    check_address(part.to_address, part.to_channel, "to")
    status = part.status
    if status not in _REACHABLE[part.direction]:
        raise BadState(("status",), f"an {part.direction} call is never {status}")
    if part.end_reason is not None:
        fitting = {END_REASONS[status]} if status in TERMINAL else set()
        if status == "busy":
            fitting.add("rejected")
        if part.end_reason not in fitting:
            what = f"it is {' or '.join(sorted(fitting))}" if fitting else "it has none yet"
            raise BadState(("endReason",), f"a call that is {status} does not end with {part.end_reason}; {what}")
    if status != "in_progress":
        for field, given in (("hold", part.hold), ("muted", part.muted), ("participants", part.participants)):
            if given:
                raise BadState((field,), f"only a call in progress has that; this one is {status}")
    if part.queued_recording is not None and status not in ("initiated", "ringing", "voicemail"):
        raise BadState(("queuedRecording",), f"only a live call that was not answered has one; this one is {status}")
    if part.voicemail is not None and status in LIVE:
        raise BadState(("voicemail",), f"a call that is {status} has none yet")
    messages = [place for place, recording in enumerate(part.recordings) if recording.message]
    if len(messages) + (part.voicemail is not None) > 1:
        raise BadState(("recordings", messages[-1], "message"), "a call leaves one message, or has left one")


def _decided_at(part: CallPart, times: CallTimes, now: int) -> int | None:
    if part.decided_at is None:
        return None
    if part.direction != "inbound" or part.status == "initiated" or times.answered is not None:
        raise BadState(("decidedAt",), "only of an inbound call, and one that was not answered, the default decides")
    at = part.decided_at.at(now, "decidedAt")
    if not times.created <= at <= (now if times.ended is None else times.ended):
        raise BadState(("decidedAt",), f"{format_milli(at)} is not within the life of the call")
    return at


def _participants(part: CallPart) -> tuple[Participant, ...]:
    if part.status != "in_progress":
        return ()
    connected = (
        Participant(1, "from", part.from_address, part.from_channel),
        Participant(part.participant_count or 2, "to", part.to_address, part.to_channel),
    )
    if part.participants is None:
        return connected
    if sorted(each.leg for each in part.participants) != ["from", "to"]:
        raise BadState(("participants",), "a call in progress has two: one at from, one at to")
    given = {Participant(each.number, each.leg, each.address, each.channel) for each in part.participants}
    if given != set(connected):
        raise BadState(
            ("participants",), f"number 1 is at from and number {connected[1].number} at to, with the call's addresses"
        )
    return connected


def _check_recording(part: RecordingPart, call: Call, running: list[RecordingPart]) -> None:
    if part.status == "recording":
        if call.status not in ("in_progress", "voicemail"):
            raise BadState(("status",), f"a call that is {call.status} is not being recorded")
        if part is not running[0]:
            raise BadState(("status",), "only one recording of a call runs at a time")
    elif call.status in ("initiated", "ringing"):
        raise BadState(("status",), f"a call that is {call.status} has no recordings yet")
    if part.message and part.status not in ("recording", "processing"):
        raise BadState(("message",), f"a recording that is {part.status} is no message that is still to come")
    if part.message and (call.direction != "inbound" or call.answered_at is not None):
        raise BadState(("message",), "only the caller of an inbound call that was not answered leaves one")
    if part.outcome is not None and part.status in ("completed", "failed") and part.outcome != part.status:
        raise BadState(("outcome",), f"it is {part.status}, and so can't come to {part.outcome}")
    if part.file_size is not None and part.status != "completed":
        raise BadState(("fileSize",), f"a recording that is {part.status} has no file")
