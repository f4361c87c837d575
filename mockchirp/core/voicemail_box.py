"""How a message is left and kept (chirp-api.md section 4): greeting, message, recording, and at last the voicemail."""

from collections.abc import Mapping, Set

from mockchirp.core.calls import Call
from mockchirp.core.configuration import CallingConfiguration
from mockchirp.core.errors import NotFound
from mockchirp.core.ids import check_id
from mockchirp.core.instants import SECOND
from mockchirp.core.people import People
from mockchirp.core.recorder import Recorder
from mockchirp.core.recordings import Recording
from mockchirp.core.timeline import BeginMessage, EndMessage
from mockchirp.core.voicemails import GREETING, MESSAGE, Voicemail
from mockchirp.core.world import World


class VoicemailBox:
    """The voicemails of a sandbox, oldest first, and the messages that are being left."""

    def __init__(
        self,
        world: World,
        recorder: Recorder,
        calls: Mapping[str, Call],
        configuration: CallingConfiguration,
        people: People,
    ) -> None:
        self.voicemails: dict[str, Voicemail] = {}
        self.messages: set[str] = set()
        """The recordings that are messages and may still become voicemails: none of them has come to its end."""
        self._world = world
        self._recorder = recorder
        self._calls = calls
        self._configuration = configuration
        self._people = people
        recorder.when_finished.append(self._keep)

    def greet(self, call: Call) -> None:
        """Play the greeting to the caller of an inbound ``call`` that has just become `voicemail`."""
        self._world.timeline.schedule(self._world.now + GREETING, BeginMessage(call.id))

    def begin_message(self, call: Call) -> None:
        """The tone: from now on the caller is recorded."""
        self._recorder.start(call, self._configuration.recording_format)
        assert call.recording_id is not None, "it has just been started"
        self.messages.add(call.recording_id)
        wanted = call.scenario.message_length
        length = min(MESSAGE if wanted is None else wanted, self._configuration.voicemail_max_duration * SECOND)
        self._world.timeline.schedule(self._world.now + length, EndMessage(call.id))

    def get(self, voicemail_id: str) -> Voicemail:
        """The voicemail with this id; raise :class:`InvalidRequest` if it is none, :class:`NotFound` if it is unknown."""
        voicemail = self.voicemails.get(voicemail_id)
        if voicemail is None:
            check_id("voicemail", voicemail_id, "voicemailId")
            raise NotFound(f"No such voicemail: {voicemail_id}", param="voicemailId", sought=voicemail_id)
        return voicemail

    def page(self, limit: int, offset: int) -> list[Voicemail]:
        """At most ``limit`` voicemails, newest first, without the newest ``offset``."""
        return list(reversed(self.voicemails.values()))[offset : offset + limit]

    def delete(self, voicemail_id: str) -> None:
        """Delete a voicemail for good; its recording stays."""
        del self.voicemails[self.get(voicemail_id).id]

    def forget_recordings(self, recording_ids: Set[str]) -> None:
        """These recordings are gone: no voicemail points to them any more, and none comes of them."""
        self.messages -= recording_ids
        for voicemail in self.voicemails.values():
            if voicemail.recording_id in recording_ids:
                voicemail.recording_id = None

    def forget_calls(self, call_ids: Set[str]) -> None:
        """These calls are gone with their recordings, and so are their voicemails."""
        gone = [voicemail for voicemail in self.voicemails.values() if voicemail.call_id in call_ids]
        for voicemail in gone:
            del self.voicemails[voicemail.id]
        self.messages = {id for id in self.messages if id in self._recorder.recordings}

    def _keep(self, recording: Recording) -> None:
        if recording.id not in self.messages:
            return
        self.messages.discard(recording.id)
        if recording.status == "failed":
            return  # nothing can be heard of it
        world = self._world
        call = self._calls[recording.call_id]
        voicemail = Voicemail(
            id=world.ids.new("voicemail", world.now),
            call_id=call.id,
            caller_number=call.from_address,
            caller_channel=call.from_channel,
            duration=recording.duration,
            transcription=self._people.message() if world.policy.transcription else None,
            recording_id=recording.id,
            created_at=world.now,
        )
        self.voicemails[voicemail.id] = voicemail
        data = {"voicemailId": voicemail.id, "duration": voicemail.duration}
        world.emit("calls.voicemail.received", call, data, "received", recording=recording, voicemail=voicemail)
