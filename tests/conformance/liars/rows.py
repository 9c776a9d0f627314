"""Servers that lie about what is done to which rows: one too many or too few, a neighbour, a cell beside the right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deciding import Decided, answered, cells
from lies import App, Liar, Lie
from places import all_of, around, put
from runlies import run_bodies
from twisting import anew, writes

from mock_server.data import book as books
from mock_server.data import csv_file, rules
from mock_server.data import uploaded as own
from mock_server.data.book import Fix
from mock_server.preview import decisions, runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import pytest

    from mock_server.data.book import Book, Group, Row
    from mock_server.data.uploaded import Table, UploadedBook
    from mock_server.preview.lifecycle import Life
    from mock_server.preview.runs import ImportRun

    Numbered = list[tuple[int, Row]]

_after = own._after
_fixes = decisions.fixes


def _afterwards(change: Callable[[Table, Decided, list[Row | None]], None]) -> Lie:
    """A lie that changes the lines in place after a sheet was honestly fixed; it knows the sheet as it was."""

    def after(table: Table, mine: Decided) -> Table:
        done = _after(table, mine)
        lines = list(done.lines)
        change(table, mine, lines)
        return done._replace(lines=lines)

    return around(own._after, lambda _: after)


def _decided(table: Table, mine: Decided, action: str) -> Iterator[tuple[int, list[int], Fix]]:
    """Each fix of that action: the number of its column, the rows that it is for, and the fix."""
    for group, fix in mine:
        if fix.action == action:
            number = table.sheet.template.index(group.column.name)
            yield number, own._cells(table, group, number), fix


# -- duplicates


def _dedups(drop: Callable[[Numbered, int], Iterable[int]]) -> Lie:
    """A lie about which rows of each group of duplicates are dropped."""

    def after(table: Table, mine: Decided) -> Table:
        done = _after(table, [pair for pair in mine if pair[1].action != "dedup_keep_first"])
        lines = list(done.lines)
        for number, ats, _ in _decided(table, mine, "dedup_keep_first"):
            for value in {line[number] for at in ats if (line := table.lines[at]) is not None}:
                alike = [(at, line) for at, line in enumerate(lines) if line is not None and line[number] == value]
                for at in drop(alike, number):
                    lines[at] = None
        return done._replace(lines=lines)

    return around(own._after, lambda _: after)


def _second_alone(alike: Numbered, _: int) -> list[int]:
    return [at for at, _ in alike[1:2]]


def _neighbours_alone(alike: Numbered, _: int) -> list[int]:
    ats = {at for at, _ in alike}
    return [at for at in ats if at - 1 in ats]


def _but_the_fullest(alike: Numbered, _: int) -> list[int]:
    fullest = max(alike, key=lambda each: sum(map(bool, each[1])), default=(-1, ()))
    return [at for at, _ in alike if at != fullest[0]]


def _blanks_too(table: Table, mine: Decided, lines: list[Row | None]) -> None:
    for number, *_ in _decided(table, mine, "dedup_keep_first"):
        blank = [at for at, line in enumerate(lines) if line is not None and not line[number].strip()]
        for at in blank[1:]:
            lines[at] = None


# -- rows that are dropped


def _not_neighbours(_: Table, found: list[int], __: int) -> list[int]:
    dropped: list[int] = []
    for at in found:
        if not dropped or dropped[-1] != at - 1:
            dropped.append(at)
    return dropped


def _shifting(table: Table, found: list[int], _: int) -> list[int]:
    return [at + passed for passed, at in enumerate(found) if at + passed < len(table.lines)]


def _namesakes(table: Table, found: list[int], _: int) -> list[int]:
    names = {line[0] for at in found if (line := table.lines[at]) is not None and line[0]}
    return [at for at, line in enumerate(table.lines) if at in found or (line is not None and line[0] in names)]


def _sampled(table: Table, found: list[int], number: int) -> list[int]:
    values = dict.fromkeys(line[number] for at in found if (line := table.lines[at]) is not None)
    shown = list(values)[: books.SAMPLES]
    return [at for at in found if (line := table.lines[at]) is not None and line[number] in shown]


# -- cells that are set


def _every_flagged(table: Table, _: list[int], __: int) -> list[int]:
    return sorted(table.flagged)


def _blank_cells_too(table: Table, found: list[int], number: int) -> list[int]:
    return [at for at, line in enumerate(table.lines) if line is not None and (at in found or not line[number].strip())]


def _wherever_it_stands(table: Table, mine: Decided, lines: list[Row | None]) -> None:
    for number, ats, fix in _decided(table, mine, "set_value"):
        for at in ats:
            was, line = table.lines[at], lines[at]
            if was is not None and line is not None and was[number]:
                lines[at] = tuple(fix.value or "" if text == was[number] else text for text in line)


def _cleared_to_a_blank(table: Table, mine: Decided, lines: list[Row | None]) -> None:
    for number, ats, fix in _decided(table, mine, "set_value"):
        for at in ats if not fix.value else ():
            lines[at] = own._with(lines[at], number, " ")


def _one_fix_a_column(table: Table, mine: Decided) -> Table:
    return _after(table, list({group.column.name: (group, fix) for group, fix in mine}.values()))


# -- answers


def _unchecked() -> Lie:
    """A free text is written, and is right from then on."""
    taken: set[tuple[str, str]] = set()

    def cure(_: Book, group: Group, text: str) -> Fix:
        taken.add((group.column.name, text))
        return Fix("set_value", text)

    def bend(honest: Any) -> Any:
        def faults(template: Any, rows: Sequence[Row | None], linked: Any) -> Any:
            left: dict[Any, list[int]] = {}
            for (number, check), ats in honest(template, rows, linked).items():
                name = template.columns[number].name
                wrong = [at for at in ats if (line := rows[at]) is not None and (name, line[number]) not in taken]
                left.update({(number, check): wrong} if wrong else {})
            return left

        return faults

    return all_of(around((decisions, books.cure), lambda _: cure), around((own, rules.faults), bend))


def _first_choice_for_all(run: ImportRun, state: Life, answers: Sequence[Any]) -> list[Fix | None]:
    found = _fixes(run, state, answers)
    places = {question.id: question for question in run.questions(state)}
    asked = [places[each["question_id"]] for each in answers]
    first = found[asked[0].place] if asked else None
    for question in asked[1:]:
        same = [fix for fix in question.options.values() if first is not None and fix.action == first.action]
        if same:
            found[question.place] = same[0]
    return found


# -- what is kept and counted


def _kept_once(table: Table, mine: Decided, lines: list[Row | None]) -> None:
    for _, ats, _ in _decided(table, mine, "keep"):
        met: set[Any] = set()
        for at in ats:
            if lines[at] in met:
                lines[at] = None
            else:
                met.add(lines[at])


def _mended_is_clean(app: App, patch: pytest.MonkeyPatch) -> App:
    """A row of which one cell was kept and another one set counts as clean."""
    mended: set[tuple[str, int]] = set()
    check = own.check_tables

    def after(table: Table, mine: Decided) -> Table:
        mended.update((table.sheet.id, at) for _, ats, _ in _decided(table, mine, "set_value") for at in ats)
        return _after(table, mine)

    def check_tables(tables: Any, held: Any) -> UploadedBook:
        book = check(tables, held)
        made = []
        for table in book.tables:
            clean = {at for at in table.flagged if (table.sheet.id, at) in mended}
            clean &= {at for at, _ in table.kept}
            made.append(table._replace(flagged=table.flagged - clean))
        return book._replace(tables=tuple(made), counts=tuple(map(own._count, made)))

    put(patch, own._after, after)
    put(patch, own.check_tables, check_tables)
    return app


def _equal_rows_once(honest: Any) -> Any:
    def report(book: Any, *, parked: bool) -> dict[str, Any]:
        told: dict[str, Any] = honest(book, parked=parked)
        if hasattr(book, "tables"):
            rows = {(table.sheet.id, table.lines[at]) for table in book.tables for at in table.flagged}
            told["invalidCellCount"] = len(rows)
        return told

    return report


def _grouped(change: Callable[[Table, int, Sequence[int], Group], Group]) -> Lie:
    """A lie about what is told of a group of the caller's own rows."""

    def bend(honest: Any) -> Any:
        def group(table: Table, number: int, fails: Any, ats: Sequence[int], *, accepted: bool) -> Group:
            return change(table, number, ats, honest(table, number, fails, ats, accepted=accepted))

        return group

    return around(own._group, bend)


