"""One connection, as uvicorn serves it with httptools or h11, and what we look after in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as Base
else:
    from uvicorn.protocols.http.auto import AutoHTTPProtocol as Base

from mock_server.http.hang_up import UNREAD, is_refused
from mock_server.server.no_http import refuse


class Protocol(Base):
    """uvicorn's, with our answer to what is no HTTP, and word to a call whose answer its client did not read."""

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        refuse(self, msg)

    def eof_received(self) -> None:
        """The client sends no more; if it takes nothing in any more, either, it has not read what came last."""
        super().eof_received()
        if is_refused(self.transport):
            self._tell_unread()

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note: a system resets the connection of a program that closes and has not read what came last."""
        super().connection_lost(exc)
        if isinstance(exc, ConnectionError):
            self._tell_unread()

    def _tell_unread(self) -> None:
        scope: Any = {} if self.cycle is None else self.cycle.scope
        scope.pop(UNREAD, bool)()
