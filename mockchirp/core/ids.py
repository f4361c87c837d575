"""Identifiers: a prefix, ``test_`` for test keys, and a KSUID (chirp-api.md section 1, "Ids").

A KSUID is 4 bytes of seconds since 2014-05-13T16:53:20Z and 16 random bytes, written as 27 base62 characters, so that
identifiers sort by creation time. The random bytes come from the sandbox's seed, one stream a resource: a webhook more
or less does not change the identifiers of calls.
"""

import hashlib
import re

from mockchirp.core.errors import InvalidRequest
from mockchirp.core.instants import SECOND

KSUID_EPOCH = 1_400_000_000
PREFIXES = {
    "call": "call_",
    "app": "app_",
    "recording": "call_rec_",
    "voicemail": "call_vm_",
    "webhook": "whk_",
    "calling config": "cc_",
}
PATTERNS = {kind: re.compile(rf"{prefix}(?:test_)?[a-zA-Z0-9]{{27}}", re.ASCII) for kind, prefix in PREFIXES.items()}

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]


def ksuid(second: int, payload: int) -> str:
    """27 base62 characters for a Unix second and 128 random bits."""
    number = (second - KSUID_EPOCH) << 128 | payload
    pairs = []
    for _ in range(14):
        number, pair = divmod(number, 3844)
        pairs.append(_PAIRS[pair])
    return "".join(reversed(pairs))[1:]


class IdSource:
    """Makes the identifiers of one sandbox, the same ones for the same seed and instants.

    The random bytes are a hash of the seed, the kind and a count: ``counts`` is all there is to keep for the same future.
    """

    def __init__(self, seed: str, *, test: bool) -> None:
        self.counts: dict[str, int] = {}
        self._taken: set[str] = set()
        self._seed = seed
        self._infix = "test_" if test else ""

    def new(self, kind: str, now: int) -> str:
        """An identifier of ``kind`` (a key of :data:`PREFIXES`), made at the instant ``now``."""
        while True:
            self.counts[kind] = count = self.counts.get(kind, 0) + 1
            payload = hashlib.blake2b(f"{self._seed}/{kind}/{count}".encode(), digest_size=16).digest()
            id = f"{PREFIXES[kind]}{self._infix}{ksuid(now // SECOND, int.from_bytes(payload))}"
            if id not in self._taken:
                return id

    def take(self, id: str | None) -> None:
        """Let an identifier that came from elsewhere, if there is one, never be made; raise :class:`InvalidRequest` if it was
        taken before.
        """
        if id in self._taken:
            raise InvalidRequest(f"id: {id} is there twice", param="id")
        if id is not None:
            self._taken.add(id)


def app_id(key: str) -> str:
    """The application that a key belongs to: always the same for the same key, on every server."""
    infix = "test_" if key.startswith("sk_test_") else ""
    return f"app_{infix}{_ksuid_of(key)}"


def organization_id(app_id: str) -> str:
    """The organization that an application belongs to."""
    return f"org_{_ksuid_of(app_id)}"


def _ksuid_of(text: str) -> str:
    payload = int.from_bytes(hashlib.sha256(text.encode()).digest()[:16])
    return ksuid(KSUID_EPOCH + payload % (1 << 28), payload)


def check_id(kind: str, value: str, param: str) -> None:
    """Raise :class:`InvalidRequest` if ``value``, given as ``param``, can't be the identifier of a ``kind``."""
    if not PATTERNS[kind].fullmatch(value):
        raise InvalidRequest(
            f"{value[:80]!r} is not a {kind} id: it must look like {PREFIXES[kind]}[test_]{{27 letters and digits}}",
            param=param,
        )
