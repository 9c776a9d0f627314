"""What a reject does (DEC-21, DEC-31 to DEC-35): the run is over, its report and its right rows stay."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from conformance.model.results import Blocked, Skipped
from conformance.preview.checks.register import check
from conformance.preview.csv_download import fetch, read
from conformance.preview.decision_runs import leave, parked_run, same, with_options
from conformance.preview.poll_body import at, count, shown
from conformance.preview.submitted_rows import sent, sheet_of

if TYPE_CHECKING:
    from conformance.preview.driver import Run, StateDriver


@check("DEC-21", needs=("needs_attention",))
def answers_to_a_reject_are_not_applied(ctx: StateDriver) -> None:
    """Reject a parked run with a right answer to one of its questions."""
    run = parked_run(ctx)
    parked = run.state
    question = with_options(parked)
    given = {"question_id": question["id"], "option_id": question["options"][0]["id"]}
    answer = ctx.decide(run, "reject", [given])
    if answer.status is None:
        raise Blocked(f"no answer: {answer.problem}", [answer])
    polled = ctx.poll(run)
    requirement = "answers that come with a reject are refused or ignored, never applied"
    if answer.ok:
        ctx.reads("OP-19", "answers with a reject are ignored")
        end = ctx.until(run)
        ended = at(end, "status") == "failed"
        if ctx.require("DEC-21", ended, requirement, answer, run.polled, got=shown(end)):
            _judge_rows(ctx, "DEC-21", run, parked)
        return
    ctx.reads("OP-19", f"answers with a reject are refused with {answer.status}")
    kept = same(parked, polled)
    holds = answer.status == 400 and kept
    got = f"{answer.status} {answer.text[:200]}; then {shown(polled.json)}"
    ctx.require("DEC-21", holds, requirement, answer, polled, expected="400 and no change, or a failed run", got=got)
    if kept:
        leave(ctx, run)


@check("DEC-31", "DEC-32", "DEC-33", "DEC-34", "DEC-35", needs=("needs_attention",))
def a_reject_ends_the_run(ctx: StateDriver) -> None:
    """Reject a parked run, look at what is left of it, import anew, and approve it after all."""
    run = parked_run(ctx)
    parked = run.state
    answer = ctx.decide(run, "reject")
    ctx.status("DEC-31", answer, 200, requirement="a reject of a parked run is answered with 200")
    if not answer.ok:
        raise Blocked("the reject was refused", [answer])
    said = at(answer.json, "status")
    ctx.reads("OP-14", f"the answer says {said}")
    requirement = "the answer to a reject says failed, or running"
    ctx.require("DEC-31", said in {"failed", "running"}, requirement, answer, got=said)
    end = ctx.until(run)
    requirement = "a run that was rejected ends failed"
    if not ctx.require("DEC-31", at(end, "status") == "failed", requirement, run.polled, got=shown(end)):
        raise Blocked("the rejected run did not end", [run.polled])
    _judge_report(ctx, run, parked, end)
    with ctx.speaking_of("DEC-33"):
        _judge_rows(ctx, "DEC-33", run, parked)
    with ctx.speaking_of("DEC-34"):
        _judge_company(ctx, run)
    later = ctx.decide(run)
    ctx.status("DEC-35", later, 409, requirement="to approve a run that was rejected is refused with 409")
    requirement = "a run that was rejected stays as it is"
    ctx.require("DEC-35", same(end, ctx.poll(run)), requirement, later, run.polled, expected=shown(end))


def _judge_report(ctx: StateDriver, run: Run, parked: Any, end: Any) -> None:
    """Whether the report is as it was when the run parked (DEC-32)."""
    wanted, got = count(parked, "invalidCellCount"), count(end, "invalidCellCount")
    ctx.reads("OP-17", "report is there" if at(end, "report") is not None else "no report")
    requirement = "after a reject the report of invalid cells is as it was"
    ctx.require("DEC-32", got is not None and got == wanted, requirement, run.polled, expected=wanted, got=shown(end))


def _judge_rows(ctx: StateDriver, clause: str, run: Run, parked: Any) -> None:
    """Whether the right rows, and those only, can be downloaded after a reject."""
    sheet = sheet_of(parked)
    answer = fetch(ctx, run.company.id, sheet, "valid")
    if not ctx.status(clause, answer, 200, requirement="after a reject the right rows can be downloaded"):
        return
    rows = sent(ctx, run, parked)
    if rows.unsure or not rows.agrees(parked):
        raise Skipped("which of the rows that were sent are right is open")
    names = [column.name for column in rows.given]
    repeated = {row for (row, _), rule in rows.failing.items() if rule == "unique"}
    if repeated and len(rows.flagged) != count(parked, "invalidCellCount"):
        raise Skipped("the target flags the first of equal rows, too")
    right = [cells for number, cells in enumerate(rows.rows) if number not in rows.flagged]
    wanted = Counter(tuple(cells[name].strip() for name in names) for cells in right)
    lines = read(answer)
    got = Counter(tuple(record.get(name, "").strip() for name in names) for record in lines.records)
    requirement = "after a reject the right rows that were sent, and they alone, are downloaded as valid"
    ctx.require(clause, got == wanted, requirement, lines.answer, expected=sorted(wanted), got=sorted(got))


def _judge_company(ctx: StateDriver, run: Run) -> None:
    """Whether the company has nothing in flight, and takes a new import (DEC-34)."""
    active = ctx.client.call("list_imports", company_id=run.company.id, query={"status": "active"})
    idle = active.ok and isinstance(active.json, dict) and "run" in active.json and active.json["run"] is None
    requirement = "after a reject the active look-up gives no run"
    ctx.require("DEC-34", idle, requirement, active, expected='{"run": null}', got=active.text[:300])
    body = run.body if run.body is not None else ctx.body("completed")
    started = ctx.start(run.company, {name: value for name, value in body.items() if name != "idempotency_key"})
    ctx.status("DEC-34", started, 2, requirement="after a reject a new import of the company is accepted")
