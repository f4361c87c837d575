"""Signed links: what belongs to a signature, and what is none."""

import pytest

from mockchirp.core.instants import HOUR, parse_instant
from mockchirp.core.signing import is_genuine, read_seal, sign

SECRET = b"secret"
PATH = "/recordings/call_rec_test_2DbBs7GWhGvVNJGrDXr5RG0mBWI.mp4"
EXPIRY = parse_instant("2026-01-15T10:30:00Z") + HOUR
APP = "app_test_2DbBs7GWhGvVNJGrDXr5RG0mBWI"


def test_what_was_signed_is_genuine():
    """And says when it ends and whose it is."""
    signed = sign(SECRET, PATH, EXPIRY, APP)

    seal = read_seal(signed)

    assert (seal.expires_at, seal.app_id) == (EXPIRY, APP)
    assert is_genuine(SECRET, PATH, seal)
    assert signed == sign(SECRET, PATH, EXPIRY, APP), "the same for the same"
    assert signed == f"{EXPIRY}.{APP}.{seal.signature}"
    assert len(seal.signature) == 64


@pytest.mark.parametrize(
    ("secret", "path", "expiry", "app"),
    [
        (b"other", PATH, EXPIRY, APP),
        (b"", PATH, EXPIRY, APP),
        (SECRET, PATH.replace("mp4", "ogg"), EXPIRY, APP),
        (SECRET, PATH + "/", EXPIRY, APP),
        (SECRET, PATH[1:], EXPIRY, APP),
        (SECRET, PATH.upper(), EXPIRY, APP),
        (SECRET, "", EXPIRY, APP),
        (SECRET, PATH, EXPIRY + 1, APP),
        (SECRET, PATH, EXPIRY - 1, APP),
        (SECRET, PATH, EXPIRY, APP[:-1]),
        (SECRET, PATH, EXPIRY, APP + "x"),
        (SECRET, f"{PATH}\n{EXPIRY}", EXPIRY, APP),
        (SECRET, PATH, EXPIRY, f"{APP}\n"),
    ],
)
def test_a_signature_belongs_to_its_secret_path_expiry_and_app(secret, path, expiry, app):
    """Another one of any of them has another signature, and the parts can't be shifted into each other."""
    signature = read_seal(sign(SECRET, PATH, EXPIRY, APP)).signature
    other = read_seal(sign(SECRET, PATH, EXPIRY, APP))._replace(expires_at=expiry, app_id=app)

    assert not is_genuine(secret, path, other)
    assert f".{signature}" not in sign(secret, path, expiry, app)


@pytest.mark.parametrize("place", range(64))
def test_every_character_of_a_signature_counts(place):
    """A changed one anywhere is found."""
    seal = read_seal(sign(SECRET, PATH, EXPIRY, APP))
    changed = "0" if seal.signature[place] != "0" else "1"
    forged = seal._replace(signature=seal.signature[:place] + changed + seal.signature[place + 1 :])

    assert not is_genuine(SECRET, PATH, forged)


@pytest.mark.parametrize(
    "change", [str.upper, lambda text: text + "0", lambda text: text[:-1], lambda text: "", str.title]
)
def test_a_signature_has_one_spelling(change):
    """Neither longer nor shorter nor in capitals."""
    seal = read_seal(sign(SECRET, PATH, EXPIRY, APP))

    assert not is_genuine(SECRET, PATH, seal._replace(signature=change(seal.signature)))


@pytest.mark.parametrize(
    "expiry",
    [
        "",
        "0",
        "01",
        "00",
        f"0{EXPIRY}",
        f"+{EXPIRY}",
        f"-{EXPIRY}",
        f" {EXPIRY}",
        f"{EXPIRY} ",
        f"{EXPIRY}\n",
        "1e9",
        "0x1",
        "1_0",
        "٣",
        "²",
        "9" * 17,
        "9" * 10000,
        "x",
        "\x00",
    ],
    ids=lambda text: repr(text)[:20],
)
def test_an_instant_has_one_spelling(expiry):
    """No leading zeros, signs, blanks or other digits: otherwise one signature would open several links."""
    signature = read_seal(sign(SECRET, PATH, EXPIRY, APP)).signature

    assert read_seal(f"{expiry}.{APP}.{signature}") is None


@pytest.mark.parametrize(
    "signed",
    [
        "",
        ".",
        "..",
        "...",
        "x",
        str(EXPIRY),
        f"{EXPIRY}.",
        f"{EXPIRY}..x",
        f".{APP}.x",
        f"{EXPIRY}.{APP}.é",
        "\x00",
        "😀",
    ],
)
def test_what_has_not_the_form_of_a_seal_is_none(signed):
    """There is nothing to check then."""
    assert read_seal(signed) is None


@pytest.mark.parametrize("signature", ["", "x", "0" * 64, "a.b", "x" * 10_000, "\x00"])
def test_what_has_the_form_of_a_seal_is_still_not_genuine(signature):
    """Its signature is compared as it is."""
    seal = read_seal(f"{EXPIRY}.{APP}.{signature}")

    assert seal is not None
    assert not is_genuine(SECRET, PATH, seal)
