"""Faults: what a user has go wrong on purpose, and the choice of the one that applies (control-api.md, "Faults").

A fault is data. It looks at each request to Chirp's API, or at each webhook delivery, that it matches, until its
``times`` or its ``duration`` are used up; of those it draws by its ``probability``. The draw is a hash of the sandbox's
seed, the fault and the count of matches, so that the same requests meet the same faults. The first fault in the order of
creation applies; one that is drawn and stays away leaves its place to the next.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from mockchirp.core.errors import ChirpError, Conflict, InjectedError, InvalidRequest, NotFound, RateLimitExceeded
from mockchirp.core.instants import format_duration, format_milli
from mockchirp.core.suggestions import choices

Target = Literal["api", "webhook"]
Abort = Literal["reset", "truncate", "hang"]


class Code(NamedTuple):
    """A code of the documentation: the status and type that it comes with, and the carrier that it is about."""

    status: int
    type: str
    source: str | None = None


CODES = {
    "invalid_phone_number": Code(400, "invalid_request_error"),
    "phone_number_not_assigned": Code(400, "invalid_request_error"),
    "resource_already_exists": Code(409, "invalid_request_error"),
    "rate_limit_exceeded": Code(429, "invalid_request_error"),
    "account_restricted": Code(403, "authentication_error"),
    "recipient_not_on_whatsapp": Code(402, "provider_error"),
    "telnyx_api_error": Code(424, "api_error", "telnyx"),
    "telnyx_api_unavailable": Code(424, "api_error", "telnyx"),
    "meta_api_error": Code(424, "api_error", "meta"),
    "meta_api_unavailable": Code(424, "api_error", "meta"),
}
"""Every code that Chirp documents for calling (chirp-api.md section 1, "Errors")."""

_ALWAYS = {424: "telnyx_api_error", 429: "rate_limit_exceeded"}
"""Statuses that never come without a code."""


@dataclass(slots=True, kw_only=True)
class Fault:
    """One fault. Durations in milliseconds; all fields are plain values. What is None or 0 is not asked for."""

    id: str
    created_at: int
    target: Target = "api"
    call_id: str | None = None
    """Only what is about this call."""
    times: int | None = None
    """How many matches it looks at."""
    probability: float = 1.0
    expires_at: int | None = None
    """The instant of the sandbox's clock from which on it applies no more."""
    delay: int | None = None
    """Of a request in real time, of a delivery on the sandbox's clock."""

    operation: str = "*"
    """An operationId, or `*` for all. This and the next four are of requests."""
    status: int | None = None
    code: str | None = None
    message: str | None = None
    abort: Abort | None = None

    event: str | None = None
    """Only deliveries of this event. This and the next three are of webhooks."""
    duplicate: int = 0
    drop: bool = False
    reorder: int = 0

    matched: int = 0
    """How many requests or deliveries it has looked at."""
    injected: int = 0
    """How many of them it was drawn for."""

    @property
    def is_error(self) -> bool:
        """Whether it answers a request with an error."""
        return self.status is not None or self.code is not None

    def is_active(self, now: int) -> bool:
        """Whether it can still apply at the instant ``now``."""
        return self.times != self.matched and (self.expires_at is None or now < self.expires_at)


