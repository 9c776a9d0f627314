"""One decision on a fresh parking, followed to where the run comes to rest: what was shown, answered, and became of it.

Checks of one journey share a trial by its name, since each costs an import.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from conformance.engine.context import block_if, must_succeed, skip_if
from conformance.model.plain import plain
from conformance.model.results import Blocked, Skipped
from conformance.preview.account import Download, both, download
from conformance.preview.bodies import actions, at, columns_concerned, count, is_same, listed, questions, status_of
from conformance.preview.driver import Company, Run, StateDriver
from conformance.preview.patch_effects import CLAUSES, Effects, differences, predict
from conformance.preview.repeated_rows import WRONG, other_texts
from conformance.preview.submitted_rows import Column, SubmittedRows, check_rows, columns_of, sheet_of, submitted_rows
from conformance.target.target import Body

if TYPE_CHECKING:
    from conformance.http.client import Answer

Answers = list[dict[str, str]]
"""A text that hardly a rule allows."""
MOST_OPTIONS = 4
AGAIN, FLAGGED = "needs_attention_again", "completed_with_flags"
FURTHER = "runs that have parked before"
WRONG_TEXTS = "trial of wrong texts"
NO_WAY = "wrong texts lead to no second parking"
SPARE = "spare"
"""What a journey remembers a parked run by on which a later check may decide."""


class DecisionRun(NamedTuple):
    """A run that was decided."""

    run: Run
    parked: Any
    """The poll's body before the decision."""
    decided: Answer
    end: Any
    """The poll's body where the run came to rest; None when the decision was refused."""
    all: Download | None
    """Every row of the sheet, where the run completed."""
    valid: Download | None

    @property
    def outcome(self) -> tuple[Any, ...]:
        """What became of the rows, in a form to compare with that of another company."""
        read = [(each.header, sorted(each.rows)) if each else None for each in (self.all, self.valid)]
        asked = [(each.get("column"), each.get("action")) for each in actions(self.end)]
        counts = count(self.end, "inserted"), count(self.end, "invalidCellCount")
        return at(self.end, "status"), *counts, *read, sorted(map(plain, asked))

    def fate(self, rows: SubmittedRows, column: str, only: Collection[int] = ()) -> list[list[tuple[str, ...]]]:
        """The rows that were wrong in the column, or `only` these of them, as they are now, in both downloads.

        They are known again by right cells.
        """
        wrong = set(only) or {row for row, name in rows.failing if name == column}
        given = [each.name for each in rows.given]
        names = [name for name in given if not any((row, name) in rows.failing for row in wrong)]
        marks = {tuple(rows.rows[row][name].strip() for name in names) for row in wrong}
        return [
            sorted(
                tuple(each.get(name, "").strip() for name in given)
                for each in download.records
                if tuple(each.get(name, "").strip() for name in names) in marks
            )
            for download in (self.all, self.valid)
            if download is not None
        ]

    def downloads(self) -> tuple[Download, Download]:
        """Every row and the valid ones; Skipped where the run did not complete."""
        if self.all is None or self.valid is None:
            raise Skipped("rows that were to be kept flagged do not complete (OP-12)")
        return self.all, self.valid

    def differences(self, effects: Effects) -> dict[str, str]:
        """What is otherwise than the patch would have it, by clause."""
        if self.all is not None and self.valid is not None:
            return differences(effects, self.valid.records, valid=True) | differences(effects, self.all.records)
        status, asked = at(self.end, "status"), actions(self.parked)
        skip_if(
            status != "needs_attention", f"after the approval the run is {plain(status)}, and has no rows to look at"
        )
        known = [each for each in asked if each.get("action") in {*CLAUSES} - {"keep"}]  # OP-12
        still = columns_concerned(self.end)
        left = [each for each in known if (each.get("sheet_id"), each.get("column")) in still]
        alike = [each for each in left if each in actions(self.end)]  # of two on one column the one that is left
        found = {CLAUSES[each["action"]]: f"{each.get('column')!r} is still flagged" for each in alike or left}
        skip_if(not found, "the run parked again with other questions, and its rows are not to be judged yet")
        return found

    def changed(self, ctx: StateDriver) -> dict[str, str]:
        """What is otherwise than the patch as it was shown would have it; Skipped where that is open."""
        return self.differences(expected_effects(ctx, self.run, self.parked))

    @property
    def flagged(self) -> bool:
        """Whether the run completed with rows still flagged."""
        return at(self.end, "status") == "completed" and bool(count(self.end, "invalidCellCount"))


