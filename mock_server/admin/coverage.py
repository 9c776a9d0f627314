"""What the session's client has met so far, out of all that the contract and the fault language know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool

from mock_server.admin.call import route
from mock_server.coverage.items import coverage_of
from mock_server.recording.exchange import exchange

if TYPE_CHECKING:
    from mock_server.admin.call import AdminCall


async def _read(call: AdminCall) -> dict[str, Any]:
    call.query()
    session = call.session
    forgotten = session.journal.dropped
    entries = call.exchanges()

    def describe() -> dict[str, Any]:
        items = coverage_of(session.generation)
        return items.describe(items.met(exchange(entry) for entry in entries))

    return {"exchanges": len(entries), "forgotten": forgotten} | await run_in_threadpool(describe)


ROUTES = [route("/coverage", GET=_read)]
