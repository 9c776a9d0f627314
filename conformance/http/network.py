"""One request over a real connection and what came back: a whole answer, or a plain sentence why there is none.

Nothing raises, however the other side behaves. Redirects are not followed and cookies not kept, and a request never
takes longer than it may, not even when bytes go on dripping in.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import httpcore2
import httpx2

CONNECTIONS = 64  # at once; a burst of 16 simultaneous calls is the most that the suite needs
MIDDLE = "in the middle of the answer"
"""How the problem of an answer ends that was begun and broken off."""
PIECE = 65_536  # bytes written at a time, so that a server which reads slowly is noticed

_MEANT = (
    httpcore2.TimeoutException,
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.UnsupportedProtocol,
    httpx2.DecodingError,
    httpx2.InvalidURL,
    OSError,
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


@lru_cache(maxsize=1)
def _context() -> ssl.SSLContext:
    """How certificates are checked; made once, since it reads all that the machine trusts."""
    return httpx2.create_ssl_context()


class Network:
    """Connections to whatever URL is asked for; kept alive until one of them breaks, from then on one a request."""

    def __init__(self) -> None:
        self._patience = _Patience()
        self._context = _context()
        self._pools = [self._pool(keep=CONNECTIONS)]
        self._lock = threading.Lock()

    def send(
        self,
        method: str,
        url: str,
        headers: Sequence[tuple[bytes, bytes]],
        content: bytes | None,
        *,
        seconds: float,
        limit: int,
    ) -> Received:
        """Send it and read the answer: within so many seconds as a whole, and at most `limit` bytes of body."""
        self._patience.begin(seconds)
        so_far = Received()
        try:
            address = _address(url)
            timeouts = dict.fromkeys(("connect", "read", "write", "pool"), seconds)
            with self._pools[-1].stream(
                method, address, headers=list(headers), content=content, extensions={"timeout": timeouts}
            ) as response:
                so_far = Received(response.status, _lower_names(response.headers))
                return _read(so_far, response, limit)
        except _MEANT as error:
            problem, broken = _explain(error, seconds, began=so_far.status is not None)
            if broken:
                self._keep_none()
            return Received(so_far.status, so_far.headers, b"", problem, broken)

    def close(self) -> None:
        """Close every connection."""
        for pool in self._pools:
            pool.close()

    def _keep_none(self) -> None:
        # A server that closes kept connections as it likes would now and then lose a POST, which cannot be repeated.
        with self._lock:
            if len(self._pools) == 1:
                self._pools.append(self._pool(keep=0))

    def _pool(self, keep: int) -> httpcore2.ConnectionPool:
        return httpcore2.ConnectionPool(
            ssl_context=self._context,
            max_connections=CONNECTIONS,
            max_keepalive_connections=keep,
            network_backend=_Backend(self._patience),
        )


class _Patience:
    """When the request that this thread is busy with must be over."""

    def __init__(self) -> None:
        self._of_thread = threading.local()

    def begin(self, seconds: float) -> None:
        self._of_thread.ends = time.monotonic() + seconds

    def left(self) -> float:
        """The seconds that are left; raises ReadTimeout when none are."""
        left = float(self._of_thread.ends) - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout
        return left


class _Backend(httpcore2.NetworkBackend):
    """Connections whose every step is bounded by the time that the whole request has left."""

    def __init__(self, patience: _Patience) -> None:
        self._real = httpcore2.SyncBackend()
        self._patience = patience

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        return _Stream(self._real.connect_tcp(host, port, timeout, local_address, socket_options), self._patience)


class _Stream(httpcore2.NetworkStream):
    def __init__(self, stream: httpcore2.NetworkStream, patience: _Patience) -> None:
        self._stream = stream
        self._patience = patience

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - what is left is shorter
        return self._stream.read(max_bytes, self._patience.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - as above
        for start in range(0, len(buffer), PIECE):
            self._stream.write(buffer[start : start + PIECE], self._patience.left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 - as above
    ) -> httpcore2.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, self._patience.left()), self._patience)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _address(url: str) -> httpcore2.URL:
    parsed = httpx2.URL(url)
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise httpx2.InvalidURL("expected http:// or https:// and a host")
    return httpcore2.URL(scheme=parsed.raw_scheme, host=parsed.raw_host, port=parsed.port, target=parsed.raw_path)


def _lower_names(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _read(so_far: Received, response: httpcore2.Response, limit: int) -> Received:
    pieces: list[bytes] = []
    size = 0
    body = httpx2.Response(response.status, headers=response.headers, content=response.iter_stream())
    for piece in body.iter_bytes():
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            problem = f"the body is too large: more than {limit:,} bytes; the rest was not read"
            return Received(so_far.status, so_far.headers, b"".join(pieces)[:limit], problem)
    return Received(so_far.status, so_far.headers, b"".join(pieces))


def _explain(error: Exception, seconds: float, *, began: bool) -> tuple[str, bool]:
    """The error in a sentence, and whether the connection is to blame."""
    match error:
        case httpcore2.ConnectTimeout():
            return f"no connection within {seconds:g} s", False
        case httpcore2.TimeoutException() if began:
            return f"the answer was not whole within {seconds:g} s", False
        case httpcore2.TimeoutException():
            return f"no answer within {seconds:g} s", False
        case httpcore2.ConnectError():
            return _not_connected(error)
        case httpcore2.NetworkError():
            return f"the connection was reset {_phase(began=began)}", True
        case httpcore2.RemoteProtocolError() if _is_closed(error):
            return f"the connection was closed {_phase(began=began)}", True
        case httpcore2.RemoteProtocolError():
            return f"what came is no HTTP: {str(error)[:200]}", False
        case httpx2.DecodingError():
            return "the body is not encoded as its Content-Encoding says", False
    # The error's own text may quote a header, and the key is one.
    return f"the request could not be sent ({type(error).__name__}): its address or a header is not valid", False


def _not_connected(error: Exception) -> tuple[str, bool]:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the certificate was not accepted: {cause.verify_message}", False
        if isinstance(cause, ssl.SSLError):
            return f"TLS could not be set up: {cause.reason or cause}", False
        cause = cause.__cause__ or cause.__context__
    return f"no connection: {error or 'refused'}", True


def _is_closed(error: Exception) -> bool:
    return any(part in str(error) for part in ("disconnected", "closed connection"))


def _phase(*, began: bool) -> str:
    return MIDDLE if began else "before an answer came"
