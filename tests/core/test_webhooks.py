"""What a webhook may be: its URL, its events, its headers."""

import pytest

from mockchirp.core.deliveries import Outcome
from mockchirp.core.errors import Conflict, InvalidRequest
from mockchirp.core.events import EVENTS
from mockchirp.core.headers import check_header
from mockchirp.core.webhooks import (
    OTHER_PRODUCTS,
    WEBHOOK_EVENTS,
    check_events,
    check_headers,
    check_url,
    is_known_event,
    public_webhook,
)


def test_a_webhook_can_be_told_of_chirps_events():
    """A webhook names the events that Chirp's webhooks know, and none of our own."""
    assert all(is_known_event(name) == row.webhook for name, row in EVENTS.items())
    assert [name for name in EVENTS if is_known_event(name)] == list(WEBHOOK_EVENTS)


@pytest.mark.parametrize("product", OTHER_PRODUCTS)
def test_the_name_of_another_products_event_is_taken(product):
    """Any dotted name in lower case whose first part is one of Chirp's products is an event; the product alone is not."""
    assert is_known_event(f"{product}.whatsapp.received_2")
    assert is_known_event(f"{product}.created")
    for name in (
        product,
        f"{product}.",
        f"{product}..created",
        f"{product}.Created",
        f"x.{product}.created",
        f"{product}.a\n",
    ):
        assert not is_known_event(name), name


@pytest.mark.parametrize("name", ["calls.started", "calls", "call.voicemail", "orders.created", ""])
def test_any_other_name_is_no_event(name):
    """A name of calling that Chirp does not have may be a typo, and is refused."""
    assert not is_known_event(name)


def test_every_wrong_event_is_found():
    """Wherever it stands; the message says what there is."""
    with pytest.raises(InvalidRequest, match=r"'calls\.rung' is not an event.*calls\.ringing") as raised:
        check_events(["calls.ringing", "calls.rung"])
    assert raised.value.param == "events[1]"
    with pytest.raises(InvalidRequest, match="100"):
        check_events(["calls.ringing"] * 101)


def test_under_strict_a_url_is_one_of_https():
    """As Chirp has it."""
    check_url("http://a", strict=False)
    check_url("HTTPS://a", strict=True)
    with pytest.raises(InvalidRequest, match="https only"):
        check_url("http://a", strict=True)


@pytest.mark.parametrize(("url", "says"), [("ftp://a", "its scheme is ftp"), ("http://a/" + "x" * 2040, "2049")])
def test_a_url_that_cannot_be_is_refused(url, says):
    """The error names the field and the reason."""
    with pytest.raises(InvalidRequest, match=rf"^url: .* is not an http or https URL: .*{says}") as raised:
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
        ({"": "c"}, "it is empty"),
        ({"a b": "c"}, "'a b' is not a header name"),
        ({" a": "c"}, "' a' is not a header name"),
        ({"ä": "c"}, "is not a header name"),
        ({"a\n": "c"}, "is not a header name"),
        ({"a" * 257: "c"}, "has 257 characters, and at most 256"),
        ({"a": "b\r\nc: d"}, "the value of the header a holds a line break"),
        ({"a": "b\rc"}, "no line breaks"),
        ({"a": "b\x00"}, "'.x00'"),
        ({"a": "é"}, "printable ASCII"),
        ({"a": "€"}, "printable ASCII"),
        ({"a": "b" * 8193}, "has 8193 characters, and at most 8192"),
        ({"X-Token": "1", "x-token": "2"}, "X-Token and x-token differ in case alone"),
        ({"X-A": "1", "X-B": "1", "X-a": "1"}, "X-A and X-a differ in case alone"),
        ({f"a{n}": "b" for n in range(51)}, "at most 50"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_cannot_be_sent_is_refused(headers, says):
    """The error names the field, the header and the reason."""
    with pytest.raises(InvalidRequest, match=says) as raised:
        check_headers(headers)
    assert raised.value.param == "headers"
    assert len(raised.value.message) < 500


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
