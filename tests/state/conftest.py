"""What the tests of documents share: where a sandbox is made, written down and taken up again."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from mockchirp.clock import Clock
from mockchirp.core.instants import parse_instant
from mockchirp.core.sandbox import Sandbox
from mockchirp.core.world import Policy
from mockchirp.state.exporting import export
from mockchirp.state.restoring import Ground, read, restore

T0 = parse_instant("2026-01-15T10:30:00Z")
KEY = "sk_test_app_local"


class Ark:
    """Writes sandboxes down and takes them up; ``policy`` is the server's."""

    def __init__(self, **policy: Any) -> None:
        self.policy = Policy(**{"webhook_url": "http://app.test/hooks", **policy})

    def ground(self, key: str = KEY) -> Ground:
        return Ground(key, 1, T0, self.policy, self.size_of, "http://127.0.0.1:24477")

    @staticmethod
    def size_of(format: str, seconds: int) -> int:
        return 1_000 * len(format) + seconds

    def fresh(self, key: str = KEY) -> Sandbox:
        return Sandbox(now=T0, key=key, policy=self.policy, size_of=self.size_of)

    @staticmethod
    def export(sandbox: Sandbox) -> dict[str, Any]:
        return export(sandbox, Clock(sandbox.now, 0.0, mode="frozen"), [KEY], 1)

    def take_up(self, document: Any, key: str = KEY) -> Sandbox:
        """A sandbox in the state of a document, which has been text in between."""
        return restore(read(orjson.loads(orjson.dumps(document))), self.ground(key))


@pytest.fixture
def ark() -> Ark:
    """The place for sandboxes, on a server without special settings."""
    return Ark()


@pytest.fixture
def open_ark() -> Callable[..., Ark]:
    """The same, with policies."""
    return Ark
