"""The servers that are measured, each a process as a user would start it."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from benchmarks.processors import SERVER, pin

KEY = "sk_test_app_local"
ADMIN_KEY = "sk_admin_local"
_MOST = 10_000_000
"""Calls that a sandbox may hold where only the load is to bound them."""
_START = 20.0
"""Seconds after which a server that does not answer is given up."""


def mockchirp_command() -> list[str]:
    """The command that users run, or where it is not installed the module, which is the same program."""
    script = Path(sys.executable).with_name("mockchirp")
    return [str(script)] if script.exists() else [sys.executable, "-m", "mockchirp"]


class Server:
    """A running server on 127.0.0.1."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.port = port
        self._process = process

    @classmethod
    def at(cls, port: int) -> "Server":
        """One that another process has started: it can be asked, not measured."""
        server = cls.__new__(cls)
        server.port = port
        return server

    @property
    def ended(self) -> bool:
        """Whether the process is no more."""
        return self._process.poll() is not None

    def request(self, method: str, path: str, body: object = None, *, key: str = KEY) -> tuple[int, Any]:
        """Send one request; return the status and the JSON of the answer, None where it is something else."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            content = response.read()
            is_json = response.headers.get_content_type() == "application/json"
            return response.status, json.loads(content) if is_json else None
        finally:
            connection.close()

    def ask(self, method: str, path: str, body: object = None, *, key: str = KEY) -> Any:
        """The JSON of an answer that must be a success."""
        status, answer = self.request(method, path, body, key=key)
        assert 200 <= status < 300, f"{method} {path}: {status} {answer}"
        return answer

    def allow_calls(self, most: int) -> None:
        """Raise the number of calls that may be live."""
        app_id = self.ask("GET", "/_mockchirp/sandbox")["appId"]
        path = f"/v1/organization/apps/{app_id}/calling"
        self.ask("PUT", path, {"maxConcurrentCalls": most}, key=ADMIN_KEY)

    def processor_seconds(self) -> float:
        """How long the process has computed so far, to a hundredth of a second."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> dict[str, int]:
        """Bytes by name: ``Rss`` is all that the process holds, ``Pss`` its share of it."""
        lines = Path(f"/proc/{self._process.pid}/smaps_rollup").read_text().splitlines()[1:]
        return {name.rstrip(":"): int(kilobytes) * 1024 for name, kilobytes, *_ in map(str.split, lines)}


@contextmanager
def spawned(
    command: Sequence[str], probe: str, *, alone: bool = True, errors: IO[bytes] | None = None
) -> Iterator[tuple[Server, float]]:
    """Run ``command``, whose words may hold ``{port}``; give the server and the seconds from the spawn to the first 200
    of ``probe``. With ``alone`` it stays on its own processor. ``errors`` is where its log goes.
    """
    port = free_port()
    started = time.perf_counter()
    process = subprocess.Popen(
        [word.format(port=port) for word in command],
        stdout=subprocess.DEVNULL,
        stderr=errors,
        env={name: value for name, value in os.environ.items() if not name.startswith("MOCKCHIRP_")},
    )
    try:
        if alone:
            pin(SERVER, process.pid)
        server = Server(process, port)
        _await_200(server, probe)
        yield server, time.perf_counter() - started
    finally:
        process.terminate()
        process.wait()


@contextmanager
def mockchirp(*flags: str) -> Iterator[Server]:
    """A server with a frozen clock, unless ``flags`` say otherwise, whose sandbox takes any number of calls. Its advances wait for no
    app: nobody acts on the webhooks.
    """
    usual = {"--port": "{port}", "--clock-mode": "frozen", "--calls-kept": str(_MOST), "--advance-quiet": "0"}
    command = [*mockchirp_command(), *(word for flag in usual.items() for word in flag), *flags]
    with spawned(command, "/_mockchirp/ready") as (server, _):
        server.allow_calls(_MOST)
        yield server


def _await_200(server: Server, probe: str) -> None:
    end = time.perf_counter() + _START
    while time.perf_counter() < end and not server.ended:
        try:
            status, _ = server.request("GET", probe)
        except ConnectionError:
            time.sleep(0.002)
        else:
            assert status == 200, f"GET {probe}: {status}"
            return
    raise RuntimeError("the server ended at its start" if server.ended else "the server does not listen")


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
