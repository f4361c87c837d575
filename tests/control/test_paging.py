"""Lists come a page at a time: so many things, and so many bytes."""

import pytest

from mockchirp.control.paging import LARGEST

LISTS = ["/_mockchirp/calls", "/_mockchirp/deliveries", "/_mockchirp/events", "/_mockchirp/requests"]


@pytest.fixture
def many(mock):
    """Seven calls, and so seven of everything that a call brings about when it is placed."""
    for _ in range(7):
        mock.call("+15005550007")
    mock.advance(by=0)
    return mock


@pytest.mark.parametrize("path", LISTS)
def test_the_pages_of_a_list_are_the_list(many, path):
    """Each with the count of everything."""
    everything = many.get(path).json()
    assert everything["totalCount"] == len(everything["data"]) == 7

    pages = [many.get(path, params={"limit": 3, "offset": offset}).json() for offset in (0, 3, 6, 7, 2**53 - 1)]
    assert [page["totalCount"] for page in pages] == [7] * 5
    assert [len(page["data"]) for page in pages] == [3, 3, 1, 0, 0]
    assert [each for page in pages for each in page["data"]] == everything["data"]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 10_001}, "limit"),
        ({"limit": "all"}, "limit"),
        ({"offset": -1}, "offset"),
        ({"offset": 2**53}, "offset"),
        ({"page": 2}, "page"),
    ],
    ids=repr,
)
def test_a_page_that_is_none_is_refused(mock, refused, path, query, param):
    """The message names the parameter."""
    refused(mock.get(path, params=query), 400, param=param)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/_mockchirp/calls", {"status": "initiated"}),
        ("/_mockchirp/deliveries", {"status": "delivered"}),
        ("/_mockchirp/deliveries", {"after": "dlv_0"[:-1] + "1"}),
        ("/_mockchirp/events", {"after": 1}),
        ("/_mockchirp/requests", {"after": 1, "operation": "createCall"}),
    ],
    ids=repr,
)
def test_total_count_counts_what_matches(many, path, query):
    """And nothing else, however little of it is shown."""
    matching = many.get(path, params=query).json()
    page = many.get(path, params={**query, "limit": 2, "offset": 1}).json()

    assert page == {"data": matching["data"][1:3], "totalCount": len(matching["data"])}


def test_deliveries_after_another(many):
    """By its id, whether it is kept or not."""
    for after, expected in (("dlv_5", ["dlv_6", "dlv_7"]), ("dlv_7", []), ("dlv_999999999999", [])):
        data = many.get("/_mockchirp/deliveries", params={"after": after}).json()["data"]
        assert [delivery["id"] for delivery in data] == expected


@pytest.mark.parametrize("after", ["5", "dlv_", "dlv_0", "dlv_x", "dlv_" + "1" * 30, ""])
def test_deliveries_after_none_are_refused(mock, refused, after):
    """Only the id of a delivery says where to go on."""
    refused(mock.get("/_mockchirp/deliveries", params={"after": after}), 400, param="after")


@pytest.mark.parametrize("path", ["/_mockchirp/calls", "/_mockchirp/deliveries"])
def test_a_page_has_so_many_bytes_and_no_more(mock, path):
    """What is left comes with the next page."""
    for _ in range(24):
        mock.call("+15005550007", metadata={"filler": "x" * 1_000_000})
    mock.advance(by=0)
    seen, sizes = [], []
    while len(seen) < 24:
        answer = mock.get(path, params={"offset": len(seen)})
        sizes.append(len(answer.content))
        assert answer.json()["totalCount"] == 24
        seen += [each["id"] for each in answer.json()["data"]]

    assert len(set(seen)) == 24
    assert LARGEST - 1_100_000 < sizes[0] <= LARGEST + 100
    assert len(sizes) == 2


def test_one_thing_is_shown_however_large(open_mock):
    """A page is never empty because of its bytes."""
    mock = open_mock(max_body_size="64MiB", bodies_kept="1GiB")
    mock.call("+15005550007", metadata={"filler": "x" * (LARGEST + 1)})
    mock.call("+15005550007")

    assert len(mock.get("/_mockchirp/calls", params={"offset": 1}).json()["data"]) == 1