def parked_run(ctx: StateDriver) -> Run:
    """A parked run to decide on: one that an earlier check of the journey left as it was, else a new one."""
    spare = ctx.shared.pop(SPARE, None) if ctx.shared is not None else None
    if isinstance(spare, Run) and is_same(spare.state, ctx.poll(spare)):
        ctx.held.add(spare.id)
        return spare
    return ctx.run("needs_attention")


def follow(ctx: StateDriver, run: Run, parked: Any, decided: Answer) -> DecisionRun:
    """The trial of a decision that was posted just now."""
    if not decided.ok:
        return DecisionRun(run, parked, decided, None, None, None)
    ctx.until(run)
    if is_same(parked, run.polled):  # a look that came too early is for DEC-03 alone
        ctx.wait()
        ctx.until(run)
    return _at_rest(ctx, run, parked, decided)


def _at_rest(ctx: StateDriver, run: Run, parked: Any, decided: Answer) -> DecisionRun:
    """The trial of a run that has come to rest, with its rows where it completed."""
    end = run.state
    if at(end, "status") != "completed":
        return DecisionRun(run, parked, decided, end, None, None)
    return DecisionRun(run, parked, decided, end, *both(ctx, run.company.id, sheet_of(parked)))


def decision_run(ctx: StateDriver, name: str, answers: Callable[[Any], Answers | None]) -> DecisionRun:
    """Approve a fresh parking with what `answers` makes of it; once where checks share what they see."""

    def made() -> DecisionRun:
        run = parked_run(ctx)
        parked = run.state
        return follow(ctx, run, parked, ctx.decide(run, "approve", answers(parked)))

    there = ctx.share(f"trial {name}", made)
    ctx.held.add(there.run.id)
    return there


def approve_patch(ctx: StateDriver) -> DecisionRun:
    """The proposed patch as it is."""
    return decision_run(ctx, "of the patch", lambda _: None)


def approve_option(ctx: StateDriver, place: int, *, throughout: bool = False) -> DecisionRun:
    """The option at this place, from the end, of the last question that has options, or of every question.

    It is the last one, because a target that goes by the place of an answer would take it for the first; some targets
    wait for all the answers (OP-13).
    """

    def answers(parked: Any) -> Answers:
        if not throughout:
            return [chosen(with_options(parked), -1 - place)]
        asked = [(each, len(listed(each, "options"))) for each in questions(parked)]
        return [chosen(each, -1 - min(place, many - 1)) for each, many in asked if many]

    return decision_run(ctx, f"of option -{place + 1}{' throughout' if throughout else ''}", answers)


def chosen(question: dict[str, Any], place: int) -> dict[str, str]:
    """The answer to the question by its option at this place."""
    return {"question_id": str(question.get("id")), "option_id": str(listed(question, "options")[place].get("id"))}


def text_answers(rows: SubmittedRows, parked: Any, *, wrong: bool = False) -> dict[str, dict[str, str]]:
    """By column, where a question about its one group takes a text: the answer by a right one, or a `wrong` one."""
    found = dict[str, dict[str, str]]()
    proposed = {str(each.get("value")) for each in actions(parked)}
    for question in questions(parked):
        column = rows.column(at(question, "target", "column"))
        asked = question.get("allow_custom") is True and isinstance(question.get("id"), str)
        if column is None or not asked or not _is_one_group(rows, parked, question, column):
            continue
        fitting = [WRONG] if wrong else [each for each in right_texts(rows, column) if each not in proposed]
        if fitting and column.offence(fitting[0]) == ("strict" if wrong else None):
            found[column.name] = {"question_id": question["id"], "custom": fitting[0]}
    return found


