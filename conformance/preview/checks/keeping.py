"""Rows that are kept flagged (DEC-09): by an option that leaves them, and by a patch that proposes it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from conformance.model.results import Blocked, Skipped
from conformance.preview.checks.register import check
from conformance.preview.decision_runs import flagged, follow
from conformance.preview.driver import Company, Run
from conformance.preview.poll_body import actions, at, count, listed
from conformance.preview.submitted_rows import described, sent, templates
from conformance.target.file import Existing
from mock_server.contract.nearest import counted

if TYPE_CHECKING:
    from conformance.preview.driver import StateDriver


@check("DEC-09", needs=("needs_attention",))
def kept_rows_stay_flagged(ctx: StateDriver) -> None:
    """Approve what leaves rows flagged, and look for them in both downloads."""
    made = flagged(ctx)
    if made.all is None or made.valid is None:
        raise Blocked("the rows could not be downloaded", [made.run.polled])
    kept = len(made.all.rows) - len(made.valid.rows)
    flags = count(made.end, "invalidCellCount") or 0
    lent = made.run.company.provisioned is None  # where flagged rows of earlier imports may lie beside (OP-29)
    expected = f"{counted(flags, 'row')} in `all` alone{', or more' if lent else ''}"
    holds = kept >= flags if lent else kept == flags
    requirement = "rows that are kept flagged are in filter=all and not in filter=valid"
    ctx.require("DEC-09", holds, requirement, made.run.polled, made.valid.answer, expected=expected, got=kept)
    with ctx.speaking_of("DEC-09"):
        rows = sent(ctx, made.run, made.parked)
        there = {tuple(sorted(each.items())) for each in made.valid.records}
        wrong = {row for (row, _), rule in rows.failing.items() if rule != "unique"}
        bad = [rows.rows[each] for each in wrong if tuple(sorted(rows.rows[each].items())) in there]
        ctx.require("DEC-09", not bad, "no row with a wrong cell is in filter=valid", made.valid.answer, got=bad)


@check("DEC-09")
def a_patch_that_keeps_rows_leaves_them_flagged(ctx: StateDriver) -> None:
    """Import rows that link to nothing, and approve the patch where it proposes to keep them."""
    run, number = _linking_nowhere(ctx)
    parked = ctx.until(run)
    acts = [each.get("action") for each in actions(parked)]
    if at(parked, "status") != "needs_attention" or acts != ["keep"]:
        raise Skipped("the target proposes to keep no rows, not even such as link to nothing")
    made = follow(ctx, run, parked, ctx.decide(run))
    if made.all is None or made.valid is None:
        raise Skipped("rows that were to be kept flagged do not complete (OP-12)")
    there, right = len(made.all.rows), len(made.valid.rows)
    requirement = "rows that the patch keeps are in filter=all and not in filter=valid"
    evidence = made.all.answer, made.valid.answer
    holds = there == number and right == 0
    ctx.require("DEC-09", holds, requirement, *evidence, expected=f"{number} and 0 rows", got=f"{there} and {right}")


def _linking_nowhere(ctx: StateDriver) -> tuple[Run, int]:
    """A run of rows for a template that needs a link and nothing that we could not make up, and how many rows."""
    for template in templates(ctx):
        columns = described(template)
        needed = [column for column in columns if column.required]
        links = [column for column in columns if column.rule == "link"]
        if links and all(column.rule in {"none", "ai", "link"} for column in needed):
            names = {column.name for column in (*needed, links[0])}
            rows = [{name: f"conformance-{uuid4().hex[:12]}" for name in names} for _ in range(2)]
            return _imported(ctx, str(template.get("id")), rows), len(rows)
    raise Skipped("the account has no template whose rows link to another one and need nothing else")


def _imported(ctx: StateDriver, template_id: str, rows: list[dict[str, str]]) -> Run:
    """A run of these rows in a company with this template alone."""
    if isinstance(ctx.target.company, Existing):
        raise Skipped("only a company that the suite provisions can have a template of its choice")
    made = ctx.provision(template_ids=[template_id])
    sheets = {str(each.get("id")): str(each.get("template_id")) for each in listed(made.json, "sheets")}
    if not made.ok or not sheets:
        raise Blocked("a company with one template could not be provisioned", [made])
    company = Company(str(at(made.json, "company", "id")), sheets, made.json)
    answer = ctx.start(company, {"rows": rows})
    if not answer.ok:
        raise Skipped(f"rows that link to nothing are answered with {answer.status}")
    return Run(company, str(at(answer.json, "run_id")), "", {"rows": rows}, answer, answer)
