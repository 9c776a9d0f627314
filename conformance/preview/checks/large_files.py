"""A thousand rows in one file, a hundred of them with a wrong cell: what holds for three rows holds for these, too.

The rule that it keeps: which rows are wrong is known from a small import that the target flagged as the templates say;
where the large one comes to rest elsewhere, nobody is accused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any, NamedTuple

from conformance.engine.context import skip_if
from conformance.preview import decision_runs as trials
from conformance.preview.account import Download, fetch, file_of, parse, read, text
from conformance.preview.applied_patch import judge_effects
from conformance.preview.bodies import actions, at, count, listed, questions, status_of
from conformance.preview.checks import Run, StateDriver, check
from conformance.preview.checks.downloads import judge_workbook
from conformance.preview.checks.polls import judge_sum
from conformance.preview.made_rows import Pattern, pattern_for
from conformance.preview.patch_effects import predict
from conformance.preview.submitted_rows import SubmittedRows, check_rows, columns_of, submitted_rows

ROWS, EVERY = 1_010, 10
"""How many rows there are, and of how many one is wrong."""

AWKWARD = ', "of many"\nlines'

INSERTED = "filter=all has as many rows as the import inserted"
COUNTS = "of many rows as many are flagged as have a wrong cell, however many of their cells are wrong"


class Large(NamedTuple):
    """An import of many rows, where it came to rest first."""

    run: Run
    sent: SubmittedRows
    state: Any


@check("POLL-10", "POLL-11", "CSV-02", "CSV-03", "CSV-04", "CSV-05", "CSV-06", "CSV-07", "CSV-08", "CSV-09",
       "IMP-11",
       needs=("completed", "needs_attention", "completed_with_flags"), whole=True)  # fmt: skip
def many_rows_are_downloaded(ctx: StateDriver) -> None:
    """Import a file of a thousand rows, leave its hundred wrong ones flagged, and download all and the valid ones."""
    large = _left_flagged(ctx)
    run, sent = large.run, large.sent
    judge_sum(ctx, run.polled)
    ctx.equal("POLL-11", count(run.state, "invalidCellCount"), len(sent.flagged), COUNTS, run.polled)
    whole, valid, plain = _downloads(ctx, large)
    _judge_numbers(ctx, large, whole, valid)
    _judge_rows(ctx, "CSV-05", "filter=all has every row that was sent", sent, range(ROWS), whole)
    right = [row for row in range(ROWS) if row not in sent.flagged]
    _judge_rows(ctx, "CSV-04", "filter=valid has every right row, and no other", sent, right, valid)
    same, requirement = sorted(plain.rows) == sorted(valid.rows), "without filter the download is that of filter=valid"
    got = f"{len(plain.rows)} rows"
    ctx.require("CSV-03", same, requirement, plain.answer, expected=f"{len(valid.rows)} rows", got=got)
    with ctx.speaking_of("CSV-02"):
        judge_workbook(ctx, run, {None: valid, "all": whole})
    free = ctx.start(run.company, ctx.body("completed"))
    ctx.status("IMP-11", free, 2, "once a run has completed with rows flagged a new import is accepted")


def _left_flagged(ctx: StateDriver) -> Large:
    """A file of many rows that has completed with its wrong ones flagged, by the answers that leave a few so."""
    like = trials.flagged_run(ctx)
    large = _import(ctx, like.downloads()[0].records, like.run)
    if at(large.state, "status") == "needs_attention":
        for filter_ in ("all", "valid", None):  # OP-31: whatever there is by now, it is not to be remembered
            fetch(ctx, large.run.company.id, large.sent.sheet_id, filter_)
        fetch(ctx, large.run.company.id, None)
        decided = ctx.decide(large.run, "approve", _same_answers(like, large.state))
        skip_if(not decided.ok, "the answers that leave a few rows flagged are refused for many")
        ctx.until(large.run)
    end = large.run.state
    flagged = at(end, "status") == "completed" and bool(count(end, "invalidCellCount"))
    skip_if(not flagged, f"many wrong rows come to rest otherwise than a few: {status_of(end)}")
    return large


def _downloads(ctx: StateDriver, large: Large) -> tuple[Download, Download, Download]:
    """All rows, the valid ones, and what is given without filter, where each is to be read as RFC 4180 says."""
    asked = [fetch(ctx, large.run.company.id, large.sent.sheet_id, each) for each in ("all", "valid", None)]
    unread = [answer for answer in asked if answer.ok and parse(text(answer)) is None]
    requirement = "a download of many rows is quoted as RFC 4180 says, to its end"
    ctx.require("CSV-09", not unread, requirement, *unread[:1], expected="lines of one length", got=len(unread))
    return read(asked[0]), read(asked[1]), read(asked[2])


def _judge_numbers(ctx: StateDriver, large: Large, whole: Download, valid: Download) -> None:
    """Whether there are as many rows in the downloads as the report says."""
    again, requirement = whole.header in whole.rows, "the header is there once, however many rows follow"
    ctx.require("CSV-08", not again, requirement, whole.answer, expected="one header", got="one more among the rows")
    polled, end = large.run.polled, large.run.state
    inserted, wrong = count(end, "inserted") or 0, len(large.sent.flagged)
    fits, requirement = len(whole.rows) in {inserted, inserted + wrong}, INSERTED
    ctx.require("CSV-07", fits, requirement, polled, expected=inserted, got=len(whole.rows))
    requirement = "filter=all has as many rows more than filter=valid as are flagged"
    ctx.equal("CSV-06", len(whole.rows) - len(valid.rows), count(end, "invalidCellCount"), requirement, polled)


@check("POLL-10", "POLL-11", "POLL-12", "QUE-06", "QUE-07", "DEC-05", "DEC-06", "DEC-07", "DEC-27", "CSV-05", "CSV-07",
       needs=("completed", "needs_attention"), whole=True)  # fmt: skip
def many_rows_are_mended(ctx: StateDriver) -> None:
    """Import a thousand rows of which a hundred are wrong, approve what is proposed, and download all."""
    like = ctx.run("needs_attention", fresh=False)
    small = submitted_rows(ctx, like, like.state)
    skip_if(not small.agrees(like.state), "the target flags other rows than the published rules do")
    large = _import(ctx, small.rows, like, inline=True)
    parks = at(large.state, "status") == "needs_attention"
    skip_if(not parks, f"many wrong rows come to rest otherwise than a few: {status_of(large.state)}")
    _judge_parking(ctx, large)
    made = trials.follow(ctx, large.run, large.state, ctx.decide(large.run))
    skip_if(made.all is None, "many wrong rows, approved as proposed, do not complete")
    judge_effects(ctx, made, large.sent)
    judge_sum(ctx, large.run.polled)
    effects, rows = predict(large.sent, actions(made.parked)), len(made.downloads()[0].rows)
    requirement = "filter=all has each row that was sent and that no action drops"
    ctx.equal("CSV-05", rows, len(effects.staying), requirement, large.run.polled)
    if effects.clears:
        ctx.equal("CSV-07", rows, count(made.end, "inserted"), INSERTED, large.run.polled)


def _import(ctx: StateDriver, wrong: Sequence[Mapping[str, str]], like: Run, *, inline: bool = False) -> Large:
    """Many rows, in a file or in the body; each tenth is wrong as one of these rows of another company, or twice."""
    company = ctx.company(fresh=True)
    pattern = pattern_for(ctx, company)
    bad = _bad_cells(ctx, pattern, wrong, like)
    rows = pattern.rows(ROWS)
    free, some = pattern.free[:1], cycle(bad)
    for place, row in enumerate(rows):
        row.update(dict.fromkeys(free, f"{place:05}" + (AWKWARD if place % 7 else "")))
        if place % EVERY == EVERY // 3:
            row.update([next(some)] if place // EVERY % 3 else bad)
    columns = [column.name for column in pattern.columns]
    texts = [{name: str(row.get(name) or "") for name in columns} for row in rows]
    sent = check_rows(pattern.sheet_id, pattern.columns, texts)
    skip_if(sent.unsure, "the published rules leave open which of many rows are wrong")
    answer = ctx.start(company, {"rows": rows}) if inline else None  # which is meant for few: what is taken, is whole
    body = {"rows": rows} if answer is not None and answer.ok else file_of(ctx, company, rows)
    if answer is None or not answer.ok:
        answer = ctx.start(company, body)
    run = ctx.run_of(answer, company, body, "the import of many rows")
    return Large(run, sent, ctx.until(run))


def _bad_cells(
    ctx: StateDriver, pattern: Pattern, rows: Sequence[Mapping[str, str]], like: Run
) -> list[tuple[str, str]]:
    """A wrong cell of each column whose values have a form, and are no row's own."""
    template = like.company.sheets.items()
    sheets = [sheet for sheet, each in template if columns_of(ctx, like.company, sheet) == pattern.columns]
    skip_if(not sheets, "which rules the rows were checked by is known for provisioned companies only")
    checked = check_rows(sheets[0], pattern.columns, rows)
    found = {name: rows[row][name] for (row, name), rule in checked.failing.items() if rule == "strict"}
    bad = [(each.name, found[each.name]) for each in pattern.columns if each.name in found and not each.unique]
    skip_if(not bad, "no cell of a column that has a form and repeats is wrong")
    return bad


