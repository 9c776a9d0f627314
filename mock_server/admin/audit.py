"""The client's report card: what the judge finds in the session's journal.

This is the one module of the server that knows the judge, and only when somebody asks: it hands it the journal as JSON,
as `GET /_mock/requests` and a bundle tell it, and how the session's clock runs.
"""

# ruff: noqa: PLC0415 - the judge is imported when a card is asked for, see above

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool

from mock_server.admin.call import AdminCall, route
from mock_server.contract.nearest import shown, suggest
from mock_server.kernel.errors import Refusal
from mock_server.recording.exchange import exchange


async def _read(call: AdminCall) -> dict[str, Any]:
    query, session = call.query("ongoing", "without"), call.session
    ongoing, codes = call.flag("ongoing"), map(str.strip, query.get("without", "").split(","))
    without = [code for code in codes if code]
    entries = call.exchanges()
    clock, dialect, forgotten = session.clock.mode, session.dialect.name, session.journal.dropped

    def judge() -> dict[str, Any]:
        from conformance.audit import RULES
        from conformance.audit.card import card

        if strange := next((code for code in without if code not in RULES), None):
            raise Refusal(400, f"without: no rule {shown(strange)}{suggest(strange, RULES)}")
        exchanges = [exchange(entry) for entry in entries]
        return card(exchanges, clock=clock, dialect=dialect, forgotten=forgotten, ongoing=ongoing, without=without)

    return await run_in_threadpool(judge)


ROUTES = [route("/audit", GET=_read)]
