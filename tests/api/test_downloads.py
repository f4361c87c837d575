"""The files of recordings, behind their links."""

from email import message_from_bytes
from itertools import pairwise
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from mockchirp.api.downloads import OPERATION_IDS
from mockchirp.core.recordings import FORMATS
from mockchirp.media.library import AudioLibrary

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
        "bytes=0-3,x",
        "bytes=\u0660-\u0663",
        "bytes=+0-3",
        "bytes=0 - 3",
        "bytes =0-3",
        "bytes=" + ",".join(f"{i * 2}-{i * 2}" for i in range(101)),
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


def test_what_is_left_of_several_ranges_comes_alone(mock, record):
    """A set with one satisfiable member is 206 with that part; touching ones are one."""
    recording = record(mock)
    whole = mock.get(recording["fileUrl"]).content

    for asked in ("bytes=0-3,99999999-", "bytes=99999999-,0-3", "bytes=2-3,0-1", "bytes=0-2,1-3,-0"):
        answer = mock.get(recording["fileUrl"], headers={"Range": asked})
        assert (answer.status_code, answer.content) == (206, whole[:4])
        assert answer.headers["content-range"] == f"bytes 0-3/{len(whole)}"


def test_the_parts_of_a_file_make_up_the_file(mock, record):
    """Whichever way it is cut, also across the portions in which it is sent."""
    url = record(mock, "webm", seconds=60)["fileUrl"]
    whole = mock.get(url).content
    edges = [0, 1, 65_535, 65_536, 65_537, 131_071, 150_000, len(whole)]

    parts = [mock.get(url, headers={"Range": f"bytes={first}-{end - 1}"}).content for first, end in pairwise(edges)]

    assert b"".join(parts) == whole


def test_head_knows_no_ranges(mock, record):
    """It answers as if there were none (RFC 9110, 14.2)."""
    url = record(mock)["fileUrl"]
    whole = mock.request("HEAD", url)

    for asked in ("bytes=0-3", "bytes=99999999-", "bytes=0-3,9-10"):
        answer = mock.request("HEAD", url, headers={"Range": asked})
        assert (answer.status_code, dict(answer.headers)) == (200, dict(whole.headers))


def test_two_range_headers_are_none(mock, record):
    """It is no field that may be given twice."""
    url = record(mock)["fileUrl"]

    twice = [("Range", "bytes=0-3"), ("Range", "bytes=4-7")]
    answer = mock.together(lambda client: client.get(url, headers=twice))

    assert answer.status_code == 200


def test_a_range_of_another_version_is_the_whole(mock, record):
    """`If-Range` goes by the `ETag` and the `Last-Modified` that came with the file."""
    url = record(mock)["fileUrl"]
    headers = mock.get(url).headers

    def status(condition):
        return mock.get(url, headers={"Range": "bytes=0-3", "If-Range": condition}).status_code

    assert status(headers["etag"]) == status(headers["last-modified"]) == 206
    assert status('"other"') == status(f"W/{headers['etag']}") == status("Thu, 15 Jan 2026 10:30:07 GMT") == 200
    out_of_reach = {"Range": "bytes=99999999-", "If-Range": '"other"'}
    assert mock.get(url, headers=out_of_reach).status_code == 200


def test_what_the_client_has_is_not_sent_again(mock, record, contract):
    """304, with what a cache has to know and no body; to HEAD as well."""
    url = record(mock)["fileUrl"]
    whole = mock.get(url).headers

    for condition in ({"If-None-Match": whole["etag"]}, {"If-Modified-Since": whole["last-modified"]}):
        for method in ("GET", "HEAD"):
            answer = mock.request(method, url, headers={**condition, "Range": "bytes=99999999-"})
            assert (answer.status_code, answer.content) == (304, b"")
            contract.check_answer(OPERATION_IDS[method], 304, answer.content, answer.headers)
            for name in ("etag", "cache-control"):
                assert answer.headers[name] == whole[name]
            assert not {"content-length", "content-type"} & set(answer.headers)


def test_a_file_that_is_not_what_was_asked_for_is_412(mock, record, refused, contract):
    """In the envelope, which says what the file is."""
    url = record(mock)["fileUrl"]
    tag = mock.get(url).headers["etag"]

    for condition in ({"If-Match": '"other"'}, {"If-Unmodified-Since": "Thu, 15 Jan 2026 10:30:07 GMT"}):
        answer = mock.get(url, headers={**condition, "Range": "bytes=99999999-"})
        refused(answer, 412, says=f"its ETag is {tag}, its Last-Modified Thu, 15 Jan 2026 10:30:08 GMT")
        contract.check_answer("downloadRecording", 412, answer.content, answer.headers)
        assert mock.request("HEAD", url, headers=condition).status_code == 412


