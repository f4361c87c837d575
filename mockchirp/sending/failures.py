"""Why an attempt came to nothing, in words for a person. Credentials in a URL stay out of them."""

import errno
import os
import socket
import ssl

# Where OpenSSL knows nobody who vouches for a certificate (X509_V_ERR_…, openssl-verification-options(1)).
_UNKNOWN_AUTHORITY = {18, 19, 20, 21}


class Failure(Exception):
    """An attempt ends without an answer; the message says why."""


def no_name(host: str, reason: Exception) -> Failure:
    """``host`` has no address."""
    return Failure(f"the name {host} was not found: {_words(reason)}")


def no_connection(place: str, reason: Exception) -> Failure:
    """None of the addresses of ``place`` could be connected."""
    # Where several addresses failed in several ways there is one error without a number, which lists them. A refusal says most.
    if getattr(reason, "errno", None) == errno.ECONNREFUSED or f"[Errno {errno.ECONNREFUSED}]" in str(reason):
        return Failure(f"connection refused by {place}")
    return Failure(f"no connection with {place}: {_words(reason)}")


def no_tls(place: str, reason: Exception) -> Failure:
    """TLS with ``place`` failed."""
    if isinstance(reason, ssl.SSLCertVerificationError):
        hint = "; SSL_CERT_FILE can name the file of its authority" if reason.verify_code in _UNKNOWN_AUTHORITY else ""
        return Failure(f"the TLS certificate of {place} was refused: {reason.verify_message}{hint}")
    if isinstance(reason, ssl.SSLError) and reason.reason == "WRONG_VERSION_NUMBER":
        return Failure(f"no TLS connection with {place}: it does not speak TLS")
    return Failure(f"no TLS connection with {place}: {_words(reason)}")


def judgement(status: int, location: str | None) -> str | None:
    """Why an answer is a failure; None for a success. Only 200 counts (chirp-api.md section 6, "Delivery")."""
    if status == 200:
        return None
    if 200 <= status < 300:
        return f"answered {status}: only 200 counts"
    if 300 <= status < 400 and location is not None:
        return f"answered {status} (redirects are not followed): it points to {brief(location)}"
    return f"answered {status}"


def brief(text: object) -> str:
    """``text`` in one printable line of bounded length."""
    line = " ".join(str(text).encode(errors="backslashreplace").decode().split())[:200]
    return "".join(letter if letter.isprintable() else "?" for letter in line)


def _words(reason: Exception) -> str:
    # asyncio words some errors itself, around the address that is named already; a resolver's numbers are none of the system's.
    if not isinstance(reason, OSError):
        return brief(reason) or type(reason).__name__
    if isinstance(reason, socket.gaierror | ssl.SSLError) or not reason.errno:
        return brief(reason.strerror or reason) or type(reason).__name__
    return os.strerror(reason.errno)
