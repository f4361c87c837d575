"""Does it last? ``python -m benchmarks.soak`` has 50 clients do all there is to do, at once, for 60 seconds.

They share ten sandboxes, of all clock modes, with faults on and receivers that answer, fail, hang and break off. Each sandbox is reset
again and again, as soon as no advance is under way in it; that, and settings that keep little, bound what is kept: memory that
goes on growing would be held by something else. Fails if an answer is a 500 that no fault has asked for, the server logs anything,
or memory grows by more than :data:`MOST_GROWTH` after the first 10 seconds.
"""

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.processors import LOAD, pin
from benchmarks.serving import ADMIN_KEY, Server, mockchirp_command, spawned

CLIENTS = 50
SANDBOXES = 10
WARM_UP = 10.0
MOST_GROWTH = 0.10
"""Of the memory after the first 10 seconds: the medians of the beginning and of the end are compared."""
_FLAGS = {
    "--webhook-timeout": "20ms",
    "--webhook-retry-schedule": "2,4",
    "--fault-hold-limit": "1s",
    "--calls-kept": "100",
    "--recordings-kept": "100",
    "--events-kept": "500",
    "--deliveries-kept": "200",
    "--journal-size": "100",
    "--advance-quiet": "0",
    "--log-level": "error",
}
"""What is kept is full within the first seconds, an advance is not held up for long, and receivers fail on purpose, which is
no more than a warning.
"""
_SMALLEST = {
    **dict.fromkeys(("--calls-kept", "--recordings-kept", "--events-kept", "--deliveries-kept", "--bodies-kept"), "1"),
    **dict.fromkeys(("--journal-size", "--max-faults"), "1"),
}
"""With the smallest bounds that there can be."""
_RECEIVERS = ("ok", "ok", "ok", "fail", "fail", "cut", "hang")
_NUMBERS = [f"+1500555000{digit}" for digit in range(10)] + ["+15559876543"] * 5
_COMMANDS = [
    "answer",
    "reject",
    "send_to_voicemail",
    "hangup",
    "hold",
    "unhold",
    "start_recording",
    "stop_recording",
    "mute",
    "unmute",
    "nonsense",
]
_ACTIONS = ["ring", "answer", "busy", "no_answer", "voicemail", "hangup", "fail"]
_CLOCKS: tuple[dict[str, object], ...] = (
    {"mode": "frozen"},
    {"mode": "real", "rate": 60},
    {"mode": "real", "rate": 1000},
)
_ADVANCES: tuple[dict[str, object], ...] = (
    {"by": "5s"},
    {"by": "2m"},
    {"by": "1s", "quiet": "5ms"},
    {"until": "idle", "limit": "5m"},
    {"until": "next"},
    {"until": {"event": "calls.voicemail.received"}, "limit": "5m"},
    {"until": {"idle": True}, "limit": "5m"},
)
_FAULTS: tuple[dict[str, object], ...] = (
    {"operation": "getCall", "status": 503, "times": 3},
    {"operation": "*", "code": "rate_limit_exceeded", "probability": 0.1, "duration": "20s"},
    {"operation": "createCall", "delay": "20ms", "times": 5},
    {"operation": "listCallRecordings", "abort": "reset", "times": 1},
    {"operation": "getCall", "abort": "truncate", "times": 1},
    {"operation": "downloadRecording", "abort": "truncate", "times": 1},
    {"operation": "getWebhook", "abort": "hang", "times": 1},
    {"target": "webhook", "duplicate": 2, "times": 5},
    {"target": "webhook", "drop": True, "probability": 0.2},
    {"target": "webhook", "delay": "3s", "times": 3},
    {"target": "webhook", "reorder": 2, "times": 3},
)


