"""Requests that are wrong in every way: the answer is the envelope with the right 4xx, and nothing has changed."""

import json

import pytest

from mockchirp.api.routes import DOWNLOADS
from mockchirp.api.routes import OPERATIONS as CHIRPS
from mockchirp.control.routes import OPERATIONS as CONTROLS

CALL = b'{"from":"+15551234567","to":"+15559876543","metadata":{"x":%s}}'
JSON = {"Content-Type": "application/json"}
MIB = 1 << 20
GONE = "call_" + "a" * 27
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"}


def nested(levels, opening=b'{"a":', closing=b"}"):
    return CALL % (opening * levels + b"1" + closing * levels)


MALFORMED = {
    "empty": b"",
    "blank": b"  \n",
    "cut off": b'{"from":"+1555',
    "not JSON": b"from=+15551234567&to=+15559876543",
    "two values": b"{}{}",
    "a trailing comma": b'{"a":1,}',
    "single quotes": b"{'a':1}",
    "a comment": b"{/* */}",
    "NaN": CALL % b"NaN",
    "Infinity": CALL % b"Infinity",
    "-Infinity": CALL % b"-Infinity",
    "1e999": CALL % b"1e999",
    "-1e999": CALL % b"-1e999",
    "400 digits": CALL % (b"9" * 400),
    "a number of a megabyte": CALL % (b"9" * 1_000_000),
    "hexadecimal": CALL % b"0x10",
    "a leading zero": CALL % b"01",
    "a lone leading surrogate": CALL % rb'"\ud800"',
    "a lone trailing surrogate": CALL % rb'"\udc00"',
    "surrogates in the wrong order": CALL % rb'"\udc00\ud800"',
    "a surrogate in UTF-8": CALL % b'"\xed\xa0\x80"',
    "a surrogate as a name": CALL % rb'{"\ud800":1}',
    "a NUL in a string": CALL % b'"\x00"',
    "a NUL before": b"\x00{}",
    "a NUL after": b"{}\x00",
    "a line break in a string": CALL % b'"\n"',
    "a wrong escape": CALL % rb'"\x41"',
    "not UTF-8": CALL % b'"\xff"',
    "overlong UTF-8": CALL % b'"\xc0\xaf"',
    "Latin-1": CALL % '"é"'.encode("latin-1"),
    "UTF-16": (CALL % b"1").decode().encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + CALL % b"1",
    "compressed": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\xae\x05\x00\x43\xbf\xa6\xa3\x02\x00\x00\x00",
    "an array": b"[]",
    "a string": b'"x"',
    "a number": b"1",
    "a fraction": b"1.5",
    "true": b"true",
    "null": b"null",
    "33 levels": nested(32),
    "33 levels of arrays": nested(32, b"[", b"]"),
    "1,000 levels": nested(1_000),
    "100,000 levels": nested(100_000),
    "100,000 levels of arrays": nested(100_000, b"[", b"]"),
    "100,000 levels left open": b"[" * 100_000,
}
TAKING_BODIES = {row.id: row for row in CHIRPS if row.body != "none"} | {row.id: row for row in CONTROLS if row.body}


class Ids(dict):
    """What the parameters of a path are filled with; those that are not given are nobody's."""

    def __missing__(self, name):
        return {"recordingId": "call_rec_", "voicemailId": "call_vm_", "webhookId": "whk_"}.get(
            name, "call_"
        ) + "a" * 27


@pytest.fixture
def lived_in(mock):
    """A mock with a call in the middle of its talk."""
    mock.call()
    mock.advance(by=10)
    return mock


@pytest.fixture
def send(lived_in):
    """Send a body to an operation that takes one, of the call and the app that there are, with the right kind of key."""
    sandbox = lived_in.sandbox()
    ids = Ids({"callId": next(iter(sandbox.calls)), "appId": sandbox.app_id})

    def send(operation_id, content, content_type="application/json"):
        row = TAKING_BODIES[operation_id]
        headers = {} if content_type is None else {"Content-Type": content_type.encode("latin-1")}
        key = {"key": "sk_admin_x"} if getattr(row, "admin", False) else {}
        return lived_in.request(row.method, row.path.format_map(ids), content=content, headers=headers, **key)

    return send


