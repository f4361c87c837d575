"""The table of the mock's own routes, all under ``/_mockchirp``."""

from collections import defaultdict

from starlette.routing import BaseRoute, Route

from mockchirp.control import calls, sandbox, seeing, time
from mockchirp.control.operation import Operation, OperationApp
from mockchirp.http import Methods
from mockchirp.runtime import Runtime

OPERATIONS = (
    Operation("getClock", "GET", "/_mockchirp/clock", time.get_clock),
    Operation("setClock", "PUT", "/_mockchirp/clock", time.set_clock, body="required"),
    Operation("advanceClock", "POST", "/_mockchirp/clock/advance", time.advance_clock, body="required"),
    Operation("receiveCall", "POST", "/_mockchirp/calls", calls.receive_call, status=201, body="optional"),
    Operation(
        "listCalls",
        "GET",
        "/_mockchirp/calls",
        calls.list_calls,
        query=frozenset({"status", "direction"}),
    ),
    Operation("getControlledCall", "GET", "/_mockchirp/calls/{callId}", calls.get_call),
    Operation("actAsFarEnd", "POST", "/_mockchirp/calls/{callId}/far-end", calls.far_end, body="required"),
    Operation(
        "decideRecording",
        "POST",
        "/_mockchirp/recordings/{recordingId}/outcome",
        calls.decide_recording,
        body="required",
    ),
    Operation("getSandbox", "GET", "/_mockchirp/sandbox", sandbox.get_sandbox),
    Operation("setSandbox", "PATCH", "/_mockchirp/sandbox", sandbox.set_sandbox, body="required"),
    Operation(
        "listEvents",
        "GET",
        "/_mockchirp/events",
        seeing.list_events,
        query=frozenset({"after", "type", "callId"}),
    ),
)


def routes(runtime: Runtime) -> list[BaseRoute]:
    """Starlette's routes for the table, one a path."""
    by_path: dict[str, dict[str, OperationApp]] = defaultdict(dict)
    for operation in OPERATIONS:
        by_path[operation.path][operation.method] = OperationApp(operation, runtime)
    return [Route(path, Methods(apps)) for path, apps in by_path.items()]
