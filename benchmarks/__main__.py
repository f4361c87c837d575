"""How quick is mockchirp? ``python -m benchmarks`` measures it and prints a table; ``python -m benchmarks start advance``
measures only these parts.

What is compared is measured in turn, A/B/A/B, in short rounds, since no machine is ever quiet: the figures are medians, with the
least and the greatest beside them. The server has one processor to itself, what loads it another.
"""

import argparse
import http.client
import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from time import perf_counter

from benchmarks.load import WRK, Request, create_call, rate, send
from benchmarks.receiver import receiving
from benchmarks.serving import Server, free_port, mockchirp, mockchirp_command, spawned
from mockchirp import __version__

ROUNDS = 9
SECONDS = 1.0
"""Length of one round of load."""
BRIEF = "+15005550008"
"""Rings and is answered at once, and hung up after a second."""
EVENTS_OF_BRIEF = 8
MANY_CALLS = 100_000


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; ``limit`` is the bound that the median is to keep: at most it, or with ``least`` at least."""

    what: str
    values: Sequence[float]
    unit: str = ""
    limit: float | None = None
    least: bool = False

    def __str__(self) -> str:
        median = statistics.median(self.values)
        spread = f"{_number(min(self.values))} - {_number(max(self.values))}" if len(self.values) > 1 else ""
        if self.limit is None:
            verdict = ""
        else:
            kept = median >= self.limit if self.least else median <= self.limit
            verdict = f"{'≥' if self.least else '≤'} {_number(self.limit):6} {'reached' if kept else 'MISSED'}"
        return f"{self.what:64} {_number(median):>8} {self.unit:5} {spread:>19}  {verdict}".rstrip()


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def start() -> Iterator[Row]:
    """From the spawn of the command to the first 200, and what an idle server holds."""
    ready, first, rss, pss = [], [], [], []
    for _ in range(ROUNDS + 1):
        for times, probe in ((ready, "/_mockchirp/ready"), (first, "/v1/calls/voicemails")):
            with spawned([*mockchirp_command(), "--port", "{port}"], probe, alone=False) as (server, seconds):
                times.append(seconds)
                held = server.memory()
        rss.append(held["Rss"] / 1e6)
        pss.append(held["Pss"] / 1e6)
    # The first round fills the caches of the file system and of compiled modules.
    yield Row("cold start to the first 200: GET /_mockchirp/ready", ready[1:], "s", 0.6)
    yield Row("cold start to the first 200: GET /v1/calls/voicemails", first[1:], "s", 0.6)
    yield Row("idle memory, resident", rss[1:], "MB", 70)
    yield Row("idle memory, proportional share", pss[1:], "MB", 70)


def requests() -> Iterator[Row]:
    """GET and POST against a bare Starlette route, and what many calls in the sandbox change."""
    with ExitStack() as stack:
        bare, _ = stack.enter_context(spawned([sys.executable, "-m", "benchmarks.bare", "{port}"], "/v1/calls/call"))
        server = stack.enter_context(mockchirp())
        get = _get(server)
        yield from _compare("GET /v1/calls/{id}", get, "bare route", _get(bare), 0.5)
        yield from _compare("POST /v1/calls", (server, create_call), "bare route", (bare, create_call), 0.3)
        full = stack.enter_context(mockchirp())
        get_of_many = _get(full)
        empty = full.memory()["Pss"]
        send(create_call(full.port), MANY_CALLS)
        yield Row(
            f"memory per live call, of {MANY_CALLS:,}", [(full.memory()["Pss"] - empty) / MANY_CALLS / 1e3], "KB", 5
        )
        alone = stack.enter_context(mockchirp())
        yield from _compare(f"GET among {MANY_CALLS:,} calls", get_of_many, "GET of the only call", _get(alone), 0.9)


Load = tuple[Server, Callable[[int], Request]]
"""A server, and what is sent to it once its port is known."""


def _get(server: Server) -> Load:
    """GET of a call that is made for it."""
    call_id = server.ask("POST", "/v1/calls", {"from": "+15551234567", "to": "+15559876543"})["id"]
    return server, lambda port: Request(port, "GET", f"/v1/calls/{call_id}")


def _compare(what: str, measured: Load, base_name: str, base: Load, limit: float) -> Iterator[Row]:
    """The rates of both, their ratio, and their ratio by the processor time that a request costs: on an idle machine the two
    are the same, and the latter is so on a busy one too.
    """
    pairs = []
    for _ in range(ROUNDS + 1):
        pairs.append((_measure(*measured), _measure(*base)))
    del pairs[0]  # to warm up
    yield Row(what, [mine[0] for mine, _ in pairs], "/s")
    yield Row(f"  {base_name}", [theirs[0] for _, theirs in pairs], "/s")
    yield Row("  ratio", [mine[0] / theirs[0] for mine, theirs in pairs], "", limit, least=True)
    yield Row("  ratio by processor time", [theirs[1] / mine[1] for mine, theirs in pairs], "", limit, least=True)


def _measure(server: Server, request: Callable[[int], Request]) -> tuple[float, float]:
    """Requests a second, and the seconds of processor time that each cost the server."""
    before = server.processor_seconds()
    measured = rate(request(server.port), SECONDS)
    return measured, (server.processor_seconds() - before) / (measured * SECONDS)


def webhooks() -> Iterator[Row]:
    """Calls are placed in real time, and all their events delivered to a receiver."""
    calls = 1_000
    rates = []
    for _ in range(ROUNDS):
        with receiving() as receiver, mockchirp("--webhook-url", receiver.url, "--clock-mode", "real") as server:
            started = perf_counter()
            send(create_call(server.port, BRIEF), calls)
            receiver.wait_for(calls * EVENTS_OF_BRIEF, 60)
            rates.append(calls * EVENTS_OF_BRIEF / (perf_counter() - started))
    yield Row(f"webhook deliveries, {calls:,} calls placed and ended", rates, "/s", 1_000, least=True)


def advance() -> Iterator[Row]:
    """An hour passes for many calls, from their first ring to their end."""
    calls = 10_000
    times = []
    for _ in range(ROUNDS):
        with mockchirp() as server:
            send(create_call(server.port), calls)
            started = perf_counter()
            report = server.ask("POST", "/_mockchirp/clock/advance", {"by": "1h"})
            times.append(perf_counter() - started)
            ended = sum(event["type"] == "calls.completed" for event in report["events"])
            assert (ended, report["pending"]) == (calls, 0)
    yield Row(f"advance of 1 h over {calls:,} live calls", times, "s", 5)


def retries() -> Iterator[Row]:
    """A day passes for calls whose receiver fails throughout: every delivery is tried until its retries are exhausted."""
    calls = 1_000
    with receiving(500) as failing:
        for what, url in (("answers 500", failing.url), ("refuses connections", f"http://127.0.0.1:{free_port()}/")):
            times, attempts, reports = [], 0, []
            for _ in range(2):
                with mockchirp("--webhook-url", url) as server:
                    send(create_call(server.port), calls)
                    started = perf_counter()
                    report = server.ask("POST", "/_mockchirp/clock/advance", {"by": "24h"})
                    times.append(perf_counter() - started)
                    attempts = len(report["deliveries"])
                    assert report["pending"] == 0
                    reports.append(report)
            assert reports[0] == reports[1], "the same seed and requests make the same history"
            yield Row(f"advance of 24 h, {calls:,} calls, the receiver {what}", times, "s", 20)
            yield Row("  attempts", [attempts])


def sandboxes() -> Iterator[Row]:
    """What a removed sandbox leaves behind, and how long emptying one takes."""
    with mockchirp() as server:
        held = []
        for number in range(10_000):
            key = f"sk_test_app_round{number}"
            server.ask("POST", "/_mockchirp/faults", {"status": 500, "times": 1, "operation": "getCall"}, key=key)
            server.ask("POST", "/v1/webhooks", {"url": "http://127.0.0.1:9/", "events": ["calls.answered"]}, key=key)
            server.ask("POST", "/v1/calls", {"from": "+15551234567", "to": "+15559876543"}, key=key)
            server.ask("POST", "/_mockchirp/clock/advance", {"by": 2}, key=key)
            server.ask("DELETE", "/_mockchirp/sandbox", key=key)
            if number % 1_000 == 999:
                held.append(server.memory()["Rss"] / 1e6)
        yield Row("memory at every 1,000th of 10,000 rounds of make, use, remove", held, "MB")
        yield Row("  growth from the 1,000th to the last", [held[-1] - held[0]], "MB", 1)
        times = []
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        for _ in range(200):
            send(create_call(server.port), 1_000)
            started = perf_counter()
            connection.request("POST", "/_mockchirp/reset")
            assert connection.getresponse().read()
            times.append((perf_counter() - started) * 1e3)
        connection.close()
        yield Row("reset of 1,000 calls", times, "ms")
        yield Row("  99th percentile", [statistics.quantiles(times, n=100)[-1]], "ms", 5)


PARTS: dict[str, Callable[[], Iterator[Row]]] = {
    "start": start,
    "requests": requests,
    "webhooks": webhooks,
    "advance": advance,
    "retries": retries,
    "sandboxes": sandboxes,
}


def main() -> int:
    """Measure the parts that the command line names, all of them by default."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure how quick mockchirp is.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of {', '.join(PARTS)}; without, all")
    parts = parser.parse_args().parts or list(PARTS)
    if unknown := [part for part in parts if part not in PARTS]:
        parser.error(f"there is no part {unknown[0]}: choose from {', '.join(PARTS)}")
    print(f"mockchirp {__version__}, Python {platform.python_version()}, load by {'wrk' if WRK else 'our own client'},")
    print(f"{os.cpu_count()} processors; median of {ROUNDS} rounds, and from the least to the greatest\n")
    for part in parts:
        for row in PARTS[part]():
            print(row, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
