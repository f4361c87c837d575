"""The program as a process: what it prints, how it ends, and what it says of a mistake."""

import json
import os
import select
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest

from mockchirp import __version__
from mockchirp.settings import Settings, flag, variable

KEY = {"Authorization": "Bearer sk_test_app_local"}
CALL = {"from": "+15551234567", "to": "+15559876543"}


class Program:
    """One run of `mockchirp` with ``arguments``, and of the environment only what is in ``variables``."""

    def __init__(self, directory: Path, *arguments: str, **variables: str) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("MOCKCHIRP_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mockchirp", *arguments],
            cwd=directory,
            env=inherited | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.screen: list[str] = []

    def greet(self) -> "Program":
        """Read the screen that it greets with, up to its last line."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.screen.append(line.rstrip("\n"))
            if line == "Ctrl-C stops.\n":
                return self
        pytest.fail(f"ended without a greeting: {self.end()}")

    @property
    def url(self) -> str:
        """The base URL, as the screen tells it."""
        return next(line.split()[1].removesuffix("/v1") for line in self.screen if line.startswith("  API"))

    @property
    def address(self) -> tuple[str, int]:
        url = httpx2.URL(self.url)
        return url.host, url.port or 80

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def end(self) -> tuple[int, str, str]:
        """Wait for the end; the exit status, and what else stood on standard output and on standard error."""
        output, errors = self._process.communicate(timeout=20)
        return self._process.returncode, output, errors

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Starts the program; whatever still runs at the end of the test is killed."""
    started: list[Program] = []

    def start(*arguments: str, **variables: str) -> Program:
        started.append(Program(tmp_path, *arguments, **variables))
        return started[-1]

    yield start
    for run in started:
        run.kill()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket that accepts connections into its backlog and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        opened.settimeout(10)
        yield opened


def test_it_greets_with_one_screen_and_goes_quiet(program: Callable[..., Program]) -> None:
    """The screen says where everything is, and requests add nothing to it."""
    run = program("--port", "0", "--webhook-url", "http://127.0.0.1:9/webhooks").greet()
    screen = "\n".join(run.screen)
    for expected in (
        run.url + "/v1",
        "sk_test_app_local",
        "http://127.0.0.1:9/webhooks",
        "/_mockchirp/ui",
        "/openapi.yaml",
    ):
        assert expected in screen
    assert len(run.screen) <= 24
    assert httpx2.get(f"{run.url}/v1/nowhere").status_code == 404
    assert httpx2.get(f"{run.url}/v1/calls/call_x").status_code == 401
    run.signal(signal.SIGTERM)
    assert run.end() == (0, "", "")


def test_the_screen_keeps_the_credentials_of_a_webhook_to_itself(program: Callable[..., Program]) -> None:
    """Whoever looks at the terminal sees where webhooks go, and not with which password."""
    run = program("--port", "0", "--webhook-url", "http://user:hunter2@127.0.0.1:9/hooks").greet()
    screen = "\n".join(run.screen)
    assert "http://…@127.0.0.1:9/hooks" in screen
    assert "hunter2" not in screen


@pytest.mark.parametrize("output", ["/dev/full", "gone"])
def test_it_serves_though_its_screen_can_not_be_shown(tmp_path: Path, output: str) -> None:
    """Nobody reads its output, or there is no room for it: no reason to end, or to say anything."""
    path = tmp_path / "port"
    reading, writing = os.pipe()
    os.close(reading)
    if output != "gone":
        os.close(writing)
        writing = os.open(output, os.O_WRONLY)
    command = [sys.executable, "-m", "mockchirp", "--port", "0", "--port-file", str(path)]
    with subprocess.Popen(command, stdout=writing, stderr=subprocess.PIPE) as process:
        os.close(writing)
        try:
            deadline = time.monotonic() + 20
            while not path.exists() and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.01)
            assert httpx2.get(f"http://127.0.0.1:{path.read_text().strip()}/_mockchirp/ready").status_code == 200
            process.send_signal(signal.SIGTERM)
            assert (process.communicate(timeout=20)[1], process.returncode) == (b"", 0)
        finally:
            process.kill()


