"""The table of settings: how each kind is written, where it comes from, and what is said of a bad one."""

from pathlib import Path
from typing import Any

import pytest

from mockchirp.settings import BadSetting, Settings, flag, read_settings, variable
from mockchirp.slips import flags_of_words, unknown_variables

SECOND = 1_000


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(variable(name), raising=False)


def complaint(**flags: Any) -> str:
    with pytest.raises(BadSetting) as refused:
        read_settings(flags)
    return str(refused.value)


def test_without_flags_and_variables_the_defaults_hold() -> None:
    """The defaults are those of the specification, durations in milliseconds."""
    specified = {
        "host": "127.0.0.1",
        "port": 24477,
        "port_file": None,
        "public_url": None,
        "api_keys": (),
        "log_level": "warning",
        "webhook_url": None,
        "webhook_headers": (),
        "webhook_timeout": 5 * SECOND,
        "webhook_retry_schedule": (2_000, 4_000, 8_000, 16_000, 32_000),
        "clock_mode": "real",
        "clock_rate": 1.0,
        "clock_start": None,
        "random_seed": 1,
        "recording_processing_time": 2 * SECOND,
    }
    assert read_settings({}).model_dump(include=set(specified)) == specified


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("host", "::", "::"),
        ("port", "0", 0),
        ("port_file", "/run/port", Path("/run/port")),
        ("public_url", "https://mock.example/chirp/", "https://mock.example/chirp"),
        ("webhook_url", "http://localhost:3000/webhooks?a=1", "http://localhost:3000/webhooks?a=1"),
        ("webhook_headers", "X-Token: abc", (("X-Token", "abc"),)),
        ("webhook_headers", "X-Token=a:b=c", (("X-Token", "a:b=c"),)),
        ("webhook_headers", '{"X-Token": "abc", "X-Team": "red"}', (("X-Token", "abc"), ("X-Team", "red"))),
        ("webhook_timeout", "250ms", 250),
        ("webhook_retry_schedule", "1, 1m30s,0.5", (1_000, 90_000, 500)),
        ("webhook_retry_schedule", "none", ()),
        ("random_seed", "-5", -5),
        ("clock_mode", "frozen", "frozen"),
        ("clock_rate", "0.5", 0.5),
        ("clock_start", "2026-01-15T11:30:00+01:00", 1_768_473_000_000),
        ("api_keys", "sk_test_app_a, sk_live_app_b", ("sk_test_app_a", "sk_live_app_b")),
        ("recording_processing_time", "0", 0),
        ("log_level", "info", "info"),
    ],
)
def test_a_flag_and_a_variable_are_written_alike(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: object
) -> None:
    """The same plain text means the same in a flag and in a variable."""
    assert getattr(read_settings({name: text}), name) == value
    monkeypatch.setenv(variable(name), text)
    assert getattr(read_settings({}), name) == value