@pytest.mark.parametrize("operation", ["createCall", "sendCallCommand", "setClock", "advanceClock"])
@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_body_is_refused(lived_in, send, refused, operation, body):
    """Whatever is wrong with it, and wherever it is sent."""
    before = lived_in.state()

    refused(send(operation, body), 400, says="the body")

    assert lived_in.state() == before


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "the body is empty; it must be a JSON object"),
        (b"from=%2B15551234567&to=%2B1555", "it looks like a form; send JSON"),
        (b"{'from': '+15551234567'}", "straight double quotes"),
        ("{“from”: 1}".encode(), "straight double quotes"),
        (b"{from: 1}", "names stand in double quotes"),
        (b'{"from": +15551234567}', "a phone number is a text"),
        (b'{"from": "+15551234567",}', "trailing comma is not allowed"),
        (b'{"from": "+15551234567",\n}', "take it away"),
        (b"\xef\xbb\xbf{}", "byte order mark (BOM) is not supported: line 1 column 1 (char 0); send it without"),
        (b'{"from": None}', "JSON has null instead"),
        (b'{"x": True}', "JSON has true and false"),
        (b'{"x": NaN}', "finite numbers only"),
        (b'{ // from\n"from": 1}', "JSON has no comments"),
        (b"<call/>", "it looks like XML"),
        (b"@call.json", "with curl, -d @FILE"),
        (b'"{\\"from\\": 1}"', "it is a string, which holds JSON itself: it was encoded twice"),
        (b"[]", "the body must be a JSON object; it is an array"),
        (b'{"x": "\xc3\xa9", "y": None}', "JSON has null instead"),
    ],
)
def test_what_to_do_about_a_malformed_body_is_said(send, refused, body, says):
    """For those who sent one without knowing."""
    refused(send("createCall", body), 400, says=says)


def test_what_curl_sends_unless_told_otherwise_is_explained(send, refused):
    """The first mistake of everyone who tries an API by hand."""
    answer = send("createCall", b'{"from": "+1555"}', "application/x-www-form-urlencoded")

    refused(answer, 400, says="which curl sends unless it is told -H 'Content-Type: application/json'")


@pytest.mark.parametrize("operation", TAKING_BODIES)
@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "application/xml",
        "application/",
        "json",
        "*/*",
        "text/plain, application/json",
        "é" * 1000,
    ],
)
def test_another_content_type_is_refused(lived_in, send, refused, operation, content_type):
    """Or none at all: a web page can send only such ones to a stranger's server without asking first."""
    before = lived_in.state()

    refused(send(operation, CALL % b"1", content_type), 400, says="application/json")

    assert lived_in.state() == before


@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", "Application/JSON", "application/json ;charset=UTF-8", "application/json;"],
)
def test_the_content_type_is_read_as_http_has_it(mock, content_type):
    """Its case and its parameters don't matter."""
    answer = mock.request("POST", "/v1/calls", content=CALL % b"1", headers={"Content-Type": content_type})

    assert answer.status_code == 201


async def in_chunks(body):
    """A body whose length is not told beforehand."""
    for start in range(0, len(body), 65_536):
        yield body[start : start + 65_536]


@pytest.mark.parametrize(
    "operation", [name for name in TAKING_BODIES if name != "putState"]
)  # it has a bound of its own
@pytest.mark.parametrize("content_type", ["application/json", "text/plain"])
def test_a_body_of_two_mebibytes_is_too_large(lived_in, send, refused, operation, content_type):
    """Whether its length is told or not."""
    before = lived_in.state()
    body = CALL % (b'"' + b"x" * 2 * MIB + b'"')

    for content in (body, in_chunks(body)):
        refused(send(operation, content, content_type), 413, says="1048576 bytes")

    assert lived_in.state() == before


