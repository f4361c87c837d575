"""Do tests that run at once disturb each other? ``python -m benchmarks.parallel_suite`` runs 500 of them, in 8 processes.

Every test has a key of its own, and of its own whatever a sandbox can have: clock, seed, scenario, faults, webhook, waits, reset. It
checks that it gets all of it and nothing of anybody else's. Ends with status 1 if one of them does not.
"""

import json
import random
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from benchmarks.serving import Server, mockchirp_command, spawned

TESTS = 500
WORKERS = 8
_PATIENCE = 30.0
"""Seconds in which what a test expects has to come."""
_LIFE = ("calls.initiated", "calls.ringing", "calls.answered", "calls.completed", "calls.recording.completed")


class _Receiver:
    """The receiver of one worker: keeps what comes, by path, and answers 500 under ``/failing``."""

    def __init__(self) -> None:
        self.bodies: dict[str, list[Any]] = {}
        kept = self.bodies

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                kept.setdefault(self.path, []).append((self.headers["X-Test"], body))
                self.send_response(500 if self.path.startswith("/failing") else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            def handle_error(self, request: object, client_address: object) -> None:
                pass  # a reset breaks off what is in flight

        self._server = Quiet(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"


class _Sandbox:
    """What test ``number`` does with its own sandbox, on a server that it shares."""

    def __init__(self, server: Server, receiver: _Receiver, number: int) -> None:
        self.number = number
        self.draw = random.Random(number)
        self.key = f"sk_test_app_suite{number}"
        self.path = f"/{self.draw.choice(('answering', 'answering', 'failing'))}/{number}"
        self._server = server
        self._receiver = receiver

    def request(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        return self._server.request(method, path, body, key=self.key)

    def ask(self, method: str, path: str, body: object = None) -> Any:
        return self._server.ask(method, path, body, key=self.key)

    def came(self) -> list[Any]:
        """What its receiver has got; all of it must be its own."""
        bodies = self._receiver.bodies.get(self.path, [])
        for token, body in bodies:
            call = body["data"]["call"]
            assert (token, call["metadata"]) == (str(self.number), {"test": self.number}), f"somebody else's: {body}"
        return [body for _, body in bodies]

    def run(self) -> None:
        """The test."""
        frozen = self.draw.random() < 0.5
        rate = self.draw.choice((60, 600, 5000))
        seed = self.draw.randrange(10**9)
        calls = self.draw.randint(1, 4)
        expected = Counter(dict.fromkeys(_LIFE, calls))
        self._set_up(seed, rate)
        ids = self._place(calls)
        self._meet_faults(ids[0])
        self._let_happen(frozen, expected, ids)
        failing = self.path.startswith("/failing")
        arrived = Counter(body["event"] for body in self.came())
        assert arrived == Counter({name: count * (6 if failing else 1) for name, count in expected.items()}), arrived
        self._check_own(seed, ids)
        self._check_reset()

    def _set_up(self, seed: int, rate: int) -> None:
        self.ask("PATCH", "/_mockchirp/sandbox", {"seed": seed})
        assert self.ask("GET", "/_mockchirp/clock")["pending"] == 0
        self.ask("PUT", "/_mockchirp/clock", {"mode": "frozen", "rate": rate})
        scenario = {
            "created": [{"after": 2, "do": "ring"}, {"after": 4, "do": "answer"}],
            "answered": [{"after": 60, "do": "hangup"}],
        }
        self.ask("PUT", "/_mockchirp/scenarios/own", scenario)
        self.ask("PUT", "/_mockchirp/scenarios/default", {"scenario": "own"})
        hook = {"url": self._receiver.url + self.path, "events": list(_LIFE), "headers": {"X-Test": str(self.number)}}
        self.ask("POST", "/v1/webhooks", hook)

    def _place(self, calls: int) -> list[str]:
        ids = []
        for _ in range(calls):
            body = {"from": "+15551234567", "to": "+15559876543", "metadata": {"test": self.number}}
            ids.append(self.ask("POST", "/v1/calls", body)["id"])
            status, answer = self.request("POST", f"/v1/calls/{ids[-1]}/commands", {"type": "start_recording"})
            assert status == 200, answer
        return ids

    def _meet_faults(self, call_id: str) -> None:
        times, status = self.draw.randint(1, 3), self.draw.choice((500, 502, 503))
        self.ask("POST", "/_mockchirp/faults", {"operation": "getCall", "status": status, "times": times})
        answers = [self.request("GET", f"/v1/calls/{call_id}")[0] for _ in range(times + 2)]
        assert answers == [status] * times + [200, 200], f"faults {answers}, not {times} of {status}"

    def _let_happen(self, frozen: bool, expected: Counter[str], ids: list[str]) -> None:
        if frozen:
            report = self.ask("POST", "/_mockchirp/clock/advance", {"until": "idle"})
            seen = {event["callId"] for event in report["events"]}
            assert (seen, report["pending"]) == (set(ids), 0)
        else:
            self.ask("PUT", "/_mockchirp/clock", {"mode": "real"})
            for name, count in expected.items():
                condition = {"event": name, "count": count}
                self.ask("POST", "/_mockchirp/wait", {"for": condition, "timeout": _PATIENCE})
            self.ask("POST", "/_mockchirp/wait", {"for": {"idle": True}, "timeout": _PATIENCE})

    def _check_own(self, seed: int, ids: list[str]) -> None:
        assert {call["id"] for call in self.ask("GET", "/_mockchirp/calls")["data"]} == set(ids)
        assert {event["callId"] for event in self.ask("GET", "/_mockchirp/events")["data"]} == set(ids)
        assert {each["callId"] for each in self.ask("GET", "/_mockchirp/deliveries")["data"]} == set(ids)
        state = self.ask("GET", "/_mockchirp/state")
        assert (state["seed"], len(state["calls"])) == (seed, len(ids))
        for call_id in ids:
            assert self.ask("GET", f"/v1/calls/{call_id}")["duration"] == 60
            recordings = self.ask("GET", f"/v1/calls/{call_id}/recordings")["data"]
            assert [each["status"] for each in recordings] == ["completed"]

    def _check_reset(self) -> None:
        """Nothing from before arrives, though it was about to: but what was on its way to the receiver is there already."""
        self.ask("PUT", "/_mockchirp/clock", {"mode": "frozen"})
        self._place(1)
        self.ask("POST", "/_mockchirp/reset")
        before = self._quiet()
        for path in ("calls", "events", "deliveries", "faults"):
            assert self.ask("GET", f"/_mockchirp/{path}")["totalCount"] == 0, f"{path} after the reset"
        assert self.ask("GET", "/_mockchirp/clock")["pending"] == 0
        self.ask("POST", "/_mockchirp/clock/advance", {"by": "1h"})
        assert len(self.came()) == before, "something from before the reset has arrived"
        self.ask("DELETE", "/_mockchirp/sandbox")

    def _quiet(self) -> int:
        """How many webhooks have come, once the receiver has read what lies in its sockets."""
        before = -1
        while before != (before := len(self.came())):
            time.sleep(0.3)
        return before


def _work(port: int, first: int) -> list[str]:
    """Run every eighth test from ``first`` on; what is wrong, a text a test."""
    server, receiver = Server.at(port), _Receiver()
    wrong = []
    for number in range(first, TESTS, WORKERS):
        try:
            _Sandbox(server, receiver, number).run()
        except Exception:
            wrong.append(f"test {number}: {traceback.format_exc()}")
    strangers = set(receiver.bodies) - {
        f"/{kind}/{number}" for kind in ("answering", "failing") for number in range(first, TESTS, WORKERS)
    }
    return [*wrong, *(f"a webhook of somebody else: {path}" for path in strangers)]


@contextmanager
def _shared_server() -> Iterator[Server]:
    command = [*mockchirp_command(), "--port", "{port}", "--advance-quiet", "0"]  # its receivers act on nothing
    with spawned(command, "/_mockchirp/ready", alone=False) as (server, _):
        yield server


def main() -> int:
    """Run the suite and say how it went."""
    started = time.perf_counter()
    with _shared_server() as server, ProcessPoolExecutor(WORKERS) as pool:
        wrong = [text for texts in pool.map(_work, [server.port] * WORKERS, range(WORKERS)) for text in texts]
        left = server.ask("GET", "/_mockchirp/sandboxes")["totalCount"]
    print(*wrong, sep="\n")
    took = time.perf_counter() - started
    print(f"{TESTS} tests in {WORKERS} workers: {len(wrong)} failed, {left} sandboxes left, {took:.1f} s")
    return 1 if wrong or left else 0


if __name__ == "__main__":
    sys.exit(main())
