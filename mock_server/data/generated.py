"""A book of generated rows, wrong in exactly the cells that a scenario declares.

Nothing is stored per row: a row is a function of seed and row number, and where a wrong row lies is arithmetic. Wrong
rows are spread evenly and never lie side by side, so the row above a wrong one is always right: a duplicate repeats it.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cache, partial
from itertools import accumulate
from math import gcd
from typing import TYPE_CHECKING, NamedTuple

from mock_server.data.book import SAMPLES, Count, Fix, Group, Row, Sheet, allows_text, sensible_fixes
from mock_server.data.rules import wrong_values
from mock_server.data.values import cell, maker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mock_server.data.book import Data, Flagged
    from mock_server.data.values import Maker

    Fate = Fix | None
    """What became of a declared group: None while it waits for a decision, else the fix that was carried out."""

_BATCH = 512


class Layout(NamedTuple):
    """Where the wrong rows of a sheet lie: slot `s` of all slots is a row, and belongs to one group."""

    rows: int
    sizes: tuple[int, ...]

    @property
    def slots(self) -> int:
        """The number of wrong rows."""
        return sum(self.sizes)

    def row(self, slot: int) -> int:
        """The row number of a slot; slots are in row order, and two of them at least two rows apart."""
        return (2 * slot + 1) * self.rows // (2 * self.slots)

    def wrong(self, rows: range) -> Iterator[int]:
        """The wrong rows among these, in order; each has a right one above it."""
        # Slot `s` lies in the `s`-th of as many equal parts of the sheet as there are slots.
        first, last = (row * self.slots // self.rows for row in (rows.start, rows.stop - 1))
        for slot in range(first, min(last + 1, self.slots)):
            if (row := self.row(slot)) in rows:
                yield row

    @property
    def stride(self) -> int:
        """What mixes the groups over the slots: a step without a common divisor with their number."""
        step = self.slots * 5 // 8 | 1
        while gcd(step, self.slots) != 1:
            step += 2
        return step

    def member(self, slot: int, stride: int, ends: Sequence[int]) -> tuple[int, int]:
        """The slot's group and its number within the group."""
        mixed = slot * stride % self.slots
        group = bisect_right(ends, mixed)
        return group, mixed - (ends[group - 1] if group else 0)

    def members(self) -> Iterator[tuple[int, int, int]]:
        """Row, group and number within the group of every slot, in order."""
        if self.slots:
            stride, ends = self.stride, tuple(accumulate(self.sizes))
            for slot in range(self.slots):
                yield self.row(slot), *self.member(slot, stride, ends)

    def slot(self, group: int, number: int) -> int:
        """The slot of the group's row of that number."""
        mixed = sum(self.sizes[:group]) + number
        return mixed * pow(self.stride, -1, self.slots) % self.slots if self.slots > 1 else 0


class Wrong(NamedTuple):
    """A declared group on its column: which beat brings it to light, and what its cells hold."""

    place: int
    """Its place in the script, over all sheets: questions and patch come in this order."""
    beat: object
    declared: Flagged
    number: int
    """The column's."""
    texts: tuple[str, ...]


class GeneratedSheet(NamedTuple):
    """One sheet's rows as a function of row number, and its declared groups."""

    sheet: Sheet
    layout: Layout
    makers: Callable[[], tuple[Maker, ...]]
    """Gives what makes each column's right cells; called for the first cell, since filling pools takes a while."""
    wrongs: tuple[Wrong, ...]

    def text(self, wrong: Wrong, number: int, row: int) -> str:
        """What the cell of a group's row holds: a wrong value in turn, or the right value of the row above again."""
        if wrong.declared.fails == "unique":
            return cell(self.makers()[wrong.number], row - 1)
        return wrong.texts[number % len(wrong.texts)]

    def samples(self, which: int) -> tuple[str, ...]:
        """A few of the group's values, all different."""
        wrong, layout = self.wrongs[which], self.layout
        numbers = range(min(wrong.declared.rows, max(SAMPLES, len(wrong.texts))))
        texts = (self.text(wrong, number, layout.row(layout.slot(which, number))) for number in numbers)
        return tuple(dict.fromkeys(texts))[:SAMPLES]


