"""What the log says, and what it never says."""

import json
import logging

import pytest

from mockchirp.logs import JsonLines, TextLines

KEY = "sk_test_app_a-secret-key"


@pytest.fixture
def lines(caplog):
    """Everything that was logged, as it would be written in a format."""
    caplog.set_level(logging.INFO, logger="mockchirp")

    def written(formatter):
        records = [*caplog.get_records("setup"), *caplog.get_records("call")]
        return [formatter.format(record) for record in records if record.name.startswith("mockchirp")]

    return written


@pytest.fixture
def busy(open_mock, lines):
    """A mock that has answered requests and tried to deliver webhooks, with secrets wherever there can be one."""
    mock = open_mock(
        webhook_url="http://user:password-1@app.test:3000/hooks/secret-2?token=secret-3",
        webhook_headers="X-Token: secret-4",
    )
    mock.receiver.answer = lambda dispatch: 503 if dispatch.attempt == 1 else 200
    mock.busy_with = mock.call(key=KEY, metadata={"note": "secret-5"})["id"]
    mock.get(f"/v1/calls/{mock.busy_with}?token=secret-6", key=KEY)
    mock.get("/v1/calls/x", key="sk_test_app_wrong key secret-7")
    mock.get("/v1/calls/x", key="nonsense-secret-8")
    mock.get("/v1/calls/a%0amockchirp: INFO: forged", key=KEY)
    mock.get("/recordings/x.mp4?signed=secret-9", key=None)
    mock.advance(by="10s", key=KEY)
    return mock


def test_a_request_is_one_json_object(busy, lines):
    """With what it was, what came of it, how long it took, and whose it was."""
    records = [json.loads(line) for line in lines(JsonLines())]

    request = next(record for record in records if record.get("operation") == "getCall")
    sandbox = busy.sandbox(KEY).app_id
    assert request.pop("time").endswith("Z")
    assert request.pop("ms") >= 0
    assert request.pop("message").startswith(f"GET /v1/calls/{busy.busy_with} getCall 200 in ")
    assert request == {
        "level": "info",
        "logger": "mockchirp.traffic",
        "event": "request",
        "method": "GET",
        "path": f"/v1/calls/{busy.busy_with}",
        "operation": "getCall",
        "status": 200,
        "sandbox": sandbox,
        "call": busy.busy_with,
    }
    assert {record["sandbox"] for record in records if record.get("operation") == "advanceClock"} == {sandbox}


def test_an_attempt_to_deliver_is_one_json_object(busy, lines):
    """With the ids of what it was about."""
    attempts = [record for record in map(json.loads, lines(JsonLines())) if record.get("event") == "delivery"]

    first = attempts[0]
    assert (first["call"], first["delivery"], first["attempt"]) == (busy.busy_with, "dlv_1", 1)
    assert (first["outcome"], first["status"], first["error"]) == ("failed", 503, "answered 503")
    assert (first["webhookEvent"], first["receiver"]) == ("calls.initiated", "http://app.test:3000")
    assert {record["outcome"] for record in attempts} == {"failed", "delivered"}


@pytest.mark.parametrize("formatter", [JsonLines(), TextLines()], ids=["json", "text"])
def test_secrets_are_not_logged(busy, lines, formatter):
    """Keys, headers, bodies, queries, and what of a receiver's URL may be one."""
    written = "\n".join(lines(formatter))

    assert "createCall" in written
    assert "secret" not in written
    assert "password" not in written
    assert "sk_" not in written


@pytest.mark.parametrize("formatter", [JsonLines(), TextLines()], ids=["json", "text"])
def test_a_record_stays_on_its_line(busy, lines, formatter):
    """Whatever a client puts into a path."""
    written = lines(formatter)

    assert any("forged" in line for line in written)
    assert not any("\n" in line for line in written)


def test_an_exception_comes_with_its_traceback(caplog):
    """In JSON as a field; in text on lines of its own."""
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        logging.getLogger("mockchirp").exception("unhandled")
    record = caplog.records[-1]

    line = json.loads(JsonLines().format(record))
    assert (line["level"], line["message"]) == ("error", "unhandled")
    assert "RuntimeError: broken" in line["exception"]
    assert "\nRuntimeError: broken" in TextLines().format(record)


def test_a_defect_is_in_the_log_and_not_in_the_answer(mock, refused, caplog):
    """Neither what broke nor where."""
    mock.call()
    mock.sandbox().calls = None  # as if something had gone wrong

    answer = mock.get("/v1/calls/call_test_38I2wA0MW1eIm6qb4t2TYim1OSb")

    message = refused(answer, 500, type="api_error", says="its log has the details")
    assert "NoneType" not in message
    assert not {"/", "File", "Traceback"} & set(message.split())
    assert "Traceback" in JsonLines().format(caplog.records[-1])


def test_nothing_is_said_by_default(open_mock, caplog):
    """A quiet server is one that is well."""
    mock = open_mock()
    mock.receiver.answer = lambda dispatch: 500
    mock.call()
    mock.get("/v1/nonsense")
    mock.advance(until="idle")

    assert [record for record in caplog.records if record.name.startswith("mockchirp")] == []
