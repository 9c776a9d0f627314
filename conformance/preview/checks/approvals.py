"""What an approval does (DEC-01 to DEC-13, DEC-24, DEC-25, DEC-27, DEC-36).

The effect on the rows is judged on the download, against the rows that were sent and the patch that the poll showed.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from conformance.engine.context import block_if, must_succeed, skip_if
from conformance.preview import decision_runs as trials
from conformance.preview.account import both
from conformance.preview.applied_patch import evidence, judge_effects
from conformance.preview.bodies import (
    actions,
    at,
    columns_concerned,
    count,
    documented,
    is_same,
    listed,
    questions,
    status_of,
)
from conformance.preview.checks import Answer, Blocked, Run, Skipped, StateDriver, check
from conformance.preview.checks.runs import TIMED_OUT
from conformance.preview.patch_effects import DROPS, differences, predict
from conformance.preview.submitted_rows import SubmittedRows, sheet_of, submitted_rows

AT_ONCE = 16


@check(
    *("DEC-01", "DEC-02", "DEC-03", "DEC-04", "DEC-05", "DEC-06", "DEC-07", "DEC-08"),
    *("DEC-24", "DEC-27", "DEC-36", "ACT-06"),
    needs=("needs_attention",),
)
def an_approval_applies_the_proposed_patch(ctx: StateDriver) -> None:
    """Approve a parked run without answers, decide once more; download the rows, and read another company's run."""
    other = ctx.run("needs_attention", fresh=False)
    others, theirs = documented(ctx.poll(other).json), None
    with suppress(Blocked, Skipped):
        theirs = _rows_of(ctx, other, others)
    run = trials.parked_run(ctx)
    parked = run.state
    unsettled = trials.may_park_again(ctx, run, parked)
    with suppress(Blocked, Skipped):
        _rows_of(ctx, run, parked)  # so that one who remembers a download, or a look-up, shows it
    ctx.active(run.company)
    first = ctx.decide(run)
    ctx.status("DEC-01", first, 200, "an approval of a parked run is answered with 200")
    must_succeed(first, "the approval was refused")
    _judge_acceptance(ctx, run, parked, first, unsettled=unsettled)
    _decide_once_more(ctx, run, parked, unsettled=unsettled)
    made = trials.follow(ctx, run, parked, first)
    ctx.remember("trial of the patch", made)
    judge_effects(ctx, made)
    with ctx.speaking_of("DEC-24"):
        _judge_finality(ctx, made)
    with ctx.speaking_of("DEC-36"):
        _judge_other(ctx, other, others, "an approval", first)
        skip_if(theirs is None, "what the other company has cannot be downloaded")
        requirement = "an approval changes no row of another company"
        ctx.require("DEC-36", _rows_of(ctx, other, others) == theirs, requirement, first, other.polled)


def _decide_once_more(ctx: StateDriver, run: Run, parked: Any, *, unsettled: bool) -> None:
    """Whether a parking that was approved just now takes no further decision (DEC-24)."""
    for word, answers in _further(parked, unsettled=unsettled):
        second = ctx.decide(run, word, answers)
        with ctx.speaking_of("DEC-24"):
            again = second.ok and unsettled
            skip_if(again, "after its approval the run may have parked again, so that the second one is allowed")
            ctx.status("DEC-24", second, 409, f"to {word} a parking that was decided before is refused with 409")
        block_if(second.ok and word == "reject", "blocked by DEC-24: what was approved was rejected afterwards", second)


def _judge_other(ctx: StateDriver, other: Run, before: Any, what: str, decided: Answer) -> None:
    """Whether the parked run of another company is as it was; it may have timed out meanwhile (DEC-36)."""
    now = documented(ctx.poll(other).json)
    skip_if(at(now, "error") == TIMED_OUT, "the parked run of the other company timed out meanwhile (OP-11)")
    requirement = f"{what} leaves the parked run of another company as it is"
    ctx.require("DEC-36", now == before, requirement, decided, other.polled, expected=before, got=now)


