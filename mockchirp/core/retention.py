"""What a sandbox forgets, so that a server that runs for weeks does not grow without end.

Calls and recordings are kept by the newest; only what has come to its end is ever forgotten. A call takes its recordings and its
voicemail along: from then on, all of them answer as if they had never been.
"""

from itertools import islice

from mockchirp.core.recorder import Recorder
from mockchirp.core.switchboard import Switchboard
from mockchirp.core.voicemail_box import VoicemailBox
from mockchirp.core.world import Policy

_SHARE = 64
"""A bound may be passed by one part in so many, so that forgetting comes in batches."""


class Retention:
    """Holds the calls and recordings of one sandbox to the bounds of its policy."""

    def __init__(self, policy: Policy, switchboard: Switchboard, recorder: Recorder, box: VoicemailBox) -> None:
        self._policy = policy
        self._switchboard = switchboard
        self._recorder = recorder
        self._box = box
        self._most_ended = policy.calls_kept + policy.calls_kept // _SHARE
        self._most_recordings = policy.recordings_kept + policy.recordings_kept // _SHARE

    def make_room(self) -> None:
        """Forget the oldest of whatever has outgrown its bound."""
        if len(self._switchboard.calls) - self._switchboard.live > self._most_ended:
            self._forget_calls()
        if len(self._recorder.recordings) > self._most_recordings:
            self._forget_recordings()

    def _forget_calls(self) -> None:
        calls = self._switchboard.calls
        surplus = len(calls) - self._switchboard.live - self._policy.calls_kept
        oldest = list(islice((call for call in calls.values() if not call.is_live), surplus))
        for call in oldest:
            self._recorder.forget(call.recording_ids)
            del calls[call.id]
        self._box.forget_calls({call.id for call in oldest})

    def _forget_recordings(self) -> None:
        recordings = self._recorder.recordings
        surplus = len(recordings) - self._policy.recordings_kept
        finished = (recording for recording in recordings.values() if recording.status in ("completed", "failed"))
        oldest = list(islice(finished, surplus))
        for recording in oldest:
            self._switchboard.calls[recording.call_id].recording_ids.remove(recording.id)
        ids = [recording.id for recording in oldest]
        self._recorder.forget(ids)
        self._box.forget_recordings(frozenset(ids))
