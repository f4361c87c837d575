"""Every way in which mockchirp says no, as one tree (chirp-api.md section 1, "Errors").

::

    ChirpError                     status, type, code, param, provider
    ├── InvalidRequest             400  invalid_request_error
    │   ├── InvalidPhoneNumber     400  invalid_request_error  invalid_phone_number
    │   ├── PhoneNumberNotAssigned 400  invalid_request_error  phone_number_not_assigned
    │   ├── RateLimitExceeded      429  invalid_request_error  rate_limit_exceeded
    │   ├── BodyTooLarge           413  invalid_request_error
    │   ├── UnsupportedCoding      415  invalid_request_error
    │   ├── MethodNotAllowed       405  invalid_request_error
    │   ├── PreconditionFailed     412  invalid_request_error
    │   └── RangeNotSatisfiable    416  invalid_request_error
    ├── NotFound                   404  invalid_request_error
    ├── Conflict                   409  invalid_request_error
    ├── TimedOut                   408  invalid_request_error
    ├── Unauthenticated            401  authentication_error
    ├── Forbidden                  403  authentication_error
    ├── CarrierUnavailable         424  api_error              telnyx_api_unavailable, meta_api_unavailable
    ├── Unavailable                503  api_error
    ├── InternalError              500  api_error
    └── InjectedError              any: what a fault says

The core raises them, one place renders them (:func:`envelope`), and every message names the thing, its state and what
is allowed.
"""

DOC_URL = "https://docs.buildwithchirp.com/api_reference/error-codes#"


class ChirpError(Exception):
    """An answer other than success; ``message`` is for the developer who reads it."""

    status: int
    type: str = "invalid_request_error"
    code: str | None = None

    def __init__(self, message: str, *, param: str | None = None, provider: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.provider = provider


class InvalidRequest(ChirpError):
    """The request itself is wrong: a field, its form, its content type."""

    status = 400


class InvalidPhoneNumber(InvalidRequest):
    """A PSTN or WhatsApp address that is not in E.164."""

    code = "invalid_phone_number"


class PhoneNumberNotAssigned(InvalidRequest):
    """A number that is not one of the app's own."""

    code = "phone_number_not_assigned"


class BodyTooLarge(InvalidRequest):
    """A body over the bound, which is a setting: 1 MiB unless told otherwise."""

    status = 413


class UnsupportedCoding(InvalidRequest):
    """A body that is compressed, or coded in another way."""

    status = 415


class MethodNotAllowed(InvalidRequest):
    """A known path with a method it does not have; ``allowed`` goes into the ``Allow`` header."""

    status = 405

    def __init__(self, message: str, allowed: str) -> None:
        super().__init__(message)
        self.allowed = allowed


class PreconditionFailed(InvalidRequest):
    """A condition in the request's header that the file doesn't meet."""

    status = 412


class RangeNotSatisfiable(InvalidRequest):
    """Byte ranges that all lie outside the file; its ``size`` goes into the ``Content-Range`` header."""

    status = 416

    def __init__(self, message: str, size: int) -> None:
        super().__init__(message)
        self.size = size


class RateLimitExceeded(InvalidRequest):
    """Too many requests in this minute; ``retry_after`` (s) goes into the ``Retry-After`` header."""

    status = 429
    code = "rate_limit_exceeded"

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotFound(ChirpError):
    """No such route, or no such resource in the sandbox of the caller's key.

    ``sought`` is the id of such a resource; the shell, which knows the keys, adds where it was looked for.
    """

    status = 404

    def __init__(self, message: str, *, param: str | None = None, sought: str | None = None) -> None:
        super().__init__(message, param=param)
        self.sought = sought


class Conflict(ChirpError):
    """The state of things does not allow it, or there is as much of something as there may be."""

    status = 409


class TimedOut(ChirpError):
    """What a control request waited for did not come."""

    status = 408


class Unauthenticated(ChirpError):
    """No key, not a key, or the wrong kind of key."""

    status = 401
    type = "authentication_error"


class Forbidden(ChirpError):
    """A signed URL that does not open what it points at, or a web page that may not use the mock."""

    status = 403
    type = "authentication_error"


class CarrierUnavailable(ChirpError):
    """The carrier behind a channel does not answer."""

    status = 424
    type = "api_error"

    def __init__(self, message: str, *, source: str) -> None:
        super().__init__(
            message, provider={"source": source, "code": "service_unavailable", "message": "Service unavailable"}
        )
        self.code = f"{source}_api_unavailable"


class Unavailable(ChirpError):
    """The server is loading its seeds, stops and can't finish this request, or has no place for an audio file."""

    status = 503
    type = "api_error"


class InternalError(ChirpError):
    """A defect of mockchirp itself; the log has the details."""

    status = 500
    type = "api_error"


class InjectedError(ChirpError):
    """The error that a fault asks for (:mod:`mockchirp.core.faults`)."""

    def __init__(
        self, message: str, *, status: int, type: str, code: str | None, provider: dict[str, str] | None
    ) -> None:
        super().__init__(message, provider=provider)
        self.status = status
        self.type = type
        self.code = code


def envelope(error: ChirpError) -> dict[str, dict[str, object]]:
    """The documented body of every error: ``type`` and ``message`` always, the rest where it says something."""
    body: dict[str, object] = {"type": error.type, "message": error.message}
    if error.code is not None:
        body["code"] = error.code
        body["doc_url"] = DOC_URL + error.code
    if error.param is not None:
        body["param"] = error.param
    if error.provider is not None:
        body["provider"] = error.provider
    return {"error": body}
