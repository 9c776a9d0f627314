"""Rows that stay wrong: they are kept flagged (DEC-09), or the run parks again (DEC-28 to DEC-30)."""

from __future__ import annotations

from typing import Any

from conformance.engine.context import block_if, must_succeed, skip_if
from conformance.preview.account import download
from conformance.preview.bodies import actions, at, columns_concerned, count, documented, ids, is_same, questions
from conformance.preview.checks import Answer, Blocked, Run, Skipped, StateDriver, check
from conformance.preview.decision_runs import approve_option, chosen, flagged_run, follow, with_options
from conformance.preview.driver import company_of, new_name
from conformance.preview.submitted_rows import check_rows, columns_in, columns_of, sheet_of, submitted_rows, templates
from mock_server.contract.nearest import counted


@check("DEC-28", "DEC-29", "DEC-30", needs=("needs_attention_again",))
def rows_that_still_fail_park_again(ctx: StateDriver) -> None:
    """Approve a parked run with answers that leave rows wrong, and decide on what it asks then."""
    run = ctx.begin_run("needs_attention_again")
    parked = ctx.until(run, "needs_attention")
    answers = getattr(ctx.target.states["needs_attention_again"], "answers", None)
    must_succeed(ctx.decide(run, "approve", answers), "the approval that should park again was refused")
    again = ctx.until(run, "needs_attention", "completed", "failed")
    if at(again, "status") == "completed":
        _completed_instead(ctx, run, parked, answers)
    if at(again, "status") == "failed":
        _failed_instead(ctx, run, parked, answers)
    _judge_second_parking(ctx, run, parked, again, answers)
    with ctx.speaking_of("DEC-30"):
        _answer_the_first(ctx, run, parked, again)
    block_if(not is_same(again, run.polled), "blocked by DEC-30: the run left its second parking", run.polled)
    further = _decide_again(ctx, run, again)
    ctx.status("DEC-29", further, 2, "a run that parked again takes a further decision")
    fresh = not set(ids(questions(parked))) & set(ids(questions(again)))
    if further.ok and fresh:  # OP-20: a third parking with the ids of the second could not be told from it
        left = not is_same(again, ctx.poll(run)) or ids(questions(ctx.until(run))) != ids(questions(again))
        ctx.require("DEC-29", left, "the further decision resumes the run", further, run.polled)


def _completed_instead(ctx: StateDriver, run: Run, parked: Any, answers: Any) -> None:
    """The run completed where it should have parked again: wrong while rows still fail, else not the way."""
    by_option = any("option_id" in each for each in answers or ())
    kept = by_option or any(each.get("action") == "keep" for each in actions(parked))
    sheet = sheet_of(parked)
    lines = download(ctx, run.company.id, sheet, "all")
    failing = len(check_rows(sheet, columns_of(ctx, run.company, sheet), lines.records).flagged)
    flagged_rows = count(run.state, "invalidCellCount") or 0
    still = failing or flagged_rows
    if still and not kept:
        requirement = "a run whose rows still fail parks again"
        got = f"completed, with {counted(flagged_rows, 'row')} flagged and {failing} wrong in the download"
        ctx.require("DEC-28", not still, requirement, run.polled, lines.answer, expected="needs_attention", got=got)
    raise Blocked("the way to needs_attention_again leads to completed", [run.polled, lines.answer])


def _failed_instead(ctx: StateDriver, run: Run, parked: Any, answers: Any) -> None:
    """The run failed where it should have parked again: wrong where an answer surely mends nothing."""
    columns = {each.name: each for each in columns_of(ctx, run.company, sheet_of(parked))}
    about = {each.get("id"): columns.get(at(each, "target", "column")) for each in questions(parked)}
    for each in answers or ():
        column = about.get(at(each, "question_id"))
        if column is not None and "custom" in each and column.offence(str(each["custom"])) == column.rule == "strict":
            parks, requirement = at(run.state, "status") == "needs_attention", "a run whose rows still fail parks again"
            ctx.require("DEC-28", parks, requirement, run.polled, expected="needs_attention", got=documented(run.state))
    raise Blocked("the way to needs_attention_again leads to failed", [run.polled])


def _judge_second_parking(ctx: StateDriver, run: Run, parked: Any, again: Any, answers: Any) -> None:
    holds = bool(questions(again) or actions(again)) and (count(again, "invalidCellCount") or 0) >= 1
    requirement = "a run that parks again shows questions and a patch for the rows that still fail"
    ctx.require("DEC-28", holds, requirement, run.polled, got=documented(again))
    if answers:
        return  # what the answers leave out may have been mended by the patch, or wait for an answer still: OP-13
    columns = {each.name: each for each in columns_of(ctx, run.company, sheet_of(parked))}
    mended = {each.get("column") for each in actions(parked)}
    for act in actions(parked):
        column = columns.get(str(act.get("column")))
        judged = column is not None and column.rule not in {"ai", "link"} and act.get("action") != "keep"
        sets = act.get("action") == "set_value"
        if column is None or not judged or (sets and column.offence(str(act.get("value"))) is not None):
            mended.discard(act.get("column"))
    stale = sorted(name for _, name in columns_concerned(again) if name in mended)
    ctx.none("DEC-28", stale, "the second parking asks nothing about what the first one mended", run.polled)


