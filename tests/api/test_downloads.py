"""The files of recordings, behind their links."""

from email import message_from_bytes
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from mockchirp.core.recordings import FORMATS

MAGIC = {"mp4": (4, b"ftyp"), "ogg": (0, b"OggS"), "webm": (0, b"\x1a\x45\xdf\xa3")}


def resigned(url, **parts):
    """The link with other parts: `path`, or `signed` as a whole."""
    split = urlsplit(url)
    signed = parts.get("signed", parse_qs(split.query)["signed"][0])
    return f"{parts.get('path', split.path)}?{urlencode({'signed': signed})}"


@pytest.mark.parametrize("format", FORMATS)
def test_a_link_opens_the_file(mock, record, contract, format):
    """Without a key: whole, of the type of its format, exactly as long as `fileSize` says; HEAD tells the same."""
    recording = record(mock, format)

    whole = mock.get(recording["fileUrl"], key=None)
    head = mock.request("HEAD", recording["fileUrl"], key=None)

    contract.check_answer("downloadRecording", whole.status_code, whole.content, whole.headers)
    contract.check_answer("headRecording", head.status_code, head.content, head.headers)
    assert whole.headers["content-type"] == f"audio/{format}"
    assert whole.headers["content-length"] == str(len(whole.content)) == str(recording["fileSize"])
    assert whole.headers["accept-ranges"] == "bytes"
    place, magic = MAGIC[format]
    assert whole.content[place : place + 4] == magic
    assert head.status_code == 200
    assert dict(head.headers) == dict(whole.headers)


@pytest.mark.parametrize(
    "authorization", ["", "Bearer x", "Bearer sk_admin_x", "Basic eDp5", "Bearer sk_test_app_other"]
)
def test_a_key_makes_no_difference(mock, record, authorization):
    """The link is the credential."""
    url = record(mock)["fileUrl"]

    assert mock.get(url, key=None, headers={"Authorization": authorization}).status_code == 200


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-3", slice(0, 4)),
        ("bytes=4-4", slice(4, 5)),
        ("bytes=100-", slice(100, None)),
        ("bytes=0-", slice(0, None)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=0-999999999", slice(0, None)),
        ("bytes=-999999999", slice(0, None)),
        ("BYTES=0-3", slice(0, 4)),
        ("bytes= 0-3", slice(0, 4)),
    ],
)
def test_a_range_is_served_alone(mock, record, contract, asked, part):
    """206 with `Content-Range`; a range that goes past an end stops there."""
    url = record(mock)["fileUrl"]
    whole = mock.get(url).content

    answer = mock.get(url, headers={"Range": asked})

    contract.check_answer("downloadRecording", answer.status_code, answer.content, answer.headers)
    first, last, _ = part.indices(len(whole))
    assert answer.status_code == 206
    assert answer.content == whole[part]
    assert answer.headers["content-range"] == f"bytes {first}-{last - 1}/{len(whole)}"
    assert answer.headers["content-length"] == str(last - first)
    assert answer.headers["content-type"] == "audio/mp4"


def test_several_ranges_come_in_parts(mock, record, contract):
    """As `multipart/byteranges`, each part with its place."""
    url = record(mock)["fileUrl"]
    whole = mock.get(url).content

    answer = mock.get(url, headers={"Range": "bytes=0-3,10-19,-5"})

    contract.check_answer("downloadRecording", answer.status_code, answer.content, answer.headers)
    assert answer.status_code == 206
    assert answer.headers["content-length"] == str(len(answer.content))
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    parts = message_from_bytes(head + answer.content).get_payload()
    size = len(whole)
    assert [part["content-range"] for part in parts] == [
        f"bytes 0-3/{size}",
        f"bytes 10-19/{size}",
        f"bytes {size - 5}-{size - 1}/{size}",
    ]
    assert answer.content.count(whole[10:20]) >= 1
    assert {part["content-type"] for part in parts} == {"audio/mp4"}


