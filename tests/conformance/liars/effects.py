"""Servers that lie about what an approval does to the rows, with and without answers (DEC-06 to DEC-13)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deciding import answered, cells, refixed
from lies import Liar, Lie, rule
from places import all_of

from mock_server.data import uploaded as own
from mock_server.data.book import Count, Fix
from mock_server.data.uploaded import UploadedBook
from mock_server.kernel.errors import Refusal
from mock_server.preview import decisions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mock_server.data.uploaded import Table
    from mock_server.preview.lifecycle import Life
    from mock_server.preview.runs import ImportRun

Line = tuple[str, ...] | None
Fixes = list[Fix | None]
_fixes = decisions.fixes
_with = own._with
_count = own._count


def _writes(text: Callable[[str], str | None], beside: int = 0) -> Lie:
    """A lie that writes another text where one is set, or none; or writes it so many columns beside."""

    def lying(line: Line, number: int, wanted: str) -> Line:
        written = text(wanted)
        return line if written is None else _with(line, number + beside, written)

    return rule(own._with, lying)


def _keeps(change: Callable[[list[Line], int, set[str]], None]) -> Lie:
    """A lie about which rows of repeated ones stay."""
    return rule(own._keep_first, change)


def _last(lines: list[Line], number: int, repeated: set[str]) -> None:
    met: set[str] = set()
    for at in reversed(range(len(lines))):
        line = lines[at]
        if line is not None and line[number] in repeated:
            if line[number] in met:
                lines[at] = None
            met.add(line[number])


def _none(lines: list[Line], number: int, repeated: set[str]) -> None:
    lines[:] = [None if line is not None and line[number] in repeated else line for line in lines]


def _neighbours(lines: list[Line], number: int, repeated: set[str]) -> None:
    for at in range(len(lines) - 1, 0, -1):
        before, line = lines[at - 1], lines[at]
        if line is not None and before is not None and line[number] in repeated and before[number] == line[number]:
            lines[at] = None


def _by_name(lines: list[Line], _: int, _repeated: set[str]) -> None:
    """Of rows with one Name the first stays, whatever the key column is."""
    met: set[str] = set()
    for at, line in enumerate(lines):
        if line is not None and line[0] in met:
            lines[at] = None
        met.add(line[0] if line is not None else "")


def _kept(table: Table) -> set[int]:
    return {at for at, _ in table.kept}


def _shown_kept(self: UploadedBook, sheet_id: str, *, flagged: bool) -> Iterator[tuple[str, ...]]:
    for table in self.tables:
        if table.sheet.id == sheet_id:
            for at, line in enumerate(table.lines):
                if line is not None and (flagged or at not in table.flagged or at in _kept(table)):
                    yield line


def _hidden_kept(self: UploadedBook, sheet_id: str, *, flagged: bool) -> Iterator[tuple[str, ...]]:
    for table in self.tables:
        if table.sheet.id == sheet_id:
            for at, line in enumerate(table.lines):
                if line is not None and (at not in table.flagged or (flagged and at not in _kept(table))):
                    yield line


def _pardoned(table: Table) -> Count:
    return _count(table._replace(flagged=table.flagged - _kept(table)))


def _reads(meant: Callable[[ImportRun, Life, Sequence[Any], Fixes, Fixes], Fixes]) -> Lie:
    """A lie about answers: by the run, what was answered, the patch's fixes and the honest ones."""

    def change(run: ImportRun, state: Life, answers: Sequence[Any]) -> Fixes:
        return meant(run, state, answers, _fixes(run, state, ()), _fixes(run, state, answers))

    return answered(change)


def _by_position(run: ImportRun, state: Life, answers: Sequence[Any], patch: Fixes, chosen: Fixes) -> Fixes:
    """The first answer is taken for one to the first question, whichever it names."""
    asked = run.questions(state)
    places = {each.id: each.place for each in asked}
    found = list(patch)
    for question, each in zip(asked, answers, strict=False):
        found[question.place] = chosen[places[each["question_id"]]]
    return found


def _option_alone(_run: ImportRun, _state: Life, answers: Sequence[Any], patch: Fixes, chosen: Fixes) -> Fixes:
    return patch if any("custom" in each for each in answers) else chosen


def _text_alone(_run: ImportRun, _state: Life, answers: Sequence[Any], patch: Fixes, chosen: Fixes) -> Fixes:
    return patch if any("option_id" in each for each in answers) else chosen


def _refuses(wrong: Callable[[ImportRun, Life, Sequence[Any]], bool], text: str, status: int = 400) -> Lie:
    """A lie that refuses such answers."""

    def change(run: ImportRun, state: Life, answers: Sequence[Any]) -> Fixes:
        if wrong(run, state, answers):
            raise Refusal(status, text)
        return _fixes(run, state, answers)

    return answered(change)