def _same_answers(like: trials.DecisionRun, parked: Any) -> list[dict[str, Any]] | None:
    """The answers of another run's approval, for the questions of this one about the same columns."""
    given, asked = at(like.decided.sent, "answers") or (), {each.get("id"): each for each in questions(like.parked)}
    answers = []
    for question in questions(parked):
        for answer in given:
            about = asked.get(answer.get("question_id"))
            if at(about, "target", "column") != at(question, "target", "column"):
                continue
            if "custom" in answer:
                answers.append({"question_id": question.get("id"), "custom": answer["custom"]})
                continue
            labels = {each.get("id"): each.get("label") for each in listed(about, "options")}
            wanted = answer.get("option_id"), labels.get(answer.get("option_id"))
            for option in listed(question, "options"):
                if option.get("id") == wanted[0] or option.get("label") == wanted[1]:
                    answers.append({"question_id": question.get("id"), "option_id": option.get("id")})
                    break
    skip_if(given and not answers, "many wrong rows are asked about otherwise than a few")
    return answers or None


def _judge_parking(ctx: StateDriver, large: Large) -> None:
    body, polled, sent = large.state, large.run.polled, large.sent
    judge_sum(ctx, polled)
    invalid = count(body, "invalidCellCount")
    ctx.equal("POLL-11", invalid, len(sent.flagged), COUNTS, polled)
    fits, requirement = invalid is not None and invalid <= ROWS, "no more rows are flagged than were sent"
    ctx.require("POLL-12", fits, requirement, polled, expected=f"at most {ROWS}", got=invalid)
    about = Counter(at(each, "target", "column") for each in questions(body))
    for question in questions(body):
        name = at(question, "target", "column")
        texts = [sent.rows[row][name] for row, column in sent.failing if column == name]
        if about[name] > 1 or not texts:
            continue
        affected = at(question, "target", "affected_count")
        requirement = "affected_count counts the rows with a wrong cell in the column"
        ctx.equal("QUE-06", affected, len(texts), requirement, polled)
        strange = [each for each in at(question, "target", "sample_values") or () if each not in texts]
        ctx.none("QUE-07", strange, "sample_values are values of rows with a wrong cell", polled)


def _judge_rows(
    ctx: StateDriver, clause: str, requirement: str, sent: SubmittedRows, rows: Sequence[int], lines: Download
) -> None:
    names = [column.name for column in sent.given]
    wanted = Counter(tuple(sent.rows[row][name].strip() for name in names) for row in rows)
    found = Counter(tuple(each.get(name, "").strip() for name in names) for each in lines.records)
    lost, strange = sorted(wanted - found), sorted(found - wanted)
    got = f"{len(lost)} rows are missing{_first(lost)}; {len(strange)} are others{_first(strange)}"
    holds = not lost and not strange
    ctx.require(clause, holds, requirement, lines.answer, expected=f"{len(rows)} rows", got=got)


def _first(rows: Sequence[tuple[str, ...]]) -> str:
    return f", the first {', '.join(rows[0])}" if rows else ""
