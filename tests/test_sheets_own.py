"""Rows of the caller's own: checks, groups, counts and decisions, held against a plain second telling of the rules."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_sheets import Plain, plain
from strategies import Filled, filled, texts

from mock_server.contract import document as contract
from mock_server.data.book import Fix, Sheet, cure, has_open_groups, report
from mock_server.data.templates import Column, Link, Template
from mock_server.data.uploaded import check_tables
from mock_server.preview.beats import Review
from mock_server.preview.questions import needs_attention, questions
from mock_server.scenarios import loader as loading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mock_server.data.book import Book, Group, Row
    from mock_server.data.uploaded import UploadedBook

law = settings(deadline=None, max_examples=60)

CONTACTS, COMPANIES, DEALS = (
    Sheet(f"sheet of {template.name}", template)
    for template in loading.load_catalogue(contract.data("scenarios", "account.yaml")).templates
)


def book_of(*content: tuple[Sheet, Sequence[Row]]) -> UploadedBook:
    return check_tables([(sheet, rows, frozenset()) for sheet, rows in content], {})


def shown(book: Book, sheet: Sheet, *, flagged: bool = True) -> list[Row]:
    return list(book.rows(sheet.id, flagged=flagged))


def agree(book: UploadedBook, told: Plain) -> None:
    """The book shows what the plain rules say: rows, clean rows, and groups with their sizes."""
    failing = told.failing()
    for sheet in told.sheets:
        wrong = {at for name, at, _ in failing if name == sheet.id}
        lines = told.lines[sheet.id]
        assert shown(book, sheet) == list(lines.values())
        assert shown(book, sheet, flagged=False) == [row for at, row in lines.items() if at not in wrong]
    sizes = Counter(
        (name, number, check, (name, at, number) in told.kept) for (name, at, number), check in failing.items()
    )
    assert {
        (group.sheet.id, group.sheet.template.index(group.column.name), group.fails, group.accepted): group.rows
        for group in book.groups
    } == sizes


def choices(book: UploadedBook, group: Group) -> st.SearchStrategy[Fix | None]:
    """Everything that a caller could answer, no answer that cures included."""
    options = [None, group.fix, *group.options]
    return st.one_of(st.sampled_from(options), texts.map(lambda text: cure(book, group, text)))


# Laws


@law
@given(filled())
def test_exactly_the_cells_that_break_a_rule_are_flagged(content: Filled) -> None:
    agree(book_of(*content), plain(content))


@law
@given(filled(), st.data())
def test_a_decision_does_to_the_rows_what_it_says_and_nothing_else(content: Filled, data: st.DataObject) -> None:
    book, told = book_of(*content), plain(content)
    for _ in range(3):  # DEC-05 to DEC-10, and checked anew each time
        fixes = [data.draw(choices(book, group)) for group in book.groups]
        told.decide(book.groups, fixes)
        book = book.apply_fixes(fixes)
        agree(book, told)


@law
@given(filled(), st.booleans())
def test_report_and_download_agree(content: Filled, keep: bool) -> None:
    book = book_of(*content)
    if keep:
        book = book.apply_fixes([Fix("keep") for _ in book.groups])
    parked, completed = report(book, parked=True), report(book, parked=False)
    everything = [row for sheet, _ in content for row in shown(book, sheet)]
    valid = [row for sheet, _ in content for row in shown(book, sheet, flagged=False)]
    for told in (parked, completed):
        assert sum(entry["rowCount"] for entry in told["perSheet"]) == told["inserted"]  # POLL-10
        assert len(everything) - len(valid) == told["invalidCellCount"]  # POLL-11, CSV-04, CSV-06
    assert completed["inserted"] == len(everything) >= completed["invalidCellCount"] >= 0  # POLL-12, CSV-07
    assert parked["inserted"] == len(valid)  # OP-21


@law
@given(filled())
def test_a_row_with_two_wrong_cells_counts_once(content: Filled) -> None:
    rows = {(name, at) for name, at, _ in plain(content).failing()}
    assert report(book_of(*content), parked=True)["invalidCellCount"] == len(rows)  # POLL-11


@law
@given(filled())
def test_questions_tell_the_truth_about_the_rows(content: Filled) -> None:
    book, told = book_of(*content), plain(content)
    failing, invalid = told.failing(), report(book, parked=True)["invalidCellCount"]
    asked = questions(book.groups, 0)
    for question in needs_attention(book.groups, asked)["questions"]:
        target = question["target"]
        group = next(each.group for each in asked if each.id == question["id"])
        number = group.sheet.template.index(target["column"])
        offending = [
            told.lines[name][at][number]
            for (name, at, where), check in failing.items()
            if (name, where, check) == (target["sheet_id"], number, group.fails)
        ]
        assert 1 <= target["affected_count"] == len(offending) <= invalid  # QUE-06
        samples = target["sample_values"]
        assert 1 <= len(samples) == len(set(samples)) <= target["affected_count"]  # QUE-07
        assert set(samples) <= set(offending)


@law
@given(filled())
def test_the_proposed_patch_has_one_possible_action_for_each_group(content: Filled) -> None:
    book = book_of(*content)
    actions = needs_attention(book.groups, questions(book.groups, 0))["proposed_patch"]["actions"]
    assert len(actions) == len(book.groups)  # PATCH-06
    columns = {(sheet.id, column.name): column for sheet, _ in content for column in sheet.template.columns}
    for action in actions:
        column = columns[action["sheet_id"], action["column"]]
        assert ("value" in action) == (action["action"] == "set_value")  # PATCH-03
        assert not (column.required and action.get("value") == "")  # PATCH-04
        assert action.get("key_column", column.name) == column.name
        assert ("key_column" in action) == (action["action"] == "dedup_keep_first")  # PATCH-05


@law
@given(filled())
def test_who_always_approves_the_patch_comes_to_an_end(content: Filled) -> None:
    book = book_of(*content)
    rounds = 0
    while has_open_groups(book):
        book = book.apply_fixes([group.fix for group in book.groups])
        rounds += 1
        assert rounds <= 1 + sum(len(rows) for _, rows in content)  # a dropped row may break another row's link
    assert all(group.accepted and group.fix == Fix("keep") for group in book.groups)


@law
@given(filled(), st.data())
def test_a_kept_group_is_not_asked_about_again(content: Filled, data: st.DataObject) -> None:
    book = book_of(*content)
    book = book.apply_fixes([data.draw(st.sampled_from([Fix("keep"), None])) for _ in book.groups])
    asked = questions(book.groups, 7)
    assert [question.group for question in asked] == [group for group in book.groups if not group.accepted]
    assert has_open_groups(book) == bool(asked)
    again = book.apply_fixes([group.fix if group.accepted else None for group in book.groups])
    assert again.groups == book.groups  # DEC-09


@law
@given(filled(), texts)
def test_a_text_either_cures_its_whole_group_or_changes_nothing(content: Filled, text: str) -> None:
    book = book_of(*content)
    for place, group in enumerate(book.groups):
        fix = cure(book, group, text)
        after = book.apply_fixes([fix if place == number else None for number in range(len(book.groups))])
        same = [(each.column, each.fails) for each in after.groups if each.sheet is group.sheet]
        if fix is None:
            assert all(shown(after, sheet) == shown(book, sheet) for sheet, _ in content)  # DEC-28
            assert (group.column, group.fails) in same
        else:
            assert fix == Fix("set_value", text)
            assert (group.column, group.fails) not in same  # DEC-12


def test_a_book_of_the_callers_own_hides_nothing() -> None:
    book = book_of((CONTACTS, [contact()]))
    assert book.reveal(Review()) is book


# Examples on the built-in templates


def contact(name: str = "Ada", email: str = "ada@example.com", status: str = "Open", phone: str = "") -> Row:
    return (name, email, phone, "", status, "")


def kinds(book: UploadedBook) -> list[tuple[str, str, int]]:
    return [(group.column.name, group.fails, group.rows) for group in book.groups]


def test_each_built_in_rule_flags_what_breaks_it() -> None:
    rows = [
        contact(),
        contact(email="  "),
        contact(email="ada@nowhere"),
        contact(email="b@example.com", status="open"),
        contact(email="c@example.com", phone="call me"),
        contact(),
    ]
    book = book_of((CONTACTS, rows), (DEALS, [("Sale", "ada@example.com", "12.50", "Won", "")] * 2))
    assert kinds(book) == [
        ("Email", "required", 1),
        ("Email", "strict", 1),
        ("Email", "unique", 1),
        ("Phone", "strict", 1),
        ("Status", "strict", 1),
    ]


def test_ai_and_none_always_pass() -> None:
    rows = [("  ?!", "a@example.com", "", "no such company", "", "")]
    assert book_of((CONTACTS, rows)).groups == ()


def test_set_value_writes_the_flagged_cells_and_no_other() -> None:
    rows = [contact(), contact(email="b@example.com", status="open"), contact(email="c@example.com", status="Closed")]
    book = book_of((CONTACTS, rows)).apply_fixes([Fix("set_value", "Pending")])
    assert [row[4] for row in shown(book, CONTACTS)] == ["Open", "Pending", "Closed"]  # DEC-06
    assert [row[:4] for row in shown(book, CONTACTS)] == [row[:4] for row in rows]


def test_delete_drops_the_rows_of_the_column_and_no_other() -> None:
    rows = [contact(), contact(email=""), contact(email="c@example.com", status="open")]
    book = book_of((CONTACTS, rows))
    assert kinds(book) == [("Email", "required", 1), ("Status", "strict", 1)]
    after = book.apply_fixes([Fix("delete_invalid_rows"), None])
    assert shown(after, CONTACTS) == [rows[0], rows[2]]  # DEC-07
    assert kinds(after) == [("Status", "strict", 1)]


def test_of_duplicates_the_first_stays() -> None:
    rows = [contact("First"), contact("Other", "b@example.com"), contact("Second"), contact("Third")]
    book = book_of((CONTACTS, rows))
    assert kinds(book) == [("Email", "unique", 2)]  # OP-38
    after = book.apply_fixes([Fix("dedup_keep_first")])
    assert [row[0] for row in shown(after, CONTACTS)] == ["First", "Other"]  # DEC-08


def test_of_duplicates_the_first_that_is_left_stays_when_another_fix_drops_the_first() -> None:
    rows = [contact("First", phone="call me"), contact("Second"), contact("Third")]
    book = book_of((CONTACTS, rows))
    assert kinds(book) == [("Email", "unique", 2), ("Phone", "strict", 1)]
    after = book.apply_fixes([Fix("dedup_keep_first"), Fix("delete_invalid_rows")])
    assert [row[0] for row in shown(after, CONTACTS)] == ["Second"]  # DEC-08
    assert after.groups == ()


def test_kept_rows_stay_flagged_and_out_of_a_valid_download() -> None:
    rows = [contact(), contact("Grace", "b@example.com", status="someday")]
    book = book_of((CONTACTS, rows)).apply_fixes([Fix("keep")])
    assert not has_open_groups(book)
    assert shown(book, CONTACTS) == rows  # DEC-09
    assert shown(book, CONTACTS, flagged=False) == rows[:1]
    assert report(book, parked=False)["invalidCellCount"] == 1


def test_dropping_a_row_breaks_the_links_to_it_and_asks_about_them() -> None:
    deals = [("Sale", "ada@example.com", "1", "Won", ""), ("Sale", "b@example.com", "1", "Won", "")]
    book = book_of((CONTACTS, [contact(status="open"), contact("B", "b@example.com")]), (DEALS, deals))
    assert kinds(book) == [("Status", "strict", 1)]
    after = book.apply_fixes([Fix("delete_invalid_rows")])
    assert kinds(after) == [("Contact Email", "link", 1)]
    assert has_open_groups(after)


def test_a_cure_may_mend_links_of_another_sheet() -> None:
    deals = [("Sale", "new@example.com", "1", "Won", "")]
    book = book_of((CONTACTS, [contact(email="")]), (DEALS, deals))
    assert kinds(book) == [("Email", "required", 1), ("Contact Email", "link", 1)]
    fix = cure(book, book.groups[0], "new@example.com")
    assert book.apply_fixes([fix, None]).groups == ()


def test_a_link_may_be_found_in_what_the_company_holds_already() -> None:
    held = {Link(CONTACTS.template.id, "Email"): frozenset({"held@example.com"})}
    rows: list[Row] = [("Sale", "held@example.com", "1", "Won", ""), ("Sale", "other@example.com", "1", "Won", "")]
    book = check_tables([(DEALS, rows, frozenset())], held)
    assert kinds(book) == [("Contact Email", "link", 1)]
    assert cure(book, book.groups[0], "held@example.com") == Fix("set_value", "held@example.com")
    assert cure(book, book.groups[0], "nobody@example.com") is None


def test_rows_of_the_run_itself_hide_what_the_company_held_before() -> None:
    held = {Link(CONTACTS.template.id, "Email"): frozenset({"held@example.com"})}
    deals: list[Row] = [("Sale", "held@example.com", "1", "Won", "")]
    assert kinds(check_tables([(CONTACTS, [contact()], frozenset()), (DEALS, deals, frozenset())], held)) == [
        ("Contact Email", "link", 1)
    ]  # OP-29


@pytest.mark.parametrize(
    ("text", "cures"),
    [("new@example.com", True), ("no address", False), ("taken@example.com", False), ("", False), (" ", False)],
)
def test_a_missing_unique_value_is_cured_by_a_text_that_is_valid_and_new(text: str, cures: bool) -> None:
    book = book_of((CONTACTS, [contact(email="taken@example.com"), contact(email="")]))
    assert (cure(book, book.groups[0], text) is not None) == cures


def test_no_text_cures_two_rows_of_a_unique_column_at_once() -> None:
    book = book_of((CONTACTS, [contact(email=""), contact(email="")]))
    assert cure(book, book.groups[0], "new@example.com") is None


def test_blank_cells_of_an_optional_unique_column_are_no_duplicates() -> None:
    column = Column("Code", unique=True)
    sheet = Sheet("sheet", Template("t", "Codes", None, (column, Column("Name"))))
    rows = [("", "a"), ("", "b"), ("  ", "c"), ("  ", "d"), ("7", "e")]
    assert book_of((sheet, rows)).groups == ()
