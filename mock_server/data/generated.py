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

from mock_server.data.book import SAMPLES, Count, Fix, Group, Row, Sheet, allows_text, is_settable, sensible_fixes
from mock_server.data.rules import wrong_values
from mock_server.data.values import cell, maker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mock_server.data.book import Data, Flagged
    from mock_server.data.templates import Column
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

    def slot(self, group: int, number: int) -> int:
        """The slot of the group's row of that number."""
        mixed = sum(self.sizes[:group]) + number
        return mixed * pow(self.stride, -1, self.slots) % self.slots if self.slots > 1 else 0


class Wrong(NamedTuple):
    """A declared group on its column: which beat brings it to light, what its cells hold, how it may be cured."""

    place: int
    """Its place in the script, over all sheets: questions and patch come in this order."""
    beat: object
    declared: Flagged
    number: int
    column: Column
    texts: tuple[str, ...]

    @property
    def fix(self) -> Fix:
        """The declared fix."""
        return Fix(self.declared.fix, self.declared.value)

    @property
    def options(self) -> tuple[Fix, ...]:
        """The declared options, else all that make sense."""
        sensible = sensible_fixes(self.column, self.declared.fails, self.fix)
        if not self.declared.options:
            return sensible
        by_action = {fix.action: fix for fix in sensible}
        return tuple(by_action.get(action, Fix(action)) for action in self.declared.options)

    @property
    def allow_custom(self) -> bool:
        """The declared switch, else whether a text could cure the group."""
        allowed = self.declared.allow_custom
        return allows_text(self.column, self.declared.fails, self.declared.rows) if allowed is None else allowed


class GeneratedSheet(NamedTuple):
    """One sheet's rows as a function of row number, and its declared groups."""

    sheet: Sheet
    layout: Layout
    prepare: Callable[[], tuple[Maker, ...]]
    """Gives one maker a column; called when the first cell is made, since filling pools takes a while."""
    wrongs: tuple[Wrong, ...]

    @property
    def makers(self) -> tuple[Maker, ...]:
        """What makes the right cells of each column."""
        return self.prepare()

    def text(self, wrong: Wrong, number: int, row: int) -> str:
        """What the cell of a group's row holds: a wrong value in turn, or the right value of the row above again."""
        if wrong.declared.fails == "unique":
            return cell(self.makers[wrong.number], row - 1)
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
        return tuple(
            _group(self.sheets[sheet], which, accepted=self.fates[sheet][which] is not None)
            for sheet, which in self._flagged_groups()
        )

    @property
    def counts(self) -> tuple[Count, ...]:
        """Rows by arithmetic: all of them, less the dropped and the flagged ones."""
        return tuple(_count(*pair) for pair in zip(self.sheets, self.fates, strict=True))

    def reveal(self, beat: object, /) -> GeneratedBook:
        """The book once the beat's groups have come to light."""
        fates = tuple(
            fates | {which: None for which, wrong in enumerate(generated.wrongs) if wrong.beat is beat}
            for generated, fates in zip(self.sheets, self.fates, strict=True)
        )
        return self._replace(fates=fates)

    def cure(self, group: Group, text: str) -> Fix | None:
        """The fix that the text stands for: it must be valid, found where linked, and new where unique."""
        fits = is_settable(group.column, group.rows, text) and self._fits(group, text)
        return Fix("set_value", text) if fits else None

    def apply_fixes(self, fixes: Sequence[Fix | None]) -> GeneratedBook:
        """The book after one fix for each group of `groups`; None leaves it flagged."""
        fates = [dict(known) for known in self.fates]
        given: set[tuple[int, str, str]] = set()
        for (sheet, which), fix in zip(self._flagged_groups(), fixes, strict=True):
            column = self.sheets[sheet].wrongs[which].column
            if fix is not None and fix.value and column.unique:
                if (sheet, column.name, fix.value) in given:
                    continue  # two groups cannot be given one unique value: the second stays flagged
                given.add((sheet, column.name, fix.value))
            fates[sheet][which] = fix
        return self._replace(fates=tuple(fates))

    def rows(self, sheet_id: str, *, flagged: bool) -> Iterator[Row]:
        """The sheet's rows, made one after the other."""
        for generated, fates in zip(self.sheets, self.fates, strict=True):
            if generated.sheet.id == sheet_id:
                yield from _rows(generated, fates, flagged=flagged)

    def _fits(self, group: Group, text: str) -> bool:
        """Whether the text is new in a unique column, and there in a sheet that a link column leads to."""
        if group.column.unique and self._holds(group.sheet.template.id, group.column.name, text):
            return False
        links = group.column.links
        return not links or any(self._holds(link.template_id, link.column, text) for link in links)

    def _holds(self, template_id: str, column: str, text: str) -> bool:
        for generated in self.sheets:
            if generated.sheet.template.id == template_id:
                number = generated.sheet.template.index(column)
                if any(row[number] == text for row in self.rows(generated.sheet.id, flagged=True)):
                    return True
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
        declared = [each for each in enumerate(groups) if each[1][1].sheet == data.sheet]
        made[sheet.id] = GeneratedSheet(
            sheet=sheet,
            layout=Layout(data.rows, tuple(flagged.rows for _, (_, flagged) in declared)),
            prepare=cache(partial(_makers, sheet, seed, made)),
            wrongs=tuple(bind_group(place, beat, flagged, sheet) for place, (beat, flagged) in declared),
        )
    return untouched_book(tuple(made.values()))


