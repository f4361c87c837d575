"""What to do about a body that is no JSON object, for those who sent one without knowing."""

import re

import orjson

_FORM = "application/x-www-form-urlencoded"
_REMEDIES = tuple(
    (re.compile(pattern), remedy)
    for pattern, remedy in (
        ("\ufeff", "send it without"),
        ("['‘’“”„]", "names and texts stand in straight double quotes"),
        (r"[A-Za-z_]\w*\s*:", "names stand in double quotes; a shell may have taken them away"),
        (r"[\w.%\[\]+-]*=", "it looks like a form; send JSON, such as {\"name\": \"value\"}"),
        ("None|undefined", "JSON has null instead"),
        ("True|False", "JSON has true and false, in small letters"),
        ("-?(?:NaN|Infinity|nan|inf)", "JSON has finite numbers only"),
        ("//|/[*]|#", "JSON has no comments"),
        ("<", "it looks like XML or HTML; send JSON"),
        (r"\+[0-9]", "a phone number is a text, in double quotes"),
        (r",\s*[}\]]", "take it away"),
        ("@", "with curl, -d @FILE sends a file, and there was none to read"),
    )
)  # fmt: skip


def remedy(body: bytes, error: orjson.JSONDecodeError) -> str:
    """What to add to the parser's own words about a malformed ``body``; nothing if they say all there is to say."""
    rest = body.decode(errors="replace")[error.pos : error.pos + 200]
    return next((f"; {remedy}" for pattern, remedy in _REMEDIES if pattern.match(rest)), "")


def remedy_of_type(media_type: bytes) -> str:
    """What to add to the refusal of another content type."""
    if media_type.decode("latin-1") == _FORM:
        return ", which curl sends unless it is told -H 'Content-Type: application/json'"
    return ""


def remedy_of_text(text: object) -> str:
    """What to add where the body is a JSON string and not an object."""
    return ", which holds JSON itself: it was encoded twice" if isinstance(text, str) and text[:1] in ("{", "[") else ""