@check("DEC-10", "DEC-11", "DEC-13", needs=("needs_attention",))
def an_answer_by_option_goes_before_the_patch(ctx: StateDriver) -> None:
    """Approve parked runs with an option of one question each, and set what becomes of the rows beside the patch's."""
    first = trials.approve_option(ctx, 0)
    question = trials.with_options(first.parked)
    whole = first.decided if first.decided.ok else _answer_all(ctx, first, [])
    ctx.status("DEC-11", whole, 2, "an answer by option_id is accepted")
    with ctx.speaking_of("DEC-13"):
        alone = len(questions(first.parked)) < 2
        skip_if(alone, "the parked run asks a single question, so that none can be left unanswered")
        must_succeed(whole, "answers by option_id are refused altogether")
        ctx.status("DEC-13", first.decided, 2, "an approval may leave questions unanswered")
    must_succeed(first.decided, "the answer was refused")
    with ctx.speaking_of("DEC-10"):
        skip_if(len(question["options"]) < 2, "the parked run's last question has a single option")
        followed = _shows_effect(ctx, question)
        if followed is None:
            raise Skipped("no option shows its effect: the run parks again, or drops the rows for another reason")
        broken = [] if followed else _broken_clauses(ctx)
        block_if(broken, f"blocked by {', '.join(broken)}: the patch has another effect than it says", whole)
        requirement = "of several options to one question at least one does something else to its rows than the patch"
        usual = trials.approve_patch(ctx).outcome
        ctx.require("DEC-10", followed, requirement, first.decided, first.run.polled, got=usual)


@check("DEC-10", needs=("needs_attention",), whole=True)
def each_question_has_its_own_answer(ctx: StateDriver) -> None:
    """Answer all questions by one option after another, and set what becomes of each one's rows beside the patch's."""
    usual = trials.approve_patch(ctx)
    rows = submitted_rows(ctx, usual.run, usual.parked)
    open_ = usual.all is None or not rows.agrees(usual.parked)
    skip_if(open_, "what the patch makes of the rows is not for the suite to say")
    waiting = _groups_asked(rows, usual.parked)
    skip_if(not waiting, "no question has several options and rows of its own")
    for place in range(trials.MOST_OPTIONS):
        if waiting:
            made = trials.approve_option(ctx, place, throughout=True)
            must_succeed(made.decided, "answers by option to all questions are refused")
            skip_if(made.all is None, f"after answers by option to all questions the run is {status_of(made.end)}")
            fates = [[each.fate(rows, key[0], own) for key, own in waiting.items()] for each in (made, usual)]
            waiting = {key: waiting[key] for key, ours, theirs in zip(waiting, *fates, strict=True) if ours == theirs}
    requirement = "to each question at least one option does something else to its rows than the patch"
    got = "none of those to the question about " + " and ".join(name for name, _ in waiting) if waiting else ""
    ctx.require("DEC-10", not waiting, requirement, made.decided, *evidence(made), got=got)


def _groups_asked(rows: SubmittedRows, parked: Any) -> dict[tuple[str, str], set[int]]:
    """By column and rule, the rows of a question with options that have no other wrong cell, where these are certain.

    The options to repeated values are three at least: to keep the first one is to remove the others.
    """
    found = {}
    for question in questions(parked):
        target, options = question.get("target"), len(listed(question, "options"))
        name, samples = str(at(target, "column")), at(target, "sample_values")
        texts = {str(each).strip() for each in samples} if isinstance(samples, list) else set()
        rules = {rule for (row, each), rule in rows.failing.items() if each == name and rows.rows[row][each] in texts}
        group = {row for (row, each), rule in rows.failing.items() if each == name and rule in rules}
        if len(rules) == 1 and at(target, "affected_count") == len(group):
            own = {row for row in group if sum(each == row for each, _ in rows.failing) == 1}
            if own and trials.MOST_OPTIONS >= options >= (3 if "unique" in rules else 2):
                found[name, rules.pop()] = own
    return found


