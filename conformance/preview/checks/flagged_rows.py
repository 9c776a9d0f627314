"""Imports of whole groups of flagged rows: what is asked, what a patch and what answers make of them (QUE, PATCH, DEC).

The rows are made of the target file's own, so what the target does with a few of them it must do with many.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from conformance.engine.context import must_succeed, skip_if
from conformance.preview.account import file_of
from conformance.preview.applied_patch import judge_effects
from conformance.preview.bodies import actions, at, columns_concerned, count, status_of
from conformance.preview.bystanders import strangers, unlike_fates
from conformance.preview.checks import Company, Run, Skipped, StateDriver, check
from conformance.preview.checks.downloads import judge_workbook
from conformance.preview.checks.questions import judge_groups, judge_questions, judge_samples
from conformance.preview.decision_runs import by_turns, follow, judge_flags, parked_run, text_answers
from conformance.preview.patch_effects import predict
from conformance.preview.repeated_rows import HUNDRED, blocks_for, further_rows, repeated_rows
from conformance.preview.submitted_rows import SubmittedRows, inline_rows, submitted_rows


@check(
    *("QUE-06", "QUE-07", "PATCH-06", "POLL-11", "DEC-05", "DEC-06", "DEC-07", "DEC-08", "DEC-09", "DEC-27", "CSV-02"),
    needs=("needs_attention",),
    whole=True,
)
def a_patch_mends_whole_groups(ctx: StateDriver) -> None:
    """Import each of the flagged rows several times, in many orders, and approve what is proposed."""
    run = _parked(ctx)
    _judge_patch(ctx, run)


@check(
    *("QUE-06", "QUE-07", "POLL-11", "DEC-05", "DEC-06", "DEC-07", "DEC-08"),
    needs=("needs_attention",),
    whole=True,
)
def a_patch_mends_groups_of_a_hundred(ctx: StateDriver) -> None:
    """Import a file in which each of the flagged rows is a hundred times, and approve what is proposed."""
    _judge_patch(ctx, _parked(ctx, HUNDRED))


@check(
    *("QUE-02", "QUE-06", "QUE-07", "PATCH-06", "DEC-05", "DEC-06", "DEC-07", "DEC-08"),
    needs=("needs_attention",),
    whole=True,
)
def a_patch_minds_what_a_row_is_flagged_for(ctx: StateDriver) -> None:
    """Import flagged rows beside rows that break the template's other rules, and approve what is proposed."""
    few = _few(ctx)
    run = _started(ctx, {"rows": further_rows(few)}, ctx.company(fresh=True))
    parked, rows = run.state, submitted_rows(ctx, run, run.state)
    skip_if(not rows.agrees(parked), "the target flags other rows than the published rules do")
    _judge_asked(ctx, run, rows)
    judge_effects(ctx, follow(ctx, run, parked, ctx.decide(run)))


@check("DEC-07", needs=("needs_attention",), whole=True)
def a_patch_may_drop_every_row(ctx: StateDriver) -> None:
    """Import the rows alone that the patch drops as invalid, and approve what is proposed: none is left."""
    like = ctx.run("needs_attention", fresh=False)
    few = submitted_rows(ctx, like, like.state)
    skip_if(not few.agrees(like.state), "the target flags other rows than the published rules do")
    fates = predict(few, actions(like.state)).fates
    rows = [row for number, row in enumerate(inline_rows(like.body)) if fates.get(number) == "delete_invalid_rows"]
    skip_if(not rows, "the patch drops no row as invalid")
    run = _started(ctx, {"rows": rows}, ctx.company(fresh=True))
    parked, sent = run.state, submitted_rows(ctx, run, run.state)
    skip_if(bool(predict(sent, actions(parked)).staying), "of these rows alone the patch does not drop each")
    decided = ctx.decide(run)
    must_succeed(decided, "the approval was refused")
    made = follow(ctx, run, parked, decided)
    left = count(made.end, "invalidCellCount") if at(made.end, "status") == "needs_attention" else 0
    left = len(made.all.rows) if made.all is not None else left
    requirement = "delete_invalid_rows drops the rows that it is for, be they all"
    evidence = (run.polled,) if made.all is None else (run.polled, made.all.answer)
    ctx.require("DEC-07", not left, requirement, decided, *evidence, expected="no row", got=left)


