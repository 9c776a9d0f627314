"""Rows from outside, an uploaded CSV file of any common form or rows of a JSON body; and rows written as CSV.

Reading forgives what real files do (`csv_text`), ragged rows, and names of another spelling; what it cannot make sense
of it says in plain words, as a `Drift`, which ends the run `failed`.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from contextlib import suppress
from functools import lru_cache
from itertools import islice
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, BinaryIO

from mock_server.contract.nearest import counted, shown
from mock_server.data.csv_text import records, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mock_server.data.book import Row
    from mock_server.data.templates import Template

_MARKS = (b"PK\x03\x04", b"\x1f\x8b", b"\xd0\xcf\x11\xe0", b"%PDF")
_NAMES_LISTED = 20
_LONGEST_NAME = 1_000  # characters that count; to put many marks in order takes the square of their number
_BATCH = 1_000
_TEXT = 500  # characters of a row that is not long
_SHARED = 10_000  # cells of a file that others are compared with: equal ones are held once
_NO_LETTER = re.compile(r"[\W_\u115f\u1160]+")  # the last two are Hangul's fillers, letters that nobody sees


_PLAIN = {code: chr(code).lower() if chr(code).isalnum() else None for code in range(128)}


class Drift(Exception):
    """Why a file's or a row set's columns cannot be brought into the sheet (POLL-14)."""


class TooManyRows(Exception):
    """An import holds more than is taken; its text says what."""


class Room:
    """What an import may still hold: rows, and so many characters in all as its rows have when they are not long."""

    def __init__(self, rows: int) -> None:
        self._most = self._rows = rows
        self._text = rows * _TEXT

    def take(self, rows: int, text: int) -> None:
        """Take some of it; raises TooManyRows when it is not there."""
        self._rows -= rows
        self._text -= text
        if min(self._rows, self._text) < 0:
            what = counted(self._most, "row") if self._rows < 0 else f"{_TEXT} characters for each of {self._most} rows"
            raise TooManyRows(f"the files have more than {what}, the most that is taken (--max-rows)")


def read_header(file: BinaryIO, *templates: Template) -> tuple[str, ...]:
    """The file's column names, for choosing the sheet that it belongs to; () for a file without a line to read."""
    with text_of(file) as text, suppress(csv.Error):
        found = records(text, lambda names: max((likeness(names, each) for each in templates), default=0))
        return () if found is None else tuple(found.header())
    return ()


def read_file(file: BinaryIO, name: str, template: Template, room: Room | None = None) -> list[Row]:
    """The file's rows in the template's columns; a column that the file lacks is empty.

    Raises Drift, and TooManyRows as soon as they do not fit into the room.
    """
    file.seek(0)
    if file.read(4).startswith(_MARKS):
        raise Drift(
            f"{shown(name)} is not a CSV file: it is a spreadsheet, an archive or a PDF; export it as CSV first"
        )
    rows: list[Row] = []
    seen: dict[str, str] = {}
    try:
        with text_of(file) as text:
            found = records(text, lambda names: likeness(names, template))
            if found is None:
                raise Drift(f"{shown(name)} is empty: it has no header line")
            header = found.header()
            columns = match_columns(header, template, shown(name))
            there = [at for at in columns if at is not None]
            # Blanks around a name in the header stand around the cells of its column, too.
            loose = [at for at in there if header[at] != header[at].strip()]
            for line in found.rows(max(there, default=0) + 1, loose):
                # A line that is too short is filled up, what is too much is left out.
                cells = [line[at] if at is not None and at < len(line) else "" for at in columns]
                if room is not None:
                    room.take(1, sum(map(len, cells)))
                rows.append(tuple(map(seen.setdefault if len(seen) < _SHARED else seen.get, cells, cells)))
    except csv.Error as error:
        raise Drift(f"{shown(name)} is not a CSV file that can be read: {error}") from error
    return rows


def read_rows(rows: Sequence[Mapping[str, Any]], template: Template) -> list[Row]:
    """Rows of a JSON body in the template's columns; each may write its names in its own way. Raises Drift."""
    match_columns(tuple(dict.fromkeys(name for row in rows for name in row)), template, "the rows")

    @lru_cache(maxsize=1_000)
    def wanted(names: tuple[str, ...]) -> list[str | None]:
        return [None if at is None else names[at] for at in _positions(names, template)]

    return [tuple([cell_text(None if name is None else row[name]) for name in wanted(tuple(row))]) for row in rows]


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


def match_columns(names: Sequence[str], template: Template, what: str) -> list[int | None]:
    """For each column of the template the position of its name among `names`; letters and digits alone count.

    Raises Drift when a required column is not there.
    """
    found = _positions(names, template)
    for column, position in zip(template.columns, found, strict=True):
        if column.required and position is None:
            there = ", ".join(map(shown, islice(names, _NAMES_LISTED))) or "none"  # so that no file makes a huge error
            more = f" and {len(names) - _NAMES_LISTED} more" if len(names) > _NAMES_LISTED else ""
            raise Drift(
                f"The required column '{column.name}' of {template.name} could not be found in {what}; "
                f"the columns there are: {there}{more}"
            )
    return found


def _positions(names: Sequence[str], template: Template) -> list[int | None]:
    """The position of each column's name: the name itself before one that is like it, and of several the first.

    No position is given twice, so that `E-mail` and `Email` of one template do not become the same column.
    """
    found: dict[str, int] = {}
    for form in (str, str.casefold, plain):
        wanted = {form(column.name): column.name for column in reversed(template.columns) if column.name not in found}
        taken = set(found.values())
        for position, key in enumerate(map(form, names) if wanted else ()):
            if key in wanted and key and position not in taken:
                found[wanted.pop(key)] = position
    return [found.get(column.name) for column in template.columns]


def likeness(names: Sequence[str], template: Template) -> int:
    """How many of the template's columns are among these names."""
    return sum(position is not None for position in _positions(names, template))


def cell_text(value: Any) -> str:
    """What a JSON value is as a cell: nothing for null, `true` and `false` for booleans, else its text."""
    if value is None:
        return ""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def plain(name: str) -> str:
    """The name's letters and digits, without regard to case, width and what nobody sees."""
    if name.isascii():
        return name.translate(_PLAIN)
    return _NO_LETTER.sub("", unicodedata.normalize("NFKC", name[:_LONGEST_NAME]).casefold())