@check("DEC-10", "DEC-12", "DEC-36", needs=("needs_attention",))
def an_answer_by_text_goes_before_the_patch(ctx: StateDriver) -> None:
    """Approve a parked run with a text, a right value of the column where the rows that were sent hold one."""
    like = ctx.run("needs_attention", fresh=False)
    before = documented(like.state)

    def answers(parked: Any) -> trials.Answers:
        question, _, text = _text(ctx, like, parked)
        return [{"question_id": question["id"], "custom": text}]

    made = trials.decision_run(ctx, "of a text", answers)
    _, column, text = _text(ctx, like, made.parked)
    whole = made.decided if made.decided.ok else _answer_all(ctx, made, answers(made.parked))
    ctx.status("DEC-12", whole, 2, "an answer by text is accepted where allowed")
    must_succeed(made.decided, "the answer was refused")
    with ctx.speaking_of("DEC-36"):
        _judge_other(ctx, like, before, "an answer", made.decided)
        if ctx.whole:
            _judge_unlearned(ctx, like, made.decided)
    with ctx.speaking_of("DEC-10"):
        _judge_text(ctx, made, column, text)


def _judge_text(ctx: StateDriver, made: trials.DecisionRun, column: str, text: str) -> None:
    """Whether the question that was answered by a text, a right one in its column, follows it (DEC-10)."""
    chosen = {"column": column, "text": text}
    if ctx.target.strict and column and at(made.end, "status") == "needs_attention":
        again = column in {each for _, each in columns_concerned(made.end)}
        requirement = "a question that was answered with a right value is not asked again"
        ctx.require("DEC-10", not again, requirement, made.decided, made.run.polled, expected=chosen, got=made.end)
    rows = submitted_rows(ctx, made.run, made.parked)
    value = {"column": column, "action": "set_value", "value": text}
    acts = actions(made.parked)
    set_to = [{"sheet_id": each.get("sheet_id")} | value if each.get("column") == column else each for each in acts]
    several = sum(each.get("column") == column for each in acts) > 1
    skip_if(several, "the column has several groups of wrong cells, and which of them the text is for is open")
    if set_to == acts or made.all is None or not rows.agrees(made.parked):
        raise Skipped("what becomes of the text is not for the suite to say")
    ours, theirs = ([*differences(predict(rows, each), made.all.records)] for each in (set_to, acts))
    skip_if(ours and theirs, "the target takes the text for something else than a value")
    requirement = "a question that was answered follows its answer and not the patch"
    ctx.require("DEC-10", not ours, requirement, made.decided, made.all.answer, expected=chosen, got=theirs)


@check("DEC-25", needs=("needs_attention",))
def of_concurrent_decisions_one_wins(ctx: StateDriver) -> None:
    """Post approvals, rejections and approvals with answers to a parked run, all at the same moment."""
    run = trials.parked_run(ctx)
    unsettled = trials.may_park_again(ctx, run, run.state)
    kinds = _further(run.state, unsettled=False)
    posted = [kinds[number % len(kinds)] for number in range(AT_ONCE - 1)] + kinds[-1:]
    told = ctx.client.concurrently([partial(ctx.decide, run, word, answers) for word, answers in posted])
    silent = [each for each in told if each.status is None]
    block_if(silent, f"no answer: {silent[0].problem if silent else ''}", *silent[:2])
    won = [kind for kind, each in zip(posted, told, strict=True) if each.ok]
    rejected = [word for word, _ in won].count("reject")
    again = len(won) > 1 and unsettled and rejected < 2
    skip_if(again, "the run may have parked again in between, so that a further decision is allowed")
    statuses = sorted(each.status or 0 for each in told)
    lost = sum(each in ((400, 409) if unsettled else (409,)) for each in statuses)  # 400: of a question that is gone
    holds = len(won) == 1 and lost == AT_ONCE - 1
    requirement = "of concurrent decisions one is answered with 200 and the others with 409"
    got = ", ".join(map(str, statuses))
    ctx.require("DEC-25", holds, requirement, *told[:4], expected="one 200, fifteen 409", got=got)
    if holds:
        _judge_winner(ctx, trials.follow(ctx, run, run.state, next(each for each in told if each.ok)), *won[0])


