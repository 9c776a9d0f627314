"""On what grounds a call is refused by what the account holds at the moment: the check, its text, its clause.

Each looks, and changes nothing. `account` asks them before it changes anything, `operations` before it works for long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mock_server.contract.nearest import shown
from mock_server.kernel.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Collection

    from mock_server.data.templates import Source
    from mock_server.preview.companies import Company, Upload
    from mock_server.preview.lifecycle import Life
    from mock_server.preview.runs import ImportRun
    from mock_server.scenarios.model import Scenario


def refuse_busy(company: Company, now: int) -> None:
    """Refusal 409 while an import of the company is not terminal (IMP-09, IMP-10)."""
    if (active := company.active(now)) is not None:
        run, state = active
        text = f"import {run.id} of this company is {state.status}; one import runs at a time"
        raise Refusal(409, text, "IMP-10" if state.status == "needs_attention" else "IMP-09")


def parked(run: ImportRun, now: int) -> Life:
    """The state of a parked run; Refusal 409 for any other (DEC-23, DEC-24, DEC-35)."""
    state = run.life(now)
    refuse_decision(state)
    return state


def refuse_decision(state: Life) -> None:
    """Refusal 409 unless the run is parked: it was rejected, was decided, or has never parked."""
    if state.status != "needs_attention":
        text = f"the run is {state.status}; a decision is possible only while it is needs_attention"
        decided = bool(state.parkings) and state.status == "running"
        raise Refusal(409, text, "DEC-35" if state.rejected else "DEC-24" if decided else "DEC-23")


def refuse_unconnected(company: Company) -> None:
    """Refusal 400 for an export without a destination (OP-18)."""
    if company.destination is None:
        raise Refusal(400, "this company has no destination connection; provision it with connections.destination")


def refuse_exporting(company: Company, now: int) -> None:
    """Refusal 409 while another export of the company runs (OP-18)."""
    if company.exports and not (state := company.exports[-1].life(now)).terminal:
        raise Refusal(409, f"export {company.exports[-1].id} of this company is {state.status}; one runs at a time")


def refuse_closed(upload: Upload, now: int) -> None:
    """Refusal 403 for a signed URL that was used or has expired (OP-04)."""
    if upload.file is not None:
        raise Refusal(403, "this upload URL was used before; request another one for each file", "UPL-03")
    if now >= upload.expires:
        raise Refusal(403, "this upload URL has expired; request another one", "UPL-04")


def missing_sheets(scenario: Scenario, sheets: Collection[str]) -> tuple[str, ...]:
    """The sheets that a scenario fills and that are not among these."""
    return tuple(data.sheet for data in scenario.data if data.sheet not in sheets)


def refuse_lacking(scenario: Scenario, sheets: Collection[str]) -> None:
    """Refusal 400 when a workbook of these sheets lacks one that the scenario fills."""
    if missing := missing_sheets(scenario, sheets):
        names = ", ".join(missing)
        raise Refusal(400, f"scenario {scenario.name!r} needs a sheet {names}; template_ids left its template out")


def taken(name: str, source: Source) -> Refusal:
    """The refusal of a company whose name is in use (PROV-16)."""
    return Refusal(400, f"a company named {shown(name)} exists already for the source {source.name}", "PROV-16")
