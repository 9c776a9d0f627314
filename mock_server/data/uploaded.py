"""A book of rows that the caller sent, really checked against the template's rules.

Row numbers never change: a dropped row leaves a gap, so that flagged and kept cells keep their addresses.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from mock_server.data import csv_file
from mock_server.data.book import SAMPLES, Count, Fix, Group, Row, Sheet, allows_text, proposed_fix, sensible_fixes
from mock_server.data.rules import Faults, faults
from mock_server.data.templates import Link

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mock_server.data.rules import Check, Linked


class Table(NamedTuple):
    """One sheet's rows, their failing cells, and which of those a decision kept."""

    sheet: Sheet
    lines: Sequence[Row | None]
    faults: Faults
    kept: frozenset[tuple[int, int]]
    flagged: frozenset[int]
    """The numbers of the rows with a failing cell."""


class UploadedBook(NamedTuple):
    """Rows of the caller's own, checked; made by `check_tables`."""

    tables: tuple[Table, ...]
    held: Linked
    """Values that links may find in sheets which this book does not fill."""
    groups: tuple[Group, ...]
    counts: tuple[Count, ...]

    def reveal(self, _: object) -> UploadedBook:
        """The book itself: rows of the caller's own hide nothing."""
        return self

    def holds(self, template_id: str, column: str, text: str) -> bool:
        """Whether the text is in a column of the book's own rows, else in what links may find beside them."""
        for table in self.tables:
            if table.sheet.template.id == template_id:
                number = table.sheet.template.index(column)
                return any(line is not None and line[number] == text for line in table.lines)
        return text in self.held.get(Link(template_id, column), ())

    def apply_fixes(self, fixes: Sequence[Fix | None]) -> UploadedBook:
        """The book after one fix for each group, checked anew, since a change may break a link or cure one."""
        fixed = [(group, fix) for group, fix in zip(self.groups, fixes, strict=True) if fix]
        tables = (_after(each, [pair for pair in fixed if pair[0].sheet is each.sheet]) for each in self.tables)
        return check_tables([(t.sheet, t.lines, t.kept) for t in tables], self.held)

    def rows(self, sheet_id: str, *, flagged: bool) -> Iterator[Row]:
        """The sheet's rows in the order in which they came."""
        for table in self.tables:
            if table.sheet.id == sheet_id:
                for at, line in enumerate(table.lines):
                    if line is not None and (flagged or at not in table.flagged):
                        yield line


def check_tables(
    tables: Iterable[tuple[Sheet, Sequence[Row | None], frozenset[tuple[int, int]]]], held: Linked
) -> UploadedBook:
    """The book of these sheets: every cell checked, failing ones grouped; a kept cell stays kept while it fails.

    A link's values are to be found in the book's own rows, else in what the company holds.
    """
    contents, linked = list(tables), dict(held)
    for link in {link for sheet, *_ in contents for column in sheet.template.columns for link in column.links}:
        for sheet, lines, _ in contents:
            if sheet.template.id == link.template_id:
                number = sheet.template.index(link.column)
                linked[link] = frozenset(line[number] for line in lines if line is not None)
    made = []
    for sheet, lines, kept in contents:
        found = faults(sheet.template, lines, linked)
        still = frozenset((at, number) for (number, _), ats in found.items() for at in ats if (at, number) in kept)
        made.append(Table(sheet, lines, found, still, frozenset(chain.from_iterable(found.values()))))
    groups = [group for table in made for group in _groups(table)]
    counts = tuple(_count(table) for table in made)
    return UploadedBook(tuple(made), held, tuple(sorted(groups, key=lambda group: group.accepted)), counts)


def book_of_rows(rows: Sequence[Mapping[str, Any]], sheets: Sequence[Sheet], held: Linked) -> UploadedBook:
    """The book of rows in a request: they go to the workbook's first sheet (OP-22). Raises Drift."""
    sheet = sheets[0]
    return check_tables([(sheet, csv_file.read_rows(rows, sheet.template), frozenset())], held)


