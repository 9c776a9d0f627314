"""What the session's client has met so far, out of all that the contract and the fault language know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool

from mock_server.admin.audit import strays
from mock_server.coverage.items import met
from mock_server.coverage.sources import described, ways
from mock_server.recording.exchange import exchange

if TYPE_CHECKING:
    from mock_server.admin.request import Order, Orders


async def _get_coverage(order: Order) -> dict[str, Any]:
    order.asked()
    world, entries, forgotten = (
        order.session.world,
        [*strays(order), *order.session.journal],
        order.session.journal.dropped,
    )

    def covered() -> dict[str, Any]:
        found = met([exchange(entry) for entry in entries], world.contract)
        return described(found, ways(world.scenarios, world.contract), world.contract)

    coverage = await run_in_threadpool(covered)
    return {"exchanges": len(entries), "forgotten": forgotten} | coverage


ORDERS: Orders = {"coverage": {"GET": _get_coverage}}
