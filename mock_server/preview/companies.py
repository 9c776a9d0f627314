"""What an account holds: companies, their uploads and runs, as they are stored. `account` alone changes them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from mock_server.kernel.clock import HOUR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mock_server.data.book import Book, Sheet
    from mock_server.data.templates import Link, Source
    from mock_server.preview.exports import ExportRun
    from mock_server.preview.lifecycle import Life
    from mock_server.preview.runs import ImportRun, Run

UPLOAD_LASTS = HOUR  # UPL-04


@dataclass(slots=True)
class Upload:
    """A signed URL, and what was put there: nothing yet, or one file (UPL-03)."""

    ref: str
    token: str
    company_id: str
    content_type: str | None
    size: int | None
    expires: int
    file: BinaryIO | None = None


@dataclass(slots=True)
class Company:
    """A customer of the account's: its workbook, and everything that was started for it."""

    id: str
    name: str
    external_id: str | None
    source: Source
    created: int
    workbook_id: str
    sheets: tuple[Sheet, ...]
    destination: str | None = None
    """The id of its destination connection; credentials are never stored (PROV-18, SEC-01)."""
    scenario: str | None = None
    """The scenario that the company was made for."""
    imports: list[ImportRun] = field(default_factory=list)
    exports: list[ExportRun] = field(default_factory=list)
    uploads: dict[str, Upload] = field(default_factory=dict)
    keys: dict[tuple[str, str], tuple[bytes, Run]] = field(default_factory=dict)
    """Kind of run and idempotency key (IDEM-06) to the payload's digest and the run it created."""
    keeping: list[ImportRun] = field(default_factory=list)
    """The imports that still have their rows, in the order of their start."""
    changing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a thread works out what a start or a decision makes, so that simultaneous ones do it once."""

    def active(self, now: int) -> tuple[ImportRun, Life] | None:
        """The one import in flight, with its state, or None (ACT-01, ACT-02)."""
        if self.imports and not (state := self.imports[-1].life(now)).terminal:
            return self.imports[-1], state
        return None

    def books(self, now: int) -> Iterator[Book]:
        """What the imports so far left in the sheets, the newest first: it hides what came before (OP-29)."""
        for run in reversed(self.keeping):
            book = run.visible_book(run.life(now))
            if book is not None:
                yield book

    def hidden(self, now: int) -> list[ImportRun]:
        """The ended imports whose rows newer ones hide for good, or that were never shown (OP-29)."""
        covered: set[str] = set()
        found = []
        for run in reversed(self.keeping):
            state = run.life(now)
            book = run.visible_book(state)
            sheets = set() if book is None else {count.sheet.id for count in book.counts}
            if state.terminal and sheets <= covered:
                found.append(run)
            covered |= sheets if state.terminal else set()
        return found

    def book(self, sheet: Sheet, now: int) -> Book | None:
        """The book that fills the sheet now, or None while it is empty."""
        books = self.books(now)
        return next((book for book in books if any(count.sheet.id == sheet.id for count in book.counts)), None)

    def linked(self, now: int) -> dict[Link, tuple[Sheet, int, Book]]:
        """For every link of the workbook's columns the sheet, column number and book in which values may be found."""
        found = {}
        for link in {link for sheet in self.sheets for column in sheet.template.columns for link in column.links}:
            for sheet in self.sheets:
                if sheet.template.id == link.template_id and (book := self.book(sheet, now)) is not None:
                    found[link] = (sheet, sheet.template.index(link.column), book)
        return found
