"""What conditions come to (RFC 9110, section 13), and the dates in them (5.6.7): the tables."""

import pytest

from mockchirp.api.http_dates import http_date, parse_http_date
from mockchirp.api.preconditions import Validators, allows_range, judge

SECOND = 784111777
"""The instant that is the example of the RFC."""
BEFORE, EXACT, AFTER = (
    "Sun, 06 Nov 1994 08:49:36 GMT",
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:38 GMT",
)
FILE = Validators('"tag"', SECOND)
YEAR = 2026

PERFORM, NOT_MODIFIED, FAILED = "perform", "not modified", "failed"
VERDICTS = [
    ({}, PERFORM),
    # If-Match: strong comparison
    ({"if-match": ["*"]}, PERFORM),
    ({"if-match": ['"tag"']}, PERFORM),
    ({"if-match": ['"a", "tag"']}, PERFORM),
    ({"if-match": ['"a"', '"tag"']}, PERFORM),
    ({"if-match": ['"a",,"tag",']}, PERFORM),
    ({"if-match": ['W/"tag"']}, FAILED),
    ({"if-match": ['"a"']}, FAILED),
    ({"if-match": ['"TAG"']}, FAILED),
    ({"if-match": ["tag"]}, FAILED),
    ({"if-match": [""]}, FAILED),
    ({"if-match": ['"a, "tag""']}, FAILED),
    ({"if-match": ['"a, tag"']}, FAILED),
    ({"if-match": ['*, "a"']}, FAILED),
    # If-None-Match: weak comparison
    ({"if-none-match": ["*"]}, NOT_MODIFIED),
    ({"if-none-match": ['"tag"']}, NOT_MODIFIED),
    ({"if-none-match": ['W/"tag"']}, NOT_MODIFIED),
    ({"if-none-match": ['"a", W/"b,c" , W/"tag"']}, NOT_MODIFIED),
    ({"if-none-match": ['"a"', '"tag"']}, NOT_MODIFIED),
    ({"if-none-match": ['w/"tag"']}, PERFORM),
    ({"if-none-match": ['W/ "tag"']}, PERFORM),
    ({"if-none-match": ['"a", "b"']}, PERFORM),
    ({"if-none-match": ['"x\\"tag"']}, PERFORM),
    ({"if-none-match": ["tag"]}, PERFORM),
    ({"if-none-match": ["x" + " " * 200_000 + "y"]}, PERFORM),
    ({"if-none-match": ['"' + ' "' * 100_000]}, PERFORM),
    ({"if-none-match": ['"' + '",' * 100_000 + '"tag"']}, PERFORM),
    ({"if-none-match": ["," * 200_000 + '"tag"']}, NOT_MODIFIED),
    ({"if-none-match": [""]}, PERFORM),
    # If-Unmodified-Since
    ({"if-unmodified-since": [BEFORE]}, FAILED),
    ({"if-unmodified-since": [EXACT]}, PERFORM),
    ({"if-unmodified-since": [AFTER]}, PERFORM),
    ({"if-unmodified-since": ["yesterday"]}, PERFORM),
    ({"if-unmodified-since": [BEFORE, BEFORE]}, PERFORM),
    # If-Modified-Since
    ({"if-modified-since": [BEFORE]}, PERFORM),
    ({"if-modified-since": [EXACT]}, NOT_MODIFIED),
    ({"if-modified-since": [AFTER]}, NOT_MODIFIED),
    ({"if-modified-since": ["yesterday"]}, PERFORM),
    ({"if-modified-since": [AFTER, AFTER]}, PERFORM),
    # Precedence: tags before dates, whether they match or not, and what may fail before what may be not modified
    ({"if-match": ['"tag"'], "if-unmodified-since": [BEFORE]}, PERFORM),
    ({"if-match": ['"a"'], "if-unmodified-since": [AFTER]}, FAILED),
    ({"if-none-match": ['"a"'], "if-modified-since": [AFTER]}, PERFORM),
    ({"if-none-match": ['"tag"'], "if-modified-since": [BEFORE]}, NOT_MODIFIED),
    ({"if-match": ['"a"'], "if-none-match": ['"tag"']}, FAILED),
    ({"if-match": ['"tag"'], "if-none-match": ['"tag"']}, NOT_MODIFIED),
    ({"if-unmodified-since": [BEFORE], "if-none-match": ['"tag"']}, FAILED),
    ({"if-match": ['"tag"'], "if-modified-since": [EXACT]}, NOT_MODIFIED),
    ({"if-unmodified-since": [EXACT], "if-modified-since": [EXACT]}, NOT_MODIFIED),
]
IF_RANGE = [
    ([], True),
    (['"tag"'], True),
    ([EXACT], True),
    (["Sunday, 06-Nov-94 08:49:37 GMT"], True),
    (["Sun Nov  6 08:49:37 1994"], True),
    (['W/"tag"'], False),
    (['"other"'], False),
    (['"tag", "other"'], False),
    (["*"], False),
    (["tag"], False),
    ([""], False),
    ([BEFORE], False),
    ([AFTER], False),
    (["yesterday"], False),
    (['"tag"', '"tag"'], False),
]
DATES = {
    EXACT: SECOND,
    "Sunday, 06-Nov-94 08:49:37 GMT": SECOND,
    "Sun Nov  6 08:49:37 1994": SECOND,
    "Thu, 01 Jan 1970 00:00:00 GMT": 0,
    "Wed, 31 Dec 1969 23:59:59 GMT": -1,
    "Thu, 29 Feb 2024 23:59:59 GMT": 1709251199,
    "Sat, 31 Dec 2016 23:59:60 GMT": 1483228800,
    "Thu Jan 15 10:30:00 2026": 1768473000,
    "Thursday, 15-Jan-26 10:30:00 GMT": 1768473000,
    # two digits: at most 50 years from now, else the century before
    "Wednesday, 15-Jan-76 10:30:00 GMT": 3346309800,
    "Saturday, 15-Jan-77 10:30:00 GMT": 222172200,
    **dict.fromkeys(
        (
            *(
                "",
                "yesterday",
                "0",
                "1768473000",
                "2026-01-15T10:30:00Z",
                "Thu, 15 Jan 2026",
                EXACT[5:],
                EXACT + " GMT",
            ),
            *("Thu, 15 Jan 2026 10:30:00", "Thu, 15 Jan 2026 10:30:00 +0000", "Thu, 15 Jan 2026 10:30:00 UTC"),
            *("Thu, 5 Jan 2026 10:30:00 GMT", "Thu, 15 Jan 26 10:30:00 GMT", "Thu 15 Jan 2026 10:30:00 GMT"),
            *("Thu, 15 Jan 2026 24:00:00 GMT", "Thu, 15 Jan 2026 10:60:00 GMT", "Thu, 15 Jan 2026 10:30:61 GMT"),
            *("Thu, 00 Jan 2026 10:30:00 GMT", "Thu, 32 Jan 2026 10:30:00 GMT", "Sat, 29 Feb 2025 10:30:00 GMT"),
            *("Thu, 15 Jam 2026 10:30:00 GMT", "thu, 15 jan 2026 10:30:00 gmt", "Thu, 15 Jan 0000 10:30:00 GMT"),
            *("Thu, 15-Jan-2026 10:30:00 GMT", "Thu Jan 15 10:30:00 2026 GMT", "Thu, ١٥ Jan 2026 10:30:00 GMT"),
        )
    ),
}


@pytest.mark.parametrize(("fields", "verdict"), VERDICTS, ids=[str(fields)[:60] for fields, _ in VERDICTS])
def test_conditions_come_to_a_verdict(fields, verdict):
    """In the order of precedence; dates that are none are ignored."""
    assert judge(fields, FILE, YEAR) == verdict


@pytest.mark.parametrize(("lines", "allowed"), IF_RANGE)
def test_a_range_is_for_one_version(lines, allowed):
    """That of the strong tag, or of the very date."""
    assert allows_range({"if-range": lines} if lines else {}, FILE, YEAR) is allowed


@pytest.mark.parametrize(("text", "second"), DATES.items())
def test_dates_are_read_in_three_forms(text, second):
    """And in no other."""
    assert parse_http_date(text, YEAR) == second


@pytest.mark.parametrize("second", [0, SECOND, 1768473000, 1709251199, 253402300799])
def test_a_date_that_is_written_is_read(second):
    """In the form of today."""
    assert parse_http_date(http_date(second), YEAR) == second