def _values_counted(table: Table, number: int, ats: Sequence[int], group: Group) -> Group:
    return group._replace(rows=len({line[number] for at in ats if (line := table.lines[at]) is not None}))


def _neighbour_sampled(table: Table, number: int, ats: Sequence[int], group: Group) -> Group:
    texts = [line[number - 1] for at in ats if (line := table.lines[at]) is not None]
    return group._replace(samples=tuple(dict.fromkeys(texts))[: books.SAMPLES])


def _largest_alone(_run: Any, _state: Any, body: dict[str, Any]) -> None:
    told = body.get("report")
    if told and told.get("perSheet"):
        told["inserted"] = max(each["rowCount"] for each in told["perSheet"])


def _two_actions(_run: Any, _state: Any, body: dict[str, Any]) -> None:
    if "needs_attention" in body:
        del body["needs_attention"]["proposed_patch"]["actions"][2:]


def _duplicates_are_valid(honest: Any) -> Any:
    def rows(self: UploadedBook, sheet_id: str, *, flagged: bool) -> Iterator[Row]:
        if flagged:
            yield from honest(self, sheet_id, flagged=True)
            return
        for table in self.tables:
            left_out = {at for (_, check), ats in table.faults.items() if check != "unique" for at in ats}
            if table.sheet.id == sheet_id:
                yield from (line for at, line in enumerate(table.lines) if line is not None and at not in left_out)

    return rows