def _is_one_group(rows: SubmittedRows, parked: Any, question: Any, column: Column) -> bool:
    """Whether the question is about all cells of the column that break a rule by themselves, for which one text is."""
    samples = at(question, "target", "sample_values")
    if not isinstance(samples, list) or column.rule not in {"strict", "none"}:
        return False
    acts = [each for each in actions(parked) if each.get("column") == column.name]
    mine = [rule for (_, name), rule in rows.failing.items() if name == column.name and rule != "unique"]
    about = all(column.offence(str(each or "")) in {"required", "strict"} for each in samples)
    alone = len([each for each in acts if each.get("action") != "dedup_keep_first"]) == 1 == len(set(mine))
    return about and alone and (not column.unique or (len(mine) == 1 and bool(samples)))


def right_texts(rows: SubmittedRows, column: Column) -> list[str]:
    """Texts that are right in the column: of the rows that were sent, and those that its pattern lists."""
    listed_ = re.findall(r"[\w -]+", column.pattern or "") if "|" in (column.pattern or "") else []
    texts = [*(row[column.name] for row in rows.rows), *listed_]
    right = [each for each in dict.fromkeys(texts) if each and column.offence(each) is None]
    if column.unique:
        there = {row[column.name].casefold() for row in rows.rows}
        more = (other for each in right for other in other_texts(each, len(there)))
        right = [each for each in more if column.offence(each) is None and each.casefold() not in there]
    return right


def by_turns(parked: Any) -> Answers:
    """Answers to all questions that have options, by the first and by the last one, from question to question."""
    asked = [each for each in questions(parked) if listed(each, "options")]
    return [chosen(each, -(place % 2)) for place, each in enumerate(asked)]


def with_options(parked: Any) -> dict[str, Any]:
    """The parking's last question that can be answered by an option."""
    for question in questions(parked)[::-1]:
        options = listed(question, "options")
        if isinstance(question.get("id"), str) and options and all(isinstance(each.get("id"), str) for each in options):
            return question
    raise Skipped("the parked run asks no question with options")


def rows_now(ctx: StateDriver, run: Run) -> SubmittedRows:
    """The rows of a parked run as they are now; Skipped where they are not shown."""
    sheet = sheet_of(run.state)
    lines = download(ctx, run.company.id, sheet, "all")
    rows = check_rows(sheet, columns_of(ctx, run.company, sheet), lines.records)
    shown = rows.flagged and rows.agrees(run.state)
    skip_if(not shown, "what a parked run has is not shown in a download (OP-31), or the target has rules of its own")
    return rows


def rows_of_parking(ctx: StateDriver, run: Run) -> SubmittedRows:
    """The rows that a parking is about: those that were sent, or, if it is not the first, those that there are now."""
    return rows_now(ctx, run) if run.id in ctx.known.get(FURTHER, ()) else submitted_rows(ctx, run, run.state)


def parked_again(ctx: StateDriver, *, fresh: bool) -> Run:
    """A run that has parked for the second time: after answers by texts that are wrong, else as the target file says.

    Such texts leave whatever takes one flagged, so that there is more than one group to ask about again.
    """
    made = None
    with suppress(Skipped):
        if not ctx.known.get(NO_WAY):
            made = _wrong_texts(ctx) if fresh else wrong_texts(ctx)
    if made is not None and at(made.run.state, "status") == "needs_attention" and made.decided.ok:
        ctx.held.add(made.run.id)
        run = made.run
    else:
        ctx.known[NO_WAY] = True
        run = ctx.run(AGAIN, fresh=fresh)
    ctx.known.setdefault(FURTHER, set()).add(run.id)
    return run


def wrong_texts(ctx: StateDriver) -> DecisionRun:
    """That answers by texts that are wrong; once where checks share what they see."""
    return ctx.share(WRONG_TEXTS, lambda: _wrong_texts(ctx))


def _wrong_texts(ctx: StateDriver) -> DecisionRun:
    """A parking whose questions are answered by texts that the rules of their columns do not allow."""
    run = ctx.run("needs_attention")
    parked = run.state
    answers = [*text_answers(submitted_rows(ctx, run, parked), parked, wrong=True).values()]
    skip_if(not answers, "no question of the parked run takes a text that would surely be wrong")
    return follow(ctx, run, parked, ctx.decide(run, "approve", answers))


