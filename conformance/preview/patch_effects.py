"""What a proposed patch must make of the rows that were sent, and how a download differs from that (DEC-05 to DEC-09).

Only what the docs settle is predicted; where they leave more than one outcome, `predict` raises `Skipped`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from conformance.engine.context import skip_if
from conformance.model.results import Skipped
from mock_server.contract import document as contract

if TYPE_CHECKING:
    from conformance.preview.submitted_rows import Cell, SubmittedRows

Action = dict[str, Any]
Identity = tuple[str, ...]

_SCHEMAS: Any = contract.load().document["components"]["schemas"].values()
CLAUSES: dict[str, str] = {
    each["properties"]["action"]["const"]: each["x-effect"] for each in _SCHEMAS if "x-effect" in each
}
"""The clause of each action's effect."""
DROPS = ("delete_invalid_rows", "dedup_keep_first")


class Effects(NamedTuple):
    """The rows that were sent, and what becomes of each."""

    sent: SubmittedRows
    fates: Mapping[int, str]
    """Row to the action that drops or keeps it."""
    cells: Mapping[Cell, str]
    """The cells that are set, and to what."""
    firsts: frozenset[int]
    """The rows that stay of rows with one value."""
    clears: bool
    """Whether no cell is left that breaks a rule."""

    @property
    def staying(self) -> list[int]:
        """The numbers of the rows that are still there afterwards."""
        return [row for row in range(len(self.sent.rows)) if self.fates.get(row) not in DROPS]

    def text(self, row: int, column: str) -> str:
        """What the cell holds afterwards."""
        return self.sent.as_sent(column, self.cells.get((row, column), self.sent.rows[row][column]))

    def identity(self, row: int, names: Sequence[str]) -> Identity:
        """What the row is known again by, whatever the other columns hold."""
        return tuple(self.text(row, name) for name in names)


def predict(sent: SubmittedRows, actions: Sequence[Action]) -> Effects:
    """What the actions do to the rows that were sent."""
    skip_if(sent.unsure, "the published rules leave open which of the rows that were sent are wrong")
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for (row, column), rule in sent.failing.items():
        groups[column, rule].append(row)
    chosen = [(column, rows, _choose_action(column, rule, actions, sent)) for (column, rule), rows in groups.items()]
    deleted = {row for _, rows, act in chosen if act["action"] == "delete_invalid_rows" for row in rows}
    fates = dict.fromkeys(deleted, "delete_invalid_rows")
    cells: dict[Cell, str] = {}
    firsts: set[int] = set()
    for column, rows, act in chosen:
        match act["action"]:
            case "set_value":
                cells.update({(row, column): _value(act, column, rows, sent) for row in rows})
            case "dedup_keep_first":
                texts = {sent.rows[row][column].strip() for row in rows}
                members = {row for row, held in enumerate(sent.rows) if held[column].strip() in texts}
                open_ = f"another action drops rows of a repeated {column!r}: which one is the first is open"
                skip_if(members & deleted, open_)
                firsts |= members - {*rows}
                fates |= dict.fromkeys(rows, "dedup_keep_first")
            case "keep":
                fates |= {row: "keep" for row in rows if row not in fates}
    return Effects(sent, fates, cells, frozenset(firsts), "keep" not in {act["action"] for _, _, act in chosen})


def _choose_action(column: str, rule: str, actions: Sequence[Action], sent: SubmittedRows) -> Action:
    mine = [act for act in actions if act.get("column") == column and act.get("sheet_id") == sent.sheet_id]
    fitting = [act for act in mine if (act.get("action") == "dedup_keep_first") == (rule == "unique")]
    skip_if(any(act.get("action") not in CLAUSES for act in mine), f"the patch does something unknown to {column!r}")
    effects = {repr([act.get(name) for name in ("action", "value", "key_column")]) for act in fitting}
    certain = f"the patch does not say for certain what becomes of the cells of {column!r} that break {rule}"
    skip_if(len(effects) != 1, certain)
    return fitting[0]


