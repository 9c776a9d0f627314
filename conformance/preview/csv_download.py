"""A sheet's download, read as RFC 4180 says; a text that cannot be read so has no rows."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from conformance.model.results import Blocked

if TYPE_CHECKING:
    from conformance.http.client import Answer
    from conformance.preview.driver import StateDriver

Lines = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Download:
    """One sheet as it was downloaded."""

    answer: Answer
    header: tuple[str, ...]
    rows: Lines

    @property
    def records(self) -> list[dict[str, str]]:
        """The rows as texts by column name; a column that is missing is empty."""
        return [dict(zip(self.header, row, strict=False)) for row in self.rows]


def parse(text: str) -> Lines | None:
    """The lines of a CSV text, header first; None when quotes do not match or lines differ in length."""
    try:
        lines = tuple(tuple(line) for line in csv.reader(io.StringIO(text, newline=""), strict=True) if line)
    except csv.Error:
        return None
    return lines if len({len(line) for line in lines}) <= 1 else None


def fetch(ctx: StateDriver, company_id: str, sheet_id: str | None, filter_: str | None = None) -> Answer:
    """Ask for a download; without `filter_` that member is not sent."""
    sent = {name: value for name, value in {"sheet_id": sheet_id, "filter": filter_}.items() if value is not None}
    return ctx.client.call("export_csv", company_id=company_id, query=sent)


def download(ctx: StateDriver, company_id: str, sheet_id: str, filter_: str | None = None) -> Download:
    """The sheet's rows; Blocked when there is nothing that can be read as CSV."""
    return read(fetch(ctx, company_id, sheet_id, filter_))


def read(answer: Answer) -> Download:
    """The rows of an answer; Blocked when there is nothing that can be read as CSV."""
    lines = parse(text(answer)) if answer.ok else None
    if not lines:
        raise Blocked("the sheet could not be downloaded as CSV", [answer])
    return Download(answer, lines[0], lines[1:])


def text(answer: Answer) -> str:
    """The download as text, in the charset that it declares; what does not fit shows as replacement characters."""
    declared = answer.headers.get("content-type", "").lower().partition("charset=")[2]
    return decode(answer.content, declared.partition(";")[0].strip(" \"'") or "utf-8")


def decode(content: bytes, charset: str = "utf-8") -> str:
    """The bytes as text, without the mark that says in which order they are."""
    try:
        return content.decode(charset, "replace").removeprefix("\ufeff")
    except (LookupError, ValueError):  # no charset, or what is known by that name makes no text of bytes
        return content.decode("utf-8", "replace").removeprefix("\ufeff")
