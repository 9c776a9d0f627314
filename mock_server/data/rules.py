"""A sheet's rows against its template's rules: which cell fails which check (TPL-03 to TPL-05).

A cell fails at most one check, the first of: required, strict, link, unique. `ai` and `none` always pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mock_server.data.templates import fault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mock_server.data.book import Row
    from mock_server.data.templates import Check, Column, Link, Template

    Linked = Mapping[Link, frozenset[str]]

Faults = dict[tuple[int, int], "Check"]
"""(row number, column number) to the check that the cell fails."""

_REMEMBERED = 10_000


def faults(template: Template, rows: Sequence[Row | None], linked: Linked) -> Faults:
    """Every cell that fails a check, by column, then row; a row that is None was dropped and is passed over.

    `linked` holds, for each link of the template, the values that are there to be found.
    """
    found: Faults = {}
    for number, column in enumerate(template.columns):
        if column.required or column.unique or column.rule in {"strict", "link"}:
            _check_column(number, column, rows, linked, found)
    return found


def _check_column(number: int, column: Column, rows: Sequence[Row | None], linked: Linked, found: Faults) -> None:
    failing = _remembering(_single(column, linked))
    seen: set[str] = set()
    for at, row in enumerate(rows):
        if row is None:
            continue
        text = row[number]
        check = failing(text)
        if check is not None:
            found[at, number] = check
        elif column.unique and text and not text.isspace():
            if text in seen:
                found[at, number] = "unique"  # OP-38: all but the first
            seen.add(text)


def _single(column: Column, linked: Linked) -> Callable[[str], Check | None]:
    """The check of one cell without regard to other rows of its own column."""
    if column.rule != "link":
        return lambda text: fault(column, text)
    known = frozenset().union(*(linked.get(link, frozenset()) for link in column.links))

    def check(text: str) -> Check | None:
        return fault(column, text) or (None if not text or text.isspace() or text in known else "link")

    return check


def _remembering(check: Callable[[str], Check | None]) -> Callable[[str], Check | None]:
    """The same check, asked once for a value that recurs; columns of ever new values do not grow the memory."""
    verdicts: dict[str, Check | None] = {}

    def remembered(text: str) -> Check | None:
        try:
            return verdicts[text]
        except KeyError:
            verdict = check(text)
            if len(verdicts) < _REMEMBERED:
                verdicts[text] = verdict
            return verdict

    return remembered
