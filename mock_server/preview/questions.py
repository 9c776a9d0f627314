"""What a parked run shows: plain-language questions about its flagged groups, and the proposed patch.

Texts are built from the groups, so they cannot disagree with the rows. Question ids count on over the parkings of a run
and are never reused (OP-20).
"""

from __future__ import annotations

from string import ascii_lowercase
from typing import TYPE_CHECKING, Any, NamedTuple

from mock_server.contract.document import load_yaml
from mock_server.contract.nearest import counted
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
    group, column, texts = question.group, question.group.column, load_yaml("groups")
    choice = alternatives(column.pattern or "") if group.fails == "strict" else ()
    words = {
        **texts["several" if group.rows > 1 else "one"],
        "column": column.name,
        "sheet": group.sheet.name,
        "rows": counted(group.rows, "row"),
        "a": "an" if column.name[:1].lower() in set("aeiou") else "a",
        "pattern": column.pattern,
        "choice": " / ".join(choice),
        "choices": ", ".join(choice),
    }
    sentences = texts["questions"]["choice" if choice else group.fails]
    prompt, context, error = (text.format_map(words) for text in sentences)
    return {
        "id": question.id,
        "prompt": prompt,
        "context": context,
        "target": {
            "sheet_id": group.sheet.id,
            "column": column.name,
            "affected_count": group.rows,
            "sample_values": list(group.samples),
            "error": error,
        },
        "relevant_columns": [column.name],
        "options": [{"id": option_id, "label": _label(fix)} for option_id, fix in question.options.items()],
        "allow_custom": group.allow_custom,
    }


def _label(fix: Fix) -> str:
    label: str = load_yaml("groups")["labels"][_kind(fix)]
    return label.format(value=fix.value)


def _kind(fix: Fix) -> str:
    return "clear" if fix.action == "set_value" and not fix.value else fix.action


def _action(group: Group) -> dict[str, Any]:
    action = {"sheet_id": group.sheet.id, "column": group.column.name, "action": group.fix.action}
    if group.fix.action == "set_value":
        return action | {"value": group.fix.value or ""}  # PATCH-03
    if group.fix.action == "dedup_keep_first":
        return action | {"key_column": group.column.name}  # PATCH-05
    return action


def _clause(group: Group) -> str:
    """What the patch does with one group, as part of a sentence."""
    texts = load_yaml("groups")
    text: str = texts["summary"][_kind(group.fix)]
    return text.format(
        count=group.rows,
        column=group.column.name,
        value=group.fix.value,
        kind="out-of-range" if group.fails == "strict" else "wrong",
        **texts["several" if group.rows > 1 else "one"],
        faulty=texts["faulty"][group.fails],
    )
