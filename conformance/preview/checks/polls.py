"""What a poll shows in each status: its members, its sums, and rows where one would think of cells (POLL).

The rule that it keeps: figures are compared with each other and with the rows that were sent, never with what a
certain implementation would count (OP-21).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from conformance.http.client import OTHER
from conformance.model.results import Blocked, Skipped
from conformance.preview.checks.imports import UUID, begun
from conformance.preview.checks.register import check
from conformance.preview.driver import MOVING, Company, Run
from conformance.preview.poll_body import at, count, listed, questions
from conformance.target.file import Body, Existing

if TYPE_CHECKING:
    from conformance.http.client import Answer
    from conformance.preview.driver import StateDriver

WRONG = ("conformance?", "!", "-", "0")
"""Texts of which one hardly any column rule takes."""


@check("POLL-01", "POLL-02", "POLL-03", needs=("running",))
def a_moving_run_tells_its_progress(ctx: StateDriver) -> None:
    """Poll a run right after its start, and one that stays running."""
    answers = _moving(ctx)
    _judge_known(ctx, answers[0])
    met = [answer for answer in answers if at(answer.json, "status") in MOVING]
    if not met:
        raise Skipped("no poll met a run that was queued or running; the target file offers no way to running")
    for answer in met:
        status = at(answer.json, "status")
        message = at(answer.json, "progress_message")
        requirement = f"a {status} run has a string progress_message"
        ctx.require("POLL-02", isinstance(message, str), requirement, answer, expected="a string", got=message)
        _judge_absent(ctx, "POLL-03", answer, "report", "needs_attention", "error")


@check(
    "POLL-01", "POLL-04", "POLL-05", "POLL-06", "POLL-07", "POLL-09", "POLL-10", "POLL-12", needs=("needs_attention",)
)
def a_parked_run_shows_report_and_questions(ctx: StateDriver) -> None:
    """Poll a parked run."""
    run = ctx.run("needs_attention", fresh=False)
    answer = run.polled
    _judge_known(ctx, answer)
    report, block = at(answer.json, "report"), at(answer.json, "needs_attention")
    asked, patch = at(block, "questions"), at(block, "proposed_patch")
    complete = isinstance(report, dict) and isinstance(asked, list) and isinstance(patch, dict)
    requirement = "a parked run has a report, an array of questions and a proposed_patch"
    ctx.require("POLL-04", complete, requirement, answer, expected="all three", got=answer.text)
    _judge_absent(ctx, "POLL-05", answer, "error")
    _go_on_with(isinstance(report, dict), "the parked run has no report", answer)
    inserted, invalid = at(report, "inserted"), at(report, "invalidCellCount")
    whole = _whole(inserted) and _whole(invalid)
    requirement = "a parked run's report has whole numbers inserted and invalidCellCount"
    ctx.require("POLL-06", whole, requirement, answer, expected="two whole numbers", got=report)
    ctx.reads("OP-09", "present" if at(report, "perSheet") is not None else "absent")
    if at(report, "perSheet") is not None:
        _judge_sheets(ctx, run, answer, report)
    _go_on_with(_whole(invalid), "the parked run's report has no invalidCellCount", answer)
    requirement = "a parked run has at least one flagged row"
    ctx.require("POLL-07", invalid != 0, requirement, answer, expected="1 or more", got=invalid)
    rows = _rows(run.body)
    fits = invalid >= 0 and (not rows or invalid <= len(rows))
    requirement = "no more rows are flagged than were sent"
    ctx.require("POLL-12", fits, requirement, answer, expected=f"0 to {len(rows) or '…'}", got=invalid)


@check("POLL-01", "POLL-08", "POLL-09", "POLL-10", "POLL-12", "POLL-13", needs=("completed",))
def a_completed_run_shows_its_report(ctx: StateDriver) -> None:
    """Poll a completed run."""
    run = ctx.run("completed", fresh=False)
    answer = run.polled
    _judge_known(ctx, answer)
    report = at(answer.json, "report")
    inserted, sheets, invalid = (at(report, name) for name in ("inserted", "perSheet", "invalidCellCount"))
    complete = _whole(inserted) and isinstance(sheets, list) and _whole(invalid)
    requirement = "a completed run's report has inserted, perSheet and invalidCellCount"
    ctx.require("POLL-08", complete, requirement, answer, expected="all three", got=report)
    _judge_absent(ctx, "POLL-13", answer, "needs_attention", "error")
    if isinstance(sheets, list):
        _judge_sheets(ctx, run, answer, report)
    _go_on_with(complete, "the completed run's report is not whole", answer)
    requirement = "a completed run flags no more rows than it inserted"
    ctx.require("POLL-12", 0 <= invalid <= inserted, requirement, answer, expected=f"0 to {inserted}", got=invalid)


@check("POLL-01", "POLL-14", "POLL-15", needs=("failed",))
def a_failed_run_tells_why(ctx: StateDriver) -> None:
    """Poll a run that failed by itself."""
    answer = ctx.run("failed", fresh=False).polled
    _judge_known(ctx, answer)
    error = at(answer.json, "error")
    told = isinstance(error, str) and bool(error.strip())
    ctx.require("POLL-14", told, "a failed run has an error text", answer, expected="a text", got=error)
    _judge_absent(ctx, "POLL-15", answer, "report")


@check("POLL-16", needs=("canceled",))
def a_canceled_run_has_its_status_alone(ctx: StateDriver) -> None:
    """Poll a canceled run."""
    answer = ctx.run("canceled", fresh=False).polled
    _judge_absent(ctx, "POLL-16", answer, "report", "error", "needs_attention")


@check("POLL-17", "POLL-18", "POLL-19", needs=("completed",))
def what_is_not_there_is_404(ctx: StateDriver) -> None:
    """Poll an unknown run, a run below another company of the account, and a run with another account's key."""
    run = ctx.run("completed", fresh=False)
    unknown = ctx.client.call("poll_import", company_id=run.company.id, run_id=str(uuid4()))
    _judge_not_found(ctx, "POLL-17", unknown, "an unknown run")
    error = at(unknown.json, "error")
    told = isinstance(error, str) and bool(error)
    ctx.require("POLL-17", told, "the 404 for an unknown run has an error text", unknown, got=unknown.text)
    with ctx.speaking_of("POLL-18"):
        other = _another(ctx, run.company)
        strayed = ctx.client.call("poll_import", company_id=other.id, run_id=run.id)
        _judge_not_found(ctx, "POLL-18", strayed, "a run of another company of the account")
    if not ctx.client.has(OTHER):
        raise Skipped("the target file has no other_api_key")
    foreign = ctx.client.call("poll_import", company_id=run.company.id, run_id=run.id, key=OTHER)
    _judge_not_found(ctx, "POLL-19", foreign, "a run of another account's company")


