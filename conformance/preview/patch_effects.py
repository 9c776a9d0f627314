"""What a proposed patch must make of the rows that were sent, and how a download differs from that (DEC-05 to DEC-09).

Only what the docs settle is predicted; where they leave more than one outcome, `predicted` raises `Skipped`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from conformance.model.results import Skipped

if TYPE_CHECKING:
    from conformance.preview.submitted_rows import Cell, SubmittedRows

Action = dict[str, Any]
Identity = tuple[str, ...]

CLAUSES = {
    "set_value": "DEC-06",
    "delete_invalid_rows": "DEC-07",
    "dedup_keep_first": "DEC-08",
    "keep": "DEC-09",
}
"""The clause of each action's effect."""
DROPS = ("delete_invalid_rows", "dedup_keep_first")


@dataclass(frozen=True, slots=True)
class Effects:
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
        return self.cells.get((row, column), self.sent.rows[row][column]).strip()


def predict(sent: SubmittedRows, actions: Sequence[Action]) -> Effects:
    """What the actions do to the rows that were sent."""
    if sent.unsure:
        raise Skipped("the published rules leave open which of the rows that were sent are wrong")
    chosen = [(column, rows, _choose_action(column, rule, actions, sent)) for column, rule, rows in _groups(sent)]
    deleted = {row for _, rows, act in chosen if act["action"] == "delete_invalid_rows" for row in rows}
    fates = dict.fromkeys(deleted, "delete_invalid_rows")
    cells: dict[Cell, str] = {}
    firsts: set[int] = set()
    for column, rows, act in chosen:
        match act["action"]:
            case "set_value":
                cells.update({(row, column): _value(act, column, rows, sent) for row in rows})
            case "dedup_keep_first":
                firsts |= _firsts(column, rows, deleted, sent)
                fates |= dict.fromkeys(rows, "dedup_keep_first")
            case "keep":
                fates |= {row: "keep" for row in rows if row not in fates}
    return Effects(sent, fates, cells, frozenset(firsts), "keep" not in {act["action"] for _, _, act in chosen})


def _groups(sent: SubmittedRows) -> list[tuple[str, str, list[int]]]:
    """The flagged groups: column, rule, rows; in the order in which an action drops before it keeps."""
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for (row, column), rule in sent.failing.items():
        groups[column, rule].append(row)
    return [(column, rule, rows) for (column, rule), rows in groups.items()]


def _choose_action(column: str, rule: str, actions: Sequence[Action], sent: SubmittedRows) -> Action:
    mine = [act for act in actions if act.get("column") == column and act.get("sheet_id") == sent.sheet_id]
    fitting = [act for act in mine if (act.get("action") == "dedup_keep_first") == (rule == "unique")]
    if any(act.get("action") not in CLAUSES for act in mine):
        raise Skipped(f"the patch does something unknown to {column!r}")
    if not fitting or any(_effect(act) != _effect(fitting[0]) for act in fitting):
        raise Skipped(f"the patch does not say for certain what becomes of the cells of {column!r} that break {rule}")
    return fitting[0]


def _effect(act: Action) -> tuple[Any, ...]:
    return act.get("action"), act.get("value"), act.get("key_column")


def _value(act: Action, column: str, rows: Sequence[int], sent: SubmittedRows) -> str:
    described, value = sent.column(column), act.get("value")
    if described is None or not isinstance(value, str) or described.offence(value) is not None:
        raise Skipped(f"the patch sets {column!r} to something that the column's rule does not allow for certain")
    if described.unique and value and len(rows) > 1:
        raise Skipped(f"the patch sets several cells of the unique column {column!r} to one value")
    return value


def _firsts(column: str, rows: Sequence[int], deleted: Iterable[int], sent: SubmittedRows) -> set[int]:
    texts = {sent.rows[row][column].strip() for row in rows}
    members = [row for row, cells in enumerate(sent.rows) if cells[column].strip() in texts]
    if set(members) & set(deleted):
        raise Skipped(f"another action drops rows of a repeated {column!r}: which one is the first is open")
    return set(members) - set(rows)


def differences(effects: Effects, records: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """What the download shows otherwise than predicted, by clause; empty when it agrees."""
    given = effects.sent.given
    touched = {column for _, column in effects.cells}
    names = [column.name for column in given if column.name not in touched]
    if not names:
        raise Skipped("the rows that were sent have no column left by which to know them again")
    expected = Counter(_identity(effects.text, row, names) for row in effects.staying)
    got = Counter(tuple(record.get(name, "").strip() for name in names) for record in records)
    found: dict[str, str] = {}
    for identity in got - expected:
        found.setdefault(_surplus(effects, identity, names), f"there is still a row {_by_name(names, identity)}")
    for identity in expected - got:
        found.setdefault(_missing(effects, identity, names), f"there is no row {_by_name(names, identity)}")
    for column in touched:
        for identity in expected:
            if got[identity] == expected[identity]:
                found |= _cells(effects, column, identity, names, records)
    return found


def _identity(text: Any, row: int, names: Sequence[str]) -> Identity:
    return tuple(text(row, name) for name in names)


def _by_name(names: Sequence[str], identity: Identity) -> dict[str, str]:
    return dict(zip(names, identity, strict=True))


def _surplus(effects: Effects, identity: Identity, names: Sequence[str]) -> str:
    """The clause that a row breaks by being there."""
    for row, fate in effects.fates.items():
        if fate in DROPS and _identity(effects.text, row, names) == identity:
            return CLAUSES[fate]
    return "DEC-05"


def _missing(effects: Effects, identity: Identity, names: Sequence[str]) -> str:
    """The clause that a row breaks by not being there."""
    row = next(row for row in effects.staying if _identity(effects.text, row, names) == identity)
    if row in effects.firsts:
        return "DEC-08"
    if effects.fates.get(row) == "keep":
        return "DEC-09"
    if any(number == row for number, _ in effects.cells):
        return "DEC-06"
    return "DEC-07" if "delete_invalid_rows" in effects.fates.values() else "DEC-05"


def _cells(
    effects: Effects, column: str, identity: Identity, names: Sequence[str], records: Sequence[Mapping[str, str]]
) -> dict[str, str]:
    """Whether the rows of this identity hold in the column what they should (DEC-06)."""
    rows = [row for row in effects.staying if _identity(effects.text, row, names) == identity]
    wanted = sorted(effects.text(row, column) for row in rows)
    mine = [record for record in records if tuple(record.get(name, "").strip() for name in names) == identity]
    held = sorted(record.get(column, "").strip() for record in mine)
    if held == wanted:
        return {}
    return {"DEC-06": f"{column!r} of the row {_by_name(names, identity)} is {held}, not {wanted}"}
