"""What a webhook may be: its URL, its events, its headers."""

import pytest

from mockchirp.core.deliveries import Outcome
from mockchirp.core.errors import Conflict, InvalidRequest
from mockchirp.core.events import EVENTS
from mockchirp.core.headers import check_header
from mockchirp.core.webhooks import (
    check_events,
    check_headers,
    check_url,
    is_known_event,
    public_webhook,
    webhook_events,
)


@pytest.mark.parametrize("strict", [False, True])
def test_a_webhook_can_be_told_of_chirps_events(strict):
    """Of those that webhooks know, and if it has to be strict of those only that are documented."""
    wanted = [row.name for row in EVENTS.values() if row.webhook and (row.documented or not strict)]

    assert list(webhook_events(strict=strict)) == wanted
    assert all(is_known_event(name, strict=strict) == (name in wanted) for name in EVENTS)
    assert is_known_event("messages.sms.received", strict=strict)
    assert not is_known_event("messages.sms", strict=strict)


def test_every_wrong_event_is_found():
    """Wherever it stands; the message says what there is."""
    with pytest.raises(InvalidRequest, match=r"'calls\.rung' is not an event.*calls\.ringing") as raised:
        check_events(["calls.ringing", "calls.rung"], strict=False)
    assert raised.value.param == "events"
    with pytest.raises(InvalidRequest, match="100"):
        check_events(["calls.ringing"] * 101, strict=False)


@pytest.mark.parametrize("url", ["http://a", "HTTP://A:80/b?c#d", "https://u:p@[::1]:65535"])
def test_a_url_is_one_of_http_or_https(url):
    """And of https only if it has to be strict."""
    check_url(url, strict=False)
    if url.startswith("https"):
        check_url(url, strict=True)
    else:
        with pytest.raises(InvalidRequest, match="https only"):
            check_url(url, strict=True)


@pytest.mark.parametrize(
    "url", ["", "http://", "http:///a", "http://a:0", "http://a:65536", "http://a b", "http://a\n", "http://[app]", "a"]
)
def test_what_is_no_url_is_refused(url):
    """The error names the field, and shows no more of it than fits."""
    with pytest.raises(InvalidRequest, match="not an http or https URL") as raised:
        check_url(url, strict=False)
    assert raised.value.param == "url"


def test_a_value_loses_the_blanks_around_it():
    """As it would on its way."""
    assert check_header("X-Token", " \t a b \t") == "a b"


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({"host": "a"}, "framing"),
        ({"Content-Type": "text/plain"}, "application/json"),
        ({"a b": "c"}, "not a header name"),
        ({"a": "b\r\nc: d"}, "no line breaks"),
        ({f"a{n}": "b" for n in range(51)}, "at most 50"),
    ],
)
def test_what_cannot_be_sent_is_refused(headers, says):
    """The error names the field and the header."""
    with pytest.raises(InvalidRequest, match=says) as raised:
        check_headers(headers)
    assert raised.value.param == "headers"


def test_a_webhook_may_not_be_changed_from_outside(sandbox):
    """What it was made of stays the caller's."""
    headers = {"X-Token": "abc"}
    webhook = sandbox.notifier.add("https://app.test/", ["calls.initiated"], headers)

    headers["X-Token"] = "def"

    assert public_webhook(webhook, sandbox.app_id)["headers"] == {"X-Token": "abc"}


def test_there_are_so_many_webhooks_and_no_more(make):
    """One that is deleted makes room."""
    sandbox = make(max_webhooks=2)  # one is there by the settings
    webhook = sandbox.notifier.add("https://app.test/", [], {})

    with pytest.raises(Conflict):
        sandbox.notifier.add("https://app.test/", [], {})

    sandbox.notifier.delete(webhook.id)
    sandbox.notifier.add("https://app.test/", [], {})


def test_a_deleted_webhook_is_sent_nothing_any_more(sandbox, place, run_to_idle):
    """Not even what was due already, nor what comes back unsent; what was under way ends as it ends."""
    webhook_id = next(iter(sandbox.notifier.webhooks))
    place(sandbox)
    (under_way,) = sandbox.take_outbox()
    place(sandbox)
    place(sandbox)
    unsent, _ = sandbox.take_outbox()
    place(sandbox)  # this one is due

    sandbox.notifier.delete(webhook_id)
    sandbox.deliveries.hand_back(unsent)
    sandbox.record_outcome(under_way, Outcome(500, "no"))

    assert sandbox.take_outbox() == run_to_idle(sandbox) == []
    assert {delivery.status for delivery in sandbox.deliveries} == {"abandoned"}
    assert [len(delivery.attempts) for delivery in sandbox.deliveries] == [1, 0, 0, 0]
    assert [delivery.sent is None for delivery in sandbox.deliveries] == [True, True, False, True]