def _last_line_lost(honest: Any) -> Any:
    def read_file(file: Any, *more: Any) -> list[Row]:
        found: list[Row] = honest(file, *more)
        file.seek(-1, 2)
        return found if file.read(1) in b"\r\n" else found[:-1]

    return read_file


def _distinct(rows: Iterable[Row]) -> Iterable[Row]:
    return dict.fromkeys(rows)


def _named_alone(rows: Iterable[Row]) -> Iterable[Row]:
    return (row for row in rows if row[0])


_COUNTS = ("CSV-06", "CSV-07")

LIARS = (
    Liar("DEC-08", "drops the second of three duplicates and leaves the third", _dedups(_second_alone),
         ("DEC-05", "DEC-27")),
    Liar("DEC-08", "drops duplicates that follow each other alone", _dedups(_neighbours_alone), ("DEC-05", "DEC-27")),
    Liar("DEC-08", "keeps the fullest of several duplicates", _dedups(_but_the_fullest), ("DEC-05",)),
    Liar("DEC-08", "drops rows without a key beside the duplicates", _afterwards(_blanks_too), ("DEC-09",)),
    Liar("DEC-07", "leaves an invalid row that follows a dropped one", cells("delete_invalid_rows", _not_neighbours),
         ("DEC-05", "DEC-27")),
    Liar("DEC-07", "drops a row further for each row that it has dropped", cells("delete_invalid_rows", _shifting),
         ("DEC-05", "DEC-27")),
    Liar("DEC-07", "drops the namesakes of invalid rows, too", cells("delete_invalid_rows", _namesakes), ("DEC-05",)),
    Liar("DEC-07", "drops invalid rows with one of the sampled values alone", cells("delete_invalid_rows", _sampled),
         ("DEC-05", "DEC-27", "DEC-10")),
    Liar("DEC-06", "sets the column in each flagged row", cells("set_value", _every_flagged), ("DEC-05",)),
    Liar("DEC-06", "fills blank cells of the column, too", cells("set_value", _blank_cells_too), ("DEC-05",)),
    Liar("DEC-06", "sets cells with one of the sampled values alone", cells("set_value", _sampled),
         ("DEC-05", "DEC-27")),
    Liar("DEC-06", "replaces the wrong value wherever it stands in the row", _afterwards(_wherever_it_stands),
         ("DEC-05",)),
    Liar("DEC-05", "clears a cell to a blank", _afterwards(_cleared_to_a_blank), ("DEC-06",)),
    Liar("DEC-05", "carries out one action a column", around(own._after, lambda _: _one_fix_a_column),
         ("DEC-06", "DEC-07", "DEC-27")),
    Liar("DEC-28", "writes a free text without a look at the column's rule", anew(_unchecked), ("CSV-04", "DEC-12")),
    Liar("DEC-10", "takes the choice of the first answer for all", answered(_first_choice_for_all)),
    Liar("DEC-09", "keeps one of several equal rows", _afterwards(_kept_once)),
    Liar("DEC-09", "holds a kept row for clean of which another cell was set", _mended_is_clean,
         ("CSV-04", "POLL-11")),
    Liar("POLL-11", "counts equal flagged rows once", around((runs, books.report), _equal_rows_once), _COUNTS),
    Liar("QUE-06", "counts values for rows in a question", _grouped(_values_counted)),
    Liar("QUE-07", "samples the column beside the wrong one", _grouped(_neighbour_sampled)),
    Liar("POLL-10", "counts the rows of the largest sheet as inserted", run_bodies(_largest_alone), _COUNTS),
    Liar("PATCH-06", "lists two actions at the most", run_bodies(_two_actions)),
    Liar("CSV-04", "holds duplicates for valid in a download", around(own.UploadedBook.rows, _duplicates_are_valid),
         ("CSV-06",)),
    Liar("CSV-05", "loses the last line of a file that does not end in a line break",
         around(csv_file.read_file, _last_line_lost), _COUNTS),
    Liar("CSV-05", "leaves out rows that are wholly equal to another", writes(_distinct), _COUNTS),
    Liar("CSV-05", "leaves out rows whose first cell is empty", writes(_named_alone), _COUNTS),
)  # fmt: skip
