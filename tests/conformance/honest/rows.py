"""Honest servers whose sheets and downloads are otherwise (OP-29, OP-31), and whose CSV is of another dialect."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from honesty import Honest
from places import all_of, around, handled
from starlette.responses import StreamingResponse

from mock_server.data import csv_file
from mock_server.data.book import Count
from mock_server.http.messages import error
from mock_server.kernel.errors import Refusal
from mock_server.preview import downloads, operations
from mock_server.preview.account import account_of
from mock_server.preview.companies import Company
from mock_server.preview.runs import ImportRun

if TYPE_CHECKING:
    from collections.abc import Iterator

DOWNLOADS = ("CSV", "DEC", "PATCH", "DST", "RUN", "SEC-02", "TPL-06")


class _Appended:
    """The rows of several imports, one after the other."""

    def __init__(self, books: list[Any], sheet: Any) -> None:
        mine = [each for book in books for each in book.counts if each.sheet.id == sheet.id]
        self._books = books
        self.counts = (Count(sheet, sum(each.clean for each in mine), sum(each.flagged for each in mine)),)

    def rows(self, sheet_id: str, *, flagged: bool) -> Iterator[Any]:
        for book in self._books:
            yield from book.rows(sheet_id, flagged=flagged)


def _appending(_: Any) -> Any:
    def book(self: Any, sheet: Any, now: int) -> Any:
        there = [each for each in self.books(now) if any(count.sheet.id == sheet.id for count in each.counts)]
        return _Appended(there[::-1], sheet) if there else None

    return book


class _CleanOnly:
    """A book that does not show its flagged rows."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self.counts = tuple(Count(each.sheet, each.clean, 0) for each in book.counts)

    def rows(self, sheet_id: str, **_: Any) -> Iterator[Any]:
        return iter(self._book.rows(sheet_id, flagged=False))


def _visible(change: Any) -> Any:
    """Change what the sheets show of a run that is not completed."""

    def changed(honest: Any) -> Any:
        def visible_book(self: Any, state: Any) -> Any:
            book = honest(self, state)
            return book if book is None or state.status == "completed" else change(book, state)

        return visible_book

    return around(ImportRun.visible_book, changed)


def _nothing_yet(book: Any, state: Any) -> Any:
    return book if state.status == "failed" else None


def _written(
    *, quoting: Any = csv.QUOTE_MINIMAL, end: str = "\r\n", mark: str = "", order: Any = None, last: bool = True
) -> Any:
    """Another dialect of RFC 4180, or another order of rows."""

    def changed(_: Any) -> Any:
        def written(names: Any, rows: Any) -> Iterator[bytes]:
            text = io.StringIO()
            writer = csv.writer(text, quoting=quoting, lineterminator=end)
            writer.writerow(names)
            writer.writerows(rows if order is None else order(list(rows)))
            whole = text.getvalue()
            yield (mark + (whole if last else whole.removesuffix(end))).encode()

        return written

    return around((downloads, csv_file.write_csv), changed)


def _headed(kind: str, disposition: str) -> Any:
    """Other headers of a sheet's download."""

    def changed(honest: Any) -> Any:
        def response(content: Any, media_type: str, headers: dict[str, str]) -> Any:
            if media_type != "text/csv":
                return honest(content, media_type=media_type, headers=headers)
            return honest(content, media_type=kind, headers={"Content-Disposition": disposition})

        return response

    return around((downloads, StreamingResponse), changed)


def _no_zip(status: int) -> Any:
    def changed(honest: Any) -> Any:
        async def export_csv(call: Any) -> Any:
            if "sheet_id" in call.query:
                return await honest(call)
            account_of(call.session).company(call.parameters["company_id"])
            if call.query.get("filter", "valid") not in {"valid", "all"}:
                raise Refusal(400, "no such filter")
            return error(status, "the whole workbook cannot be downloaded yet")

        return export_csv

    return handled("export_csv", changed)


def _with_readme(honest: Any) -> Any:
    """The ZIP tells how it was made, too."""
    import zipfile  # noqa: PLC0415 - beside its use

    async def drained(response: Any) -> bytes:
        return b"".join([piece async for piece in response.body_iterator])

    def workbook(books: Any, *, flagged: bool) -> Any:
        made = honest(books, flagged=flagged)

        async def content() -> Any:
            whole = io.BytesIO(await drained(made))
            with zipfile.ZipFile(whole, "a") as archive:
                archive.writestr("about/", "")
                archive.writestr("about/README.txt", "One file a sheet.")
            yield whole.getvalue()

        return StreamingResponse(content(), 200, {"Content-Disposition": "attachment"}, "application/zip")

    return workbook


ROWS = (
    Honest(
        "OP-29",
        "adds the rows of an import to those that are there",
        all_of(
            around(Company.book, _appending),
            around(Company.hidden, lambda _: lambda *_: []),
        ),
        DOWNLOADS,
    ),
    Honest("OP-31", "shows no rows of a run that is parked", _visible(_nothing_yet), DOWNLOADS),
    Honest(
        "OP-31", "shows flagged rows of completed runs alone", _visible(lambda book, _: _CleanOnly(book)), DOWNLOADS
    ),
    Honest("CSV", "quotes every cell, with a mark in front", _written(quoting=csv.QUOTE_ALL, mark="\ufeff"), DOWNLOADS),
    Honest("CSV", "ends lines with a line feed, the last one not at all", _written(end="\n", last=False), DOWNLOADS),
    Honest("CSV", "gives rows in another order", _written(order=lambda rows: sorted(rows, reverse=True)), DOWNLOADS),
    Honest(
        "CSV",
        "tells charset and header in the Content-Type",
        _headed("Text/CSV; charset=utf-8; header=present", "ATTACHMENT"),
        DOWNLOADS,
    ),
    Honest("CSV-02", "has not built the ZIP yet: 501", _no_zip(501), ("CSV", "ERR", "AUTH")),
    Honest("CSV-02", "has not built the ZIP yet: 404", _no_zip(404), ("CSV", "ERR", "AUTH")),
    Honest(
        "CSV-02",
        "has more in the ZIP than the sheets",
        around((operations, downloads.workbook_zip), _with_readme),
        ("CSV",),
    ),
)
