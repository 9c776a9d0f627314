"""The open connections, looked at together twice a second: who keeps the server waiting, and whether there is room.

A head must be whole, and something of a body must come, within the patience of the settings; else the call gets 408 and
the connection ends. No call pays for it, and the time is an argument. It is the same with httptools and with h11.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

from mock_server.contract.nearest import counted
from mock_server.kernel.clock import MINUTE, SECOND
from mock_server.server.no_http import last_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from mock_server.session.sessions import Sessions

NO_ROOM = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))
"""What the system says when it lets this process open nothing more."""


class Connections:
    """Who waits for what, from one look to the next."""

    def __init__(self, sessions: Sessions, notice: Callable[[str, str], None]) -> None:
        self._sessions = sessions
        self._notice = notice
        self._heads: dict[Any, tuple[Any, int]] = {}
        """The connections that owe a head: after which exchange, and since when."""
        self._refused = 0
        """How many calls without room for their key have been told of."""
        self._said: dict[str, int] = {}
        """When something of a level was told last."""

    def sweep(self, connections: Collection[Any], now: int) -> None:
        """Look at all connections; `now` is the real time, in milliseconds."""
        settings, heads, late = self._sessions.settings, {}, []
        for each in connections:
            if _owes_head(each):
                after, since = self._heads.get(each, (None, now))
                heads[each] = each.cycle, since if after is each.cycle else now
                if heads[each][1] <= now - settings.head_timeout:
                    late.append(each)
        self._heads = heads
        for each in late:
            _end_late(each, settings.head_timeout)
        if late:
            what = f"{counted(len(late), 'connection')} sent no whole request within {settings.head_timeout // SECOND}s"
            self._notice("info", f"{what} (--head-timeout); answered 408 and closed")
        for exchange, since in self._sessions.receiving.items():
            if exchange.is_late(since, now):
                exchange.give_up()
        self._sessions.close_idle(now)
        if (refused := self._sessions.refused - self._refused) and self._say(
            now, "warning", f"{counted(refused, 'call')} of new keys got 503: all sessions are in use (--max-sessions)"
        ):
            self._refused = self._sessions.refused
        if not _has_room():
            self.say_full(now)

    def say_full(self, now: int) -> None:
        """Say that nothing more can be opened."""
        text = (
            "no file descriptor is left, and new connections have to wait until one is closed; close what is not used, "
        )
        self._say(now, "error", f"{text}raise the limit (ulimit -n), or lower --head-timeout")

    def _say(self, now: int, level: str, text: str) -> bool:
        """Tell what lasts, each once a minute; whether it was told."""
        if self._said.get(level, now - MINUTE) > now - MINUTE:
            return False
        self._said[level] = now
        self._notice(level, text)
        return True


def _owes_head(protocol: Any) -> bool:
    """Whether its client has to send a head now: the first, or one of which something has come."""
    cycle = protocol.cycle
    if protocol.transport.is_closing() or (cycle is not None and not cycle.response_complete):
        return False
    if protocol.timeout_keep_alive_task is None:  # uvicorn lets an idle connection be for a while
        return True
    h11 = getattr(protocol, "conn", None)
    return bool(h11.trailing_data[0]) if h11 is not None else protocol.scope is not cycle.scope


def _end_late(protocol: Any, patience: int) -> None:
    if protocol.cycle is None or not protocol.cycle.more_body:  # else there is an answer
        text = f"no whole request came within {patience // SECOND}s; send a head at once, up to its empty line"
        protocol.transport.write(last_answer("408 Request Timeout", text))
    protocol.transport.close()


def _has_room() -> bool:
    """Whether one more file could be opened."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno not in NO_ROOM
    return True
