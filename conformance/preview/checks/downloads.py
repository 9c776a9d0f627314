"""The CSV download (CSV): judged on runs of rows that were sent, each the first import of its company."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import uuid4

from conformance.engine.context import cut, first_of, must_succeed, skip_if
from conformance.preview.account import Download, Lines, both, download, fetch, file_of, files_in, parse, read, text
from conformance.preview.bodies import at, count, documented, is_uuid, listing, status_of
from conformance.preview.checks import Answer, Company, Run, Skipped, StateDriver, check
from conformance.preview.decision_runs import DecisionRun, flagged_run
from conformance.preview.driver import near
from conformance.preview.made_rows import completed_run, pattern_for
from conformance.preview.submitted_rows import check_rows, columns_of, sheet_of, submitted_rows

AWKWARD = ['Lane, "Ada"', "two\nlines", '"', ",", 'a "quoted", word\r\nand\nmore', "Zoë Ångström"]
"""Texts that a download must quote, and one that it must encode."""
READS = 3
PLAIN = [
    *("007", "+49 30 0012", "1.50", "1e5", "12345678901234567890", "TRUE", "NA", "null", "3/4", "2024-01-31"),
    *("a;b", "a\tb", "C:\\new\\table", "100%", "{name}", "''", "&amp; <b>", "Łódź 北京 👩‍🚀", "|", "\\"),
    *("x" * 700 + each for each in "12"),
]
"""Texts that mean something else to whoever takes them for numbers, dates, nothing, or another language."""


@check("CSV-01", "CSV-05", "CSV-07", "CSV-08", needs=("completed",))
def a_sheet_is_downloaded_whole_and_in_order(ctx: StateDriver) -> None:
    """Download every sheet of a company after its first import completed."""
    run = completed_run(ctx)
    answers = _answers(ctx, run)
    for answer in [each for pair in answers.values() for each in pair]:
        ctx.status("CSV-01", answer, 200, "a sheet can be downloaded")
        ctx.shaped(answer, "CSV-01")
    both = _read(answers)
    for sheet, pair in both.items():
        names = tuple(column.name for column in columns_of(ctx, run.company, sheet))
        for lines in pair:
            requirement = "the header has the template's columns, in its order"
            ctx.equal("CSV-08", lines.header, names, requirement, lines.answer)
    inserted = count(run.state, "inserted")
    requirement = "filter=all has over all sheets as many rows as the import inserted"
    ctx.equal("CSV-07", sum(len(lines.rows) for lines, _ in both.values()), inserted, requirement, run.polled)
    with ctx.speaking_of("CSV-05"):
        rows = submitted_rows(ctx, run, run.state)
        whole, given = both[rows.sheet_id][0], [column.name for column in rows.given]
        mended = rows.unsure or rows.failing or not given
        skip_if(mended, "the target may have mended rows that break its published rules")
        wanted = Counter(tuple(row[name].strip() for name in given) for row in rows.rows)
        found = Counter(tuple(record.get(name, "").strip() for name in given) for record in whole.records)
        holds, requirement = wanted == found, "filter=all has every row that was sent"
        ctx.require("CSV-05", holds, requirement, whole.answer, expected=sorted(wanted), got=sorted(found))


@check("CSV-03", "CSV-04", needs=("needs_attention", "completed_with_flags"))
def flagged_rows_are_left_out_unless_asked_for(ctx: StateDriver) -> None:
    """Download a sheet with flagged rows with filter=valid, with filter=all, and without filter."""
    run = ctx.run("needs_attention", fresh=False)  # of which the rows may be there, or none: OP-31
    sheet = sheet_of(run.state)
    whole, valid = both(ctx, run.company.id, sheet)
    if len(valid.rows) >= len(whole.rows):
        made = flagged_run(ctx)
        run, sheet = made.run, sheet_of(made.end)
        # Downloaded anew: in a company that the target file lends another import may have come since.
        whole, valid = both(ctx, run.company.id, sheet)
        skip_if(len(valid.rows) == len(whole.rows), "no download at hand has flagged rows")
    answer = fetch(ctx, run.company.id, sheet)
    if ctx.status("CSV-03", answer, 200, "a sheet can be downloaded without filter"):
        plain = read(answer)
        requirement = "without filter the download is that of filter=valid"
        holds = (plain.header, sorted(plain.rows)) == (valid.header, sorted(valid.rows))
        ctx.require("CSV-03", holds, requirement, answer, valid.answer, expected=valid.rows, got=plain.rows)
    checked = check_rows(sheet, columns_of(ctx, run.company, sheet), valid.records)
    wrong = [checked.rows[each] for each in sorted(checked.flagged)]
    ctx.none("CSV-04", wrong, "filter=valid leaves out each row with a wrong cell", valid.answer)
    surplus = sorted(Counter(valid.rows) - Counter(whole.rows))
    ctx.none("CSV-04", surplus, "filter=valid has no row that filter=all has not", valid.answer, whole.answer)


@check("CSV-05", "CSV-06", needs=("completed", "needs_attention", "completed_with_flags"))
def what_is_left_out_is_what_the_report_counts(ctx: StateDriver) -> None:
    """Download every sheet of completed runs, without and with flagged rows, with both filters."""
    run = completed_run(ctx)
    _judge_counts(ctx, run, run.state)
    with ctx.speaking_of("CSV-05", "CSV-06"):
        made = flagged_run(ctx)
        _judge_counts(ctx, made.run, made.end)
        rows = len(made.downloads()[0].rows)
        requirement = "filter=all has every row, the flagged ones too"
        inserted, wrong = count(made.end, "inserted") or 0, count(made.end, "invalidCellCount") or 0
        expected = inserted, inserted + wrong  # OP-21: with the flagged rows among the inserted ones, or without
        ctx.require("CSV-05", rows in expected, requirement, made.run.polled, expected=expected, got=rows)


@check("CSV-05", "CSV-09", needs=("completed",))
def awkward_texts_survive_a_round_trip(ctx: StateDriver) -> None:
    """Import rows with commas, quotes, line breaks and other odd texts in a column without rules, and download them."""
    company = ctx.company(fresh=True)
    before = [download(ctx, company.id, sheet, "all") for sheet in (company.sheets if ctx.whole else ())]
    extra = [row for lines in before for row in lines.rows]
    ctx.none("CSV-05", extra, "a company without imports has no rows", *(lines.answer for lines in before[:1]))
    name, rows, more = _awkward_rows(ctx, company)
    answer = ctx.start(company, {"rows": rows + more})
    if answer.status == 400 and more:
        more = []
        answer = ctx.start(company, {"rows": rows})
    end = ctx.until(ctx.run_of(answer, company, {"rows": rows + more}))
    skip_if(at(end, "status") != "completed", f"the import of rows with awkward texts became {status_of(end)}")
    answer = fetch(ctx, company.id, sheet_of(end), "all")
    if ctx.status("CSV-09", answer, 200, "the rows can be downloaded"):
        requirement = "commas, quotes, line breaks and all else in values survive a round trip"
        _judge_texts(ctx, "CSV-09", requirement, parse(text(answer)) or (), name, rows + more, answer)
    zipped = fetch(ctx, company.id, None, "all")
    for lines in files_in(zipped.content) if zipped.ok and ctx.whole else ():
        if name in lines[0] and len(lines) == len(rows + more) + 1:
            _judge_texts(ctx, "CSV-09", f"{requirement}, in the ZIP, too", lines, name, rows + more, zipped)


def _judge_texts(
    ctx: StateDriver, clause: str, requirement: str, lines: Lines, name: str, rows: list[Any], *answers: Answer
) -> None:
    """Whether the texts of the column are those that were sent."""
    place = lines[0].index(name) if lines and name in lines[0] else None
    got = Counter(_broken_alike(line[place]) for line in lines[1:]) if place is not None else Counter[str]()
    wanted = Counter(_broken_alike(row.get(name) or "") for row in rows)
    lacking, others = sorted(wanted - got), sorted(got - wanted)
    told = [f"{word} {' | '.join(each[:80] for each in texts)}" for word, texts in
            (("missing:", lacking), ("others:", others)) if texts]  # fmt: skip
    same = not told and place is not None
    ctx.require(clause, same, requirement, *answers, expected="the texts that were sent", got="; ".join(told))


@check("CSV-05", "CSV-07", needs=("completed",))
def the_rows_of_a_file_are_downloaded(ctx: StateDriver) -> None:
    """Import a CSV file of such rows, whose name is no template's, and download all."""
    company = ctx.company(fresh=True)
    name, rows, more = _awkward_rows(ctx, company)
    rows += more
    run = ctx.begin(company, file_of(ctx, company, rows))
    end = ctx.until(run)
    completes = at(end, "status") == "completed"
    if not completes and not ctx.target.strict:
        raise Skipped(f"the import of a file with awkward texts became {status_of(end)}")
    if not ctx.require("CSV-05", completes, "the import of a file of right rows completes", run.polled, got=end):
        return
    sheets = [download(ctx, company.id, sheet, "all") for sheet in company.sheets]
    requirement = "filter=all has over all sheets as many rows as the import of a file inserted"
    ctx.equal("CSV-07", sum(len(lines.rows) for lines in sheets), count(end, "inserted"), requirement, run.polled)
    filled = [lines for lines in sheets if any(record.get(name) for record in lines.records)]
    texts: Lines = ((name,), *((record[name].strip(),) for lines in filled for record in lines.records))
    _judge_texts(ctx, "CSV-05", "filter=all has every row of the file", texts, name, rows, *(f.answer for f in filled))


