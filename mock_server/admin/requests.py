"""What was asked of the session: its journal to read, to wait for, to clear, and to take away as HAR."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mock_server.contract.nearest import meant
from mock_server.kernel.clock import SECOND, duration
from mock_server.preview.account import Refusal
from mock_server.recording.exchange import exchange, har
from mock_server.recording.journal import ENTRIES, UPLOAD, Journal

if TYPE_CHECKING:
    from mock_server.admin.request import Order, Orders
    from mock_server.recording.journal import Entry

LONGEST = 60 * SECOND
"""Milliseconds that a caller may wait for an exchange."""
USUAL = 10 * SECOND
_FILTERS = ("since", "operation", "run", "status", "strays")
_STATUS = re.compile(r"[1-5](?:[0-9]{2}|xx)")
_UUID = re.compile(r"(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SECONDS = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class Search:
    """Which exchanges somebody wants to see."""

    journal: Journal
    since: int
    """The number of the last one that was seen."""
    operation: str | None
    run_id: str | None
    status: str | None
    """Three digits, or a class such as `4xx`."""

    def found(self) -> list[Entry]:
        """The exchanges so far that fit, in the order of their arrival."""
        return [entry for entry in self.journal if self._fits(entry)]

    def _fits(self, entry: Entry) -> bool:
        return (
            entry.number > self.since
            and self.operation in {None, entry.operation}
            and self.run_id in {None, entry.run_id}
            and (self.status is None or _like(entry.status, self.status))
        )


def _like(status: int | None, wanted: str) -> bool:
    return str(status) == wanted or (wanted.endswith("xx") and str(status)[0] == wanted[0])


def _get_requests(order: Order) -> dict[str, Any]:
    order.asked(*_FILTERS)
    search = _search(order)
    return _told(search, search.found())


async def _wait(order: Order) -> dict[str, Any]:
    """The exchanges that fit, once so many of them are over, or when the time is up."""
    query = order.asked("count", "timeout", *_FILTERS)
    count, patience = _count(query.get("count", "1")), _patience(query.get("timeout"))
    search = _search(order)

    def over() -> list[Entry]:
        return [entry for entry in search.found() if entry.ended is not None]

    try:
        async with asyncio.timeout(patience / SECOND):
            while len(over()) < count and not (order.session.closed or order.sessions.ending):
                await search.journal.news()
    except TimeoutError:
        pass
    found = over()
    return {"met": len(found) >= count, "count": len(found)} | _told(search, found)


def _delete(order: Order) -> dict[str, Any]:
    order.asked("strays")
    return {"cleared": _journal(order).clear()}


def _get_har(order: Order) -> dict[str, Any]:
    order.asked(*_FILTERS)
    return har(_search(order).found())


def _told(search: Search, found: list[Entry]) -> dict[str, Any]:
    """The exchanges, and where the next look goes on; `dropped` ones were forgotten, `missed` ones of them unseen."""
    journal = search.journal
    oldest = next((entry.number for entry in journal), journal.latest + 1)
    return {
        "requests": [exchange(entry) for entry in found],
        "next": journal.latest,
        "kept": len(journal),
        "dropped": journal.dropped,
        "missed": max(0, oldest - 1 - search.since),
    }


def _search(order: Order) -> Search:
    """The search that the query asks for; Refusal 400 for one with a mistake in it."""
    query, journal = order.query, _journal(order)
    return Search(
        journal,
        _cursor(query.get("since", "0"), journal),
        _operation(order, query.get("operation")),
        _run(order, query.get("run")),
        _status(query.get("status")),
    )


def _journal(order: Order) -> Journal:
    match order.query.get("strays", "false"):
        case "true":
            return order.sessions.strays
        case "false":
            return order.session.journal
        case other:
            raise Refusal(400, f"strays must be true or false; got {other!r}")


def _cursor(text: str, journal: Journal) -> int:
    if not text.isdecimal() or len(text) > 15:
        raise Refusal(400, f"since must be the number of an exchange, or 0; got {text!r}")
    if int(text) > journal.latest:
        raise Refusal(400, f"since must be at most {journal.latest}, the latest exchange's number; got {text}")
    return int(text)


def _operation(order: Order, name: str | None) -> str | None:
    known = (*order.session.world.contract.operations, UPLOAD)
    if name is not None and name not in known:
        raise Refusal(400, f"operation: {name!r} is none{meant(name, known)}")
    return name


def _run(order: Order, run_id: str | None) -> str | None:
    """A run of the session's, or an id that may become one."""
    if run_id is not None and run_id not in order.session.runs and not _UUID.fullmatch(run_id):
        raise Refusal(400, f"run: {run_id!r} is no run's id{meant(run_id, order.session.runs)}")
    return run_id


def _status(text: str | None) -> str | None:
    if text is not None and not _STATUS.fullmatch(text):
        raise Refusal(400, f"status must be one such as 409, or a class such as 4xx; got {text!r}")
    return text


def _count(text: str) -> int:
    if not text.isdecimal() or len(text) > 6 or not 1 <= int(text) <= ENTRIES:
        raise Refusal(400, f"count must be a number from 1 to {ENTRIES}; got {text!r}")
    return int(text)


def _patience(text: str | None) -> int:
    """Milliseconds of a duration such as `2s`, or of a plain number of seconds."""
    if text is None:
        return USUAL
    try:
        milliseconds = round(float(text) * SECOND) if _SECONDS.fullmatch(text) else duration(text)
    except ValueError as error:
        raise Refusal(400, f"timeout: {error}") from error
    if milliseconds > LONGEST:
        raise Refusal(400, f"timeout must be at most {LONGEST // SECOND}s; got {text}")
    return milliseconds


ORDERS: Orders = {
    "requests": {"GET": _get_requests, "DELETE": _delete},
    "requests/wait": {"GET": _wait},
    "requests.har": {"GET": _get_har},
}