class GeneratedBook(NamedTuple):
    """Generated rows at one moment: for each sheet, what became of the groups that have come to light."""

    sheets: tuple[GeneratedSheet, ...]
    fates: tuple[dict[int, Fate], ...]

    @property
    def groups(self) -> tuple[Group, ...]:
        """The groups that are flagged now, in the order of the script; kept ones last."""
        groups = []
        for sheet, which in self._flagged_groups():
            generated, accepted = self.sheets[sheet], self.fates[sheet][which] is not None
            wrong, declared = generated.wrongs[which], generated.wrongs[which].declared
            column, allowed = generated.sheet.template.columns[wrong.number], declared.allow_custom
            fix = Fix(declared.fix, declared.value)
            options = sensible_fixes(column, declared.fails, fix)
            if declared.options:
                by_action = {each.action: each for each in options}
                options = tuple(by_action.get(action, Fix(action)) for action in declared.options)
            group = Group(
                sheet=generated.sheet,
                column=column,
                fails=declared.fails,
                rows=declared.rows,
                samples=generated.samples(which),
                fix=Fix("keep") if accepted else fix,
                options=options,
                allow_custom=allows_text(column, declared.fails, declared.rows) if allowed is None else allowed,
                ask=declared.ask and not accepted,
                accepted=accepted,
            )
            groups.append(group)
        return tuple(groups)

    @property
    def counts(self) -> tuple[Count, ...]:
        """Rows by arithmetic: all of them, less the dropped and the flagged ones."""
        counts = []
        for generated, fates in zip(self.sheets, self.fates, strict=True):
            flagged = dropped = 0
            for which, fate in fates.items():
                rows = generated.wrongs[which].declared.rows
                if fate is None or fate.action == "keep":
                    flagged += rows
                elif fate.action != "set_value":
                    dropped += rows
            counts.append(Count(generated.sheet, generated.layout.rows - flagged - dropped, flagged))
        return tuple(counts)

    def reveal(self, beat: object, /) -> GeneratedBook:
        """The book once the beat's groups have come to light."""
        fates = tuple(
            fates | {which: None for which, wrong in enumerate(generated.wrongs) if wrong.beat is beat}
            for generated, fates in zip(self.sheets, self.fates, strict=True)
        )
        return self._replace(fates=fates)

    def apply_fixes(self, fixes: Sequence[Fix | None]) -> GeneratedBook:
        """The book after one fix for each group of `groups`; None leaves it flagged."""
        fates = [dict(known) for known in self.fates]
        given: set[tuple[int, int, str]] = set()
        for (sheet, which), fix in zip(self._flagged_groups(), fixes, strict=True):
            number = self.sheets[sheet].wrongs[which].number
            if fix is not None and fix.value and self.sheets[sheet].sheet.template.columns[number].unique:
                if (sheet, number, fix.value) in given:
                    continue  # two groups cannot be given one unique value: the second stays flagged
                given.add((sheet, number, fix.value))
            fates[sheet][which] = fix
        return self._replace(fates=tuple(fates))

    def rows(self, sheet_id: str, *, flagged: bool) -> Iterator[Row]:
        """The sheet's rows, made one after the other."""
        for generated, fates in zip(self.sheets, self.fates, strict=True):
            if generated.sheet.id == sheet_id:
                yield from _rows(generated, fates, flagged=flagged)

    def holds(self, template_id: str, column: str, text: str) -> bool:
        """Whether the text is in a column of the book's rows."""
        for generated in self.sheets:
            if generated.sheet.template.id == template_id:
                number = generated.sheet.template.index(column)
                return any(row[number] == text for row in self.rows(generated.sheet.id, flagged=True))
        return False

    def _flagged_groups(self) -> list[tuple[int, int]]:
        """Sheet number and group number of every group that is open or kept, the open ones first."""
        found = [
            (fate is not None, self.sheets[sheet].wrongs[which].place, sheet, which)
            for sheet, fates in enumerate(self.fates)
            for which, fate in fates.items()
            if fate is None or fate.action == "keep"
        ]
        return [(sheet, which) for *_, sheet, which in sorted(found)]


def generate(
    filled: Sequence[Data], groups: Sequence[tuple[object, Flagged]], sheets: Sequence[Sheet], seed: int
) -> GeneratedBook:
    """The book of these rows before any of the groups, each with the beat that declares it, came to light."""
    made: dict[str, GeneratedSheet] = {}
    for data in filled:
        sheet = next(sheet for sheet in sheets if sheet.name == data.sheet)
        wrongs = []
        for place, (beat, declared) in enumerate(groups):
            if declared.sheet == data.sheet:
                number = sheet.template.index(declared.column)
                texts = declared.values or wrong_values(sheet.template.columns[number], declared.fails)
                wrongs.append(Wrong(place, beat, declared, number, texts))
        layout = Layout(data.rows, tuple(wrong.declared.rows for wrong in wrongs))
        made[sheet.id] = GeneratedSheet(sheet, layout, cache(partial(_makers, sheet, seed, made)), tuple(wrongs))
    return GeneratedBook(tuple(made.values()), tuple({} for _ in made))


def _rows(generated: GeneratedSheet, fates: dict[int, Fate], *, flagged: bool) -> Iterator[Row]:
    at = 0
    for row, which, number in generated.layout.members():
        yield from _right(generated, at, row)
        at = row + 1
        if which not in fates:
            yield from _right(generated, row, at)
            continue
        wrong, fate = generated.wrongs[which], fates[which]
        if fate is None or fate.action == "keep":
            text = generated.text(wrong, number, row) if flagged else None
        else:
            text = fate.value or "" if fate.action == "set_value" else None
        if text is not None:
            for line in _right(generated, row, at):
                yield (*line[: wrong.number], text, *line[wrong.number + 1 :])
    yield from _right(generated, at, generated.layout.rows)


def _right(generated: GeneratedSheet, start: int, stop: int) -> Iterator[Row]:
    """The rows from `start` to before `stop` as they are when nothing is wrong, made a batch at a time."""
    for first in range(start, stop, _BATCH):
        rows = range(first, min(stop, first + _BATCH))
        yield from zip(*[make(rows) for make in generated.makers()], strict=True)


def _makers(sheet: Sheet, seed: int, made: Mapping[str, GeneratedSheet]) -> tuple[Maker, ...]:
    """What makes each column; a link takes its values from right rows of a generated sheet that it leads to."""
    makers = []
    for column in sheet.template.columns:
        targets = (
            _picker(target, link.column)
            for link in column.links
            for target in made.values()
            if target.sheet.template.id == link.template_id
        )
        makers.append(maker(column, seed, next(targets, None)))
    return tuple(makers)


def _picker(target: GeneratedSheet, column: str) -> Maker:
    """What takes the right rows' texts of a column in turn, and begins again after the last."""
    make, layout = target.makers()[target.sheet.template.index(column)], target.layout

    def pick(rows: range) -> list[str]:
        texts: list[str] = []
        while len(texts) < len(rows):
            first = (rows.start + len(texts)) % layout.rows
            stretch = range(first, min(first + len(rows) - len(texts), layout.rows))
            made = make(stretch)
            for row in layout.wrong(stretch):  # it repeats the right one above it
                made[row - first] = cell(make, row - 1)
            texts += made
        return texts

    return pick
