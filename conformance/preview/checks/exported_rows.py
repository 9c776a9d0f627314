"""Which rows exports write beside flagged ones, after several imports, and where many writes fail (DST)."""

from __future__ import annotations

from collections import Counter

from conformance.engine.context import skip_if
from conformance.preview.account import with_connection
from conformance.preview.bodies import at, listed
from conformance.preview.checks import Answer, Blocked, Company, Skipped, StateDriver, check
from conformance.preview.checks.exports import (
    begin_export,
    count_written,
    follow_export,
    judge_refused,
    judge_report,
    report_of,
    right_rows,
    select_rows,
)
from conformance.preview.decision_runs import FLAGGED, run_with_flags
from conformance.preview.made_rows import pattern_for
from conformance.target.target import Body

MANY = 7


@check("DST-03", "DST-04", "DST-08", needs=("completed", "completed_with_flags"), whole=True)
def flagged_rows_are_no_part_of_any_export(ctx: StateDriver) -> None:
    """Complete two imports, the second with flagged rows, and export all, the first rows, and selected templates."""
    company = _with_flags(ctx)
    rows = right_rows(ctx, company)
    filled = [company.sheets[sheet] for sheet, number in rows.items() if number]
    requirement = "an export writes no more than the rows that filter=valid has over all sheets"
    last = follow_export(ctx, company, begin_export(ctx, company, {}))[-1]
    _judge_few(ctx, "DST-08", last, sum(rows.values()), requirement)
    last = follow_export(ctx, company, begin_export(ctx, company, {"mode": "canary"}))[-1]
    requirement = "a canary writes no more than one row of each template, of however many imports"
    _judge_few(ctx, "DST-03", last, len(filled), requirement)
    times = Counter(str(each.get("template_id")) for each in listed(report_of(last), "results"))
    ctx.none("DST-03", [each for each, number in times.items() if number > 1], requirement, last)
    with ctx.speaking_of("DST-08"):
        started = select_rows(ctx, company, {}, {"template_ids": filled})
        last = follow_export(ctx, company, started)[-1]
        requirement = "an export of selected templates writes no more than their right rows"
        _judge_few(ctx, "DST-08", last, sum(rows.values()), requirement)


def _judge_few(ctx: StateDriver, clause: str, last: Answer, most: int, requirement: str) -> None:
    report = report_of(last)
    judge_report(ctx, report, last)
    wrote = count_written(report)
    ctx.require(clause, wrote is not None and wrote <= most, requirement, last, expected=f"at most {most}", got=wrote)


def _with_flags(ctx: StateDriver) -> Company:
    """A company with a destination that has right rows of two imports, and flagged ones of the second."""
    skip_if(ctx.lent is not None, "only a company that the suite provisions is known to have a destination")
    way = ctx.target.states.get(FLAGGED)
    skip_if(not isinstance(way, Body), f"the target file has no body that leads to {FLAGGED}")
    company, answer = with_connection(ctx, "reachable")
    if company is None or not company.sheets:
        raise Skipped(f"a company with a destination is answered with {answer.status}")
    ended = at(ctx.until(ctx.begin_run("completed", company)), "status")
    skip_if(ended != "completed", f"an import of right rows is {ended or 'nothing'}")
    try:
        run_with_flags(ctx, company)
    except Blocked as blocked:  # beside the rows of another import the way may lead elsewhere: OP-29
        raise Skipped(str(blocked)) from blocked
    return company


@check("DST-04", "DST-05", needs=("completed",), whole=True)
def each_of_many_writes_that_fail_is_told(ctx: StateDriver) -> None:
    """Export several rows to a destination that refuses some writes."""
    skip_if("refusing" not in ctx.target.destinations, "the target file names no destination that refuses writes")
    company, answer = with_connection(ctx, "refusing")
    if company is None or not company.sheets:
        raise Skipped(f"a company with a destination is answered with {answer.status}")
    run = ctx.begin(company, {"rows": pattern_for(ctx, company).rows(MANY)})
    ended = at(ctx.until(run), "status")
    skip_if(ended != "completed", f"an import of right rows is {ended or 'nothing'}")
    last = follow_export(ctx, company, begin_export(ctx, company, {}))[-1]
    report = report_of(last)
    judge_report(ctx, report, last)
    refused = [each for each in listed(report, "results") if each.get("ok") is False]
    skip_if(not refused and not at(report, "failed"), "the destination refused no write")
    judge_refused(ctx, refused, last)
