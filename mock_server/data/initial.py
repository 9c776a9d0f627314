"""The book that a run starts with: generated rows for a scripted scenario, or the caller's own, read and checked."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any

from mock_server.data import csv_reader
from mock_server.data.generated import GeneratedSheet, Layout, bind_group, untouched_book
from mock_server.data.uploaded import check_tables
from mock_server.data.values import cell, maker

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import BinaryIO

    from mock_server.data.book import Row, Sheet
    from mock_server.data.declared import Data, Flagged
    from mock_server.data.generated import GeneratedBook
    from mock_server.data.templates import Column, Link
    from mock_server.data.uploaded import UploadedBook
    from mock_server.data.values import Maker


def generate(
    filled: Sequence[Data], groups: Sequence[tuple[object, Flagged]], sheets: Sequence[Sheet], seed: int
) -> GeneratedBook:
    """The book of these rows before any of the groups, each with the beat that declares it, came to light."""
    made: dict[str, GeneratedSheet] = {}
    for data in filled:
        sheet = next(sheet for sheet in sheets if sheet.name == data.sheet)
        declared = [each for each in enumerate(groups) if each[1][1].sheet == data.sheet]
        made[sheet.id] = GeneratedSheet(
            sheet=sheet,
            layout=Layout(data.rows, tuple(flagged.rows for _, (_, flagged) in declared)),
            prepare=cache(partial(_makers, sheet, seed, made)),
            wrongs=tuple(bind_group(place, beat, flagged, sheet) for place, (beat, flagged) in declared),
        )
    return untouched_book(tuple(made.values()))


def _makers(sheet: Sheet, seed: int, made: Mapping[str, GeneratedSheet]) -> tuple[Maker, ...]:
    return tuple(maker(column, seed, _linked_maker(column, made)) for column in sheet.template.columns)


def _linked_maker(column: Column, made: Mapping[str, GeneratedSheet]) -> Maker | None:
    """What makes the values of the column that this one links to: those of right rows of a generated sheet."""
    for link in column.links:
        for target in made.values():
            if target.sheet.template.id == link.template_id:
                return _picker(target, link.column)
    return None


def _picker(target: GeneratedSheet, column: str) -> Maker:
    """What takes the right rows' texts of a column in turn, and begins again after the last."""
    make, layout = target.makers[target.sheet.template.index(column)], target.layout

    def pick(rows: range) -> list[str]:
        first, count = rows.start % layout.rows, len(rows)
        texts = _right(make, layout, range(first, min(first + count, layout.rows)))
        if len(texts) < count:
            lap = _right(make, layout, range(min(count, layout.rows)))
            texts += [lap[row % layout.rows] for row in range(count - len(texts))]
        return texts

    return pick


def _right(make: Maker, layout: Layout, rows: range) -> list[str]:
    """The texts of the rows, made all at once; a wrong row repeats the right one above it."""
    texts = make(rows)
    for row in layout.wrong(rows):
        texts[row - rows.start] = cell(make, row - 1)
    return texts


def book_of_rows(
    rows: Sequence[Mapping[str, Any]], sheets: Sequence[Sheet], held: Mapping[Link, frozenset[str]]
) -> UploadedBook:
    """The book of rows in a request: they go to the workbook's first sheet (OP-22). Raises Drift."""
    sheet = sheets[0]
    return check_tables([(sheet, csv_reader.read_rows(rows, sheet.template), frozenset())], held)


def book_of_files(
    files: Sequence[tuple[str, BinaryIO]], sheets: Sequence[Sheet], held: Mapping[Link, frozenset[str]]
) -> UploadedBook:
    """The book of uploaded files, each (name, content); files for one sheet follow one another. Raises Drift."""
    lines: dict[str, tuple[Sheet, list[Row]]] = {}
    for name, file in files:
        sheet = _belongs(name, csv_reader.read_header(file), sheets)
        lines.setdefault(sheet.id, (sheet, []))[1].extend(csv_reader.read_file(file, name, sheet.template))
    return check_tables([(sheet, rows, frozenset()) for sheet, rows in lines.values()], held)


def _belongs(name: str, headers: Sequence[str], sheets: Sequence[Sheet]) -> Sheet:
    """The sheet of the file's name, else the first one with the most of its columns."""
    stem = "".join(name.rpartition("/")[2].partition(".")[0].split()).casefold()
    for sheet in sheets:
        if "".join(sheet.name.split()).casefold() == stem:
            return sheet
    return max(sheets, key=lambda sheet: csv_reader.likeness(headers, sheet.template))
