"""What the log says, and what it never says."""

import json
import logging

import pytest

from mockchirp.core.deliveries import Attempt, Delivery, Outcome
from mockchirp.logs import JsonLines, TextLines
from mockchirp.receivers import MOST_KNOWN, MOST_TOLD, Receivers

KEY = "sk_test_app_a-secret-key"
HOOK = "http://app.test/hooks"


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
        webhook_url="http://user:password-1@app.test:3000/hooks?token=secret-3",
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
    """Keys, headers, bodies, queries, and the credentials and the query of a receiver's URL."""
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
    mock.call()
    mock.post("/_mockchirp/calls")
    mock.get("/v1/nonsense")
    mock.advance(until="idle")

    assert warned(caplog) == []


def warned(caplog):
    """What is said by default."""
    records = [record for record in caplog.records if record.name.startswith("mockchirp")]
    return [record.getMessage() for record in records if record.levelno >= logging.WARNING]


def test_the_first_failure_of_a_url_is_a_warning(open_mock, caplog):
    """With the place, the reason and what would help. It is said once, and so is that it has recovered."""
    mock = open_mock(webhook_url="http://user:secret@app.test:3000/hooks?token=secret")
    mock.receiver.answer = lambda dispatch: 404
    mock.call()
    mock.call()
    mock.advance(until="idle")

    (message,) = warned(caplog)
    assert message == (
        "a webhook to http://app.test:3000/hooks failed: answered 404. Correct the path in the webhook's URL: it has to take a "
        "POST. GET /_mockchirp/deliveries/dlv_1 shows each attempt; further failures are not repeated here."
    )
    mock.receiver.answer = lambda dispatch: 200
    mock.call()
    mock.advance(until="idle")
    assert warned(caplog)[1:] == ["webhooks to http://app.test:3000/hooks arrive again"]
    line = json.loads(JsonLines().format(next(each for each in caplog.records if "failed" in each.getMessage())))
    assert (line["level"], line["event"], line["receiver"]) == (
        "warning",
        "webhook_failing",
        "http://app.test:3000/hooks",
    )
    assert (line["status"], line["error"], line["delivery"]) == (404, "answered 404", "dlv_1")
    assert line["help"] == "Correct the path in the webhook's URL: it has to take a POST"


def test_each_url_has_a_warning_of_its_own(open_mock, caplog):
    """One that fails says nothing of another."""
    mock = open_mock()
    for url in ("http://a.test/1", "http://a.test/2"):
        mock.post("/v1/webhooks", {"url": url, "events": ["calls.initiated"]})
    mock.receiver.answer = lambda dispatch: 200 if dispatch.url == "http://a.test/1" else 500
    mock.call()
    mock.advance(by=0)

    assert [message.split()[3] for message in warned(caplog)] == ["http://app.test/hooks", "http://a.test/2"]


def test_a_url_that_comes_and_goes_is_not_noise(open_mock, caplog):
    """It is told of a few times and no more."""
    mock = open_mock()
    for turn in range(40):
        mock.receiver.answer = lambda dispatch, turn=turn: 500 if turn % 2 == 0 else 200
        mock.call()
        mock.advance(by=0)

    assert len(warned(caplog)) == 2 * MOST_TOLD
    assert "no more is said" in warned(caplog)[-2]


def test_what_is_known_of_urls_is_bounded(open_mock, caplog):
    """The one of which nothing was heard for longest is forgotten."""
    receivers = Receivers()
    delivery = Delivery("dlv_1", "whk_1", "calls.initiated", "evt_1", "call_1", b"{}", 0, 1)
    for number in [*range(2 * MOST_KNOWN), 0]:
        receivers.note(
            "app_1", delivery, Attempt(1, 0, f"http://app.test/{number}", Outcome(500, "answered 500"), None)
        )

    assert len(receivers) == MOST_KNOWN
    assert "http://app.test/0 " in warned(caplog)[-1]