@check("POLL-11", needs=("needs_attention",))
def flagged_rows_are_counted_and_not_cells(ctx: StateDriver) -> None:
    """Send the rows that park once more, one of the flagged rows with a second bad cell."""
    parked = ctx.run("needs_attention", fresh=False)
    body = ctx.body("needs_attention")
    if body != parked.body or not _rows(body):
        raise Skipped("the parked run is not of inline rows that could be sent again")
    if not parked.company.sheets:
        raise Skipped("the company's templates are not known, so no second bad cell can be derived")
    rows = _with_second_bad_cell(ctx, parked, _rows(body))
    company, bad = ctx.company(fresh=True), body | {"rows": rows}
    run = begun(company, bad, ctx.start(company, bad))
    ctx.until(run, "needs_attention")
    before, after = count(parked.state, "invalidCellCount"), count(run.state, "invalidCellCount")
    if before is None or after is None:
        raise Blocked("a parked run's report has no invalidCellCount", [parked.polled, run.polled])
    if after < before or (after == before and _affected(run.state) <= before):
        raise Skipped("the target flags no second cell of a row, as far as its questions tell")
    requirement = "a second bad cell in a flagged row does not raise invalidCellCount: it counts rows"
    ctx.require("POLL-11", after == before, requirement, parked.polled, run.polled, expected=before, got=after)


def _moving(ctx: StateDriver) -> list[Answer]:
    """Polls of a run just started, and of one that runs, where the target file has a way to that."""
    way = ctx.target.states.get("running")
    run = ctx.started("running" if isinstance(way, Body) else "completed")
    answers = [ctx.poll(run)]
    with ctx.speaking_of("POLL-02", "POLL-03"):
        if isinstance(way, Body) and at(run.state, "status") in MOVING:
            ctx.until(run, "running")
            answers.append(run.polled)
        elif way is not None and not isinstance(way, Body):
            answers.append(ctx.run("running", fresh=False).polled)
    return answers


def _judge_known(ctx: StateDriver, answer: Answer) -> None:
    if ctx.status("POLL-01", answer, 2, requirement="the poll of a known run is answered with 2xx"):
        status = at(answer.json, "status")
        requirement = "the poll of a known run is an object with a string status"
        ctx.require("POLL-01", isinstance(status, str), requirement, answer, expected="a string", got=answer.text)


def _go_on_with(there: bool, else_: str, answer: Answer) -> None:  # noqa: FBT001 - private
    """Stop a check that has nothing to go on with: what is missing was told, and breaks one clause."""
    if not there:
        raise Blocked(else_, [answer])