def _decide_again(ctx: StateDriver, run: Run, again: Any) -> Answer:
    """Answer a question of the second parking, which must be one that can be answered; else approve its patch."""
    try:
        answer = ctx.decide(run, "approve", [chosen(with_options(again), 0)])
    except Skipped:
        return ctx.decide(run)
    if answer.ok:
        return answer
    if answer.status == 400 and approve_option(ctx, 0).decided.ok:  # else options are refused altogether, DEC-11
        requirement = "a question that a run shows when it parks again is a current one"
        ctx.require("DEC-28", answer.ok, requirement, run.polled, answer, got=f"400 {answer.text[:200]}")
    return ctx.decide(run)


def _answer_the_first(ctx: StateDriver, run: Run, parked: Any, again: Any) -> None:
    """Answer a question of the first parking, where its id is gone (DEC-30)."""
    gone = [each for each in questions(parked) if each.get("id") not in ids(questions(again))]
    if not gone:
        ctx.reads("OP-20", "ids of questions are used again")
        raise Skipped("the second parking uses the ids of the first one again")
    some = len(gone) < len(questions(parked))
    ctx.reads("OP-20", "a question that stays open keeps its id" if some else "each parking has ids of its own")
    option = at(gone[0], "options", 0, "id")
    given = {"custom": "as before"} if option is None else {"option_id": option}
    answer = ctx.decide(run, "approve", [{"question_id": gone[0].get("id")} | given])
    holds, got = is_same(again, ctx.poll(run)) and answer.status == 400, f"{answer.status} {answer.text[:200]}"
    requirement = "an answer to a question that is gone is refused with 400, and the run stays parked as it is"
    ctx.require("DEC-30", holds, requirement, answer, run.polled, expected=400, got=got)


@check("DEC-09", needs=("needs_attention", "completed_with_flags"))
def kept_rows_stay_flagged(ctx: StateDriver) -> None:
    """Approve what leaves rows flagged, and look for them in both downloads."""
    made = flagged_run(ctx)
    whole, valid = made.downloads()
    kept, flags = len(whole.rows) - len(valid.rows), count(made.end, "invalidCellCount") or 0
    lent = made.run.company.provisioned is None  # where flagged rows of earlier imports may lie beside (OP-29)
    expected = f"{counted(flags, 'row')} in `all` alone{', or more' if lent else ''}"
    holds = kept >= flags if lent else kept == flags
    requirement = "rows that are kept flagged are in filter=all and not in filter=valid"
    ctx.require("DEC-09", holds, requirement, made.run.polled, valid.answer, expected=expected, got=kept)
    with ctx.speaking_of("DEC-09"):
        rows = submitted_rows(ctx, made.run, made.parked)
        wrong = {row for (row, _), rule in rows.failing.items() if rule != "unique"}
        bad = [rows.rows[each] for each in wrong if rows.rows[each] in valid.records]
        ctx.none("DEC-09", bad, "no row with a wrong cell is in filter=valid", valid.answer)


@check("DEC-09")
def a_patch_that_keeps_rows_leaves_them_flagged(ctx: StateDriver) -> None:
    """Import rows that link to nothing, and approve the patch where it proposes to keep them."""
    run, number = _linking_nowhere(ctx)
    parked = ctx.until(run)
    if at(parked, "status") != "needs_attention" or [each.get("action") for each in actions(parked)] != ["keep"]:
        raise Skipped("the target proposes to keep no rows, not even such as link to nothing")
    whole, valid = follow(ctx, run, parked, ctx.decide(run)).downloads()
    there, right = len(whole.rows), len(valid.rows)
    evidence, got = (whole.answer, valid.answer), f"{there} and {right}"
    requirement = "rows that the patch keeps are in filter=all and not in filter=valid"
    holds, expected = (there, right) == (number, 0), f"{number} and 0 rows"
    ctx.require("DEC-09", holds, requirement, *evidence, expected=expected, got=got)


def _linking_nowhere(ctx: StateDriver) -> tuple[Run, int]:
    """A run of rows for a template that needs a link and nothing that we could not make up, and how many rows."""
    for template in templates(ctx):
        columns = columns_in(template)
        needed = [column for column in columns if column.required]
        links = [column for column in columns if column.rule == "link"]
        if links and all(column.rule in {"none", "ai", "link"} for column in needed):
            break
    else:
        raise Skipped("the account has no template whose rows link to another one and need nothing else")
    skip_if(ctx.lent is not None, "only a company that the suite provisions can have a template of its choice")
    made = ctx.provision(template_ids=[str(template.get("id"))])
    company = company_of(made)
    if company is None or not company.sheets:
        raise Blocked("a company with one template could not be provisioned", [made])
    rows = [{column.name: new_name() for column in (*needed, links[0])} for _ in range(2)]
    answer = ctx.start(company, {"rows": rows})
    skip_if(not answer.ok, f"rows that link to nothing are answered with {answer.status}")
    return ctx.run_of(answer, company, {"rows": rows}), len(rows)
