"""The command line: ``mockchirp`` serves, ``mockchirp ready`` tells whether a server does, ``mockchirp check`` reads seed files.

The flags are made from the table of settings. What is wrong with them ends the program with one line on standard error and status 2,
never with a traceback. Modules that take long to load are imported only where they are needed, since a health check runs ``ready``
every few seconds.
"""

import argparse
import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence, Sized
from typing import TYPE_CHECKING, Any, NoReturn

from mockchirp import __version__
from mockchirp.address import DEFAULT_HOST, DEFAULT_PORT, url_of
from mockchirp.core.instants import SECOND, parse_duration
from mockchirp.core.suggestions import did_you_mean
from mockchirp.ready import wait_until_ready

if TYPE_CHECKING:
    from mockchirp.settings import Settings

NOT_READY = 1
WRONG_USAGE = 2

_ABOUT = "A local server that behaves like the Chirp calls and recordings API."
_USAGE = """\
mockchirp [serve] [flags]
       mockchirp ready [--wait DURATION]
       mockchirp check FILE..."""
_NOTES = """\
Every setting can be given by its variable instead, so that no arguments are needed; a flag wins.
A DURATION is seconds, or such as 250ms, 90s, 5m, 1h30m, 2d; an INSTANT such as 2026-01-15T10:30:00Z.
"""


class UsageError(Exception):
    """The command line can't be followed; the message is one line."""


