"""The open connections, looked at together twice a second: who keeps the server waiting, and whether there is room.

A head must be whole, and something of a body must come, within the patience of the settings; else the call gets 408 and
the connection ends. No call pays for it, and the time is an argument. It is the same with httptools and with h11.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mock_server.contract.nearest import counted
from mock_server.kernel.clock import MINUTE, SECOND
from mock_server.server.httptools import IDLE
from mock_server.server.no_http import last_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from mock_server.session.sessions import Sessions

NO_ROOM = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))
"""What the system says when it lets this process open nothing more."""


def _resident() -> int | None:
    """Bytes of memory that the process occupies; None where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None


class Connections:
    """Who waits for what, from one look to the next."""

    def __init__(
        self, sessions: Sessions, notice: Callable[[str, str], None], resident: Callable[[], int | None] = _resident
    ) -> None:
        self._resident = resident
        self._next_look = 0
        self._borne = 0
        """Up to here the memory was met before, and sessions closed for it."""
        self._sessions = sessions
        self._notice = notice
        self._heads: dict[Any, tuple[Any, int]] = {}
        """The connections that owe a head: after which exchange, and since when."""
        self._idle: dict[Any, tuple[Any, int]] = {}
        """Likewise those that owe nothing, and have no timer of uvicorn's."""
        self._refused = 0
        """How many calls without room for their key have been told of."""
        self._said: dict[str, int] = {}
        """When something of a level was told last."""

    def sweep(self, connections: Collection[Any], now: int) -> None:
        """Look at all connections; `now` is the real time, in milliseconds."""
        patience = self._sessions.settings.head_timeout
        self._heads = _since(self._heads, filter(_owes_head, connections), now)
        self._idle = _since(self._idle, (each for each in connections if each.timeout_keep_alive_task is IDLE), now)
        late = [each for each, (_, since) in self._heads.items() if since <= now - patience]
        for each in late:
            _end_late(each, patience)
        if late:
            what = f"{counted(len(late), 'connection')} sent no whole request within {patience // SECOND}s"
            self._notice("info", f"{what} (--head-timeout); answered 408 and closed")
        self._end_idle(now)
        for exchange, since in self._sessions.receiving.items():
            if exchange.is_late(since, now):
                exchange.give_up()
        self._sessions.close_idle(now)
        if now >= self._next_look:
            self._next_look = now + 2 * SECOND
            self._relieve(now)
        self._tell(now)
        if not _has_room():
            self.say_full(now)
            for each in connections:
                if each not in self._heads and (each.cycle is None or each.cycle.response_complete):
                    each.transport.close()

    def _end_idle(self, now: int) -> None:
        for each, (_, since) in self._idle.items():
            if since <= now - each.timeout_keep_alive * SECOND:
                each.transport.close()

    def _tell(self, now: int) -> None:
        """Tell whoever runs the server for what there was no room."""
        if refused := self._sessions.refused - self._refused:
            calls = f"{counted(refused, 'call')} of new keys got 503"
            if self._say(now, "warning", "--max-sessions", f"{calls}: all sessions are in use"):
                self._refused = self._sessions.refused

    def _relieve(self, now: int) -> None:
        """Close idle sessions where the process occupies more memory than it may.

        What they held is used again, and seldom goes back to the system: more are closed only when it grows further.
        """
        sessions, limit = self._sessions, self._sessions.settings.max_memory
        sessions.memory = memory = self._resident()
        if memory is None or memory < 0.9 * limit:
            self._borne = 0  # a peak that is over allows no other
            return
        if memory <= (met := max(limit, self._borne)):
            return
        share = max(0.1, 1 - met / memory)
        self._borne = memory + memory // 50
        closed = f"{counted(sessions.relieve(now, share), 'idle session')} closed, {len(sessions)} left"
        self._say(now, "warning", "--max-memory", f"{memory // 10**6} MB are in use: {closed}")

    def say_full(self, now: int) -> None:
        """Say that nothing more can be opened."""
        text = "no file descriptor is left, and new connections wait for one; close what is idle, or raise the limit"
        self._say(now, "error", "ulimit -n", text)

    def _say(self, now: int, level: str, where: str, text: str) -> bool:
        """Tell what lasts, and where one changes it, each once a minute; whether it was told."""
        if self._said.get(where, now - MINUTE) > now - MINUTE:
            return False
        self._said[where] = now
        self._notice(level, f"{text} ({where})")
        return True


def _since(known: Mapping[Any, tuple[Any, int]], connections: Iterable[Any], now: int) -> dict[Any, tuple[Any, int]]:
    """The connections, each with its last exchange, and since when that has been so."""
    before = {each: known.get(each, (None, now)) for each in connections}
    return {each: (each.cycle, at if after is each.cycle else now) for each, (after, at) in before.items()}


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
