"""Who waits for exchanges of a journal.

They are told together, a moment after some are over: so the end of a call costs the same however many wait, and who
waits is given what is new alone, once for all who want the same.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mock_server.recording.journal import Entry

MOMENT = 0.005
"""Seconds that an exchange may be over before those who wait for it are told."""


class Wanted(NamedTuple):
    """Which exchanges somebody asks for; None: any."""

    since: int
    """Those of higher numbers."""
    operation: str | None
    run_id: str | None
    status: str | None
    """A status, or a class such as 4xx."""

    def fits(self, entry: Entry) -> bool:
        """Whether the exchange is one of them."""
        return (
            entry.number > self.since
            and self.operation in {None, entry.operation}
            and self.status in {None, str(entry.status), f"{str(entry.status)[0]}xx"}
            and (self.run_id is None or self.run_id == entry.run_id)
        )


class Waiting:
    """Those who wait, by what they want."""

    def __init__(self) -> None:
        self._left: dict[Wanted, dict[asyncio.Future[None], int]] = {}
        """How many exchanges each is to be told of yet."""
        self._over: list[Entry] = []
        """Those that they have not been told of."""

    @contextmanager
    def joined(self, wanted: Wanted, count: int) -> Iterator[asyncio.Future[None]]:
        """Within this block somebody waits; the future is done when so many more are over, or there is other news."""
        over = asyncio.get_running_loop().create_future()
        self._left.setdefault(wanted, {})[over] = count
        try:
            yield over
        finally:
            del self._left[wanted][over]
            if not self._left[wanted]:
                del self._left[wanted]

    def tell(self, entry: Entry) -> None:
        """The exchange is over."""
        if self._left:
            if not self._over:
                asyncio.get_running_loop().call_later(MOMENT, self._look)
            self._over.append(entry)

    def wake(self) -> None:
        """Let everybody look again."""
        for waiting in self._left.values():
            for each in waiting:
                _end(each)

    def _look(self) -> None:
        over, self._over = self._over, []
        for wanted, waiting in self._left.items():
            if found := sum(map(wanted.fits, over)):
                for each in waiting:
                    waiting[each] -= found
                    if waiting[each] <= 0:
                        _end(each)


def _end(over: asyncio.Future[None]) -> None:
    if not over.done():
        over.set_result(None)
