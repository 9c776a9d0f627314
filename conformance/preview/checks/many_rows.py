"""Imports of over a hundred flagged rows: what is asked, what a patch and what answers make of them (QUE, PATCH, DEC).

The rows are made of the target file's own, so what the target does with a few of them it must do with many.
"""

from __future__ import annotations

from conformance.engine.context import skip_if
from conformance.preview.bodies import at, count
from conformance.preview.checks import Run, StateDriver, check
from conformance.preview.checks.approvals import judge_effects
from conformance.preview.checks.questions import judge_groups, judge_questions, judge_samples
from conformance.preview.decision_runs import follow
from conformance.preview.many_rows import many_rows
from conformance.preview.submitted_rows import submitted_rows


@check(
    *("QUE-06", "QUE-07", "PATCH-06", "POLL-11", "DEC-05", "DEC-06", "DEC-07", "DEC-08", "DEC-09", "DEC-27"),
    needs=("needs_attention",),
    whole=True,
)
def a_patch_mends_over_a_hundred_rows(ctx: StateDriver) -> None:
    """Import over a hundred flagged rows, and approve what is proposed."""
    run = _parked(ctx)
    parked, rows = run.state, submitted_rows(ctx, run, run.state)
    with ctx.speaking_of("QUE-06", "QUE-07"):
        judge_questions(ctx, run)
        judge_samples(ctx, run, rows)
    with ctx.speaking_of("PATCH-06"):
        judge_groups(ctx, run)
    judge_effects(ctx, follow(ctx, run, parked, ctx.decide(run)))


def _parked(ctx: StateDriver) -> Run:
    """A parked run of over a hundred flagged rows; what it counts is judged (POLL-11)."""
    like = ctx.run("needs_attention", fresh=False)
    few = submitted_rows(ctx, like, like.state)
    skip_if(not few.agrees(like.state), "the target flags other rows than the published rules do")
    body = {"rows": many_rows(few)}
    company = ctx.company(fresh=True)
    answer = ctx.start(company, body)
    skip_if(not answer.ok, f"an import of {len(body['rows'])} rows is answered with {answer.status or answer.problem}")
    run = ctx.run_of(answer, company, body)
    parked = ctx.until(run)
    status = at(parked, "status")
    skip_if(status != "needs_attention", f"an import of {len(body['rows'])} such rows is {status}")
    rows = submitted_rows(ctx, run, parked)
    requirement = "invalidCellCount counts each row with a wrong cell, and once, of however many"
    expected, got = len(rows.flagged), count(parked, "invalidCellCount")
    ctx.require("POLL-11", rows.agrees(parked), requirement, run.polled, expected=expected, got=got)
    skip_if(not rows.agrees(parked), "the target flags other rows than the published rules do")
    return run
