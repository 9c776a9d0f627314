"""One request over a real connection and what came back: a whole answer, or a plain sentence why there is none.

Nothing raises, however the other side behaves. Redirects are not followed and cookies not kept, and a request never
takes longer than it may, not even when bytes go on dripping in. It stands on h11 alone: a client library between them
took twice the time of everything else in a call.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import h11
import httpx2

if TYPE_CHECKING:
    from conformance.http.messages import Request

MIDDLE = "in the middle of the answer"
"""How the problem of an answer ends that was begun and broken off."""
PIECE = 65_536  # bytes written and read at a time, so that a server which is slow is noticed
LONGEST_HEAD = 100 * 1_024

_MEANT = (
    OSError,  # a reset, a time-out, a name that nobody knows
    h11.ProtocolError,
    httpx2.DecodingError,
    httpx2.InvalidURL,
    ValueError,  # what an address or a header cannot be encoded as
)


@dataclass(frozen=True, slots=True)
class Received:
    """What came of one request; whole exactly when `problem` is None."""

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    content: bytes = b""
    problem: str | None = None
    broken: bool = False
    """The connection could not be made or did not hold: a request without effects may be repeated."""


class _NotConnected(Exception):
    """There is no connection; the cause says why."""


@lru_cache(maxsize=1)
def _trusted() -> ssl.SSLContext:
    """How certificates are checked; made once, since it reads all that the machine trusts."""
    context = httpx2.create_ssl_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


class _Address(NamedTuple):
    tls: bool
    host: str
    port: int
    name: bytes
    """What its Host header says."""
    target: bytes


@lru_cache(maxsize=256)  # a run is polled at one URL
def _address(url: str) -> _Address:
    parsed = httpx2.URL(url)
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise httpx2.InvalidURL("expected http:// or https:// and a host")
    tls = parsed.scheme == "https"
    return _Address(
        tls, parsed.raw_host.decode("ascii"), parsed.port or (443 if tls else 80), parsed.netloc, parsed.raw_path
    )


class Network:
    """Connections to whatever URL is asked for; kept alive until one of them breaks, from then on one a request."""

    def __init__(self) -> None:
        self._idle: dict[tuple[bool, str, int], list[_Connection]] = defaultdict(list)
        self._keeps = True
        self._lock = threading.Lock()

    def send(self, request: Request, headers: Sequence[tuple[bytes, bytes]], seconds: float) -> Received:
        """Send it and read the answer: within so many seconds as a whole."""
        ends = time.monotonic() + seconds
        so_far = Received()
        try:
            address = _address(request.url)
            with self._connection(address, ends) as connection:
                connection.ask(request.method, address, headers, request.content)
                status, names = connection.head()
                so_far = Received(status, names)
                return _read(so_far, connection, request.limit)
        except (_NotConnected, *_MEANT) as error:
            problem, broken = _explain(error, seconds, MIDDLE if so_far.status else "before an answer came")
            if broken:
                self._keep_none()
            return replace(so_far, problem=problem, broken=broken)

    def close(self) -> None:
        """Close every connection that is kept."""
        with self._lock:
            kept = [each for group in self._idle.values() for each in group]
            self._idle.clear()
        for each in kept:
            each.close()

    def _keep_none(self) -> None:
        # A server that closes kept connections as it likes would now and then lose a POST, which cannot be repeated.
        self._keeps = False
        self.close()

    @contextmanager
    def _connection(self, address: _Address, ends: float) -> Iterator[_Connection]:
        place = address[:3]
        connection = self._kept(place) or _Connection(address, ends)
        connection.ends = ends
        try:
            yield connection
            if self._keeps and connection.is_reusable():
                with self._lock:
                    self._idle[place].append(connection)
                return
        except BaseException:
            connection.close()
            raise
        connection.close()

    def _kept(self, place: tuple[bool, str, int]) -> _Connection | None:
        """One that is idle and still open."""
        while True:
            with self._lock:
                if not self._idle[place]:
                    return None
                connection = self._idle[place].pop()
            if connection.is_quiet():
                return connection
            connection.close()


class _Connection:
    """A connection whose every step is bounded by the time that its request has left."""

    def __init__(self, address: _Address, ends: float) -> None:
        self.ends = ends
        self._http = h11.Connection(h11.CLIENT, LONGEST_HEAD)
        try:
            self._socket = socket.create_connection((address.host, address.port), timeout=self._left())
        except OSError as error:
            raise _NotConnected from error
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if address.tls:
                self._socket.settimeout(self._left())
                self._socket = _trusted().wrap_socket(self._socket, server_hostname=address.host)
        except (OSError, ValueError) as error:
            self._socket.close()
            raise _NotConnected from error

    def ask(
        self, method: str, address: _Address, headers: Sequence[tuple[bytes, bytes]], content: bytes | None
    ) -> None:
        """Send a request; a server that has enough before its end may have answered already."""
        head = [(b"Host", address.name), *headers]
        if content is not None:
            head.append((b"Content-Length", str(len(content)).encode()))
        sent = self._http.send(h11.Request(method=method, target=address.target, headers=head))
        sent = (sent or b"") + (content or b"")
        if content:
            self._http.send(h11.Data(data=content))
        self._http.send(h11.EndOfMessage())
        with suppress(BrokenPipeError, ConnectionResetError):
            for start in range(0, len(sent), PIECE):
                self._socket.settimeout(self._left())
                self._socket.sendall(sent[start : start + PIECE])

    def head(self) -> tuple[int, dict[str, str]]:
        """The status and the headers, their names in lower case."""
        while not isinstance(event := self._event(), h11.Response):
            pass  # 1xx
        headers: dict[str, str] = {}
        for raw_name, raw in event.headers:
            name, value = raw_name.decode("latin-1"), raw.decode("latin-1")
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return event.status_code, headers

    def body(self) -> Iterator[bytes]:
        """The pieces of the body as they come."""
        while not isinstance(event := self._event(), h11.EndOfMessage):
            if isinstance(event, h11.Data):
                yield bytes(event.data)

    def is_reusable(self) -> bool:
        """Whether another request may follow."""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return not self._http.trailing_data[0]

    def is_quiet(self) -> bool:
        """Whether nothing came since the last answer, not even the end."""
        self._socket.settimeout(0)
        try:
            self._socket.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False

    def close(self) -> None:
        self._socket.close()

    def _event(self) -> h11.Event:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._socket.settimeout(self._left())
            came = self._socket.recv(PIECE)
            if not came and self._http.their_state is h11.SEND_RESPONSE:
                raise h11.RemoteProtocolError("Server disconnected without sending a response.")
            self._http.receive_data(came)
        if not isinstance(event, h11.Event):
            raise h11.RemoteProtocolError("the connection was taken for another protocol")
        return event

    def _left(self) -> float:
        """The seconds that are left; raises TimeoutError when none are."""
        left = self.ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def _read(so_far: Received, connection: _Connection, limit: int) -> Received:
    content, pieces = bytearray(), connection.body()
    if "content-encoding" in so_far.headers:
        pieces = httpx2.Response(200, headers=so_far.headers, content=pieces).iter_bytes()
    for piece in pieces:
        content += piece
        if len(content) > limit:
            problem = f"the body is too large: more than {limit:,} bytes; the rest was not read"
            return replace(so_far, content=bytes(content[:limit]), problem=problem)
    return replace(so_far, content=bytes(content))


def _explain(error: Exception, seconds: float, phase: str) -> tuple[str, bool]:
    """The error in a sentence, and whether the connection is to blame."""
    match error:
        case _NotConnected():
            return _not_connected(error.__cause__, seconds)
        case TimeoutError():
            return f"{'the answer was not whole' if phase == MIDDLE else 'no answer'} within {seconds:g} s", False
        case OSError():
            return f"the connection was reset {phase}", True
        case h11.RemoteProtocolError() if "disconnected" in str(error) or "closed connection" in str(error):
            return f"the connection was closed {phase}", True
        case h11.RemoteProtocolError():
            return f"what came is no HTTP: {str(error)[:200]}", False
        case httpx2.DecodingError():
            return "the body is not encoded as its Content-Encoding says", False
    # The error's own text may quote a header, and the key is one.
    return f"the request could not be sent ({type(error).__name__}): its address or a header is not valid", False


def _not_connected(cause: BaseException | None, seconds: float) -> tuple[str, bool]:
    match cause:
        case TimeoutError():
            return f"no connection within {seconds:g} s", False
        case ssl.SSLCertVerificationError():
            return f"the certificate was not accepted: {cause.verify_message}", False
        case ssl.SSLError():
            return f"TLS could not be set up: {cause.reason or cause}", False
    return f"no connection: {cause or 'refused'}", True
