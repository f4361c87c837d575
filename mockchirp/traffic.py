"""What goes through the server: requests in, attempts to deliver webhooks out. Counted always, logged where it is asked for.

It stands on the way of every request, so that counting is a few additions; the metrics are made of it when somebody reads them. A
log line names what it is about by ids. Keys, queries, bodies and headers are never in it, and of the receiver only the origin.
"""

import logging
from bisect import bisect_left
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import urlsplit

from mockchirp.core.deliveries import Attempt, Delivery
from mockchirp.receivers import Receivers

BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds (s) of the histogram of durations."""
ABORTED = 0
"""The status of a request that got no answer: the connection was cut."""

_log = logging.getLogger("mockchirp.traffic")


class Durations:
    """How long requests took: how many up to each of :data:`BOUNDS` and beyond the last, and the seconds of all together."""

    __slots__ = ("buckets", "total")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.total = 0.0

    @property
    def count(self) -> int:
        """How many they are."""
        return sum(self.buckets)


class Traffic:
    """What went through since the start: ``requests`` by operation and status, ``attempts`` by their outcome."""

    def __init__(self) -> None:
        self.requests: dict[tuple[str, int], Durations] = {}
        self.attempts: dict[tuple[str, int | None], int] = {}
        """By outcome (`delivered`, `failed`) and the status of the receiver's answer, None where there was none."""
        self.receivers = Receivers()
        self.past_events = 0
        """Events of sandboxes that were reset or removed."""

    def note_request(self, scope: MutableMapping[str, Any], operation: str, status: int, elapsed: float) -> None:
        """A request has been answered with ``status`` (or :data:`ABORTED`) after ``elapsed`` real seconds."""
        durations = self.requests.get((operation, status))
        if durations is None:
            durations = self.requests[operation, status] = Durations()
        durations.buckets[bisect_left(BOUNDS, elapsed)] += 1
        durations.total += elapsed
        if _log.isEnabledFor(logging.INFO):
            level = logging.DEBUG if status < 400 and _is_the_page(scope) else logging.INFO
            if _log.isEnabledFor(level):
                _log_request(level, scope, operation, status, elapsed)

    def note_attempt(self, app_id: str, delivery: Delivery, attempt: Attempt) -> None:
        """An attempt to deliver a webhook of an application is over."""
        outcome = attempt.outcome
        result = "delivered" if outcome.succeeded else "failed"
        self.receivers.note(app_id, delivery, attempt)
        key = result, outcome.status
        self.attempts[key] = self.attempts.get(key, 0) + 1
        if not _log.isEnabledFor(logging.INFO):
            return
        fields = {
            "event": "delivery",
            "sandbox": app_id,
            "call": delivery.call_id,
            "delivery": delivery.id,
            "webhookEvent": delivery.event,
            "receiver": _origin(attempt.url),
            "attempt": attempt.number,
            "outcome": result,
            "status": outcome.status,
            "error": outcome.error,
            "ms": _milliseconds(outcome.elapsed),
        }
        _log.info(
            "%(webhookEvent)s %(delivery)s attempt %(attempt)s to %(receiver)s: %(outcome)s%(why)s in %(ms)s ms",
            {**fields, "why": f" ({outcome.error})" if outcome.error else ""},
            extra={"fields": fields},
        )


def _is_the_page(scope: MutableMapping[str, Any]) -> bool:
    """Whether the web page looks, as it does all the time while it is open; or whether it is loaded."""
    if scope["method"] != "GET":
        return False
    referer = next((value for name, value in scope["headers"] if name == b"referer"), b"")
    path = urlsplit(referer.decode("latin-1")).path
    return "/_mockchirp/ui" in path or scope["path"].startswith("/_mockchirp/ui")


def _log_request(level: int, scope: MutableMapping[str, Any], operation: str, status: int, elapsed: float) -> None:
    fields: dict[str, object] = {
        "event": "request",
        "method": scope["method"],
        "path": scope["path"][:500],
        "operation": operation,
        "status": status or None,
        "ms": _milliseconds(elapsed),
    }
    sandbox = scope.get("sandbox")
    if sandbox is not None:
        fields["sandbox"] = sandbox
    parts = scope.get("path_params") or {}
    for name, field in (("callId", "call"), ("recordingId", "recording"), ("deliveryId", "delivery")):
        if name in parts:
            fields[field] = parts[name][:100]
    shown = {**fields, "status": status or "no answer"}
    _log.log(level, "%(method)s %(path)s %(operation)s %(status)s in %(ms)s ms", shown, extra={"fields": fields})


def _origin(url: str) -> str:
    """Scheme, host and port of a receiver: the rest of a webhook's URL may be a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 2)
