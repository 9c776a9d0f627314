"""One request over a real connection and what came back: a whole answer, or a plain sentence why there is none.

Nothing raises, however the other side behaves. Redirects are not followed and cookies not kept, and a request never
takes longer than it may, not even when bytes go on dripping in.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import httpcore2
import httpx2

if TYPE_CHECKING:
    from conformance.http.messages import Request

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


_context = lru_cache(maxsize=1)(httpx2.create_ssl_context)
"""How certificates are checked; made once, since it reads all that the machine trusts."""


class Network:
    """Connections to whatever URL is asked for; kept alive until one of them breaks, from then on one a request."""

    def __init__(self) -> None:
        self._backend = _Backend()
        self._context = _context()
        self._pools = [self._pool(keep=CONNECTIONS)]
        self._lock = threading.Lock()

    def send(self, request: Request, headers: Sequence[tuple[bytes, bytes]], seconds: float) -> Received:
        """Send it and read the answer: within so many seconds as a whole."""
        self._backend.begin(seconds)
        so_far = Received()
        timeouts = dict.fromkeys(("connect", "read", "write", "pool"), seconds)
        try:
            with self._pools[-1].stream(
                request.method,
                _address(request.url),
                headers=list(headers),
                content=request.content,
                extensions={"timeout": timeouts},
            ) as response:
                names = httpx2.Headers(response.headers, encoding="latin-1")
                so_far = Received(response.status, dict(names))
                return _read(so_far, response, request.limit)
        except _MEANT as error:
            problem, broken = _explain(error, seconds, MIDDLE if so_far.status else "before an answer came")
            if broken:
                self._keep_none()
            return replace(so_far, problem=problem, broken=broken)

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
            network_backend=self._backend,
        )


class _Backend(httpcore2.NetworkBackend):
    """Connections whose every step is bounded by the time that the whole request of this thread has left."""

    def __init__(self) -> None:
        self._real = httpcore2.SyncBackend()
        self._of_thread = threading.local()

    def begin(self, seconds: float) -> None:
        self._of_thread.ends = time.monotonic() + seconds

    def left(self) -> float:
        """The seconds that are left; raises ReadTimeout when none are."""
        left = float(self._of_thread.ends) - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout
        return left

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        return _Stream(self._real.connect_tcp(host, port, timeout, local_address, socket_options), self.left)


class _Stream(httpcore2.NetworkStream):
    def __init__(self, stream: httpcore2.NetworkStream, left: Callable[[], float]) -> None:
        self._stream, self._left = stream, left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - what is left is shorter
        return self._stream.read(max_bytes, self._left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - as above
        for start in range(0, len(buffer), PIECE):
            self._stream.write(buffer[start : start + PIECE], self._left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 - as above
    ) -> httpcore2.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, self._left()), self._left)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


@lru_cache(maxsize=256)  # a run is polled at one URL
def _address(url: str) -> httpcore2.URL:
    parsed = httpx2.URL(url)
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise httpx2.InvalidURL("expected http:// or https:// and a host")
    return httpcore2.URL(scheme=parsed.raw_scheme, host=parsed.raw_host, port=parsed.port, target=parsed.raw_path)


def _read(so_far: Received, response: httpcore2.Response, limit: int) -> Received:
    content = bytearray()
    decoded = httpx2.Response(response.status, headers=response.headers, content=response.iter_stream())
    for piece in decoded.iter_bytes():
        content += piece
        if len(content) > limit:
            problem = f"the body is too large: more than {limit:,} bytes; the rest was not read"
            return replace(so_far, content=bytes(content[:limit]), problem=problem)
    return replace(so_far, content=bytes(content))


def _explain(error: Exception, seconds: float, phase: str) -> tuple[str, bool]:
    """The error in a sentence, and whether the connection is to blame."""
    match error:
        case httpcore2.ConnectTimeout():
            return f"no connection within {seconds:g} s", False
        case httpcore2.TimeoutException():
            return f"{'the answer was not whole' if phase == MIDDLE else 'no answer'} within {seconds:g} s", False
        case httpcore2.ConnectError():
            return _not_connected(error)
        case httpcore2.NetworkError():
            return f"the connection was reset {phase}", True
        case httpcore2.RemoteProtocolError() if "disconnected" in str(error) or "closed connection" in str(error):
            return f"the connection was closed {phase}", True
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
