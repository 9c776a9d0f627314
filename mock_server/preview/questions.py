"""What a parked run shows: plain-language questions about its flagged groups, and the proposed patch.

Texts are built from the groups, so they cannot disagree with the rows. Question ids count on over the parkings of a run
and are never reused (OP-20).
"""

from __future__ import annotations

from string import ascii_lowercase
from typing import TYPE_CHECKING, Any, NamedTuple

from mock_server.data.rules import alternatives

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mock_server.data.book import Fix, Group


class Question(NamedTuple):
    """One question of a parking, the group that it is about, and that group's place among the flagged ones."""

    id: str
    group: Group
    place: int

    @property
    def options(self) -> dict[str, Fix]:
        """The suggested answers by id."""
        return dict(zip(ascii_lowercase, self.group.options, strict=False))


def questions(groups: Sequence[Group], asked_before: int) -> tuple[Question, ...]:
    """The questions of a parking; `asked_before` is how many the run's earlier parkings asked."""
    asked = [place for place, group in enumerate(groups) if group.ask]
    return tuple(Question(f"fq{number}", groups[place], place) for number, place in enumerate(asked, asked_before))


def needs_attention(groups: Sequence[Group], asked: Sequence[Question]) -> dict[str, Any]:
    """The contract's `needs_attention` block (QUE-01 to QUE-10, PATCH-01 to PATCH-06)."""
    summary = "; ".join(map(_clause, groups))
    patch = {"summary": f"{summary[:1].upper()}{summary[1:]}.", "actions": [_action(group) for group in groups]}
    return {"questions": [_question(question) for question in asked], "proposed_patch": patch}


def _question(question: Question) -> dict[str, Any]:
    group = question.group
    prompt, context, error = _prose(group)
    return {
        "id": question.id,
        "prompt": prompt,
        "context": context,
        "target": {
            "sheet_id": group.sheet.id,
            "column": group.column.name,
            "affected_count": group.rows,
            "sample_values": list(group.samples),
            "error": error,
        },
        "relevant_columns": [group.column.name],
        "options": [{"id": option_id, "label": _label(fix)} for option_id, fix in question.options.items()],
        "allow_custom": group.allow_custom,
    }


def _prose(group: Group) -> tuple[str, str, str]:
    """The group's prompt, context and failed rule, in words for the end-customer."""
    column, sheet = group.column.name, group.sheet.name
    rows, have, repeat = (f"{group.rows} rows", "have", "repeat") if group.rows > 1 else ("1 row", "has", "repeats")
    a = "an" if column[:1].lower() in set("aeiou") else "a"
    match group.fails:
        case "required":
            what, where, error = f"rows have no {column}", f"{have} no {column}", "Required value is missing"
        case "unique":
            what, where = f"{column} values appear more than once", f"{repeat} the {column} of an earlier row"
            error = "Value is not unique"
        case "link":
            what, where = f"{column} values point at nothing", f"{have} {a} {column} that is in no linked sheet"
            error = "No matching value in the linked sheet"
        case "strict" if allowed := alternatives(group.column.pattern or ""):
            what, where = f"{column} values aren't one of the allowed options", f"{have} {a} {column} outside "
            where += " / ".join(allowed)
            error = f"Does not match allowed values: {', '.join(allowed)}"
        case "strict":
            what = f"{column} values don't have the expected form"
            where = f"{have} {a} {column} that is not in the expected form"
            error = f"Does not match the pattern {group.column.pattern}"
    return f"Some {what}. How should Vern handle them?", f"{rows} in {sheet} {where}.", error


_LABELS = {
    "delete_invalid_rows": "Remove these rows",
    "dedup_keep_first": "Keep the first row of each",
    "keep": "Keep these rows flagged",
}


def _label(fix: Fix) -> str:
    if fix.action == "set_value":
        return f"Map all to '{fix.value}'" if fix.value else "Clear these cells"
    return _LABELS[fix.action]


def _action(group: Group) -> dict[str, Any]:
    action = {"sheet_id": group.sheet.id, "column": group.column.name, "action": group.fix.action}
    if group.fix.action == "set_value":
        return action | {"value": group.fix.value or ""}  # PATCH-03
    if group.fix.action == "dedup_keep_first":
        return action | {"key_column": group.column.name}  # PATCH-05
    return action


def _clause(group: Group) -> str:
    """What the patch does with one group, as part of a sentence."""
    column = group.column.name
    rows = "row" if group.rows == 1 else "rows"
    faulty = {"required": "missing", "strict": "with a wrong", "link": "with an unknown", "unique": "with a repeated"}
    match group.fix.action:
        case "set_value" if group.fix.value:
            kind = "out-of-range" if group.fails == "strict" else "wrong"
            return f"map {group.rows} {kind} {column} value{'s'[: group.rows > 1]} to '{group.fix.value}'"
        case "set_value":
            return f"clear {group.rows} wrong {column} value{'s'[: group.rows > 1]}"
        case "delete_invalid_rows":
            return f"drop the {rows} {faulty[group.fails]} {column}"
        case "dedup_keep_first":
            return f"keep the first row of each repeated {column} and drop {group.rows} {rows}"
        case "keep":
            return f"keep {group.rows} {rows} {faulty[group.fails]} {column} flagged"