def test_conditions_open_no_link(mock, record):
    """They are looked at where the file would be the answer (RFC 9110, 13.2.1)."""
    recording = record(mock)
    url = recording["fileUrl"]
    assert mock.get(url + "0", headers={"If-None-Match": "*"}).status_code == 403
    mock.delete(f"/v1/calls/recordings/{recording['id']}")
    assert mock.get(url, headers={"If-None-Match": "*"}).status_code == 404
    assert mock.get(url, headers={"If-Match": '"other"'}).status_code == 404


def test_no_answer_about_a_file_is_kept_in_a_cache(mock, record):
    """A browser would open an expired, deleted or reset link from it."""
    recording = record(mock)
    url = recording["fileUrl"]
    answers = [
        mock.request(method, target, headers=headers)
        for method in ("GET", "HEAD")
        for target, headers in [
            (url, {}),
            (url, {"Range": "bytes=0-3"}),
            (url, {"Range": "bytes=0-3,9-10"}),
            (url, {"Range": "bytes=99999999-"}),
            (url, {"If-None-Match": "*"}),
            (url, {"If-Match": '"other"'}),
            (url + "0", {}),
            (urlsplit(url).path, {}),
        ]
    ]
    answers += [mock.post(url), mock.get(urlsplit(url).path + "/more"), mock.get("/recordings/")]
    mock.delete(f"/v1/calls/recordings/{recording['id']}")
    answers.append(mock.get(url))

    assert {answer.status_code for answer in answers} == {200, 206, 304, 403, 404, 405, 412, 416}
    assert [answer.status_code for answer in answers if answer.headers.get("cache-control") != "no-store"] == []


def test_last_modified_is_the_end_of_the_recording(mock, record, open_mock):
    """On the sandbox's clock, and whatever the clock says now; the same in the server that takes its state over."""
    recording = record(mock)
    seen = mock.get(recording["fileUrl"]).headers
    assert seen["last-modified"] == "Thu, 15 Jan 2026 10:30:08 GMT"
    assert recording["endedAt"] == "2026-01-15T10:30:08Z"

    mock.advance(by="30m")
    later = open_mock()
    assert later.put("/_mockchirp/state", mock.get("/_mockchirp/state").json()).status_code == 200

    for server in (mock, later):
        link = server.get(f"/v1/calls/recordings/{recording['id']}").json()["fileUrl"]
        answer = server.get(link)
        assert (answer.headers["last-modified"], answer.headers["etag"]) == (seen["last-modified"], seen["etag"])
        assert answer.headers["content-length"] == str(recording["fileSize"])


def test_a_tag_names_the_content_and_not_the_recording(mock, record):
    """Identifiers repeat after a reset; two recordings of one format and length are one content."""
    first, second, longer, other = record(mock), record(mock), record(mock, seconds=4), record(mock, "ogg")
    tags = [mock.get(each["fileUrl"]).headers["etag"] for each in (first, second, longer, other)]
    assert tags[0] == tags[1]
    assert len(set(tags)) == 3

    mock.post("/_mockchirp/reset")
    again = record(mock, seconds=4)

    assert again["id"] == first["id"]
    answer = mock.get(again["fileUrl"], headers={"If-None-Match": tags[0]})
    assert (answer.status_code, answer.headers["etag"]) == (200, tags[2])


def test_without_a_place_for_audio_the_download_says_so(open_mock, record, refused, contract, tmp_path):
    """503 with the reason and no path; the recording, its size, the export and the import need no place."""
    (tmp_path / "file").touch()
    mock = open_mock(library=AudioLibrary(tmp_path / "file" / "below"))
    recording = record(mock)
    url = recording["fileUrl"]

    for headers in ({}, {"Range": "bytes=0-3"}):
        answer = mock.get(url, headers=headers)
        message = refused(answer, 503, type="api_error", says=f"it takes {recording['fileSize']} bytes")
        assert str(tmp_path) not in message
        assert ("Not a directory" in message) != ("File exists" in message)
        assert answer.headers["cache-control"] == "no-store"
        contract.check_answer("downloadRecording", 503, answer.content, answer.headers)
    assert mock.request("HEAD", url).headers["content-length"] == str(recording["fileSize"])
    state = mock.get("/_mockchirp/state")
    assert state.status_code == 200
    assert mock.put("/_mockchirp/state", state.json()).status_code == 200

    (tmp_path / "file").unlink()
    assert len(mock.get(url).content) == recording["fileSize"]


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
