"""The one table of settings: the flags, the environment variables and the table in the README all come from it.

A setting is one line of :class:`Settings`: its name, its default as a user would write it, and its help. ``webhook_timeout`` is the
flag ``--webhook-timeout`` and the variable ``MOCKCHIRP_WEBHOOK_TIMEOUT``; the flag wins. Both carry plain text and no JSON is needed
anywhere, since a CI service container can often pass nothing else; an empty variable is one that is not set. The type of a setting is
one of the forms below, which turn that text into what the program works with: instants and durations in milliseconds, lists as tuples.
"""

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from mockchirp.address import DEFAULT_HOST, DEFAULT_PORT
from mockchirp.clock import EARLIEST, FASTEST, LATEST, LONGEST_QUIET, Mode
from mockchirp.core.headers import read_headers
from mockchirp.core.instants import SECOND, format_second, parse_duration, parse_instant
from mockchirp.core.keys import APP_KEY, APP_KEYS_ARE
from mockchirp.core.suggestions import did_you_mean
from mockchirp.core.urls import check_http_url

PREFIX = "MOCKCHIRP_"
_LONGEST_SHOWN = 80
_LONGEST_IN_REASON = 40
"""Characters of a value that the reasons for refusing it show."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a kind of setting is written: its placeholder in the help, and what is allowed, completing "must be …"."""

    metavar: str
    allowed: str
    repeatable: bool = False
    """The flag may be given several times."""
    switch: bool = False
    """The flag may stand alone, and then means yes."""
    secret: bool = False
    """The value may hold a credential: no message repeats it."""


def _is_none(value: object) -> bool:
    return value is None or (isinstance(value, str) and value.strip() in ("", "none"))


def _texts(value: object) -> list[str]:
    """The entries of a comma separated text, or of a sequence."""
    entries = value.split(",") if isinstance(value, str) else value if isinstance(value, Iterable) else [value]
    return [str(entry).strip() for entry in entries if str(entry).strip()]


def _read_host(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9.:_%-]+", value):
        raise ValueError("must be an address or a host name, such as 127.0.0.1, 0.0.0.0, :: or localhost")
    return value


def _read_path(value: object) -> object:
    return None if _is_none(value) else value


def _read_url(value: object, *, base: bool) -> str | None:
    """Check an http or https URL. A ``base``, to which paths are appended, loses its trailing slash and has no query."""
    if _is_none(value):
        return None
    text = str(value).strip()
    check_http_url(text)
    if not base:
        return text
    for what, there in {
        "credentials": urlsplit(text).username is not None,
        "a query": "?" in text,
        "a fragment": "#" in text,
    }.items():
        if there:
            raise ValueError(f"must be an http or https URL without credentials, query and fragment; it has {what}")
    return text.rstrip("/")


_HEADER = re.compile(r"\s*([^\s:=]+)\s*[:=](.*)", re.DOTALL)


def _read_headers(value: object) -> tuple[tuple[str, str], ...]:
    """Read a JSON object, a `Name: value` or a `Name=value`, or several of them; none of a name twice, whatever its case."""
    entries = [value] if isinstance(value, str | Mapping) else value if isinstance(value, Iterable) else [value]
    return read_headers(pair for entry in entries for pair in _header_pairs(entry))


def _header_pairs(entry: object) -> Iterable[tuple[str, object]]:
    if isinstance(entry, Mapping):
        return entry.items()
    if isinstance(entry, tuple) and len(entry) == 2:
        return [entry]
    if _is_none(entry):
        return []
    text = str(entry)
    if text.lstrip().startswith("{"):
        try:
            pairs: list[tuple[str, object]] = json.loads(
                text, object_pairs_hook=list
            )  # a dict would hide a name's first value
        except ValueError:
            raise ValueError("is not a well-formed JSON object of header names and values") from None
        return pairs
    match = _HEADER.fullmatch(text)
    if match is None:
        raise ValueError("must be a header such as 'X-Token: abc' or X-Token=abc, or a JSON object of headers")
    return [(match[1], match[2])]


def _read_duration(value: object) -> int:
    return parse_duration(value if isinstance(value, int | float) else str(value)[:_LONGEST_SHOWN])


def _read_timeout(value: object) -> int:
    timeout = _read_duration(value)
    if timeout == 0:
        raise ValueError("must be a duration above 0")
    return timeout


