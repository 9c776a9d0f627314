"""Servers as processes of their own, and load for them over keep-alive connections: what a call costs the server."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "bench"
CONNECTIONS = 16


class Case(NamedTuple):
    """One kind of call: the bytes of its request, and the status of its answer."""

    request: bytes
    status: int


def call(method: str, path: str, body: Any = None) -> bytes:
    """The bytes of a request with the bench's key."""
    raw = b"" if body is None else json.dumps(body).encode()
    length = f"content-type: application/json\r\ncontent-length: {len(raw)}\r\n" if raw else ""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nx-api-key: {KEY}\r\nAccept: */*\r\n{length}\r\n"
    return head.encode() + raw


class Server:
    """A server process, and what it has cost so far."""

    def __init__(self, command: list[str], root: Path | None = None, port: int = 0) -> None:
        out = subprocess.DEVNULL if port else subprocess.PIPE
        # As installed: a shell that forbids bytecode would have each start compile our modules, and no one else's.
        env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        self.process = subprocess.Popen(command, cwd=root, stdout=out, stderr=subprocess.DEVNULL, env=env, text=True)
        if self.process.stdout is not None:
            ready = self.process.stdout.readline()
            assert ready, f"this command ended before it served: {' '.join(command)[:200]}"
            port = int(json.loads(ready)["url"].rpartition(":")[2])
        self.port = port
        self.host = f"127.0.0.1:{port}"

    def send(self, method: str, path: str, body: Any = None, key: str = KEY) -> tuple[int, bytes]:
        """Make one call over a connection of its own: the status and the body of its answer."""
        raw = body if body is None or isinstance(body, bytes) else json.dumps(body)
        with closing(HTTPConnection(self.host)) as connection:
            connection.request(method, path, raw, {"x-api-key": key})
            answer = connection.getresponse()
            return answer.status, answer.read()

    def json(self, method: str, path: str, body: Any = None) -> Any:
        """Make one call that must succeed, and read its answer."""
        status, raw = self.send(method, path, body)
        assert status < 300, f"{method} {path}: {status} {raw[:200]!r}"
        return json.loads(raw)

    def cost(self) -> float:
        """Seconds of CPU time that the process has used; the time of day where nobody tells."""
        try:
            user, system = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        except OSError:
            return time.perf_counter()
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def peak(self) -> int:
        """The most memory it ever held, in MB; 0 where nobody tells."""
        status = Path(f"/proc/{self.process.pid}/status")
        found = re.search(r"VmHWM:\s+(\d+)", status.read_text()) if status.exists() else None
        return int(found[1]) // 1024 if found else 0

    def load(self, case: Case, calls: int) -> int:
        """Make so many calls, all connections at once, each with the case's status, and say how many."""
        sockets = [socket.create_connection(("127.0.0.1", self.port)) for _ in range(min(CONNECTIONS, calls))]
        for _ in range(calls // len(sockets)):
            for each in sockets:
                each.sendall(case.request)
            for each in sockets:
                head = _answer(each)
                assert head.startswith(b"HTTP/1.1 %d " % case.status), head[:300]
        for each in sockets:
            each.close()
        return calls // len(sockets) * len(sockets)

    def measured(self, case: Case, calls: int) -> float:
        """Microseconds that one call of the case costs."""
        before = self.cost()
        made = self.load(case, calls)
        return (self.cost() - before) / made * 1e6


def _answer(connection: socket.socket) -> bytes:
    """The head of the next answer, whose body is read, too."""
    raw = b""
    while b"\r\n\r\n" not in raw:
        raw += connection.recv(65_536)
    head, _, body = raw.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
    if length is not None:
        while len(body) < int(length[1]):
            body += connection.recv(65_536)
    else:
        while not body.endswith(b"0\r\n\r\n"):  # chunked
            body += connection.recv(65_536)
    return head


@contextmanager
def serving(command: list[str], root: Path | None = None, port: int = 0) -> Iterator[Server]:
    """A server for a while: it tells its own port as JSON, or listens on the given one."""
    server = Server(command, root, port)
    try:
        yield server
    finally:
        server.process.terminate()
        server.process.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def wait(server: Server) -> None:
    """Wait until it accepts connections."""
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", server.port)).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
