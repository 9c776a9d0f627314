"""Decisions that are refused, and rejections (DEC-14 to DEC-23, DEC-26, DEC-31 to DEC-35).

The rule that it keeps: what is refused leaves the run parked with the same questions, and leaves no trace; what is
rejected is over, and its report and its right rows stay.
"""

from __future__ import annotations

from collections import Counter
from itertools import product
from typing import Any
from uuid import uuid4

from conformance.engine.context import block_if, cut, must_come, must_succeed, skip_if
from conformance.model.plain import plain
from conformance.preview.account import fetch, files_in, read
from conformance.preview.bad_decisions import Case, bad_decisions
from conformance.preview.bodies import (
    TERMINAL,
    actions,
    at,
    columns_concerned,
    count,
    documented,
    is_idle,
    is_same,
    questions,
)
from conformance.preview.checks import OTHER, Answer, Blocked, Run, Skipped, StateDriver, check
from conformance.preview.checks.runs import HOUR
from conformance.preview.decision_runs import SPARE, approve_patch, by_turns, follow, parked_run
from conformance.preview.submitted_rows import sheet_of, submitted_rows

NO_TRACE = "what was refused leaves no trace in what a later approval does"


@check("DEC-23", needs=("completed", "needs_attention", "failed", "canceled"))
def a_run_that_is_not_parked_takes_no_decision(ctx: StateDriver) -> None:
    """Decide on runs that have just started, run, and are over."""
    moving = False
    with ctx.speaking_of("DEC-23"):
        run = ctx.begin_run("completed")
        requirement = "a decision on a run that was just started is refused with 409"
        ctx.status("DEC-23", ctx.decide(run, "reject"), 409, requirement)
        moving = at(ctx.until(run, "running", *TERMINAL), "status") == "running"
        if moving:
            _decide_while_running(ctx, run)
        status = at(ctx.until(run), "status")
        block_if(status == "needs_attention", "the way to completed leads to needs_attention", run.polled)
        requirement = "a refused decision leaves a run as it is: it completes as others do"
        ctx.require("DEC-23", status == "completed", requirement, run.polled, expected="completed", got=status)
    if not moving:
        with ctx.speaking_of("DEC-23"):
            _decide_while_running(ctx, ctx.run("running"))
    if ctx.whole:
        with ctx.speaking_of("DEC-23"):
            _decide_too_early(ctx)
    ended = [each for state in TERMINAL if (each := _ended(ctx, state)) is not None]
    if ctx.whole:
        ctx.advance(HOUR)
    for run, state in ended:
        with ctx.speaking_of("DEC-23"):
            _decide_after_the_end(ctx, run, state)


@check("DEC-26", needs=("needs_attention",))
def a_decision_on_an_unknown_run_is_not_found(ctx: StateDriver) -> None:
    """Decide on runs that do not exist, and a parked run under another company and with another account's key."""
    run, elsewhere = parked_run(ctx), ctx.company()
    ways: dict[str, dict[str, Any]] = {
        "an unknown run": {"company_id": run.company.id, "run_id": str(uuid4())},
        "a run of an unknown company": {"company_id": str(uuid4()), "run_id": run.id},
    }
    if elsewhere.id != run.company.id:
        ways["the run of another company"] = {"company_id": elsewhere.id, "run_id": run.id}
    if ctx.client.has(OTHER):
        ways["another account's run"] = {"company_id": run.company.id, "run_id": run.id, "key": OTHER}
    parked = run.state
    for word, (what, where) in product(("approve", "reject") if ctx.whole else ("approve",), ways.items()):
        answer = ctx.client.call("decide", body={"decision": word}, **where)
        ctx.status("DEC-26", answer, 404, f"to {word} {what} is answered with 404")
    polled = ctx.poll(run)
    kept, requirement = _unchanged(parked, polled), "a decision that found no run has no effect"
    ctx.require("DEC-26", kept, requirement, polled, expected=documented(parked), got=documented(polled.json))
    if kept:
        ctx.remember(SPARE, run)


@check("DEC-14", "DEC-15", "DEC-16", "DEC-17", "DEC-18", "DEC-19", "DEC-20", "DEC-22", needs=("needs_attention",))
def a_bad_decision_is_refused(ctx: StateDriver) -> None:
    """Post decisions to a parked run that are malformed, or have answers that none of its questions allows; approve."""
    run = ctx.run("needs_attention")
    asked = questions(run.state)
    with ctx.speaking_of("DEC-20"):
        bound = any(each.get("allow_custom") is False for each in asked)
        skip_if(not bound, "every question of the parked run takes free text")
    with ctx.speaking_of("DEC-18", "DEC-19"):
        skip_if(not asked, "the parked run asks no question")
    last = _refuse(ctx, run, every=False) or _refuse(ctx, ctx.run("needs_attention"), every=True)
    if last is not None:
        with ctx.speaking_of("DEC-14"):
            _trace(ctx, last)