@check(
    *("CSV-02", "CSV-04", "CSV-05", "CSV-06", "POLL-01", "RUN-04", "RUN-08"),
    needs=("completed", "needs_attention", "completed_with_flags"),
    whole=True,
)
def what_was_read_is_read_again(ctx: StateDriver) -> None:
    """Download the sheet and the workbook of a run that completed with flagged rows several times, and poll it."""
    made = flagged_run(ctx)
    company, sheet = made.run.company, sheet_of(made.end)
    skip_if(company.provisioned is None, "a company that the target file lends may have other rows by now")
    for clause, sheet_id, filter_ in (("CSV-06", sheet, "all"), ("CSV-04", sheet, "valid"), ("CSV-02", None, "all")):
        read_ = [fetch(ctx, company.id, sheet_id, filter_) for _ in range(READS)]
        seen = [
            sorted(files_in(each.content)) if sheet_id is None else sorted(parse(text(each)) or ()) for each in read_
        ]
        other = [answer for answer, lines in zip(read_, seen, strict=True) if lines != seen[0] or not answer.ok]
        requirement = f"a download is the same when it is read again, with filter={filter_}"
        skip_if(not read_[0].ok and sheet_id is None, "the ZIP may not have been built yet")
        ctx.require(clause, not other, requirement, read_[0], *other[:1], expected="the same", got=_shown(other))
    polls = [ctx.poll(made.run) for _ in range(READS)]
    other = [answer for answer in polls if documented(answer.json) != documented(made.end)]
    _judge_at_once(ctx, made, sheet)
    for clause in ("RUN-04", "RUN-08"):
        requirement = "a run that is over is the same after downloads and further polls"
        ctx.require(clause, not other, requirement, *other[:1], expected="the same", got=_shown(other))


