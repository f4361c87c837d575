"""Errors: one tree, one envelope."""

import pytest

from mockchirp.core import errors
from mockchirp.core.errors import ChirpError, envelope

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "provider_error",
    403: "authentication_error",
    404: "invalid_request_error",
    405: "invalid_request_error",
    408: "invalid_request_error",
    409: "invalid_request_error",
    412: "invalid_request_error",
    413: "invalid_request_error",
    415: "invalid_request_error",
    416: "invalid_request_error",
    424: "api_error",
    429: "invalid_request_error",
    500: "api_error",
    502: "api_error",
    503: "api_error",
}


def tree(parent):
    for child in parent.__subclasses__():
        if child.__module__ == "mockchirp.core.errors":
            yield from ([child] if hasattr(child, "status") else [])  # an error may be anything that it is told to be
            yield from tree(child)


@pytest.mark.parametrize("error", list(tree(ChirpError)), ids=lambda error: error.__name__)
def test_every_error_has_the_status_and_type_that_belong_together(error):
    """And stands in the tree that its module draws."""
    lines = [line for line in errors.__doc__.splitlines() if f" {error.__name__} " in line]

    assert error.type == TYPES[error.status]
    assert len(lines) == 1
    assert f" {error.status} " in lines[0]
    assert error.__doc__


def test_an_envelope_says_what_there_is_to_say():
    """`type` and `message` always; nothing is null."""
    assert envelope(errors.NotFound("no")) == {"error": {"type": "invalid_request_error", "message": "no"}}
    assert envelope(errors.InvalidPhoneNumber("no", param="to")) == {
        "error": {
            "type": "invalid_request_error",
            "message": "no",
            "code": "invalid_phone_number",
            "doc_url": "https://docs.buildwithchirp.com/api_reference/error-codes#invalid_phone_number",
            "param": "to",
        }
    }
    assert envelope(errors.CarrierUnavailable("no", source="meta"))["error"]["provider"] == {
        "source": "meta",
        "code": "service_unavailable",
        "message": "Service unavailable",
    }
