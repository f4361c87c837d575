"""Keys: what they open, and the three kinds of 401."""

import pytest

from mockchirp.api.routes import OPERATIONS

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