def untouched_book(sheets: Sequence[GeneratedSheet]) -> GeneratedBook:
    """The book before anything came to light: every row is right."""
    return GeneratedBook(tuple(sheets), tuple({} for _ in sheets))


def bind_group(place: int, beat: object, declared: Flagged, sheet: Sheet) -> Wrong:
    """The declared group, bound to the sheet's column."""
    number = sheet.template.index(declared.column)
    column = sheet.template.columns[number]
    return Wrong(place, beat, declared, number, column, declared.values or wrong_values(column, declared.fails))


def _rows(generated: GeneratedSheet, fates: dict[int, Fate], *, flagged: bool) -> Iterator[Row]:
    layout = generated.layout
    stride, ends = (layout.stride, tuple(accumulate(layout.sizes))) if layout.slots else (1, ())
    at = 0
    for slot in range(layout.slots):
        row = layout.row(slot)
        yield from _right(generated, at, row)
        at = row + 1
        which, number = layout.member(slot, stride, ends)
        if which not in fates:
            yield from _right(generated, row, at)
        elif (text := _text_after(generated, which, number, row, fates[which], flagged=flagged)) is not None:
            column = generated.wrongs[which].number
            for line in _right(generated, row, at):
                yield (*line[:column], text, *line[column + 1 :])
    yield from _right(generated, at, layout.rows)


def _right(generated: GeneratedSheet, start: int, stop: int) -> Iterator[Row]:
    """The rows from `start` to before `stop` as they are when nothing is wrong, made a batch at a time."""
    for first in range(start, stop, _BATCH):
        rows = range(first, min(stop, first + _BATCH))
        yield from zip(*[make(rows) for make in generated.makers], strict=True)


def _text_after(
    generated: GeneratedSheet, which: int, number: int, row: int, fate: Fate, *, flagged: bool
) -> str | None:
    """What the cell of a declared row holds after the decisions so far; None when the row is not to be shown."""
    if fate is None or fate.action == "keep":
        return generated.text(generated.wrongs[which], number, row) if flagged else None
    return fate.value or "" if fate.action == "set_value" else None


def _group(generated: GeneratedSheet, which: int, *, accepted: bool) -> Group:
    wrong = generated.wrongs[which]
    return Group(
        sheet=generated.sheet,
        column=wrong.column,
        fails=wrong.declared.fails,
        rows=wrong.declared.rows,
        samples=generated.samples(which),
        fix=Fix("keep") if accepted else wrong.fix,
        options=wrong.options,
        allow_custom=wrong.allow_custom,
        ask=wrong.declared.ask and not accepted,
        accepted=accepted,
    )


def _count(generated: GeneratedSheet, fates: dict[int, Fate]) -> Count:
    flagged = dropped = 0
    for which, fate in fates.items():
        rows = generated.wrongs[which].declared.rows
        if fate is None or fate.action == "keep":
            flagged += rows
        elif fate.action != "set_value":
            dropped += rows
    return Count(generated.sheet, generated.layout.rows - flagged - dropped, flagged)


def _makers(sheet: Sheet, seed: int, made: Mapping[str, GeneratedSheet]) -> tuple[Maker, ...]:
    return tuple(maker(column, seed, _linked_maker(column, made)) for column in sheet.template.columns)


def _linked_maker(column: Column, made: Mapping[str, GeneratedSheet]) -> Maker | None:
    """What makes the values of the column that this one links to: those of right rows of a generated sheet."""
    for link in column.links:
        for target in made.values():
            if target.sheet.template.id == link.template_id:
                return _picker(target, link.column)
    return None


def _picker(target: GeneratedSheet, column: str) -> Maker:
    """What takes the right rows' texts of a column in turn, and begins again after the last."""
    make, layout = target.makers[target.sheet.template.index(column)], target.layout

    def pick(rows: range) -> list[str]:
        first, count = rows.start % layout.rows, len(rows)
        texts = _right_texts(make, layout, range(first, min(first + count, layout.rows)))
        if len(texts) < count:
            lap = _right_texts(make, layout, range(min(count, layout.rows)))
            texts += [lap[row % layout.rows] for row in range(count - len(texts))]
        return texts

    return pick


def _right_texts(make: Maker, layout: Layout, rows: range) -> list[str]:
    """The texts of the rows, made all at once; a wrong row repeats the right one above it."""
    texts = make(rows)
    for row in layout.wrong(rows):
        texts[row - rows.start] = cell(make, row - 1)
    return texts
