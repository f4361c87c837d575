"""What a model finds wrong, in words: every strict model, however deep, says which of its fields was meant."""

from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError

from mockchirp.api import models as chirps
from mockchirp.control.conditions import Wait
from mockchirp.control.faults import NewFault
from mockchirp.control.models import EventsQuery, NoQuery, ReceiveCall, SetClock
from mockchirp.control.routes import OPERATIONS
from mockchirp.control.time import Advance
from mockchirp.findings import first_finding, path_of, place_of, shown
from mockchirp.state.document import Document
from mockchirp.state.scenarios import ScenarioBody


def found(model: Any, value: object) -> str:
    """The place and the reason of the first fault."""
    with pytest.raises(ValidationError) as raised:
        model.model_validate(value)
    finding = first_finding(raised.value, model, value)
    return f"{place_of(finding.path)}{' ' if finding.is_of_name else ': '}{finding.reason}"


def fields_of(model: Any) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


BODIES = {row.body for row in OPERATIONS if row.body is not None and row.body.model_config.get("extra") == "forbid"}
QUERIES = {row.query for row in OPERATIONS if fields_of(row.query)}


@pytest.mark.parametrize(
    "model", sorted(BODIES | QUERIES, key=lambda model: model.__name__), ids=lambda model: model.__name__
)
def test_a_slip_in_any_field_of_any_body_or_query_is_seen_through(model):
    """One rule for all of them."""
    for name in fields_of(model):
        for slip in (name + "x", name.upper() + "_"):
            with pytest.raises(ValidationError) as raised:
                model.model_validate({slip: None})
            errors = [error for error in raised.value.errors() if error["loc"] == (slip,)]
            assert errors, slip
        # Required fields come first, and see what was meant for them.
        assert f"did you mean {name}?" in found(model, {name + "x": None}) or "is required" in found(
            model, {name + "x": None}
        )


