"""Honest servers that flag, ask, propose and resolve otherwise (OP-12, OP-13, OP-20, OP-32, OP-38)."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from honesty import Honest, target
from places import all_of, around

from conformance.preview.suite import Mock
from conformance.target.target import Body
from mock_server.data import book, rules, uploaded
from mock_server.data.book import Fix
from mock_server.kernel.ids import made_uuid
from mock_server.preview import decisions, operations, questions, runs

if TYPE_CHECKING:
    from mock_server.preview.questions import Question

CHECKS = ("required", "strict", "link", "unique")
RESOLVED = ("QUE", "PATCH", "DEC", "CSV", "POLL")
NO_TEXT = target(needs_attention_again=None)
NO_WAY = target(completed_with_flags=None)
"""The mock's way to flagged rows is an option that this one has not, or that leads elsewhere."""


def _kept_again(honest: Any) -> Any:
    """Rows that were kept are asked about once more, until they are mended."""
    return lambda tables, held: honest([(sheet, lines, frozenset()) for sheet, lines, _ in tables], held)


def _only_answers(honest: Any) -> Any:
    """Where there are answers, they alone are applied: what they leave out is asked again."""

    def fixes(run: Any, state: Any, answers: Any) -> Any:
        chosen = honest(run, state, answers)
        given = {answer["question_id"] for answer in answers}
        waiting = {each.place for each in run.questions(state) if each.id not in given}
        return [None if given and place in waiting else fix for place, fix in enumerate(chosen)]

    return fixes


def _same_ids(honest: Any) -> Any:
    return lambda groups, _: honest(groups, 0)


def _long_ids(honest: Any) -> Any:
    """Question ids are UUIDs, never used twice in a run."""
    return lambda groups, asked: tuple(
        each._replace(id=made_uuid("question", each.id)) for each in honest(groups, asked)
    )


def _group(*given: Any, **named: Any) -> Any:
    """A group as the mock makes it just now: another reading may have changed that."""
    return uploaded._group(*given, **named)


def _failing(table: Any) -> dict[tuple[int, int], str]:
    """Row and column of each failing cell, to the check that it fails."""
    return {(at, number): check for (number, check), ats in table.faults.items() for at in ats}


def _merged(_: Any) -> Any:
    """One group a column, whatever is wrong in it."""

    def groups(table: Any) -> Any:
        def column(cell: tuple[int, int]) -> tuple[int, bool]:
            return cell[1], cell in table.kept

        failing = _failing(table)
        for (number, accepted), cells in groupby(sorted(failing, key=lambda cell: (*column(cell), cell)), column):
            rows = [at for at, _ in cells]
            worst = min((failing[at, number] for at in rows), key=CHECKS.index)
            yield _group(table, number, worst, rows, accepted=accepted)

    return groups


def _cells_of_column(_: Any) -> Any:
    return lambda table, group, number: [
        at for at, where in _failing(table) if where == number and ((at, where) in table.kept) == group.accepted
    ]


def _by_text(_: Any) -> Any:
    """One group for each wrong text of a column."""

    def groups(table: Any) -> Any:
        failing = _failing(table)

        def kind(cell: tuple[int, int]) -> tuple[Any, ...]:
            return cell[1], failing[cell], cell in table.kept, table.lines[cell[0]][cell[1]]

        for (number, check, accepted, _), cells in groupby(sorted(failing, key=kind), kind):
            yield _group(table, number, check, [at for at, _ in cells], accepted=accepted)

    return groups


def _cells_of_text(honest: Any) -> Any:
    return lambda table, group, number: [
        at for at in honest(table, group, number) if table.lines[at][number] == group.samples[0]
    ]


def _firsts_too(honest: Any) -> Any:
    """Of rows that repeat a unique value the first is flagged as well."""

    def check(number: int, column: Any, rows: Any, linked: Any, found: Any) -> None:
        honest(number, column, rows, linked, found)
        repeated = {rows[at][number] for at in found.get((number, "unique"), ())}
        if repeated:
            found[number, "unique"] = [at for at, row in enumerate(rows) if row and row[number] in repeated]

    return check


def _proposing(choose: Any) -> Any:
    """Propose another fix than the mock would: `choose` is given column, check and the mock's own fix."""
    return around(
        (uploaded, book.proposed_fix),
        lambda honest: lambda column, fails: choose(column, fails, honest(column, fails)),
    )


def _drop(_column: Any, fails: str, honest: Fix) -> Fix:
    return honest if fails == "unique" else Fix("delete_invalid_rows")


def _clear(column: Any, fails: str, honest: Fix) -> Fix:
    return honest if column.required or fails == "unique" else Fix("set_value", "")


def _grouped(change: Any) -> Any:
    """Change each group of wrong cells before anybody is asked about it."""

    def changed(honest: Any) -> Any:
        return lambda *given, **named: change(honest(*given, **named))

    return around(uploaded._group, changed)


