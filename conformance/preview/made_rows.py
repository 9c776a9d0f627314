"""Rows that the suite makes of those in the target file: as many as are wanted, each with its own unique values.

The rule that it keeps: a row that is made right is right by every rule that the template publishes, whichever way the
open points of those rules are read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from conformance.engine.context import first_of, skip_if
from conformance.model.results import Skipped
from conformance.preview.submitted_rows import UNSURE, Column, columns_of, inline_rows, sheet_of

if TYPE_CHECKING:
    from conformance.preview.driver import Company, Run, StateDriver

Row = dict[str, Any]
_LAST_NUMBER = re.compile(r"[0-9]+(?=[^0-9]*$)")


class Pattern(NamedTuple):
    """A right row of the target file, and the columns of the sheet that it goes to."""

    sheet_id: str
    columns: tuple[Column, ...]
    row: Mapping[str, Any]

    def rows(self, number: int) -> list[Row]:
        """So many right rows that differ in every unique column; Skipped where no such values are known."""
        made = [dict(self.row) for _ in range(number)]
        for column in self.columns:
            if column.unique and self.row.get(column.name):
                for row, text in zip(made, _values(column, str(self.row[column.name]), number), strict=True):
                    row[column.name] = text
        return made

    @property
    def free(self) -> list[str]:
        """The names of the columns that take any text."""
        return [each.name for each in self.columns if each.rule == "none" and not each.unique]

    @property
    def text_column(self) -> str:
        """One of them; Skipped where there is none."""
        return first_of(self.free, "the template has no column without a rule")


def completed_run(ctx: StateDriver) -> Run:
    """The completed first and only import of a company, which the checks of downloads share."""
    run = ctx.share("run completed, alone in its company", lambda: ctx.run("completed"))
    known = run.company.provisioned is not None
    skip_if(not known, "rows are counted in companies that the suite provisioned, which had none before")
    return run


def pattern_for(ctx: StateDriver, company: Company) -> Pattern:
    """The pattern of rows for the company, of the target file's first row that completes."""
    like = completed_run(ctx)
    template = like.company.sheets.get(sheet_of(like.state))
    sheets = [sheet for sheet, each in company.sheets.items() if each == template]
    skip_if(len(sheets) != 1, "which template the rows go to is known for provisioned companies only")
    return Pattern(sheets[0], columns_of(ctx, company, sheets[0]), inline_rows(ctx.body("completed"))[0])


def _values(column: Column, text: str, number: int) -> list[str]:
    for make in _ways(text):
        made = [make(each) for each in range(number)]
        if len(set(made)) == number and all(column.offence(each) in {None, UNSURE} for each in made):
            return made
    raise Skipped(f"no further right values of the unique column {column.name!r} are known")


def _ways(text: str) -> Iterator[Callable[[int], str]]:
    """How further values are made of one: counted on in its last number, before it, behind it."""
    if found := _LAST_NUMBER.search(text):
        head, tail, width = text[: found.start()], text[found.end() :], len(found[0])
        yield lambda each: f"{head}{each:0{width}}{tail}"
    yield lambda each: f"c{each}{text}"
    yield lambda each: f"{text}{each}"
