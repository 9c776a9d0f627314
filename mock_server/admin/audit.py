"""The client's report card: what the judge finds in the session's journal.

This is the one module of the server that knows the judge, and only when somebody asks: it hands it the journal as JSON,
as `GET /_mock/requests` and a bundle tell it, and how the session's clock runs.
"""

# ruff: noqa: PLC0415 - the judge is imported when a card is asked for, see above

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool

from mock_server.contract.nearest import meant
from mock_server.preview.account import Refusal
from mock_server.recording.exchange import exchange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mock_server.admin.request import Order, Orders
    from mock_server.recording.journal import Entry


async def _audit(order: Order) -> dict[str, Any]:
    from conformance.audit.card import card

    query, session = order.asked("ongoing", "without"), order.session
    ongoing, without = _yes("ongoing", query.get("ongoing", "false")), _codes(query.get("without", ""))
    entries = [*strays(order), *session.journal]
    clock, dialect, forgotten = session.clock.mode, session.dialect.name, session.journal.dropped

    def judged() -> dict[str, Any]:
        exchanges = [exchange(entry) for entry in entries]
        return card(exchanges, clock=clock, dialect=dialect, forgotten=forgotten, ongoing=ongoing, without=without)

    return await run_in_threadpool(judged)


def strays(order: Order) -> Iterator[Entry]:
    """Calls without an accepted key that are this session's: they name a company that it alone has, or it is alone.

    A scenario's ready company has the same id in every session, and so tells nothing.
    """
    alone = order.sessions.opened == 1
    companies = order.session.companies.keys() - order.session.world.ready.keys()
    for entry in order.sessions.strays:
        if alone or any(company_id in entry.path for company_id in companies):
            yield entry


def _yes(name: str, text: str) -> bool:
    if text not in {"true", "false"}:
        raise Refusal(400, f"{name} must be true or false; got {text!r}")
    return text == "true"


def _codes(text: str) -> list[str]:
    """The codes of a list with commas; Refusal 400 for one that no rule has."""
    from conformance.audit.card import RULES

    codes = [code.strip() for code in text.split(",") if code.strip()]
    if strange := [code for code in codes if code not in RULES]:
        raise Refusal(400, f"without: no rule {strange[0]!r}{meant(strange[0], RULES)}")
    return codes


ORDERS: Orders = {"audit": {"GET": _audit}}
