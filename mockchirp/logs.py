"""How log lines are written: as text for people, or as JSON for those who collect them. Either way, one line is one record."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Literal

LogFormat = Literal["text", "json"]


class TextLines(logging.Formatter):
    """``mockchirp: WARNING: ...``; whatever could break out of its line is escaped. A traceback takes lines of its own."""

    def __init__(self) -> None:
        super().__init__("mockchirp: %(levelname)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        text = super().formatMessage(record)
        return text if text.isprintable() else "".join(map(_printable, text))


class JsonLines(logging.Formatter):
    """One object a line: ``time`` (UTC), ``level``, ``message``, what the record carries as its fields, and an ``exception``."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {
            "time": moment.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def log_to_stderr(level: str, format: LogFormat) -> None:
    """Send every record from ``level`` on to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if format == "json" else TextLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    if level == "warning":
        # What a client sends that is no HTTP is not the user's concern, and could fill the log.
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)


def _printable(character: str) -> str:
    return character if character.isprintable() else repr(character)[1:-1]
