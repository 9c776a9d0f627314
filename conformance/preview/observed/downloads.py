"""What downloads give, held against each other, against the reports and against the templates (CSV).

The rule that it keeps: downloads are compared in a company of which all is known and in which nothing moves, as texts
in any order of rows; while a run is parked, when its next poll shows it still so (OP-11).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from conformance.preview.account import parse, text
from conformance.preview.bodies import at, count, listed
from conformance.preview.observed.memory import PARKED, Memory, SeenCompany, SeenRun, contradiction

if TYPE_CHECKING:
    from conformance.engine.plan import Contradiction
    from conformance.http.client import Answer

Found = Iterator["Contradiction"]
FILTERS = ("valid", "all")


class Rows(NamedTuple):
    """A download as it was read."""

    changes: int
    """How often the company's rows may have changed by then."""
    header: tuple[str, ...]
    rows: Counter[tuple[str, ...]]
    answer: Answer


def downloaded(memory: Memory, answer: Answer) -> Found:
    """A download of one sheet."""
    company, sheet = memory.company(answer), answer.query.get("sheet_id")
    filter_ = answer.query.get("filter", "valid")
    if not answer.ok or not isinstance(sheet, str) or filter_ not in FILTERS or company.provisioned is None:
        return
    if sheet not in company.sheets:
        if company.sheets and sheet.casefold() not in map(str.casefold, company.sheets):
            requirement = "a sheet that is not the company's is answered with 404"
            yield contradiction("CSV-11", requirement, company.provisioned, answer, expected="404", got="200")
        return
    lines = parse(text(answer))
    if not lines:
        return
    found = Rows(company.changes, lines[0], Counter(lines[1:]), answer)
    yield from _header(memory, company.sheets[sheet], found)
    if company.at_rest:
        yield from _held(company, _compared(company, sheet, str(filter_), found))
        company.downloads[sheet, str(filter_)] = found
        if "filter" in answer.query:
            yield from _held(company, _counted(company))


def _held(company: SeenCompany, found: Found) -> Found:
    """These, or what has to wait for the next poll of the run that is parked."""
    parked = [run for run in company.runs if run.end is None]
    for each in found:
        if parked:
            parked[-1].pending.append((PARKED, each))
        else:
            yield each


def _header(memory: Memory, template_id: str, found: Rows) -> Found:
    template = memory.templates.get(template_id)
    names = tuple(str(at(column, "name")) for column in listed(template, "columns"))
    if names and found.header != names:
        requirement, got = "the header has the template's columns, in its order", ", ".join(found.header)
        yield contradiction("CSV-08", requirement, found.answer, expected=", ".join(names), got=got)


def _compared(company: SeenCompany, sheet: str, filter_: str, found: Rows) -> Found:
    """With the same download before, and with that of the other filter."""
    before = company.downloads.get((sheet, filter_))
    if before is not None and before.changes == found.changes and before.rows != found.rows:
        missing, new = before.rows - found.rows, found.rows - before.rows
        got = f"{missing.total()} rows gone, {new.total()} new; {_some(missing or new)}"
        parked = any(run.end is None for run in company.runs)
        implied = "filter" not in found.answer.query or "filter" not in before.answer.query
        clause = "PATCH-10" if parked else "CSV-03" if implied and _differ(before, found) else "RUN-08"
        requirement = "a download gives the same rows as long as nothing happens in the company"
        yield contradiction(clause, requirement, before.answer, found.answer, expected="the same rows", got=got)
        if clause == "RUN-08":
            rejected = bool(company.runs) and company.runs[-1].rejected
            clause = "DEC-33" if rejected else "CSV-05" if filter_ == "all" else "CSV-04"
            yield contradiction(clause, requirement, before.answer, found.answer, expected="the same rows", got=got)
    other = company.downloads.get((sheet, "all" if filter_ == "valid" else "valid"))
    if other is not None and other.changes == found.changes:
        valid, whole = (found, other) if filter_ == "valid" else (other, found)
        if surplus := valid.rows - whole.rows:
            requirement = "filter=valid has no row that filter=all has not"
            yield contradiction("CSV-04", requirement, other.answer, found.answer, expected="none", got=_some(surplus))


def _differ(before: Rows, found: Rows) -> bool:
    """Whether one of them was asked for with a filter, and the other without."""
    return ("filter" in before.answer.query) != ("filter" in found.answer.query)


def _some(rows: Counter[tuple[str, ...]]) -> str:
    return "; ".join(", ".join(row) for row in list(rows)[:2])


def _counted(company: SeenCompany) -> Found:
    """All downloads of a company whose only run has completed, against its report."""
    run = company.runs[0] if len(company.runs) == 1 else None
    if run is None or run.end is None or run.status not in {"completed", "failed"}:
        return
    now = [company.downloads.get((sheet, each)) for each in FILTERS for sheet in company.sheets]
    rows = [each for each in now if each is not None and each.changes == company.changes]
    if len(rows) < len(now):
        if run.status == "completed":
            yield from _in_some_sheets(company, run)
        return
    half = len(rows) // 2
    valid, whole = (sum(each.rows.total() for each in part) for part in (rows[:half], rows[half:]))
    if run.status == "completed":
        yield from _against_the_report(run, valid, whole, *(each.answer for each in rows))
    elif not run.taken and whole:
        requirement = "a run that failed by itself inserted no rows"
        yield contradiction(
            "RUN-09", requirement, run.end, *(each.answer for each in rows), expected="none", got=str(whole)
        )


def _in_some_sheets(company: SeenCompany, run: SeenRun) -> Found:
    """The flagged rows of the sheets that were downloaded, which are not more than the report counts in all of them."""
    pairs = [[company.downloads.get((sheet, each)) for each in FILTERS] for sheet in company.sheets]
    known = [(v, a) for v, a in pairs if v and a and v.changes == a.changes == company.changes]
    flagged = sum(whole.rows.total() - valid.rows.total() for valid, whole in known)
    invalid = count(run.end.json, "invalidCellCount") if run.end is not None else None
    if invalid is not None and flagged > invalid:
        requirement = "filter=all has in no sheet more rows beside those of filter=valid than invalidCellCount counts"
        answers = [each.answer for pair in known for each in pair]
        yield contradiction("CSV-06", requirement, run.end, *answers, expected=str(invalid), got=str(flagged))


def _against_the_report(run: SeenRun, valid: int, whole: int, *answers: Answer) -> Found:
    body = run.end.json if run.end is not None else None
    inserted, invalid = count(body, "inserted"), count(body, "invalidCellCount")
    if inserted is None or invalid is None:
        return
    if whole - valid != invalid:
        requirement = "over all sheets filter=all has invalidCellCount rows more than filter=valid"
        got = f"{whole} and {valid} rows"
        yield contradiction("CSV-06", requirement, run.end, *answers, expected=f"{invalid} more", got=got)
    if whole not in {inserted, inserted + invalid}:  # OP-21: flagged rows count as inserted, or not
        requirement = "filter=all has over all sheets as many rows as the import inserted"
        yield contradiction("CSV-07", requirement, run.end, *answers, expected=str(inserted), got=str(whole))
