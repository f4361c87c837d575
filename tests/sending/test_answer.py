"""Answers as receivers give them, whole and in pieces: :mod:`mockchirp.sending.answer`."""

import pytest

from mockchirp.sending.answer import KEPT, MOST_FRAMED, MOST_HEAD, MOST_INTERIM, MOST_LINES, Answer

PLAIN = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
ENOUGH = 2**22
"""Bytes after which an answer is given up as endless."""


def read(*pieces, closed=False, reason=None):
    """What an answer comes to when it arrives in these pieces."""
    answer = Answer()
    for piece in pieces:
        answer.feed(piece)
    if closed:
        answer.lose(reason)
    return answer


def result(answer):
    return (answer.status, bytes(answer.body), answer.fault, answer.ended, answer.kept)


# Each with its status, its body, and whether the connection is kept; None where the answer ends with the connection.
ANSWERS = {
    "a length": (PLAIN, 200, b"ok", True),
    "no body": (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 200, b"", True),
    "chunks": (CHUNKED + b"1;x=y\r\no\r\n1\r\nk\r\n0\r\n\r\n", 200, b"ok", True),
    "trailers": (CHUNKED + b"2\r\nok\r\n0\r\nx: y\r\nlocation: z\r\n\r\n", 200, b"ok", True),
    "other encodings": (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, Chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        200,
        b"ok",
        True,
    ),
    "close": (PLAIN.replace(b"\r\n\r\n", b"\r\nConnection: Close\r\n\r\n"), 200, b"ok", False),
    "1.0": (PLAIN.replace(b"1.1", b"1.0"), 200, b"ok", False),
    "1.0, kept": (
        PLAIN.replace(b"1.1", b"1.0").replace(b"\r\n\r\n", b"\r\nconnection: keep-alive\r\n\r\n"),
        200,
        b"ok",
        True,
    ),
    "line feeds": (b"HTTP/1.1 200 OK\ncontent-length: 2\n\nok", 200, b"ok", True),
    "no reason": (b"HTTP/1.1 500\r\ncontent-length: 0\r\n\r\n", 500, b"", True),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
    "304 with a length": (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", 304, b"", True),
    "interim answers": (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\nlink: a\r\n\r\n" + PLAIN, 200, b"ok", True),
    "an interim answer that has a length": (b"HTTP/1.1 102 X\r\ncontent-length: 5\r\n\r\n" + PLAIN, 200, b"ok", True),
    "an upgrade that nobody asked for": (PLAIN.replace(b"\r\n\r\n", b"\r\nupgrade: h2c\r\n\r\n"), 200, b"ok", True),
    "odd bytes in a header": (PLAIN.replace(b"\r\n\r\n", b"\r\nx: \xff\x01\r\n\r\n"), 200, b"ok", True),
    "until the end": (b"HTTP/1.1 200 OK\r\n\r\nok", 200, b"ok", None),
    "1.0 until the end": (b"HTTP/1.0 200 OK\r\ncontent-type: text/plain\r\n\r\nok", 200, b"ok", None),
    "an encoding until the end": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nok", 200, b"ok", None),
    "another encoding last": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, gzip\r\n\r\nok", 200, b"ok", None),
    "a length of an interim answer": (
        b"HTTP/1.1 100 X\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\nok",
        200,
        b"ok",
        None,
    ),
}


@pytest.mark.parametrize(("sent", "status", "body", "kept"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_is_the_same_however_it_arrives(sent, status, body, kept):
    """Whole, in two pieces wherever they are cut, and byte by byte."""
    expected = (status, body, None, True, bool(kept))

    assert result(read(sent, closed=kept is None)) == expected
    for cut in range(1, len(sent)):
        assert result(read(sent[:cut], sent[cut:], closed=kept is None)) == expected
    assert result(read(*(sent[at : at + 1] for at in range(len(sent))), closed=kept is None)) == expected


@pytest.mark.parametrize(
    "more", [b"x", b"\0", PLAIN, b"HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"]
)
@pytest.mark.parametrize("sent", [PLAIN, CHUNKED + b"2\r\nok\r\n0\r\n\r\n"])
def test_what_follows_an_answer_costs_the_connection_and_nothing_else(sent, more):
    """Otherwise it would be taken for the answer to the next webhook."""
    assert result(read(sent + more)) == (200, b"ok", None, True, False)


def test_a_switch_of_protocols_is_an_answer_after_which_nothing_counts():
    """Nobody has asked for it."""
    answer = read(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nwhatever")

    assert result(answer) == (101, b"", None, True, False)


def test_where_a_redirect_points():
    """The header of the answer itself, not of an interim one."""
    sent = b"HTTP/1.1 103 X\r\nlocation: /a\r\n\r\nHTTP/1.1 302 X\r\nLocation: /b\r\ncontent-length: 0\r\n\r\n"

    assert read(sent).location == "/b"
    assert read(sent.replace(b"Location: /b\r\n", b"")).location is None


@pytest.mark.parametrize(
    "head",
    [
        b"x: " + b"a" * 9000 + b"\r\n",
        b"x: " + b"a" * 60_000 + b"\r\n",
        b"x: a\r\n" * 150,
        b"x: a\r\n" * (MOST_LINES - 1),
    ],
)
def test_a_large_head_is_a_head(head):
    """Cookies, policies and traces may add up."""
    sent = PLAIN.replace(b"\r\n", b"\r\n" + head, 1)

    assert result(read(sent)) == (200, b"ok", None, True, True)
    assert result(read(*(sent[at : at + 1000] for at in range(0, len(sent), 1000)))) == (200, b"ok", None, True, True)


def test_a_large_head_after_interim_answers_is_still_bounded():
    """All that comes before the end of the head counts."""
    sent = (
        b"HTTP/1.1 103 X\r\nx: "
        + b"a" * 40_000
        + b"\r\n\r\n"
        + PLAIN.replace(b"\r\n", b"\r\nx: " + b"a" * 40_000 + b"\r\n", 1)
    )

    assert read(sent).fault == f"the answer is not HTTP: its head has more than {MOST_HEAD} bytes"


HEAD = b"HTTP/1.1 200 OK\r\n"
FLOODS = {
    # what begins, and what then comes without an end
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "interim answers with headers": (b"", b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"),
    "a header line": (HEAD + b"x: ", b"a"),
    "a header name": (HEAD, b"a"),
    "header lines": (HEAD, b"x: a\r\n"),
    "folded lines": (HEAD + b"x: a\r\n", b" a\r\n"),
    "a reason": (b"HTTP/1.1 200 ", b"a"),
    "empty lines": (b"", b"\r\n"),
    "blanks": (b"", b" "),
    "zeros": (b"", b"\0"),
    "a chunk's size": (CHUNKED, b"0"),
    "a chunk's extension": (CHUNKED + b"1;", b"a"),
    "extensions of small chunks": (CHUNKED, b"1;" + b"a" * 100 + b"\r\na\r\n"),
    "trailers": (CHUNKED + b"0\r\n", b"x: a\r\n"),
    "a trailer": (CHUNKED + b"0\r\nx: ", b"a"),
}


@pytest.mark.parametrize("size", [1000, 2**18])
@pytest.mark.parametrize(("begin", "again"), FLOODS.values(), ids=FLOODS)
def test_an_answer_without_end_comes_to_an_end(begin, again, size):
    """After a bounded number of bytes, in packets of any size, it is a failure in words."""
    answer, took = Answer(), 0
    answer.feed(begin)
    packet = again * (size // len(again))
    while not answer.ended:
        answer.feed(packet)
        took += len(packet)
        assert took < ENOUGH
    assert answer.fault
    assert not answer.kept
    assert took <= max(len(packet), 2 * MOST_HEAD)


def test_interim_answers_are_counted_and_the_last_allowed_is_allowed():
    """The bound itself is within it."""
    interim = b"HTTP/1.1 102 Processing\r\n\r\n"

    assert result(read(interim * MOST_INTERIM + PLAIN)) == (200, b"ok", None, True, True)
    answer = read(interim * (MOST_INTERIM + 1) + PLAIN)
    assert answer.fault == f"the answer is not HTTP: more than {MOST_INTERIM} interim answers (1xx) come before it"
    assert answer.status is None


def test_the_first_bytes_of_a_body_are_kept():
    """What is longer is complete with the bound passed, since the status is known; what is not has to end."""
    sent = b"HTTP/1.1 500 X\r\ncontent-length: 9999\r\n\r\n"

    assert result(read(sent + b"a" * (KEPT + 1)))[:1] + result(read(sent + b"a" * (KEPT + 1)))[2:] == (
        500,
        None,
        True,
        False,
    )
    assert not read(sent + b"a" * KEPT).ended
    cut = read(sent + b"a" * KEPT, closed=True)
    assert (cut.status, cut.fault) == (500, "the connection was lost before the answer's end")


def test_a_body_in_chunks_of_one_byte_is_read_to_the_bound():
    """It fits, with all that frames it."""
    one = b"1\r\na\r\n"

    assert len(one) * (KEPT + 1) < MOST_FRAMED
    assert result(read(CHUNKED + one * KEPT + b"0\r\n\r\n")) == (200, b"a" * KEPT, None, True, True)
    assert result(read(CHUNKED + one * 10_000))[2:] == (None, True, False)


@pytest.mark.parametrize(
    "sent",
    [
        b"220 mail.example ESMTP\r\n",
        b"GET / HTTP/1.1\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 20 X\r\n\r\n",
        b"HTTP/1.1 099 X\r\n\r\n",
        b"HTTP/1.1 2000 X\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
    ],
)
def test_what_is_not_http_is_no_answer(sent):
    """The reason is in words."""
    answer = read(sent)

    assert (answer.status, answer.ended, answer.kept) == (None, True, False)
    assert answer.fault.startswith("the answer is not HTTP: ")


@pytest.mark.parametrize("body", [b"zz\r\n", b"-1\r\n", b"fffffffffffffffff\r\n", b"2\r\nokay\r\n"])
def test_a_body_that_is_not_framed_is_no_success(body):
    """The status stays known."""
    answer = read(CHUNKED + body)

    assert (answer.status, answer.ended, answer.kept) == (200, True, False)
    assert answer.fault.startswith("its body is not HTTP: ")


def test_an_answer_that_is_lost():
    """How it was lost is told, and an orderly end is no failure where nothing else tells the end."""
    reset = ConnectionResetError("reset")

    assert read(closed=True).fault == "the connection was closed before an answer"
    assert read(PLAIN[:9], closed=True, reason=reset).fault == "the connection was reset before an answer"
    assert read(PLAIN[:-1], closed=True).fault == "the connection was lost before the answer's end"
    assert read(b"HTTP/1.1 200 OK\r\n\r\nok", closed=True, reason=reset).fault
    assert read(PLAIN, closed=True, reason=reset).fault is None
    assert read(closed=True, reason=OSError(110, "Connection timed out")).fault.endswith("Connection timed out")
