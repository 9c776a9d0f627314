"""A session as its operator sees it: companies, runs, and what client and server each know of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mock_server.kernel.clock import iso
from mock_server.preview.account import account_of
from mock_server.preview.lifecycle import Canceled

if TYPE_CHECKING:
    from mock_server.preview.runs import Run
    from mock_server.session.session import Session

_LONGEST = 2_000
"""Characters of a path that are looked at."""


def show(session: Session, now: int) -> dict[str, Any]:
    """What `GET /_mock/session` shows of the account."""
    account = account_of(session)
    companies = [
        {
            "id": company.id,
            "name": company.name,
            "external_id": company.external_id,
            "scenario": account.scenario_of(company).name,
            "runs": [_run(run, now) for run in (*company.imports, *company.exports)],
        }
        for company in account.companies.values()
    ]
    uploads = {"count": len(account.tokens), "bytes": account.stored}
    return {"companies": companies, "uploads": uploads, "both_sides": both_sides(session)}


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
    tally, companies = account_of(session).intents, account_of(session).companies.values()
    ready = {scenario.ready.run for scenario in session.world.scenarios.values()}
    imports = [run for company in companies for run in company.imports]

    def side(operation: str, **done: int) -> dict[str, int]:
        return {"calls": tally.calls[operation], "meant": tally.meant[operation], **done, "lost": tally.lost[operation]}

    return {
        "companies": side("provision_company", created=sum(each.id not in session.world.ready for each in companies)),
        "imports": side("start_import", created=sum(run.id not in ready for run in imports)),
        "exports": side("start_export", created=sum(len(company.exports) for company in companies)),
        "decisions": side(
            "decide", taken=sum(not isinstance(event, Canceled) for run in imports for event in run.events)
        ),
    }


def is_named(session: Session, path: str) -> bool:
    """Whether the path names a company that this session alone has; ready ones have the same id in every session."""
    companies, ready = account_of(session).companies, session.world.ready
    return any(part in companies and part not in ready for part in path[:_LONGEST].lower().split("/"))
