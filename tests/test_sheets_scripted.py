"""Generated rows: exactly the declared cells are wrong, by the same checker that judges a caller's own rows."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_server.data.book import Data, Fix, Flagged, cure, has_open_groups, report
from mock_server.data.generated import GeneratedBook, GeneratedSheet, Layout
from mock_server.data.rules import faults
from mock_server.data.templates import Link
from mock_server.preview.account import generate_book
from mock_server.preview.beats import Complete, Park, Work
from mock_server.preview.language import load_world
from mock_server.preview.questions import needs_attention, questions
from mock_server.scenarios.model import Ready, Scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mock_server.data.book import Action, Book, Group, Row, Sheet
    from mock_server.data.rules import Check
    from mock_server.data.templates import Column
    from mock_server.data.values import Maker
    from mock_server.scenarios.model import Beat

WORLD = load_world()
SHEETS = WORLD.workbook("a company", [template.id for template in WORLD.catalogue.templates], {})
BY_NAME = {sheet.name: sheet for sheet in SHEETS}
SCRIPTED = [scenario for scenario in WORLD.scenarios.values() if not scenario.own_rows]

law = settings(deadline=None, max_examples=20)


def scenario(data: Mapping[str, int], *run: Beat) -> Scenario:
    return Scenario(
        name="made-for-a-test",
        title="Made for a test",
        clauses=(),
        pace="time",
        run=run,
        export=(),
        data=tuple(Data(sheet, rows) for sheet, rows in data.items()),
        rate_limit=None,
        ready=Ready("company", "id", "Company"),
        plays=(),
        path="made-for-a-test.yaml",
    )


def shown(book: Book, sheet: Sheet, *, flagged: bool = True) -> list[Row]:
    return list(book.rows(sheet.id, flagged=flagged))


def found(book: Book) -> Counter[tuple[str, str, Check]]:
    """What the real checker finds wrong in the rows of the book."""
    rows = {count.sheet: shown(book, count.sheet) for count in book.counts}
    linked = {
        Link(sheet.template.id, column.name): frozenset(row[number] for row in lines)
        for sheet, lines in rows.items()
        for number, column in enumerate(sheet.template.columns)
    }
    return Counter(
        {
            (sheet.name, sheet.template.columns[number].name, check): len(ats)
            for sheet, lines in rows.items()
            for (number, check), ats in faults(sheet.template, lines, linked).items()
        }
    )


def declared(book: Book) -> Counter[tuple[str, str, Check]]:
    """What the book says is wrong."""
    counted: Counter[tuple[str, str, Check]] = Counter()
    for group in book.groups:
        counted[group.sheet.name, group.column.name, group.fails] += group.rows
    return counted


def consistent(book: Book) -> None:
    """Rows, groups, counts and report say the same."""
    assert found(book) == declared(book)
    for count in book.counts:
        everything, valid = shown(book, count.sheet), shown(book, count.sheet, flagged=False)
        assert (len(everything), len(valid)) == (count.clean + count.flagged, count.clean)
    parked, completed = report(book, parked=True), report(book, parked=False)
    assert parked["invalidCellCount"] == completed["invalidCellCount"] == declared(book).total()  # POLL-11
    assert parked["inserted"] + parked["invalidCellCount"] == completed["inserted"]  # CSV-06, CSV-07, OP-21
    truthful(book)


def truthful(book: Book) -> None:
    """Samples are offending values that the download shows (QUE-06, QUE-07)."""
    asked = questions(book.groups, 0)
    for question in needs_attention(book.groups, asked)["questions"]:
        target, sheet = question["target"], next(each.group.sheet for each in asked if each.id == question["id"])
        number = sheet.template.index(target["column"])
        samples = target["sample_values"]
        assert 1 <= len(samples) == len(set(samples)) <= target["affected_count"]
        texts = Counter(row[number] for row in shown(book, sheet))
        texts.subtract(row[number] for row in shown(book, sheet, flagged=False))
        assert all(texts[sample] > 0 for sample in samples), (samples, texts)


# The built-in scenarios


@pytest.mark.parametrize("seed", [0, pytest.param(20_260_615, marks=pytest.mark.whole)])
@pytest.mark.parametrize("scenario", SCRIPTED, ids=lambda scenario: scenario.name)
def test_every_built_in_scenario_is_wrong_in_exactly_the_declared_cells(scenario: Scenario, seed: int) -> None:
    book = generate_book(scenario, SHEETS, seed)
    assert declared(book) == Counter()
    consistent(book)
    for beat in scenario.run:
        if isinstance(beat, Park | Complete):
            before = declared(book)
            book = book.reveal(beat)
            news = Counter({(each.sheet, each.column, each.fails): each.rows for each in beat.groups})
            assert declared(book) == before + news
            consistent(book)
        if isinstance(beat, Park):
            book = book.apply_fixes([group.fix for group in book.groups])
            assert not has_open_groups(book)
            consistent(book)


def test_the_documented_figures_come_out() -> None:
    script = WORLD.scenarios["docs-example"]
    park = next(beat for beat in script.run if isinstance(beat, Park))
    book = generate_book(script, SHEETS, 1).reveal(park)
    assert report(book, parked=True)["inserted"] == 1438
    assert [(group.column.name, group.rows) for group in book.groups] == [("Status", 12), ("Email", 3)]
    book = book.apply_fixes([group.fix for group in book.groups])
    assert report(book, parked=False)["inserted"] == 1450  # OP-21


# Random declarations

CHECKS: dict[Check, Callable[[Column], bool]] = {
    "required": lambda column: column.required,
    "strict": lambda column: column.rule == "strict",
    "link": lambda column: column.rule == "link",
    "unique": lambda column: column.unique,
}
CAN_FAIL = [
    (sheet.name, column, check)
    for sheet in SHEETS
    for column in sheet.template.columns
    for check, possible in CHECKS.items()
    if possible(column)
]
# Texts that a caller might answer with; the same valid one again and again, so that two answers may meet.
ANSWERS = st.sampled_from(
    ["", "Closed", "Lead", "12.50", "new@example.com", "New Company", "+49 30 123456", "nonsense"]
)


@st.composite
def groups(draw: st.DrawFn, most: int) -> Flagged:
    sheet, column, fails = draw(st.sampled_from(CAN_FAIL))
    fixes: list[Action] = ["delete_invalid_rows", "keep"]
    if fails == "unique":
        fixes.append("dedup_keep_first")
    if not column.required:
        fixes.append("set_value")
    fix = draw(st.sampled_from(fixes))
    rows = draw(st.integers(1, most))
    return Flagged(sheet, column.name, rows, fails, fix, "" if fix == "set_value" else None)


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Up to two parkings and an end, with as many wrong rows as a scenario file may declare: half of a sheet's."""
    rows = {name: draw(st.integers(12, 40)) for name in BY_NAME}
    beats: list[Beat] = []
    left = {name: count // 2 for name, count in rows.items()}
    for kind in draw(st.sampled_from([(Park,), (Park, Park), (Park, Complete), (Park, Park, Complete)])):
        chosen = {}
        for group in draw(st.lists(groups(6), min_size=1, max_size=3)):
            if group.rows <= left[group.sheet] and (group.sheet, group.column, group.fails) not in chosen:
                left[group.sheet] -= group.rows
                chosen[group.sheet, group.column, group.fails] = group
        beats += [Work(1), kind(tuple(chosen.values()))]
    return scenario(rows, *beats)


def answers(data: st.DataObject, book: GeneratedBook, group: Group) -> Fix | None:
    fixes = [None, group.fix, *group.options]
    if group.allow_custom:
        fixes.append(cure(book, group, data.draw(ANSWERS)))
    return data.draw(st.sampled_from(fixes))


@law
@given(scenarios(), st.integers(0, 5))
def test_exactly_the_declared_cells_are_wrong(scenario: Scenario, seed: int) -> None:
    book = generate_book(scenario, SHEETS, seed)
    consistent(book)
    for beat in scenario.run:
        book = book.reveal(beat)
        consistent(book)


@law
@given(scenarios(), st.data())
def test_rows_and_groups_agree_after_any_decisions(scenario: Scenario, data: st.DataObject) -> None:
    book = generate_book(scenario, SHEETS, 1)
    for beat in scenario.run:
        book = book.reveal(beat)
        for _ in range(2):  # DEC-28: what is left unresolved is decided once more
            if book.groups and has_open_groups(book):
                book = book.apply_fixes([answers(data, book, group) for group in book.groups])
                consistent(book)


@law
@given(scenarios())
def test_clean_rows_stay_as_they_are_whatever_is_decided(scenario: Scenario) -> None:
    book = generate_book(scenario, SHEETS, 1)
    before = {sheet: shown(book, sheet) for sheet in SHEETS}
    for beat in scenario.run:
        book = book.reveal(beat)
    for sheet in SHEETS:
        clean = shown(book, sheet, flagged=False)
        remaining = iter(before[sheet])
        assert all(row in remaining for row in clean)  # the same rows in the same order


def parked(group: Flagged, rows: int = 40, **more: int) -> GeneratedBook:
    park = Park((group,))
    script = scenario({group.sheet: rows, **more}, Work(1), park, Work(1), Complete())
    return generate_book(script, SHEETS, 3).reveal(park)


STATUS = Flagged("Contacts", "Status", 5, "strict", "set_value", "Open", values=("open", "DONE"))


def test_set_value_writes_the_flagged_cells_and_no_other() -> None:
    book = parked(STATUS)
    before, after = (
        shown(each, BY_NAME["Contacts"]) for each in (book, book.apply_fixes([Fix("set_value", "Pending")]))
    )
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert [new for _, new in changed] == [(*old[:4], "Pending", *old[5:]) for old, _ in changed]  # DEC-06
    assert Counter(old[4] for old, _ in changed) == {"open": 3, "DONE": 2}


def test_delete_drops_the_flagged_rows_and_no_other() -> None:
    book = parked(STATUS)
    after = book.apply_fixes([Fix("delete_invalid_rows")])
    assert shown(after, BY_NAME["Contacts"]) == shown(book, BY_NAME["Contacts"], flagged=False)  # DEC-07


def test_of_duplicates_the_first_stays() -> None:
    book = parked(Flagged("Contacts", "Email", 7, "unique", "dedup_keep_first"))
    before = shown(book, BY_NAME["Contacts"])
    firsts = list({row[1]: row for row in reversed(before)}.values())[::-1]
    assert len(firsts) == len(before) - 7
    assert shown(book.apply_fixes([Fix("dedup_keep_first")]), BY_NAME["Contacts"]) == firsts  # DEC-08


def test_kept_rows_stay_flagged_and_are_not_asked_about_again() -> None:
    book = parked(STATUS).apply_fixes([Fix("keep")])
    consistent(book)  # DEC-09
    assert not has_open_groups(book)
    assert questions(book.groups, 0) == ()


def test_a_group_that_is_left_is_asked_about_again() -> None:
    book = parked(STATUS)
    assert book.apply_fixes([None]).groups == book.groups  # DEC-28
    assert has_open_groups(book.apply_fixes([None]))


@pytest.mark.parametrize(("text", "cures"), [("Closed", True), ("closed", False), ("", False), (" ", False)])
def test_a_text_cures_when_it_is_a_valid_value(text: str, cures: bool) -> None:
    book = parked(STATUS)
    fix = cure(book, book.groups[0], text)
    assert fix == (Fix("set_value", text) if cures else None)
    consistent(book.apply_fixes([fix]))


def test_a_unique_cell_is_cured_by_a_text_that_no_row_has() -> None:
    book = parked(Flagged("Contacts", "Email", 1, "required", "delete_invalid_rows"))
    taken = shown(book, BY_NAME["Contacts"], flagged=False)[0][1]
    assert cure(book, book.groups[0], taken) is None
    assert cure(book, book.groups[0], "new@example.com") == Fix("set_value", "new@example.com")


def test_a_link_is_cured_by_every_value_that_the_linked_sheet_shows() -> None:
    book = parked(Flagged("Deals", "Contact Email", 3, "link", "keep"), rows=10, Contacts=40)
    for contact in shown(book, BY_NAME["Contacts"], flagged=False):
        assert cure(book, book.groups[0], contact[1]) == Fix("set_value", contact[1])  # DEC-12
    assert cure(book, book.groups[0], "nobody@nowhere.example") is None


def test_two_answers_cannot_give_one_unique_value_to_two_rows() -> None:
    missing = Flagged("Contacts", "Email", 1, "required", "delete_invalid_rows")
    wrong = Flagged("Contacts", "Email", 1, "strict", "delete_invalid_rows")
    park = Park((missing, wrong))
    book = generate_book(scenario({"Contacts": 20}, Work(1), park), SHEETS, 3).reveal(park)
    book = book.apply_fixes([cure(book, group, "new@example.com") for group in book.groups])
    consistent(book)


def test_answers_follow_the_declared_options() -> None:
    (group,) = parked(Flagged("Contacts", "Status", 2, "strict", "keep", options=("set_value", "keep"))).groups
    assert group.options == (Fix("set_value", "Open"), Fix("keep"))
    assert group.allow_custom
    silent = Flagged("Contacts", "Status", 2, "strict", "keep", ask=False, allow_custom=False)
    (group,) = parked(silent).groups
    assert (group.ask, group.allow_custom) == (False, False)


# Seeds


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_the_same_seed_gives_the_same_rows_and_another_seed_other_rows(sheet: Sheet) -> None:
    script = scenario(dict.fromkeys(BY_NAME, 300), Work(1), Complete())
    one, again, other = (shown(generate_book(script, SHEETS, seed), sheet) for seed in (1, 1, 2))
    assert one == again
    assert one != other
    assert sum(a == b for a, b in zip(one, other, strict=True)) < 30


# Memory


def counted(made: list[int]) -> Maker:
    def make(rows: range) -> list[str]:
        made.extend(rows)
        return ["Open"] * len(rows)

    return make


def test_a_million_rows_cost_nothing_until_they_are_read() -> None:
    made: list[int] = []
    sheet = BY_NAME["Contacts"]
    book = GeneratedBook((GeneratedSheet(sheet, Layout(1_000_000, ()), lambda: (counted(made),) * 6, ()),), ({},))
    assert report(book, parked=True)["inserted"] == 1_000_000
    assert made == []
    assert len(list(islice(book.rows(sheet.id, flagged=True), 3))) == 3
    assert max(made) < 1_000, "a batch of rows at most"


def test_streaming_rows_takes_no_memory_per_row() -> None:
    park = Park((Flagged("Contacts", "Status", 500, "strict", "set_value", "Open"),))
    book = generate_book(scenario({"Contacts": 50_000}, Work(1), park), SHEETS, 1).reveal(park)
    rows = book.rows(BY_NAME["Contacts"].id, flagged=True)
    next(rows)
    tracemalloc.start()
    try:
        read = sum(1 for _ in rows)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert read == 49_999
    assert peak < 1_000_000, f"{peak} bytes"


def test_many_wrong_rows_cost_nothing_until_they_are_read() -> None:
    park = Park((Flagged("Contacts", "Status", 5_000_000, "strict", "set_value", "Open"),))
    book = generate_book(scenario({"Contacts": 10_000_000}, Work(1), park), SHEETS, 1).reveal(park)
    assert report(book, parked=True)["invalidCellCount"] == 5_000_000
    assert len(book.groups[0].samples) == 3
    assert sequence_of(book)[1][4] not in {"Open", "Closed", "Pending"}


def sequence_of(book: Book) -> Sequence[Row]:
    return list(islice(book.rows(BY_NAME["Contacts"].id, flagged=True), 3))