def _judge_patch(ctx: StateDriver, run: Run) -> None:
    """What the parked run asks, and what an approval of its patch makes of its rows."""
    parked, rows = run.state, submitted_rows(ctx, run, run.state)
    _judge_count(ctx, run, rows)
    _judge_asked(ctx, run, rows)
    made = follow(ctx, run, parked, ctx.decide(run))
    judge_effects(ctx, made)
    if "CSV-02" in ctx.check.clauses:
        with ctx.speaking_of("CSV-02"):
            whole, valid = made.downloads()
            judge_workbook(ctx, run, {"all": whole, "valid": valid})


def _judge_asked(ctx: StateDriver, run: Run, rows: SubmittedRows) -> None:
    with ctx.speaking_of("QUE-06", "QUE-07"):
        judge_questions(ctx, run)
        judge_samples(ctx, run, rows)
    with ctx.speaking_of("PATCH-06"):
        judge_groups(ctx, run)


def _judge_count(ctx: StateDriver, run: Run, rows: SubmittedRows) -> None:
    """Whether each flagged row is counted; a target that reads its files is known by what it proposes."""
    like = ctx.run("needs_attention", fresh=False)
    kinds, known = (
        Counter((each.get("column"), each.get("action")) for each in actions(each.state)) for each in (run, like)
    )
    skip_if(kinds != known, "many of the rows are taken for something else than a few of them")
    requirement = "invalidCellCount counts each row with a wrong cell, and once, of however many"
    agrees, expected = rows.agrees(run.state), len(rows.flagged)
    ctx.require("POLL-11", agrees, requirement, run.polled, expected=expected, got=count(run.state, "invalidCellCount"))
    skip_if(not agrees, "the target flags other rows than the published rules do")


def _parked(ctx: StateDriver, least: int = 0) -> Run:
    """A run that parks for whole groups of wrong cells: of inline rows, or of a file where they are many."""
    few = _few(ctx)
    rows = repeated_rows(few, blocks_for(few, least))
    company = ctx.company(fresh=True)
    return _started(ctx, {"rows": rows}, company, file_of(ctx, company, rows) if least else None)


def _few(ctx: StateDriver) -> SubmittedRows:
    """The flagged rows of the target file, where they are flagged as the published rules say."""
    like = ctx.run("needs_attention", fresh=False)
    few = submitted_rows(ctx, like, like.state)
    skip_if(not few.agrees(like.state), "the target flags other rows than the published rules do")
    return few


def _started(ctx: StateDriver, body: dict[str, Any], company: Company, sent: dict[str, Any] | None = None) -> Run:
    """A run of these rows that parks, sent in the body or as it says."""
    rows = body["rows"]
    answer = ctx.start(company, sent or body)
    skip_if(not answer.ok, f"an import of {len(rows)} rows is answered with {answer.status or answer.problem}")
    run = ctx.run_of(answer, company, body)
    status = at(ctx.until(run), "status")
    skip_if(status != "needs_attention", f"an import of {len(rows)} such rows is {status or 'nothing'}")
    return run


@check("DEC-10", needs=("needs_attention",), whole=True)
def texts_mend_whole_groups(ctx: StateDriver) -> None:
    """Import whole groups of flagged rows, and answer every question that takes a text with a right value."""
    run = _parked(ctx)
    judge_texts(ctx, run, run.state, submitted_rows(ctx, run, run.state))


