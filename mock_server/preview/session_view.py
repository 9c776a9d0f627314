"""A session as its operator sees it: companies, runs, and what client and server each know of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mock_server.kernel.clock import iso
from mock_server.preview.account import account_of
from mock_server.preview.lifecycle import Canceled

if TYPE_CHECKING:
    from mock_server.preview.companies import Company
    from mock_server.preview.runs import Run
    from mock_server.session.session import Session

_OPERATIONS = {"companies": "provision_company", "imports": "start_import", "exports": "start_export"}


def show(session: Session, now: int) -> dict[str, Any]:
    """What `GET /_mock/session` shows of the account."""
    companies = account_of(session).companies.values()
    return {"companies": [_company(session, company, now) for company in companies], "both_sides": both_sides(session)}


def _company(session: Session, company: Company, now: int) -> dict[str, Any]:
    return {
        "id": company.id,
        "name": company.name,
        "external_id": company.external_id,
        "scenario": account_of(session).scenario_of(company).name,
        "runs": [_run(run, now) for run in (*company.imports, *company.exports)],
    }


def _run(run: Run, now: int) -> dict[str, Any]:
    state = run.life(now)
    return {
        "run_id": run.id,
        "kind": run.kind,
        "scenario": run.scenario,
        "pace": run.pace,
        "status": state.status,
        "since": iso(state.since),
        "until": None if state.until is None else iso(state.until),
    }


def both_sides(session: Session) -> dict[str, dict[str, int]]:
    """What the client called for and meant, what really came of it, and how many answers never reached it."""
    ready = {scenario.ready.run for scenario in session.world.scenarios.values()}
    companies = account_of(session).companies.values()
    imports = [run for company in companies for run in company.imports]
    there = {
        "companies": sum(company.id not in session.world.ready for company in companies),
        "imports": sum(run.id not in ready for run in imports),
        "exports": sum(len(company.exports) for company in companies),
    }
    decisions = sum(not isinstance(event, Canceled) for run in imports for event in run.events)
    return {name: _side(session, _OPERATIONS[name], "created", count) for name, count in there.items()} | {
        "decisions": _side(session, "decide", "taken", decisions)
    }


def _side(session: Session, operation: str, did: str, count: int) -> dict[str, int]:
    tally = account_of(session).intents
    return {"calls": tally.calls[operation], "meant": tally.meant[operation], did: count, "lost": tally.lost[operation]}


def is_named(session: Session, path: str) -> bool:
    """Whether the path names a company that this session alone has; ready ones have the same id in every session."""
    companies = account_of(session).companies.keys() - session.world.ready.keys()
    return any(company_id in path for company_id in companies)
