"""All sandboxes of a server: made at first sight of a key, found by key and by app, removed."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from mockchirp.clock import Clock, Mode, RealSeconds, machine_now, real_seconds
from mockchirp.core.errors import ChirpError, Conflict, NotFound, Unauthenticated, Unavailable
from mockchirp.core.instants import parse_instant
from mockchirp.core.keys import check_app_key, hide_keys
from mockchirp.core.recordings import RecordingFormat
from mockchirp.core.sandbox import DEFAULT_KEY, Sandbox
from mockchirp.core.world import Policy
from mockchirp.live import LiveSandbox
from mockchirp.sending.sender import Sender
from mockchirp.traffic import Traffic

FROZEN_START = parse_instant("2026-01-15T10:30:00Z")
"""Where a frozen clock starts unless told otherwise: the instant of the documentation's example."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What every new sandbox gets. ``clock_start`` None is the machine's time, or :data:`FROZEN_START` on a frozen
    clock.
    """

    seed: int = 1
    clock_mode: Mode = "real"
    clock_rate: float = 1.0
    clock_start: int | None = None
    api_keys: tuple[str, ...] = ()
    public_url: str | None = None
    max_body_size: int = 1 << 20
    """Bytes of a request's body; more is 413."""
    max_state_size: int = 64 << 20
    """Bytes of a document of state; more is 413."""
    policy: Policy = field(default_factory=Policy)
    max_sandboxes: int = 10_000
    """One more is refused."""
    advance_quiet: int = 25
    """How long (ms of real time) the application has to be quiet before an advance goes on, unless the request says."""
    max_waits: int = 1000
    """Requests that may wait in one sandbox at once."""