def _judge_at_once(ctx: StateDriver, made: DecisionRun, sheet: str) -> None:
    """Whether polls and downloads at the same moment are those that they are one after the other."""
    other = completed_run(ctx)
    asked = [(made.run.company.id, sheet, "all"), (other.company.id, sheet_of(other.state), "all"),
             (made.run.company.id, sheet, "valid"), (made.run.company.id, None, "all")]  # fmt: skip
    alone = [fetch(ctx, *each) for each in asked]
    polls = [partial(ctx.client.call, "poll_import", company_id=made.run.company.id, run_id=made.run.id)] * READS
    together = ctx.client.concurrently([*(partial(fetch, ctx, *each) for each in asked), *polls])
    for before, answer in zip(alone, together, strict=False):
        lines: list[Any] = [files_in(each.content) or sorted(each.text.splitlines()) for each in (before, answer)]
        same = before.status == answer.status and lines[0] == lines[1]
        requirement = "a download beside others at the same moment is the one that it is alone"
        ctx.require("CSV-05", same, requirement, before, answer, expected="the same rows", got=cut(answer.text, 300))
    for answer in together[len(asked) :]:
        same = answer.ok and documented(answer.json) == documented(made.end)
        requirement = "a poll beside others at the same moment is the one that it is alone"
        ctx.require("POLL-01", same, requirement, answer, expected="the same body", got=cut(answer.text, 300))


def _joined(headers: set[tuple[str, ...]]) -> str:
    return " | ".join(sorted(", ".join(header) for header in headers))


