"""Rows that stay wrong: they are kept flagged (DEC-09), or the run parks again (DEC-28 to DEC-30)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from conformance.engine.context import block_if, cut, must_come, must_succeed, skip_if
from conformance.preview.account import download
from conformance.preview.applied_patch import judge_effects
from conformance.preview.bad_decisions import bad_further_decisions
from conformance.preview.bodies import (
    actions,
    array,
    at,
    columns_concerned,
    count,
    documented,
    ids,
    is_idle,
    is_same,
    questions,
    status_of,
)
from conformance.preview.checks import Answer, Blocked, Run, Skipped, StateDriver, check
from conformance.preview.checks.flagged_rows import judge_texts
from conformance.preview.checks.questions import judge_questions
from conformance.preview.checks.refusals import judge_reject, refuse
from conformance.preview.checks.runs import HOUR, TIMED_OUT
from conformance.preview.decision_runs import (
    AGAIN,
    WRONG_TEXTS,
    DecisionRun,
    approve_option,
    chosen,
    flagged_run,
    follow,
    judge_flags,
    parked_again,
    rows_now,
    text_answers,
    with_options,
    wrong_texts,
)
from conformance.preview.driver import company_of, new_name
from conformance.preview.patch_effects import predict
from conformance.preview.submitted_rows import (
    check_rows,
    columns_in,
    columns_of,
    sheet_of,
    submitted_rows,
    templates,
)
from mock_server.contract.nearest import counted

AT_ONCE = 4


@check(
    *("DEC-28", "DEC-29", "DEC-30", "ACT-04", "ACT-06", "DEC-14", "DEC-16", "DEC-17", "DEC-22", "DEC-25", "RUN-02"),
    needs=("needs_attention_again",),
)
def rows_that_still_fail_park_again(ctx: StateDriver) -> None:
    """Approve a parked run with answers that leave rows wrong, and decide on what it asks then."""
    run = ctx.begin_run(AGAIN)
    parked = ctx.until(run, "needs_attention")
    ctx.active(run.company)  # so that one who remembers a look-up gives it again
    answers = getattr(ctx.target.states[AGAIN], "answers", None)
    must_succeed(ctx.decide(run, "approve", answers), "the approval that should park again was refused")
    again = ctx.until(run, "needs_attention", "completed", "failed")
    if at(again, "status") == "completed":
        _completed_instead(ctx, run, parked, answers)
    if at(again, "status") == "failed":
        _failed_instead(ctx, run, parked, answers)
    _judge_second_parking(ctx, run, parked, again, answers)
    with ctx.speaking_of("ACT-04", "ACT-06"):
        _look_up(ctx, run)
    with ctx.speaking_of("DEC-30"):
        _answer_the_first(ctx, run, parked, again)
    block_if(not is_same(again, run.polled), "blocked by DEC-30: the run left its second parking", run.polled)
    for case in bad_further_decisions(again) if ctx.whole else ():
        left = not refuse(ctx, run, case)
        block_if(left, f"blocked by {case[0]}: the run left its second parking", run.polled)
    fresh = not set(ids(questions(parked))) & set(ids(questions(again)))
    further = _decide_again(ctx, run, again, fresh=fresh)
    ctx.status("DEC-29", further, 2, "a run that parked again takes a further decision")
    if further.ok:
        status, requirement = at(ctx.poll(run).json, "status"), "a run that is approved again is not queued anew"
        ctx.require("RUN-02", status != "queued", requirement, further, run.polled, expected="running", got=status)
    if further.ok and fresh:  # OP-20: a third parking with the ids of the second could not be told from it
        left = not is_same(again, run.polled) or ids(questions(ctx.until(run))) != ids(questions(again))
        ctx.require("DEC-29", left, "the further decision resumes the run", further, run.polled)


def _look_up(ctx: StateDriver, run: Run) -> None:
    """A run that has parked for the second time is as active as it was when it had parked for the first time."""
    found = ctx.active(run.company)
    wanted, block = (documented(at(each.json, "needs_attention")) for each in (run.polled, found))
    requirement = "a run that has parked again is active: the look-up gives it, with its whole needs_attention block"
    ctx.require("ACT-04", block == wanted, requirement, run.polled, found, expected=wanted, got=found.text)
    block_if(block is None, "blocked by ACT-04: the look-up gives no parking", found)
    requirement = "the look-up equals the poll of a run that has parked again"
    same = documented(found.json) == documented(run.state)
    ctx.require("ACT-06", same, requirement, run.polled, found, expected=run.polled.text, got=found.text)


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
    _judge_freshness(ctx, run, parked, again)
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


def _judge_freshness(ctx: StateDriver, run: Run, parked: Any, again: Any) -> None:
    """Whether fewer flagged rows are asked about otherwise, where every group of them is asked about."""
    before, now = (count(each, "invalidCellCount") or 0 for each in (parked, again))
    if now < before and 0 < len(questions(parked)) == len(actions(parked)):
        old, new = (documented(at(each, "needs_attention")) for each in (parked, again))
        requirement = "a run that parks again with fewer flagged rows asks and proposes anew"
        ctx.require("DEC-28", old != new, requirement, run.polled, expected="fresh questions", got=new)


def _decide_again(ctx: StateDriver, run: Run, again: Any, *, fresh: bool) -> Answer:
    """Answer a question of the second parking, which must be one that can be answered; else approve its patch.

    Where a question is refused that the first parking did not have, the run takes no answers any more (DEC-29).
    """
    try:
        answers = [chosen(with_options(again), 0)]
    except Skipped:
        return ctx.decide(run)
    told = ctx.client.concurrently([partial(ctx.decide, run, "approve", answers)] * (AT_ONCE if ctx.whole else 1))
    answer = next((each for each in told if each.ok), told[0])
    if answer.ok:
        with ctx.speaking_of("DEC-25"):
            _judge_losers(ctx, run, again, told)
        return answer
    if answer.status == 400 and approve_option(ctx, 0).decided.ok:  # else options are refused altogether, DEC-11
        requirement = "a question that a run shows when it parks again is a current one"
        clause = "DEC-29" if fresh else "DEC-28"
        ctx.require(clause, answer.ok, requirement, run.polled, answer, got=f"400 {cut(answer.text, 200)}")
    return ctx.decide(run)


def _judge_losers(ctx: StateDriver, run: Run, again: Any, told: Sequence[Answer]) -> None:
    """Whether of equal decisions on the second parking, at the same moment, one was accepted.

    After it the run may have parked once more: then the others may have named a question that was gone (DEC-30).
    """
    end = ctx.until(run)
    same_ids = {*ids(questions(again))} & {*ids(questions(end))}
    skip_if(len(told) < 2 or same_ids, "the third parking could be answered in the same words (OP-20)")
    must_come(*told)
    lost = [each for each in told if not each.ok]
    holds = len(lost) == len(told) - 1 and all(each.status in {409, 400} for each in lost)
    requirement = "of concurrent decisions on a second parking one is answered with 200 and the others are refused"
    got = ", ".join(str(each.status) for each in told)
    ctx.require("DEC-25", holds, requirement, *told, expected=f"one 200, and {AT_ONCE - 1} refused", got=got)


@check("DEC-05", "DEC-06", "DEC-07", "DEC-08", "DEC-24", "DEC-27", needs=("needs_attention", AGAIN), whole=True)
def a_second_patch_is_applied_as_the_first(ctx: StateDriver) -> None:
    """Approve what is proposed for a run that has parked for the second time, and decide once more."""
    run = parked_again(ctx, fresh=True)
    again, rows = run.state, rows_now(ctx, run)
    clears = predict(rows, actions(again)).clears
    decided = ctx.decide(run)
    must_succeed(decided, "the second approval was refused")
    with ctx.speaking_of("DEC-24"):
        skip_if(not clears, "after its second approval the run may have parked again")
        ctx.status("DEC-24", ctx.decide(run), 409, "a second decision on the second parking is refused with 409")
    judge_effects(ctx, follow(ctx, run, again, decided), rows)


@check(
    "DEC-29", "DEC-31", "DEC-32", "DEC-34", "DEC-35", "QUE-02", "QUE-10", needs=("needs_attention", AGAIN), whole=True
)
def a_reject_ends_a_run_that_has_parked_again(ctx: StateDriver) -> None:
    """Reject a run that has parked for the second or third time, look at what is left of it, and import anew."""
    run = parked_again(ctx, fresh=True)
    with ctx.speaking_of("DEC-29"):
        run = _parked_thrice(ctx, run)
    ctx.advance(HOUR)
    skip_if(at(ctx.poll(run).json, "error") == TIMED_OUT, "the parked run timed out (OP-11)")
    judge_reject(ctx, run, rows=False)


def _parked_thrice(ctx: StateDriver, run: Run) -> Run:
    """The run after two more approvals that leave it parked; as it is where no such approval is known."""
    for _ in range(2):
        answers = [*text_answers(rows_now(ctx, run), run.state, wrong=True).values()]
        skip_if(not answers, "no question of the second parking takes a text that would surely be wrong")
        decided = ctx.decide(run, "approve", answers)
        ctx.status("DEC-29", decided, 2, "a run that parked again takes a further decision, and answers")
        must_succeed(decided, "a further approval was refused")
        parks = at(ctx.until(run), "status") == "needs_attention"
        skip_if(not parks, "after such answers the run is over")
        judge_questions(ctx, run)
    return run


@check("DEC-10", needs=("needs_attention", AGAIN), whole=True)
def answers_go_before_a_second_patch(ctx: StateDriver) -> None:
    """Answer each question of a second parking that takes a text by a right value."""
    run = parked_again(ctx, fresh=True)
    again, rows = run.state, rows_now(ctx, run)
    judge_texts(ctx, run, again, rows)


@check("DEC-28", needs=("needs_attention",), whole=True)
def a_text_that_breaks_the_rule_mends_nothing(ctx: StateDriver) -> None:
    """Answer each question that takes a text by one that the column's rule does not allow."""
    made = wrong_texts(ctx)
    must_succeed(made.decided, "answers by such texts are refused")
    if at(made.end, "status") == "needs_attention" and not _answered_columns(made) <= columns_concerned(made.end):
        if ctx.shared is not None:
            ctx.shared.pop(WRONG_TEXTS, None)  # the run is of no use to others once it is approved
        rest = follow(ctx, made.run, made.end, ctx.decide(made.run))
        made = rest._replace(parked=made.parked)
    skip_if(made.all is None, f"after such answers the run is {status_of(made.end)}")
    judge_flags(ctx, made)


