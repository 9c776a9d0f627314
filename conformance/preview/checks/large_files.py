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
from conformance.model.results import Skipped
from conformance.preview import decision_runs as trials
from conformance.preview.account import Lines, fetch, file_of, files_in, parse, read, text
from conformance.preview.bodies import at, count, listed, questions
from conformance.preview.checks import Answer, Run, StateDriver, check
from conformance.preview.made_rows import Pattern, pattern_for
from conformance.preview.patch_effects import CLAUSES, predict
from conformance.preview.submitted_rows import SubmittedRows, check_rows, columns_of, submitted_rows

ROWS, EVERY = 1_010, 10
"""How many rows there are, and of how many one is wrong."""

AWKWARD = ', "of many"\nlines'

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
    like = trials.flagged_run(ctx)
    large = _import(ctx, like.downloads()[0].records, like.run)
    if at(large.state, "status") == "needs_attention":
        for filter_ in ("all", "valid", None):  # OP-31: whatever there is by now, it is not to be remembered
            fetch(ctx, large.run.company.id, large.sent.sheet_id, filter_)
        fetch(ctx, large.run.company.id, None)
        decided = ctx.decide(large.run, "approve", _same_answers(like, large.state))
        skip_if(not decided.ok, "the answers that leave a few rows flagged are refused for many")
        ctx.until(large.run)
    end, sent = large.run.state, large.sent
    flagged = at(end, "status") == "completed" and bool(count(end, "invalidCellCount"))
    skip_if(not flagged, f"many wrong rows come to rest otherwise than a few: {at(end, 'status')}")
    polled = large.run.polled
    _judge_sum(ctx, end, polled)
    ctx.equal("POLL-11", count(end, "invalidCellCount"), len(sent.flagged), COUNTS, polled)
    ask = [fetch(ctx, large.run.company.id, sent.sheet_id, each) for each in ("all", "valid", None)]
    unread = [answer for answer in ask if answer.ok and parse(text(answer)) is None]
    requirement = "a download of many rows is quoted as RFC 4180 says, to its end"
    ctx.require("CSV-09", not unread, requirement, *unread[:1], expected="lines of one length", got=len(unread))
    whole, valid, plain = map(read, ask)
    again, requirement = whole.header in whole.rows, "the header is there once, however many rows follow"
    ctx.require("CSV-08", not again, requirement, ask[0], expected="one header", got="one more among the rows")
    inserted, wrong = count(end, "inserted") or 0, len(sent.flagged)
    requirement = "filter=all has as many rows as the import inserted"
    ctx.require("CSV-07", len(whole.rows) in {inserted, inserted + wrong}, requirement, polled, expected=inserted,
                got=len(whole.rows))  # fmt: skip
    requirement = "filter=all has as many rows more than filter=valid as are flagged"
    ctx.equal("CSV-06", len(whole.rows) - len(valid.rows), count(end, "invalidCellCount"), requirement, polled)
    _judge_rows(ctx, "CSV-05", "filter=all has every row that was sent", sent, range(ROWS), whole.records, ask[0])
    right = [row for row in range(ROWS) if row not in sent.flagged]
    _judge_rows(ctx, "CSV-04", "filter=valid has every right row, and no other", sent, right, valid.records, ask[1])
    same = sorted(plain.rows) == sorted(valid.rows)
    requirement = "without filter the download is that of filter=valid"
    ctx.require("CSV-03", same, requirement, ask[2], expected=f"{len(valid.rows)} rows", got=f"{len(plain.rows)} rows")
    _judge_workbook(ctx, large.run, {None: (valid.header, *valid.rows), "all": (whole.header, *whole.rows)})
    free = ctx.start(large.run.company, ctx.body("completed"))
    ctx.status("IMP-11", free, 2, "once a run has completed with rows flagged a new import is accepted")


@check("POLL-10", "POLL-11", "POLL-12", "QUE-06", "QUE-07", "DEC-05", "DEC-06", "DEC-07", "DEC-27", "CSV-05", "CSV-07",
       needs=("completed", "needs_attention"), whole=True)  # fmt: skip
