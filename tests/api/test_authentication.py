"""Keys: what they open, and the three kinds of 401."""

import pytest

from mockchirp.api.routes import OPERATIONS
from mockchirp.core.errors import Unauthenticated
from mockchirp.http import authorization

CALL = {"from": "+15551234567", "to": "+15559876543"}
IDS = {"callId": "call_" + "a" * 27, "recordingId": "call_rec_" + "a" * 27}


def place(mock, **options):
    return mock.post("/v1/calls", CALL, **options)


@pytest.mark.parametrize(
    "operation", [row for row in OPERATIONS if row.path.startswith("/v1/calls")], ids=lambda row: row.id
)
def test_every_operation_on_calls_needs_an_app_key(mock, refused, contract, operation):
    """Before anything else is looked at: the body, the ids, whether there is such a call."""
    path = operation.path.format_map(IDS | {"voicemailId": "x"})

    for key, says in [
        (None, "No API key"),
        ("sk_test_app_", "Invalid API key"),
        ("sk_admin_x", "Wrong kind of API key"),
    ]:
        answer = mock.request(operation.method, path, key=key, content=b"{")
        refused(answer, 401, type="authentication_error", says=says)
        if operation.id in contract.operations:  # tests/contract has its own word on those that are not
            contract.check_answer(operation.id, 401, answer.content, answer.headers)
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("", "No API key"),
        ("Bearer", "No API key"),
        ("Bearer   ", "No API key"),
        ("Basic c2tfdGVzdF9hcHBfeDo=", "No API key"),
        ("sk_test_app_x", "No API key"),
        ("Bearer x", "Invalid API key"),
        ("Bearer sk_test_app_", "Invalid API key"),
        ("Bearer sk_live_app", "Invalid API key"),
        ("Bearer sk_test_app_a b", "Invalid API key"),
        ("Bearer sk_test_app_é", "Invalid API key"),
        ("Bearer sk_prod_app_x", "Invalid API key"),
        ("Bearer SK_TEST_APP_x", "Invalid API key"),
        ("Bearer sk_test_app_" + "x" * 129, "Invalid API key"),
        ("Bearer sk_admin_x", "Wrong kind of API key"),
        ("Bearer sk_admin_", "Wrong kind of API key"),
    ],
)
def test_a_key_that_is_none_is_refused(mock, refused, header, says):
    """The message says which of the three it is: missing, invalid, of the wrong kind."""
    answer = place(mock, key=None, headers={"Authorization": header.encode("latin-1")})

    refused(answer, 401, type="authentication_error", says=says)
    assert list(mock.app.runtime) == []