def _answered_columns(made: DecisionRun) -> set[tuple[Any, Any]]:
    """Sheets and columns of the questions that the decision answered."""
    answered = {at(each, "question_id") for each in array(made.decided.sent, "answers")}
    targets = [at(each, "target") for each in questions(made.parked) if each.get("id") in answered]
    return {(at(each, "sheet_id"), at(each, "column")) for each in targets}


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
    holds, got = is_same(again, ctx.poll(run)) and answer.status == 400, f"{answer.status} {cut(answer.text, 200)}"
    requirement = "an answer to a question that is gone is refused with 400, and the run stays parked as it is"
    ctx.require("DEC-30", holds, requirement, answer, run.polled, expected=400, got=got)


@check("DEC-09", "DEC-23", "ACT-05", needs=("needs_attention", "completed_with_flags"))
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
    _judge_the_end(ctx, made)
    with ctx.speaking_of("DEC-09"):
        rows = submitted_rows(ctx, made.run, made.parked)
        wrong = {row for (row, _), rule in rows.failing.items() if rule != "unique"}
        there = valid.records
        bad = [rows.rows[each] for each in wrong if rows.rows[each] in there]
        ctx.none("DEC-09", bad, "no row with a wrong cell is in filter=valid", valid.answer)


def _judge_the_end(ctx: StateDriver, made: DecisionRun) -> None:
    """Whether a run that completed with flagged rows is over, as any other that completed."""
    with ctx.speaking_of("ACT-05"):
        found = ctx.active(made.run.company)
        others = made.run.company.provisioned is None and at(found.json, "run_id") != made.run.id
        skip_if(others, "another import of a company that the target file lends may be in flight by now")
        requirement = "the look-up gives no run once a run has completed with flagged rows"
        ctx.require("ACT-05", is_idle(found), requirement, found, expected='{"run": null}', got=found.text)
    for word in ("approve", "reject"):
        requirement = f"to {word} a run that completed with flagged rows is refused with 409"
        ctx.status("DEC-23", ctx.decide(made.run, word), 409, requirement)
    polled = ctx.poll(made.run)
    requirement = "a refused decision leaves a run that completed with flagged rows as it is"
    same = documented(polled.json) == documented(made.end)
    ctx.require("DEC-23", same, requirement, polled, expected=documented(made.end), got=documented(polled.json))


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