def _shown(answers: list[Answer]) -> str:
    return cut(answers[0].text, 500) if answers else ""


@check("CSV-10", "CSV-11", needs=("completed", "needs_attention"))
def a_download_of_nothing_that_there_is_is_refused(ctx: StateDriver) -> None:
    """Download with another filter, an unknown sheet, and a sheet of another company."""
    run = completed_run(ctx)
    sheet, ask = sheet_of(run.state), partial(fetch, ctx, run.company.id)
    refusal = "a filter that is neither valid nor all is refused with 400"
    known = ask(sheet, "all")  # what was downloaded once is nobody else's for that
    for word in ("clean", "invalid", "ALL", "valid,all"):
        ctx.status("CSV-10", ask(sheet, word), 400, refusal)
    if ctx.whole and ask(None, "all").ok:  # else the ZIP may not have been built yet
        ctx.status("CSV-10", ask(None, "invalid"), 400, f"{refusal}, without sheet_id, too")
    unknown = [
        str(uuid4()),
        near(sheet),
        run.company.sheets.get(sheet),
        at(run.company.provisioned, "workbook_id"),
    ]
    for each in [each for each in unknown if is_uuid(each) and each not in run.company.sheets]:
        ctx.status("CSV-11", ask(each), 404, "an unknown sheet is answered with 404")
    ctx.status("CSV-11", ask(near(sheet), "all"), 404, "an unknown sheet is answered with 404, whatever the filter")
    with ctx.speaking_of("CSV-11"):
        other = ctx.run("needs_attention", fresh=False)
        others = (each for each in other.company.sheets if each not in run.company.sheets)
        theirs = first_of(others, "the sheets of a second company are known when the suite provisioned it")
        requirement = "a sheet of another company is answered with 404"
        for filter_ in (None, "all"):
            ctx.status("CSV-11", ask(theirs, filter_), 404, requirement)
        for filter_ in ("all", None) if known.ok else ():
            ctx.status("CSV-11", fetch(ctx, other.company.id, sheet, filter_), 404, requirement)


@check("CSV-12", needs=("completed",))
def a_download_is_no_run(ctx: StateDriver) -> None:
    """Read a company's history and active run before and after a download."""
    run = completed_run(ctx)
    before = _runs(ctx, run)
    fetch(ctx, run.company.id, None)
    answer = fetch(ctx, run.company.id, sheet_of(run.state), "all")
    ctx.status("CSV-12", answer, 200, "the download is the answer itself")
    after, requirement = _runs(ctx, run), "a download creates no run"
    ctx.require("CSV-12", after == before, requirement, answer, expected="the same history", got="another one")


@check("CSV-02", "CSV-08", needs=("completed",))
def a_workbook_is_downloaded_as_zip(ctx: StateDriver) -> None:
    """Download the whole workbook."""
    run = completed_run(ctx)
    answer = fetch(ctx, run.company.id, None)
    if answer.status is not None and (400 <= answer.status < 500 or answer.status == 501):
        raise Skipped(f"the target answers {answer.status}: the ZIP may not have been built yet")
    if not ctx.status("CSV-02", answer, 200, "without sheet_id the whole workbook is downloaded"):
        return
    zipped = answer.media_type == "application/zip"
    ctx.require("CSV-02", zipped, "the workbook is application/zip", answer, got=answer.media_type)
    files = files_in(answer.content)
    headers = {tuple(each.name for each in columns_of(ctx, run.company, sheet)) for sheet in run.company.sheets}
    found = {lines[0] for lines in files}
    holds, requirement = headers <= found or not files, "the header of a file in the ZIP has the template's columns"
    ctx.require("CSV-08", holds, requirement, answer, expected=_joined(headers), got=_joined(found))
    wanted = sorted(valid.as_file for _, valid in _read(_answers(ctx, run)).values())
    holds, requirement = Counter(wanted) <= Counter(files), "the ZIP has every sheet of the workbook as CSV"
    ctx.require("CSV-02", holds, requirement, answer, expected=wanted, got=sorted(files))