class Faults:
    """The faults of a sandbox, at most ``most`` of them. ``requests`` and ``deliveries`` hold those that may apply."""

    def __init__(self, seed: str, most: int) -> None:
        self.requests: list[Fault] = []
        self.deliveries: list[Fault] = []
        self.count = 0
        """How many there ever were: with the faults themselves, all there is to keep."""
        self.removed = 0
        """Counts removals."""
        self._seed = seed
        self._most = most
        self._faults: dict[str, Fault] = {}

    def __len__(self) -> int:
        return len(self._faults)

    def __iter__(self) -> Iterator[Fault]:
        """Every fault in the order of creation, those that apply no more among them."""
        return iter(self._faults.values())

    def next_id(self) -> str:
        """The identifier of the next fault."""
        return f"flt_{self.count + 1}"

    def add(self, fault: Fault) -> None:
        """Have a fault, made now with :meth:`next_id`. Where there is no room, the oldest that applies no more makes some;
        raise :class:`Conflict` if there is none.
        """
        if len(self._faults) >= self._most:
            spent = next((old for old in self if not old.is_active(fault.created_at)), None)
            if spent is None:
                raise Conflict(
                    f"there are {len(self)} faults, all in force, and max_faults allows no more: delete one first"
                )
            self._remove(spent)
        self.count += 1
        self._faults[fault.id] = fault
        self._in_force(fault).append(fault)

    def restore(self, faults: Iterable[Fault], count: int) -> None:
        """Take up exported faults and :attr:`count`, in place of what there is."""
        self.clear()
        self.count = count
        for fault in faults:
            self._faults[fault.id] = fault
            if fault.times != fault.matched:
                self._in_force(fault).append(fault)

    def get(self, fault_id: str) -> Fault:
        """The fault with this id; raise :class:`NotFound` if there is none."""
        fault = self._faults.get(fault_id)
        if fault is None:
            raise NotFound(f"No such fault: {fault_id[:80]}", param="faultId", sought=fault_id)
        return fault

    def holds(self, fault: Fault) -> bool:
        """Whether this very fault is still there."""
        return self._faults.get(fault.id) is fault

    def delete(self, fault_id: str) -> None:
        """Delete a fault; raise :class:`NotFound` if there is none."""
        self._remove(self.get(fault_id))

    def clear(self) -> int:
        """Delete all faults; how many there were."""
        count = len(self)
        self.removed += count
        self._faults.clear()
        self.requests.clear()
        self.deliveries.clear()
        return count

    def hit_request(self, operation: str, call_id: Callable[[], str | None], now: int) -> Fault | None:
        """The fault that applies to a request of an operation; ``call_id`` finds out which call it is about."""
        return self._first(
            self.requests,
            lambda fault: fault.operation in ("*", operation) and (fault.call_id is None or fault.call_id == call_id()),
            now,
        )

    def hit_delivery(self, event: str, call_id: str, now: int, is_busy: Callable[[Fault], bool]) -> Fault | None:
        """The fault that applies to a new delivery; one that ``is_busy`` already is passed over."""
        return self._first(
            self.deliveries,
            lambda fault: fault.event in (None, event) and fault.call_id in (None, call_id) and not is_busy(fault),
            now,
        )

    def _first(self, faults: list[Fault], matches: Callable[[Fault], bool], now: int) -> Fault | None:
        for fault in list(faults):
            if not fault.is_active(now):
                faults.remove(fault)
            elif matches(fault):
                fault.matched += 1
                if fault.matched == fault.times:
                    faults.remove(fault)
                if self._is_drawn(fault):
                    fault.injected += 1
                    return fault
        return None

    def _is_drawn(self, fault: Fault) -> bool:
        if fault.probability >= 1:
            return True
        draw = hashlib.blake2b(f"{self._seed}/{fault.id}/{fault.matched}".encode(), digest_size=8).digest()
        return int.from_bytes(draw) < fault.probability * 2**64

    def _in_force(self, fault: Fault) -> list[Fault]:
        return self.requests if fault.target == "api" else self.deliveries

    def _remove(self, fault: Fault) -> None:
        del self._faults[fault.id]
        self.removed += 1
        if fault in self._in_force(fault):
            self._in_force(fault).remove(fault)


_OF_REQUESTS = ("operation", "status", "code", "message", "abort")
_OF_WEBHOOKS = ("event", "duplicate", "drop", "reorder")
_DONE_TO_WEBHOOKS = ("duplicate", "drop", "delay", "reorder")


def check_fault(asked: Mapping[str, Any], operations: Mapping[str, bool], longest_hold: int) -> None:
    """Raise :class:`InvalidRequest`, which names the field, if what is asked of a fault does not go together.

    ``asked`` are the fields of :class:`Fault` that are given and not None, ``operations`` those of Chirp's API, each with
    whether it is about a call, and ``longest_hold`` is how many milliseconds a request may be delayed.
    """
    if asked["target"] == "webhook":
        _check_for_webhooks(asked)
    else:
        _check_for_requests(asked, operations, longest_hold)