def _trace(ctx: StateDriver, last: Run) -> None:
    """Whether nothing of what was refused is kept; where it is, each kind of it is tried by itself."""
    parked = last.state
    if _judge_trace(ctx, "", last, parked):
        ctx.require("DEC-14", holds=True, requirement=NO_TRACE)
        return
    cases = list(bad_decisions(parked, whole=ctx.whole))
    told = False
    for clause in dict.fromkeys(clause for clause, _, _ in cases):
        run = ctx.run("needs_attention")
        for case in [each for each in bad_decisions(run.state, whole=ctx.whole) if each[0] == clause]:
            _post(ctx, run, case, look=False)
        told = not _judge_trace(ctx, clause, run, run.state) or told
    ctx.require("DEC-14", told, NO_TRACE, last.polled, expected=actions(parked))


def _judge_trace(ctx: StateDriver, clause: str, run: Run, parked: Any) -> bool:
    """Whether the patch of a run that was asked for something else is applied as on any other; recorded of a clause."""
    made = follow(ctx, run, parked, ctx.decide(run))
    found, usual = (each.changed(ctx) for each in (made, approve_patch(ctx)))
    kept = "; ".join(what for each, what in found.items() if each not in usual)
    if clause:
        ctx.require(clause, not kept, NO_TRACE, made.decided, run.polled, expected=actions(parked), got=kept)
    return not kept


def _ended(ctx: StateDriver, state: str) -> tuple[Run, str] | None:
    """A run that is over, and how."""
    try:
        return ctx.run(state, fresh=False), state
    except (Blocked, Skipped) as stopped:
        ctx.give_up(("DEC-23",), stopped)
        return None


def _decide_while_running(ctx: StateDriver, run: Run) -> None:
    for word in ("reject", "approve"):
        ctx.status("DEC-23", ctx.decide(run, word), 409, f"to {word} a run that is running is refused with 409")


def _decide_too_early(ctx: StateDriver) -> None:
    """Decide on a run before it parks: it parks all the same. One that is accepted may have met a run that was parked.

    Whether a decision waits for the parking is seen a little later than the parking itself.
    """
    run = ctx.begin_run("needs_attention")
    early = [ctx.decide(run, word) for word in ("reject", "approve")]
    skip_if(any(each.status != 409 for each in early), "the decision may have come when the run was parked already")
    ctx.until(run)
    ctx.wait()
    parked = at(ctx.poll(run).json, "status") == "needs_attention"
    requirement = "a refused decision leaves a run as it is: it parks as others do"
    shown = *early, run.polled
    if ctx.require("DEC-23", parked, requirement, *shown, expected="needs_attention", got=run.polled.text):
        ctx.remember(SPARE, run)


def _decide_after_the_end(ctx: StateDriver, run: Run, state: str) -> None:
    before, rows = ctx.poll(run), _rows(ctx, run, *list(run.company.sheets)[:1])
    for word in ("approve", "reject"):
        ctx.status("DEC-23", ctx.decide(run, word), 409, f"to {word} a run that is {state} is refused with 409")
    after, requirement = ctx.poll(run), f"a refused decision leaves a run that is {state} as it is"
    ctx.require("DEC-23", _unchanged(before.json, after), requirement, after, expected=before.text, got=after.text)
    requirement = f"a refused decision on a run that is {state} changes no row"
    ctx.require("DEC-23", _rows(ctx, run, *list(run.company.sheets)[:1]) == rows, requirement, after)


def _rows(ctx: StateDriver, run: Run, *sheets: str) -> list[Any]:
    """What is downloaded of these sheets of the run's company."""
    answers = [fetch(ctx, run.company.id, sheet, each) for sheet in sheets for each in ("valid", "all")]
    return [sorted(answer.content.splitlines()) for answer in answers]


def _unchanged(before: Any, answer: Answer) -> bool:
    """Whether a poll shows what an earlier one did, in all that is documented."""
    return is_same(before, answer) and documented(before) == documented(answer.json)