@pytest.mark.parametrize(
    ("outcome", "help"),
    [
        (Outcome(204, "answered 204"), "with 200"),
        (Outcome(301, "answered 301 (redirects are not followed)"), "redirect leads to"),
        (Outcome(401, "answered 401"), "header"),
        (Outcome(405, "answered 405"), "path"),
        (Outcome(500, "answered 500"), "own log"),
        (Outcome(None, "connection refused by 127.0.0.1:3000"), "Start the application"),
        (Outcome(None, "the name app was not found: x"), "host"),
        (Outcome(None, "no answer within 5 s"), "--webhook-timeout"),
        (Outcome(None, "the TLS certificate of app:443 was refused: self-signed"), "SSL_CERT_FILE"),
        (
            Outcome(None, "the TLS certificate of app:443 was refused: Hostname mismatch, …"),
            "a host that the certificate",
        ),
        (Outcome(None, "the TLS certificate of app:443 was refused: certificate has expired"), "Renew"),
        (Outcome(None, "the connection was reset before an answer"), "listens there"),
    ],
    ids=repr,
)
def test_a_warning_says_what_would_help(open_mock, caplog, outcome, help):
    """By what went wrong."""
    mock = open_mock()
    mock.receiver.answer = lambda dispatch: outcome
    mock.call()
    mock.advance(by=0)

    (message,) = warned(caplog)
    assert outcome.error in message
    assert help in message


def test_an_inbound_call_that_nobody_hears_of_is_a_warning(open_mock, caplog):
    """With what to do, once until somebody hears of one."""
    mock = open_mock(webhook_url=None)
    first = mock.post("/_mockchirp/calls").json()["id"]
    mock.post("/_mockchirp/calls")
    (message,) = warned(caplog)
    assert f"nobody hears of the inbound call {first}" in message
    assert "there is no webhook" in message
    assert "POST /v1/webhooks" in message

    webhook = mock.post("/v1/webhooks", {"url": HOOK, "events": ["calls.initiated"]}).json()["id"]
    mock.post("/_mockchirp/calls")
    mock.put(f"/v1/webhooks/{webhook}", {"events": ["calls.answered"]})
    mock.post("/_mockchirp/calls")
    mock.post("/_mockchirp/calls")
    assert len(warned(caplog)) == 2
    assert "no webhook is told of calls.initiated" in warned(caplog)[1]
    assert "PUT /v1/webhooks/{webhookId}" in warned(caplog)[1]


def test_an_outbound_call_needs_no_webhook(open_mock, caplog):
    """Nor does an inbound one that goes to voicemail by the app's own wish."""
    mock = open_mock(webhook_url=None)
    mock.call()
    mock.request(
        "PATCH", "/_mockchirp/sandbox", json={"calling": {"defaultAnswerBehavior": "voicemail"}}
    ).raise_for_status()
    mock.post("/_mockchirp/calls")

    assert warned(caplog) == []


def test_deliveries_that_are_given_up_are_a_warning(open_mock, caplog):
    """Once for each sandbox."""
    mock = open_mock(deliveries_kept=1)
    mock.receiver.hangs = True
    for _ in range(200):
        mock.call("+15005550007")
    mock.receiver.hangs = False
    mock.receiver.answer = lambda dispatch: 500
    for _ in range(50):
        mock.call("+15005550007")

    assert sum("given up, oldest first" in message for message in warned(caplog)) == 1
    assert "--deliveries-kept" in warned(caplog)[-1]


def test_an_open_page_is_quiet(mock, lines):
    """What it asks for all the time is no news; what it does is, and so is what it gets wrong."""
    page = {"Referer": "http://127.0.0.1:24477/_mockchirp/ui"}
    for path in ("/_mockchirp/ui", "/_mockchirp/clock", "/_mockchirp/events?after=0&wait=0s", "/v1/webhooks"):
        assert mock.get(path, headers=page).status_code == 200
    assert lines(TextLines()) == []

    mock.get("/_mockchirp/clok", headers=page)
    mock.post("/_mockchirp/calls", headers=page)
    mock.get("/_mockchirp/clock")
    requests = [line.split()[2:4] for line in lines(TextLines()) if "/_mockchirp/" in line]
    assert requests == [["GET", "/_mockchirp/clok"], ["POST", "/_mockchirp/calls"], ["GET", "/_mockchirp/clock"]]
