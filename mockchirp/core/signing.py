"""Signed download links (chirp-api.md section 3, "Download").

A link is ``{origin}/recordings/{recordingId}.{format}?signed={expiry}.{appId}.{signature}``. The signature is an HMAC
over the path, the expiry and the app, not over the host, so that one server serves callers that reach it by different
names.
"""

import hashlib
import hmac
import re
from typing import NamedTuple

_EXPIRY = re.compile(r"[1-9][0-9]{0,15}")  # one spelling for one instant: no leading zeros


class Seal(NamedTuple):
    """What the ``signed`` parameter of a link holds: the instant from which it is dead, the app it belongs to, the
    signature.
    """

    expires_at: int
    app_id: str
    signature: str


def sign(secret: bytes, path: str, expires_at: int, app_id: str) -> str:
    """The value of ``signed`` that opens ``path`` until the instant ``expires_at``."""
    return f"{expires_at}.{app_id}.{_signature(secret, path, expires_at, app_id)}"


def read_seal(signed: str) -> Seal | None:
    """Take a ``signed`` parameter apart; None if it has not even the form of one. Its signature is still to be checked."""
    expires_at, _, rest = signed.partition(".")
    app_id, _, signature = rest.partition(".")
    if not (_EXPIRY.fullmatch(expires_at) and app_id and signature.isascii()):
        return None
    return Seal(int(expires_at), app_id, signature)


def is_genuine(secret: bytes, path: str, seal: Seal) -> bool:
    """Whether the signature belongs to this path, expiry and app; takes the same time whatever is wrong."""
    return hmac.compare_digest(seal.signature, _signature(secret, path, seal.expires_at, seal.app_id))


def _signature(secret: bytes, path: str, expires_at: int, app_id: str) -> str:
    return hmac.new(secret, f"{path}\n{expires_at}\n{app_id}".encode(), hashlib.sha256).hexdigest()
