"""What a poll shows in each status: its members, its sums, and rows where one would think of cells (POLL).

The rule that it keeps: figures are compared with each other and with the rows that were sent, never with what a
certain implementation would count (OP-21).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import uuid4

from conformance.engine.context import cut, first_of, skip_if
from conformance.preview.account import other_key
from conformance.preview.bodies import MOVING, array, at, count, listed, questions
from conformance.preview.checks import Answer, Blocked, Run, Skipped, StateDriver, check
from conformance.preview.decision_runs import FLAGGED, flagged_run
from conformance.preview.driver import near
from conformance.preview.submitted_rows import Column, columns_of
from conformance.target.target import Body

WRONG = ("conformance?", "!", "-", "0")
"""Texts of which one hardly any column rule takes."""


@check("POLL-01", "POLL-02", "POLL-03", needs=("running",))
def a_moving_run_tells_its_progress(ctx: StateDriver) -> None:
    """Poll a run right after its start, and one that stays running."""
    way = ctx.target.states.get("running")
    run = ctx.begin_run("running" if isinstance(way, Body) else "completed")
    answers = [ctx.poll(run)]
    with ctx.speaking_of("POLL-02", "POLL-03"):
        if isinstance(way, Body) and at(run.state, "status") in MOVING:
            ctx.until(run, "running")
            answers.append(run.polled)
        elif way is not None and not isinstance(way, Body):
            answers.append(ctx.run("running", fresh=False).polled)
    _judge_known(ctx, answers[0])
    met = [answer for answer in answers if at(answer.json, "status") in MOVING]
    skip_if(not met, "no poll met a run that was queued or running; the target file offers no way to running")
    for answer in met:
        ctx.shaped(answer, "POLL-02", "POLL-03")


@check(
    "POLL-01", "POLL-04", "POLL-05", "POLL-06", "POLL-07", "POLL-09", "POLL-10", "POLL-12", needs=("needs_attention",)
)
def a_parked_run_shows_report_and_questions(ctx: StateDriver) -> None:
    """Poll a parked run."""
    run = ctx.run("needs_attention", fresh=False)
    answer = run.polled
    _judge_known(ctx, answer)
    ctx.shaped(answer, "POLL-04", "POLL-05", "POLL-06", "POLL-07")
    ctx.reads("OP-09", "present" if at(answer.json, "report", "perSheet") is not None else "absent")
    judge_sheets(ctx, run, answer)
    invalid, rows = count(answer.json, "invalidCellCount"), array(run.body, "rows")
    if invalid is None:
        raise Blocked("the parked run's report has no invalidCellCount", [answer])
    fits, requirement = 0 <= invalid <= (len(rows) or invalid), "no more rows are flagged than were sent"
    ctx.require("POLL-12", fits, requirement, answer, expected=f"0 to {len(rows) or '…'}", got=invalid)


@check(*("POLL-01", "POLL-08", "POLL-09", "POLL-10", "POLL-12", "POLL-13"), needs=("completed", "completed_with_flags"))
def a_completed_run_shows_its_report(ctx: StateDriver) -> None:
    """Poll a completed run."""
    run = ctx.run("completed", fresh=False)
    answer = run.polled
    _judge_known(ctx, answer)
    ctx.shaped(answer, "POLL-08", "POLL-13")
    judge_sheets(ctx, run, answer)
    inserted, invalid = count(answer.json, "inserted"), count(answer.json, "invalidCellCount")
    if inserted is None or invalid is None:
        raise Blocked("the completed run's report is not whole", [answer])
    requirement = "a completed run flags no more rows than it inserted"
    ctx.require("POLL-12", 0 <= invalid <= inserted, requirement, answer, expected=f"0 to {inserted}", got=invalid)
    if ctx.whole and FLAGGED in ctx.target.states:
        with ctx.speaking_of("POLL-08", "POLL-13"):
            flagged = flagged_run(ctx).run
            ctx.shaped(flagged.polled, "POLL-08", "POLL-13")
            judge_sheets(ctx, flagged, flagged.polled)


@check("POLL-01", "POLL-14", "POLL-15", needs=("failed",))
def a_failed_run_tells_why(ctx: StateDriver) -> None:
    """Poll a run that failed by itself."""
    answer = ctx.run("failed", fresh=False).polled
    _judge_known(ctx, answer)
    ctx.shaped(answer, "POLL-14")
    report = at(answer.json, "report")
    ctx.require("POLL-15", report is None, "a run that failed by itself has no report", answer, got=report)


@check("POLL-16", needs=("canceled",))
def a_canceled_run_has_its_status_alone(ctx: StateDriver) -> None:
    """Poll a canceled run."""
    ctx.shaped(ctx.run("canceled", fresh=False).polled, "POLL-16")


@check("POLL-17", "POLL-18", "POLL-19", needs=("completed", "needs_attention"))
def what_is_not_there_is_404(ctx: StateDriver) -> None:
    """Poll an unknown run, a run below another company of the account, and a run with another account's key."""
    run, poll = ctx.run("completed", fresh=False), partial(ctx.client.call, "poll_import")
    for unknown_id in (*([str(uuid4())] * (3 if ctx.whole else 1)), near(run.id)):
        unknown = poll(company_id=run.company.id, run_id=unknown_id)
        ctx.status("POLL-17", unknown, 404, "the poll of an unknown run is answered with 404")
        told = bool(at(unknown.json, "error"))
        ctx.require("POLL-17", told, "the 404 for an unknown run has an error text", unknown, got=unknown.text)
    lost = poll(company_id=near(run.company.id), run_id=run.id)
    ctx.status("POLL-17", lost, 404, "the poll of a run of an unknown company is answered with 404")
    part = poll(company_id=run.company.id, run_id=run.id[:-1])  # OP-23
    got = f"{part.status} {cut(part.text, 200)}"
    ctx.require("POLL-17", not part.ok, "a part of a run's id finds no run", part, expected="404 or 400", got=got)
    with ctx.speaking_of("POLL-18"):
        requirement = "the poll of a run of another company of the account is answered with 404"
        for company_id, run_id in _strayed(ctx, run):
            ctx.status("POLL-18", poll(company_id=company_id, run_id=run_id), 404, requirement)
    foreign = poll(company_id=run.company.id, run_id=run.id, key=other_key(ctx))
    ctx.status("POLL-19", foreign, 404, "the poll of a run of another account's company is answered with 404")