def _check_for_requests(asked: Mapping[str, Any], operations: Mapping[str, bool], longest_hold: int) -> None:
    for name in _OF_WEBHOOKS:
        if name in asked:
            raise InvalidRequest(f'{name} is for webhooks: it needs "target": "webhook"', param=name)
    operation, code, abort, delay = (asked.get(name) for name in ("operation", "code", "abort", "delay"))
    if operation not in (None, "*"):
        if operation not in operations:
            known = choices(operation, operations)
            raise InvalidRequest(f"operation: {operation[:80]!r} is not an operationId{known}", param="operation")
        if "call_id" in asked and not operations[operation]:
            raise InvalidRequest(f"callId: {operation} is about no call in particular", param="callId")
    is_error = "status" in asked or code is not None
    if not (is_error or delay is not None or abort is not None):
        raise InvalidRequest("say what goes wrong: status or code, delay, abort", param="status")
    if abort is not None and (is_error or "message" in asked):
        raise InvalidRequest(f"abort: with {abort} there is no answer to give a status, code or message", param="abort")
    if abort == "hang" and delay is not None:
        raise InvalidRequest("delay: it can't be combined with abort: hang, which never answers", param="delay")
    if "message" in asked and not is_error:
        raise InvalidRequest("message: it needs a status or a code", param="message")
    if code is not None and asked.get("status") not in (None, CODES[code].status):
        raise InvalidRequest(f"status: {code} comes with {CODES[code].status}", param="status")
    if delay is not None and delay > longest_hold:
        longest = format_duration(longest_hold)
        raise InvalidRequest(
            f"delay: a request can be delayed by at most {longest}, as fault_hold_limit says", param="delay"
        )


def _check_for_webhooks(asked: Mapping[str, Any]) -> None:
    for name in _OF_REQUESTS:
        if name in asked:
            raise InvalidRequest(
                f"{name} is for requests; a webhook fault has one of {', '.join(_DONE_TO_WEBHOOKS)}", param=name
            )
    wanted = [name for name in _DONE_TO_WEBHOOKS if name in asked]
    if not wanted:
        raise InvalidRequest(f"say what goes wrong: one of {', '.join(_DONE_TO_WEBHOOKS)}", param="drop")
    if len(wanted) > 1:
        raise InvalidRequest(f"{wanted[1]} can't go with {wanted[0]}: a webhook fault does one thing", param=wanted[1])


def error_of(fault: Fault, retry_after: int) -> ChirpError:
    """The error that a fault answers with: of its code, else of its status; ``retry_after`` (s) goes with a 429."""
    code = fault.code or _ALWAYS.get(fault.status or 0)
    row = None if code is None else CODES[code]
    status = row.status if row is not None else fault.status
    assert status is not None, "an error has a code or a status"
    what = f"{status} {code}" if code else str(status)
    message = fault.message or f"mockchirp injected this error {what}: it is the work of the fault {fault.id}"
    if status == 429:
        return RateLimitExceeded(message, retry_after)
    provider = None
    if row is not None and row.source is not None:
        down = str(code).endswith("_unavailable")
        provider = {
            "source": row.source,
            "code": "service_unavailable" if down else "internal_error",
            "message": "Service unavailable" if down else "Internal error",
        }
    type = _type_of(status) if row is None else row.type
    return InjectedError(message, status=status, type=type, code=code, provider=provider)


def _type_of(status: int) -> str:
    """The type of error that usually comes with a status."""
    if status in (401, 403):
        return "authentication_error"
    if status in (402, 424):
        return "provider_error"
    return "api_error" if status >= 500 else "invalid_request_error"


def public_fault(fault: Fault, now: int) -> dict[str, object]:
    """A fault as the control API shows it: what its target has no use for is left out."""
    own: dict[str, object]
    if fault.target == "api":
        own = {
            "operation": fault.operation,
            "status": fault.status,
            "code": fault.code,
            "message": fault.message,
            "abort": fault.abort,
        }
    else:
        own = {
            "event": fault.event,
            "duplicate": fault.duplicate or None,
            "drop": fault.drop,
            "reorder": fault.reorder or None,
        }
    return {
        "id": fault.id,
        "target": fault.target,
        "callId": fault.call_id,
        **own,
        "delay": None if fault.delay is None else format_duration(fault.delay),
        "times": fault.times,
        "probability": fault.probability,
        "createdAt": format_milli(fault.created_at),
        "expiresAt": None if fault.expires_at is None else format_milli(fault.expires_at),
        "matched": fault.matched,
        "injected": fault.injected,
        "active": fault.is_active(now),
    }
