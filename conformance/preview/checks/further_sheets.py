"""Rows in two sheets of one company: what holds of the first sheet holds of the second (POLL, CSV).

The rule that it keeps: which file goes to which sheet is the target's to say; reports and downloads are held against
each other and against the published rules, wherever the rows went.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.engine.context import first_of, skip_if
from conformance.preview.account import Download, both, file_of
from conformance.preview.bodies import at, count, listed, questions, status_of
from conformance.preview.checks import Company, Run, StateDriver, check
from conformance.preview.checks.polls import judge_sheets
from conformance.preview.decision_runs import flagged_run
from conformance.preview.made_rows import Pattern, pattern_for
from conformance.preview.repeated_rows import WRONG
from conformance.preview.submitted_rows import check_rows, columns_of

Both = Mapping[str, tuple[Download, Download]]


@check(
    *("POLL-09", "POLL-10", "CSV-04", "CSV-06", "CSV-07"),
    needs=("completed", "needs_attention", "completed_with_flags"),
    whole=True,
)
def two_sheets_are_reported_and_downloaded(ctx: StateDriver) -> None:
    """Import a file for each of two sheets, one row of the second without what it must have, and leave it flagged."""
    labels = _labels(ctx)
    company = ctx.company(fresh=True)
    pattern = pattern_for(ctx, company)
    names, rows = _second(ctx, company, pattern)
    files = listed(file_of(ctx, company, pattern.rows(3)), "files")
    files += listed(file_of(ctx, company, rows, names), "files")
    answer = ctx.start(company, {"files": files})
    skip_if(answer.status == 400, "an import of two files is refused")  # OP-22
    run = ctx.run_of(answer, company, {"files": files})
    if at(ctx.until(run), "status") == "needs_attention":
        judge_sheets(ctx, run, run.polled)
        decided = ctx.decide(run, "approve", _answers(run.state, labels))
        skip_if(not decided.ok, "the answers that leave rows flagged are refused for two sheets")
        ctx.until(run)
    if at(run.state, "status") == "needs_attention":
        ctx.end(run)
    skip_if(at(run.state, "status") != "completed", f"an import for two sheets is {status_of(run.state)}")
    judge_sheets(ctx, run, run.polled)
    _judge_downloads(ctx, run, {sheet: both(ctx, company.id, sheet) for sheet in company.sheets})


def _judge_downloads(ctx: StateDriver, run: Run, sheets: Both) -> None:
    whole, right = (sum(len(pair[place].rows) for pair in sheets.values()) for place in range(2))
    inserted, invalid = count(run.state, "inserted") or 0, count(run.state, "invalidCellCount") or 0
    requirement = "over all sheets filter=all has invalidCellCount rows more than filter=valid"
    ctx.equal("CSV-06", whole - right, invalid, requirement, run.polled)
    requirement = "filter=all has over all sheets as many rows as the import inserted"
    fits = whole in {inserted, inserted + invalid}  # OP-21
    ctx.require("CSV-07", fits, requirement, run.polled, expected=inserted, got=whole)
    for sheet, (_, valid) in sheets.items():
        checked = check_rows(sheet, columns_of(ctx, run.company, sheet), valid.records)
        wrong = [", ".join(checked.rows[row].values()) for row in sorted(checked.flagged)]
        requirement = "filter=valid leaves out each row with a wrong cell, in each sheet"
        ctx.require("CSV-04", not wrong, requirement, valid.answer, expected="right rows", got="; ".join(wrong))


def _labels(ctx: StateDriver) -> set[Any]:
    """What the options say that leave rows flagged."""
    made = flagged_run(ctx)
    asked = {each.get("id"): each for each in questions(made.parked)}
    chosen = [
        (asked.get(each.get("question_id")), each.get("option_id")) for each in at(made.decided.sent, "answers") or ()
    ]
    return {each.get("label") for about, id_ in chosen for each in listed(about, "options") if each.get("id") == id_}


def _answers(parked: Any, labels: set[Any]) -> list[dict[str, Any]] | None:
    found = []
    for question in questions(parked):
        fit = [each.get("id") for each in listed(question, "options") if each.get("label") in labels]
        found += [{"question_id": question.get("id"), "option_id": each} for each in fit[:1]]
    return found or None


def _second(ctx: StateDriver, company: Company, first: Pattern) -> tuple[list[str], list[dict[str, str]]]:
    """The columns of a second sheet, and rows for it, the last of them wrong in one cell."""
    for sheet in company.sheets:
        columns = columns_of(ctx, company, sheet)
        needed = [each for each in columns if each.required]
        wrong = [(each.name, WRONG) for each in columns if each.offence(WRONG) == "strict" and not each.unique]
        if columns != first.columns and wrong and needed and all(each.rule == "none" for each in needed):
            rows = [
                {each.name: f"Further {number}" if each.required else "" for each in columns} for number in range(3)
            ]
            return [each.name for each in columns], [*rows[:2], rows[2] | dict(wrong[:1])]
    return first_of([], "no second template takes rows that could be made for it")