def test_the_next_step_on_the_screen_works(program: Callable[..., Program]) -> None:
    """The curl line, pasted as it is, places a call."""
    run = program("--port", "0", "--api-keys", "sk_live_app_mine,sk_test_app_other").greet()
    command = shlex.split(
        " ".join(run.screen[next(n for n, line in enumerate(run.screen) if "curl" in line) : -2]).replace("\\ ", " ")
    )
    assert command[0] == "curl"
    headers = dict(command[at + 1].split(": ", 1) for at, word in enumerate(command) if word == "-H")
    answer = httpx2.post(command[1], headers=headers, content=command[command.index("-d") + 1])
    assert answer.status_code == 201
    assert answer.json()["status"] == "initiated"


def test_everything_can_be_said_by_environment(program: Callable[..., Program]) -> None:
    """A CI service container can often pass nothing else."""
    run = program(MOCKCHIRP_PORT="0", MOCKCHIRP_CLOCK_MODE="frozen", MOCKCHIRP_API_KEYS="").greet()
    assert httpx2.get(f"{run.url}/_mockchirp/clock", headers=KEY).json()["now"] == "2026-01-15T10:30:00.000Z"


def test_a_flag_wins_over_its_variable(program: Callable[..., Program]) -> None:
    """`serve` is the same command by its name."""
    run = program("serve", "--port=0", "--clock-rate", "60", MOCKCHIRP_PORT="1", MOCKCHIRP_CLOCK_RATE="0").greet()
    assert httpx2.get(f"{run.url}/_mockchirp/clock", headers=KEY).json()["rate"] == 60


def test_the_port_file_is_there_while_it_listens(program: Callable[..., Program], tmp_path: Path) -> None:
    """Whoever reads the file can connect; the stop takes it away."""
    path = tmp_path / "port"
    run = program("--port", "0", "--port-file", str(path)).greet()
    assert int(path.read_text()) == run.address[1]
    assert [entry.name for entry in tmp_path.iterdir()] == ["port"]
    run.signal(signal.SIGTERM)
    assert run.end()[0] == 0
    assert not path.exists()


