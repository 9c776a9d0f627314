"""What a call came upon when it arrived: its company and run, and what they were at that moment.

It looks and changes nothing. A run is asked for what it is, never for its rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mock_server.recording.journal import Flight

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mock_server.contract.redaction import Secrets
    from mock_server.preview.session import Session
    from mock_server.recording.journal import Entry


def noticed(entry: Entry, session: Session, secrets: Secrets, parameters: Mapping[str, str], now: int) -> None:
    """Note in the entry whom the path names, and what is there."""
    company_id, run_id = parameters.get("company_id"), parameters.get("run_id")
    entry.company_id, entry.run_id = (each and secrets.text(each) for each in (company_id, run_id))
    entry.before = session.life(run_id, now)
    if run_id is None and company_id is not None:
        entry.flight = _in_flight(session, company_id, entry.operation, now)


def _in_flight(session: Session, company_id: str, operation: str | None, now: int) -> Flight | None:
    """The company's latest run of the operation's kind, when it has not ended."""
    company = session.companies.get(company_id)
    runs = () if company is None else company.exports if operation == "start_export" else company.imports
    if not runs:
        return None
    state = runs[-1].life(now)
    return None if state.terminal else Flight(runs[-1].id, state)
