"""The book that a run starts with: which rows go to which sheet, and what keeps a file out."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from mock_server.data import csv_file
from mock_server.data.book import Data, report
from mock_server.data.csv_file import Drift, Room, TooManyRows
from mock_server.data.templates import Link
from mock_server.data.uploaded import book_of_files, book_of_rows
from mock_server.data.values import maker
from mock_server.preview.account import generate_book
from mock_server.preview.language import load_world
from mock_server.preview.preconditions import missing_sheets

if TYPE_CHECKING:
    from mock_server.data.book import Book, Row, Sheet

WORLD = load_world()
SHEETS = WORLD.workbook("a company", [template.id for template in WORLD.catalogue.templates], {})
CONTACTS, COMPANIES, DEALS = SHEETS


def shown(book: Book, sheet: Sheet) -> list[Row]:
    return list(book.rows(sheet.id, flagged=True))


def file(name: str, text: str) -> tuple[str, io.BytesIO]:
    return name, io.BytesIO(text.encode())


def test_rows_of_a_request_go_to_the_first_sheet() -> None:
    book = book_of_rows([{"email": "a@example.com"}], SHEETS, {})
    assert [count.sheet for count in book.counts] == [CONTACTS]  # OP-22
    assert shown(book, CONTACTS) == [("", "a@example.com", "", "", "", "")]


@pytest.mark.parametrize("name", ["Deals.csv", "deals.CSV", "exports/2026/deals.tar.csv", " D e a l s .txt"])
def test_a_file_belongs_to_the_sheet_that_it_is_named_after(name: str) -> None:
    book = book_of_files([file(name, "Title,Contact Email,Email,Name\nSale,a@b.c,,\n")], SHEETS, {})
    assert [count.sheet for count in book.counts] == [DEALS]


@pytest.mark.parametrize(
    ("header", "sheet"),
    [
        ("Name,Email,Status", CONTACTS),
        ("Website,Name", COMPANIES),
        ("contactemail,TITLE", DEALS),
        ("Name;Email", CONTACTS),
    ],
)
def test_a_file_of_another_name_belongs_to_the_sheet_with_the_most_of_its_columns(header: str, sheet: Sheet) -> None:
    book = book_of_files([file("upload.csv", header + "\n")], SHEETS, {})
    assert [count.sheet for count in book.counts] == [sheet]


def test_files_for_one_sheet_follow_one_another_and_are_checked_together() -> None:
    first = file("contacts.csv", "Email\na@example.com\n")
    second = file("more.csv", "Name,Email\nAda,b@example.com\nBob,a@example.com\n")
    book = book_of_files([first, second], SHEETS, {})
    assert [row[1] for row in shown(book, CONTACTS)] == ["a@example.com", "b@example.com", "a@example.com"]
    assert [(group.fails, group.rows) for group in book.groups] == [("unique", 1)]


def test_files_of_one_import_link_to_each_other_in_any_order() -> None:
    deals = file("deals.csv", "Title,Contact Email\nSale,a@example.com\nSale,b@example.com\n")
    book = book_of_files([deals, file("contacts.csv", "Email\na@example.com\n")], SHEETS, {})
    assert [(group.fails, group.samples) for group in book.groups] == [("link", ("b@example.com",))]
    assert report(book, parked=True)["inserted"] == 2


def test_a_file_may_link_to_what_the_company_holds() -> None:
    held = {Link(CONTACTS.template.id, "Email"): frozenset({"a@example.com"})}
    deals = file("deals.csv", "Title,Contact Email\nSale,a@example.com\n")
    assert book_of_files([deals], SHEETS, held).groups == ()


def test_the_first_file_that_cannot_be_read_is_named() -> None:
    good, bad = file("contacts.csv", "Email\na@example.com\n"), file("people.csv", "Name,Status\nAda,Open\n")
    with pytest.raises(Drift, match=r"'Email' of Contacts could not be found in 'people\.csv'"):
        book_of_files([good, bad], SHEETS, {})
    with pytest.raises(Drift, match=r"'empty\.csv' is empty"):
        book_of_files([file("empty.csv", "")], SHEETS, {})


def test_a_file_that_is_no_table_at_all_is_named_too() -> None:
    with pytest.raises(Drift, match=r"'film\.mp4' is not a CSV file that can be read"):
        book_of_files([("film.mp4", io.BytesIO(b"x" * 10_000_001))], SHEETS, {})


def test_a_file_is_read_once_however_often_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    honest = csv_file.read_file

    def counted(*of: Any) -> list[Row]:
        read.append(of[1])
        return honest(*of)

    monkeypatch.setattr(csv_file, "read_file", counted)
    same, other = file("contacts.csv", "Email\na@example.com\n"), file("more.csv", "Email\nb@example.com\n")
    book = book_of_files([same, other, same, same], SHEETS, {}, Room(4))
    assert read == ["contacts.csv", "more.csv"]
    assert [row[1][0] for row in shown(book, CONTACTS)] == ["a", "b", "a", "a"]
    with pytest.raises(TooManyRows):
        book_of_files([same, other, same, same], SHEETS, {}, Room(3))


def test_no_more_of_a_file_is_read_than_it_takes_to_know_that_it_has_too_many_rows() -> None:
    large = io.BytesIO(b"Email\n" + b"a@b.co\n" * 100_000)
    with pytest.raises(TooManyRows):
        book_of_files([("contacts.csv", large)], SHEETS, {}, Room(1_000))
    assert large.tell() < 50_000


def test_few_rows_may_be_long_and_many_may_not() -> None:
    long = io.BytesIO(b"Email,Name\n" + b"a@b.co," + b"x" * 1_900 + b"\n")
    assert len(book_of_files([("contacts.csv", long)], SHEETS, {}, Room(4)).tables[0].lines) == 1
    with pytest.raises(TooManyRows, match=r"more than 500 characters for each of 3 rows.* \(--max-rows\)"):
        book_of_files([("contacts.csv", long)], SHEETS, {}, Room(3))


def test_a_scenario_says_which_sheets_a_workbook_lacks() -> None:
    scenario = WORLD.scenarios["park"]
    assert missing_sheets(scenario, {sheet.name for sheet in SHEETS}) == ()
    assert missing_sheets(scenario, {DEALS.name}) == ("Contacts",)


def test_a_generated_book_fills_the_sheets_of_the_scenario_and_no_others() -> None:
    book = generate_book(WORLD.scenarios["park"], SHEETS, 1)
    assert [count.sheet for count in book.counts] == [CONTACTS]
    assert shown(book, DEALS) == []


@pytest.mark.parametrize("contacts", [1, 31, 512, 1_453])
def test_links_take_the_right_rows_of_their_sheet_in_turn(contacts: int) -> None:
    script = WORLD.scenarios["straight-through" if contacts == 1 else "park"]
    book = generate_book(script._replace(data=(Data("Contacts", contacts), Data("Deals", 3_000))), SHEETS, 1)
    emails = [row[1] for row in shown(book, CONTACTS)]
    for row in book.sheets[0].layout.wrong(range(contacts)):
        emails[row] = emails[row - 1]
    assert [row[1] for row in shown(book, DEALS)] == [emails[row % contacts] for row in range(3_000)]


def test_linked_cells_are_made_many_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def counted(rows: range) -> list[str]:
        made.append(len(rows))
        return [str(row) for row in rows]

    emails = CONTACTS.template.columns[1]
    monkeypatch.setattr(
        "mock_server.data.generated.maker", lambda column, *rest: counted if column is emails else maker(column, *rest)
    )
    script = WORLD.scenarios["straight-through"]._replace(data=(Data("Contacts", 1_000), Data("Deals", 50_000)))
    book = generate_book(script, SHEETS, 1)
    _, deals = book.sheets
    assert sum(1 for _ in book.rows(DEALS.id, flagged=True)) == 50_000
    assert deals.makers()[1](range(998, 1_002)) == ["998", "999", "0", "1"]
    assert len(made) < 400
