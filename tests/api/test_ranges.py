"""Which parts of a file a `Range` field means (RFC 9110, 14.1.2 and 14.2): the table."""

import pytest

from mockchirp.api.ranges import MOST_RANGES, parse_ranges

SIZE = 1000
LARGE = "9" * 40

PARTS = {
    # one part
    "bytes=0-0": [(0, 1)],
    "bytes=0-499": [(0, 500)],
    "bytes=500-999": [(500, 1000)],
    "bytes=500-1000": [(500, 1000)],
    f"bytes=500-{LARGE}": [(500, 1000)],
    "bytes=999-": [(999, 1000)],
    "bytes=0-": [(0, 1000)],
    "bytes=-1": [(999, 1000)],
    "bytes=-1000": [(0, 1000)],
    f"bytes=-{LARGE}": [(0, 1000)],
    "bytes=007-0008": [(7, 9)],
    "Bytes=0-1": [(0, 2)],
    "bytes=0-1,": [(0, 2)],
    "bytes=,, 0-1 ,\t,": [(0, 2)],
    # several, in the order in which they were asked for
    "bytes=0-0,-1": [(0, 1), (999, 1000)],
    "bytes=500-600,0-9": [(500, 601), (0, 10)],
    "bytes=0-1 , 3-4\t,6-7": [(0, 2), (3, 5), (6, 8)],
    # those that overlap or touch are one
    "bytes=0-1,2-3": [(0, 4)],
    "bytes=2-3,0-1": [(0, 4)],
    "bytes=0-9,5-14": [(0, 15)],
    "bytes=0-9,20-29,5-24": [(0, 30)],
    "bytes=0-9,40-49,20-29,5-24": [(0, 30), (40, 50)],
    "bytes=40-49,0-9,20-29,5-24": [(40, 50), (0, 30)],
    "bytes=" + ",".join(["0-"] * 50): [(0, 1000)],
    # those that the file does not have are left out
    "bytes=0-1,1000-": [(0, 2)],
    "bytes=1000-,0-1,-0,5000-6000": [(0, 2)],
    # and where no other is left, there is none
    "bytes=1000-": [],
    "bytes=1000-1000": [],
    f"bytes={LARGE}-": [],
    "bytes=-0": [],
    "bytes=-000": [],
    "bytes=-0,1000-,2000-3000": [],
}
IGNORED = [
    *("", "bytes", "bytes=", "bytes=,", "bytes=-", "bytes=--1", "bytes=1", "bytes=a-b", "bytes=1-b", "bytes=0x1-2"),
    *(
        "bytes=5-3",
        "bytes=0-1,5-3",
        f"bytes={LARGE}9-{LARGE}",
        "bytes=1-2-3",
        "bytes=+1-2",
        "bytes=1.0-2",
        "bytes=1_0-20",
    ),
    *(
        "bytes=0 -3",
        "bytes=0- 3",
        "bytes =0-3",
        "bytes:0-3",
        "bytes 0-3",
        "bites=0-3",
        "seconds=0-3",
        "none=0-3",
        "=0-3",
    ),
    *("bytes=0-3;4-5", "bytes=0-3,x", "bytes=0-3 4-5", "bytes=²-3", "bytes=0-\u0663", "bytes=\u00a00-3", "bytes=0-1\n"),
    "bytes=0-" + "9" * 5_000,
    "bytes=" + ",".join(f"{2 * i}-{2 * i}" for i in range(MOST_RANGES + 1)),
]


@pytest.mark.parametrize(("field", "parts"), PARTS.items(), ids=[field[:40] for field in PARTS])
def test_a_field_means_parts(field, parts):
    """First byte and end of each."""
    assert parse_ranges(field, SIZE) == [range(*part) for part in parts]


@pytest.mark.parametrize("field", IGNORED, ids=[repr(field[:40]) for field in IGNORED])
def test_a_field_that_breaks_the_rules_is_ignored(field):
    """Whole, whatever else is in it; and so are other units than bytes, and more than anybody needs."""
    assert parse_ranges(field, SIZE) is None


def test_as_many_ranges_as_are_bounded_are_served():
    """One more is ignored, above."""
    field = "bytes=" + ",".join(f"{2 * i}-{2 * i}" for i in range(MOST_RANGES))
    assert len(parse_ranges(field, SIZE) or ()) == MOST_RANGES


def test_overlapping_ranges_never_make_more_than_the_file():
    """However often a client asks for all of it."""
    field = "bytes=" + ",".join(f"{i}-" for i in range(MOST_RANGES))
    assert sum(map(len, parse_ranges(field, SIZE) or ())) == SIZE