LOOKS = "an app key is sk_test_app_ or sk_live_app_ and then 1 to 128 of A-Z, a-z, 0-9, _ and -"


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("", "the Authorization header is empty; send 'Authorization: Bearer sk_test_app_...'"),
        ("Bearer", "nothing follows 'Bearer'"),
        ("Bearer  ", "nothing follows 'Bearer'"),
        ("Basic c2tfdGVzdF9hcHBfeDo=", "the scheme of the Authorization header is Basic, not Bearer"),
        ("Token sk_test_app_x", "the scheme of the Authorization header is Token, not Bearer"),
        ("sk_test_app_x", "begins with the key itself, without 'Bearer '"),
        ("hunter2", "does not begin with 'Bearer '"),
        ("Bearer:sk_test_app_x", "does not begin with 'Bearer '"),
        ("Bearer x", f"which begins otherwise: {LOOKS}"),
        ("Bearer sk_test_app_", f"which ends there: {LOOKS}"),
        ("Bearer sk_test_app_" + "x" * 129, f"which goes on for 129 characters: {LOOKS}"),
        ("Bearer sk_test_app_a.b", f"which holds another character: {LOOKS}"),
        ("Bearer SK_TEST_APP_x", f"which begins with capital letters: {LOOKS}"),
        ('Bearer "sk_test_app_x"', f"without quotes and brackets: {LOOKS}"),
        ("Bearer $KEY", f"without quotes and brackets: {LOOKS}"),
        ("Bearer sk_admin_x", "this needs an app key (sk_test_app_... or sk_live_app_...), not an admin key"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/calls", "/_mockchirp/calls"])
def test_what_to_write_instead_is_said(mock, refused, path, header, says):
    """On both surfaces, and what may be a secret is not repeated."""
    answer = mock.post(path, CALL, key=None, headers={"Authorization": header})

    message = refused(answer, 401, type="authentication_error", says=says)
    assert "hunter2" not in message


def test_an_app_key_opens_no_organization(mock, refused):
    """And what opens it is named, with its form."""
    path = f"/v1/organization/apps/{place(mock).json()['appId']}/calling"

    for key, says in [
        ("sk_test_app_x", "this needs an admin key (sk_admin_...), not an app key"),
        ("sk_admin_", "an admin key is sk_admin_ and then 1 to 128"),
        (None, "send 'Authorization: Bearer sk_admin_...'"),
    ]:
        refused(mock.get(path, key=key), 401, type="authentication_error", says=says)


def test_two_keys_are_one_too_many():
    """Nobody knows which of them is meant."""
    one, other = (b"authorization", b"Bearer sk_test_app_a"), (b"authorization", b"Bearer sk_test_app_b")

    assert authorization({"headers": [(b"accept", b"*/*"), one]}) == one[1]
    assert authorization({"headers": []}) is None
    with pytest.raises(Unauthenticated, match="2 Authorization headers were sent: send one"):
        authorization({"headers": [one, (b"accept", b"*/*"), other]})


GONE = {
    "/v1/calls/{}": "call_test_" + "a" * 27,
    "/v1/calls/{}/recordings": "call_test_" + "a" * 27,
    "/v1/calls/recordings/{}": "call_rec_" + "a" * 27,
    "/v1/calls/voicemails/{}": "call_vm_" + "a" * 27,
    "/v1/webhooks/{}": "whk_" + "a" * 27,
    "/_mockchirp/calls/{}": "call_" + "a" * 27,
    "/_mockchirp/deliveries/{}": "dlv_9",
    "/_mockchirp/faults/{}": "flt_9",
}


@pytest.mark.parametrize("path", GONE)
def test_what_is_not_found_is_said_with_where_it_was_sought(mock, refused, path):
    """In the sandbox of which key, of which no more is shown than tells it from others."""
    answer = mock.get(path.format(GONE[path]), key="sk_test_app_of-mine-alone")

    message = refused(answer, 404, param=answer.json()["error"]["param"])
    assert f"{GONE[path]} in the sandbox of sk_test_app_of-min…" in message


def test_without_a_key_it_was_sought_in_the_default_sandbox(mock, refused):
    """Which is most often why something isn't there."""
    call_id = mock.call(key="sk_test_app_another_one")["id"]

    answer = mock.get(f"/_mockchirp/calls/{call_id}", key=None)

    refused(
        answer,
        404,
        param="callId",
        says="in the sandbox of sk_test_app_local, the default one, since no key was sent; the sandbox of sk_test_app_anothe… has it",
    )


def test_another_sandbox_that_has_it_is_named(mock, refused):
    """Calls, recordings, voicemails and webhooks have ids that there is one of; the answer is 404 all the same."""
    call_id = mock.call(key="sk_test_app_a")["id"]
    mock.call(key="sk_test_app_b")

    for answer in (
        mock.get(f"/v1/calls/{call_id}", key="sk_test_app_b"),
        mock.post("/_mockchirp/wait", {"for": {"call": call_id, "status": "ringing"}}, key="sk_test_app_b"),
    ):
        refused(
            answer,
            404,
            param=answer.json()["error"]["param"],
            says="in the sandbox of sk_test_app_b; the sandbox of sk_test_app_a has it",
        )
    assert "has it" not in mock.get("/_mockchirp/deliveries/dlv_1", key="sk_test_app_c").text


def test_a_refused_key_is_not_repeated(mock, refused):
    """It may be a real one, and answers end up in logs."""
    message = refused(place(mock, key="pk_live_very_secret_0123456789"), 401, type="authentication_error")

    assert "secret" not in message


@pytest.mark.parametrize(
    "header", ["bearer sk_test_app_local", "BEARER  sk_test_app_local", " Bearer sk_test_app_local "]
)
def test_the_scheme_is_read_as_http_has_it(mock, header):
    """Its case and the blanks around it don't matter."""
    assert place(mock, key=None, headers={"Authorization": header}).status_code == 201


def test_test_keys_and_live_keys_make_ids_of_their_own(mock):
    """`test_` tells them apart, in every id."""
    test, live = place(mock, key="sk_test_app_a").json(), place(mock, key="sk_live_app_a").json()

    assert (test["id"][:10], test["appId"][:9]) == ("call_test_", "app_test_")
    assert "test_" not in live["id"] + live["appId"]


def test_a_key_always_means_the_same_app(open_mock):
    """On every server, whatever its seed, and another key another one."""
    one, other = open_mock(random_seed=1), open_mock(random_seed=2)

    assert place(one).json()["appId"] == place(other).json()["appId"]
    assert place(one, key="sk_test_app_a").json()["appId"] != place(one, key="sk_test_app_b").json()["appId"]


def test_only_the_keys_that_the_server_was_started_with_are_accepted(open_mock, refused):
    """And control requests without a key mean the first of them."""
    mock = open_mock(api_keys="sk_test_app_one,sk_live_app_two")

    assert place(mock, key="sk_live_app_two").status_code == 201
    refused(place(mock, key="sk_live_app_three"), 401, type="authentication_error", says="Invalid API key")
    assert mock.get("/_mockchirp/clock", key=None).status_code == 200
    assert len(list(mock.app.runtime)) == 2