def _judge_winner(ctx: StateDriver, made: trials.DecisionRun, word: str, answers: trials.Answers | None) -> None:
    """Whether of several decisions the one that was accepted had its effect, and no other had one."""
    end, failed = made.end, at(made.end, "status") == "failed"
    usual = trials.approve_patch(ctx)
    counts = failed if word == "reject" else not failed or at(usual.end, "status") == "failed"
    requirement = "the decision that was accepted is the one that counts"
    expected = f"the effect of {word}{' with answers' if answers else ''}"
    ctx.require("DEC-25", counts, requirement, made.run.polled, expected=expected, got=documented(end))
    with ctx.speaking_of("DEC-25"):
        skip_if(failed, "a reject was accepted, which changes no row")
        if answers:
            like = trials.approve_option(ctx, 0, throughout=True)
            same = made.outcome[:3] == like.outcome[:3]
            ctx.require("DEC-25", same, requirement, made.run.polled, expected=expected, got=documented(end))
            return
        found = made.changed(ctx)
        known = usual.changed(ctx)
        twice = "; ".join(what for clause, what in found.items() if clause not in known)
        ctx.none("DEC-25", twice, "of concurrent decisions one has its effect, and once", *evidence(made))


def _further(parked: Any, *, unsettled: bool) -> list[tuple[str, trials.Answers | None]]:
    """Decisions on a parking that was approved as proposed: the same again, one with answers, and a reject."""
    if unsettled:
        return [("approve", None)]
    asked = [each for each in questions(parked) if listed(each, "options")]
    answers = [trials.chosen(each, -1) for each in asked]
    return [("approve", None), *([("approve", answers)] if answers else []), ("reject", None)]


def _judge_finality(ctx: StateDriver, made: trials.DecisionRun) -> None:
    """Whether a run that an approval completed takes no decision any more, and keeps its rows (DEC-24)."""
    skip_if(made.all is None, "the run did not complete")
    for word, answers in _further(made.parked, unsettled=False):
        requirement = f"to {word} a parking whose approval completed the run is refused with 409"
        ctx.status("DEC-24", ctx.decide(made.run, word, answers), 409, requirement)
    polled = ctx.poll(made.run)
    same = documented(polled.json) == documented(made.end)
    requirement = "a refused decision leaves a completed run as it is"
    ctx.require("DEC-24", same, requirement, polled, expected=documented(made.end), got=documented(polled.json))
    rows, before = _rows_of(ctx, made.run, made.parked), [sorted(each.rows) for each in (made.all, made.valid) if each]
    ctx.equal("DEC-24", rows, before, "a refused decision changes no row", polled)


def _rows_of(ctx: StateDriver, run: Run, body: Any) -> list[Any]:
    """The rows of the one sheet that the run is about, as `body` says, in both downloads."""
    return [sorted(each.rows) for each in both(ctx, run.company.id, sheet_of(body))]


def _judge_acceptance(ctx: StateDriver, run: Run, parked: Any, answer: Answer, *, unsettled: bool) -> None:
    """Whether the answer to an approval names the run, and its poll_url leads there (DEC-02 to DEC-04)."""
    path, url = f"/companies/{run.company.id}/imports/{run.id}", at(answer.json, "poll_url")
    here = isinstance(url, str) and url.startswith("/") and urlsplit(url).path.endswith(path)
    holds = at(answer.json, "run_id") == run.id and at(answer.json, "status") == "running" and here
    requirement = "the answer has the run's id, the status running, and the run's path as poll_url"
    ctx.require("DEC-02", holds, requirement, answer, expected=f"{run.id}, running, …{path}", got=answer.text)
    polled = ctx.client.get(url) if here else ctx.poll(run)
    named = at(polled.json, "run_id")
    kept = at(answer.json, "run_id") in {None, run.id} and named in {None, run.id}
    got = f"{at(answer.json, 'run_id') or 'nothing'}; then {polled.status} of {named or run.id}"
    ctx.require("DEC-04", kept, "an approved run keeps its id", answer, polled, expected=run.id, got=got)
    with ctx.speaking_of("DEC-03"):
        block_if(not here, "blocked by DEC-02: the poll_url is not the run's", answer)
        if not ctx.status("DEC-03", polled, 2, "the poll_url of the decision can be read"):
            return
        left = not is_same(parked, polled)
        skip_if(not left and unsettled, "after its approval the run may have parked again, just as before")
        ctx.require("DEC-03", left, "the parking that was decided is no longer shown", polled, got=polled.text)
        found = ctx.active(run.company)
        gone = not (left and found.ok and at(found.json, "status") == "needs_attention" and is_same(parked, found))
        requirement = "the look-up does not give the parking that was decided"
        ctx.require("ACT-06", gone or unsettled, requirement, polled, found, expected=polled.text, got=found.text)


