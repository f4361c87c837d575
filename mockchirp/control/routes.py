"""The table of the mock's own routes, all under ``/_mockchirp``."""

from collections import defaultdict

from starlette.routing import BaseRoute, Route

from mockchirp.control import (
    answers,
    calls,
    conditions,
    deliveries,
    faults,
    journal,
    models,
    sandbox,
    scenarios,
    seeing,
    state,
    time,
    waiting,
)
from mockchirp.control.operation import Operation, OperationApp
from mockchirp.http import DEEPEST, Methods
from mockchirp.runtime import Runtime
from mockchirp.state.document import Document

_BASE = "/_mockchirp"
OPERATIONS = (
    Operation("getClock", "GET", f"{_BASE}/clock", time.get_clock, answers.Clock),
    Operation("setClock", "PUT", f"{_BASE}/clock", time.set_clock, answers.Clock, body=models.SetClock),
    Operation(
        "advanceClock", "POST", f"{_BASE}/clock/advance", time.advance_clock, answers.Report, body=models.Advance
    ),
    Operation(
        "receiveCall",
        "POST",
        f"{_BASE}/calls",
        calls.receive_call,
        answers.Call,
        201,
        body=models.ReceiveCall,
        body_optional=True,
    ),
    Operation(
        "listCalls", "GET", f"{_BASE}/calls", calls.list_calls, answers.Page[answers.SeenCall], query=models.CallsQuery
    ),
    Operation("seeCall", "GET", f"{_BASE}/calls/{{callId}}", calls.get_call, answers.CallWithHistory),
    Operation(
        "actAsFarEnd",
        "POST",
        f"{_BASE}/calls/{{callId}}/far-end",
        calls.far_end,
        answers.SeenCall,
        body=models.FarEnd,
    ),
    Operation(
        "decideRecording",
        "POST",
        f"{_BASE}/recordings/{{recordingId}}/outcome",
        calls.decide_recording,
        answers.Recording,
        body=models.Outcome,
    ),
    Operation("listScenarios", "GET", f"{_BASE}/scenarios", scenarios.list_scenarios, answers.Scenarios),
    Operation(
        "mapNumbers", "PUT", f"{_BASE}/scenarios/numbers", scenarios.map_numbers, answers.Numbers, body=models.NumberMap
    ),
    Operation(
        "setDefaultScenario",
        "PUT",
        f"{_BASE}/scenarios/default",
        scenarios.set_default_scenario,
        answers.Default,
        body=models.DefaultScenario,
    ),
    Operation("getScenario", "GET", f"{_BASE}/scenarios/{{name}}", scenarios.get_scenario, answers.Scenario),
    Operation(
        "putScenario",
        "PUT",
        f"{_BASE}/scenarios/{{name}}",
        scenarios.put_scenario,
        answers.Scenario,
        body=models.ScenarioBody,
    ),
    Operation("deleteScenario", "DELETE", f"{_BASE}/scenarios/{{name}}", scenarios.delete_scenario, answers.Message),
    Operation("getSandbox", "GET", f"{_BASE}/sandbox", sandbox.get_sandbox, answers.Sandbox),
    Operation("setSandbox", "PATCH", f"{_BASE}/sandbox", sandbox.set_sandbox, answers.Sandbox, body=models.SetSandbox),
    Operation("removeSandbox", "DELETE", f"{_BASE}/sandbox", state.remove_sandbox, state.Losses, on="key"),
    Operation(
        "listSandboxes",
        "GET",
        f"{_BASE}/sandboxes",
        state.list_sandboxes,
        answers.Page[state.Overview],
        on="server",
    ),
    Operation("reset", "POST", f"{_BASE}/reset", state.reset, state.Losses),
    Operation("getState", "GET", f"{_BASE}/state", state.get_state, Document),
    Operation(
        "putState",
        "PUT",
        f"{_BASE}/state",
        state.put_state,
        state.Overview,
        body=Document,
        body_bound="max_state_size",
        deepest_body=DEEPEST + 8,
    ),
    Operation(
        "listEvents",
        "GET",
        f"{_BASE}/events",
        seeing.list_events,
        answers.Page[answers.Event],
        query=models.EventsQuery,
        refusals=(503,),
    ),
    Operation(
        "listDeliveries",
        "GET",
        f"{_BASE}/deliveries",
        deliveries.list_deliveries,
        answers.Page[answers.Delivery],
        query=models.DeliveriesQuery,
    ),
    Operation("getDelivery", "GET", f"{_BASE}/deliveries/{{deliveryId}}", deliveries.get_delivery, answers.Delivery),
    Operation(
        "redeliver",
        "POST",
        f"{_BASE}/deliveries/{{deliveryId}}/redeliver",
        deliveries.redeliver,
        answers.Delivery,
        201,
        body=models.Redeliver,
        body_optional=True,
    ),
    Operation(
        "createFault",
        "POST",
        f"{_BASE}/faults",
        faults.create_fault,
        answers.Fault,
        201,
        body=faults.NewFault,
        refusals=(404,),
    ),
    Operation("listFaults", "GET", f"{_BASE}/faults", faults.list_faults, answers.Page[answers.Fault]),
    Operation("deleteFaults", "DELETE", f"{_BASE}/faults", faults.delete_faults, answers.Deleted),
    Operation("getFault", "GET", f"{_BASE}/faults/{{faultId}}", faults.get_fault, answers.Fault),
    Operation("deleteFault", "DELETE", f"{_BASE}/faults/{{faultId}}", faults.delete_fault, answers.Message),
    Operation(
        "listRequests",
        "GET",
        f"{_BASE}/requests",
        journal.list_requests,
        answers.Page[answers.Exchange],
        query=journal.RequestsQuery,
    ),
    Operation("deleteRequests", "DELETE", f"{_BASE}/requests", journal.delete_requests, answers.Deleted),
    Operation(
        "wait",
        "POST",
        f"{_BASE}/wait",
        waiting.wait,
        answers.Matched,
        body=conditions.Wait,
        refusals=(404, 408, 503),
    ),
)


def largest_body(runtime: Runtime) -> int:
    """Bytes of the largest body that any request may have."""
    return max(int(getattr(runtime.defaults, operation.body_bound)) for operation in OPERATIONS)


def routes(runtime: Runtime) -> list[BaseRoute]:
    """Starlette's routes for the table, one a path."""
    by_path: dict[str, dict[str, OperationApp]] = defaultdict(dict)
    names: dict[str, dict[str, str]] = defaultdict(dict)
    for operation in OPERATIONS:
        by_path[operation.path][operation.method] = OperationApp(operation, runtime)
        names[operation.path][operation.method] = operation.id
    return [Route(path, Methods(apps, names[path])) for path, apps in by_path.items()]
