"""The table of the mock's own routes, all under ``/_mockchirp``."""

from collections import defaultdict

from starlette.routing import Route

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
from mockchirp.http import Methods
from mockchirp.runtime import Runtime
from mockchirp.state.document import DEEPEST, Document

_BASE = "/_mockchirp"
OPERATIONS = (
    Operation(
        "getClock",
        "GET",
        f"{_BASE}/clock",
        "What time it is in the sandbox, what is due next, and how much is pending",
        time.get_clock,
        time.Clock,
    ),
    Operation(
        "setClock",
        "PUT",
        f"{_BASE}/clock",
        "Freeze the clock, let it run at a rate, or set it forward",
        time.set_clock,
        time.Clock,
        body=models.SetClock,
    ),
    Operation(
        "advanceClock",
        "POST",
        f"{_BASE}/clock/advance",
        "Move time; answers when everything that fell due has happened, webhooks and their retries included",
        time.advance_clock,
        time.AdvanceReport,
        body=time.Advance,
        refusals=(404, 408, 503),
    ),
    Operation(
        "receiveCall",
        "POST",
        f"{_BASE}/calls",
        "Somebody calls the app",
        calls.receive_call,
        answers.Call,
        201,
        body=models.ReceiveCall,
        body_optional=True,
    ),
    Operation(
        "listCalls",
        "GET",
        f"{_BASE}/calls",
        "All calls, newest first, with what is scheduled for each",
        calls.list_calls,
        answers.Page[answers.SeenCall],
        query=models.CallsQuery,
    ),
    Operation(
        "seeCall",
        "GET",
        f"{_BASE}/calls/{{callId}}",
        "One call, with everything that happened to it on one time axis",
        calls.get_call,
        answers.CallWithHistory,
    ),
    Operation(
        "actAsFarEnd",
        "POST",
        f"{_BASE}/calls/{{callId}}/far-end",
        "What the other party or the carrier does now",
        calls.far_end,
        answers.SeenCall,
        body=models.FarEnd,
    ),
    Operation(
        "decideRecording",
        "POST",
        f"{_BASE}/recordings/{{recordingId}}/outcome",
        "Decide now what comes of a recording that is being processed",
        calls.decide_recording,
        answers.Recording,
        body=models.Outcome,
    ),
    Operation(
        "listScenarios",
        "GET",
        f"{_BASE}/scenarios",
        "All scenarios, the numbers that lead to them, and the default",
        scenarios.list_scenarios,
        answers.Scenarios,
    ),
    Operation(
        "mapNumbers",
        "PUT",
        f"{_BASE}/scenarios/numbers",
        "Lead numbers and patterns to scenarios; replaces what was mapped before",
        scenarios.map_numbers,
        answers.MappedNumbers,
        body=models.NumberMap,
    ),
    Operation(
        "setDefaultScenario",
        "PUT",
        f"{_BASE}/scenarios/default",
        "Choose the scenario of every number that nothing else is said of",
        scenarios.set_default_scenario,
        answers.ChosenScenario,
        body=models.DefaultScenario,
    ),
    Operation(
        "getScenario", "GET", f"{_BASE}/scenarios/{{name}}", "One scenario", scenarios.get_scenario, answers.Scenario
    ),
    Operation(
        "putScenario",
        "PUT",
        f"{_BASE}/scenarios/{{name}}",
        "Define a scenario, or override a built-in one; calls under way keep theirs",
        scenarios.put_scenario,
        answers.Scenario,
        body=models.ScenarioBody,
    ),
    Operation(
        "deleteScenario",
        "DELETE",
        f"{_BASE}/scenarios/{{name}}",
        "Forget a definition: a built-in scenario is itself again, another one is gone",
        scenarios.delete_scenario,
        answers.Message,
    ),
    Operation(
        "getSandbox",
        "GET",
        f"{_BASE}/sandbox",
        "What the sandbox is, and how it is set up",
        sandbox.get_sandbox,
        answers.Sandbox,
    ),
    Operation(
        "setSandbox",
        "PATCH",
        f"{_BASE}/sandbox",
        "Set it up; whatever is left out stays as it is",
        sandbox.set_sandbox,
        answers.Sandbox,
        body=models.SetSandbox,
    ),
    Operation(
        "removeSandbox",
        "DELETE",
        f"{_BASE}/sandbox",
        "Remove the sandbox altogether, with all its keys",
        state.remove_sandbox,
        state.Losses,
        on="key",
    ),
    Operation(
        "listSandboxes",
        "GET",
        f"{_BASE}/sandboxes",
        "All sandboxes of the server with their counts, in the order of their making",
        state.list_sandboxes,
        answers.Page[state.Overview],
        on="server",
    ),
    Operation(
        "reset",
        "POST",
        f"{_BASE}/reset",
        "Empty the sandbox; what is in flight is abandoned, and nothing from before arrives later",
        state.reset,
        state.Losses,
    ),
    Operation(
        "getState", "GET", f"{_BASE}/state", "Export the whole sandbox as one document", state.get_state, Document
    ),
    Operation(
        "putState",
        "PUT",
        f"{_BASE}/state",
        "Import a document in place of all that there is; the app stays the same",
        state.put_state,
        state.Overview,
        body=Document,
        body_bound="max_state_size",
        deepest_body=DEEPEST,
    ),
    Operation(
        "listEvents",
        "GET",
        f"{_BASE}/events",
        "Everything that happened, oldest first; `wait` holds the answer until there is something new",
        seeing.list_events,
        answers.Page[answers.SandboxEvent],
        query=models.EventsQuery,
        refusals=(503,),
    ),
    Operation(
        "listDeliveries",
        "GET",
        f"{_BASE}/deliveries",
        "Every webhook delivery with its attempts, oldest first",
        deliveries.list_deliveries,
        answers.Page[answers.Delivery],
        query=models.DeliveriesQuery,
    ),
    Operation(
        "getDelivery",
        "GET",
        f"{_BASE}/deliveries/{{deliveryId}}",
        "One webhook delivery with its attempts",
        deliveries.get_delivery,
        answers.Delivery,
    ),
    Operation(
        "redeliver",
        "POST",
        f"{_BASE}/deliveries/{{deliveryId}}/redeliver",
        "Send the same body and eventId again; a pending delivery is tried now instead of at its next instant",
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
        "Let something go wrong from now on, with requests to Chirp's API or with webhooks",
        faults.create_fault,
        answers.Fault,
        201,
        body=faults.NewFault,
        refusals=(404,),
    ),
    Operation(
        "listFaults",
        "GET",
        f"{_BASE}/faults",
        "All faults, in the order in which they are tried",
        faults.list_faults,
        answers.Page[answers.Fault],
    ),
    Operation(
        "deleteFaults",
        "DELETE",
        f"{_BASE}/faults",
        "Remove all faults; requests that they keep waiting are let go",
        faults.delete_faults,
        answers.Deleted,
    ),
    Operation(
        "getFault",
        "GET",
        f"{_BASE}/faults/{{faultId}}",
        "One fault, and how often it has applied",
        faults.get_fault,
        answers.Fault,
    ),
    Operation(
        "deleteFault",
        "DELETE",
        f"{_BASE}/faults/{{faultId}}",
        "Remove a fault; requests that it keeps waiting are let go",
        faults.delete_fault,
        answers.Message,
    ),
    Operation(
        "listRequests",
        "GET",
        f"{_BASE}/requests",
        "What the app asked of Chirp's API and was answered, oldest first",
        journal.list_requests,
        answers.Page[answers.Exchange],
        query=journal.RequestsQuery,
    ),
    Operation(
        "deleteRequests",
        "DELETE",
        f"{_BASE}/requests",
        "Empty the journal of requests; its numbers go on from where they are",
        journal.delete_requests,
        answers.Deleted,
    ),
    Operation(
        "wait",
        "POST",
        f"{_BASE}/wait",
        "Hold the answer until a condition is true; 408 says what happened instead",
        waiting.wait,
        answers.Matched,
        body=conditions.Wait,
        refusals=(404, 408, 503),
    ),
)


def largest_body(runtime: Runtime) -> int:
    """Bytes of the largest body that any request may have."""
    return max(int(getattr(runtime.defaults, operation.body_bound)) for operation in OPERATIONS)


def routes(runtime: Runtime) -> list[Route]:
    """Starlette's routes for the table, one a path."""
    by_path: dict[str, dict[str, OperationApp]] = defaultdict(dict)
    names: dict[str, dict[str, str]] = defaultdict(dict)
    for operation in OPERATIONS:
        by_path[operation.path][operation.method] = OperationApp(operation, runtime)
        names[operation.path][operation.method] = operation.id
    return [Route(path, Methods(apps, names[path])) for path, apps in by_path.items()]
