"""Servers that keep a rule about rows but for one action, one rule of a column, or one form of download."""

from __future__ import annotations

import csv
import io
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from deciding import answered, carried_out
from lies import App, Liar, Lie
from places import around, put
from rereading import written

from mock_server.data import rules, uploaded
from mock_server.data.book import Fix, has_open_groups
from mock_server.preview import decisions, downloads
from mock_server.preview import operations as api

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pytest
    from rereading import Download

    from mock_server.data.book import Book, Group, Row, Sheet
    from mock_server.preview.lifecycle import Life
    from mock_server.preview.runs import ImportRun

    Place = Callable[[str, str, bytes], bool]


def _zipped(change: Callable[[Download, list[Any]], Sequence[Any]]) -> Lie:
    """A lie about the sheets of a workbook, and not about a single one."""
    return written(lambda each, rows: change(each, rows) if each.zipped else rows)


def _all_by_default(each: Download, rows: list[Any]) -> list[Any]:
    if each.book is None or "filter" in each.call.query:
        return rows
    return list(each.book.rows(each.sheet.id, flagged=True))


def _with_kept(each: Download, rows: list[Any]) -> list[Any]:
    """Count rows that a decision has kept as valid."""
    if each.book is None or has_open_groups(each.book):
        return rows
    return list(each.book.rows(each.sheet.id, flagged=True))


def _as_it_came(each: Download, rows: list[Any]) -> list[Any]:
    """Make a workbook of the rows as they were before any decision."""
    runs = each.company.imports
    state = runs[-1].life(each.call.now) if runs else None
    if state is None or state.status != "completed" or runs[-1].book is None or not state.parkings:
        return rows
    return list(runs[-1].book.rows(each.sheet.id, flagged=True))


def _bare_zip(change: Callable[[Sheet, list[Row]], Iterator[bytes]]) -> Lie:
    """A lie about how the files of a workbook are written, and not a single sheet."""
    whole = downloads.workbook_zip
    zipping: ContextVar[bool] = ContextVar("zipping", default=False)
    honest = downloads._csv

    def csv(sheet: Sheet, book: Book | None, *, flagged: bool) -> Iterator[bytes]:
        if not zipping.get():
            return honest(sheet, book, flagged=flagged)
        return change(sheet, [] if book is None else list(book.rows(sheet.id, flagged=flagged)))

    def zipped(books: Any, *, flagged: bool) -> Any:
        response = whole(books, flagged=flagged)
        pieces = response.body_iterator

        async def body() -> Any:
            zipping.set(True)
            async for piece in pieces:
                yield piece

        response.body_iterator = body()
        return response

    def make(app: App, patch: pytest.MonkeyPatch) -> App:
        put(patch, downloads._csv, csv)
        put(patch, (api, downloads.workbook_zip), zipped)
        return app

    return make


def _text(rows: Sequence[Sequence[str]], **form: Any) -> bytes:
    written_to = io.StringIO()
    csv.writer(written_to, **form).writerows(rows)
    return written_to.getvalue().encode()


def _one_line(sheet: Sheet, rows: list[Row]) -> Iterator[bytes]:
    """Write line breaks within a cell as blanks."""
    names = [column.name for column in sheet.template.columns]
    yield _text([names, *(tuple(cell.replace("\n", " ") for cell in row) for row in rows)])


def _no_header(sheet: Sheet, rows: list[Row]) -> Iterator[bytes]:
    del sheet
    yield _text(rows)


def _decided(change: Callable[[Group, Fix], Fix]) -> Lie:
    """A lie that carries out another fix for some groups."""
    return carried_out(lambda _, mine: [(group, change(group, fix)) for group, fix in mine])


def _blank_stay(group: Group, fix: Fix) -> Fix:
    return Fix("keep") if group.fails == "required" and fix.action == "delete_invalid_rows" else fix


def _uncleared(group: Group, fix: Fix) -> Fix:
    return Fix("keep") if fix == Fix("set_value", "") and group.fails == "strict" else fix


def _only(fails: str, change: Callable[[Any], bool]) -> Lie:
    """A lie that passes over the answers of one kind to questions about one rule of a column."""

    def fixes(run: ImportRun, state: Life, given: Sequence[Any]) -> list[Fix | None]:
        found = decisions.fixes(run, state, given)
        asked_for = {each.id: each for each in run.questions(state)}
        for each in given:
            question = asked_for[each["question_id"]]
            if question.group.fails == fails and change(each):
                found[question.place] = question.group.fix
        return found

    return answered(fixes)


def _links_pass(honest: Callable[..., Any]) -> Callable[..., Any]:
    """Check every rule but that of a link."""

    def faults(template: Any, rows: Any, linked: Any) -> Any:
        return {place: ats for place, ats in honest(template, rows, linked).items() if place[1] != "link"}

    return faults


LIARS: tuple[Liar, ...] = (
    Liar("CSV-03", "gives all rows of a workbook when no filter is named", _zipped(_all_by_default),
         ("CSV-02", "CSV-04")),
    Liar("CSV-09", "writes line breaks as blanks in a workbook", _bare_zip(_one_line), ("CSV-02",)),
    Liar("CSV-08", "writes the files of a workbook without a header", _bare_zip(_no_header), ("CSV-02", "TPL-06")),
    Liar("DEC-09", "has the kept rows among the valid ones of a workbook", _zipped(_with_kept),
         ("CSV-04", "CSV-02")),
    Liar("DEC-06", "makes a workbook of the rows as they came", _zipped(_as_it_came),
         ("CSV-02", "DEC-05", "DEC-07", "DEC-08", "CSV-04")),
    Liar("DEC-07", "drops invalid rows, and not those where a required cell is blank", _decided(_blank_stay),
         ("DEC-05", "DEC-27")),
    Liar("DEC-06", "does not clear cells that fail an expression", _decided(_uncleared), ("DEC-05", "DEC-27")),
    Liar("DEC-12", "passes over a free text for a blank cell", _only("required", lambda each: "custom" in each),
         ("DEC-10",)),
    Liar("DEC-10", "applies the patch to duplicates, whatever is answered",
         _only("unique", lambda each: "option_id" in each), ("DEC-11", "DEC-09")),
    Liar("CSV-04", "checks every rule of a column but links", around((uploaded, rules.faults), _links_pass)),
)  # fmt: skip
