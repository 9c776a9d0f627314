"""Rows from outside, an uploaded CSV file of any common form or rows of a JSON body; and rows written as CSV.

Reading forgives what real files do (delimiter, BOM, UTF-8 or Latin-1, ragged rows, headers of another case or spacing);
what it cannot make sense of it says in plain words, as a `Drift`, which ends the run `failed`.
"""

from __future__ import annotations

import csv
import io
from contextlib import closing, suppress
from functools import lru_cache
from itertools import islice
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence

    from mock_server.data.book import Row
    from mock_server.data.templates import Template

_DELIMITERS = (",", ";", "\t", "|")
_MARKS = (b"PK\x03\x04", b"\x1f\x8b", b"\xd0\xcf\x11\xe0", b"%PDF")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_LONGEST_CELL = 10_000_000
_NAMES_LISTED = 20
_NAME_LENGTH = 40
_BATCH = 1_000


class Drift(Exception):
    """Why a file's or a row set's columns cannot be brought into the sheet (POLL-14)."""


def read_header(file: BinaryIO) -> tuple[str, ...]:
    """The file's column names, for choosing the sheet that it belongs to; () for a file without a line to read."""
    with closing(_lines(file)) as lines, suppress(csv.Error):
        return tuple(next(lines, ()))
    return ()


def read_file(file: BinaryIO, name: str, template: Template) -> list[Row]:
    """The file's rows in the template's columns; a column that the file lacks is empty. Raises Drift."""
    file.seek(0)
    if file.read(4).startswith(_MARKS):
        raise Drift(f"'{name}' is not a CSV file: it is a spreadsheet, an archive or a PDF; export it as CSV first")
    try:
        with closing(_lines(file)) as lines:
            header = next(lines, None)
            if header is None:
                raise Drift(f"'{name}' is empty: it has no header line")
            columns = match_columns(header, template, f"'{name}'")
            # A line that is too short is filled up, what is too much is left out.
            return [
                tuple([line[at] if at is not None and at < len(line) else "" for at in columns])
                for line in lines
                if any(line)
            ]
    except csv.Error as error:
        raise Drift(f"'{name}' is not a CSV file that can be read: {error}") from error


def read_rows(rows: Sequence[Mapping[str, Any]], template: Template) -> list[Row]:
    """Rows of a JSON body in the template's columns; each may write its names in its own way. Raises Drift."""
    match_columns(tuple(dict.fromkeys(name for row in rows for name in row)), template, "the rows")
    wanted = [plain(column.name) for column in template.columns]
    same = lru_cache(maxsize=1_000)(plain)
    lines = ({same(name): value for name, value in row.items()} for row in rows)
    return [tuple([cell_text(cells.get(name)) for name in wanted]) for cells in lines]


def write_csv(names: Sequence[str], rows: Iterable[Row]) -> Iterator[bytes]:
    """RFC 4180 text in UTF-8 (CSV-09): a header line, then the rows, in pieces of many rows."""
    lines: list[str] = []
    writer = csv.writer(SimpleNamespace(write=lines.append))
    writer.writerow(names)
    for row in rows:
        line = ",".join(row)
        # Nine rows in ten need no quotes, and joining those is seven times as fast as the writer.
        if line and line.count(",") == len(row) - 1 and not ('"' in line or "\n" in line or "\r" in line):
            lines.append(line + "\r\n")
        else:
            writer.writerow(row)
        if len(lines) >= _BATCH:
            yield "".join(lines).encode()
            lines.clear()
    yield "".join(lines).encode()


def match_columns(names: Sequence[str], template: Template, what: str) -> tuple[int | None, ...]:
    """For each column of the template the position of its name among `names`; case and spaces do not matter.

    Raises Drift when a required column is not there.
    """
    positions: dict[str, int] = {}
    for position, name in enumerate(names):
        positions.setdefault(plain(name), position)
    for column in template.columns:
        if column.required and plain(column.name) not in positions:
            # The first names, each cut where it is long, so that no file makes a huge error.
            cuts = (name if len(name) <= _NAME_LENGTH else f"{name[: _NAME_LENGTH - 1]}…" for name in names)
            there = ", ".join(map(repr, islice(cuts, _NAMES_LISTED))) or "none"
            more = f" and {len(names) - _NAMES_LISTED} more" if len(names) > _NAMES_LISTED else ""
            raise Drift(
                f"The required column '{column.name}' of {template.name} could not be found in {what}; "
                f"the columns there are: {there}{more}"
            )
    return tuple(positions.get(plain(column.name)) for column in template.columns)


def likeness(names: Sequence[str], template: Template) -> int:
    """How many of the template's columns are among these names."""
    there = {plain(name) for name in names}
    return sum(plain(column.name) in there for column in template.columns)


def cell_text(value: Any) -> str:
    """What a JSON value is as a cell: nothing for null, `true` and `false` for booleans, else its text."""
    if value is None:
        return ""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def plain(name: str) -> str:
    """The name without regard to case and spaces."""
    return "".join(name.split()).casefold()


def _encoding(file: BinaryIO) -> str:
    """UTF-8 (with or without BOM), UTF-16 where its BOM says so, else Latin-1, which reads every byte."""
    file.seek(0)
    start = file.read(4)
    if start[:2] in _UTF_16:
        return "utf-16"
    file.seek(0)
    text = io.TextIOWrapper(file, "utf-8-sig")
    try:
        while text.read(1 << 20):
            pass
    except UnicodeDecodeError:
        return "latin-1"
    finally:
        text.detach()
    return "utf-8-sig"


def _lines(file: BinaryIO) -> Generator[list[str]]:
    csv.field_size_limit(_LONGEST_CELL)
    encoding = _encoding(file)
    file.seek(0)
    text = io.TextIOWrapper(file, encoding, errors="replace", newline="")
    try:
        first, start = text.readline(1 << 20), 0
        while first and not first.strip():  # blank lines before the header
            start = text.tell()
            first = text.readline(1 << 20)
        delimiter = max(_DELIMITERS, key=lambda each: len(next(csv.reader([first], delimiter=each), [])))
        text.seek(start)
        yield from csv.reader(text, delimiter=delimiter, strict=True)
    finally:
        text.detach()