def test_the_limit_of_a_body_is_one_mebibyte(mock, refused, contract):
    """Exactly: one byte more is too much."""
    room = MIB - len(CALL % b'""')

    largest = mock.request("POST", "/v1/calls", content=CALL % (b'"' + b"x" * room + b'"'), headers=JSON)
    larger = mock.request("POST", "/v1/calls", content=CALL % (b'"' + b"x" * (room + 1) + b'"'), headers=JSON)

    assert largest.status_code == 201
    refused(larger, 413)
    contract.check_answer("createCall", 413, larger.content, larger.headers)


@pytest.mark.parametrize("length", ["1048577", "9" * 20, "9" * 5_000])
def test_a_length_that_is_told_is_believed(mock, refused, length):
    """However large the number is."""
    refused(mock.request("POST", "/v1/calls", content=b"{}", headers={**JSON, "Content-Length": length}), 413)


def test_a_body_may_have_32_levels(mock):
    """The whole is the first of them."""
    for body in (nested(30), nested(30, b"[", b"]")):
        assert mock.request("POST", "/v1/calls", content=body, headers=JSON).status_code == 201


@pytest.mark.parametrize(
    ("number", "read"),
    [(b"123456789012345678901234567890", 1.2345678901234568e29), (b"1e308", 1e308), (b"-0", 0), (b"1e-999", 0)],
)
def test_huge_numbers_that_can_be_held_are_taken(mock, number, read):
    """As the numbers of JSON are commonly read."""
    answer = mock.request("POST", "/v1/calls", content=CALL % number, headers=JSON)

    assert answer.status_code == 201
    assert answer.json()["metadata"] == {"x": read}


BAD_IDS = {
    "word": "x",
    "too short": "call_" + "a" * 26,
    "too long": "call_" + "a" * 28,
    "wrong prefix": "rec_" + "a" * 27,
    "wrong infix": "call_live_" + "a" * 27,
    "wrong characters": "call_" + "a" * 26 + "-",
    "other digits": "call_" + "a" * 26 + "%D9%A1",
    "trailing newline": GONE + "%0A",
    "trailing NUL": GONE + "%00",
    "inner NUL": "call_%00" + "a" * 26,
    "NUL alone": "%00",
    "not UTF-8": "%FF%FE",
    "surrogate": "%ED%A0%80",
    "trailing blank": GONE + "%20",
    "megabyte": "a" * 60_000,
    "markup": "%3Cscript%3E",
    "dots": "...",
}


@pytest.mark.parametrize("id", BAD_IDS.values(), ids=BAD_IDS)
def test_an_id_that_is_none_is_refused(lived_in, refused, id):
    """400 that names the parameter, for every kind of id and before the state is looked at."""
    before = lived_in.state()
    recording = id.replace("call_", "call_rec_")

    for method, path, param in [
        ("GET", f"/v1/calls/{id}", "callId"),
        ("DELETE", f"/v1/calls/{id}", "callId"),
        ("POST", f"/v1/calls/{id}/commands", "callId"),
        ("GET", f"/v1/calls/{id}/recordings", "callId"),
        ("GET", f"/v1/calls/recordings/{recording}", "recordingId"),
        ("DELETE", f"/v1/calls/recordings/{recording}", "recordingId"),
    ]:
        body = {"type": "hangup"} if method == "POST" else None
        refused(lived_in.request(method, path, json=body), 400, param=param, says="id: it must look like")

    assert lived_in.state() == before


