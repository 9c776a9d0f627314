"""What the Preview API knows of an exchange, for `why`: the ids that exist, wrong answers, what made a run so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import orjson

from mock_server.contract.document import load
from mock_server.contract.nearest import nearest
from mock_server.preview import decisions
from mock_server.preview.account import account_of
from mock_server.preview.lifecycle import Life, life
from mock_server.preview.runs import ImportRun, Run
from mock_server.session.generation import Explainer, State
from mock_server.session.generation import Run as AnyRun

if TYPE_CHECKING:
    from mock_server.recording.journal import Entry
    from mock_server.session.session import Session


def legal_calls(session: Session, entry: Entry, run: AnyRun | None, state: State | None) -> list[dict[str, str]]:
    """The calls that were legal for the run in this state, or where no run was in sight."""
    ids, status, contract = {"company_id": entry.id_of("company_id") or ""}, None, session.generation.contract
    about = "company" if ids["company_id"] in account_of(session).companies else "nothing"
    if run is not None and state is not None:
        about, status, ids = run.kind, state.status, {"company_id": cast("Run", run).company_id, "run_id": run.id}
    legal = contract.document["components"]["schemas"]["RunStatus"]["x-legal"]
    calls = next(each["calls"] for each in legal if each["about"] == about and status in each.get("in", [None]))
    return [contract.operations[name].described(ids, remark) for name, remark in calls.items()]


def known_ids(session: Session, entry: Entry) -> str | None:
    """For a company, run or sheet that is not there: which are."""
    company_id, companies = entry.id_of("company_id"), account_of(session).companies
    if entry.status != 404 or company_id is None:
        return None
    company = companies.get(company_id)
    if company is None:
        return _list("companies of this session", company_id, list(companies))
    if entry.run_id is None:
        return _list("sheets of this company", "", [sheet.id for sheet in company.sheets])
    runs = company.exports if entry.operation == "poll_export" else company.imports
    return _list(f"runs of company {company.id}", entry.run_id, [run.id for run in runs])


def _list(what: str, wanted: str, ids: list[str]) -> str:
    """Which there are, the nearest first, and no more than a person reads."""
    if not ids:
        return f"{what}: none"
    near = nearest(wanted, ids)
    first = list(dict.fromkeys([near, *ids[-3:]] if near else ids[-3:]))
    return f"{what}: {', '.join(first)}" + (f" and {len(ids) - len(first)} more" if len(ids) > len(first) else "")


def wrong_answers(session: Session, entry: Entry, body: Any) -> list[dict[str, Any]]:
    """The answers of a decision that did not fit the questions of the parking."""
    run, state = account_of(session).runs.get(entry.run_id or ""), entry.before
    if entry.operation != "decide" or state is None or state.status != "needs_attention":
        return []
    if not isinstance(run, ImportRun) or run.book is None:
        return []
    wrong = decisions.refusals(run, cast("Life", state), body.get("answers") or ())
    return [{"path": each.text.partition(" ")[0], "text": each.text, "clause": each.clause} for each in wrong]


def cause(state: State) -> str | None:
    """What somebody did that made a run so; None when it became so by itself."""
    known = cast("Life", state)
    if known.rejected:
        return "rejected"
    if known.status == "running" and known.parkings:
        return "approved"
    return "started" if known.status in load().run_statuses.moving else None


def has_caused(session: Session, entry: Entry, what: str) -> bool:
    """Whether the exchange started, approved or rejected a run, whatever its client was told of it."""
    if not entry.had_effect:
        return False
    if what == "started":
        return entry.operation in session.generation.contract.starts
    try:
        taken = {"approve": "approved", "reject": "rejected"}.get(orjson.loads(entry.request.body)["decision"])
    except (ValueError, KeyError, TypeError):  # cut, or no decision at all
        return False
    return entry.operation == "decide" and taken == what


def next_status(run: AnyRun, state: State) -> str:
    """What the run becomes by itself when this state ends, as far as was known when it began."""
    known = cast("Run", run)
    happened = [event for event in known.events if event.at <= state.since]
    return life(known.script, known.started, happened, state.until or 0, known.stale_after).status


EXPLAINER = Explainer(legal_calls, known_ids, wrong_answers, cause, has_caused, next_status)