def _value(act: Action, column: str, rows: Sequence[int], sent: SubmittedRows) -> str:
    described, value = sent.column(column), act.get("value")
    if described is None or not isinstance(value, str) or described.offence(value) is not None:
        raise Skipped(f"the patch sets {column!r} to something that the column's rule does not allow for certain")
    several = described.unique and value and len(rows) > 1
    skip_if(several, f"the patch sets several cells of the unique column {column!r} to one value")
    return value


def differences(effects: Effects, records: Sequence[Mapping[str, str]], *, valid: bool = False) -> dict[str, str]:
    """What the download shows otherwise than predicted, by clause; empty when it agrees.

    `valid`: it is the one without flagged rows, so that those which are kept must not be there.
    """
    given = effects.sent.given
    touched = {column for _, column in effects.cells}
    names = [column.name for column in given if column.name not in touched]
    skip_if(not names, "the rows that were sent have no column left by which to know them again")
    rows: dict[Identity, list[int]] = defaultdict(list)
    for row in effects.staying:
        if not valid or effects.fates.get(row) != "keep":
            rows[effects.identity(row, names)].append(row)
    there: dict[Identity, list[Mapping[str, str]]] = defaultdict(list)
    for record in records:
        there[effects.sent.line(record, names)].append(record)
    found = _surplus(effects, names, rows, there)
    for each, numbers in rows.items():
        if len(numbers) > len(there.get(each, ())):
            for clause in _missing(effects, numbers[0]):
                found.setdefault(clause, f"there is no row {_shown(names, each)}")
    for column in sorted(touched):
        for each, numbers in rows.items():
            got = sorted(effects.sent.as_sent(column, record.get(column, "")) for record in there.get(each, ()))
            wanted = sorted(effects.text(row, column) for row in numbers)
            if len(got) == len(wanted) and got != wanted:
                text = f"{column} of the row {_shown(names, each)} is {_texts(got)}, not {_texts(wanted)}"
                found.setdefault("DEC-06", text)
    return found | _astray(effects, records)


def _surplus(
    effects: Effects,
    names: Sequence[str],
    rows: Mapping[Identity, Sequence[int]],
    there: Mapping[Identity, Sequence[Mapping[str, str]]],
) -> dict[str, str]:
    """Rows that are there, and should not be, by the clause that they break."""
    found: dict[str, str] = {}
    for each, held in there.items():
        if len(held) > len(rows.get(each, ())):
            gone = [fate for row, fate in effects.fates.items() if effects.identity(row, names) == each]
            clause = next((CLAUSES[fate] for fate in gone), "DEC-05")
            found.setdefault(clause, f"there is still a row {_shown(names, each)}")
    return found


def _astray(effects: Effects, records: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Whether a value that is set is found in a column for which nothing was sent."""
    values = {text for text in effects.cells.values() if text}
    filled = {column.name for column in effects.sent.given}
    for column in effects.sent.columns:
        if column.name not in filled and column.rule != "ai":
            held = sorted(values & {record.get(column.name, "").strip() for record in records})
            if held:
                return {"DEC-06": f"{column.name}, for which nothing was sent, holds {_texts(held)}"}
    return {}


def _shown(names: Sequence[str], identity: Identity) -> str:
    """A row to be read."""
    return "(" + ", ".join(f"{name}: {text or 'empty'}" for name, text in zip(names, identity, strict=True)) + ")"


def _texts(texts: Sequence[str]) -> str:
    return " and ".join(text or "empty" for text in texts)


def _missing(effects: Effects, row: int) -> set[str]:
    """The clauses that a row breaks by not being there: that of its own action, and that of one which drops others."""
    found = {CLAUSES["delete_invalid_rows"]} if "delete_invalid_rows" in effects.fates.values() else set[str]()
    if row in effects.firsts:
        return found | {CLAUSES["dedup_keep_first"]}
    if effects.fates.get(row) == "keep":
        return found | {CLAUSES["keep"]}
    if any(number == row for number, _ in effects.cells):
        return found | {CLAUSES["set_value"]}
    return found or {"DEC-05"}