class _Client:
    """One client: does one thing after the other, drawn from its own seed."""

    def __init__(self, session: aiohttp.ClientSession, number: int, hooks: list[str], counts: Counter[str]) -> None:
        self.draw = random.Random(number)
        self.key = f"sk_test_app_soak{number % SANDBOXES}"
        self._session = session
        self._hooks = hooks
        self._counts = counts
        self._recent: dict[str, list[str]] = {kind: ["none"] for kind in ("call", "rec", "wh", "file", "delivery")}
        self._state: Any = None
        self.wrong: list[str] = []

    async def ask(self, method: str, path: str, body: object = None, *, key: str | None = None) -> Any:
        """The JSON of the answer, None if there is none."""
        headers = {"Authorization": f"Bearer {key or self.key}"}
        timeout = aiohttp.ClientTimeout(total=self.draw.choice((0.1, 20, 20, 20, 20)))  # some clients are impatient
        try:
            async with self._session.request(method, path, json=body, headers=headers, timeout=timeout) as answer:
                content = await answer.read()
        except (aiohttp.ClientError, TimeoutError):
            self._counts["broken off"] += 1
            return None
        self._counts[f"{answer.status // 100}xx"] += 1
        asked_for = answer.status == 503 and path.startswith("/v1/")  # by a fault
        if answer.status >= 500 and not asked_for:
            self.wrong.append(f"{method} {path}: {answer.status} {content[:300]!r}")
        return json.loads(content) if content and answer.content_type == "application/json" else None

    def one_of(self, kind: str) -> str:
        return self.draw.choice(self._recent[kind])

    def note(self, kind: str, answer: Any, field: str = "id") -> None:
        """Remember what an answer names, for later requests."""
        if isinstance(answer, dict) and isinstance(answer.get(field), str):
            self._recent[kind] = [*self._recent[kind][-20:], answer[field]]

    async def place(self) -> None:
        body = {"from": "+15551234567", "to": self.draw.choice(_NUMBERS), "metadata": {"n": self.draw.random()}}
        self.note("call", await self.ask("POST", "/v1/calls", body))

    async def receive(self) -> None:
        self.note("call", await self.ask("POST", "/_mockchirp/calls", self.draw.choice(({}, {"scenario": "brief"}))))

    async def command(self) -> None:
        await self.ask("POST", f"/v1/calls/{self.one_of('call')}/commands", {"type": self.draw.choice(_COMMANDS)})

    async def far_end(self) -> None:
        await self.ask(
            "POST", f"/_mockchirp/calls/{self.one_of('call')}/far-end", {"action": self.draw.choice(_ACTIONS)}
        )

    async def look(self) -> None:
        call, recording = self.one_of("call"), self.one_of("rec")
        await self.ask(
            "GET", self.draw.choice((f"/v1/calls/{call}", f"/_mockchirp/calls/{call}", "/v1/calls/voicemails"))
        )
        for each in (await self.ask("GET", f"/v1/calls/{call}/recordings") or {}).get("data", ()):
            self.note("rec", each)
            self.note("file", each, "fileUrl")
        await self.ask("GET", f"/v1/calls/recordings/{recording}")

    async def download(self) -> None:
        if (url := self.one_of("file")) != "none":
            await self.ask(self.draw.choice(("GET", "HEAD")), url[url.index("/recordings") :])

    async def end(self) -> None:
        path = self.draw.choice((f"calls/{self.one_of('call')}", f"calls/recordings/{self.one_of('rec')}"))
        await self.ask("DELETE", f"/v1/{path}")

    async def webhook(self) -> None:
        body = {"url": self.draw.choice(self._hooks), "events": ["calls.completed"]}
        self.note("wh", await self.ask("POST", "/v1/webhooks", body))
        for hook in self._recent["wh"][-5:]:
            await self.ask("PUT", f"/v1/webhooks/{hook}", {"events": ["calls.initiated", "calls.answered"]})
            await self.ask(self.draw.choice(("GET", "DELETE", "DELETE")), f"/v1/webhooks/{hook}")

    async def configure(self) -> None:
        app = (await self.ask("GET", "/_mockchirp/sandbox") or {}).get("appId", "none")
        body = {
            "autoRecordEnabled": self.draw.random() < 0.5,
            "recordingFormat": self.draw.choice(("mp4", "ogg", "webm")),
        }
        await self.ask("PUT", f"/v1/organization/apps/{app}/calling", body, key=ADMIN_KEY)
        await self.ask("POST", "/v1/calls/token", {"roomName": "r", "participantIdentity": "p"})

    async def clock(self) -> None:
        await self.ask("PUT", "/_mockchirp/clock", self.draw.choice(_CLOCKS))

    async def advance(self) -> None:
        await self.ask("POST", "/_mockchirp/clock/advance", self.draw.choice(_ADVANCES))

    async def fault(self) -> None:
        await self.ask("POST", "/_mockchirp/faults", self.draw.choice(_FAULTS))
        await self.ask(self.draw.choice(("GET", "DELETE")), "/_mockchirp/faults")

    async def scenario(self) -> None:
        name = f"s{self.draw.randrange(5)}"
        steps = [{"after": self.draw.randrange(5), "do": self.draw.choice(_ACTIONS)} for _ in range(2)]
        await self.ask("PUT", f"/_mockchirp/scenarios/{name}", {"created": steps})
        await self.ask("PUT", "/_mockchirp/scenarios/numbers", {"+1555*": name})
        await self.ask(self.draw.choice(("GET", "DELETE")), f"/_mockchirp/scenarios/{name}")

    async def see(self) -> None:
        for part in ("requests", "events", "deliveries", "calls", "sandboxes", "metrics", "clock"):
            if self.draw.random() < 0.2:
                self.note("delivery", ((await self.ask("GET", f"/_mockchirp/{part}") or {}).get("data") or [None])[-1])

    async def redeliver(self) -> None:
        await self.ask("POST", f"/_mockchirp/deliveries/{self.one_of('delivery')}/redeliver")

    async def wait(self) -> None:
        conditions: list[dict[str, object]] = [
            {"call": self.one_of("call"), "status": "completed"},
            {"event": "calls.completed", "count": 3},
            {"delivery": {"status": "exhausted"}},
            {"request": {"operation": "createCall"}, "count": 5},
            {"idle": True},
        ]
        condition = self.draw.choice(conditions)
        await self.ask("POST", "/_mockchirp/wait", {"for": condition, "timeout": "300ms"})
        await self.ask("GET", "/_mockchirp/events?after=1000000&wait=100ms")

    async def carry(self) -> None:
        """Take the state along, or put back what was taken."""
        if self._state is None:
            self._state = await self.ask("GET", "/_mockchirp/state")
        else:
            await self.ask("PUT", "/_mockchirp/state", self._state)
            self._state = None

    async def remove(self) -> None:
        await self.ask("DELETE", "/_mockchirp/sandbox")

    async def nonsense(self) -> None:
        path = self.draw.choice(
            ("/v1/calls", "/_mockchirp/wait", "/_mockchirp/faults", "/nowhere", "/_mockchirp/state")
        )
        await self.ask(
            self.draw.choice(("POST", "PUT", "GET")), path, self.draw.choice(([], {"from": 5}, "x", {"for": {}}))
        )

    async def run(self, end: float) -> None:
        often = (self.place, self.look, self.command, self.far_end, self.receive, self.see)
        deeds: list[Callable[[], Awaitable[None]]] = [
            *often, *often, *often, self.download, self.end, self.webhook, self.configure, self.clock, self.advance,
            self.fault, self.scenario, self.redeliver, self.wait, self.nonsense,
        ]  # fmt: skip
        while time.perf_counter() < end:
            rare = self.draw.random()
            deed = self.carry if rare < 0.01 else self.remove if rare < 0.012 else self.draw.choice(deeds)
            await deed()


