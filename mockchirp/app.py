"""The composition root: settings in, one ASGI application out."""

from collections.abc import Awaitable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.routing import Router
from starlette.types import Message, Receive, Scope, Send

from mockchirp.address import url_of
from mockchirp.api.downloads import NO_STORE
from mockchirp.api.journal import enter_refusal
from mockchirp.api.operation import quota_headers
from mockchirp.api.routes import operations
from mockchirp.api.routes import routes as api_routes
from mockchirp.clock import RealSeconds, real_seconds
from mockchirp.control.routes import largest_body
from mockchirp.control.routes import routes as control_routes
from mockchirp.control.server import routes as server_routes
from mockchirp.core.errors import ChirpError, Forbidden
from mockchirp.core.rate_limits import untouched
from mockchirp.core.world import Policy
from mockchirp.http import (
    MOST_DISCARDED,
    ConnectionCut,
    Headers,
    Methods,
    Routes,
    adding,
    header,
    internal_error,
    send_error,
    send_nothing,
)
from mockchirp.media.library import AudioLibrary
from mockchirp.media.sizes import size_of
from mockchirp.origins import OriginRule, cors_headers, preflight_headers
from mockchirp.runtime import Defaults, Runtime
from mockchirp.sending.sender import HttpSender, Sender
from mockchirp.settings import BadSetting, Settings, flag, shorten
from mockchirp.traffic import ABORTED

if TYPE_CHECKING:
    from mockchirp.state_file import StateFile

_PUBLIC = frozenset(("/", "/openapi.json", "/openapi.yaml"))
"""Paths that any page may ask for: nothing there is a secret, and explorers of APIs are web pages."""


class App:
    """mockchirp as an ASGI application. All state lives in :attr:`runtime`, none in the lifespan."""

    def __init__(self, runtime: Runtime, library: AudioLibrary, rule: OriginRule) -> None:
        self.runtime = runtime
        self.state_file: StateFile | None = None
        self._rule = rule
        runtime.operations = operations(strict=runtime.defaults.policy.strict)
        self._library = library
        self.largest_request = largest_body(runtime) + MOST_DISCARDED + (1 << 20)
        """Bytes of a request that a server has to let through, so that the answer can be given here."""
        self._routes = Routes([*api_routes(runtime, library), *control_routes(runtime), *server_routes(runtime)])
        self._protocols = Router()
        """Answers the lifespan, and closes web sockets."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._protocols(scope, receive, send)
            return
        started = real_seconds()
        status = ABORTED

        def watched(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            return send(message)

        try:
            await self._answer(scope, receive, watched)
        finally:
            self.runtime.traffic.note_request(scope, _operation(scope), status, real_seconds() - started)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            origin = b"*" if scope["path"] in _PUBLIC else self._rule.admit(scope)
        except Forbidden as refusal:  # what it might do to a sandbox is not looked at
            await send_error(send, refusal, self._chirp_headers(scope))
            return
        if origin is not None:
            if scope["method"] == "OPTIONS" and header(scope, b"access-control-request-method"):
                await send_nothing(send, preflight_headers(scope, origin))
                return
            if origin != b"*":
                send = adding(send, cors_headers(origin))
        started = real_seconds()
        try:
            await self._routes(scope, receive, send)
        except ConnectionCut:
            raise
        except Exception as error:  # a frame that kept it would keep itself, and the body
            if not isinstance(error, ChirpError):
                error = internal_error(scope)
            headers = self._chirp_headers(scope)
            if scope["path"].startswith("/v1/"):
                enter_refusal(self.runtime, scope, started, error, headers)
            await send_error(send, error, headers)

    def readable(self, headers: Headers) -> Headers:
        """What lets a page read the answer to a request with these headers that never came here; nothing if it may not."""
        try:
            origin = self._rule.admit({"headers": headers, "method": "", "path": ""})
        except Forbidden:
            return []
        return [] if origin is None else cors_headers(origin)

    def _chirp_headers(self, scope: Scope) -> Headers:
        """Those that every answer of Chirp's surface has; nothing for the rest."""
        is_file = scope["path"].startswith("/recordings/")
        if not is_file and not scope["path"].startswith("/v1/"):
            return []
        quota = quota_headers(untouched(self.runtime.default_now()))
        return [*quota, NO_STORE] if is_file else quota

    def start(self) -> None:
        """Let what is due happen in sandboxes that were there from the beginning, and look after the place for audio files; in the
        event loop that is to serve.
        """
        self._library.prepare()
        for live in self.runtime:
            live.catch_up()
            live.release(live.sandbox.take_outbox())

    def abandon(self) -> None:
        """Let go of the state file, as it is, and of the audio files: this application serves no more, or never will."""
        if self.state_file is not None:
            self.state_file.release()
        self._library.close()

    async def close(self) -> None:
        """Save the state, abandon deliveries in flight, let go of connections and remove the audio files."""
        if self.state_file is not None:
            self.state_file.save()
        await self.runtime.close()
        self._library.close()


