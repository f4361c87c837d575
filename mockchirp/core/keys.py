"""API keys: what a caller may do, and which sandbox it means (chirp-api.md section 1, "Authentication")."""

import re

from mockchirp.core.errors import Unauthenticated

_REST = r"[A-Za-z0-9_-]{1,128}"
APP_KEY = re.compile(rf"sk_(?:test|live)_app_{_REST}")
ADMIN_KEY = re.compile(rf"sk_admin_{_REST}")
_APP_PREFIXES = ("sk_test_app_", "sk_live_app_")
_ADMIN_PREFIXES = ("sk_admin_",)
_THEN = "and then 1 to 128 of A-Z, a-z, 0-9, _ and -"
APP_KEYS_ARE = f"an app key is sk_test_app_ or sk_live_app_ {_THEN}"
_ADMIN_KEYS_ARE = f"an admin key is sk_admin_ {_THEN}"
_OTHER_SCHEMES = ("basic", "token", "digest", "apikey", "api-key", "key", "jwt")
_KEY_IN_TEXT = re.compile(r"(sk_(?:test_app|live_app|admin)_[A-Za-z0-9_-]{6})[A-Za-z0-9_-]+")


def bearer_token(authorization: bytes | None) -> str | None:
    """The key in an ``Authorization`` header, or None if there is no header; raise :class:`Unauthenticated` if it holds
    no key.
    """
    if authorization is None:
        return None
    scheme, _, token = authorization.decode("latin-1").strip().partition(" ")
    token = token.strip()
    if scheme.lower() == "bearer" and token:
        return token
    if not scheme:
        why = "the Authorization header is empty"
    elif scheme.lower() == "bearer":
        why = "nothing follows 'Bearer' in the Authorization header"
    elif scheme.startswith("sk_"):
        why = "the Authorization header begins with the key itself, without 'Bearer '"
    elif scheme.lower() in _OTHER_SCHEMES:
        why = f"the scheme of the Authorization header is {scheme}, not Bearer"
    else:  # whatever it is may be secret
        why = "the Authorization header does not begin with 'Bearer '"
    raise Unauthenticated(f"No API key given: {why}; send 'Authorization: Bearer sk_test_app_...'")


def check_app_key(token: str | None) -> str:
    """Return ``token`` if it is an app key; raise :class:`Unauthenticated`, saying which of the three faults it is,
    otherwise.
    """
    if token is None:
        raise Unauthenticated("No API key given: send 'Authorization: Bearer sk_test_app_...' or 'sk_live_app_...'")
    if APP_KEY.fullmatch(token):
        return token
    if token.startswith(_ADMIN_PREFIXES):
        raise Unauthenticated(
            "Wrong kind of API key: this needs an app key (sk_test_app_... or sk_live_app_...), not an admin key"
        )
    raise Unauthenticated(f"Invalid API key {_masked(token)}{_fault(token, _APP_PREFIXES)}: {APP_KEYS_ARE}")


def check_admin_key(token: str | None) -> None:
    """Raise :class:`Unauthenticated`, saying which of the three faults it is, if ``token`` is no admin key."""
    if token is None:
        raise Unauthenticated("No API key given: send 'Authorization: Bearer sk_admin_...'")
    if ADMIN_KEY.fullmatch(token):
        return
    if token.startswith(_APP_PREFIXES):
        raise Unauthenticated("Wrong kind of API key: this needs an admin key (sk_admin_...), not an app key")
    raise Unauthenticated(f"Invalid API key {_masked(token)}{_fault(token, _ADMIN_PREFIXES)}: {_ADMIN_KEYS_ARE}")


def _fault(token: str, prefixes: tuple[str, ...]) -> str:
    """What is wrong with a key that begins as one should, or nearly so."""
    if token[:1] in tuple("\"'<{$"):
        return ", which must stand without quotes and brackets"
    prefix = next((prefix for prefix in prefixes if token.lower().startswith(prefix)), None)
    if prefix is None:
        return ", which begins otherwise"
    if not token.startswith(prefix):
        return ", which begins with capital letters"
    rest = token.removeprefix(prefix)
    if not rest:
        return ", which ends there"
    if len(rest) > 128:
        return f", which goes on for {len(rest)} characters"
    return ", which holds another character"


def hide_keys(text: str) -> str:
    """``text`` for a log: of each key in it, no more than tells one from another."""
    return _KEY_IN_TEXT.sub(r"\1…", text)


def _masked(token: str) -> str:
    return repr(token[:8] + "…" if len(token) > 8 else token)
