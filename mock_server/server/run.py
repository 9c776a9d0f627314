"""The running server: a bound socket, uvicorn, the ready line, and an end that is always orderly.

What keeps it from starting is one `CannotServe`; nothing is bound, written or printed before everything is known to
be in order. The ready line appears when connections are really accepted, never earlier.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ipaddress
import json
import logging
import os
import queue
import signal
import socket
import sys
import threading
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import uvicorn

from mock_server.contract.yaml_file import BadFiles
from mock_server.kernel.clock import real_time
from mock_server.scenarios.catalog import UnknownScenario, World
from mock_server.server.app import App
from mock_server.server.browsers import host_check
from mock_server.server.connections import NO_ROOM, Connections
from mock_server.server.log import Format, Log, listen, put
from mock_server.server.protocol import HEAD, Protocol
from mock_server.server.watch import Snapshot, changes, snapshot
from mock_server.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path
    from types import FrameType

    from mock_server.kernel.settings import Settings
    from mock_server.session.generation import Generation

WATCH_EVERY = 0.5  # seconds between two looks at the scenario files
FIRST_CALLS = 1  # seconds in which a server that has begun does nothing but answer
LAST_ANSWERS = 1  # seconds that answers under way get when the server ends
LAST_WORK = 0.5  # seconds that what cannot be interrupted gets after them
THREADS = "anyio._backends._asyncio"
"""What the first large body needs; loading it takes longer than a call may hold the loop, and so comes before."""
KEEP_ALIVE = 75  # seconds an idle connection stays open; longer than a client's polling pause


class CannotServe(Exception):
    """The server does not start, for the reason that is the message."""


class Serving(NamedTuple):
    """Where and how a server runs, apart from what it serves."""

    host: str
    port: int
    scenarios: tuple[Path, ...] = ()
    watch: bool = False
    log_format: Format = "text"
    ready_file: Path | None = None
    end_with_stdin: bool = False


def serve(settings: Settings, serving: Serving, generation: Generation) -> None:
    """Serve until a signal ends it. Raises CannotServe when it cannot start."""
    for number in _ends():
        signal.signal(number, _stop_at_once)
    _fill_standard_streams()
    if serving.end_with_stdin:
        threading.Thread(target=_end_with_stdin, name="stdin", daemon=True).start()
    loaded = snapshot(serving.scenarios)  # before they are read, so that no later change is missed
    world = _load(generation, serving.scenarios)
    try:
        world.scenario(settings.scenario)
    except UnknownScenario as wrong:
        raise CannotServe(f"--scenario: {wrong}") from None
    bound = _bind(serving, guarded=settings.admin_token is not None or not settings.admin)
    log = Log(serving.log_format)
    listen(log)
    address = str(bound.getsockname()[0]).partition("%")[0]
    app = App(settings, world, generation, log, host_check(settings, serving.host, address))
    gc.freeze()  # world and modules live as long as the process; no collection need look at them again
    sys.setswitchinterval(0.001)  # while a thread works on something large, the loop asks for its turn again and again
    gc.set_threshold(10_000, 20, 20)  # a call leaves few things behind, and hardly ever a cycle
    gc.enable()
    with bound:
        server = _Server(app, bound, settings, serving, log, loaded)
        try:
            server.run(sockets=[bound])
        finally:
            server.withdraw()
    log.flush()


def _fill_standard_streams() -> None:
    """Put the null device where a standard stream is missing: a socket in its place would break the event loop."""
    for stream in range(3):
        try:
            os.fstat(stream)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one


def _ends() -> Sequence[int]:
    """The signals that end a server: also that its terminal is gone, unless that is to be ignored (nohup)."""
    gone = getattr(signal, "SIGHUP", signal.SIGTERM)
    return (signal.SIGINT, signal.SIGTERM, *((gone,) if signal.getsignal(gone) is not signal.SIG_IGN else ()))


def _stop_at_once(_number: int, _frame: object) -> NoReturn:
    """Before the server runs there is nothing to bring to an end."""
    sys.exit(0)


def _end_with_stdin() -> None:
    """End when nobody holds the other end of standard input any longer, as who started this and was killed."""
    with contextlib.suppress(OSError):
        while os.read(0, 4_096):
            pass
    signal.raise_signal(signal.SIGTERM)


def _load(generation: Generation, paths: tuple[Path, ...]) -> World:
    try:
        return generation.load_world(paths)
    except BadFiles as bad:
        raise CannotServe(f"{bad}\nthe server was not started; mend the files, or try `vern-mock lint`") from None


def _bind(serving: Serving, *, guarded: bool) -> socket.socket:
    """A socket bound to the address; CannotServe when it is taken, unknown, or open to others without a guard."""
    host, port = serving.host, serving.port
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise CannotServe(f"--host {host}: no such address ({error.strerror})") from None
    family, kind, protocol, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
    if not guarded and not ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback:
        raise CannotServe(
            f"--host {host}: others could reach the admin API there; give --admin-token TOKEN to guard it, "
            "--no-admin to switch it off, or listen on 127.0.0.1"
        )
    bound = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # elsewhere the option lets two servers share a port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(socket.SOMAXCONN)
    except OSError as error:
        bound.close()
        hint = "" if port == 0 else "; choose another --port, or 0 for a free one"
        raise CannotServe(f"cannot listen on {host} port {port}: {os.strerror(error.errno or 0)}{hint}") from None
    return bound


class _Server(uvicorn.Server):
    """uvicorn, with our ready line, our way to end, and a task that watches scenario files."""

    def __init__(
        self, app: App, bound: socket.socket, settings: Settings, serving: Serving, log: Log, loaded: Snapshot
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=Protocol,
                interface="asgi3",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE,
                h11_max_incomplete_event_size=HEAD,
                timeout_graceful_shutdown=LAST_ANSWERS,
            )
        )
        self._app = app
        self._address = _address(bound)
        self._settings = settings
        self._serving = serving
        self._log = log
        self._loaded = loaded
        self._line = ""
        self._connections = Connections(app.sessions, log.notice)
        self._watching: asyncio.Task[None] | None = None
        self._signals: queue.SimpleQueue[int] = queue.SimpleQueue()  # the one kind that a signal handler may fill

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections, and say so."""
        await super().startup(sockets)
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._show)
        self._announce()
        loop.call_later(FIRST_CALLS, lambda: loop.run_in_executor(None, import_module, THREADS))
        if self._serving.watch:
            self._watching = asyncio.create_task(self._watch())

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: whether to end; twice a second, look at the connections."""
        if counter % 5 == 0:
            try:
                self._connections.sweep(self.server_state.connections, real_time())
            except Exception:  # a mistake there must not end the service
                logging.getLogger("vern-mock").exception("the connections could not be looked at")
        return await super().on_tick(counter)

    def _show(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Tell of what no handler caught; that no connection can be accepted is no mistake of ours."""
        wrong = context.get("exception")
        over = self.should_exit and isinstance(wrong, ValueError)  # asyncio listens again, at a socket that is closed
        if isinstance(wrong, OSError) and wrong.errno in NO_ROOM:
            self._connections.say_full(real_time())
        elif not over:
            loop.default_exception_handler(context)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let answers under way end, for a second at most."""
        if self._watching is not None:
            self._watching.cancel()
        self.withdraw()
        self._app.sessions.let_go()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """End in order on these signals; unlike uvicorn's own, do not raise them again: the exit code is 0."""
        for number in _ends():
            signal.signal(number, self.handle_exit)
        threading.Thread(target=self._end_in_time, name="end", daemon=True).start()
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin the end."""
        super().handle_exit(sig, frame)
        self._signals.put(sig)

    def _end_in_time(self) -> None:
        """End the process although a thread, or the loop, still works on a large body."""
        self._signals.get()
        self.withdraw()
        time.sleep(LAST_ANSWERS + LAST_WORK)
        self._log.flush()
        os._exit(0)

    def _announce(self) -> None:
        url = self._settings.public_url or self._address
        self._line = json.dumps(
            {
                "event": "ready",
                "url": url,
                "api": f"{url}{self._app.sessions.generation.contract.prefix}",
                "listens": self._address,
                "pid": os.getpid(),
                "seed": self._settings.seed,
                "scenario": self._settings.scenario,
                "version": VERSION,
            }
        )
        if self._serving.ready_file is not None:
            _write_whole(self._serving.ready_file, f"{self._line}\n")
        put(sys.stdout, self._line)
        if sys.stderr is not None and sys.stderr.isatty():
            self._log.say(_welcome(url, self._settings, self._app.sessions.generation))

    def withdraw(self) -> None:
        """Remove the ready file, unless it is another server's by now."""
        file = self._serving.ready_file
        with contextlib.suppress(OSError, ValueError):
            if file is not None and file.read_text(encoding="utf-8") == f"{self._line}\n":
                file.unlink()

    async def _watch(self) -> None:
        """Load the scenario files again whenever one was touched; a broken file keeps the scenarios as they are."""
        paths = self._serving.scenarios
        self._log.notice("info", f"watching {', '.join(map(str, paths)) or 'nothing: no --scenarios was given'}")
        while True:
            await asyncio.sleep(WATCH_EVERY)
            now = snapshot(paths)
            if now == self._loaded:
                continue
            self._loaded = now
            try:
                world = await asyncio.to_thread(self._app.sessions.generation.load_world, paths)
                world.scenario(self._settings.scenario)  # without it the next session could not be opened
            except (BadFiles, OSError, UnknownScenario) as bad:
                self._log.notice("error", f"scenarios kept as they were:\n{bad}")
                continue
            self._log.notice("info", f"scenarios reloaded: {changes(self._app.world.scenarios, world.scenarios)}")
            self._app.reload(world)


def _address(bound: socket.socket) -> str:
    """The URL under which this machine reaches the socket."""
    name: Any = bound.getsockname()
    host, port = str(name[0]), int(name[1])
    if ipaddress.ip_address(host.partition("%")[0]).is_unspecified:  # every address; the loopback one is among them
        host = "::1" if ":" in host else "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _write_whole(path: Path, text: str) -> None:
    """Write the file in one move, so that a reader who finds it finds all of it; CannotServe when that fails."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise CannotServe(_unwritable(path, error)) from None


def _unwritable(path: Path, error: OSError) -> str:
    return f"--ready-file {path}: cannot be written ({error.strerror or error})"


def _welcome(url: str, settings: Settings, generation: Generation) -> str:
    key = "$VERN_API_KEY" if settings.api_keys else "my-key"
    return "\n".join(
        (
            f"vern-mock {VERSION} answers as {generation.title} at {url}{generation.contract.prefix}",
            f'  try   curl -H "x-api-key: {key}" {url}{generation.contract.prefix}{generation.first_read}',
            f"  read  {url}/_mock/openapi.yaml (the contract), `vern-mock scenarios` (what can happen)",
            "  end   Ctrl-C",
        )
    )