def create_app(
    settings: Settings | None = None,
    *,
    sender: Sender | None = None,
    library: AudioLibrary | None = None,
    base_url: str | None = None,
    real: RealSeconds = real_seconds,
) -> App:
    """Put mockchirp together. ``sender`` replaces the one that really sends webhooks, ``library`` the one that keeps its audio files
    where the system has temporary ones; ``base_url`` is where the server listens, ``real`` what its clocks go by.

    Raise :class:`BadSetting` if a seed or the state file can't be used.
    """
    settings = settings or Settings()
    library = library or AudioLibrary()
    defaults = Defaults(
        seed=settings.random_seed,
        clock_mode=settings.clock_mode,
        clock_rate=settings.clock_rate,
        clock_start=settings.clock_start,
        api_keys=settings.api_keys,
        public_url=settings.public_url,
        max_body_size=settings.max_body_size,
        max_state_size=settings.max_state_size,
        max_sandboxes=settings.max_sandboxes,
        max_waits=settings.max_waits,
        advance_quiet=settings.advance_quiet,
        policy=Policy(
            retry_schedule=settings.webhook_retry_schedule,
            processing_time=settings.recording_processing_time,
            webhook_url=settings.webhook_url,
            webhook_headers=settings.webhook_headers,
            strict=settings.strict,
            extra_commands=frozenset(settings.extra_commands),
            enforce_rate_limit=settings.rate_limit == "enforce",
            transcription=settings.transcription,
            livekit_api_key=settings.livekit_api_key,
            livekit_api_secret=settings.livekit_api_secret,
            max_webhooks=settings.max_webhooks,
            calls_kept=settings.calls_kept,
            recordings_kept=settings.recordings_kept,
            events_kept=settings.events_kept,
            deliveries_kept=settings.deliveries_kept,
            bodies_kept=settings.bodies_kept,
            max_faults=settings.max_faults,
            fault_hold_limit=settings.fault_hold_limit,
            reorder_limit=settings.reorder_limit,
            journal_size=settings.journal_size,
        ),
    )
    sender = sender or HttpSender(timeout=settings.webhook_timeout / 1000)
    own = [
        url_of(settings.host, 0).removeprefix("http://"),
        *([urlsplit(settings.public_url).netloc] if settings.public_url else ()),
    ]
    rule = OriginRule(settings.trusted_hosts, own, page="/_mockchirp/ui")
    runtime = Runtime(defaults, sender, size_of, real)
    runtime.base_url = base_url or runtime.base_url
    app = App(runtime, library, rule)
    try:
        app.state_file = _state_file(settings, runtime)
        _sow(settings, runtime)
    except BaseException:
        app.abandon()
        raise
    runtime.loading = None
    return app


def _state_file(settings: Settings, runtime: Runtime) -> "StateFile | None":
    if settings.state_file is None:
        return None
    from mockchirp.state_file import BadStateFile, StateFile  # most starts need neither this nor what it needs

    state_file = StateFile(settings.state_file, runtime)
    try:
        state_file.load()
    except BadStateFile as error:
        raise BadSetting(f"{flag('state_file')} {shorten(str(settings.state_file))}: {error}") from None
    return state_file


def _sow(settings: Settings, runtime: Runtime) -> None:
    if not settings.seed:
        return
    from mockchirp.seeds import BadSeed, sow

    try:
        sow(runtime, settings.seed)
    except BadSeed as error:
        raise BadSetting(f"{flag('seed')} {error}") from None


def _operation(scope: Scope) -> str:
    """The id of the operation that a request was for, `none` if there is no such."""
    endpoint = scope.get("endpoint")
    return endpoint.names.get(scope["method"], "none") if isinstance(endpoint, Methods) else "none"
