"""What no decision may do to the rows of a run, whatever it was: change right ones, or treat equal ones unequally.

What the options of a question do is not documented, so of the rows that they are for nothing more is known.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from conformance.engine.context import skip_if

if TYPE_CHECKING:
    from conformance.preview.account import Download
    from conformance.preview.submitted_rows import SubmittedRows

Line = tuple[str, ...]


def strangers(rows: SubmittedRows, downloads: Iterable[Download]) -> str:
    """A row without a wrong cell that is not in each of the downloads as it was sent; empty when there is none."""
    names = [column.name for column in rows.given]
    others = concerned(rows)
    right = Counter(rows.line(each, names) for row, each in enumerate(rows.rows) if row not in others)
    for lines in downloads:
        there = Counter(rows.line(each, names) for each in lines.records)
        for line in right - there:
            return f"there is no row ({', '.join(line)})"
    return ""


def concerned(rows: SubmittedRows) -> set[int]:
    """The rows with a wrong cell, and those that hold what others repeat (OP-38)."""
    return {*rows.flagged, *rows.repeating, *(row for row, _ in rows.unsure)}


def unlike_fates(rows: SubmittedRows, whole: Download) -> str:
    """Rows with one and the same wrong text that came out otherwise than each other; empty when there are none."""
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    wrong = Counter(row for row, _ in rows.failing)
    for (row, name), rule in rows.failing.items():
        if rule != "unique" and wrong[row] == 1:
            groups[name, rows.rows[row][name]].append(row)
    for (column, text), mine in groups.items():
        names = [each.name for each in rows.given if each.name != column]
        skip_if(not names, "the rows that were sent have no column left by which to know them again")
        there: dict[Line, list[str]] = defaultdict(list)
        for record in whole.records:
            there[rows.line(record, names)].append(rows.as_sent(column, record.get(column, "")))
        fates = {_fate(there.get(rows.line(rows.rows[row], names), [])) for row in mine}
        if len(fates) > 1:
            return f"of the rows with {text or 'nothing'} in {column} some are {' and others '.join(sorted(fates))}"
    return ""


def _fate(texts: Sequence[str]) -> str:
    return f"there with {' or '.join(sorted(set(texts))) or 'nothing'}" if texts else "gone"
