"""WebRTC tokens: LiveKit's own library takes them for real ones."""

import base64
import json
import time
import warnings

import jwt
import pytest
from livekit.api import TokenVerifier

TOKENS = "/v1/calls/token"
SECRET = "a secret of at least thirty-two bytes"
BODY = {"roomName": "call-NJGrDXr5RG0m", "participantIdentity": "agent-7"}


@pytest.fixture
def mock(open_mock):
    """One whose clock is frozen in January 2026, while that of the verifier runs."""
    return open_mock(livekit_api_key="APIkey", livekit_api_secret=SECRET)


def parts(token):
    """The header and the claims of a token, unverified."""
    return [json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2]]


def test_livekit_takes_a_token_for_a_real_one(mock, contract):
    """Its library verifies the signature, the issuer and the time, and reads who may join which room."""
    earliest = int(time.time())

    answer = mock.post(TOKENS, {**BODY, "participantName": "Sam", "ttl": 600})

    body = contract.check_answer("createWebrtcToken", answer.status_code, answer.content, answer.headers)
    claims = TokenVerifier("APIkey", SECRET).verify(body["token"])
    assert (claims.identity, claims.name) == ("agent-7", "Sam")
    assert (claims.video.room, claims.video.room_join) == ("call-NJGrDXr5RG0m", True)
    assert earliest + 600 <= body["expiresAt"] <= int(time.time()) + 600


@pytest.mark.parametrize(("key", "secret"), [("APIkey", SECRET + "!"), ("another", SECRET)])
def test_livekit_refuses_it_with_another_key_or_secret(mock, key, secret):
    """So the signature is one, and the issuer is named."""
    token = mock.post(TOKENS, BODY).json()["token"]

    with pytest.raises(jwt.InvalidTokenError):
        TokenVerifier(key, secret).verify(token)


def test_a_local_livekit_server_takes_it_by_default(open_mock):
    """`livekit-server --dev` knows the key `devkey` and the secret `secret`."""
    token = open_mock().post(TOKENS, BODY).json()["token"]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the secret is short, and well known
        claims = TokenVerifier("devkey", "secret").verify(token)
    assert claims.identity == "agent-7"


@pytest.mark.parametrize("start", ["2015-01-01T00:00:00Z", "2149-01-01T00:00:00Z"])
def test_a_token_is_good_whatever_the_sandboxs_clock_says(open_mock, start):
    """In its past and in its future, and after a jump: a LiveKit server has another clock."""
    mock = open_mock(clock_start=start, livekit_api_key="APIkey", livekit_api_secret=SECRET)
    mock.advance(by="30d")

    token = mock.post(TOKENS, {**BODY, "ttl": 60}).json()["token"]

    assert TokenVerifier("APIkey", SECRET).verify(token).identity == "agent-7"


@pytest.mark.parametrize(("ttl", "expires"), [(None, 3600), (60, 60), (86_400, 86_400), (600.0, 600)])
def test_a_token_is_good_for_a_while(open_mock, ttl, expires):
    """From the machine's now on, an hour unless said otherwise; what it says is what the answer says."""
    earliest = int(time.time())

    answer = open_mock().post(TOKENS, BODY if ttl is None else {**BODY, "ttl": ttl}).json()

    header, claims = parts(answer["token"])
    assert header == {"alg": "HS256", "typ": "JWT"}
    begins = claims.pop("nbf")
    assert earliest <= begins <= int(time.time())
    assert claims == {
        "iss": "devkey",
        "sub": "agent-7",
        "exp": begins + expires,
        "video": {"room": "call-NJGrDXr5RG0m", "roomJoin": True},
    }
    assert answer["expiresAt"] == begins + expires


def test_names_are_taken_as_they_are(open_mock):
    """Any text; whatever else is in the body gives no further rights."""
    names = {"roomName": "café ☕", "participantIdentity": "a\nb", "participantName": ""}

    answer = open_mock().post(TOKENS, {**names, "video": {"roomAdmin": True}})

    claims = parts(answer.json()["token"])[1]
    assert (claims["video"], claims["sub"], claims["name"]) == ({"room": "café ☕", "roomJoin": True}, "a\nb", "")


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"roomName": ...}, "roomName"),
        ({"participantIdentity": ...}, "participantIdentity"),
        ({"roomName": ""}, "roomName"),
        ({"roomName": "x" * 257}, "roomName"),
        ({"roomName": None}, "roomName"),
        ({"participantIdentity": 7}, "participantIdentity"),
        ({"participantName": None}, "participantName"),
        ({"participantName": "x" * 257}, "participantName"),
        ({"ttl": 59}, "ttl"),
        ({"ttl": 86_401}, "ttl"),
        ({"ttl": 60.5}, "ttl"),
        ({"ttl": "600"}, "ttl"),
        ({"ttl": True}, "ttl"),
        ({"ttl": None}, "ttl"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_token_that_cannot_be_is_refused(mock, refused, contract, change, param):
    """The error names the field."""
    body = {**BODY, **change}

    answer = mock.post(TOKENS, {name: value for name, value in body.items() if value is not ...})

    refused(answer, 400, param=param)
    contract.check_answer("createWebrtcToken", 400, answer.content, answer.headers)


def test_the_room_of_a_call_can_be_joined(open_mock):
    """Its `livekitRoomName` is what a token is asked for."""
    mock = open_mock()
    room = mock.call(fromChannel="webrtc", **{"from": "agent-7"})["livekitRoomName"]

    token = mock.post(TOKENS, {**BODY, "roomName": room}).json()["token"]

    assert parts(token)[1]["video"]["room"] == room
