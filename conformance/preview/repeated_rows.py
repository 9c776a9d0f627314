"""The rows with which a target file says how a run parks, again and again: groups in which order and neighbours count.

The rule that it keeps: every row is a row of that file, with values of its own where its columns have to be unique or
are free, so that what is wrong in the one is wrong in the other, and for the same reason.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from conformance.engine.context import first_of, skip_if

if TYPE_CHECKING:
    from conformance.preview.submitted_rows import Column, SubmittedRows

Row = dict[str, str]
BLOCKS = 8
HUNDRED = 101
"""So many rows has the smallest of the large groups: a page or a list may end at a hundred."""
MOST = 1_000
REPEATED = 3
"""So many values that have to be unique are there once more, at the very end."""
TOGETHER = 4
"""In the last blocks the rows of a kind follow one another."""
WRONG = "no such value!"
LONG = 60
"""How many characters more a wrong text of the first block has."""


def blocks_for(like: SubmittedRows, least: int) -> int:
    """How many times the rows are there when the smallest group of wrong cells has at least so many."""
    groups = Counter((column, rule) for (_, column), rule in like.failing.items())
    skip_if(not groups or like.unsure, "which of the target file's rows are wrong is open, or none is")
    return min(MOST // len(like.rows), max(BLOCKS, -(-least // min(groups.values()))))


def repeated_rows(like: SubmittedRows, times: int) -> list[Row]:
    """The rows so many times, every second time in reverse order; those that repeat a value are more than pairs."""
    taken: dict[str, set[str]] = {column.name: set() for column in like.columns}
    blocks = [_Block(like, number, taken).rows() for number in range(times)]
    repeated = sorted({row for (row, _), rule in like.failing.items() if rule == "unique"})
    found = [row for at, block in enumerate(blocks[:-TOGETHER]) for row in (block[::-1] if at % 2 else block)]
    found += [block[row] for row in range(len(like.rows)) for block in blocks[-TOGETHER:]]
    return found + [block[row] for block in blocks[:REPEATED] for row in repeated]


def further_rows(like: SubmittedRows) -> list[Row]:
    """The rows, and with each further way to break a rule that their template publishes one that breaks it alone.

    Each is a right row with values of its own; Skipped where no row is right, or nothing else can be broken.
    """
    known = {(column, rule) for (_, column), rule in like.failing.items()}
    right = first_of((row for row in range(len(like.rows)) if row not in like.flagged), "no row of the file is right")
    taken: dict[str, set[str]] = {column.name: set() for column in like.columns}
    found, number = _Block(like, 0, taken).rows(), 0
    for column in like.columns:
        for rule, text in (("required", ""), ("strict", WRONG)):
            if (column.name, rule) not in known and column.offence(text) == rule:
                number += 1
                found.append(_Block(like, number, taken).rows()[right] | {column.name: text})
        if column.unique and (column.name, "unique") not in known and found[right].get(column.name):
            number += 1
            found.append(_Block(like, number, taken).rows()[right] | {column.name: found[right][column.name]})
        if column.unique and not column.required:  # nothing is no value, and so none that is there twice
            for _ in range(2):
                number += 1
                found.append(_Block(like, number, taken).rows()[right] | {column.name: ""})
    skip_if(not number, "the target file's rows break every rule already that its template publishes")
    return found


class _Block:
    """The rows once more, with texts of their own; what is equal within the block stays so."""

    def __init__(self, like: SubmittedRows, number: int, taken: dict[str, set[str]]) -> None:
        self.like, self.number, self.taken = like, number, taken
        self.texts: dict[tuple[str, str], str] = {}
        self.names = [each.name for each in like.columns if any(row[each.name] for row in like.rows)]

    def rows(self) -> list[Row]:
        """The rows of the block."""
        made = [{name: self._text(row, name) for name in self.names} for row in range(len(self.like.rows))]
        free = [each.name for each in self.like.columns if each.rule == "none" and not each.unique]
        for row, cells in enumerate(made):
            wrong = [cells[name] for (at, name), rule in self.like.failing.items() if at == row and rule == "strict"]
            name = next((each for each in free if cells.get(each)), None)
            if name and self.number % 4 == 1 and wrong:
                cells[name] = wrong[0]  # the same text as that of the wrong cell, where it is right
            elif name and self.number % 4 == 2:
                cells[name] = f"Namesake {self.number:03}"
        return made

    def _text(self, row: int, name: str) -> str:
        column, text = self.like.column(name), self.like.rows[row][name]
        wrong = self.like.failing.get((row, name)) == "strict"
        if column is None or not text or not (column.unique or column.rule == "none" or wrong):
            return text
        if (name, text) not in self.texts:
            alike = wrong and not column.unique
            self.texts[name, text] = self._other(
                column, text, self._wrong(text) if alike else other_texts(text, self.number)
            )
        return self.texts[name, text]

    def _other(self, column: Column, text: str, others: Iterator[str]) -> str:
        """The first of these that is as right or wrong as the text, and new where it has to be."""
        fit = (each for each in others if column.offence(each) == column.offence(text))
        new = (each for each in fit if not column.unique or each.casefold() not in self.taken[column.name])
        made = first_of(
            new, f"no further values of the column {column.name!r} are known that are as right as those sent"
        )
        self.taken[column.name].add(made.casefold())
        return made

    def _wrong(self, text: str) -> Iterator[str]:
        """Other wrong texts, so that samples tell which import they are of; a long one is among them."""
        yield f"{text} {'x' * LONG}" if not self.number else f"{text} {1 + self.number % 3}"
        yield text


def other_texts(text: str, number: int) -> Iterator[str]:
    """Texts that are like this one, the better ones first: they begin or end with it."""
    yield from [text] if not number else []
    yield f"{text} {number:03}"
    yield text + "".join(chr(ord("a") + int(each)) for each in str(number))
    yield f"c{number}{text}"
    yield f"{number}{text}"
    yield f"{text}{number}"
    for run in reversed(list(re.finditer(r"[0-9]+", text))):
        figures = run.group()
        value = (int(figures) + number) % 10 ** len(figures)
        yield f"{text[: run.start()]}{value:0{len(figures)}}{text[run.end() :]}"