def test_a_flag_wins_over_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said at the start is nearer than what stands in the environment."""
    monkeypatch.setenv("MOCKCHIRP_PORT", "1111")
    assert read_settings({"port": "2222"}).port == 2222


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """CI files pass variables through that have no value."""
    for name in Settings.model_fields:
        monkeypatch.setenv(variable(name), "")
    assert read_settings({}) == Settings()


def test_an_empty_flag_takes_back_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """An optional setting can be emptied on the command line."""
    monkeypatch.setenv("MOCKCHIRP_WEBHOOK_URL", "http://localhost:3000/webhooks")
    assert read_settings({"webhook_url": ""}).webhook_url is None
    assert read_settings({"webhook_retry_schedule": ""}).webhook_retry_schedule == ()


def test_headers_add_up() -> None:
    """A repeated flag adds headers."""
    given = ["X-Token: abc", '{"X-Team": "red"}', "x-other=1"]
    assert read_settings({"webhook_headers": given}).webhook_headers == (
        ("X-Token", "abc"),
        ("X-Team", "red"),
        ("x-other", "1"),
    )


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["X-Token: old", "x-token=new"], "X-Token and x-token differ in case alone"),
        (["X-Token: old", '{"X-TOKEN": "new"}'], "X-Token and X-TOKEN differ in case alone"),
        (['{"X-Token": "old", "x-token": "new"}'], "X-Token and x-token differ in case alone"),
        (["X-Token: old", "X-Token: new"], "X-Token is given twice"),
        (['{"X-Token": "old", "X-Token": "new"}'], "X-Token is given twice"),
    ],
)
def test_a_header_is_given_once(given: list[str], says: str) -> None:
    """As in a webhook's own headers: which of two is meant is nobody's guess, and no value is repeated."""
    said = complaint(webhook_headers=given)
    assert says in said
    assert "old" not in said
    assert "new" not in said


@pytest.mark.parametrize(
    "header",
    [
        "Host: a",
        "content-length: 1",
        "Transfer-Encoding: chunked",
        "Connection: close",
        "X-A: b\r\nX-C: d",
        "X A: b",
        "X-Ü: b",
    ],
)
def test_headers_that_break_http_are_refused(header: str) -> None:
    """No header may change where a message goes or where it ends."""
    assert complaint(webhook_headers=[header]).startswith("--webhook-headers: ")


@pytest.mark.parametrize(
    ("name", "text", "allowed"),
    [
        ("host", "", "an address or a host name"),
        ("port", "65536", "a whole number from 0 to 65535"),
        ("port", "x", "a whole number from 0 to 65535"),
        ("public_url", "http://mock.example/?a=1", "without credentials, query and fragment"),
        ("public_url", "http://mock.example/#a", "it has a fragment"),
        ("public_url", "http://me@mock.example/", "it has credentials"),
        ("public_url", "mock.example", "http or https URL"),
        ("webhook_url", "ftp://localhost/", "http or https URL"),
        ("webhook_url", "http://:3000/", "http or https URL"),
        ("webhook_timeout", "0", "above 0"),
        ("webhook_timeout", "soon", "90s"),
        ("webhook_retry_schedule", "2,x", "90s"),
        ("random_seed", "1.5", "a whole number"),
        ("random_seed", "9" * 5_000, "at most 64 bits"),
        ("clock_mode", "fast", "real or frozen"),
        ("clock_rate", "0", "above 0 and at most 1000000"),
        ("clock_rate", "nan", "above 0 and at most 1000000"),
        ("clock_rate", "1000001", "above 0 and at most 1000000"),
        ("clock_start", "2026-01-15", "2026-01-15T10:30:00Z"),
        ("clock_start", "2014-05-13T16:53:19Z", "2014-05-13T16:53:20Z"),
        ("clock_start", "2150-01-01T00:00:01Z", "2150-01-01T00:00:00Z"),
        ("recording_processing_time", "-1", "from 0"),
        ("log_level", "loud", "critical, error, warning, info or debug"),
    ],
)
def test_a_bad_value_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, allowed: str
) -> None:
    """The line names the flag or the variable, the value and what is allowed."""
    from_flag = complaint(**{name: text})
    assert from_flag.startswith(flag(name))
    assert repr(text)[:40] in from_flag
    assert allowed in from_flag
    assert len(from_flag.splitlines()) == 1
    assert len(from_flag) < 250
    if text:
        monkeypatch.setenv(variable(name), text)
        assert complaint().startswith(variable(name))


def test_a_complaint_does_not_repeat_credentials() -> None:
    """Keys and headers may be secret, and what a start prints ends up in logs."""
    assert "hunter2" not in complaint(webhook_headers=["Authorization hunter2"])
    assert "hunter2" not in complaint(webhook_headers=["Host: hunter2"])
    assert "hunter2" not in complaint(api_keys="sk_test_app_a,hunter2")
    assert "hunter2" not in complaint(livekit_api_secret="hunter2" * 100)


@pytest.mark.parametrize(
    ("secret", "allowed"), [("", "1 to 512 characters"), ("no text\udcff", "printable characters")]
)
def test_a_livekit_credential_is_something_that_can_be_signed_with(secret: str, allowed: str) -> None:
    """Bytes of the environment that are no text are not."""
    assert allowed in complaint(livekit_api_key=secret)
    assert allowed in complaint(livekit_api_secret=secret)


def test_an_unknown_setting_in_code_is_an_error() -> None:
    """A typo in a test's settings does not pass silently."""
    with pytest.raises(ValueError, match="clock_rat"):
        Settings(clock_rat=1)


def test_an_unknown_variable_is_named_with_the_nearest_setting() -> None:
    """A mistyped variable would otherwise have no effect that anybody sees; others are none of our business."""
    assert unknown_variables({"MOCKCHIRP_WEBHOK_URL": "x", "MOCKCHIRP_PORT": "1", "CHIRP_URL": "y"}) == [
        "MOCKCHIRP_WEBHOK_URL is not a setting and is ignored; did you mean MOCKCHIRP_WEBHOOK_URL?"
    ]


@pytest.mark.parametrize("name", ["MOCK_CHIRP_PORT", "MOCKCHRIP_PORT", "mockchip_port", "MOCKCHIRP_PROT"])
def test_a_mistyped_prefix_is_seen_through(name: str) -> None:
    """As any other slip."""
    assert unknown_variables({name: "1"}) == [f"{name} is not a setting and is ignored; did you mean MOCKCHIRP_PORT?"]


@pytest.mark.parametrize(
    ("name", "text", "meant"),
    [
        ("clock_mode", "freeze", "frozen"),
        ("clock_mode", "REAL", "real"),
        ("log_level", "warn", "warning"),
        ("log_format", "jsn", "json"),
        ("rate_limit", "enforced", "enforce"),
        ("strict", "flase", "false"),
    ],
)
def test_the_nearest_word_is_named(name: str, text: str, meant: str) -> None:
    """Of those that a setting takes."""
    assert complaint(**{name: text}).endswith(f"; did you mean {meant}?")


def test_a_value_can_stand_for_its_flag() -> None:
    """Nobody remembers which of the two it was; a flag that there is means itself."""
    meant = flags_of_words()
    assert meant["--frozen"] == "--clock-mode frozen"
    assert meant["--json"] == "--log-format json"
    assert not set(meant) & {flag(name) for name in Settings.model_fields}
