"""uvicorn's protocol with httptools, where it costs a plain call too much, or takes one for another.

* A request that has come whole is answered in the turn of the loop that brought it: a task is for what waits. Being
  idle costs no timer: `Connections` ends what is idle for long.
* Who offers another protocol is answered as anybody (RFC 9110, 7.8), and loses no body by it: httptools takes what
  follows such a head for the other protocol. Java's client offers one with every first request.

h11 serves as it is; and so does a uvicorn that begins its requests otherwise, but for the offers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mock_server.http.turn import begin

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as Base
else:
    from uvicorn.protocols.http.auto import AutoHTTPProtocol as Base

try:
    from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
except ImportError:
    HttpRequestParser = None  # type: ignore[misc,assignment]  # asked for below, where h11 serves


class _Idle:
    """In the place of uvicorn's timer."""

    def cancel(self) -> None:
        """Nothing runs."""


IDLE: Any = _Idle()
_NOTHING_READ: Any = object()


class HttpTools(Base):
    """A connection on which little is done for each request."""

    _due: Any = _NOTHING_READ
    """While something is read: the request that is to be answered then, and by which application; None for none."""

    def data_received(self, data: bytes) -> None:
        """Read what has come, and begin the first request of it."""
        self._due = self.timeout_keep_alive_task = None
        self._read(data)
        due, self._due = self._due, _NOTHING_READ
        if due is not None:
            self._begin(*due)

    def _read(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as offer:
            if self._should_upgrade():
                self._read_again(data[offer.args[0] :])
        except HttpParserError:
            self.logger.warning("Invalid HTTP request received.")
            self.send_400_response("")

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        if self._due is None:
            self._due = cycle, app
        else:
            super()._start_asgi_task(cycle, app)

    def _begin(self, cycle: Any, app: Any) -> None:
        if cycle.more_body:
            super()._start_asgi_task(cycle, app)
        elif (rest := begin(cycle.run_asgi(app))) is not None:
            task = self.loop.create_task(rest)
            task.add_done_callback(self.tasks.discard)
            self.tasks.add(task)

    def on_response_complete(self) -> None:
        """Begin the next request, or be idle."""
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        self.timeout_keep_alive_task = IDLE

    def _should_upgrade(self) -> bool:
        """Whether the head is left alone, to be read again; uvicorn asks where there is an offer."""
        return self.parser.get_method() != b"CONNECT"

    def _read_again(self, rest: bytes) -> None:
        told = b",".join(value for name, value in self.headers if name == b"connection").lower()
        kept = [(name, value) for name, value in self.headers if name not in {b"connection", b"upgrade"}]
        kept += [(b"connection", each) for each in (b"close", b"keep-alive") if each in told]
        line = b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        self.parser = HttpRequestParser(self)
        self._read(b"\r\n".join((line, *map(b": ".join, kept), b"", rest)))


if not TYPE_CHECKING and HttpRequestParser is None:
    HttpTools = Base