def many_rows_are_mended(ctx: StateDriver) -> None:
    """Import a thousand rows of which a hundred are wrong, approve what is proposed, and download all."""
    like = ctx.run("needs_attention", fresh=False)
    small = submitted_rows(ctx, like, like.state)
    skip_if(not small.agrees(like.state), "the target flags other rows than the published rules do")
    large = _import(ctx, small.rows, like, inline=True)
    parks = at(large.state, "status") == "needs_attention"
    skip_if(not parks, f"many wrong rows come to rest otherwise than a few: {at(large.state, 'status')}")
    _judge_parking(ctx, large)
    effects = predict(large.sent, at(large.state, "needs_attention", "proposed_patch", "actions") or [])
    made = trials.follow(ctx, large.run, large.state, ctx.decide(large.run))
    end, polled = made.end, large.run.polled
    skip_if(made.all is None, "many wrong rows, approved as proposed, do not complete")
    found, acts = made.differences(effects), {act for _, act in effects.fates.items()}
    for clause in {"DEC-05", *(CLAUSES[act] for act in acts), *(["DEC-06"] if effects.cells else [])} | found.keys():
        requirement = "an approval of many rows does to each what the patch says, and nothing to the others"
        ctx.require(clause, clause not in found, requirement, large.run.polled, got=found.get(clause, ""))
    _judge_sum(ctx, end, polled)
    requirement = "filter=all has each row that was sent and that no action drops"
    ctx.equal("CSV-05", len(made.downloads()[0].rows), len(effects.staying), requirement, polled)
    if effects.clears:
        requirement = "a run without a wrong cell completes with nothing flagged"
        ctx.equal("DEC-27", count(end, "invalidCellCount"), 0, requirement, polled)
        requirement = "filter=all has as many rows as the import inserted"
        ctx.equal("CSV-07", len(made.downloads()[0].rows), count(end, "inserted"), requirement, polled)


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
    _judge_sum(ctx, body, polled)
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


def _judge_sum(ctx: StateDriver, body: Any, polled: Answer) -> None:
    counts: list[Any] = [each.get("rowCount") for each in listed(body, "report", "perSheet")]
    inserted = count(body, "inserted")
    if counts and inserted is not None and all(type(each) is int for each in counts):
        requirement = "the rowCounts of perSheet add up to inserted"
        ctx.equal("POLL-10", sum(counts), inserted, requirement, polled)


def _judge_rows(
    ctx: StateDriver,
    clause: str,
    requirement: str,
    sent: SubmittedRows,
    rows: Sequence[int],
    records: Sequence[Mapping[str, str]],
    answer: Answer,
) -> None:
    names = [column.name for column in sent.given]
    wanted = Counter(tuple(sent.rows[row][name].strip() for name in names) for row in rows)
    found = Counter(tuple(each.get(name, "").strip() for name in names) for each in records)
    lost, strange = sorted(wanted - found), sorted(found - wanted)
    got = f"{len(lost)} rows are missing{_first(lost)}; {len(strange)} are others{_first(strange)}"
    ctx.require(clause, not lost and not strange, requirement, answer, expected=f"{len(rows)} rows", got=got)


def _first(rows: Sequence[tuple[str, ...]]) -> str:
    return f", the first {', '.join(rows[0])}" if rows else ""


def _judge_workbook(ctx: StateDriver, run: Run, sheets: Mapping[str | None, Lines]) -> None:
    with ctx.speaking_of("CSV-02"):
        for filter_, (header, *rows) in sheets.items():
            answer = fetch(ctx, run.company.id, None, filter_)
            came = answer.status or answer.problem
            if not answer.ok:
                raise Skipped(f"the target answers {came}: the ZIP may not have been built yet")
            there = [len(lines) - 1 for lines in files_in(answer.content) if lines[0] == header]
            holds = (header, *sorted(rows)) in files_in(answer.content)
            requirement = f"the ZIP has many rows of a sheet with filter={filter_ or 'valid'}, too"
            got = ", ".join(f"{number} rows" for number in there) or "no such sheet"
            ctx.require("CSV-02", holds, requirement, answer, expected=f"{len(rows)} rows", got=got)