def _refuse(ctx: StateDriver, run: Run, *, every: bool) -> Run | None:
    """Post each of the bad decisions to the parked run; one that they moved is replaced. The run that is left, parked.

    The run and its rows are read after the last of them, and after every one where that was too late to say which of
    them moved it: then the first time gives None.
    """
    before, cases = _parked_rows(ctx, run), list(bad_decisions(run.state, whole=ctx.whole))
    for number in range(len(cases)):
        case, look = cases[number], every or number == len(cases) - 1
        answer, kept = _post(ctx, run, case, look=look)
        kept = kept and not (look and _parked_rows(ctx, run) != before)
        if not kept and not every:
            return None
        _record(ctx, run, case, answer, kept=kept)
        if not kept:
            run = ctx.run("needs_attention")
            before, cases = _parked_rows(ctx, run), list(bad_decisions(run.state, whole=ctx.whole))
    return run


def _parked_rows(ctx: StateDriver, run: Run) -> list[Any]:
    """What is downloaded of the sheets that a parking is about."""
    return _rows(ctx, run, *sorted({sheet for sheet, _ in columns_concerned(run.state)} & {*run.company.sheets}))


def refuse(ctx: StateDriver, run: Run, case: Case) -> bool:
    """Post a bad decision to the parked run; whether that left the run as it was."""
    answer, kept = _post(ctx, run, case, look=True)
    _record(ctx, run, case, answer, kept=kept)
    return kept


def _post(ctx: StateDriver, run: Run, case: Case, *, look: bool) -> tuple[Answer, bool]:
    """The answer, and whether the run is as it was; that is looked at where it was accepted, and else to `look`."""
    parked, body = run.state, case[2]
    sent = {"raw": body} if isinstance(body, bytes) else {"body": body}
    answer = ctx.client.call("decide", company_id=run.company.id, run_id=run.id, **sent)
    must_come(answer)
    if answer.status == 400 and not look:
        return answer, True
    return answer, _unchanged(parked, ctx.poll(run))


def _record(ctx: StateDriver, run: Run, case: Case, answer: Answer, *, kept: bool) -> None:
    clause, what, _ = case
    requirement = f"{what} is refused with 400, and the run stays parked with the same questions"
    got = f"{answer.status} {cut(answer.text, 200)}; the run is {'unchanged' if kept else plain(documented(run.state))}"
    ctx.require(clause, answer.status == 400 and kept, requirement, answer, run.polled, expected="400", got=got)


@check("DEC-21", needs=("needs_attention",))
def answers_to_a_reject_are_not_applied(ctx: StateDriver) -> None:
    """Reject a parked run with right answers to its questions, and approve it where that was refused."""
    run = parked_run(ctx)
    parked = run.state
    answers = by_turns(parked)
    skip_if(not answers, "the parked run asks no question with options")
    # The first option is likely to mend, which shows after a reject, and the last one to do otherwise than the patch.
    answer = ctx.decide(run, "reject", answers)
    must_come(answer)
    polled = ctx.poll(run)
    requirement = "answers that come with a reject are refused or ignored, never applied"
    if answer.ok:
        ctx.reads("OP-19", "answers with a reject are ignored")
        end = ctx.until(run)
        if ctx.require("DEC-21", at(end, "status") == "failed", requirement, answer, run.polled, got=documented(end)):
            _judge_rows(ctx, "DEC-21", run, parked)
        return
    ctx.reads("OP-19", f"answers with a reject are refused with {answer.status}")
    kept = _unchanged(parked, polled)
    holds = answer.status == 400 and kept
    got = f"{answer.status} {cut(answer.text, 200)}; then {plain(documented(polled.json))}"
    ctx.require("DEC-21", holds, requirement, answer, polled, expected="400 and no change, or a failed run", got=got)
    if kept and ctx.whole:
        with ctx.speaking_of("DEC-21"):
            _judge_trace(ctx, "DEC-21", run, parked)
    elif kept:
        ctx.remember(SPARE, run)


@check("DEC-31", "DEC-32", "DEC-33", "DEC-34", "DEC-35", needs=("needs_attention",))
def a_reject_ends_the_run(ctx: StateDriver) -> None:
    """Reject a parked run, look at what is left of it, import anew, and approve it after all."""
    judge_reject(ctx, parked_run(ctx))