def _judge_absent(ctx: StateDriver, clause: str, answer: Answer, *names: str) -> None:
    status = at(answer.json, "status")
    present = [name for name in names if at(answer.json, name) is not None]  # null counts as absent
    holds = isinstance(answer.json, dict) and not present
    requirement = f"a {status} run has no {', no '.join(names)}"
    ctx.require(clause, holds, requirement, answer, expected="none of them", got=present or answer.text)


def _judge_sheets(ctx: StateDriver, run: Run, answer: Answer, report: Any) -> None:
    """The entries of perSheet, and their sum."""
    entries, inserted = at(report, "perSheet"), at(report, "inserted")
    wrong = [entry for entry in entries if not _sheet_fits(entry, run.company)] if isinstance(entries, list) else None
    requirement = "each entry of perSheet has a template's name, the id of a sheet of the company and a count of rows"
    ctx.require("POLL-09", wrong == [], requirement, answer, expected="such entries alone", got=wrong)
    counts: list[Any] = [at(entry, "rowCount") for entry in entries] if isinstance(entries, list) else [None]
    if _whole(inserted) and all(_whole(each) for each in counts):  # else POLL-06, POLL-08 or POLL-09
        requirement = "the rowCounts of perSheet add up to inserted"
        ctx.require("POLL-10", sum(counts) == inserted, requirement, answer, expected=inserted, got=counts)


def _sheet_fits(entry: Any, company: Company) -> bool:
    name, sheet, count = (at(entry, member) for member in ("templateName", "sheetId", "rowCount"))
    known = isinstance(sheet, str) and UUID.fullmatch(sheet) and (not company.sheets or sheet in company.sheets)
    return isinstance(name, str) and bool(known) and _whole(count) and count >= 0


def _judge_not_found(ctx: StateDriver, clause: str, answer: Answer, what: str) -> None:
    ctx.status(clause, answer, 404, requirement=f"the poll of {what} is answered with 404")


def _another(ctx: StateDriver, company: Company) -> Company:
    """A company of the account that is not this one; it may have an import in flight."""
    if isinstance(ctx.target.company, Existing):
        others = [each for each in ctx.target.company.companies if each != company.id]
        if not others:
            raise Skipped("the target file lends one company only")
        return Company(others[0])
    found = ctx.company()
    return found if found.id != company.id else ctx.company(fresh=True)


def _with_second_bad_cell(ctx: StateDriver, parked: Run, rows: list[Any]) -> list[Any]:
    """The rows, with a second bad cell in one that surely is flagged: its bad value occurs in no other row."""
    columns = _strict_columns(ctx, parked)
    for question in questions(parked.state):
        name, sheet = at(question, "target", "column"), at(question, "target", "sheet_id")
        for value in at(question, "target", "sample_values") or ():
            places = [place for place, row in enumerate(rows) if value and at(row, name) == value]
            for column, bad in columns.get(sheet, ()):
                if len(places) == 1 and column != name and at(rows[places[0]], column) != bad:
                    changed = dict(rows[places[0]]) | {column: bad}
                    return [changed if place == places[0] else row for place, row in enumerate(rows)]
    raise Skipped("no flagged row is found among the rows sent, or no column has a rule that a text could break")


def _strict_columns(ctx: StateDriver, parked: Run) -> dict[Any, list[tuple[str, str]]]:
    """For each sheet of the company its columns with a pattern, each with a text that the pattern does not match.

    Unique ones are left out: another text there could cure the rows that repeat the old one.
    """
    templates = listed(ctx.client.call("list_templates").json, "templates")
    found: dict[Any, list[tuple[str, str]]] = {}
    for sheet, template in parked.company.sheets.items():
        described = next((each for each in templates if each.get("id") == template), None)
        for column in listed(described, "columns"):
            name, bad = column.get("name"), _breaking(column.get("strictRule"))
            if isinstance(name, str) and bad is not None and column.get("unique") is False:
                found.setdefault(sheet, []).append((name, bad))
    return found


def _breaking(pattern: Any) -> str | None:
    try:
        return next((text for text in WRONG if not re.search(pattern, text)), None)
    except (re.error, TypeError):
        return None


def _affected(state: Any) -> int:
    """The rows that each question is about, added up: more than the flagged rows when one row has two bad cells."""
    affected = [at(question, "target", "affected_count") for question in questions(state)]
    return sum(each for each in affected if isinstance(each, int))


def _rows(body: Any) -> list[Any]:
    rows = at(body, "rows")
    return rows if isinstance(rows, list) else []


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