def judge_flags(ctx: StateDriver, made: DecisionRun, clause: str = "DEC-28") -> None:
    """Whether what still breaks a published rule is flagged in a completed run, if the target goes by these rules."""
    if made.all is None or made.valid is None or made.parked is made.end:
        return
    sheet = sheet_of(made.parked)
    skip_if(not submitted_rows(ctx, made.run, made.parked).agrees(made.parked), "the target has rules of its own")
    columns, flags = columns_of(ctx, made.run.company, sheet), count(made.end, "invalidCellCount")
    valid, every = (_breaking(sheet, columns, each) for each in (made.valid, made.all))
    evidence = made.decided, made.run.polled, made.valid.answer
    requirement = "rows that still break a rule when the run has completed are flagged: none is downloaded as valid"
    ctx.none(clause, "; ".join(", ".join(filter(None, each)) for each in valid), requirement, *evidence)
    requirement = "rows that still break a rule when the run has completed are counted as flagged"
    expected = f"{len(every)} or more"
    ctx.require(clause, (flags or 0) >= len(every), requirement, *evidence, expected=expected, got=flags)


def _breaking(sheet: str, columns: Sequence[Column], lines: Download) -> list[tuple[str, ...]]:
    """The rows with a cell that breaks a rule by itself."""
    failing = check_rows(sheet, columns, lines.records).failing
    return [lines.rows[row] for row in sorted({row for (row, _), rule in failing.items() if rule != "unique"})]


def with_action(body: Any, name: str) -> list[dict[str, Any]]:
    """The actions of that name in the proposed patch; Skipped when there is none."""
    found = [each for each in actions(body) if each.get("action") == name]
    skip_if(not found, f"the patch proposes no {name} for the rows that lead to needs_attention")
    return found


def flagged_run(ctx: StateDriver) -> DecisionRun:
    """A run that completed with rows still flagged: by the target file's way, the patch's own `keep`, or an option."""
    if FLAGGED in ctx.target.states:
        return ctx.share("trial of the way to flagged rows", lambda: run_with_flags(ctx))
    run = ctx.run("needs_attention", fresh=False)
    if any(each.get("action") == "keep" for each in actions(run.state)) and approve_patch(ctx).flagged:
        return approve_patch(ctx)
    for place in range(min(MOST_OPTIONS, len(with_options(run.state)["options"]))):
        made = approve_option(ctx, place)
        if made.flagged:
            return made
        if (
            at(made.end, "status") == "needs_attention"
            and (whole := approve_option(ctx, place, throughout=True)).flagged
        ):
            return whole
    raise Skipped("neither the patch nor an option of the last question leaves rows flagged in a completed run")


def run_with_flags(ctx: StateDriver, company: Company | None = None) -> DecisionRun:
    """What the target file's way to a completed run with flagged rows leads to; of rows also in a known company."""
    way = ctx.target.states[FLAGGED]
    if isinstance(way, Body):
        run = ctx.begin_run(FLAGGED, company)
        if at(ctx.until(run, "needs_attention", "completed"), "status") == "completed":
            made = _at_rest(ctx, run, run.state, run.polled)
        else:
            made = follow(ctx, run, run.state, ctx.decide(run, "approve", way.answers))
    else:
        run = ctx.run(FLAGGED)
        made = _at_rest(ctx, run, run.state, run.polled)
    must_succeed(made.decided, f"the approval on the way to {FLAGGED} was refused")
    leads = f"the way to {FLAGGED} leads to a run that is {status_of(made.end)}, with no row flagged"
    block_if(not made.flagged, leads, made.run.polled)
    return made


def may_park_again(ctx: StateDriver, run: Run, parked: Any) -> bool:
    """Whether it is open that the run, approved as proposed, completes at once."""
    try:
        return not expected_effects(ctx, run, parked).clears
    except (Skipped, Blocked):
        return True


def expected_effects(ctx: StateDriver, run: Run, parked: Any) -> Effects:
    """What the patch of a parking must make of the rows that were sent; Skipped where that is open."""
    rows = submitted_rows(ctx, run, parked)
    skip_if(not rows.agrees(parked), "the target flags other rows than the published rules do")
    return predict(rows, actions(parked))