def test_it_serves_ipv6(program: Callable[..., Program]) -> None:
    """The URL on the screen has the brackets that an IPv6 address needs."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    run = program("--port", "0", "--host", "::1").greet()
    assert run.url.startswith("http://[::1]:")
    assert httpx2.get(f"{run.url}/_mockchirp/ready").status_code == 200


def test_a_taken_port_is_one_line(program: Callable[..., Program], listener: socket.socket) -> None:
    """It names the port and what to do about it."""
    port = str(listener.getsockname()[1])
    status, output, errors = program("--port", port).end()
    assert (status, output) == (2, "")
    assert errors.startswith(f"mockchirp: port {port} on 127.0.0.1 is taken: choose another with --port")
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "variables", "said"),
    [
        (["--port", "70000"], {}, "--port '70000': must be a whole number from 0 to 65535"),
        ([], {"MOCKCHIRP_CLOCK_RATE": "0"}, "MOCKCHIRP_CLOCK_RATE '0': must be a number above 0 and at most 1000000"),
        (["--prot", "1"], {}, "there is no flag --prot; did you mean --port?"),
        (["--frozen"], {}, "there is no flag --frozen; did you mean --clock-mode frozen? See mockchirp --help"),
        (
            ["--log-level", "warn"],
            {},
            "--log-level 'warn': must be critical, error, warning, info or debug; did you mean warning?",
        ),
        (
            [],
            {"MOCKCHIRP_CLOCK_MODE": "freeze"},
            "MOCKCHIRP_CLOCK_MODE 'freeze': must be real or frozen; did you mean frozen?",
        ),
        (["sevre"], {}, "there is no command 'sevre'; did you mean serve? Commands are serve, ready, check"),
        (["help"], {}, "there is no command 'help'; did you mean --help? Commands are serve, ready, check"),
        (["start"], {}, "there is no command 'start'; commands are serve, ready, check; see mockchirp --help"),
        (["ready", "--wiat", "1"], {}, "there is no flag --wiat; did you mean --wait? See mockchirp ready --help"),
        (["--webhook-timeout", "0.5ms"], {}, "--webhook-timeout: '0.5ms' is finer than a millisecond"),
        (
            ["check", "dmeo"],
            {},
            "dmeo: no such file or directory, and no seed of that name comes along; demo, "
            "documented do; did you mean demo?",
        ),
        (["--port"], {}, "--port: expected one argument"),
        (["--port", "0", "start"], {}, "unexpected 'start'"),
        (["--host", "no.such.host.invalid"], {}, "can't listen on no.such.host.invalid port 24477: "),
        (
            ["--port", "0", "--port-file", "/no/such/folder/port"],
            {},
            "--port-file '/no/such/folder/port': can't be written: ",
        ),
        (["ready", "--wait", "soon"], {}, "'soon' is not a duration"),
        (["ready", "--url", "localhost"], {}, "'localhost' is not the URL of a server"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    program: Callable[..., Program], arguments: list[str], variables: dict[str, str], said: str
) -> None:
    """No usage block, no traceback: what is wrong, and what is allowed."""
    status, output, errors = program(*arguments, **variables).end()
    assert (status, output) == (2, "")
    assert errors.startswith(f"mockchirp: {said}")
    assert errors.count("\n") == 1


def test_an_unknown_variable_is_a_warning(program: Callable[..., Program]) -> None:
    """A typo does not pass silently, and does not stop the start either."""
    run = program("--port", "0", MOCKCHIRP_CLOCKMODE="frozen").greet()
    run.signal(signal.SIGTERM)
    assert run.end() == (
        0,
        "",
        "mockchirp: warning: MOCKCHIRP_CLOCKMODE is not a setting and is ignored; did you mean MOCKCHIRP_CLOCK_MODE?\n",
    )


def test_help_names_every_setting(program: Callable[..., Program]) -> None:
    """Each flag with its variable."""
    status, output, _ = program("--help").end()
    assert status == 0
    for name in Settings.model_fields:
        assert f"{flag(name)} " in output
        assert variable(name) in output


def test_version(program: Callable[..., Program]) -> None:
    """One line, as other programs print it."""
    assert program("--version").end() == (0, f"mockchirp {__version__}\n", "")


@pytest.fixture
def hanging(program: Callable[..., Program], listener: socket.socket) -> Iterator[tuple[Program, socket.socket]]:
    """A server on which everything hangs that can, and an idle connection to it.

    A receiver does not answer a webhook, an advance waits for it, one request is not finished, and a fault holds another.
    """
    host, port = listener.getsockname()
    run = program(
        "--port", "0", "--port-file", "port", "--webhook-url", f"http://{host}:{port}", "--webhook-timeout", "1h"
    ).greet()
    with ExitStack() as opened:

        def send(data: bytes) -> socket.socket:
            connection = opened.enter_context(socket.create_connection(run.address, timeout=10))
            connection.sendall(data.replace(b"\n", b"\r\n"))
            return connection

        idle = send(b"HEAD /_mockchirp/ready HTTP/1.1\nHost: a\n\n")
        assert idle.recv(65_536).startswith(b"HTTP/1.1 200")
        send(b"POST /v1/calls HTTP/1.1\nHost: a\nContent-Len")
        fault = {"operation": "listVoicemails", "delay": "1m"}
        assert httpx2.post(f"{run.url}/_mockchirp/faults", json=fault).status_code == 201
        send(b"GET /v1/calls/voicemails HTTP/1.1\nHost: a\nAuthorization: Bearer sk_test_app_local\n\n")
        assert httpx2.post(f"{run.url}/v1/calls", headers=KEY, json=CALL).status_code == 201
        assert opened.enter_context(listener.accept()[0]).recv(4) == b"POST"
        advance = (
            b"POST /_mockchirp/clock/advance HTTP/1.1\nHost: a\nContent-Type: application/json\n"
            b'Content-Length: 12\n\n{"by": "1s"}'
        )
        refused, _, _ = select.select([send(advance), send(advance)], [], [], 10)
        assert refused[0].recv(65_536).startswith(b"HTTP/1.1 409"), "an advance is under way, so the other is refused"
        yield run, idle


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_within_2_seconds_whatever_hangs(hanging: tuple[Program, socket.socket], number: int) -> None:
    """Deliveries in flight and open connections are cut short, without a word."""
    run, _ = hanging
    asked = time.monotonic()
    run.signal(number)
    assert run.end() == (0, "", "")
    assert time.monotonic() - asked < 2


def test_a_second_ctrl_c_ends_it_at_once(hanging: tuple[Program, socket.socket], tmp_path: Path) -> None:
    """Whoever insists does not have to wait for what hangs."""
    run, idle = hanging
    run.signal(signal.SIGINT)
    assert idle.recv(1) == b"", "the stop closes idle connections first"
    asked = time.monotonic()
    run.signal(signal.SIGINT)
    assert run.end() == (130, "", "")
    assert time.monotonic() - asked < 0.4
    assert not (tmp_path / "port").exists()


class Readiness(BaseHTTPRequestHandler):
    """Answers what stands in ``answers``, the last of them over and over."""

    answers: list[tuple[int, bytes]]

    def do_GET(self) -> None:
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.send_response(status if self.path == "/base/_mockchirp/ready" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep standard error for pytest."""


