"""Instants and durations: reading and writing them."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mockchirp.core.instants import (
    DAY,
    HOUR,
    LONGEST,
    MINUTE,
    SECOND,
    format_duration,
    format_milli,
    format_second,
    parse_duration,
    parse_instant,
    whole_seconds,
)

T0 = 1_768_473_000_000
FIRST, LAST = parse_instant("1900-01-01T00:00:00Z"), parse_instant("9999-12-31T23:59:59.999Z")


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.001Z", 1),
        ("1969-12-31T23:59:59.999Z", -1),
        ("2026-01-15T10:30:00Z", T0),
        ("2026-01-15T10:30:00.000Z", T0),
        ("2026-01-15T10:30:00.5Z", T0 + 500),
        ("2026-01-15T10:30:00.123456Z", T0 + 123),
        ("2026-01-15T10:30:00.999999Z", T0 + 999),
        ("2026-01-15T11:30:00+01:00", T0),
        ("2026-01-15T05:00:00-05:30", T0),
        ("2026-01-15 10:30:00+00:00", T0),
        ("20260115T103000Z", T0),
    ],
)
def test_an_instant_is_read(text, instant):
    """In ISO 8601, with `Z` or an offset; what is finer than a millisecond is cut off."""
    assert parse_instant(text) == instant


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "now",
        "2026",
        "2026-01-15",
        "2026-01-15T10:30:00",
        "2026-02-30T10:30:00Z",
        "10:30:00Z",
        "2026-01-15T25:00:00Z",
        "2026-01-15T10:30:61Z",
        "2026-13-15T10:30:00Z",
        "1768473000",
        "2026-01-15T10:30:00Z\n",
        "2026-01-15T10:30:00Z\x00",
        "2026-01-15T10:30:00Z\x00x",
        "0001-01-01T00:00:00+23:59x",
        "10000-01-01T00:00:00Z",
        "x" * 100000,
    ],
    ids=lambda text: repr(text)[:40],
)
def test_what_is_no_instant_is_refused(text):
    """The message says what one looks like, and doesn't repeat what is long."""
    with pytest.raises(ValueError, match="is not an ISO 8601 instant with an offset") as refusal:
        parse_instant(text)

    assert len(str(refusal.value)) < 200


@given(st.integers(FIRST, LAST))
@example(FIRST)
@example(LAST)
@example(-1)
def test_an_instant_that_is_written_can_be_read(instant):
    """Without loss in milliseconds, and by its second in seconds."""
    assert parse_instant(format_milli(instant)) == instant
    assert parse_instant(format_second(instant)) == instant // SECOND * SECOND


@pytest.mark.parametrize(
    ("instant", "second", "milli"),
    [
        (T0, "2026-01-15T10:30:00Z", "2026-01-15T10:30:00.000Z"),
        (T0 + 1, "2026-01-15T10:30:00Z", "2026-01-15T10:30:00.001Z"),
        (T0 + 999, "2026-01-15T10:30:00Z", "2026-01-15T10:30:00.999Z"),
        (T0 - 1, "2026-01-15T10:29:59Z", "2026-01-15T10:29:59.999Z"),
        (0, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"),
    ],
)
def test_an_instant_is_written_in_two_forms(instant, second, milli):
    """Chirp's REST fields show the second that it lies in, webhooks its milliseconds."""
    assert (format_second(instant), format_milli(instant)) == (second, milli)


@given(st.integers(0, LAST), st.integers(0, LAST))
def test_seconds_between_instants_agree_with_what_is_shown(one, other):
    """So that `duration` is `endedAt` - `answeredAt`."""
    shown = (parse_instant(format_second(instant)) for instant in (one, other))

    assert whole_seconds(one, other) * SECOND == -int.__sub__(*shown)


@pytest.mark.parametrize(
    ("value", "duration"),
    [
        (0, 0),
        (90, 90 * SECOND),
        (1.5, 1_500),
        (0.1, 100),
        (2.675, 2_675),
        (0.1 + 0.2, 300),
        (1001 * 0.001, 1_001),
        (3_153_599_999.999, LONGEST - 1),
        (1e3, 1_000 * SECOND),
        (-0.0, 0),
        ("1e-3", 1),
        ("0.001000", 1),
        ("1.0000000000000000000000000000000000000000000000000000000000000000000000s", 1_000),
        ("0.00005h", 180),
        ("0", 0),
        ("90", 90 * SECOND),
        ("1.5", 1_500),
        (" 90s ", 90 * SECOND),
        ("250ms", 250),
        ("5m", 5 * MINUTE),
        ("1h30m", 90 * MINUTE),
        ("1.5h", 90 * MINUTE),
        ("2d", 2 * DAY),
        ("1d2h3m4s5ms", DAY + 2 * HOUR + 3 * MINUTE + 4 * SECOND + 5),
        ("1m1m", 2 * MINUTE),
        ("36500d", LONGEST),
    ],
    ids=repr,
)
def test_a_duration_is_read(value, duration):
    """A number of seconds, or a string with units: the decimal digits as they are written, to the millisecond."""
    assert parse_duration(value) == duration


@pytest.mark.parametrize(
    "value",
    [
        0.0001,
        0.0005,
        0.0015,
        1.0005,
        1e-9,
        5e-324,
        "0.0001",
        "1e-9",
        "1e-400",
        "1e-99999999",
        "0.5ms",
        "1.5ms",
        "0.1ms0.9ms",
        "1.0005s",
        "0.00001m",
        "1h0.5ms",
        "1s" + "0.0001s",
        "1." + "0" * 90 + "1s",
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_duration_finer_than_a_millisecond_is_refused(value):
    """Rounded, it would be another one, and often none at all."""
    with pytest.raises(ValueError, match="is finer than a millisecond") as refusal:
        parse_duration(value)

    assert len(str(refusal.value)) < 200


@given(st.integers(0, LONGEST))
def test_a_number_of_seconds_with_three_decimals_is_exact(duration):
    """Whether it comes as a float or as a text."""
    assert (
        parse_duration(duration / SECOND) == parse_duration(f"{duration // SECOND}.{duration % SECOND:03}") == duration
    )


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "x",
        "s",
        "1x",
        "1y",
        "1h 30m",
        "-1",
        "-1s",
        "+1s",
        "1s\x00",
        "1,5s",
        "1.s",
        ".5s",
        "1e3s",
        "h1",
        "1sx",
        "nan",
        "inf",
        "-inf",
        "infinity",
        "1e999",
        -1,
        -0.001,
        float("nan"),
        float("inf"),
        True,
        False,
        "36501d",
        "1_0",
        "\uff15",
        "\u0665s",
        "9" * 400,
        "9" * 400 + "s",
        3200000000.0,
        "1" * 100000,
        "1s" * 50000,
        "1s" * 50000 + "x",
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_no_duration_is_refused(value):
    """Negative, infinite and overlong ones included."""
    with pytest.raises(ValueError, match="duration") as refusal:
        parse_duration(value)

    assert len(str(refusal.value)) < 200


@given(st.integers(0, LONGEST))
@example(0)
@example(LONGEST)
def test_a_duration_that_is_written_can_be_read(duration):
    """Without loss."""
    assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize(
    ("duration", "text"),
    [(0, "0s"), (1, "1ms"), (1_500, "1s500ms"), (90 * MINUTE, "1h30m"), (2 * DAY, "2d"), (DAY + 1, "1d1ms")],
)
def test_a_duration_is_written_briefly(duration, text):
    """In the units that it needs."""
    assert format_duration(duration) == text
