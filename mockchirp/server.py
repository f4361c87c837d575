"""The server: a socket that listens before anything else happens, and a stop that nothing can hold up.

The socket is bound first, so that a taken port surfaces where the caller sees it and nobody has to poll: from then on connections
queue, and they are answered as soon as uvicorn has taken the socket over. Stopping gives the answers that are under way a moment, then
abandons the deliveries in flight and cuts the connections that still hang.
"""

import _thread
import asyncio
import contextlib
import errno
import gc
import os
import signal
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self

import uvicorn

from mockchirp.address import url_of
from mockchirp.core.instants import SECOND
from mockchirp.http import ConnectionCut
from mockchirp.idling import IdleConnections
from mockchirp.plain_files import Draft, check_plain, read_plain
from mockchirp.protocol import BoundedProtocol
from mockchirp.settings import BadSetting, Settings

if TYPE_CHECKING:
    from mockchirp.app import App
    from mockchirp.sending.sender import Sender

GRACE = 0.5
"""Real seconds that answers under way get at a stop, and again what they do when they are cut short."""
LAST_RESORT = 1.8
"""Real seconds after a signal to stop at which the process ends, whatever still hangs."""
LONGEST_SAVE = 30.0
"""Real seconds that the process outlives that for the sake of a state file that is being written."""
_BACKLOG = 2048
_RESET = struct.pack("ii", 1, 0)
"""As SO_LINGER: closing the socket drops what was not sent and resets the connection."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on ``host`` and ``port`` (0: a free one); raise :class:`BadSetting` if there can be none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        # A name such as localhost may have both kinds of address: clients of a local server try the IPv4 one more often.
        family, _, _, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
        dual = host == "::" and socket.has_dualstack_ipv6()
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG, dualstack_ipv6=dual)
    except (OSError, UnicodeError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            why = f"port {port} on {host} is taken: choose another with --port or MOCKCHIRP_PORT (0 picks a free one)"
        else:
            why = f"can't listen on {host} port {port}: {_reason(error)}; see --host and --port"
        raise BadSetting(why) from None


def _reason(error: Exception) -> str:
    """What the system says, without the number and the address that Python adds."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return said.partition(" (while")[0].lower()


def write_port_file(path: Path, port: int) -> None:
    """Put ``port`` into the file at once, so that a reader never sees half of it; raise :class:`BadSetting` if that fails."""
    target = Path(os.path.realpath(path))  # what replaces a link would not be one
    try:
        with contextlib.suppress(FileNotFoundError):
            check_plain(target)
        draft = Draft(target, mode=0o644)
        try:
            draft.write([b"%d\n" % port])
            draft.put_in_place(durable=False)
        finally:
            draft.discard()
    except OSError as error:
        raise BadSetting(f"--port-file {str(path)!r}: can't be written: {_reason(error)}") from None


class _Http(uvicorn.Server):
    """uvicorn without its signal handlers, its ticking (an idle server does nothing) and its endless patience at a stop."""

    def __init__(self, app: "App", settings: Settings) -> None:
        protocol = partial(
            BoundedProtocol,
            most=settings.max_connections,
            patience=settings.request_timeout / SECOND,
            largest=app.largest_request,
            idle=IdleConnections(),
            readable=app.readable,
        )
        super().__init__(
            uvicorn.Config(
                self._answer,
                interface="asgi3",
                http=protocol,  # type: ignore[arg-type]  # uvicorn only calls it
                ws="none",
                lifespan="off",  # state never lives in it: test tools run it never, or several times
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,  # it would show the machine's time beside the sandbox's
                proxy_headers=False,  # the application reads them itself
                backlog=_BACKLOG,
            )
        )
        self._app = app
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def request_stop(self) -> None:
        """Ask for the stop; from any thread, and from a signal handler."""
        self.should_exit = True
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended already
                self._loop.call_soon_threadsafe(self._stopping.set)

    def wait_for_state(self) -> None:
        """Return when the state file, if it is being written, is whole; from any thread."""
        state_file = self._app.state_file
        if state_file is not None and state_file.saving.acquire(timeout=LONGEST_SAVE):
            state_file.saving.release()

    def release_state(self) -> None:
        """Let another server have the state file; from any thread."""
        if self._app.state_file is not None:
            self._app.state_file.release()

    def clean_up(self) -> None:
        """Leave no file behind, even if the application did not close in time."""
        self._app.abandon()

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return contextlib.nullcontext()

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._app.start()
        if not self.should_exit:
            await self._stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stopping.set()
        self._app.runtime.stop()
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        await asyncio.sleep(0)  # noqa: TID251 - one turn, in which those that were accepted just now show up
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await self._tasks_end()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE):
                await self._app.close()
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        for task in list(self.server_state.tasks):
            task.cancel()
        await self._tasks_end()
        await asyncio.sleep(0)  # noqa: TID251 - one turn, in which the connections that were cut end

    async def _tasks_end(self) -> None:
        if self.server_state.tasks:
            await asyncio.wait(set(self.server_state.tasks), timeout=GRACE)

    async def _answer(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        try:
            await self._app(scope, receive, send)
        except ConnectionCut as cut:
            self._cut(scope["client"], reset=cut.reset)
        except asyncio.CancelledError:
            if not self._stopping.is_set():
                raise
        else:
            return
        while (await receive())["type"] != "http.disconnect":
            pass  # its connection is being cut: from then on uvicorn expects no answer

    def _cut(self, client: object, *, reset: bool) -> None:
        """Close the connection of a client after what was written to it, or reset it at once."""
        for connection in list(self.server_state.connections):
            transport = connection.transport
            if transport is None or (transport.get_extra_info("peername") or ())[:2] != client:
                continue
            if reset:
                transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                transport.abort()
            else:
                transport.close()


class Server:
    """One server of one process or test: :meth:`start` it in a thread of its own, or let :meth:`serve` take the current one.

    ::

        with Server(Settings(port=0, clock_mode="frozen")) as server:
            httpx2.get(f"{server.url}/_mockchirp/ready")
    """

    def __init__(self, settings: Settings, *, sender: "Sender | None" = None) -> None:
        """``sender`` replaces the one that really sends webhooks."""
        self.settings = settings
        self._sender = sender
        self._socket: socket.socket | None = None
        self._port = 0
        self._http: _Http | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The base URL, without a trailing slash, from :meth:`listen` or :meth:`start` on."""
        assert self._port, "the server does not listen yet"
        return url_of(self.settings.host, self._port)

    def listen(self) -> None:
        """Bind the socket, make the application and write the port file; raise :class:`BadSetting` if one can't be done."""
        self._socket = listen(self.settings.host, self.settings.port)
        self._port = self._socket.getsockname()[1]
        app: App | None = None
        try:
            from mockchirp.app import create_app  # only now: whoever can't have the port needs no application

            app = create_app(self.settings, sender=self._sender, base_url=self.url)
            self._http = _Http(app, self.settings)
            if self.settings.port_file is not None:
                write_port_file(self.settings.port_file, self._port)
        except BaseException:
            self._socket.close()
            if app is not None:
                app.abandon()
            raise

    def serve(self) -> None:
        """Answer requests until :meth:`stop` is called, from another thread or a signal handler."""
        assert self._http is not None
        assert self._socket is not None
        try:
            with asyncio.Runner(loop_factory=self._http.config.get_loop_factory()) as runner:
                runner.run(self._http.serve(sockets=[self._socket]))
        finally:
            self._socket.close()
            self._http.clean_up()
            self._remove_port_file()

    def stop_on_signals(self) -> None:
        """Have SIGTERM and Ctrl-C stop this server, from now on; a second one ends the process at once. In the main thread."""

        stops = False

        def stop(number: int, frame: FrameType | None) -> None:
            nonlocal stops
            if stops:
                end(128 + number)
            stops = True
            _thread.start_new_thread(end_later, ())  # a Thread takes a lock that the interrupted code may hold
            gc.disable()  # it would look through everything there is, for nothing
            if self._http is None:
                raise KeyboardInterrupt  # whatever was begun is let go of on the way out
            self._http.request_stop()

        def end_later() -> None:
            threading.Event().wait(LAST_RESORT)
            if self._http is not None:
                self._http.wait_for_state()
            end(0)

        def end(status: int) -> NoReturn:
            self._remove_port_file()
            if self._http is not None:
                self._http.release_state()
            os._exit(status)

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)

    def start(self) -> Self:
        """Listen, and serve in a background thread. Requests may be sent as soon as this returns."""
        self.listen()
        self._thread = threading.Thread(target=self.serve, name="mockchirp", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop a started server and wait until it has, which is at most about 1.5 s. Harmless on one that has stopped."""
        if self._thread is not None and self._http is not None:
            self._http.request_stop()
            self._thread.join()

    def _remove_port_file(self) -> None:
        if self.settings.port_file is None:
            return
        target = Path(os.path.realpath(self.settings.port_file))
        with contextlib.suppress(OSError, ValueError):
            if int(read_plain(target, 10)) == self._port:  # or another server has it now
                target.unlink()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