class _Parser(argparse.ArgumentParser):
    """An argument parser that raises :class:`UsageError` where argparse would print its usage and exit."""

    def __init__(
        self, prog: str, usage: str, about: str, notes: str = "", *, flags_meant: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(
            prog=prog,
            usage=usage,
            description=about,
            epilog=notes,
            formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, max_help_position=36),
            argument_default=argparse.SUPPRESS,
            allow_abbrev=False,
        )
        self._flags_meant = flags_meant or {}
        """What was meant by flags that there are not."""

    def error(self, message: str) -> NoReturn:
        see = " See" if message.endswith("?") else "; see"
        raise UsageError(f"{message.removeprefix('argument ')}{see} {self.prog} --help")

    def read(self, arguments: Sequence[str]) -> dict[str, object]:
        """What the flags in ``arguments`` say, by name; nothing for those that are not there."""
        values, unknown = self.parse_known_args(arguments)
        for argument in unknown:
            name = argument.partition("=")[0]
            if not name.startswith("-"):
                self.error(f"unexpected {name!r}")
            if name in self._flags_meant:
                self.error(f"there is no flag {name}; did you mean {self._flags_meant[name]}?")
            self.error(f"there is no flag {name}{did_you_mean(name, self._option_string_actions)}")
        return vars(values)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that ``arguments`` (default: the process's own) name, and return the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    commands: dict[str, Callable[[list[str]], int]] = {"serve": _serve, "ready": _ready, "check": _check}
    # Either signal ends the start quietly until the server takes over: process 1 of a container would ignore SIGTERM.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if given and given[0] in commands:
            return commands[given[0]](given[1:])
        if given and not given[0].startswith("-"):
            near = did_you_mean(given[0], [*commands, "--help", "--version"])
            listed = f"commands are {', '.join(commands)}; see mockchirp --help"
            raise UsageError(f"there is no command {given[0][:80]!r}{near}{' C' if near else '; c'}{listed[1:]}")
        return _serve(given)
    except UsageError as error:
        print(f"mockchirp: {error}", file=sys.stderr)
        return WRONG_USAGE
    except KeyboardInterrupt:
        return 0


def _serve(arguments: list[str]) -> int:
    from mockchirp.settings import BadSetting, read_settings
    from mockchirp.slips import unknown_variables

    flags = _flags_of_settings().read(arguments)
    for line in unknown_variables(os.environ):
        print(f"mockchirp: warning: {line}", file=sys.stderr)
    try:
        settings = read_settings(flags)
        from mockchirp.logs import log_to_stderr

        log_to_stderr(settings.log_level, settings.log_format)
        from mockchirp.server import Server

        server = Server(settings)
        server.stop_on_signals()
        try:
            server.listen()
        except KeyboardInterrupt:
            _end_process()
    except BadSetting as error:
        raise UsageError(str(error)) from None
    _greet(welcome(server.url, settings))
    _collect_less()
    server.serve()
    _end_process()


def _end_process() -> NoReturn:
    """Leave it to the system to free the memory: a server with a big heap would take seconds to do that object by object."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # it may be closed, or never have been there
            stream.flush()
    os._exit(0)


def _greet(screen: str) -> None:
    """Print ``screen``; nobody may be there to read it, or no room, and the server serves all the same."""
    try:
        print(screen, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains once more at the end


def _collect_less() -> None:
    """Have the garbage collector look less often through what is kept: modules for good, calls and events for long."""
    gc.freeze()
    gc.set_threshold(5_000)


def _flags_of_settings() -> _Parser:
    """A parser with one flag a setting, in the groups of the table."""
    from mockchirp.settings import Settings, flag, form, group, variable
    from mockchirp.slips import flags_of_words

    parser = _Parser("mockchirp", _USAGE, _ABOUT, _NOTES, flags_meant=flags_of_words())
    parser.add_argument("--version", action="version", version=f"mockchirp {__version__}")
    sections: dict[str, argparse._ArgumentGroup] = {}
    for name, field in Settings.model_fields.items():
        heading = group(field)
        if heading not in sections:
            sections[heading] = parser.add_argument_group(heading)
        default = "" if field.default is None else f", default {field.default}"
        alone: dict[str, Any] = {"nargs": "?", "const": "yes"} if form(field).switch else {}
        sections[heading].add_argument(
            flag(name),
            metavar=form(field).metavar,
            action="append" if form(field).repeatable else "store",
            **alone,
            help=f"{field.description} ({variable(name)}{default})".replace("%", "%%"),
        )
    return parser


def welcome(url: str, settings: "Settings") -> str:
    """The one screen that a server at ``url`` greets with: where things are, and what to do next."""
    from mockchirp.core.sandbox import DEFAULT_KEY

    key = settings.api_keys[0] if settings.api_keys else DEFAULT_KEY
    rows = {
        "API": f"{url}/v1",
        "Public URL": settings.public_url,
        "Key": key,
        "Webhooks": _without_credentials(settings.webhook_url)
        or "none yet: choose with --webhook-url or MOCKCHIRP_WEBHOOK_URL",
        "Clock": _clock(settings),
        "Page": f"{url}/_mockchirp/ui",
        "Contract": f"{url}/openapi.yaml",
    }
    table = "\n".join(f"  {label:<11}{value}" for label, value in rows.items() if value)
    return f"""\
mockchirp {__version__}: Chirp's calling API on your machine

{table}

Place a call:

  curl {url}/v1/calls -H 'Authorization: Bearer {key}' \\
    -H 'Content-Type: application/json' -d '{{"from": "+15551234567", "to": "+15559876543"}}'

Ctrl-C stops."""


def _without_credentials(url: str | None) -> str | None:
    """A URL as a screen may show it, which somebody may look at or keep."""
    credentials, at, rest = (url or "").partition("@")
    scheme, slashes, _ = credentials.partition("://")
    return f"{scheme}{slashes}…@{rest}" if at and "/" not in credentials.removeprefix(scheme + slashes) else url


def _clock(settings: "Settings") -> str:
    if settings.clock_mode == "frozen":
        return "frozen, until POST /_mockchirp/clock/advance moves it"
    return "real time" if settings.clock_rate == 1 else f"{settings.clock_rate:g} times as fast as real time"


def _ready(arguments: list[str]) -> int:
    parser = _Parser(
        "mockchirp ready",
        "mockchirp ready [--url URL] [--wait DURATION]",
        "Exits with 0 as soon as a server is ready; with 1 and the reason if none is when the wait is over.",
    )
    here = url_of(os.environ.get("MOCKCHIRP_HOST") or DEFAULT_HOST, os.environ.get("MOCKCHIRP_PORT") or DEFAULT_PORT)
    parser.add_argument(
        "--url",
        metavar="URL",
        default=here,
        help="the server; without it, the one of MOCKCHIRP_HOST and MOCKCHIRP_PORT",
    )
    parser.add_argument(
        "--wait", metavar="DURATION", default="0", help="how long to try, such as 10s; without it, once"
    )
    flags = parser.read(arguments)
    url = str(flags["url"]).rstrip("/")
    try:
        reason = wait_until_ready(url, parse_duration(str(flags["wait"])) / SECOND)
    except ValueError as error:
        parser.error(str(error))
    if reason is None:
        print(f"mockchirp is ready at {url}")
        return 0
    print(f"mockchirp: not ready at {url}: {reason}", file=sys.stderr)
    return NOT_READY


def _check(arguments: list[str]) -> int:
    parser = _Parser(
        "mockchirp check",
        "mockchirp check FILE...",
        "Exits with 0 if the files can be seeds, and says what is in them; with 2 and the place of the first mistake if not.",
    )
    parser.add_argument("file", nargs="+", help="a seed file, or the name of one that comes along")
    files = parser.read(arguments)["file"]
    from mockchirp.app import create_app
    from mockchirp.settings import BadSetting, read_settings

    try:
        app = create_app(read_settings({"seed": files, "state_file": ""}))
    except BadSetting as error:
        raise UsageError(str(error).removeprefix("--seed ")) from None
    for live in app.runtime:
        sandbox = live.sandbox
        contents: dict[str, Sized] = {
            "calls": sandbox.calls,
            "recordings": sandbox.recorder.recordings,
            "voicemails": sandbox.voicemail_box.voicemails,
            "webhooks": sandbox.notifier.webhooks,
        }
        print(f"{', '.join(live.keys)}: {', '.join(f'{len(things)} {name}' for name, things in contents.items())}")
    return 0