@pytest.mark.parametrize(
    "path",
    [
        "/v1",
        "/v1/",
        "/v2/calls",
        "/v1/calls/",
        "/V1/calls",
        "/v1//calls",
        "//v1/calls",
        "/v1/calls%0A",
        "/v1/calls%00",
        f"/v1/calls/{GONE}/",
        f"/v1/calls/{GONE}/command",
        f"/v1/calls/{GONE}/commands/",
        f"/v1/calls/{GONE}/commands%0A",
        f"/v1/calls/{GONE}/recordings/x",
        f"/v1/calls/{GONE}/commands/x",
        "/v1/calls/recordings/x/y",
        "/recordings",
        "/recordings/",
        "/recordings/a/b",
        "/calls",
        "/x",
        "/%00",
        "/%FF",
        "/" + "x" * 60000,
        "/_mockchirp",
        "/_mockchirp/",
        "/_mockchirp/clock/",
        "/_mockchirp/clocks",
        "/_mockchirp/clock/advance%0A",
    ],
    ids=lambda path: path[:40],
)
def test_an_unknown_route_is_not_found(lived_in, refused, path):
    """Whatever the method, and with or without a key."""
    before = lived_in.state()

    for method, key in [("GET", None), ("POST", "sk_test_app_local"), ("DELETE", "sk_admin_x"), ("BREW", None)]:
        content = CALL % b"1" if method == "POST" else None
        answer = lived_in.request(method, "http://127.0.0.1:24477" + path, key=key, content=content, headers=JSON)
        refused(answer, 404, says="No such route")

    assert lived_in.state() == before


def allowed_methods():
    """The methods of each path that there is."""
    methods = {}
    for operation in (*CHIRPS, *CONTROLS):
        methods.setdefault(operation.path, set()).add(operation.method)
    for method, path, *_ in DOWNLOADS:
        methods.setdefault(path, set()).add(method)
    fixed = ["/", "/openapi.yaml", "/openapi.json", "/_mockchirp/health", "/_mockchirp/ready"]
    methods |= {path: {"GET"} for path in fixed}
    return {path: allowed | ({"HEAD"} if "GET" in allowed else set()) for path, allowed in methods.items()}


@pytest.mark.parametrize(("path", "allowed"), allowed_methods().items())
def test_a_wrong_method_is_refused(mock, refused, contract, path, allowed):
    """405 with `Allow`, without a key too; HEAD gets no body from a server, so only its status is looked at. OPTIONS asks for that."""
    filled = path.format_map(Ids(fileName="x.mp4"))

    options = mock.request("OPTIONS", filled, key=None)
    assert (options.status_code, options.content) == (204, b"")
    assert set(options.headers["allow"].split(", ")) == allowed
    for method in METHODS - allowed - {"OPTIONS"}:
        answer = mock.request(method, filled, key=None)
        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) == allowed
        if method != "HEAD":
            refused(answer, 405, says=f"{method} is not allowed")
        if method != "HEAD" and path.startswith("/v1/"):
            contract.check_answer(None, 405, answer.content, answer.headers)

    assert list(mock.app.runtime) == []


def test_refused_requests_leave_no_trace(open_mock):
    """Not even in the ids that follow: the next calls are the same as if there had been none."""
    plain, tried = open_mock(), open_mock()
    for _ in range(3):
        for body in list(MALFORMED.values())[:25]:
            tried.request("POST", "/v1/calls", content=body, headers=JSON)
        tried.post("/v1/calls", {"from": "+15551234567", "to": "+15005550009"})
        tried.get(f"/v1/calls/{GONE}")
        tried.get("/v1/calls/x")
        tried.post(f"/v1/calls/{tried.call()['id']}/commands", {"type": "unhold"})
        plain.call()
    plain.advance(until="idle")
    tried.advance(until="idle")

    assert json.dumps(plain.events()) == json.dumps(tried.events())


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "br", "deflate, gzip", "identity, gzip", "x"])
@pytest.mark.parametrize("path", ["/v1/calls", "/v1/webhooks", "/_mockchirp/faults", "/_mockchirp/clock/advance"])
def test_a_coded_body_is_refused_by_name(mock, refused, path, coding):
    """415 and not 400, before anything else is said of the body."""
    answer = mock.request("POST", path, content=b"\x1f\x8b", headers={"Content-Encoding": coding})

    refused(answer, 415, says=repr(coding))
    assert answer.headers["accept-encoding"] == "identity"


def test_a_body_as_it_is_may_say_so(mock):
    """And what has no body is not asked."""
    coded = {"Content-Encoding": "identity"}
    assert mock.post("/v1/calls", {"from": "+15551234567", "to": "+15559876543"}, headers=coded).status_code == 201
    assert mock.get("/v1/webhooks", headers={"Content-Encoding": "gzip"}).status_code == 200