@pytest.mark.parametrize("asked", ["bytes={size}-", "bytes=99999999-", "bytes={size}-{size}", "bytes=-0"])
def test_a_range_outside_the_file_is_416(mock, record, refused, contract, asked):
    """In the envelope, and `Content-Range` tells the size."""
    recording = record(mock)

    answer = mock.get(recording["fileUrl"], headers={"Range": asked.format(size=recording["fileSize"])})

    refused(answer, 416, says="range")
    contract.check_answer("downloadRecording", 416, answer.content, answer.headers)
    assert answer.headers["content-range"] == f"bytes */{recording['fileSize']}"


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "x",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=5-3",
        "bytes=1-2-3",
        "bytes=0x1-2",
        "bites=0-3",
        "bytes 0-3",
        "é=1",
        "bytes=0-3;4-5",
        "seconds=0-1",
    ],
)
def test_a_range_that_makes_no_sense_is_ignored(mock, record, asked):
    """The whole file comes (RFC 9110, 14.2)."""
    recording = record(mock)

    answer = mock.get(recording["fileUrl"], headers={"Range": asked.encode()})

    assert answer.status_code == 200
    assert len(answer.content) == recording["fileSize"]
    assert answer.headers["content-length"] == str(recording["fileSize"])


def test_a_range_of_another_version_is_the_whole(mock, record):
    """`If-Range` goes by the `ETag` that came with the file."""
    url = record(mock)["fileUrl"]
    tag = mock.get(url).headers["etag"]

    same = mock.get(url, headers={"Range": "bytes=0-3", "If-Range": tag})
    other = mock.get(url, headers={"Range": "bytes=0-3", "If-Range": '"other"'})

    assert (same.status_code, other.status_code) == (206, 200)


def test_a_link_dies_after_an_hour_of_the_sandboxs_clock(mock, record, refused, contract):
    """Not a millisecond earlier or later; the message says when."""
    url = record(mock)["fileUrl"]
    mock.advance(by="59m59.999s")
    assert mock.get(url).status_code == 200
    mock.advance(by="1ms")

    answer = mock.get(url)

    refused(answer, 403, type="authentication_error", param="signed", says="expired at 2026-01-15T11:30:10Z")
    contract.check_answer("downloadRecording", 403, answer.content, answer.headers)


TAMPERED = {
    "an hour more": lambda expiry, app, signature: f"{int(expiry) + 3_600_000}.{app}.{signature}",
    "a millisecond less": lambda expiry, app, signature: f"{int(expiry) - 1}.{app}.{signature}",
    "leading zero": lambda expiry, app, signature: f"0{expiry}.{app}.{signature}",
    "leading blank": lambda expiry, app, signature: f" {expiry}.{app}.{signature}",
    "plus sign": lambda expiry, app, signature: f"+{expiry}.{app}.{signature}",
    "underscore": lambda expiry, app, signature: f"{expiry[:3]}_{expiry[3:]}.{app}.{signature}",
    "other digits": lambda expiry, app, signature: f"{expiry[:-1]}٠.{app}.{signature}",
    "other app": lambda expiry, app, signature: f"{expiry}.{app[:-1]}x.{signature}",
    "no app": lambda expiry, app, signature: f"{expiry}..{signature}",
    "last character": lambda expiry, app, signature: (
        f"{expiry}.{app}.{signature[:-1]}{'1' if signature[-1] == '0' else '0'}"
    ),
    "upper case": lambda expiry, app, signature: f"{expiry}.{app}.{signature.upper()}",
    "cut off": lambda expiry, app, signature: f"{expiry}.{app}.{signature[:-1]}",
    "longer": lambda expiry, app, signature: f"{expiry}.{app}.{signature}0",
    "line break": lambda expiry, app, signature: f"{expiry}.{app}.{signature}\n",
    "not ASCII": lambda expiry, app, signature: f"{expiry}.{app}.é",
    "no signature": lambda expiry, app, signature: f"{expiry}.{app}.",
    "only an expiry": lambda expiry, app, signature: expiry,
    "dots": lambda expiry, app, signature: "...",
    "word": lambda expiry, app, signature: "x",
    "huge expiry": lambda expiry, app, signature: f"{'9' * 5_000}.{app}.{signature}",
    "NUL": lambda expiry, app, signature: "\x00",
}