@pytest.fixture
def readiness() -> Iterator[tuple[str, type[Readiness]]]:
    """A server that gets ready as the test says, and its base URL."""
    handler = type("Handler", (Readiness,), {"answers": [(200, b"{}")]})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/base", handler
        server.shutdown()
        thread.join()


NOT_YET = (503, json.dumps({"error": {"type": "api_error", "message": "seeds are being loaded"}}).encode())


def test_ready_finds_a_server_by_environment(program: Callable[..., Program]) -> None:
    """The variables that start a server also tell where it is, 0.0.0.0 being this machine."""
    port = str(program("--port", "0").greet().address[1])
    status, output, errors = program("ready", MOCKCHIRP_HOST="0.0.0.0", MOCKCHIRP_PORT=port).end()
    assert (status, output, errors) == (0, f"mockchirp is ready at http://127.0.0.1:{port}\n", "")


def test_ready_waits(program: Callable[..., Program], readiness: tuple[str, type[Readiness]]) -> None:
    """With --wait it asks until the server is ready."""
    url, handler = readiness
    handler.answers = [NOT_YET, (500, b"?"), NOT_YET, (200, b"{}")]
    assert program("ready", "--url", url + "/", "--wait", "10s").end()[0] == 0


def test_ready_tells_why_not(program: Callable[..., Program], readiness: tuple[str, type[Readiness]]) -> None:
    """Without --wait it asks once, and says in one line what the server said."""
    url, handler = readiness
    handler.answers = [NOT_YET]
    assert program("ready", "--url", url).end() == (
        1,
        "",
        f"mockchirp: not ready at {url}: 503: seeds are being loaded\n",
    )


def test_ready_gives_up_on_a_server_that_does_not_answer(
    program: Callable[..., Program], listener: socket.socket
) -> None:
    """When the wait is over, it is over."""
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    status, _, errors = program("ready", "--url", url, "--wait", "100ms").end()
    assert (status, errors) == (1, f"mockchirp: not ready at {url}: no answer in time\n")


def test_ready_is_light(tmp_path: Path) -> None:
    """A health check runs every few seconds: it loads none of the server's libraries."""
    heavy = {"aiohttp", "asyncio", "av", "pydantic", "pydantic_settings", "starlette", "uvicorn", "yaml"}
    code = "import sys, mockchirp.cli; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert not heavy & set(loaded.split())
