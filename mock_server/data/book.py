"""What a run holds at one moment: a book of sheets, its flagged groups, and what a decision makes of it.

A book never changes; a decision makes the next one. Two kinds exist: `uploaded` holds rows that the caller sent,
`generated` rows that are a function of seed and row number. Both keep the same laws: every flagged row belongs to a
group or was kept by a decision, and counts, groups and rows agree. `Data` and `Flagged` are what a scenario declares.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from mock_server.contract.document import load_yaml
from mock_server.contract.nearest import counted
from mock_server.data.rules import Check, alternatives, fault

if TYPE_CHECKING:
    from mock_server.data.generated import GeneratedBook
    from mock_server.data.templates import Column, Template
    from mock_server.data.uploaded import UploadedBook

Book: TypeAlias = "UploadedBook | GeneratedBook"
"""The sheets that a run fills, at one moment."""
Action = Literal["set_value", "delete_invalid_rows", "dedup_keep_first", "keep"]
Row = tuple[str, ...]
SAMPLES = 3


class Data(NamedTuple):
    """So many generated rows in the named sheet."""

    sheet: str
    rows: int


class Flagged(NamedTuple):
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
        texts = load_yaml("groups")
        wrong = f"{counted(self.rows, 'row')} flagged: {self.sheet}.{self.column} {texts['failures'][self.fails]}"
        fix = f"map to {self.value!r}" if self.value else texts["fixes"][self.fix]
        return f"{wrong}; proposed: {fix}" + ("" if self.ask else " (no question asks about it)")


class Sheet(NamedTuple):
    """One sheet of a company's workbook; it has its template's name and columns (PROV-06)."""

    id: str
    template: Template

    @property
    def name(self) -> str:
        """The template's name."""
        return self.template.name


class Fix(NamedTuple):
    """What is done with a group's rows; `value` belongs to `set_value`."""

    action: Action
    value: str | None = None


class Group(NamedTuple):
    """Rows of one sheet that fail one check in one column (PATCH-06, OP-32)."""

    sheet: Sheet
    column: Column
    fails: Check
    rows: int
    samples: tuple[str, ...]
    fix: Fix
    options: tuple[Fix, ...]
    allow_custom: bool
    ask: bool = True
    accepted: bool = False
    """An earlier decision kept these rows flagged; they are not asked about again (DEC-09)."""


class Count(NamedTuple):
    """How many rows a sheet has, by whether a cell of theirs fails a check (POLL-11)."""

    sheet: Sheet
    clean: int
    flagged: int


def has_open_groups(book: Book) -> bool:
    """True while a group waits for a decision that cures or keeps it (DEC-28)."""
    return any(not group.accepted for group in book.groups)


def report(book: Book, *, parked: bool) -> dict[str, Any]:
    """The contract's report: parked it counts clean rows as inserted, completed every row (OP-21, POLL-10 to 12)."""
    per_sheet: list[dict[str, Any]] = []
    for count in book.counts:
        rows = count.clean if parked else count.clean + count.flagged
        per_sheet.append({"templateName": count.sheet.name, "sheetId": count.sheet.id, "rowCount": rows})
    return {
        "inserted": sum(entry["rowCount"] for entry in per_sheet),
        "perSheet": per_sheet,
        "invalidCellCount": sum(count.flagged for count in book.counts),
    }


def sensible_fixes(column: Column, fails: Check, fix: Fix) -> tuple[Fix, ...]:
    """Every answer that makes sense for a group: map or clear, keep the first, remove, keep flagged."""
    choices = []
    if fix.action == "set_value":
        choices.append(fix)
    elif (value := suggested_value(column, fails)) is not None:
        choices.append(Fix("set_value", value))
    if fails == "unique":
        choices.append(Fix("dedup_keep_first"))
    return (*choices, Fix("delete_invalid_rows"), Fix("keep"))


def suggested_value(column: Column, fails: Check) -> str | None:
    """What all cells of a group could be set to: an allowed value, else `""` on an optional column (PATCH-04)."""
    allowed = () if column.unique or fails == "unique" else alternatives(column.pattern or "")
    return allowed[0] if allowed else None if column.required else ""


def proposed_fix(column: Column, fails: Check) -> Fix:
    """The fix that is proposed where no scenario declares one."""
    if fails == "unique":
        return Fix("dedup_keep_first")
    value = suggested_value(column, fails)
    if value is not None and fails != "required":
        return Fix("set_value", value)
    return Fix("keep") if fails == "link" else Fix("delete_invalid_rows")


def allows_text(column: Column, fails: Check, rows: int) -> bool:
    """Whether a free text could cure a group: no single text makes the cells of a unique column differ."""
    return fails != "unique" and not (column.unique and rows > 1)


def cure(book: Book, group: Group, text: str) -> Fix | None:
    """The fix that a free text stands for: it must be valid, found where linked, and new where unique; else None."""
    column = group.column
    if not text.strip() or fault(column, text) is not None:
        return None
    if column.unique and (group.rows > 1 or book.holds(group.sheet.template.id, column.name, text)):
        return None
    if column.links and not any(book.holds(link.template_id, link.column, text) for link in column.links):
        return None
    return Fix("set_value", text)