@check("CSV-02", "CSV-03", "CSV-04", "CSV-05", needs=("needs_attention", "completed_with_flags"))
def a_workbook_leaves_flagged_rows_out_unless_asked_for(ctx: StateDriver) -> None:
    """Download the workbook of a run that completed with flagged rows, without filter and with each of them."""
    made = flagged_run(ctx)
    skip_if(made.run.company.provisioned is None, "a company that the target file lends may have other rows by now")
    whole, valid = made.downloads()
    clauses = {None: "CSV-03", "valid": "CSV-04", "all": "CSV-05"}
    for filter_, lines, others in ((None, valid, whole), ("valid", valid, whole), ("all", whole, valid)):
        answer = fetch(ctx, made.run.company.id, None, filter_)
        came = answer.status or answer.problem
        skip_if(not answer.ok, f"the target answers {came}: the ZIP may not have been built yet")
        wanted, files = lines.as_file, files_in(answer.content)
        exchanged = wanted not in files and others.as_file in files
        requirement = f"the ZIP has the rows of its sheets with filter={filter_ or 'valid'}"
        ctx.require(clauses[filter_], not exchanged, requirement, answer, expected=wanted, got=sorted(files))
        ctx.require("CSV-02", wanted in files, requirement, answer, expected=wanted, got=sorted(files))


def judge_workbook(ctx: StateDriver, run: Run, sheets: Mapping[str | None, Download]) -> None:
    """Whether the workbook has a sheet's rows with each filter as the sheet has them by itself."""
    for filter_, lines in sheets.items():
        answer = fetch(ctx, run.company.id, None, filter_)
        came = answer.status or answer.problem
        skip_if(not answer.ok, f"the target answers {came}: the ZIP may not have been built yet")
        files = files_in(answer.content)
        there = [f"{len(rows)} rows" for header, *rows in files if header == lines.header]
        got, expected = ", ".join(there) or "no such sheet", f"{len(lines.rows)} rows as in the sheet"
        requirement = f"the ZIP has the rows of its sheets, however many, with filter={filter_ or 'valid'}"
        ctx.require("CSV-02", lines.as_file in files, requirement, answer, lines.answer, expected=expected, got=got)


def _judge_counts(ctx: StateDriver, run: Run, end: Any) -> None:
    left_out = sum(len(whole.rows) - len(valid.rows) for whole, valid in _read(_answers(ctx, run)).values())
    requirement = "over all sheets filter=all has invalidCellCount rows more than filter=valid"
    ctx.equal("CSV-06", left_out, count(end, "invalidCellCount"), requirement, run.polled)


def _answers(ctx: StateDriver, run: Run) -> dict[str, tuple[Answer, Answer]]:
    """The downloads of each sheet of a completed run, all rows and valid ones; the checks of a journey share them."""

    def fetched() -> dict[str, tuple[Answer, Answer]]:
        ask = partial(fetch, ctx, run.company.id)
        return {each: (ask(each, "all"), ask(each, "valid")) for each in run.company.sheets}

    return ctx.share(f"downloads after {run.id}", fetched)


def _read(answers: Mapping[str, tuple[Answer, Answer]]) -> dict[str, tuple[Download, Download]]:
    """All rows and the valid ones by sheet; Blocked where one of the answers is no CSV."""
    return {sheet: (read(whole), read(valid)) for sheet, (whole, valid) in answers.items()}


def _awkward_rows(ctx: StateDriver, company: Company) -> tuple[str, list[dict[str, Any]], list[dict[str, Any]]]:
    """The name of a column without rules, and right rows that hold the awkward texts there; such as hold nothing."""
    pattern, texts = pattern_for(ctx, company), [*AWKWARD, *(PLAIN if ctx.whole else ())]
    name = pattern.text_column
    *rows, nothing, missing = pattern.rows(len(texts) + 2)
    more = [nothing | {name: None}, {key: value for key, value in missing.items() if key != name}]
    awkward = [{**row, name: text} for row, text in zip(rows, texts, strict=True)]
    first = pattern.columns[0]
    if not first.required and not first.unique:
        more[1][first.name] = ""
    empties = not any(each.required for each in pattern.columns if each.name == name)  # which may stay empty
    return name, awkward, more if ctx.whole and empties else []


def _broken_alike(text: str) -> str:
    """The text with every line break of one kind."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _runs(ctx: StateDriver, run: Run) -> tuple[Any, Any]:
    """What the company's history lists, and the status of its active run."""
    history, active = ctx.history(run.company), ctx.active(run.company)
    for answer in (history, active):
        must_succeed(answer, "the company's runs could not be read")
    return listing(history), at(active.json, "status")
