"""Keys: the header they come in, and the three ways in which they are wrong."""

import pytest

from mockchirp.core.errors import Unauthenticated
from mockchirp.core.keys import bearer_token, check_app_key


@pytest.mark.parametrize(
    ("header", "token"),
    [
        (None, None),
        (b"Bearer x", "x"),
        (b"bearer x", "x"),
        (b"BEARER   x  ", "x"),
        (b"  Bearer x", "x"),
        (b"Bearer a b", "a b"),
        (b"Bearer \xe9", "é"),
    ],
)
def test_a_bearer_token_is_taken_out_of_its_header(header, token):
    """As HTTP reads it: the scheme in any case, blanks around it left away."""
    assert bearer_token(header) == token


@pytest.mark.parametrize(
    "header", [b"", b" ", b"Bearer", b"Bearer ", b"Basic x", b"x", b"sk_test_app_x", b"Bearer\tx", b"\x00"]
)
def test_a_header_without_a_bearer_token_is_refused(header):
    """It is as if there were no key."""
    with pytest.raises(Unauthenticated, match=r"^No API key"):
        bearer_token(header)


@pytest.mark.parametrize("key", ["sk_test_app_x", "sk_live_app_x", "sk_test_app_A-b_9", "sk_live_app_" + "x" * 128])
def test_an_app_key_is_taken(key):
    """Of either kind."""
    assert check_app_key(key) == key


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (None, "^No API key"),
        ("sk_admin_x", "^Wrong kind of API key"),
        ("sk_admin_", "^Wrong kind of API key"),
        ("", "^Invalid API key"),
        ("x", "^Invalid API key"),
        ("sk_test_app_", "^Invalid API key"),
        ("sk_test_app_x\n", "^Invalid API key"),
        ("sk_test_app_x y", "^Invalid API key"),
        ("sk_test_app_é", "^Invalid API key"),
        ("sk_test_app_" + "x" * 129, "^Invalid API key"),
        ("sk_prod_app_x", "^Invalid API key"),
        ("SK_TEST_APP_x", "^Invalid API key"),
        ("sk_test_org_x", "^Invalid API key"),
    ],
)
def test_what_is_no_app_key_is_refused(key, says):
    """With 401, and the message says which of the three faults it is."""
    with pytest.raises(Unauthenticated, match=says) as refusal:
        check_app_key(key)

    assert (refusal.value.status, refusal.value.type) == (401, "authentication_error")


@pytest.mark.parametrize("key", ["pk_live_0123456789", "password", "x" * 100_000])
def test_a_wrong_key_is_not_repeated_whole(key):
    """It may be the right key for something else."""
    with pytest.raises(Unauthenticated) as refusal:
        check_app_key(key)

    assert key[9:] not in refusal.value.message or len(key) <= 9
    assert len(refusal.value.message) < 200
