"""The rows that the suite sent, against the rules that the target's own template publishes (TPL-03 to TPL-05).

What those rules leave open (links, white space, whether a pattern is meant for the whole text) is unsure, and nothing
is judged by it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

from conformance.engine.context import block_if, first_of, skip_if
from conformance.model.results import Skipped
from conformance.preview.bodies import at, columns_concerned, count, listed

if TYPE_CHECKING:
    from conformance.preview.driver import Company, Run, StateDriver

UNSURE = "unsure"
Cell = tuple[int, str]
"""A row's number and a column's name."""


class Column(NamedTuple):
    """A column of a template, as `GET /templates` describes it."""

    name: str
    required: bool
    unique: bool
    rule: str
    pattern: str | None

    def offence(self, text: str) -> str | None:
        """The rule that the text breaks by itself, `required` or `strict`; None when none; UNSURE when that is open."""
        bare = text.strip()
        if not bare:
            if not self.required:
                return None if not text else UNSURE
            return UNSURE if text else "required"
        if self.rule == "link":
            return UNSURE
        if self.rule != "strict":
            return None
        found = set()
        for each, match in product((text, bare), (re.fullmatch, re.search)):
            try:
                found.add(match(self.pattern or "", each) is not None)
            except (re.error, TypeError):  # it cannot be read here
                return UNSURE
        return UNSURE if len(found) > 1 else None if found == {True} else "strict"


class SubmittedRows(NamedTuple):
    """The rows of one import, as texts by column name, and which of their cells break a rule."""

    sheet_id: str
    columns: tuple[Column, ...]
    rows: tuple[Mapping[str, str], ...]
    failing: Mapping[Cell, str]
    unsure: frozenset[Cell]
    with_blanks: frozenset[str]
    """The columns in which a text was sent with blanks around it."""

    @property
    def flagged(self) -> frozenset[int]:
        """The numbers of the rows with a cell that breaks a rule."""
        return frozenset(row for row, _ in self.failing)

    def agrees(self, body: Any) -> bool:
        """Whether the poll counts as many flagged rows as the rules do, with or without the first of equals (OP-38)."""
        return count(body, "invalidCellCount") in {len(self.flagged), len(self.flagged | self.repeating)}

    @property
    def repeating(self) -> set[int]:
        """The numbers of the rows that hold what others repeat and should not, the first of equals among them."""
        twice = {(name, self.rows[row][name].strip()) for (row, name), rule in self.failing.items() if rule == "unique"}
        names = {name for name, _ in twice}
        return {n for n, row in enumerate(self.rows) if any((name, row[name].strip()) in twice for name in names)}

    @property
    def given(self) -> tuple[Column, ...]:
        """The columns that at least one row fills, save those that the target may rewrite by judgement (`ai`)."""
        return tuple(c for c in self.columns if c.rule != "ai" and any(row[c.name] for row in self.rows))

    def column(self, name: Any) -> Column | None:
        """The column of that name."""
        return next((column for column in self.columns if column.name == name), None)

    def as_sent(self, column: str, text: str) -> str:
        """The text as it must come back: to the letter, save for blanks around it where the column was sent such."""
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        return text.strip() if column in self.with_blanks else text

    def line(self, record: Mapping[str, str], names: Sequence[str]) -> tuple[str, ...]:
        """The cells of a row, sent or downloaded, in these columns, as they must come back."""
        return tuple(self.as_sent(name, record.get(name, "")) for name in names)

    def doubtful(self, column: str) -> bool:
        """Whether it is open which cells of the column break a rule."""
        return any(name == column for _, name in self.unsure)


def templates(ctx: StateDriver) -> list[dict[str, Any]]:
    """The account's templates; read once where checks share what they see."""

    def read() -> list[dict[str, Any]]:
        answer = ctx.client.call("list_templates")
        found = listed(answer.json, "templates")
        block_if(not answer.ok or not found, "GET /templates gives no template", answer)
        kinds = {"required": bool, "unique": bool, "desiredRule": str}
        for columns in (at(template, "columns") for template in found):
            known = isinstance(columns, list) and all(
                isinstance(at(column, name), kind) for column in columns for name, kind in kinds.items()
            )
            block_if(not known, "GET /templates describes columns otherwise than TPL-02 and TPL-03 say", answer)
        return found

    return ctx.share("templates", read)


