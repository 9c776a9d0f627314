"""Cells against the rules of their column: which check a cell fails by itself, and which beside the rows of a sheet."""

from __future__ import annotations

import re
from array import array
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mock_server.data.book import Row
    from mock_server.data.templates import Column, Link, Template

    Linked = Mapping[Link, frozenset[str]]
    """The values that are there to be found, for each link."""

Check = Literal["required", "strict", "link", "unique"]
"""What a cell may fail; it fails at most one, the first of these."""
Faults = dict[tuple[int, Check], "Sequence[int]"]
"""Column number and check to the numbers of the rows whose cell there fails it; all in order."""
_LONGEST = 100_000  # characters; trying a pattern on more would keep everybody else waiting
_REMEMBERED = 10_000  # values that recur are checked once; columns of ever new ones do not grow the memory


def fault(column: Column, text: str) -> Check | None:
    """The check that this cell fails by itself, or None: `required` when blank, `strict` when it is not of the pattern.

    A blank cell of an optional column is fine whatever the pattern says; a very long one is of no pattern. `ai` and
    `none` always pass.
    """
    if not text or text.isspace():
        return "required" if column.required else None
    if column.rule == "strict" and column.pattern is not None:
        return "strict" if len(text) > _LONGEST or re.fullmatch(column.pattern, text) is None else None
    return None


@lru_cache(maxsize=1024)
def alternatives(pattern: str) -> tuple[str, ...]:
    """The words that a pattern such as `^(Open|Closed|Pending)$` allows, in its order; () when it is anything else."""
    whole = _ALTERNATION.fullmatch(pattern)
    return tuple(_ESCAPED.sub(r"\1", word) for word in whole[1].split("|")) if whole else ()


# One group of plain words: a character of a word is no metacharacter, or is one behind a backslash.
_LITERAL = r"(?:[^\\^$.|?*+()\[\]{}]|\\[^\w\s|])+"
_ALTERNATION = re.compile(rf"\^?\((?:\?:)?({_LITERAL}(?:\|{_LITERAL})*)\)\$?")
_ESCAPED = re.compile(r"\\(.)")


def wrong_values(column: Column, check: Check) -> tuple[str, ...]:
    """Values that fail this check in the column, for rows that a scenario wants wrong without saying how.

    Empty when none of the usual ones fails a strict pattern: then the scenario must name its own.
    """
    match check:
        case "required":
            return ("",)
        case "link":
            return ("nobody@nowhere.example", "no such record")
        case _:
            allowed = alternatives(column.pattern or "")
            usual = (*map(str.lower, allowed), *map(str.upper, allowed), "n/a", "unknown", "?", "-")
            return tuple(dict.fromkeys(text for text in usual if fault(column, text) == "strict"))[:4]


def faults(template: Template, rows: Sequence[Row | None], linked: Linked) -> Faults:
    """Every cell that fails a check (TPL-03 to TPL-05), by column, then row; rows that are None were dropped."""
    found: Faults = {}
    for number, column in enumerate(template.columns):
        if column.required or column.unique or column.rule in {"strict", "link"}:
            _check_column(number, column, rows, linked, found)
    return found


def _check_column(number: int, column: Column, rows: Sequence[Row | None], linked: Linked, found: Faults) -> None:
    known = frozenset().union(*(linked.get(link, frozenset()) for link in column.links))

    @lru_cache(_REMEMBERED)
    def failing(text: str) -> Check | None:
        """The check of one cell without regard to other rows of its own column."""
        strange = column.rule == "link" and text not in known and text.strip()
        return fault(column, text) or ("link" if strange else None)

    seen: set[str] = set()
    numbers: dict[Check, array[int]] = {check: array("I") for check in get_args(Check)}
    for at, row in enumerate(rows):
        if row is None:
            continue
        text = row[number]
        check = failing(text)
        if check is not None:
            numbers[check].append(at)
        elif column.unique and text and not text.isspace():
            if text in seen:
                numbers["unique"].append(at)  # OP-38: all but the first
            seen.add(text)
    found.update({(number, check): ats for check, ats in numbers.items() if ats})