def _read_quiet(value: object) -> int:
    quiet = _read_duration(value)
    if quiet > LONGEST_QUIET:
        raise ValueError(f"must be a duration of at most {LONGEST_QUIET // SECOND} s")
    return quiet


def _read_durations(value: object) -> tuple[int, ...]:
    return () if _is_none(value) else tuple(_read_duration(text) for text in _texts(value))


def _read_instant(value: object) -> int | None:
    if _is_none(value):
        return None
    instant = parse_instant(str(value).strip()[:_LONGEST_SHOWN])
    if not EARLIEST <= instant <= LATEST:
        raise ValueError(f"must lie between {format_second(EARLIEST)} and {format_second(LATEST)}")
    return instant


_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
LARGEST_SIZE = 1 << 30


def _read_size(value: object) -> int:
    match = re.fullmatch(r"([0-9]{1,12})(?:([kmg])(?:i?b)?)?", str(value).strip().lower(), re.ASCII)
    size = int(match[1]) * _UNITS[match[2] or ""] if match else 0
    if not 1 <= size <= LARGEST_SIZE:
        raise ValueError("must be a size from 1 byte to 1 GiB, such as 65536, 512KiB or 1MiB")
    return size


def _read_app_keys(value: object) -> tuple[str, ...]:
    keys = () if _is_none(value) else tuple(dict.fromkeys(_texts(value)))
    if not all(APP_KEY.fullmatch(key) for key in keys):
        raise ValueError(f"each must be an app key; {APP_KEYS_ARE}")
    return keys


def _read_hosts(value: object) -> tuple[str, ...]:
    hosts = () if _is_none(value) else tuple(text.lower() for text in _texts(value))
    if not all(re.fullmatch(r"\.?[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[?[0-9a-f:]+\]?|\*", host, re.ASCII) for host in hosts):
        raise ValueError(
            "each must be a host name without scheme and port, .example.com for all names that end so, or * for all"
        )
    return hosts


Host = Annotated[str, BeforeValidator(_read_host), Form("HOST", "an address or a host name")]
Port = Annotated[int, Field(ge=0, le=65_535), Form("PORT", "a whole number from 0 to 65535")]
FilePath = Annotated[Path | None, BeforeValidator(_read_path), Form("PATH", "the path of a file")]
Url = Annotated[str | None, BeforeValidator(partial(_read_url, base=False)), Form("URL", "a URL")]
BaseUrl = Annotated[str | None, BeforeValidator(partial(_read_url, base=True)), Form("URL", "a URL")]
Headers = Annotated[
    tuple[tuple[str, str], ...],
    BeforeValidator(_read_headers),
    Form("HEADER", "headers", repeatable=True, secret=True),
]
Duration = Annotated[int, BeforeValidator(_read_duration), Form("DURATION", "a duration")]
Timeout = Annotated[int, BeforeValidator(_read_timeout), Form("DURATION", "a duration")]
Quiet = Annotated[int, BeforeValidator(_read_quiet), Form("DURATION", "a duration")]
Durations = Annotated[tuple[int, ...], BeforeValidator(_read_durations), Form("DURATIONS", "durations")]
Size = Annotated[int, BeforeValidator(_read_size), Form("SIZE", "a size in bytes, such as 65536 or 1MiB")]
Count = Annotated[int, Field(ge=1, le=10**9), Form("NUMBER", "a whole number from 1 to 1000000000")]
CountOrNone = Annotated[int, Field(ge=0, le=10**9), Form("NUMBER", "a whole number from 0 to 1000000000")]
Whole = Annotated[int, Field(ge=-(2**63), lt=2**63), Form("NUMBER", "a whole number of at most 64 bits")]
Rate = Annotated[float, Field(gt=0, le=FASTEST), Form("RATE", f"a number above 0 and at most {FASTEST:.0f}")]
Instant = Annotated[int | None, BeforeValidator(_read_instant), Form("INSTANT", "an instant")]
Hosts = Annotated[tuple[str, ...], BeforeValidator(_read_hosts), Form("HOSTS", "host names")]
AppKeys = Annotated[tuple[str, ...], BeforeValidator(_read_app_keys), Form("KEYS", "app keys", secret=True)]
ClockMode = Annotated[Mode, Form("MODE", "real or frozen")]
LogLevel = Annotated[
    Literal["critical", "error", "warning", "info", "debug"],
    Form("LEVEL", "critical, error, warning, info or debug"),
]