@pytest.mark.parametrize(
    ("model", "value", "says"),
    [
        (
            ReceiveCall,
            {"fromAddress": "x"},
            "fromAddress is not a known field here; did you mean from? The fields are from, to,",
        ),
        (ReceiveCall, {"colour": "x"}, "colour is not a known field here; the fields are from, to, fromChannel"),
        (
            ReceiveCall,
            {"fromChannel": "PSTN"},
            "fromChannel: input should be 'pstn', 'whatsapp' or 'webrtc'; it is 'PSTN'; did you mean pstn?",
        ),
        (ReceiveCall, {"metadata": []}, "metadata: it should be an object; it is an array"),
        (
            SetClock,
            {"mode": "freeze"},
            "mode: input should be 'real' or 'frozen'; it is 'freeze'; did you mean frozen?",
        ),
        (SetClock, {"mode": None, "rate": True}, "rate: input should be a valid number; it is true"),
        (SetClock, {"frozen": True}, 'frozen is not a known field here: write {"mode": "frozen"}'),
        (SetClock, {"by": "5s"}, "by is not a known field here: POST /_mockchirp/clock/advance takes it"),
        (Advance, {"seconds": 5}, 'seconds is not a known field here: write {"by": 5}'),
        (Advance, {"minutes": 5}, 'write {"by": "5m"}'),
        (
            Advance,
            {"by": "5 minutes"},
            "by: '5 minutes' is not a duration: seconds from 0, or a string such as 90s, 5m",
        ),
        (Advance, {"event": "calls.answered"}, "event is not a known field here: it belongs into until"),
        (Advance, {"for": {"idle": True}}, 'for is not a known field here: write {"until": condition}'),
        (Advance, {"until": "idel"}, "until: it is 'idle', 'next', or a condition: an object with one of call"),
        (Advance, {"until": "idel"}, "this is 'idel'; did you mean idle?"),
        (Advance, {"until": 5}, "this is 5"),
        (Advance, {"until": {"evnt": "calls.answered"}}, "did you mean event?"),
        (Advance, {"until": {"until": "idle"}}, "until: a condition stands here itself"),
        (Advance, {"by": 1, "quiet": "0.5ms"}, "quiet: '0.5ms' is finer than a millisecond"),
        (Wait, {"event": "calls.answered"}, 'for is required: it belongs into for: {"for": {"event": '),
        (Wait, {"call": "x", "status": "completed"}, "for is required: it belongs into for"),
        (Wait, {"fro": {"idle": True}}, "for is required; fro is not a field here: did you mean for?"),
        (Wait, {"for": {"for": {"idle": True}}}, "for: a condition stands here itself, not in another for"),
        (
            Wait,
            {"for": "idle"},
            "for: a condition is an object with one of call, recording, event, delivery, request, idle",
        ),
        (Wait, {"for": ["idle"]}, "it is an array"),
        (Wait, {"for": {"evnt": "calls.answered"}}, "did you mean event?"),
        (
            Wait,
            {"for": {"event": "calls.answered", "callid": "x"}},
            "for.callid is not a known field here; did you mean callId?",
        ),
        (
            Wait,
            {"for": {"event": "calls.answered", "status": "delivered"}},
            "for.status is not a known field here: an event has none",
        ),
        (
            Wait,
            {"for": {"delivery": "delivered"}},
            "for.delivery: it should be an object with event, callId, status; it is 'delivered'",
        ),
        (
            Wait,
            {"for": {"delivery": {"status": "delivered"}, "event": "x"}},
            "for.event is not a known field here: it belongs into delivery",
        ),
        (
            Wait,
            {"for": {"delivery": {"staus": "delivered"}}},
            "for.delivery.status is required; staus is not a field here: did you mean status?",
        ),
        (
            Wait,
            {"for": {"request": {"operationId": "createCall"}}},
            "for.request.operationId is not a known field here; did you mean operation?",
        ),
        (
            Wait,
            {"for": {"event": "call.answered"}},
            "for.event: 'call.answered' is not an event; did you mean calls.answered?",
        ),
        (
            EventsQuery,
            {"typ": "x"},
            "typ is not a known parameter here; did you mean type? The parameters are",
        ),
        (NoQuery, {"x": "1"}, "x is not a known parameter here; there are none"),
        (NewFault, {"code": "rate_limit"}, "did you mean rate_limit_exceeded?"),
        (Document, {"webhook": []}, "webhook is not a known field here; did you mean webhooks?"),
        (Document, {"clock": {"frozen": True}}, "clock.frozen is not a known field here"),
        (
            Document,
            {"calls": [{"from": "x", "toAddress": "y"}]},
            "calls[0].to is required; toAddress is not a field here: did you mean to?",
        ),
        (Document, {"scenarios": {"defined": {"x": {"created": [{"after": 1, "do": "rings"}]}}}}, "did you mean ring?"),
        (
            ScenarioBody,
            {"created": [{"after": 1, "action": "ring"}]},
            "created[0].do is required; action is not a field here, the fields are after, do",
        ),
        (
            chirps.CreateCall,
            {"from": "x", "toAddress": "y"},
            "to is required; toAddress is not a field here: did you mean to?",
        ),
        (chirps.CreateCall, {"from": "x", "destination": "y"}, "to is required"),
        (
            chirps.CreateToken,
            {"roomName": "x", "participantIdentity": "y", "ttl": 5},
            "ttl: input should be greater than or equal to 60; it is 5",
        ),
    ],
)
def test_the_reason_says_what_to_do(model, value, says):
    """The thing, what was given, and what is allowed."""
    assert says in found(model, value)


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (None, "null"), ({}, "an object"), ([], "an array"), (1.5, "1.5"), ("x" * 99, repr("x" * 40))],
)
def test_a_value_is_shown_as_json_has_it(value, text):
    """And no more of it than fits."""
    assert shown(value) == text


def test_advice_is_about_what_a_model_does_not_have():
    """Or it would never be given."""
    for model in every_model(Document, *(BODIES | QUERIES)):
        known = [*fields_of(model), *model.model_fields]
        assert not set(getattr(model, "advice", {})) & set(known), model


def every_model(*models: Any) -> set[Any]:
    """The models, and all that their fields hold."""
    seen: set[Any] = set()
    left = list(models)
    while left:
        each = left.pop()
        if isinstance(each, type) and issubclass(each, BaseModel) and each not in seen:
            seen.add(each)
            left += [field.annotation for field in each.model_fields.values()]
        left += get_args(each)
    return seen


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("events", 1), "events[1]"),
        (("calls", 3, "status"), "calls[3].status"),
        (("calls", 0, "recordings", 2, "id"), "calls[0].recordings[2].id"),
        (("url",), "url"),
        ((), ""),
    ],
)
def test_a_place_is_written_as_chirp_writes_it(path, place):
    """An element of an array stands in brackets, as in ``to[0]``, and the path can be read from its place."""
    assert place_of(path) == place
    assert path_of(place) == path