def _broken_clauses(ctx: StateDriver) -> list[str]:
    try:
        return sorted(trials.approve_patch(ctx).changed(ctx))
    except Skipped:
        return []


def _shows_effect(ctx: StateDriver, question: Any) -> bool | None:
    """Whether an option makes something else of the question's rows than the patch; None when no trial shows that."""
    found = None
    for place in range(min(trials.MOST_OPTIONS, len(question["options"]))):
        other = _differs(trials.approve_option(ctx, place), trials.approve_patch(ctx), question, ctx)
        if other:
            return True
        found = other if found is None else found
    return found


def _differs(made: trials.DecisionRun, like: trials.DecisionRun, question: Any, ctx: StateDriver) -> bool | None:
    """Whether the rows that the question is about came out otherwise; all rows where it is open which these are."""
    target = question.get("target")
    if made.all is None:
        still = (at(target, "sheet_id"), at(target, "column")) in columns_concerned(made.end)
        return True if still else None  # with the question gone it may wait for what was left unanswered, OP-13
    if like.all is None:
        return True
    column = str(at(target, "column"))
    dropping = {each.get("column") for each in actions(made.parked) if each.get("action") in DROPS}
    try:
        rows = submitted_rows(ctx, made.run, made.parked)
    except Skipped:
        rows = None
    if rows is None or rows.column(column) is None or rows.doubtful(column) or not rows.agrees(made.parked):
        return made.outcome != like.outcome or (None if dropping else False)
    mine = {row for row, name in rows.failing if name == column}
    if mine and all(any((row, name) in rows.failing for name in dropping - {column}) for row in mine):
        return None  # whatever the answer, the patch drops these rows for what is wrong elsewhere in them
    if made.fate(rows, column) != like.fate(rows, column):
        return True
    rules = {rows.failing[row, column] for row in mine}
    some = len(rules) > 1 or at(target, "affected_count") != len(mine)  # OP-32: it is about a part of these rows
    return None if some or "unique" in rules else False  # to keep the first of equal rows is to remove the others


def _answer_all(ctx: StateDriver, refused: trials.DecisionRun, given: trials.Answers) -> Answer:
    """Answer every question, by its last option where nothing is given, on a run that refused a part of that."""
    named = [each["question_id"] for each in given]
    asked = [each for each in questions(refused.parked) if listed(each, "options") and each.get("id") not in named]
    return ctx.decide(refused.run, "approve", [*given, *(trials.chosen(each, -1) for each in asked)])


def _judge_unlearned(ctx: StateDriver, like: Run, decided: Answer) -> None:
    """Whether as many of the same rows are flagged in one more company after an answer as before."""
    run = trials.parked_run(ctx)
    before, now = (count(each.state, "invalidCellCount") or 0 for each in (like, run))
    alike = run.body is not None and run.body == like.body and run.company.provisioned and like.company.provisioned
    skip_if(not alike, "the parked runs are not of the same rows alone")
    requirement = "rows that were flagged before an answer in another company are flagged after it, too"
    ctx.require("DEC-36", now >= before, requirement, like.polled, decided, run.polled, expected=before, got=now)
    if ctx.shared is not None:
        ctx.shared[trials.SPARE] = run


def _text(ctx: StateDriver, like: Run, parked: Any) -> tuple[dict[str, Any], str, str]:
    """A question that takes free text, a text for it, and the column in which that is a right value ("" for none)."""
    asked = [each for each in questions(parked) if each.get("allow_custom") is True and isinstance(each.get("id"), str)]
    skip_if(not asked, "no question of the parked run takes free text")
    try:
        rows = submitted_rows(ctx, like, like.state)
    except Skipped:
        return asked[0], "", "Leave these values as they are"
    proposed = {each.get("value") for each in actions(parked)}
    for question in asked:
        column = rows.column(at(question, "target", "column"))
        if column is not None and column.rule == "strict" and not column.unique:
            right = [each for each in trials.right_texts(rows, column) if each not in proposed]
            if right:
                return question, column.name, right[0]
    return asked[0], "", "Leave these values as they are"