def _strayed(ctx: StateDriver, run: Run) -> list[tuple[str, str]]:
    """Companies of the account, each with a run that is another one's."""
    others = (each for each in ctx.lent or () if each != run.company.id)
    if ctx.lent is not None:
        other = first_of(others, "the target file lends one company only")
    elif (other := ctx.company().id) == run.company.id:
        other = ctx.company(fresh=True).id
    pairs = [(other, run.id)]
    if ctx.whole and isinstance(ctx.target.states.get("needs_attention"), Body):
        parked = ctx.run("needs_attention", fresh=False)
        if parked.company.id != run.company.id:
            pairs += [(parked.company.id, run.id), (run.company.id, parked.id)]
    return pairs


@check("POLL-11", needs=("needs_attention",))
def flagged_rows_are_counted_and_not_cells(ctx: StateDriver) -> None:
    """Send the rows that park once more, one of the flagged rows with a second bad cell."""
    parked, body = ctx.run("needs_attention", fresh=False), ctx.body("needs_attention")
    same = body == parked.body and array(body, "rows")
    skip_if(not same, "the parked run is not of inline rows that could be sent again")
    skip_if(not parked.company.sheets, "the company's templates are not known, so no second bad cell can be derived")
    rows = _with_second_bad_cell(ctx, parked, array(body, "rows"))
    company, bad = ctx.company(fresh=True), body | {"rows": rows}
    run = ctx.begin(company, bad)
    ctx.until(run, "needs_attention")
    before, after = count(parked.state, "invalidCellCount"), count(run.state, "invalidCellCount")
    if before is None or after is None:
        raise Blocked("a parked run's report has no invalidCellCount", [parked.polled, run.polled])
    affected = [at(question, "target", "affected_count") for question in questions(run.state)]
    cells = sum(each for each in affected if isinstance(each, int))  # more than rows when one row has two bad cells
    unseen = after < before or (after == before and cells <= before)
    skip_if(unseen, "the target flags no second cell of a row, as far as its questions tell")
    requirement = "a second bad cell in a flagged row does not raise invalidCellCount: it counts rows"
    ctx.equal("POLL-11", after, before, requirement, parked.polled, run.polled)


