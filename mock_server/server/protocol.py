"""One connection, as uvicorn serves it with httptools or h11, and what we look after in it."""

from __future__ import annotations

from typing import Any

from mock_server.http.hang_up import UNREAD, is_refused
from mock_server.server.httptools import HttpTools
from mock_server.server.no_http import NO_HTTP, last_answer, refuse

HEAD = 32_768
"""Bytes that the head of a request may have; twice as many where it comes in one piece with another request."""
TOO_LONG = last_answer(
    "431 Request Header Fields Too Large", f"the head of the request has more than {HEAD:,} bytes; send a shorter one"
)


class Protocol(HttpTools):
    """uvicorn's, with our bounds and our answer to what is no HTTP; a call is told that its answer was not read."""

    _head = 0
    """Bytes of a head that has begun to come."""
    _refused = False
    """Whether there will be no other request."""

    def data_received(self, data: bytes) -> None:
        """Take in what came, in pieces that can end no head that is too long."""
        if self._refused or self._head + len(data) > HEAD:
            self._take_in_steps(data)
            return
        before = self.cycle
        in_body = before is not None and before.more_body
        super().data_received(data)
        cycle: Any = self.cycle
        if cycle is not before:
            self._head = 0
            return
        # h11, which counts for itself, has a scope when the head is whole.
        begun = self.scope is not None and (cycle is None or self.scope is not cycle.scope)
        self._head = self._head + len(data) if begun and not in_body else 0

    def _take_in_steps(self, data: bytes) -> None:
        while data and not self._refused and not self.transport.is_closing():
            room = HEAD - self._head
            if not room:
                self._refuse("Too long head of a request received.", TOO_LONG)
            piece, data = data[:room], data[room:]
            self.data_received(piece)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn has but one
        """Refuse what is no HTTP; h11 calls what is too long so."""
        h11 = getattr(self, "conn", None)
        self._refuse(None, NO_HTTP if h11 is None or len(h11.trailing_data[0]) <= HEAD else TOO_LONG)

    def _refuse(self, warning: str | None, answer: bytes) -> None:
        if not self._refused:
            self._refused = True
            if warning:  # uvicorn tells the other
                self.logger.warning(warning)
            refuse(self, answer)

    def _unsupported_upgrade_warning(self) -> None:
        """An offer that nobody takes is no mistake."""

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
