"""Documents of state in a running server: a sandbox made of one, and a server's sandboxes of several."""

from mockchirp.clock import LATEST, Clock, machine_now
from mockchirp.core.errors import ChirpError
from mockchirp.core.sandbox import Sandbox
from mockchirp.live import LiveSandbox
from mockchirp.runtime import Runtime
from mockchirp.state.document import Document
from mockchirp.state.errors import BadState
from mockchirp.state.restoring import Ground, restore


def make(runtime: Runtime, document: Document, key: str, seed: int) -> tuple[Sandbox, Clock]:
    """A sandbox in the state of ``document`` for an app key, and its clock. It touches nothing of the server, and may run in a
    thread. Raise :class:`BadState` if it can't be.
    """
    defaults, given = runtime.defaults, document.clock
    mode = given.mode or defaults.clock_mode
    rate = given.rate or defaults.clock_rate
    ground = Ground(
        key, seed, runtime.default_now(mode), defaults.policy, runtime.size_of, runtime.origin, runtime.operations
    )
    sandbox = restore(document, ground)
    start = sandbox.now
    if given.as_of is not None and mode == "real":
        start = min(LATEST, start + int(max(0, machine_now() - given.as_of) * rate))
    return sandbox, Clock(start, runtime.real(), mode=mode, rate=rate)


def plant(runtime: Runtime, document: Document) -> LiveSandbox:
    """Have a new sandbox, in the state of ``document``, under the keys that it names, or under the default key.

    Raise :class:`BadState` if it can't be, or if a key has a sandbox already.
    """
    keys = tuple(dict.fromkeys(document.keys or [runtime.default_key]))
    path = ("keys",) if document.keys else ()
    seed = runtime.defaults.seed if document.seed is None else document.seed
    try:
        for place, key in enumerate(keys):
            if runtime.lookup(key) is not None:
                raise BadState((*path, place) if path else (), f"{key} has a sandbox already")
        return runtime.settle(keys, seed, *make(runtime, document, keys[0], seed))
    except ChirpError as error:
        raise BadState(path, error.message) from None
