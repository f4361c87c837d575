"""What a name that is not known was most likely meant to be."""

import pytest

from mockchirp.core.events import EVENTS
from mockchirp.core.suggestions import MOST_LISTED, choices, did_you_mean, nearest

FIELDS = ("from", "to", "fromChannel", "toChannel", "metadata", "scenario")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("form", "from"),
        ("metdata", "metadata"),
        ("scenarios", "scenario"),
        ("From", "from"),
        ("from_channel", "fromChannel"),
        ("TO-CHANNEL", "toChannel"),
        ("fromAddress", "from"),
        ("to_number", "to"),
        ("colour", None),
        ("", None),
        ("?", None),
        ("metadata" * 20, None),
    ],
)
def test_the_nearest_name_is_found(given, meant):
    """Whatever its case and separators; a slip of the pen, or a word more than it takes."""
    assert nearest(given, FIELDS) == meant


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("answered", "calls.answered"),
        ("call.initiated", "calls.initiated"),
        ("voicemail.received", "calls.voicemail.received"),
    ],
)
def test_the_nearest_event_is_found(given, meant):
    """A word less than it takes, too."""
    assert nearest(given, EVENTS) == meant


def test_few_names_are_listed_and_of_many_the_first():
    """Unless the nearest one is enough."""
    many = [f"name{number}" for number in range(MOST_LISTED + 5)]

    assert choices("bsy", ["busy", "failed"]) == "; did you mean busy? Known are busy, failed"
    assert choices("x", ["busy", "failed"], "it takes") == "; it takes busy, failed"
    assert choices("nam1", many) == did_you_mean("nam1", many) == "; did you mean name1?"
    assert choices("x", many).endswith(f"name{MOST_LISTED - 1}, and 5 more")
    assert choices("x", []) == did_you_mean("x", []) == ""
