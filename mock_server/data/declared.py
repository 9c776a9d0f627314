"""What a scenario declares of the rows that are generated for it: how many, and which cells are wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mock_server.contract.nearest import counted

if TYPE_CHECKING:
    from mock_server.data.templates import Check

Action = Literal["set_value", "delete_invalid_rows", "dedup_keep_first", "keep"]


@dataclass(frozen=True, slots=True)
class Data:
    """So many generated rows in the named sheet."""

    sheet: str
    rows: int


@dataclass(frozen=True, slots=True)
class Flagged:
    """A declared group of wrong cells: one sheet, one column, one failed check (PATCH-06, OP-32)."""

    sheet: str
    column: str
    rows: int
    fails: Check
    fix: Action
    value: str | None = None
    """What `set_value` writes; `""` clears."""
    values: tuple[str, ...] = ()
    """The wrong values, used in turn; empty: made up so that they fail the check."""
    ask: bool = True
    """False: the patch acts on the group, no question mentions it."""
    options: tuple[Action, ...] = ()
    """The suggested answers, in order; empty: all that make sense."""
    allow_custom: bool | None = None
    """None: free text is allowed where a text can cure the group."""

    def describe(self) -> str:
        """The group in one line, for a person."""
        wrong = f"{counted(self.rows, 'row')} flagged: {self.sheet}.{self.column} {_FAILURES[self.fails]}"
        fix = f"map to {self.value!r}" if self.value else _FIXES[self.fix]
        return f"{wrong}; proposed: {fix}" + ("" if self.ask else " (no question asks about it)")


_FAILURES: dict[Check, str] = {
    "required": "is empty",
    "strict": "breaks its rule",
    "link": "names nothing that is there",
    "unique": "is not unique",
}
_FIXES: dict[Action, str] = {
    "set_value": "clear the cells",
    "delete_invalid_rows": "remove the rows",
    "dedup_keep_first": "keep the first of each",
    "keep": "keep them flagged",
}
