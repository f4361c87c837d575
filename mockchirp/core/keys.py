"""API keys: what a caller may do, and which sandbox it means (chirp-api.md section 1, "Authentication")."""

import re

from mockchirp.core.errors import Unauthenticated

APP_KEY = re.compile(r"sk_(?:test|live)_app_[A-Za-z0-9_-]{1,128}")
ADMIN_KEY = re.compile(r"sk_admin_[A-Za-z0-9_-]{1,128}")
_KEY_IN_TEXT = re.compile(r"(sk_(?:test_app|live_app|admin)_[A-Za-z0-9_-]{6})[A-Za-z0-9_-]+")


def bearer_token(authorization: bytes | None) -> str | None:
    """The key in an ``Authorization`` header, or None if there is no header; raise :class:`Unauthenticated` if it holds
    no key.
    """
    if authorization is None:
        return None
    scheme, _, token = authorization.decode("latin-1").strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("No API key given: the Authorization header must be 'Bearer ' and the key")
    return token


def check_app_key(token: str | None) -> str:
    """Return ``token`` if it is an app key; raise :class:`Unauthenticated`, saying which of the three faults it is,
    otherwise.
    """
    if token is None:
        raise Unauthenticated("No API key given: send 'Authorization: Bearer sk_test_app_...' or 'sk_live_app_...'")
    if APP_KEY.fullmatch(token):
        return token
    if token.startswith("sk_admin_"):
        raise Unauthenticated(
            "Wrong kind of API key: this needs an app key (sk_test_app_... or sk_live_app_...), not an admin key"
        )
    raise Unauthenticated(f"Invalid API key {_masked(token)}: an app key looks like sk_test_app_... or sk_live_app_...")


def check_admin_key(token: str | None) -> None:
    """Raise :class:`Unauthenticated`, saying which of the three faults it is, if ``token`` is no admin key."""
    if token is None:
        raise Unauthenticated("No API key given: send 'Authorization: Bearer sk_admin_...'")
    if ADMIN_KEY.fullmatch(token):
        return
    if token.startswith(("sk_test_app_", "sk_live_app_")):
        raise Unauthenticated("Wrong kind of API key: this needs an admin key (sk_admin_...), not an app key")
    raise Unauthenticated(f"Invalid API key {_masked(token)}: an admin key looks like sk_admin_...")


def hide_keys(text: str) -> str:
    """``text`` for a log: of each key in it, no more than tells one from another."""
    return _KEY_IN_TEXT.sub(r"\1…", text)


def _masked(token: str) -> str:
    return repr(token[:8] + "…" if len(token) > 8 else token)