def _judge_known(ctx: StateDriver, answer: Answer) -> None:
    if ctx.status("POLL-01", answer, 2, "the poll of a known run is answered with 2xx"):
        ctx.shaped(answer, "POLL-01")


def judge_sheets(ctx: StateDriver, run: Run, answer: Answer) -> None:
    """Whether the report's entries are of sheets of the company, and add up (POLL-09, POLL-10)."""
    if _lacks_sheets(answer):
        return
    ctx.shaped(answer, "POLL-09")
    sheets = listed(answer.json, "report", "perSheet")
    strange = [each for each in sheets if run.company.sheets and each.get("sheetId") not in run.company.sheets]
    if sheets:
        ctx.none("POLL-09", strange, "each entry of perSheet is of a sheet of the company", answer)
    judge_sum(ctx, answer)


def judge_sum(ctx: StateDriver, answer: Answer) -> None:
    """Whether the rows of all sheets are those that the import inserted (POLL-10)."""
    if _lacks_sheets(answer):
        return
    inserted = count(answer.json, "inserted")
    counts: list[Any] = [each.get("rowCount") for each in listed(answer.json, "report", "perSheet")]
    if inserted is not None and all(type(each) is int for each in counts):  # else POLL-06, POLL-08 or POLL-09
        requirement = "the rowCounts of perSheet add up to inserted"
        ctx.require("POLL-10", sum(counts) == inserted, requirement, answer, expected=inserted, got=counts)


def _lacks_sheets(answer: Answer) -> bool:
    """Whether a parked run's report leaves perSheet out, as it may (OP-09)."""
    return at(answer.json, "status") == "needs_attention" and at(answer.json, "report", "perSheet") is None


def _with_second_bad_cell(ctx: StateDriver, parked: Run, rows: list[Any]) -> list[Any]:
    """The rows, with a second bad cell in one that surely is flagged: its bad value occurs in no other row.

    A unique column gets none: another text there could cure the rows that repeat the old one.
    """
    for question in questions(parked.state):
        name, sheet = at(question, "target", "column"), at(question, "target", "sheet_id")
        columns = columns_of(ctx, parked.company, sheet) if sheet in parked.company.sheets else ()
        strict = [each for each in columns if not each.unique and each.name != name]
        bad = {each.name: text for each in strict for text in WRONG[::-1] if each.offence(text) == "strict"}
        for value in at(question, "target", "sample_values") or ():
            places = [place for place, row in enumerate(rows) if value and at(row, name) == value]
            for column, text in bad.items() if len(places) == 1 else ():
                if at(rows[places[0]], column) != text:
                    changed = dict(rows[places[0]]) | {column: text}
                    changed |= _emptied(columns, rows, places[0], {name, column})
                    return [changed if place == places[0] else row for place, row in enumerate(rows)]
    raise Skipped("no flagged row is found among the rows sent, or no column has a rule that a text could break")


def _emptied(columns: Sequence[Column], rows: list[Any], place: int, bad: set[Any]) -> dict[str, str]:
    """One more cell of the row to break another rule: a required one, whose text is in no other cell of the rows."""
    texts = [str(value).strip().casefold() for row in rows for value in row.values()]
    for column in sorted(columns, key=lambda each: each.unique):
        text = str(at(rows[place], column.name) or "").strip().casefold()
        if column.required and column.name not in bad and text and texts.count(text) == 1:
            return {column.name: ""}
    return {}
