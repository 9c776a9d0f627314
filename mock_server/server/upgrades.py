"""Who offers another protocol is answered as anybody (RFC 9110, 7.8), and loses no body by it.

httptools takes what follows such a head for the other protocol. Java's client offers one with every first request. h11
reads on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as Base
else:
    from uvicorn.protocols.http.auto import AutoHTTPProtocol as Base

try:
    from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
except ImportError:
    HttpRequestParser = None  # type: ignore[misc,assignment]  # asked for below, where h11 serves


class Offered(Base):
    """uvicorn's protocol with httptools, which reads a head with an offer again without it."""

    def data_received(self, data: bytes) -> None:
        """Read what has come."""
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as offer:
            if self._should_upgrade():
                self._read_again(data[offer.args[0] :])
        except HttpParserError:
            self.logger.warning("Invalid HTTP request received.")
            self.send_400_response("")

    def _should_upgrade(self) -> bool:
        """Whether the head is left alone, to be read again; uvicorn asks where there is an offer."""
        return self.parser.get_method() != b"CONNECT"

    def _read_again(self, rest: bytes) -> None:
        told = b",".join(value for name, value in self.headers if name == b"connection").lower()
        kept = [(name, value) for name, value in self.headers if name not in {b"connection", b"upgrade"}]
        kept += [(b"connection", each) for each in (b"close", b"keep-alive") if each in told]
        line = b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        self.parser = HttpRequestParser(self)
        Offered.data_received(self, b"\r\n".join((line, *map(b": ".join, kept), b"", rest)))


if not TYPE_CHECKING and HttpRequestParser is None:
    Offered = Base