def _read_names(value: object) -> tuple[str, ...]:
    names = () if _is_none(value) else tuple(_texts(value))
    if not all(re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name) for name in names):
        raise ValueError("each must be a name such as play_audio: a-z, 0-9 and _, at most 64 characters")
    return names


def _read_switch(value: object) -> object:
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    return words.get(value.strip().lower(), value) if isinstance(value, str) else value


def _read_secret(value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= 512:
        raise ValueError("must be a text of 1 to 512 characters")
    if not value.isprintable():  # bytes that are no text come as lone surrogates, which nothing can be signed with
        raise ValueError("must be a text of printable characters")
    return value


def _read_seeds(value: object) -> tuple[str, ...]:
    return () if _is_none(value) else tuple(dict.fromkeys(_texts(value)))


Seeds = Annotated[
    tuple[str, ...], BeforeValidator(_read_seeds), Form("FILE", "seed files or their names", repeatable=True)
]
Names = Annotated[tuple[str, ...], BeforeValidator(_read_names), Form("NAMES", "names")]
Switch = Annotated[bool, BeforeValidator(_read_switch), Form("YES|NO", "yes or no", switch=True)]
Enforcement = Annotated[Literal["off", "enforce"], Form("off|enforce", "off or enforce")]
Credential = Annotated[str, BeforeValidator(_read_secret), Form("TEXT", "a text", secret=True)]

LogFormat = Annotated[Literal["text", "json"], Form("FORMAT", "text or json")]


def _setting(group: str, default: str | int | None, help: str) -> Any:
    """One line of the table: the ``group`` it stands in, and ``default`` as a user would write it, None for none."""
    return Field(default=default, description=help, json_schema_extra={"group": group})


class Settings(BaseSettings):
    """What a server can be told, checked. Raises pydantic's ``ValidationError``; :func:`read_settings` says it in one line."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, enable_decoding=False, frozen=True)

    host: Host = _setting("Server", DEFAULT_HOST, "address to listen on; 0.0.0.0 for all")
    port: Port = _setting("Server", DEFAULT_PORT, "port to listen on; 0 picks a free one")
    port_file: FilePath = _setting("Server", None, "file that holds the port from when it listens until the stop")
    public_url: BaseUrl = _setting("Server", None, "URL by which others reach the server: links to files begin with it")
    api_keys: AppKeys = _setting(
        "Server", None, "app keys to accept, comma separated; without it, every well-formed one"
    )
    trusted_hosts: Hosts = _setting(
        "Server",
        None,
        "hosts whose pages may use the mock, and by whose names browsers may reach it, comma separated; * for all",
    )
    log_level: LogLevel = _setting("Server", "warning", "what to log: critical, error, warning, info or debug")
    log_format: LogFormat = _setting("Server", "text", "how to log: text, or json: one object a line")

    webhook_url: Url = _setting("Webhooks", None, "URL that every new sandbox sends all calling events to")
    webhook_headers: Headers = _setting(
        "Webhooks", None, "'Name: value' to send with each, repeatable, each name once; or a JSON object"
    )
    webhook_timeout: Timeout = _setting("Webhooks", "5s", "how long a receiver may take to answer 200")
    webhook_retry_schedule: Durations = _setting("Webhooks", "2,4,8,16,32", "waits before the retries, or none")

    clock_mode: ClockMode = _setting("Time", "real", "real, or frozen: time moves only when told to")
    clock_rate: Rate = _setting("Time", 1, "how fast time runs: at 60 a minute takes a second")
    clock_start: Instant = _setting(
        "Time", None, "instant to begin at; without it, now, or 2026-01-15T10:30:00Z if frozen"
    )

    advance_quiet: Quiet = _setting(
        "Time", "25ms", "how long the app has to be quiet, in real time, before an advance goes on; at most 5s"
    )

    strict: Switch = _setting(
        "Behaviour", "no", "switch off what is assumed of Chirp: endpoints, fields of payloads, http"
    )
    extra_commands: Names = _setting(
        "Behaviour", None, "further command types to accept, comma separated, without effect"
    )
    rate_limit: Enforcement = _setting(
        "Behaviour", "off", "off: limits are only told of in headers; enforce: 429 over them"
    )
    transcription: Switch = _setting("Behaviour", "yes", "whether voicemails have a made-up transcription")
    livekit_api_key: Credential = _setting("Behaviour", "devkey", "LiveKit key that WebRTC tokens are signed for")
    livekit_api_secret: Credential = _setting(
        "Behaviour", "secret", "LiveKit secret that WebRTC tokens are signed with"
    )
    random_seed: Whole = _setting("Behaviour", 1, "the same seed and requests make the same ids and history")
    recording_processing_time: Duration = _setting("Behaviour", "2s", "from the end of a recording to its file")

    seed: Seeds = _setting(
        "State", None, "seed file to begin with, or the name of one that comes along: demo, documented; repeatable"
    )
    state_file: FilePath = _setting(
        "State", None, "file to keep all sandboxes in: read at the start, written when something changes"
    )

    max_body_size: Size = _setting("Bounds", "1MiB", "largest body of a request; more is 413")
    max_state_size: Size = _setting("Bounds", "64MiB", "largest document of state that is imported; more is 413")
    max_sandboxes: Count = _setting("Bounds", 10_000, "sandboxes of the server; one more is 409")
    max_connections: Count = _setting("Bounds", 10_000, "connections of clients that are open at once")
    request_timeout: Timeout = _setting(
        "Bounds", "30s", "how long a client may take over a request, or a piece of the answer"
    )
    max_webhooks: Count = _setting("Bounds", 1000, "webhooks of a sandbox; one more is 409")
    calls_kept: Count = _setting("Bounds", 100_000, "calls of a sandbox that are kept: the oldest ended ones go first")
    recordings_kept: Count = _setting("Bounds", 100_000, "recordings of a sandbox that are kept, likewise")
    events_kept: Count = _setting("Bounds", 200_000, "newest events of a sandbox that are kept")
    deliveries_kept: Count = _setting(
        "Bounds", 50_000, "newest deliveries of a sandbox that are kept; up to four times as many may be pending"
    )
    bodies_kept: Size = _setting(
        "Bounds", "64MiB", "bodies that a sandbox keeps with its deliveries, and with its journal: the oldest go first"
    )
    max_faults: Count = _setting("Bounds", 1000, "faults of a sandbox in force at once; one more is 409")
    fault_hold_limit: Timeout = _setting("Bounds", "5m", "how long a fault keeps a request waiting, in real time")
    reorder_limit: Timeout = _setting("Bounds", "5m", "how long a fault holds a delivery back behind others to come")
    journal_size: CountOrNone = _setting("Bounds", 1000, "newest requests of a sandbox in its journal; 0 keeps none")
    max_waits: Count = _setting("Bounds", 1000, "requests that may wait in a sandbox at once; one more is 409")


class BadSetting(ValueError):
    """A setting that can't be used; the message is one line that names it, its value and what is allowed."""


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def flag(name: str) -> str:
    """The command-line flag of a setting."""
    return "--" + name.replace("_", "-")


def form(field: FieldInfo) -> Form:
    """How a setting is written."""
    return next(entry for entry in field.metadata if isinstance(entry, Form))


def group(field: FieldInfo) -> str:
    """The heading that a setting stands under."""
    assert isinstance(field.json_schema_extra, dict)
    return str(field.json_schema_extra["group"])


def read_settings(flags: Mapping[str, Any]) -> Settings:
    """The settings by ``flags`` (texts by name), else the environment, else the defaults; raise :class:`BadSetting`."""
    try:
        return Settings(**flags)
    except ValidationError as error:
        raise BadSetting(_complaint(error, flags)) from None


def _complaint(error: ValidationError, flags: Mapping[str, Any]) -> str:
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0])
    how = form(Settings.model_fields[name])
    source = flag(name) if name in flags else variable(name)
    value = str(flags[name] if name in flags else os.environ.get(source, ""))
    if first["type"] == "value_error":
        why = str(first["ctx"]["error"])
    else:
        why = f"must be {how.allowed}{did_you_mean(value, words(name))}"
    is_shown = repr(value[:_LONGEST_IN_REASON])[:-1] in why
    return f"{source}: {why}" if how.secret or is_shown else f"{source} {shorten(value)}: {why}"


def words(name: str) -> tuple[str, ...]:
    """The words that a setting takes, if it takes only certain ones."""
    field = Settings.model_fields[name]
    return (
        ("yes", "no", "true", "false", "on", "off")
        if form(field).switch
        else tuple(map(str, get_args(field.annotation)))
    )


def shorten(text: str) -> str:
    """``text`` in quotes, on one line and not too long to read."""
    shown = repr(text)
    return shown if len(shown) <= _LONGEST_SHOWN else shown[:_LONGEST_SHOWN] + "..."
