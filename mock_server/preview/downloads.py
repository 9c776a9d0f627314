"""CSV downloads: one sheet, or the workbook as ZIP, streamed at constant memory (CSV-01, CSV-02, CSV-13)."""

from __future__ import annotations

import re
import zipfile
from types import SimpleNamespace
from typing import TYPE_CHECKING

from starlette.responses import StreamingResponse

from mock_server.data.csv_file import write_csv
from mock_server.http.streamed import gathered

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mock_server.data.book import Book, Sheet

_DATE = (2026, 6, 15, 9, 0, 0)  # of every file in a ZIP: the same rows give the same bytes


def sheet_csv(sheet: Sheet, book: Book | None, *, flagged: bool) -> StreamingResponse:
    """The sheet's rows, with the flagged ones among them or without."""
    return _attachment(_csv(sheet, book, flagged=flagged), "text/csv", f"{_file(sheet)}.csv")


def workbook_zip(books: Sequence[tuple[Sheet, Book | None]], *, flagged: bool) -> StreamingResponse:
    """Every sheet of the workbook as a CSV file of a ZIP."""
    return _attachment(_zip(books, flagged=flagged), "application/zip", "workbook.zip")


def _attachment(content: Iterator[bytes], media_type: str, name: str) -> StreamingResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(gathered(content), media_type=media_type, headers=headers)


def _file(sheet: Sheet) -> str:
    """The sheet's name as a file name that every system takes."""
    return re.sub("[^A-Za-z0-9 _-]", "_", sheet.name)


def _csv(sheet: Sheet, book: Book | None, *, flagged: bool) -> Iterator[bytes]:
    rows = iter(()) if book is None else book.rows(sheet.id, flagged=flagged)
    return write_csv([column.name for column in sheet.template.columns], rows)  # CSV-08


def _zip(books: Sequence[tuple[Sheet, Book | None]], *, flagged: bool) -> Iterator[bytes]:
    written: list[bytes] = []

    def write(piece: bytes) -> int:
        written.append(bytes(piece))
        return len(piece)

    with zipfile.ZipFile(SimpleNamespace(write=write, flush=lambda: None), "w", zipfile.ZIP_DEFLATED) as archive:
        for sheet, book in books:
            entry = zipfile.ZipInfo(f"{_file(sheet)}.csv", _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w", force_zip64=True) as file:
                for piece in _csv(sheet, book, flagged=flagged):
                    file.write(piece)
                    if written:
                        yield b"".join(written)
                        written.clear()
    yield b"".join(written)
