"""A webhook's own headers: which may be set, so that no delivery's HTTP framing can be broken."""

import re

# Names that belong to the connection or the framing of one HTTP message, which only its sender can know.
_FRAMING = frozenset(
    {
        *("connection", "content-length", "expect", "host", "keep-alive"),
        *("proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
    }
)
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
_VALUE = re.compile(r"[\t -~]{0,8192}")


def check_header(name: str, value: object) -> str:
    """Return ``value`` without surrounding blanks; raise ``ValueError`` where the two can't be a header of one's own."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name[:40]!r} is not a header name")
    if name.lower() == "content-type":
        raise ValueError(f"the header {name} can't be set: it is always application/json")
    if name.lower() in _FRAMING:
        raise ValueError(f"the header {name} can't be set: it would break HTTP framing")
    if not isinstance(value, str) or not _VALUE.fullmatch(value):
        raise ValueError(f"the value of the header {name} must be text: printable ASCII characters, no line breaks")
    return value.strip(" \t")