def _has(member: str) -> Callable[[ImportRun, Life, Sequence[Any]], bool]:
    return lambda _run, _state, answers: any(member in each for each in answers)


def _partial(run: ImportRun, state: Life, answers: Sequence[Any]) -> bool:
    return 0 < len(answers) < len(run.questions(state))


def _flagged_rows(table: Table, found: list[int], _: int) -> list[int]:
    return sorted(table.flagged) if found else found


def _but_the_last(table: Table, found: list[int], _: int) -> list[int]:
    """Whoever takes no rows for not read yet reads them once more."""
    return [] if len(found) == sum(line is not None for line in table.lines) else found


LIARS = (
    Liar("DEC-06", "sets the whole column", cells("set_value", lambda table, _f, _n: [*range(len(table.lines))])),
    Liar(
        "DEC-06",
        "sets the empty cells of the column, too",
        cells(
            "set_value",
            lambda t, found, n: [*found, *(at for at, line in enumerate(t.lines) if line is not None and not line[n])],
        ),
    ),
    Liar("DEC-06", "sets the cells of one row alone", cells("set_value", lambda _t, found, _n: found[:1])),
    Liar(
        "DEC-06",
        "sets the cells of the next row",
        cells("set_value", lambda t, found, _n: [min(at + 1, len(t.lines) - 1) for at in found]),
    ),
    Liar(
        "DEC-06", "sets cells to another value than it said", _writes(lambda text: "Closed" if text == "Open" else text)
    ),
    Liar("DEC-06", "clears cells instead of setting them", _writes(lambda _: "")),
    Liar("DEC-06", "takes an empty value for no value", _writes(lambda text: text or None)),
    Liar("DEC-06", "sets cells of the column beside", _writes(lambda text: text, -1)),
    Liar("DEC-06", "drops the rows whose cells it should set", refixed("set_value", Fix("delete_invalid_rows"))),
    Liar("DEC-06", "keeps the rows whose cells it should set", refixed("set_value", Fix("keep"))),
    Liar("DEC-07", "drops every flagged row", cells("delete_invalid_rows", _flagged_rows), ("DEC-06",)),
    Liar(
        "DEC-07", "drops the row before", cells("delete_invalid_rows", lambda _t, found, _n: [at - 1 for at in found])
    ),
    Liar("DEC-07", "drops a clean row, too", cells("delete_invalid_rows", lambda _t, found, _n: [*found, 1])),
    Liar("DEC-07", "drops no row", cells("delete_invalid_rows", lambda *_: [])),
    Liar("DEC-07", "drops no row where every row is to be dropped", cells("delete_invalid_rows", _but_the_last)),
    Liar("DEC-07", "keeps the rows that it should drop", refixed("delete_invalid_rows", Fix("keep"))),
    Liar("DEC-08", "keeps the last of repeated rows", _keeps(_last)),
    Liar("DEC-08", "keeps none of repeated rows", _keeps(_none)),
    Liar("DEC-08", "drops repeated rows that follow one another alone", _keeps(_neighbours)),
    Liar("DEC-08", "looks for repeated values in another column", _keeps(_by_name)),
    Liar("DEC-08", "keeps repeated rows flagged", refixed("dedup_keep_first", Fix("keep"))),
    Liar("DEC-09", "drops the rows that it should keep", refixed("keep", Fix("delete_invalid_rows"))),
    Liar(
        "DEC-09",
        "gives kept rows as valid ones",
        rule(UploadedBook.rows, _shown_kept),
        ("CSV-04",),
    ),
    Liar(
        "DEC-09",
        "leaves kept rows out of every download",
        rule(UploadedBook.rows, _hidden_kept),
        ("CSV-05",),
    ),
    Liar(
        "DEC-09",
        "takes kept rows for right ones from then on",
        all_of(
            rule(UploadedBook.rows, _shown_kept),
            rule(own._count, _pardoned),
        ),
    ),
    Liar("DEC-10", "passes over answers", _reads(lambda _r, _s, _a, patch, _c: patch)),
    Liar("DEC-10", "passes over answers by option", _reads(_text_alone)),
    Liar("DEC-10", "passes over answers by text", _reads(_option_alone)),
    Liar("DEC-10", "goes by the place of an answer and not by its question_id", _reads(_by_position)),
    Liar("DEC-11", "refuses answers by option", _refuses(_has("option_id"), "answers[0].custom is required")),
    Liar("DEC-11", "sees a conflict in answers by option", _refuses(_has("option_id"), "the option was taken", 409)),
    Liar("DEC-12", "refuses answers by text", _refuses(_has("custom"), "answers[0].option_id is required")),
    Liar("DEC-12", "breaks down over answers by text", _refuses(_has("custom"), "Internal error", 500)),
    Liar("DEC-13", "wants an answer to every question", _refuses(_partial, "answers leaves questions unanswered")),
)
