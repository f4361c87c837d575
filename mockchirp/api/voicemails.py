"""Voicemails (chirp-api.md section 4)."""

from urllib.parse import parse_qs

from mockchirp.api.models import UpdateVoicemail
from mockchirp.api.operation import Request
from mockchirp.core.errors import InvalidRequest
from mockchirp.core.voicemails import public_voicemail
from mockchirp.http import parse_model

LARGEST_PAGE = 100
LARGEST_OFFSET = 2**53 - 1
DEFAULT_PAGE = 20


def list_voicemails(request: Request) -> object:
    """GET /v1/calls/voicemails?limit=&offset=."""
    query = parse_qs(request.query.decode("latin-1"), keep_blank_values=True)
    limit = _number(query, "limit", DEFAULT_PAGE, 1, LARGEST_PAGE)
    offset = _number(query, "offset", 0, 0, LARGEST_OFFSET)
    box = request.sandbox.voicemail_box
    data = [public_voicemail(voicemail) for voicemail in box.page(limit, offset)]
    return {"data": data, "totalCount": len(box.voicemails)}


def get_voicemail(request: Request) -> object:
    """GET /v1/calls/voicemails/{voicemailId}."""
    return public_voicemail(request.sandbox.voicemail_box.get(request.path["voicemailId"]))


def update_voicemail(request: Request) -> object:
    """PATCH /v1/calls/voicemails/{voicemailId}."""
    voicemail = request.sandbox.voicemail_box.get(request.path["voicemailId"])
    body = parse_model(UpdateVoicemail, request.body)
    if "is_read" in body.model_fields_set:
        voicemail.is_read = body.is_read
    return public_voicemail(voicemail)


def delete_voicemail(request: Request) -> object:
    """DELETE /v1/calls/voicemails/{voicemailId}."""
    request.sandbox.voicemail_box.delete(request.path["voicemailId"])
    return {"message": "Voicemail deleted"}


def _number(query: dict[str, list[str]], name: str, default: int, least: int, most: int) -> int:
    if name not in query:
        return default
    text = query[name][-1]
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(most)) else -1
    if not least <= number <= most:
        raise InvalidRequest(f"{name} must be a whole number from {least} to {most}; it is {text[:80]!r}", param=name)
    return number