def book_of_files(
    files: Sequence[tuple[str, BinaryIO]], sheets: Sequence[Sheet], held: Linked, room: csv_file.Room | None = None
) -> UploadedBook:
    """The book of uploaded files, each (name, content); files for one sheet follow one another.

    A file goes to the sheet of its name, else to the first one with the most of its columns; it is read once, however
    often it is there. Raises Drift, and TooManyRows when its rows do not fit into the room.
    """
    lines: dict[str, tuple[Sheet, list[Row]]] = {}
    known: dict[tuple[int, str], list[Row]] = {}
    for name, file in files:
        stem = csv_file.plain(name.rpartition("/")[2].partition(".")[0])
        sheet = next((sheet for sheet in sheets if csv_file.plain(sheet.name) == stem), None)
        if sheet is None:
            header = csv_file.read_header(file, *(each.template for each in sheets))
            sheet = max(sheets, key=lambda sheet: csv_file.likeness(header, sheet.template))
        found = known.get((id(file), sheet.id))
        if found is None:
            found = known[id(file), sheet.id] = csv_file.read_file(file, name, sheet.template, room)
        elif room is not None:
            room.take(len(found), 0)
        lines.setdefault(sheet.id, (sheet, []))[1].extend(found)
    return check_tables([(sheet, rows, frozenset()) for sheet, rows in lines.values()], held)


def _groups(table: Table) -> Iterator[Group]:
    """The table's failing cells by column and check, in template order; kept ones as groups of their own."""
    for (number, check), ats in table.faults.items():
        for accepted in (False, True) if table.kept else (False,):
            if cells := [at for at in ats if ((at, number) in table.kept) == accepted]:
                yield _group(table, number, check, cells, accepted=accepted)


def _group(table: Table, number: int, fails: Check, ats: Sequence[int], *, accepted: bool) -> Group:
    column = table.sheet.template.columns[number]
    texts = dict.fromkeys(line[number] for at in ats if (line := table.lines[at]) is not None)
    fix = Fix("keep") if accepted else proposed_fix(column, fails)
    return Group(
        sheet=table.sheet,
        column=column,
        fails=fails,
        rows=len(ats),
        samples=tuple(texts)[:SAMPLES],
        fix=fix,
        options=sensible_fixes(column, fails, fix),
        allow_custom=allows_text(column, fails, len(ats)),
        ask=not accepted,
        accepted=accepted,
    )


def _count(table: Table) -> Count:
    total = sum(line is not None for line in table.lines)
    return Count(table.sheet, total - len(table.flagged), len(table.flagged))


def _after(table: Table, decisions: Sequence[tuple[Group, Fix]]) -> Table:
    """The table with the fixes carried out: cells set, rows dropped, and duplicates judged last, among what is left."""
    lines, kept = list(table.lines), set(table.kept)
    dedups: list[tuple[int, list[int]]] = []
    dropped: set[int] = set()
    for group, fix in decisions:
        number = table.sheet.template.index(group.column.name)
        cells = _cells(table, group, number)
        match fix.action:
            case "set_value":  # DEC-06
                for at in cells:
                    lines[at] = _with(lines[at], number, fix.value or "")
            case "delete_invalid_rows":  # DEC-07
                dropped.update(cells)
            case "dedup_keep_first":
                dedups.append((number, cells))
            case "keep":  # DEC-09
                kept.update((at, number) for at in cells)
    for at in dropped:
        lines[at] = None
    for number, cells in dedups:
        _keep_first(lines, number, {line[number] for at in cells if (line := table.lines[at]) is not None})
    return table._replace(lines=lines, kept=frozenset(kept))


def _cells(table: Table, group: Group, number: int) -> list[int]:
    ats = table.faults.get((number, group.fails), ())
    return [at for at in ats if ((at, number) in table.kept) == group.accepted]


def _with(line: Row | None, number: int, text: str) -> Row | None:
    return None if line is None else (*line[:number], text, *line[number + 1 :])


def _keep_first(lines: list[Row | None], number: int, repeated: set[str]) -> None:
    """Of the rows that share a repeated value the first stays, the rest is dropped (DEC-08)."""
    met: set[str] = set()
    for at, line in enumerate(lines):
        if line is not None and line[number] in repeated:
            if line[number] in met:
                lines[at] = None
            met.add(line[number])