@check("DEC-10", "DEC-12", needs=("needs_attention",), whole=True)
def texts_mend_single_rows(ctx: StateDriver) -> None:
    """Answer every question of a parked run that takes a text with a right value, be its cell a blank one."""
    run = parked_run(ctx)
    judge_texts(ctx, run, run.state, submitted_rows(ctx, run, run.state))


def judge_texts(ctx: StateDriver, run: Run, parked: Any, rows: SubmittedRows) -> None:
    """Answer each question that takes a text by a right value, and look for these among the rows of the run."""
    chosen = text_answers(rows, parked)
    skip_if(not chosen, "no question of the parked run takes a text that is known to be right")
    decided = ctx.decide(run, "approve", [*chosen.values()])
    must_succeed(decided, "answers by text are refused")
    made = follow(ctx, run, parked, decided)
    left = {column for _, column in columns_concerned(made.end)}
    if left and not left & {*chosen}:  # OP-13: what was left unanswered may be asked again
        made = follow(ctx, run, made.end, ctx.decide(run))
    if made.all is None:
        raise Skipped("what becomes of the texts is not for the suite to say")
    acts = [_set_to(each, chosen) for each in actions(parked)]
    found = made.differences(predict(rows, acts))
    taken = any(_times(made.all.records, name, each) > _times(rows.rows, name, each) for name, each in chosen.items())
    unheard = found and not taken and made.differences(predict(rows, actions(parked)))
    skip_if(unheard, "the target takes the texts for something else than values")
    requirement = "each question that was answered by a text follows its answer, in all of its rows and in no other"
    evidence, expected = (decided, made.all.answer), ", ".join(f"{n}: {each['custom']}" for n, each in chosen.items())
    ctx.require("DEC-10", not found, requirement, *evidence, expected=expected, got="; ".join(found.values()))


@check("DEC-09", "DEC-10", needs=("needs_attention",), whole=True)
def options_are_for_their_own_rows(ctx: StateDriver) -> None:
    """Import each flagged row a hundred times, and answer every question by an option, the first or the last."""
    run = _parked(ctx, HUNDRED)
    parked, rows = run.state, submitted_rows(ctx, run, run.state)
    answers = by_turns(parked)
    skip_if(not answers, "the parked run asks no question with options")
    decided = ctx.decide(run, "approve", answers)
    must_succeed(decided, "answers by option are refused")
    made = follow(ctx, run, parked, decided)
    skip_if(made.all is None, f"after such answers the run is {status_of(made.end)}")
    with ctx.speaking_of("DEC-09"):
        judge_flags(ctx, made, "DEC-09")
    with ctx.speaking_of("DEC-10"):
        touched = strangers(rows, made.downloads())
        requirement = "answers change nothing in rows without a wrong cell, and leave these in both downloads"
        ctx.none("DEC-10", touched, requirement, decided, made.downloads()[0].answer)
        whole, valid = made.downloads()
        requirement = "the report counts the rows that filter=valid leaves out"
        left_out, flags = len(whole.rows) - len(valid.rows), count(made.end, "invalidCellCount")
        ctx.equal("DEC-09", flags, left_out, requirement, made.run.polled, valid.answer)
        unlike = unlike_fates(rows, made.downloads()[0])
        requirement = "rows with the same wrong text in a column, and no other, come out alike"
        ctx.none("DEC-10", unlike, requirement, decided, made.downloads()[0].answer)


def _set_to(act: dict[str, Any], chosen: dict[str, dict[str, str]]) -> dict[str, Any]:
    """What the action becomes by the answers."""
    answer = chosen.get(str(act.get("column")))
    if answer is None or act.get("action") == "dedup_keep_first":
        return act
    return act | {"action": "set_value", "value": answer["custom"]}


def _times(rows: Iterable[Mapping[str, str]], column: str, answer: dict[str, str]) -> int:
    """How many rows hold an answer's text in its column."""
    return sum(row.get(column) == answer["custom"] for row in rows)
