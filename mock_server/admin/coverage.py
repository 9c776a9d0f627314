"""What the session's client has met so far, out of all that the contract and the fault language know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool

from mock_server.admin.call import route
from mock_server.coverage.items import met
from mock_server.coverage.sources import described, ways
from mock_server.preview import session_view
from mock_server.recording.exchange import exchange

if TYPE_CHECKING:
    from mock_server.admin.call import AdminCall


async def _read(call: AdminCall) -> dict[str, Any]:
    call.query()
    session = call.session
    world, forgotten = session.world, session.journal.dropped
    entries = [*session_view.unauthenticated_calls(call.sessions, session), *session.journal]

    def describe() -> dict[str, Any]:
        found = met([exchange(entry) for entry in entries], world.contract)
        return described(found, ways(world.scenarios, world.contract), world.contract)

    coverage = await run_in_threadpool(describe)
    return {"exchanges": len(entries), "forgotten": forgotten} | coverage


ROUTES = [route("/coverage", GET=_read)]
