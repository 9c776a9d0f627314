"""Targets that misbehave, over real sockets: each a function of a connection that has just sent a request."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Generator

    Behaviour = Callable[[socket.socket, "Target"], None]

RST = struct.pack("ii", 1, 0)
PIECE = b"x" * 65_536


@dataclass(slots=True)
class Target:
    """A server that is up; `heads` are the requests that it saw, head and body."""

    port: int
    heads: list[bytes] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    sent: int = 0
    """Bytes of the last body that were really taken off its hands."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v1"


@contextlib.contextmanager
def serving(behave: Behaviour, context: ssl.SSLContext | None = None) -> Generator[Target]:
    """A server on a free port that treats each request of each connection like this."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        target = Target(listener.getsockname()[1])
        threading.Thread(target=_accept, args=(listener, behave, target, context), daemon=True).start()
        yield target
        target.over.set()
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, behave: Behaviour, target: Target, context: ssl.SSLContext | None) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_talk, args=(connection, behave, target, context), daemon=True).start()


def _talk(connection: socket.socket, behave: Behaviour, target: Target, context: ssl.SSLContext | None) -> None:
    with contextlib.suppress(OSError), connection:
        talker = context.wrap_socket(connection, server_side=True) if context else connection
        while head := read_request(talker):
            target.heads.append(head)
            behave(talker, target)


def read_request(connection: socket.socket) -> bytes:
    """One request, head and body; empty when there is none any more."""
    got = b""
    while b"\r\n\r\n" not in got:
        more = connection.recv(65_536)
        if not more:
            return b""
        got += more
        if got.startswith(b"\x16"):  # the greeting of TLS, where plain HTTP is spoken
            return got
    head, _, body = got.partition(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def answer(
    content: bytes = b"{}",
    status: str = "200 OK",
    content_type: str = "application/json",
    *headers: str,
    length: int | None = None,
) -> bytes:
    """An answer as bytes; `length` lies about the body's."""
    lines = [
        f"HTTP/1.1 {status}",
        f"content-type: {content_type}",
        f"content-length: {length or len(content)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def says(reply: bytes) -> Behaviour:
    """Every request is answered with these bytes."""

    def behave(connection: socket.socket, _target: Target) -> None:
        connection.sendall(reply)

    return behave


def says_in_turn(*replies: bytes) -> Behaviour:
    """The first request gets the first reply, and so on; the last reply stays."""

    def behave(connection: socket.socket, target: Target) -> None:
        connection.sendall(replies[min(len(target.heads), len(replies)) - 1])

    return behave


def hangs(_connection: socket.socket, target: Target) -> None:
    target.over.wait(600)


def resets(connection: socket.socket, _target: Target) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
    connection.close()


def resets_within_the_body(connection: socket.socket, target: Target) -> None:
    connection.sendall(answer(b'{"status": ', length=1_000))
    target.over.wait(0.5)  # so that the client has read it
    resets(connection, target)


def closes_within_the_body(connection: socket.socket, _target: Target) -> None:
    connection.sendall(answer(b'{"status": ', length=1_000))
    connection.close()


def hangs_within_the_body(connection: socket.socket, target: Target) -> None:
    connection.sendall(answer(b'{"status": ', length=1_000))
    target.over.wait(600)


def drips_the_head(connection: socket.socket, target: Target) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nx-long: ")
    while not target.over.wait(0.02):
        connection.sendall(b"a")


def drips_the_body(connection: socket.socket, target: Target) -> None:
    connection.sendall(answer(b"[", length=1_000_000))
    while not target.over.wait(0.02):
        connection.sendall(b" ")


def sends_a_hundred_megabytes(connection: socket.socket, target: Target) -> None:
    target.sent = 0
    connection.sendall(answer(b"", length=100_000_000))
    while target.sent < 100_000_000:
        target.sent += connection.send(PIECE)


def closes_every_other(connection: socket.socket, target: Target) -> None:
    """A kept connection is closed on the second request, without a word before."""
    if len(target.heads) % 2:
        connection.sendall(answer(b'{"status": "canceled"}'))
    else:
        connection.close()


def echoes(connection: socket.socket, target: Target) -> None:
    """What was sent comes back: in the body, and in a header the key."""
    head = target.heads[-1]
    key = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"x-api-key"))
    body = b'{"error": ' + _as_json(head) + b"}"
    connection.sendall(answer(body, "400 Bad Request", "application/json", f"x-echo: {key.decode()}"))


def _as_json(content: bytes) -> bytes:
    return json.dumps(content.decode("utf-8", "replace")).encode()
