"""One operation of Chirp's API: from the request to the sandbox and back.

The order is the same for all: who asks (401), what was sent (400, 413), what there is (404) and whether its state
allows it (409); a fault comes between the first two. The body is read first; then the sandbox is caught up, the handler
runs and the answer is made without a pause. The webhooks that the request caused are sent only after the answer has been
written.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import orjson
from starlette.types import Receive, Scope, Send

from mockchirp.api.injection import fault_for, is_silent, strike, truncated
from mockchirp.api.journal import enter
from mockchirp.clock import real_seconds
from mockchirp.core.deliveries import Dispatch
from mockchirp.core.errors import ChirpError, NotFound, RateLimitExceeded, envelope
from mockchirp.core.faults import Fault
from mockchirp.core.ids import check_id
from mockchirp.core.instants import SECOND
from mockchirp.core.keys import bearer_token, check_admin_key
from mockchirp.core.rate_limits import Bucket, Quota, untouched
from mockchirp.core.sandbox import Sandbox
from mockchirp.http import (
    ConnectionCut,
    Disconnected,
    Headers,
    authorization,
    error_headers,
    follow_caller,
    internal_error,
    parse_json,
    read_body,
    send_bytes,
)
from mockchirp.live import LiveSandbox
from mockchirp.runtime import Runtime

_JSON = (b"content-type", b"application/json")


@dataclass(frozen=True, slots=True)
class Request:
    """What a handler gets: the sandbox, the parts of the path, the query string, the body and the caller's origin."""

    sandbox: Sandbox
    path: dict[str, str]
    query: bytes
    body: dict[str, Any]
    origin: str


Handler = Callable[[Request], object]
"""Does what the operation is for and returns the JSON payload of the answer; raises :class:`ChirpError` otherwise."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A row of the table of routes; ``id`` is the operationId of the contract."""

    id: str
    method: str
    path: str
    handler: Handler
    status: int = 200
    body: Literal["none", "required", "optional"] = "none"
    bucket: Bucket = "general"
    admin: bool = False
    """Whether it takes an admin key, and finds the sandbox by the `appId` in its path."""
    documented: bool = True


class OperationApp:
    """The ASGI application that serves one operation."""

    def __init__(self, operation: Operation, runtime: Runtime) -> None:
        self._operation = operation
        self._runtime = runtime
        self._largest_body = runtime.defaults.max_body_size
        self._public_url = runtime.defaults.public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        operation = self._operation
        live: LiveSandbox | None = None
        quota: Quota | None = None
        extra: Headers = []
        fault: Fault | None = None
        raw = b""
        origin: Sandbox | None = None
        batch: list[Dispatch] | None = None
        started = real_seconds()
        try:
            try:
                live = self._find(scope)
                links = follow_caller(scope, live.sandbox.notifier, self._public_url)
                live.life.begun += 1
                scope["sandbox"] = live.sandbox.app_id
                raw = b"" if operation.body == "none" else await read_body(scope, receive, self._largest_body)
                if live.closed:
                    live = self._find(scope)  # it was removed while the body came
                    follow_caller(scope, live.sandbox.notifier, self._public_url)
                    live.life.begun += 1
                live.catch_up()
                sandbox = live.sandbox
                scope["after_event"] = sandbox.events.last
                quota = self._count(live)
                if quota.exceeded and sandbox.enforce_rate_limit:
                    raise _too_many(quota, sandbox.now)
                if sandbox.faults.requests and (fault := fault_for(sandbox, operation.id, scope["path_params"])):
                    if is_silent(fault) and sandbox.journal.kept:
                        enter(live, scope, started, operation.id, fault, raw, None, [], b"")
                    await strike(live, fault, receive, quota)
                    live.catch_up()
                    sandbox = live.sandbox  # a reset may have put another one in its place
                    send = truncated(send) if fault.abort == "truncate" else send
                body = parse_json(scope, raw) if raw or operation.body == "required" else {}
                request = Request(sandbox, scope["path_params"], scope["query_string"], body, links)
                status, answer = operation.status, orjson.dumps(operation.handler(request))
            except Disconnected:
                return
            except ConnectionCut:
                raise
            except Exception as error:  # a frame that kept it would keep itself, and the body
                if not isinstance(error, ChirpError):
                    error = internal_error(scope)
                if live is not None and not operation.admin:
                    self._runtime.tell_where(error, live, bearer_token(authorization(scope)))
                extra = error_headers(error)
                status, answer = error.status, orjson.dumps(envelope(error))
            if quota is None and live is not None:  # its body was too large
                live.catch_up()
                quota = self._count(live)
            if live is not None:
                origin = live.sandbox
                batch = origin.take_outbox()
            quota = quota or untouched(self._runtime.default_now(), operation.bucket)
            headers = [_JSON, *quota_headers(quota), *extra]
            if live is not None and live.sandbox.journal.kept:
                shown = b"" if scope["method"] == "HEAD" else answer
                enter(live, scope, started, operation.id, fault, raw, status, headers, shown)
            await send_bytes(send, status, answer, headers)
        finally:
            if live is not None:
                live.life.ended += 1
                live.revision += operation.method != "GET"
                live.release(live.sandbox.take_outbox() if batch is None else batch, origin)

    def _find(self, scope: Scope) -> LiveSandbox:
        token = bearer_token(authorization(scope))
        if not self._operation.admin:
            return self._runtime.sandbox_of(token)
        check_admin_key(token)
        app_id = scope["path_params"]["appId"]
        live = self._runtime.sandbox_of_app(app_id)
        if live is None:
            check_id("app", app_id, "appId")
            raise NotFound(f"No such app: {app_id}; an app exists once one of its keys has been used", param="appId")
        return live

    def _count(self, live: LiveSandbox) -> Quota:
        return live.sandbox.rate_limiter.count(self._operation.bucket, live.sandbox.now)


def quota_headers(quota: Quota) -> Headers:
    """The three headers that every answer under `/v1` carries."""
    return [
        (b"x-ratelimit-limit", b"%d" % quota.limit),
        (b"x-ratelimit-remaining", b"%d" % quota.remaining),
        (b"x-ratelimit-reset", b"%d" % quota.reset),
    ]


def _too_many(quota: Quota, now: int) -> RateLimitExceeded:
    wait = quota.reset - now // SECOND
    return RateLimitExceeded(
        f"more than {quota.limit} requests in this minute of the sandbox's clock; the next one begins in {wait} s", wait
    )
