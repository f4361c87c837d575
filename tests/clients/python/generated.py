"""The story in Python with the clients of openapi-python-client; its argument is the server's URL."""

import sys

from chirp_client import AuthenticatedClient
from chirp_client.api.calls import create_call, get_call, send_call_command
from chirp_client.api.recordings import list_call_recordings
from chirp_client.api.voicemails import list_voicemails
from chirp_client.models import (
    Call,
    CallRequest,
    CommandReceipt,
    ErrorEnvelope,
    Metadata,
    RecordingFormat,
    RecordingList,
    StartRecording,
    Transfer,
    VoicemailList,
)
from control_client import AuthenticatedClient as ControlClient
from control_client.api.calls import list_calls, receive_call
from control_client.api.clock import advance_clock
from control_client.models import Advance, AdvanceReport, CallList, ReceiveCall

url = sys.argv[1]
chirp = AuthenticatedClient(base_url=url, token="sk_test_app_python")
control = ControlClient(base_url=url, token="sk_test_app_python")

metadata = Metadata()
metadata["ticket"] = 4711
placed = create_call.sync(client=chirp, body=CallRequest(from_="+15551234567", to="+15005550007", metadata=metadata))
assert isinstance(placed, Call), placed
assert placed.metadata["ticket"] == 4711

report = advance_clock.sync(client=control, body=Advance(by="10s"))
assert isinstance(report, AdvanceReport), report
assert any(event.type_ == "calls.answered" for event in report.events)

started = send_call_command.sync(
    placed.id, client=chirp, body=StartRecording(type_="start_recording", format_=RecordingFormat.OGG)
)
assert isinstance(started, CommandReceipt), started
moved = send_call_command.sync(placed.id, client=chirp, body=Transfer(type_="transfer", to="+15557654321"))
assert isinstance(moved, CommandReceipt), moved
recordings = list_call_recordings.sync(placed.id, client=chirp)
assert isinstance(recordings, RecordingList), recordings
assert recordings.data[0].format_ is RecordingFormat.OGG
unknown = get_call.sync("call_test_000000000000000000000000000", client=chirp)
assert isinstance(unknown, ErrorEnvelope), unknown
assert unknown.error.type_.value == "invalid_request_error"

inbound = receive_call.sync(client=control, body=ReceiveCall(from_="+15559876543"))
assert inbound is not None
advance_clock.sync(client=control, body=Advance(by="2m"))
voicemails = list_voicemails.sync(client=chirp)
assert isinstance(voicemails, VoicemailList), voicemails
assert voicemails.total_count == 1
calls = list_calls.sync(client=control)
assert isinstance(calls, CallList), calls
assert {call.direction.value for call in calls.data} == {"inbound", "outbound"}
