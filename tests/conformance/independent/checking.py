"""From what was sent to lines of sheets, and which of their cells break a rule."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from independent.model import Line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from independent.model import Column, Company, Run, Template

COUNTRIES = {"de": "Germany", "deutschland": "Germany", "uk": "United Kingdom", "gb": "United Kingdom"}
"""What an `ai` column knows."""


class Unreadable(Exception):
    """The plan cannot be carried out on what was sent, whatever is tried."""


def lines_of(company: Company, tables: Iterable[bytes | list[dict[str, Any]]]) -> list[Line]:
    """The lines of every table, each in the sheet whose columns it fits best (OP-22)."""
    found: list[Line] = []
    for table in tables:
        rows = _parsed(table) if isinstance(table, bytes) else table
        headings = {_plain(name): name for row in rows for name in row}
        if not rows:
            continue
        sheet, template = max(company.sheets.items(), key=lambda item: _known(item[1], headings), default=("", None))
        if template is None or not _known(template, headings):
            raise Unreadable("No column of the data matches a template")
        if lost := [each.name for each in template.columns if each.required and _plain(each.name) not in headings]:
            raise Unreadable(f"The data has no column for {', '.join(lost)}")
        found += [Line(sheet, _cells(template, row)) for row in rows]
    return found


def _known(template: Template, headings: dict[str, str]) -> int:
    return sum(_plain(each.name) in headings for each in template.columns)


def _parsed(content: bytes) -> list[dict[str, Any]]:
    try:
        return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error):
        raise Unreadable("The file is no CSV in UTF-8") from None


def _cells(template: Template, row: dict[str, Any]) -> dict[str, str]:
    given = {_plain(name): value for name, value in row.items() if name is not None}
    return {each.name: _cell(each, given.get(_plain(each.name))) for each in template.columns}


def _cell(column: Column, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = "" if value is None else str(value).strip()
    return COUNTRIES.get(text.casefold(), text) if column.rule == "ai" else text


def _plain(name: str | None) -> str:
    return re.sub(r"[\W_]", "", name or "").casefold()


def check(company: Company, run: Run) -> None:
    """Find the faults of the run's lines, beside what the sheets hold already."""
    for sheet, template in company.sheets.items():
        lines = [line for line in run.lines if line.sheet == sheet]
        for line in lines:
            line.faults = {}
        for column in template.columns if lines else ():
            # Unique in the sheet; of equals every one is at fault (OP-38).
            times = Counter(line.cells[column.name] for line in [*company.rows(sheet), *lines])
            there = _linked(company, run, column)
            for line in lines:
                text = line.cells[column.name]
                if fault := _fault(column, text, there, repeated=times[text] > 1):
                    line.faults[column.name] = fault


def _linked(company: Company, run: Run, column: Column) -> set[str]:
    found = set()
    for template_id, name in column.links:
        for sheet, template in company.sheets.items():
            if template.id == template_id:
                mine = [line for line in run.lines if line.sheet == sheet]
                found |= {line.cells[name] for line in [*company.rows(sheet), *mine]}
    return found


def _fault(column: Column, text: str, there: set[str], *, repeated: bool) -> str | None:
    if not text:
        return "required" if column.required else None
    if column.rule == "strict" and re.search(column.pattern, text) is None:
        return "strict"
    if column.rule == "link" and text not in there:
        return "link"
    return "unique" if column.unique and repeated else None
