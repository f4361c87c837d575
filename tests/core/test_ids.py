"""Identifiers: KSUIDs that sort by time, always the same for the same seed."""

import re

import pytest

from mockchirp.core.errors import InvalidRequest
from mockchirp.core.ids import KSUID_EPOCH, PATTERNS, PREFIXES, IdSource, app_id, check_id, ksuid, organization_id
from mockchirp.core.instants import SECOND, parse_instant

T0 = parse_instant("2026-01-15T10:30:00Z")
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
DOCUMENTED = {
    "call": r"^call_(?:test_)?[a-zA-Z0-9]{27}$",
    "app": r"^app_(?:test_)?[a-zA-Z0-9]{27}$",
    "recording": r"^call_rec_(?:test_)?[a-zA-Z0-9]{27}$",
    "voicemail": r"^call_vm_(?:test_)?[a-zA-Z0-9]{27}$",
    "webhook": r"^whk_(?:test_)?[a-zA-Z0-9]{27}$",
    "calling config": r"^cc_(?:test_)?[a-zA-Z0-9]{27}$",
}


def decode(text):
    """A KSUID read the plain way: 27 digits of base 62 are 20 bytes, of which 4 are the second and 16 the payload."""
    number = 0
    for character in text:
        number = number * 62 + ALPHABET.index(character)
    data = number.to_bytes(20)
    return int.from_bytes(data[:4]) + 1_400_000_000, int.from_bytes(data[4:])


@pytest.mark.parametrize("second", [KSUID_EPOCH, KSUID_EPOCH + 1, T0 // SECOND, KSUID_EPOCH + 2**32 - 1])
@pytest.mark.parametrize("payload", [0, 1, 61, 62, 3843, 3844, 2**64, 2**127, 2**128 - 1])
def test_a_ksuid_can_be_decoded(second, payload):
    """By the plain way of reading one."""
    text = ksuid(second, payload)

    assert len(text) == 27
    assert decode(text) == (second, payload)


def test_ksuids_of_the_reference_are_read_back():
    """Those that the format's inventors show: https://github.com/segmentio/ksuid."""
    assert ksuid(1_507_608_047, 0xB5A1CD34B5F99D1154FB6853345C9735) == "0ujtsYcgvSTl8PAuAdqWYSMnLOv"
    assert ksuid(KSUID_EPOCH, 0) == "0" * 27
    assert ksuid(KSUID_EPOCH + 2**32 - 1, 2**128 - 1) == "aWgEPTl1tmebfsQzFP4bxwgy80V"


@pytest.mark.parametrize("kind", PREFIXES)
@pytest.mark.parametrize("test", [True, False])
def test_an_id_has_the_documented_form(kind, test):
    """Its prefix, `test_` for test keys, and a KSUID of the second in which it was made."""
    id = IdSource("seed", test=test).new(kind, T0 + 999)

    assert re.match(DOCUMENTED[kind], id)
    assert PATTERNS[kind].fullmatch(id)
    infix = "test_" if test else ""
    assert id.startswith(PREFIXES[kind] + infix)
    assert decode(id[-27:])[0] == T0 // SECOND
    check_id(kind, id, "id")


def test_ids_sort_by_creation_time():
    """Second by second."""
    source = IdSource("seed", test=True)
    ids = [source.new("call", T0 + second * SECOND) for second in range(0, 100_000, 997)]

    assert ids == sorted(ids)


def test_ids_are_never_the_same():
    """Ten thousand of one second."""
    source = IdSource("seed", test=True)

    assert len({source.new("call", T0) for _ in range(10_000)}) == 10_000


def test_the_same_seed_makes_the_same_ids():
    """And another one others."""
    one, same, other = IdSource("1", test=True), IdSource("1", test=True), IdSource("2", test=True)

    assert [one.new("call", T0) for _ in range(9)] == [same.new("call", T0) for _ in range(9)]
    assert other.new("call", T0) != IdSource("1", test=True).new("call", T0)


def test_each_kind_has_a_stream_of_its_own():
    """A webhook more or less does not change the ids of calls."""
    plain, mixed = IdSource("1", test=True), IdSource("1", test=True)
    for kind in PREFIXES:
        if kind != "call":
            mixed.new(kind, T0)

    assert plain.new("call", T0) == mixed.new("call", T0)


@pytest.mark.parametrize("key", ["sk_test_app_local", "sk_live_app_local", "sk_test_app_" + "x" * 128])
def test_a_key_has_its_app(key):
    """Always the same one, of the right form; its organization too."""
    assert app_id(key) == app_id(key)
    assert re.match(DOCUMENTED["app"], app_id(key))
    assert ("test_" in app_id(key)) == key.startswith("sk_test_")
    assert organization_id(app_id(key)) == organization_id(app_id(key))
    assert app_id(key) != app_id(key + "_")


@pytest.mark.parametrize("kind", PREFIXES)
def test_what_cannot_be_an_id_is_refused(kind):
    """The error names the parameter, and doesn't repeat what is long."""
    good = PREFIXES[kind] + "a" * 27
    check_id(kind, good, "x")
    bad = [
        "",
        "x",
        good[:-1],
        good + "a",
        good + "\n",
        " " + good,
        good[:-1] + "-",
        good[:-1] + "é",
        good[:-1] + "٣",
        good.upper(),
    ]
    bad += [
        good.replace("_", "-"),
        PREFIXES[kind] + "live_" + "a" * 27,
        PREFIXES[kind] + "test_" + "a" * 26,
        "x" * 100_000,
    ]
    bad += [other + "a" * 27 for other in PREFIXES.values() if other != PREFIXES[kind]]

    for id in bad:
        with pytest.raises(InvalidRequest, match="must look like") as refusal:
            check_id(kind, id, "x")
        assert refusal.value.param == "x"
        assert len(refusal.value.message) < 300


def test_every_kind_has_a_documented_pattern():
    """A new one needs a row above."""
    assert {kind: f"^{pattern.pattern}$" for kind, pattern in PATTERNS.items()} == DOCUMENTED
