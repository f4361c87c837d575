"""Webhooks: who is told of which events, and in which words (chirp-api.md section 6)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from mockchirp.core.calls import Call
from mockchirp.core.events import Event
from mockchirp.core.instants import format_milli


@dataclass(slots=True)
class Webhook:
    """One endpoint of the user's application; ``events`` are the names that it is told of."""

    id: str
    url: str
    events: frozenset[str]
    headers: tuple[tuple[str, str], ...]
    created_at: int
    updated_at: int


def event_id(event: Event, suffix: str) -> str:
    """`evt_{callId}_{suffix}`, or `evt_{recordingId}_{suffix}` for the events of recordings."""
    return f"evt_{event.recording_id or event.call_id}_{suffix}"


def webhook_body(event: Event, event_id: str, call: Call, extra: Mapping[str, object]) -> bytes:
    """The JSON body of a webhook: ``call`` as it is now, and ``extra`` members of `data`, such as `recording`.

    What does not apply is left out, not null.
    """
    shown: dict[str, object] = {
        "id": call.id,
        "direction": call.direction,
        "from": call.from_address,
        "to": call.to_address,
        "fromChannel": call.from_channel,
        "toChannel": call.to_channel,
        "status": call.status,
    }
    if call.livekit_room_name is not None:
        shown["livekitRoomName"] = call.livekit_room_name
    if call.metadata:
        shown["metadata"] = call.metadata
    if call.duration is not None:
        shown["duration"] = call.duration
    if call.end_reason is not None:
        shown["endReason"] = call.end_reason
    payload = {
        "event": event.type,
        "eventId": event_id,
        "timestamp": format_milli(event.at),
        "data": {"call": shown, "app": {"id": call.app_id}, **extra},
    }
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