def _shown(change: Any) -> Any:
    """Change each question as it is shown."""

    def changed(honest: Any) -> Any:
        def question(asked: Question) -> Any:
            made = honest(asked)
            change(asked, made)
            return made

        return question

    return around(questions._question, changed)


def _all_columns(asked: Question, made: Any) -> None:
    made["relevant_columns"] = [column.name for column in asked.group.sheet.template.columns]


def _other_words(asked: Question, made: Any) -> None:
    made.update(prompt="?", context="", relevant_columns=[asked.group.column.name, "Name"])
    made["target"]["error"] = "\u4e0d\u6b63\u306a\u5024"
    for number, option in enumerate(made["options"]):
        option["label"] = f"<b>{number}</b> \u2192 {option['label']}"


def _few_samples(_: Question, made: Any) -> None:
    made["target"]["sample_values"] = made["target"]["sample_values"][:1]


def _no_samples(_: Question, made: Any) -> None:
    made["target"]["sample_values"] = []


def _reversed(honest: Any) -> Any:
    def block(groups: Any, asked: Any) -> Any:
        made = honest(groups, asked)
        made["questions"].reverse()
        made["proposed_patch"]["actions"].reverse()
        return made

    return block


UNSURE: Any = Mock("http://127.0.0.1").target().states["needs_attention_again"]
FLAGS: Any = Mock("http://127.0.0.1").target().states["completed_with_flags"]
KEPT = Body(FLAGS.body, ({"question_id": made_uuid("question", "fq0"), "option_id": "c"},))
AGAIN = Body(UNSURE.body, ({"question_id": made_uuid("question", "fq0"), "custom": "no such status"},))

RESOLVING = (
    Honest(
        "OP-12",
        "parks again for rows that were kept",
        all_of(around(uploaded.check_tables, _kept_again), NO_WAY),
        RESOLVED,
    ),
    Honest(
        "OP-13",
        "asks again what was left unanswered",
        around((operations, decisions.fixes), _only_answers),
        RESOLVED,
    ),
    Honest(
        "OP-20",
        "counts question ids anew in each parking",
        around((runs, questions.questions), _same_ids),
        RESOLVED,
    ),
    Honest(
        "OP-20",
        "has UUIDs for question ids",
        all_of(
            around((runs, questions.questions), _long_ids),
            target(needs_attention_again=AGAIN, completed_with_flags=KEPT),
        ),
        RESOLVED,
    ),
    Honest(
        "OP-32",
        "has one group for all that is wrong in a column",
        all_of(
            around(uploaded._groups, _merged),
            around(uploaded._cells, _cells_of_column),
        ),
        RESOLVED,
    ),
    Honest(
        "OP-32",
        "has one group for each wrong text of a column",
        all_of(
            around(uploaded._groups, _by_text),
            around(uploaded._cells, _cells_of_text),
        ),
        RESOLVED,
    ),
    Honest(
        "OP-38",
        "flags the first of repeated values, too",
        around(rules._check_column, _firsts_too),
        RESOLVED,
    ),
    Honest("patch", "proposes to remove every wrong row", _proposing(_drop), RESOLVED),
    Honest("patch", "proposes to clear what may be empty", _proposing(_clear), RESOLVED),
    Honest("patch", "proposes to keep what is wrong", _proposing(lambda *_: Fix("keep")), RESOLVED),
    Honest(
        "asking",
        "asks about the first column alone",
        all_of(_grouped(lambda group: group._replace(ask=group.ask and group.column.name == "Status")), NO_WAY),
        RESOLVED,
    ),
    Honest(
        "asking",
        "asks nothing, and proposes",
        all_of(_grouped(lambda group: group._replace(ask=False)), NO_TEXT, NO_WAY),
        RESOLVED,
    ),
    Honest(
        "asking",
        "takes no free text",
        all_of(_grouped(lambda group: group._replace(allow_custom=False)), NO_TEXT),
        RESOLVED,
    ),
    Honest(
        "asking",
        "offers two options at most",
        all_of(_grouped(lambda group: group._replace(options=group.options[:2])), NO_WAY),
        RESOLVED,
    ),
    Honest(
        "asking",
        "offers one option",
        all_of(_grouped(lambda group: group._replace(options=group.options[-1:])), NO_WAY),
        RESOLVED,
    ),
    Honest("texts", "calls every column of the sheet relevant", _shown(_all_columns), ("QUE",)),
    Honest("texts", "asks in other words", _shown(_other_words), ("QUE", "DEC")),
    Honest("texts", "shows one sample of each group", _shown(_few_samples), ("QUE",)),
    Honest("texts", "shows no samples", _shown(_no_samples), ("QUE",)),
    Honest(
        "order",
        "asks and acts in reverse order",
        around((runs, questions.needs_attention), _reversed),
        RESOLVED,
    ),
)