@pytest.mark.parametrize("tamper", TAMPERED.values(), ids=TAMPERED)
def test_a_tampered_signature_opens_nothing(mock, record, refused, tamper):
    """Whichever part of it was changed."""
    url = record(mock)["fileUrl"]
    expiry, app, signature = parse_qs(urlsplit(url).query)["signed"][0].split(".")

    answer = mock.get(resigned(url, signed=tamper(expiry, app, signature)))

    refused(answer, 403, type="authentication_error", param="signed", says="not genuine")


@pytest.mark.parametrize("query", ["", "?", "?signed=", "?signed", "?x=1", "?Signed=1"])
def test_a_link_without_a_signature_opens_nothing(mock, record, refused, contract, query):
    """With a message of its own."""
    answer = mock.get(urlsplit(record(mock)["fileUrl"]).path + query)

    refused(answer, 403, type="authentication_error", param="signed", says="no signature")
    contract.check_answer("downloadRecording", 403, answer.content, answer.headers)


def test_a_signature_opens_only_its_own_file(mock, record, refused):
    """Not another recording, not another format, and not that of another app."""
    url, other = record(mock)["fileUrl"], record(mock)["fileUrl"]
    path = urlsplit(url).path
    signed = parse_qs(urlsplit(other).query)["signed"][0]

    answers = [
        mock.get(resigned(url, signed=signed)),
        mock.get(resigned(url, path=path.replace(".mp4", ".ogg"))),
        mock.get(resigned(url, path=path.replace(".mp4", ""))),
        mock.get(resigned(url, path=path + ".mp4")),
        mock.get(resigned(url, path=path + "%0A")),
        mock.get(resigned(url, path=path + "%00")),
    ]

    for answer in answers:
        refused(answer, 403, type="authentication_error", param="signed", says="not genuine")


def test_a_link_of_another_server_opens_nothing(open_mock, record, refused):
    """Links are signed with the server's seed."""
    one, other = open_mock(random_seed=1), open_mock(random_seed=2)
    record(other)

    answer = other.get(record(one)["fileUrl"])

    refused(answer, 403, type="authentication_error", param="signed", says="not genuine")


def test_the_link_of_a_deleted_recording_is_dead(mock, record, refused, contract):
    """404 with a message of its own, whether the link has expired or not; a tampered one learns nothing."""
    recording = record(mock)
    mock.delete(f"/v1/calls/recordings/{recording['id']}")

    for by in (0, "2h"):
        mock.advance(by=by)
        answer = mock.get(recording["fileUrl"])
        refused(answer, 404, says="deleted")
        contract.check_answer("downloadRecording", 404, answer.content, answer.headers)

    refused(mock.get(recording["fileUrl"] + "0"), 403, type="authentication_error", param="signed")


@pytest.mark.parametrize("format", ["ogg", "mp4"])
def test_a_link_from_before_a_reset_does_not_open_what_has_the_same_identifier_now(mock, record, refused, format):
    """Neither while it is being recorded, nor as a file of another format."""
    recording = record(mock, "ogg")
    mock.post("/_mockchirp/reset")
    call_id = mock.call("+15005550007")["id"]
    mock.command(call_id, "start_recording", format=format)
    mock.advance(by=8)
    refused(mock.get(recording["fileUrl"]), 404, says="is recording")

    mock.command(call_id, "stop_recording")
    mock.advance(by=2)
    answer = mock.get(recording["fileUrl"])
    if format == "ogg":
        assert answer.status_code == 200
    else:
        refused(answer, 404, says="the mp4 recording is completed")


@pytest.mark.parametrize("format", FORMATS)
def test_a_link_in_a_webhook_opens_the_file(mock, record, format):
    """It is the link of the moment when the event happened."""
    recording = record(mock, format)
    (body,) = (dispatch.body for dispatch in mock.receiver.got if b"calls.recording.completed" in dispatch.body)

    mock.advance(by="59m")

    url = body.decode().partition('"fileUrl":"')[2].partition('"')[0]
    assert len(mock.get(url, key=None).content) == recording["fileSize"]


def test_a_head_request_that_fails_has_no_body(mock, record, contract):
    """The status says all that can be said."""
    url = record(mock)["fileUrl"]

    for path, status in [(url + "0", 403), (urlsplit(url).path, 403)]:
        answer = mock.request("HEAD", path)
        contract.check_answer("headRecording", status, answer.content)
        assert answer.status_code == status