def judge_reject(ctx: StateDriver, run: Run, *, rows: bool = True) -> None:
    """Reject the parked run, and look at what is left of it; at its `rows` where none of them was mended before."""
    parked = run.state
    answer = ctx.decide(run, "reject")
    ctx.status("DEC-31", answer, 200, "a reject of a parked run is answered with 200")
    must_succeed(answer, "the reject was refused")
    said, requirement = at(answer.json, "status"), "the answer to a reject says failed, or running"
    ctx.reads("OP-14", f"the answer says {said}")
    ctx.require("DEC-31", said in {"failed", "running"}, requirement, answer, got=said)
    end = ctx.until(run)
    requirement = "a run that was rejected ends failed"
    if not ctx.require("DEC-31", at(end, "status") == "failed", requirement, run.polled, got=documented(end)):
        raise Blocked("the rejected run did not end", [run.polled])
    ctx.reads("OP-17", "report is there" if at(end, "report") is not None else "no report")
    wanted, got = count(parked, "invalidCellCount"), count(end, "invalidCellCount")
    holds, requirement = got is not None and got == wanted, "after a reject the report of invalid cells is as it was"
    ctx.require("DEC-32", holds, requirement, run.polled, expected=wanted, got=documented(end))
    with ctx.speaking_of("DEC-33"):
        skip_if(not rows, "some rows were mended before")
        _judge_what_is_left(ctx, run, parked)
    with ctx.speaking_of("DEC-34"):
        _judge_company(ctx, run)
    if not rows:
        ctx.advance(HOUR)
    report = documented(at(ctx.poll(run).json, "report"))
    kept, requirement = report == documented(at(end, "report")), "the report of a rejected run stays after a new import"
    ctx.require("DEC-32", kept, requirement, run.polled, expected=at(end, "report"), got=report)
    _judge_finality(ctx, run, end)


def _judge_what_is_left(ctx: StateDriver, run: Run, parked: Any) -> None:
    """Whether the right rows of the rejected run are there, and stay when it is approved after all."""
    _judge_rows(ctx, "DEC-33", run, parked)
    sheet = sheet_of(parked)
    before = _rows(ctx, run, sheet)
    _judge_workbook(ctx, run, sheet)
    later = ctx.decide(run)
    same, requirement = _rows(ctx, run, sheet) == before, "an approval that comes too late changes no row"
    ctx.require("DEC-35", same, requirement, later)


def _judge_finality(ctx: StateDriver, run: Run, end: Any) -> None:
    """Whether the run that was rejected takes no decision any more."""
    for word in ("approve", "reject"):
        later = ctx.decide(run, word)
        ctx.status("DEC-35", later, 409, f"to {word} a run that was rejected is refused with 409")
    kept, requirement = _unchanged(end, ctx.poll(run)), "a run that was rejected stays as it is"
    ctx.require("DEC-35", kept, requirement, later, run.polled, expected=documented(end), got=documented(run.state))


def _judge_rows(ctx: StateDriver, clause: str, run: Run, parked: Any) -> None:
    answer = fetch(ctx, run.company.id, sheet_of(parked), "valid")
    if not ctx.status(clause, answer, 200, "after a reject the right rows can be downloaded"):
        return
    rows = submitted_rows(ctx, run, parked)
    skip_if(rows.unsure or not rows.agrees(parked), "which of the rows that were sent are right is open")
    names = [column.name for column in rows.given]
    repeated = {row for (row, _), rule in rows.failing.items() if rule == "unique"}
    first_too = repeated and len(rows.flagged) != count(parked, "invalidCellCount")
    skip_if(first_too, "the target flags the first of equal rows, too")
    right = [cells for number, cells in enumerate(rows.rows) if number not in rows.flagged]
    wanted = Counter(rows.line(cells, names) for cells in right)
    lines = read(answer)
    got = Counter(rows.line(record, names) for record in lines.records)
    requirement = "after a reject the right rows that were sent, and they alone, are downloaded as valid"
    ctx.require(clause, got == wanted, requirement, lines.answer, expected=sorted(wanted), got=sorted(got))


def _judge_workbook(ctx: StateDriver, run: Run, sheet: str) -> None:
    """Whether the right rows of a rejected run are in its company's workbook as they are in the sheet."""
    lines, answer = read(fetch(ctx, run.company.id, sheet, "valid")), fetch(ctx, run.company.id, None, "valid")
    if answer.ok:  # CSV-02: it may not have been built yet
        holds, requirement = (
            lines.as_file in files_in(answer.content),
            "after a reject the right rows are in the workbook, too",
        )
        ctx.require("DEC-33", holds, requirement, answer, lines.answer, expected=f"{len(lines.rows)} rows")


def _judge_company(ctx: StateDriver, run: Run) -> None:
    active = ctx.active(run.company)
    requirement = "after a reject the active look-up gives no run"
    ctx.require("DEC-34", is_idle(active), requirement, active, expected='{"run": null}', got=cut(active.text, 300))
    started = ctx.start(run.company, run.body if run.body is not None else ctx.body("completed"))
    ctx.status("DEC-34", started, 2, "after a reject a new import of the company is accepted")
