"""Entries of the journal of requests: made where a request is answered, from what is at hand there."""

import orjson
from starlette.types import Message, Scope, Send

from mockchirp.clock import real_seconds
from mockchirp.core.errors import ChirpError, envelope
from mockchirp.core.faults import Fault
from mockchirp.core.keys import bearer_token
from mockchirp.http import Headers, authorization, error_headers, follow_caller
from mockchirp.live import LiveSandbox
from mockchirp.runtime import Runtime

_JSON = (b"content-type", b"application/json")


def enter(
    live: LiveSandbox,
    scope: Scope,
    started: float,
    operation_id: str | None,
    fault: Fault | None,
    body: bytes,
    status: int | None,
    headers: Headers,
    answer: bytes,
    answer_length: int | None = None,
) -> None:
    """Enter a request that is answered now, or with a ``status`` of None never. ``started`` is when it came, in real
    seconds.
    """
    live.sandbox.journal.enter(
        live.sandbox.now,
        None if status is None else real_seconds() - started,
        operation_id,
        None if fault is None else fault.id,
        (scope["method"], scope["path"], scope["query_string"], scope["headers"], body),
        status,
        headers,
        answer,
        answer_length,
        scope.get("after_event", 0),
    )


def entering(
    send: Send, live: LiveSandbox, scope: Scope, started: float, operation_id: str, fault: Fault | None
) -> Send:
    """Passes an answer on, and enters it as soon as its beginning is known. Of bodies, only JSON is kept."""
    start: Message = {}

    async def send_and_enter(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
            return
        if start:
            headers: Headers = start["headers"]
            by_name = dict(headers)
            body = message.get("body", b"") if by_name.get(b"content-type") == b"application/json" else b""
            length = int(by_name.get(b"content-length", b"0"))
            enter(live, scope, started, operation_id, fault, b"", start["status"], headers, body, length)
            await send(dict(start))
            start.clear()
        await send(message)

    return send_and_enter


def enter_refusal(runtime: Runtime, scope: Scope, started: float, error: ChirpError, headers: Headers) -> None:
    """Enter a request that no operation answers, if its key leads to a sandbox."""
    try:
        live = runtime.sandbox_of(bearer_token(authorization(scope)))
    except ChirpError:
        return
    live.life.begun += 1
    live.life.ended += 1
    follow_caller(scope, live.sandbox.notifier, runtime.defaults.public_url)
    live.catch_up()
    if live.sandbox.journal.kept:
        answer_headers = [_JSON, *error_headers(error), *headers]
        enter(live, scope, started, None, None, b"", error.status, answer_headers, orjson.dumps(envelope(error)))
    live.release(live.sandbox.take_outbox())
