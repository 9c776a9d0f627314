"""An import as large as a real one, made of the rows with which a target file says how a run parks.

The rule that it keeps: every row is a row of that file, with values of its own where its columns have to be unique or
are free, so that what is wrong in the one is wrong in the other, and for the same reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from conformance.engine.context import first_of, skip_if

if TYPE_CHECKING:
    from conformance.preview.submitted_rows import SubmittedRows

Row = dict[str, str]
FLAGGED = 104
"""So many rows are flagged, or some more: over a hundred, at which a page or a list may end."""
MOST = 400
REPEATED = 3
"""So many values that have to be unique are there once more, at the very end."""


def many_rows(like: SubmittedRows) -> list[Row]:
    """The rows over and over, every second time in reverse order; those that repeat a value are more than pairs."""
    skip_if(not like.flagged or like.unsure, "which of the target file's rows are wrong is open, or none is")
    times = -(-FLAGGED // len(like.flagged))
    skip_if(times * len(like.rows) > MOST, f"a hundred flagged rows of that kind are more than {MOST} rows in all")
    names = [each.name for each in like.columns if any(row[each.name] for row in like.rows)]
    taken: dict[str, set[str]] = {column.name: set() for column in like.columns}
    repeated = {row for (row, _), rule in like.failing.items() if rule == "unique"}
    found, more = list[Row](), list[Row]()
    for number in range(times):
        texts: dict[tuple[str, str], str] = {}
        block = [
            {name: _text(like, row, name, number, texts, taken) for name in names} for row in range(len(like.rows))
        ]
        more += [block[row] for row in repeated if number < REPEATED]
        found += block[::-1] if number % 2 else block
    return found + more


def _text(
    like: SubmittedRows, row: int, name: str, number: int, texts: dict[tuple[str, str], str], taken: dict[str, set[str]]
) -> str:
    """What a cell holds in the block of that number; what is equal within a block stays so."""
    column, text = like.column(name), like.rows[row][name]
    if column is None or not text or not (column.unique or column.rule == "none"):
        return text
    if (name, text) not in texts:
        fit = (each for each in _others(text, number) if column.offence(each) == column.offence(text))
        unused = (each for each in fit if each.casefold() not in taken[name])
        made = first_of(unused, f"no further values of the column {name!r} are known that are as right as those sent")
        taken[name].add(made.casefold())
        texts[name, text] = made
    return texts[name, text]


def _others(text: str, number: int) -> Iterator[str]:
    """Texts that are like this one, the better ones first."""
    yield from [text] if not number else []
    yield f"{text} {number:03}"
    yield f"c{number}{text}"
    yield f"{number}{text}"
    yield f"{text}{number}"
    for run in reversed(list(re.finditer(r"[0-9]+", text))):
        figures = run.group()
        value = (int(figures) + number) % 10 ** len(figures)
        yield f"{text[: run.start()]}{value:0{len(figures)}}{text[run.end() :]}"
