"""Whether a server is ready, asked from outside. Loads nothing but the standard library: health checks run it all the time."""

import http.client
import json
import time
from urllib.parse import urlsplit

_PAUSE = 0.05
_LONGEST_ATTEMPT = 2.0


def wait_until_ready(url: str, patience: float) -> str | None:
    """Ask the server with the base URL ``url`` until it is ready; None if it is, else the last reason why not, in words.

    ``patience`` is in seconds; with 0 it is asked once. Raise ``ValueError`` if ``url`` is none.
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = 0
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ValueError(f"{url!r} is not the URL of a server, such as http://127.0.0.1:24477")
    ends = _now() + patience
    while True:
        left = ends - _now()
        connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        timeout = min(_LONGEST_ATTEMPT, max(left, _PAUSE)) if patience else _LONGEST_ATTEMPT
        reason = _ask(connect(parts.hostname, port, timeout=timeout), parts.path.rstrip("/"))
        if reason is None or _now() + _PAUSE > ends:
            return reason
        time.sleep(_PAUSE)  # noqa: TID251 - another process is awaited, in real time


def _now() -> float:
    return time.monotonic()  # noqa: TID251 - another process is awaited, in real time


def _ask(connection: http.client.HTTPConnection, path: str) -> str | None:
    try:
        connection.request("GET", f"{path}/_mockchirp/ready")
        answer = connection.getresponse()
        body = answer.read(65_536)
    except TimeoutError:
        return "no answer in time"
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
    finally:
        connection.close()
    return None if answer.status == 200 else f"{answer.status}{_message(body)}"


def _message(body: bytes) -> str:
    """What the envelope of an error says, after a colon."""
    try:
        return f": {json.loads(body)['error']['message']}"
    except (ValueError, KeyError, TypeError):
        return ""
