"""What a parked run asks and proposes, and what a decision does to its lines (QUE, PATCH, DEC)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from independent.model import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from independent.model import Column, Company, Line, Run

Action = dict[str, Any]

RULES = ("required", "strict", "unique", "link")


@dataclass(frozen=True, slots=True)
class Group:
    """The lines of one sheet whose cell in one column breaks one rule (PATCH-06)."""

    sheet: str
    name: str
    """The sheet's."""
    column: Column
    rule: str
    lines: Sequence[Line]

    @property
    def question_id(self) -> str:
        """What an answer calls the group; the same in every parking (OP-20)."""
        return f"{self.rule}.{self.name}.{self.column.name}"

    def action(self, kind: str, **more: str) -> Action:
        """An action on this group."""
        return {"sheet_id": self.sheet, "column": self.column.name, "action": kind, **more}


def groups(company: Company, run: Run) -> list[Group]:
    """The groups that nobody has decided to live with, in the order of the templates."""
    found = []
    for sheet, template in company.sheets.items():
        for column in template.columns:
            for rule in RULES:
                lines = [each for each in run.lines if each.sheet == sheet and each.faults.get(column.name) == rule]
                open_ones = [each for each in lines if (column.name, rule) not in each.kept]
                if open_ones:
                    found.append(Group(sheet, template.name, column, rule, open_ones))
    return found


def parking(found: Sequence[Group]) -> dict[str, Any]:
    """The `needs_attention` block. Rows that lack a required value are dropped without a question."""
    acts = [_proposed(each) for each in found]
    said = [f"{each.column.name}: {act['action']} ({len(each.lines)})" for each, act in zip(found, acts, strict=True)]
    return {
        "questions": [_question(each) for each in found if each.rule != "required"],
        "proposed_patch": {"summary": "; ".join(said), "actions": acts},
    }


def _proposed(group: Group) -> Action:
    match group.rule:
        case "unique":
            return group.action("dedup_keep_first", key_column=group.column.name)
        case "link":
            return group.action("keep")
        case "strict" if group.column.usual is not None:
            return group.action("set_value", value=group.column.usual)
        case _:
            return group.action("delete_invalid_rows")


def _options(group: Group) -> dict[str, tuple[str, Action]]:
    """Option id to label and effect; to a link there is nothing to choose, only to type (OP-28)."""
    column, leave = group.column, ("Leave them flagged", group.action("keep"))
    if group.rule == "unique":
        first = group.action("dedup_keep_first", key_column=column.name)
        return {"first": ("Only the first of each", first), "leave": leave}
    if group.rule != "strict":
        return {}
    options = {"leave": leave, "drop": ("Leave these rows out", group.action("delete_invalid_rows"))}
    if not column.required:
        options["clear"] = ("Empty the cells", group.action("set_value", value=""))
    if column.usual:
        options["usual"] = (f"Make them {column.usual}", group.action("set_value", value=column.usual))
    return options


def _question(group: Group) -> dict[str, Any]:
    values = list(dict.fromkeys(line.cells[group.column.name] for line in group.lines))
    return {
        "id": group.question_id,
        "prompt": f"What becomes of {group.column.name}?",
        "context": None if group.rule == "link" else f"{len(group.lines)} rows do not pass.",  # OP-28
        "target": {
            "sheet_id": group.sheet,
            "column": group.column.name,
            "affected_count": len(group.lines),
            "sample_values": values[:2],
            "error": f"{group.rule} {group.column.pattern}".strip(),
        },
        "relevant_columns": [group.column.name],
        "options": [{"id": each, "label": label} for each, (label, _) in _options(group).items()],
        "allow_custom": group.rule != "unique",
    }


def chosen(found: Sequence[Group], answers: Any) -> list[tuple[Group, Action]]:
    """What an approval does. Questions that an answer leaves out stay open, and the run parks for them (OP-13)."""
    if not answers:
        return [(each, _proposed(each)) for each in found]
    asked = {each.question_id: each for each in found if each.rule != "required"}
    given: dict[str, Action] = {}
    for answer in answers:
        group = asked.get(answer["question_id"])
        if group is None:
            raise Refused(400, f"answers: there is no question {answer['question_id']!r}")  # DEC-14
        given[group.question_id] = _answered(group, answer)  # OP-19: the last one counts
    silent = [(each, _proposed(each)) for each in found if each.rule == "required"]
    return silent + [(asked[each], act) for each, act in given.items()]


def _answered(group: Group, answer: dict[str, Any]) -> Action:
    if "option_id" in answer:
        option = _options(group).get(answer["option_id"])
        if option is None:
            raise Refused(400, "answers: the question has no such option")  # DEC-19
        return option[1]
    if group.rule == "unique":
        raise Refused(400, "answers: the question takes no text")  # DEC-20
    text = str(answer["custom"]).strip()
    if "leave" in text.casefold():
        return group.action("keep")
    return group.action("set_value", value=text)


def well_formed(answers: Any) -> None:
    """Refuse answers that could be to no question at all (DEC-17, DEC-18)."""
    if answers is None:
        return
    if not isinstance(answers, list):
        raise Refused(400, "answers: an array is required")
    for each in answers:
        if not isinstance(each, dict) or not isinstance(each.get("question_id"), str):
            raise Refused(400, "answers: each is an object with question_id")
        if ("option_id" in each) == ("custom" in each):
            raise Refused(400, "answers: each has either option_id or custom")
        text = each.get("option_id", each.get("custom"))
        if not isinstance(text, str) or not text.strip():
            raise Refused(400, "answers: option_id and custom are texts")


def apply(company: Company, run: Run, decided: Sequence[tuple[Group, Action]]) -> None:
    """Carry the actions out on the run's lines: set, drop, drop repetitions, keep."""
    order = ("set_value", "delete_invalid_rows", "dedup_keep_first", "keep")
    for group, act in sorted(decided, key=lambda pair: order.index(pair[1]["action"])):
        name = group.column.name
        match act["action"]:
            case "set_value":
                for line in group.lines:
                    line.cells[name] = act["value"]  # DEC-06
            case "delete_invalid_rows":
                run.lines = [line for line in run.lines if line not in group.lines]  # DEC-07
            case "dedup_keep_first":
                _dedup(company, run, group)
            case _:
                for line in group.lines:
                    line.kept.add((name, group.rule))  # DEC-09


def _dedup(company: Company, run: Run, group: Group) -> None:
    """Drop all but the first line of each value, which may be in the sheet already (DEC-08)."""
    name = group.column.name
    others = [line for line in company.rows(group.sheet) if line not in run.lines]
    met = {line.cells[name] for line in others}
    dropped = []
    for line in run.lines:
        if line in group.lines:
            if line.cells[name] in met:
                dropped.append(line)
            met.add(line.cells[name])
    run.lines = [line for line in run.lines if line not in dropped]