async def _receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection of a receiver that does what the path says."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            kind = head.split(b" ", 2)[1].rpartition(b"/")[2]
            if kind == b"hang":
                await reader.read()
            if kind in (b"hang", b"cut"):
                break
            writer.write(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % (200 if kind == b"ok" else 500))
    except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
        pass
    finally:
        writer.close()


async def _reset_all(session: aiohttp.ClientSession, end: float, times: list[float]) -> None:
    """Reset one sandbox after the other."""
    while time.perf_counter() < end:
        for number in random.Random(len(times)).sample(range(SANDBOXES), SANDBOXES):
            started = time.perf_counter()
            headers = {"Authorization": f"Bearer sk_test_app_soak{number}"}
            status = 409
            while status == 409 and time.perf_counter() < end:
                async with session.post("/_mockchirp/reset", headers=headers) as answer:
                    status = answer.status
                    await answer.read()
                await asyncio.sleep(0.01)
            times.append(time.perf_counter() - started)
            await asyncio.sleep(1 / SANDBOXES)


@asynccontextmanager
async def _session(port: int) -> Any:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", connector=connector) as session:
        yield session


async def _load(server: Server, seconds: float) -> list[str]:
    """What went wrong; prints what happened."""
    receivers = [await asyncio.start_server(_receive, "127.0.0.1", 0) for _ in _RECEIVERS]  # each an origin of its own
    hooks = [
        f"http://127.0.0.1:{each.sockets[0].getsockname()[1]}/{do}"
        for each, do in zip(receivers, _RECEIVERS, strict=True)
    ]
    counts: Counter[str] = Counter()
    memory: list[tuple[float, float]] = []
    started = time.perf_counter()
    end = started + seconds
    async with _session(server.port) as session:
        clients = [_Client(session, number, hooks, counts) for number in range(CLIENTS)]
        resets: list[float] = []
        tasks = [asyncio.create_task(client.run(end)) for client in clients]
        tasks += [asyncio.create_task(_reset_all(session, end, resets)) for _ in range(3)]
        while time.perf_counter() < end:
            memory.append((time.perf_counter() - started, server.memory()["Rss"] / 1e6))
            await asyncio.sleep(0.5)
        await asyncio.gather(*tasks)
    for receiver in receivers:
        receiver.close()
    wrong = [text for client in clients for text in client.wrong]
    late = [held for at, held in memory if at >= min(WARM_UP, seconds / 2)]
    fifth = max(1, len(late) // 5)
    first, last = statistics.median(late[:fifth]), statistics.median(late[-fifth:])
    print(", ".join(f"{name}: {count:,}" for name, count in sorted(counts.items())), f"resets: {len(resets)}", sep=", ")
    print("memory every 5 s, MB: " + " ".join(f"{held:.0f}" for _, held in memory[::10]))
    print(
        f"memory after the first {WARM_UP:g} s: {first:.0f} MB, at the end {last:.0f} MB, greatest {max(late):.0f} MB"
    )
    if last > first * (1 + MOST_GROWTH):
        wrong.append(f"memory grew from {first:.0f} to {last:.0f} MB")
    return wrong


@contextmanager
def _server(log: Path, flags: Mapping[str, str]) -> Iterator[Server]:
    command = [*mockchirp_command(), "--port", "{port}", *(word for flag in flags.items() for word in flag)]
    with log.open("wb") as errors, spawned(command, "/_mockchirp/ready", errors=errors) as (server, _):
        yield server


def main() -> int:
    """Load a server of its own, and say whether it has stood it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long, 60 unless told otherwise")
    parser.add_argument("--tiny-bounds", action="store_true", help="keep next to nothing")
    options = parser.parse_args()
    seconds, flags = options.seconds, {**_FLAGS, **(_SMALLEST if options.tiny_bounds else {})}
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory, "log")
        with _server(log, flags) as server:
            pin(LOAD)
            wrong = asyncio.run(_load(server, seconds))
        logged = log.read_text()
    if logged:
        wrong.append(f"the server logged:\n{logged[:5000]}")
    print(*(wrong or [f"{CLIENTS} clients for {seconds:g} s: nothing went wrong"]), sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