def columns_of(ctx: StateDriver, company: Company, sheet_id: str) -> tuple[Column, ...]:
    """The columns of the sheet's template, in its order."""
    of_sheet = (each for each in templates(ctx) if each.get("id") == company.sheets.get(sheet_id))
    template = first_of(of_sheet, "which template the sheet has is known for provisioned companies only")
    found = columns_in(template)
    skip_if(not found, "the sheet's template has no columns")
    return found


def columns_in(template: Any) -> tuple[Column, ...]:
    """The columns that the template describes."""
    found = []
    for each in listed(template, "columns"):
        required, unique = each.get("required") is True, each.get("unique") is True
        found.append(
            Column(str(each.get("name")), required, unique, str(each.get("desiredRule")), each.get("strictRule"))
        )
    return tuple(found)


def sheet_of(body: Any) -> str:
    """The one sheet that the run is about."""
    filled = {each.get("sheetId") for each in listed(body, "report", "perSheet") if each.get("rowCount")}
    found = [each for each in filled | {sheet for sheet, _ in columns_concerned(body)} if isinstance(each, str)]
    text = f"what the target does with the rows is judged for one sheet; the run concerns {len(found)}"
    skip_if(len(found) != 1, text)
    return found.pop()


def inline_rows(body: Any) -> list[Mapping[str, Any]]:
    """The rows of a start's body."""
    rows = at(body, "rows")
    if not isinstance(rows, (list, tuple)) or not rows or not all(isinstance(row, dict) for row in rows):
        raise Skipped("the target file's body sends no inline rows to compare with")
    if not all(value is None or type(value) in {str, int} for row in rows for value in row.values()):
        raise Skipped("the target file's rows hold values that are not texts")
    return list(rows)


def submitted_rows(ctx: StateDriver, run: Run, body: Any) -> SubmittedRows:
    """The rows that the run's start sent, against the rules of the sheet that `body`, a poll of it, is about."""
    rows = inline_rows(run.body)
    more = max(count(body, "inserted") or 0, count(body, "invalidCellCount") or 0) > len(rows)
    skip_if(more, "the run's report counts more rows than were sent: the target works on rows of its own")
    sheet_id = sheet_of(body)
    columns = columns_of(ctx, run.company, sheet_id)
    wanted = [(column.name, _plain(column.name)) for column in columns]
    texts = []
    for row in rows:
        cells = {_plain(name): "" if value is None else str(value) for name, value in row.items()}
        texts.append({name: cells.get(plain, "") for name, plain in wanted})
    skip_if(not any(any(row.values()) for row in texts), "no column of the rows that were sent is one of the sheet's")
    return check_rows(sheet_id, columns, texts)


def check_rows(sheet_id: str, columns: Sequence[Column], rows: Sequence[Mapping[str, str]]) -> SubmittedRows:
    """The rows with every cell checked; of rows that repeat a unique value all but the first fail (OP-38).

    What a row lacks is empty, and what else it has is left out.
    """
    texts = tuple({column.name: row.get(column.name, "") for column in columns} for row in rows)
    failing: dict[Cell, str] = {}
    unsure: set[Cell] = set()
    for column in columns:
        met: dict[str, str] = {}
        above: set[str] = set()
        for number, row in enumerate(texts):
            text, offence = row[column.name].strip(), column.offence(row[column.name])
            if offence == UNSURE:
                unsure.add((number, column.name))
            elif offence is not None:
                failing[number, column.name] = offence
            elif column.unique and text:
                known = met.setdefault(text.casefold(), text)
                if known == text and text in above:
                    failing[number, column.name] = "unique"
                elif known != text:
                    unsure.add((number, column.name))
            above.add(text)
    blanks = frozenset(name for row in texts for name, text in row.items() if text != text.strip())
    return SubmittedRows(sheet_id, tuple(columns), texts, failing, frozenset(unsure), blanks)


def _plain(name: str) -> str:
    return "".join(str(name).split()).casefold()
