"""The rules for rows of the caller's own, told a second time: plain, slow, without a look at how the engine does it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mock_server.data.book import Fix, Sheet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from strategies import Filled

    from mock_server.data.book import Group, Row
    from mock_server.data.rules import Check
    from mock_server.data.templates import Column


@dataclass
class Plain:
    """The same workbook, row by row; a row keeps its number when others are dropped."""

    lines: dict[str, dict[int, Row]]
    sheets: tuple[Sheet, ...]
    kept: set[tuple[str, int, int]] = field(default_factory=set)

    def failing(self) -> dict[tuple[str, int, int], Check]:
        """Sheet, row and column of every wrong cell, and the check that it fails."""
        return {
            (sheet.id, at, number): check
            for sheet in self.sheets
            for at, row in self.lines[sheet.id].items()
            for number in range(len(row))
            if (check := self.cell(sheet, at, number)) is not None
        }

    def cell(self, sheet: Sheet, at: int, number: int) -> Check | None:
        column, text = sheet.template.columns[number], self.lines[sheet.id][at][number]
        by_itself = self.alone(column, text)
        if by_itself is not None or not text.strip() or not column.unique:
            return by_itself
        above = [row[number] for other, row in self.lines[sheet.id].items() if other < at]
        return "unique" if text in above else None

    def alone(self, column: Column, text: str) -> Check | None:
        if not text.strip():
            return "required" if column.required else None
        if column.rule == "strict" and not re.fullmatch(column.pattern or "", text):
            return "strict"
        if column.rule == "link" and text not in self.linked(column):
            return "link"
        return None

    def linked(self, column: Column) -> set[str]:
        return {
            row[sheet.template.index(link.column)]
            for link in column.links
            for sheet in self.sheets
            if sheet.template.id == link.template_id
            for row in self.lines[sheet.id].values()
        }

    def decide(self, groups: Sequence[Group], fixes: Sequence[Fix | None]) -> None:
        """Carry the fixes out: set, drop and keep first; of duplicates, the first that is left stays."""
        cells = [self.cells(group) for group in groups]
        before = {cell: self.lines[cell[0]][cell[1]][cell[2]] for each in cells for cell in each}
        for mine, fix in zip(cells, fixes, strict=True):
            if fix == Fix("keep"):
                self.kept.update(mine)
            elif fix is not None and fix.action == "set_value":
                for name, at, number in mine:
                    row = self.lines[name][at]
                    self.lines[name][at] = (*row[:number], fix.value or "", *row[number + 1 :])
        for mine, fix in zip(cells, fixes, strict=True):
            for name, at, _ in mine if fix == Fix("delete_invalid_rows") else ():
                self.lines[name].pop(at, None)
        for mine, fix in zip(cells, fixes, strict=True):
            for cell in mine if fix == Fix("dedup_keep_first") else ():
                self.keep_first(cell[0], cell[2], before[cell])
        self.kept &= set(self.failing())

    def cells(self, group: Group) -> list[tuple[str, int, int]]:
        """The cells that make up the group."""
        name, number = group.sheet.id, group.sheet.template.index(group.column.name)
        return [
            cell
            for cell, check in self.failing().items()
            if (cell[0], cell[2], check, cell in self.kept) == (name, number, group.fails, group.accepted)
        ]

    def keep_first(self, name: str, number: int, value: str) -> None:
        """Of all rows that hold the value in the column the first stays."""
        same = [at for at, row in self.lines[name].items() if row[number] == value]
        for at in same[1:]:
            del self.lines[name][at]


def plain(content: Filled) -> Plain:
    return Plain({sheet.id: dict(enumerate(rows)) for sheet, rows in content}, tuple(sheet for sheet, _ in content))