class Runtime:
    """All sandboxes of a server, one an app key, each made at first sight."""

    def __init__(
        self,
        defaults: Defaults,
        sender: Sender,
        size_of: Callable[[RecordingFormat, int], int],
        real: RealSeconds = real_seconds,
    ) -> None:
        self.defaults = defaults
        self.real = real
        """What the clocks of all sandboxes go by."""
        self.base_url = "http://127.0.0.1:24477"
        """Where the server itself listens: what links in webhooks point to as long as nobody came by another name."""
        self.loading: str | None = "the state and the seeds are being loaded"
        """Why it is not ready, None if it is."""
        self.operations: Mapping[str, bool] = {}
        """The operationIds of Chirp's API, each with whether its path says which call it is about."""
        self.default_key = defaults.api_keys[0] if defaults.api_keys else DEFAULT_KEY
        self.size_of = size_of
        self.when_used: Callable[[LiveSandbox], None] | None = None
        """Told of every use of a sandbox that is made after this was set."""
        self.traffic = Traffic()
        self._sender = sender
        self._by_key: dict[str, LiveSandbox] = {}
        self._by_app: dict[str, LiveSandbox] = {}

    def sandbox_of(self, key: str | None) -> LiveSandbox:
        """The sandbox of an app key; raise :class:`Unauthenticated` if it is none, or none of those that the server
        accepts.
        """
        live = self._by_key.get(key) if key is not None else None
        return live if live is not None else self._make(check_app_key(key))

    def lookup(self, key: str | None) -> LiveSandbox | None:
        """The sandbox of an app key, if it has one; raise :class:`Unauthenticated` as :meth:`sandbox_of` does."""
        self._check_accepted(check_app_key(key))
        return self._by_key.get(key) if key is not None else None

    def sandbox_of_app(self, app_id: str) -> LiveSandbox | None:
        """The sandbox of an application, if one of its keys has made it."""
        return self._by_app.get(app_id)

    def tell_where(self, error: ChirpError, live: LiveSandbox, key: str | None) -> None:
        """Add to the message of a 404 in whose sandbox was looked, by which ``key``, and which other one has what was sought.

        The sandboxes of a mock are kept apart for the sake of tests, not as a secret: a wrong key is the likeliest cause.
        """
        if not isinstance(error, NotFound) or error.sought is None:
            return
        owner = hide_keys(key or live.key)
        error.message += f" in the sandbox of {owner}"
        if key is None:
            error.message += ", the default one, since no key was sent"
        other = next((each for each in self if each is not live and _holds(each.sandbox, error.sought)), None)
        if other is not None:
            error.message += f"; the sandbox of {hide_keys(other.key)} has it"

    def default_now(self, mode: Mode | None = None) -> int:
        """The instant at which a sandbox that is made now starts; ``mode`` is that of its clock, if not the usual one."""
        if self.defaults.clock_start is not None:
            return self.defaults.clock_start
        return FROZEN_START if (mode or self.defaults.clock_mode) == "frozen" else machine_now()

    def __iter__(self) -> Iterator[LiveSandbox]:
        """Every sandbox, in the order of their making."""
        return iter(self._by_app.values())

    def fresh(self, key: str, seed: int | None = None) -> tuple[Sandbox, Clock]:
        """A sandbox as the settings give it, and its clock."""
        defaults = self.defaults
        start = self.default_now()
        sandbox = Sandbox(
            now=start,
            seed=defaults.seed if seed is None else seed,
            key=key,
            policy=defaults.policy,
            size_of=self.size_of,
            origin=self.origin,
        )
        return sandbox, Clock(start, self.real(), mode=defaults.clock_mode, rate=defaults.clock_rate)

    @property
    def origin(self) -> str:
        """Where links in the webhooks of a new sandbox point to."""
        return self.defaults.public_url or self.base_url

    def settle(self, keys: tuple[str, ...], seed: int, sandbox: Sandbox, clock: Clock) -> LiveSandbox:
        """Let a sandbox live under app keys that have none. Raise :class:`Unauthenticated` if one of them is not accepted,
        :class:`Conflict` if there are too many sandboxes.
        """
        defaults = self.defaults
        for key in keys:
            self._check_accepted(key)
            assert key not in self._by_key, "the key has no sandbox"
        if len(self._by_app) >= defaults.max_sandboxes:
            raise Conflict(
                f"there are {len(self._by_app)} sandboxes, and max_sandboxes allows no more: "
                "remove one first, with DELETE /_mockchirp/sandbox and its key"
            )
        live = LiveSandbox(
            keys, seed, sandbox, clock, self._sender, defaults.max_waits, self.when_used, self.traffic, self.real
        )
        self._by_app[sandbox.app_id] = live
        self._by_key.update(dict.fromkeys(keys, live))
        return live

    async def remove(self, live: LiveSandbox) -> None:
        """Remove a sandbox altogether."""
        if self._by_app.get(live.sandbox.app_id) is live:
            del self._by_app[live.sandbox.app_id]
            for key in live.keys:
                del self._by_key[key]
        await live.remove()
        if self.when_used is not None:
            self.when_used(live)

    def stop(self) -> None:
        """Answer everyone who waits or advances time: the server is about to stop."""
        for live in self._by_app.values():
            live.stop(partial(Unavailable, "the server stops: what was asked for has not come to its end"))

    async def close(self) -> None:
        """Abandon every delivery in flight and let go of all connections."""
        for live in self._by_app.values():
            await live.close()
        await self._sender.close()

    def _make(self, key: str) -> LiveSandbox:
        self._check_accepted(key)
        return self.settle((key,), self.defaults.seed, *self.fresh(key))

    def _check_accepted(self, key: str) -> None:
        if self.defaults.api_keys and key not in self.defaults.api_keys:
            raise Unauthenticated("Invalid API key: it is not among the keys that this server was started with")


def _holds(sandbox: Sandbox, id: str) -> bool:
    """Whether a sandbox has a call, recording, voicemail or webhook with this id; other things have ids that come again in each."""
    things = (sandbox.calls, sandbox.recorder.recordings, sandbox.voicemail_box.voicemails, sandbox.notifier.webhooks)
    return any(id in each for each in things)
