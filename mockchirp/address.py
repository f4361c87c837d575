"""Where a server is."""

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 24477
"""CHIRP on the keypad of a telephone."""

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing is bound here


def url_of(host: str, port: int | str) -> str:
    """The base URL of a server that listens on ``host``, as a program on the same machine reaches it."""
    name = _ANY.get(host, host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"
