"""What a parked run asks and proposes (QUE, PATCH).

A run is only looked at here. Wrong values are looked for in the rows that were sent, the rest in the answer itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from conformance.engine.context import must_come, skip_if
from conformance.model.plain import plain
from conformance.preview.account import both
from conformance.preview.bodies import TERMINAL, actions, at, count, documented, ids, listed, questions
from conformance.preview.checks import Blocked, Run, Skipped, StateDriver, check
from conformance.preview.checks.runs import HOUR
from conformance.preview.decision_runs import parked_again, rows_of_parking, with_action
from conformance.preview.submitted_rows import (
    UNSURE,
    Column,
    SubmittedRows,
    columns_of,
    sheet_of,
)
from mock_server.contract.nearest import counted

LOOKS = 3


@check(
    *("QUE-01", "QUE-02", "QUE-04", "QUE-06", "QUE-08", "QUE-09", "QUE-10"),
    needs=("needs_attention", "needs_attention_again"),
)
def a_parked_run_asks_questions_that_can_be_answered(ctx: StateDriver) -> None:
    """Read a parked run, and one that has parked for the second time, and look at each of their questions."""
    for run in _parkings(ctx):
        judge_questions(ctx, run)


def judge_questions(ctx: StateDriver, run: Run) -> None:
    """Whether each of the questions has what it must have, and counts what it can count."""
    asked = _questions(run)
    ctx.shaped(run.polled, "QUE-01", "QUE-04", "QUE-09", "QUE-10")
    repeated = [each for each, times in Counter(ids(asked)).items() if times > 1]
    _say(ctx, run, "QUE-02", "no two questions of one parking have the same id", repeated)
    _say(ctx, run, "QUE-06", "affected_count counts rows, from 1 to invalidCellCount", _wrong_counts(run.state))
    lacking = [_about(each) for each in asked if at(each, "target", "column") not in (None, *_relevant_columns(each))]
    _say(ctx, run, "QUE-08", "relevant_columns includes the target's column", lacking)
    named = [(each, ids(listed(each, "options"))) for each in asked]
    alike = [_about(each) for each, options in named if len(set(options)) < len(options)]
    if any(options for _, options in named):
        _say(ctx, run, "QUE-09", "options have ids of their own", alike)
    mute = [_about(each) for each in asked if not each.get("options") and each.get("allow_custom") is not True]
    _say(ctx, run, "QUE-10", "a question has an option or takes free text", mute)


@check("QUE-05", needs=("needs_attention", "needs_attention_again"))
def a_question_is_about_a_column_of_the_company(ctx: StateDriver) -> None:
    """Read a parked run, and one that has parked for the second time, and look up what their questions are about."""
    for run in _parkings(ctx):
        targets = [each["target"] for each in _questions(run) if at(each, "target", "column") is not None]
        strange = [_place(each) for each in targets if not _is_known(ctx, run, each)]
        _say(ctx, run, "QUE-05", "a question's target is a sheet of the company and a column of its template", strange)


@check("QUE-06", "QUE-07", needs=("needs_attention", "needs_attention_again"))
def samples_are_wrong_values_that_were_sent(ctx: StateDriver) -> None:
    """Read a parked run, and one that has parked for the second time, and look for their samples among the rows."""
    for run in _parkings(ctx):
        with ctx.speaking_of("QUE-06", "QUE-07"):
            judge_samples(ctx, run, rows_of_parking(ctx, run))


def judge_samples(ctx: StateDriver, run: Run, rows: SubmittedRows) -> None:
    """Whether samples and counts are of the rows that the parking is about."""
    wrong, many = [], []
    for question in _questions(run):
        target = question.get("target")
        column, samples = rows.column(at(target, "column")), at(target, "sample_values")
        if column is None or not isinstance(samples, list):
            continue
        there = _offending(rows, column)
        wrong += [
            f"{column.name}: {each}" for each in samples if str("" if each is None else each).strip() not in there
        ]
        affected = at(target, "affected_count")
        if isinstance(affected, int) and 0 < affected < len({str(each) for each in samples}):
            many.append(f"{column.name}: {', '.join(map(str, samples))} of {counted(affected, 'row')}")
    _say(ctx, run, "QUE-07", "sample values are wrong values of the column that really occur", wrong)
    _say(ctx, run, "QUE-07", "there are no more distinct sample values than rows", many)
    requirement = "affected_count is no more than the rows whose column breaks a rule"
    _say(ctx, run, "QUE-06", requirement, _excess_counts(rows, run.state))
    if rows.agrees(run.state):
        requirement = "where all that is wrong in a column is asked about, each wrong row is counted"
        _say(ctx, run, "QUE-06", requirement, _short_counts(rows, run.state))


@check(
    *("PATCH-01", "PATCH-02", "PATCH-03", "PATCH-04", "PATCH-05"),
    needs=("needs_attention", "needs_attention_again"),
)
def the_patch_says_what_it_does(ctx: StateDriver) -> None:
    """Read a parked run, and one that has parked for the second time, and look at each action that is proposed."""
    for run in _parkings(ctx):
        judge_patch(ctx, run)


def judge_patch(ctx: StateDriver, run: Run) -> None:
    """Whether each of the actions has what it must have."""
    ctx.shaped(run.polled, "PATCH-01", "PATCH-02")
    with ctx.speaking_of("PATCH-02"):
        skip_if(not actions(run.state), "the patch proposes no action")
        strange = [_place(each) for each in actions(run.state) if not _is_known(ctx, run, each)]
        _say(ctx, run, "PATCH-02", "an action is for a sheet of the company and a column of its template", strange)
    with ctx.speaking_of("PATCH-03", "PATCH-04"):
        sets = with_action(run.state, "set_value")
        ctx.shaped(run.polled, "PATCH-03")
        with ctx.speaking_of("PATCH-04"):
            emptied = [_place(each) for each in sets if each.get("value") == "" and _is_required(ctx, run, each)]
            _say(ctx, run, "PATCH-04", "set_value empties no required column", emptied)
    with ctx.speaking_of("PATCH-05"):
        keys = [each | {"column": each.get("key_column")} for each in with_action(run.state, "dedup_keep_first")]
        ctx.shaped(run.polled, "PATCH-05")
        strange = [_place(each) for each in keys if each["column"] and not _is_known(ctx, run, each)]
        _say(ctx, run, "PATCH-05", "a key_column is a column of the sheet's template", strange)


@check("PATCH-06", needs=("needs_attention", "needs_attention_again"))
def the_patch_has_one_action_for_each_flagged_group(ctx: StateDriver) -> None:
    """Read a parked run, and one that has parked for the second time; set actions beside questions and wrong cells."""
    for run in _parkings(ctx):
        judge_groups(ctx, run)


def judge_groups(ctx: StateDriver, run: Run) -> None:
    """Whether there is an action for all that is wrong, and none besides."""
    if not isinstance(at(run.state, "needs_attention", "proposed_patch", "actions"), list):
        raise Blocked("blocked by PATCH-01: the patch has no array of actions", [run.polled])
    places = Counter((each.get("sheet_id"), each.get("column")) for each in actions(run.state))
    sheet = sheet_of(run.state)
    names = {column.name for column in columns_of(ctx, run.company, sheet)}
    asked = {(at(each, "target", "sheet_id"), at(each, "target", "column")) for each in questions(run.state)}
    mute = [each for each in asked if each[1] in names and not places[each]]
    _say(ctx, run, "PATCH-06", "what a question is about has an action", mute)
    rules: dict[str, int] = {}
    with ctx.speaking_of("PATCH-06"):
        rows = rows_of_parking(ctx, run)
        skip_if(not rows.agrees(run.state), "the target flags other rows than the published rules do")
        rules = _wrong_texts(rows)
        unmended = [name for name, number in rules.items() if number and not places[sheet, name]]
        unmended += _only_deduplicated(rows, run.state)
        _say(ctx, run, "PATCH-06", "each column with wrong cells has an action for them", unmended)
    # OP-32: a group may be all that breaks one rule in a column, or all that has one wrong text there.
    many = [f"{times} for {name}" for (_, name), times in places.items() if times > rules.get(str(name), times)]
    _say(ctx, run, "PATCH-06", "a column has no more actions than wrong texts", many)


@check("QUE-03", "PATCH-10", needs=("needs_attention", "needs_attention_again"))
def nothing_changes_while_a_run_is_parked(ctx: StateDriver) -> None:
    """Poll runs that have parked, once and twice, again and again; download their sheets before and after."""
    for run in _parkings(ctx):
        first, before = documented(run.state), _downloads(ctx, run)
        seen = []
        for look in range(LOOKS):
            if look < LOOKS - 1 or not ctx.whole or not ctx.advance(HOUR // 2):
                ctx.wait()
            seen.append(documented(ctx.poll(run).json))
            must_come(run.polled)
        seen = [each for each in seen if at(each, "status") not in TERMINAL]  # OP-11, OP-16: it may have ended
        others = [questions(each) for each in seen if questions(each) != questions(first)]
        _say(ctx, run, "QUE-03", "the questions of one parking stay the same", others[:1])
        reports = [each for each in seen if _rest(each) != _rest(first)]
        _say(ctx, run, "PATCH-10", "what is reported and proposed of a parked run stays the same", reports[:1])
        with ctx.speaking_of("PATCH-10"):
            skip_if(at(run.state, "status") in TERMINAL, "the run ended without a decision (OP-11, OP-16)")
            ctx.equal("PATCH-10", _downloads(ctx, run), before, "the rows of a parked run stay the same")


def _questions(run: Run) -> list[dict[str, Any]]:
    """The questions of the run; a patch may go without any (PATCH-07), and then nothing can be said of them."""
    if not isinstance(at(run.state, "needs_attention", "questions"), list):
        raise Blocked("the parked run shows no array of questions", [run.polled])
    asked = questions(run.state)
    skip_if(not asked, "the parked run asks no question; send rows that it asks about")
    return asked


def _parkings(ctx: StateDriver) -> Iterator[Run]:
    """A parked run, and one that has parked for the second time where the target file says how."""
    yield ctx.run("needs_attention", fresh=False)
    if ctx.whole:
        with suppress(Blocked, Skipped):  # where that way leads is for DEC-28
            yield parked_again(ctx, fresh=False)


def _about(question: dict[str, Any]) -> str:
    return f"{question.get('id') or 'a question'} about {at(question, 'target', 'column') or 'no column'}"


def _place(target: Any) -> str:
    return f"{plain(at(target, 'column'))} of the sheet {plain(at(target, 'sheet_id'))}"


def _say(ctx: StateDriver, run: Run, clause: str, requirement: str, wrong: Iterable[Any]) -> None:
    found = list(wrong)
    ctx.require(clause, not found, requirement, run.polled, got=f"otherwise: {plain(found)}" if found else "")


def _wrong_counts(body: Any) -> list[str]:
    """Which counts cannot be: out of their range, or together fewer than the flagged rows they must cover."""
    most, total, found = count(body, "invalidCellCount"), 0, list[str]()
    for question in questions(body):
        affected = at(question, "target", "affected_count")
        if not isinstance(affected, int):
            return found  # null: OP-28; of another type: QUE-04
        if affected < 1 or (most is not None and affected > most):
            found.append(f"{at(question, 'target', 'column') or 'no column'}: {affected} of {most}")
        else:
            total += affected
    asked = Counter(at(each, "target", "column") for each in questions(body))
    acts = Counter(each.get("column") for each in actions(body))
    if most is not None and acts and acts <= asked and total < most and not found:
        found.append(f"{counted(total, 'row')} in all, though {most} are flagged and every group is asked about")
    return found


def _relevant_columns(question: dict[str, Any]) -> Any:
    """The relevant columns; null stands for whatever the question is about (OP-28), and no list is for QUE-01."""
    there = question.get("relevant_columns")
    return there if isinstance(there, list) else [at(question, "target", "column")]


def _is_known(ctx: StateDriver, run: Run, target: Any) -> bool:
    skip_if(not run.company.sheets, "the sheets of a company are known when the suite provisioned it")
    sheet = at(target, "sheet_id")
    columns = columns_of(ctx, run.company, sheet) if sheet in run.company.sheets else ()
    return at(target, "column") in [column.name for column in columns]


def _offending(rows: SubmittedRows, column: Column) -> dict[str, int]:
    """The texts that were sent in the column and may be wrong there, and how many rows have each."""
    held = Counter(row[column.name].strip() for row in rows.rows)
    unsure = {rows.rows[number][name].strip() for number, name in rows.unsure if name == column.name}
    by_themselves = {"required", "strict", UNSURE}
    return {
        text: times
        for text, times in held.items()
        if column.rule in {"ai", "link"}
        or column.offence(text) in by_themselves
        or (column.unique and times > 1)
        or text in unsure
    }


def _excess_counts(rows: SubmittedRows, body: Any) -> list[str]:
    """Columns whose questions count more rows than have a cell there that breaks a rule (OP-38: all that repeat)."""
    found, totals = [], Counter[str]()
    for question in questions(body):
        affected = at(question, "target", "affected_count")
        totals[str(at(question, "target", "column"))] += affected if isinstance(affected, int) else 0
    for name, total in totals.items():
        column = rows.column(name)
        if column is None or column.rule == "ai" or rows.doubtful(name):
            continue
        wrong = sum(_offending(rows, column).values())
        if total > wrong:
            found.append(f"{name}: {total}, though the download shows {counted(wrong, 'wrong row')} there")
    return found


def _short_counts(rows: SubmittedRows, body: Any) -> list[str]:
    """Columns of which each group is asked about, and whose questions count fewer rows than break a rule there."""
    found, totals = [], Counter[str]()
    asked = Counter(str(at(each, "target", "column")) for each in questions(body))
    acts = Counter(str(each.get("column")) for each in actions(body))
    for question in questions(body):
        affected = at(question, "target", "affected_count")
        # Of what is of another type nothing can be said: QUE-04, OP-28.
        totals[str(at(question, "target", "column"))] += affected if isinstance(affected, int) else len(rows.rows)
    for name, total in totals.items():
        column, wrong = rows.column(name), sum(each == name for _, each in rows.failing)
        sure = column is not None and column.rule not in {"ai", "link"} and not rows.doubtful(name)
        if sure and total < wrong and asked[name] >= acts[name] > 0:
            found.append(f"{name}: {total} of {counted(wrong, 'wrong row')}")
    return found


def _is_required(ctx: StateDriver, run: Run, act: dict[str, Any]) -> bool:
    columns = columns_of(ctx, run.company, str(act.get("sheet_id")))
    return act.get("column") in [column.name for column in columns if column.required]


def _wrong_texts(rows: SubmittedRows) -> dict[str, int]:
    """For each column whose cells are beyond doubt: how many different texts break a rule in it."""
    sure = [c.name for c in rows.columns if c.rule not in {"ai", "link"} and not rows.doubtful(c.name)]
    wrong = {(column, rule, rows.rows[row][column]) for (row, column), rule in rows.failing.items()}
    return {name: sum(column == name for column, _, _ in wrong) for name in sure}


def _only_deduplicated(rows: SubmittedRows, body: Any) -> list[str]:
    """Columns with cells that are empty or malformed, and no action but one for repeated values."""
    acts: dict[str, set[Any]] = {column: set() for (_, column), rule in rows.failing.items() if rule != "unique"}
    for each in actions(body):
        acts.get(str(each.get("column")), set()).add(each.get("action"))
    return [column for column, found in acts.items() if found == {"dedup_keep_first"}]


def _rest(body: Any) -> list[Any]:
    """What a poll shows of a parked run beside its questions, which are for QUE-03."""
    return [at(body, *path) for path in (["status"], ["report"], ["needs_attention", "proposed_patch"])]


def _downloads(ctx: StateDriver, run: Run) -> list[Any]:
    return [[each.header, *each.rows] for each in both(ctx, run.company.id, sheet_of(run.state))]
