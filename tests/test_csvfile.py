"""CSV out and in: RFC 4180 survives a round trip, and real files are read for what they are."""

from __future__ import annotations

import csv
import io
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mock_server.data import csv_file
from mock_server.data.csv_file import Drift, likeness, read_file, read_header, read_rows, write_csv
from mock_server.data.csv_text import BLANK
from mock_server.data.templates import Column, Template

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mock_server.data.book import Row

law = settings(deadline=None, max_examples=70)

PEOPLE = Template("t", "People", None, (Column("Name"), Column("Email", required=True), Column("Home Town")))


def people(content: str | bytes, name: str = "people.csv") -> list[Row]:
    return read_file(io.BytesIO(content.encode() if isinstance(content, str) else content), name, PEOPLE)


# Out, and back in

cells = st.text(
    st.one_of(st.sampled_from(",;\t|\"\n\r 'é€😀\u2028\x00"), st.characters(exclude_categories=["Cs"])), max_size=8
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[Row]]:
    width = draw(st.integers(1, 4))
    names = draw(st.lists(cells, min_size=width, max_size=width))
    return names, draw(st.lists(st.tuples(*[cells] * width), max_size=6))


@law
@given(tables())
@example((["a"], [("",), (" ",)]))
@example((["a", "b"], [(",", '"'), ("\r", "\n"), ("\r\n", "")]))
def test_what_is_written_reads_back_cell_by_cell(table: tuple[list[str], list[Row]]) -> None:
    names, rows = table
    text = b"".join(write_csv(names, rows)).decode()
    assert [tuple(line) for line in csv.reader(io.StringIO(text, newline=""))] == [tuple(names), *rows]  # CSV-09


@law
@given(tables())
def test_every_line_ends_as_rfc_4180_says_and_has_every_column(table: tuple[list[str], list[Row]]) -> None:
    names, rows = table
    text = b"".join(write_csv(names, rows)).decode()
    lines = list(strict_lines(text))
    assert len(lines) == 1 + len(rows)
    assert {len(line) for line in lines} == {len(names)}


def strict_lines(text: str) -> list[list[str]]:
    """RFC 4180 as it stands, in a few lines: quotes only around whole cells, doubled inside, CRLF after each line."""
    lines: list[list[str]] = [[]]
    at = 0
    while at < len(text):
        if text[at] == '"':
            end = at + 1
            while text[end] != '"' or text[end + 1] == '"':
                end += 2 if text[end] == '"' else 1
            lines[-1].append(text[at + 1 : end].replace('""', '"'))
            at = end + 1
        else:
            end = min(found for mark in (",", "\r\n") if (found := text.find(mark, at)) >= 0)
            assert not set(text[at:end]) & set('",\r\n')
            lines[-1].append(text[at:end])
            at = end
        if text.startswith(",", at):
            at += 1
        else:
            assert text.startswith("\r\n", at)
            at += 2
            lines.append([])
    return lines[:-1]


@law
@given(st.lists(st.tuples(cells, cells.filter(lambda cell: cell.strip(BLANK)), cells), max_size=5))
def test_a_download_can_be_uploaded_again(rows: list[Row]) -> None:
    names = [column.name for column in PEOPLE.columns]
    assert people(b"".join(write_csv(names, rows))) == rows


@law
@given(
    st.lists(st.tuples(cells, cells, cells), max_size=5),
    st.sampled_from(",;\t|"),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.sampled_from(["\n", "\r", "\r\n"]),
)
@example([(",", "", ""), ("", ",;,", "a"), ("\x00|", "", " ")], "|", csv.QUOTE_ALL, "\n")
def test_what_others_write_is_read_as_others_read_it(rows: list[Row], delimiter: str, quotes: Any, end: str) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=quotes, lineterminator=end).writerows(
        [("Name", "Email", "Town"), *rows]
    )
    read = list(csv.reader(io.StringIO(text.getvalue(), newline=""), delimiter=delimiter, strict=True))[1:]
    filled = [(*row, "", "")[:2] for row in read if "".join(row).strip(BLANK)]
    assert [row[:2] for row in people(text.getvalue())] == filled


def test_a_download_comes_in_pieces_and_begins_with_the_header() -> None:
    pieces = list(write_csv(["n"], ((str(number),) for number in range(2_500))))
    assert len(pieces) > 2
    assert b"".join(pieces).startswith(b"n\r\n0\r\n1\r\n")
    assert b"".join(pieces).count(b"\r\n") == 2_501
    assert b"".join(write_csv(["a", "b"], [])) == b"a,b\r\n"


# In

ADA = [("Ada", "ada@example.com", "London")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"], ids=["comma", "semicolon", "tab", "bar"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
def test_any_usual_delimiter_and_line_end_is_read(delimiter: str, end: str) -> None:
    lines = [["Name", "Email", "Home Town"], ["Ada", "ada@example.com", "London"]]
    assert people(end.join(delimiter.join(line) for line in lines) + end) == ADA


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_commas_inside_cells_do_not_decide_the_delimiter(delimiter: str) -> None:
    content = (
        delimiter.join(["Name", "Email", '"Home Town"']) + "\n" + delimiter.join(["Lovelace, Ada", "a@b.c", "x,y"])
    )
    assert people(content) == [("Lovelace, Ada", "a@b.c", "x,y")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_any_usual_encoding_is_read(encoding: str) -> None:
    content = "Name,Email,Home Town\nZoë,zoe@example.com,Köln\n".encode(encoding)
    assert people(content) == [("Zoë", "zoe@example.com", "Köln")]


@pytest.mark.parametrize("order", ["utf-16-le", "utf-16-be"])
def test_utf_16_of_either_byte_order_is_read_by_its_mark(order: str) -> None:
    content = "\ufeffName,Email\nZoë,zoe@example.com\n".encode(order)
    assert people(content) == [("Zoë", "zoe@example.com", "")]


def test_a_byte_that_is_no_utf_8_is_windows_1252_where_it_stands_and_spoils_nothing_else() -> None:
    content = b"Email,Name\n" + "a@example.com,Zoë\n".encode() * 1_000 + b"z@example.com,Jos\xe9 \x93Zo\xc3\xab\x94\n"
    rows = people(content)
    assert {row[0] for row in rows[:-1]} == {"Zoë"}
    assert rows[1_000:] == [("José “Zoë”", "z@example.com", "")]


@pytest.mark.parametrize(
    "header",
    [
        "Name,Email,Home Town",
        "NAME,EMAIL,HOME TOWN",
        "name, e mail ,hometown",
        "  Name  ,Email,Home   Town",
        "name,eMail,hOmEtOwN",
    ],
)
def test_headers_match_whatever_their_case_and_spaces(header: str) -> None:
    assert people(f"{header}\nAda,ada@example.com,London\n") == ADA


def test_columns_come_in_template_order_and_unknown_ones_are_left_out() -> None:
    assert people("Shoe size,Email,Name\n38,ada@example.com,Ada\n") == [("Ada", "ada@example.com", "")]


def test_of_two_columns_of_one_name_the_first_counts() -> None:
    assert people("Email,EMAIL\nfirst@example.com,second@example.com\n") == [("", "first@example.com", "")]


def test_short_lines_are_filled_up_and_long_ones_cut() -> None:
    rows = people("Name,Email,Home Town\nAda,ada@example.com\nBob\nEve,eve@example.com,Rome,more,and more\n")
    assert rows == [("Ada", "ada@example.com", ""), ("Bob", "", ""), ("Eve", "eve@example.com", "Rome")]


def test_blank_lines_are_no_rows() -> None:
    assert people("Name,Email,Home Town\n\nAda,ada@example.com,London\n\n,,\n\n") == ADA


def test_a_last_line_needs_no_end() -> None:
    assert people("Name,Email,Home Town\nAda,ada@example.com,London") == ADA
    assert people("Name,Email,Home Town") == []


def test_quotes_hold_delimiters_quotes_and_line_ends() -> None:
    content = 'Name,Email,Home Town\n"Lovelace, ""Ada""",ada@example.com,"12 St James\'s Sq.\r\nLondon"\n'
    assert people(content) == [('Lovelace, "Ada"', "ada@example.com", "12 St James's Sq.\r\nLondon")]


def test_a_header_may_be_quoted_and_hold_a_line_end() -> None:
    assert people('"Name";"Email";"Home\nTown"\nAda;ada@example.com;London\n') == ADA


def test_a_large_cell_is_read() -> None:
    assert people(f"Name,Email\n{'x' * 1_000_000},ada@example.com\n")[0][0] == "x" * 1_000_000


def test_headers_are_told_for_choosing_a_sheet() -> None:
    assert read_header(io.BytesIO("\ufeffName;E-mail\nAda;x\n".encode())) == ("Name", "E-mail")
    assert read_header(io.BytesIO(b"")) == ()
    assert [likeness(names, PEOPLE) for names in [("EMAIL", "home town"), ("name",), ("x",), ()]] == [2, 1, 0, 0]


def test_a_file_can_be_read_after_its_headers_and_stays_open() -> None:
    file = io.BytesIO(b"Name,Email,Home Town\nAda,ada@example.com,London\n")
    read_header(file)
    assert read_file(file, "a.csv", PEOPLE) == read_file(file, "a.csv", PEOPLE) == ADA
    assert not file.closed


# Drift

NO_EMAIL = "The required column 'Email' of People could not be found in 'people.csv'; the columns there are"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "'people.csv' is empty: it has no header line"),
        (b"\xef\xbb\xbf", "'people.csv' is empty: it has no header line"),
        (b"Name,Telephone\nAda,1\n", f"{NO_EMAIL}: 'Name', 'Telephone'"),
        (b"just some text", f"{NO_EMAIL}: 'just some text'"),
    ],
    ids=["empty", "only a mark", "no such column", "no table"],
)
def test_a_file_without_a_required_column_is_told_so_in_plain_words(content: bytes, says: str) -> None:
    with pytest.raises(Drift) as drift:
        people(content)
    assert str(drift.value) == says  # POLL-14


TWENTY = ", ".join(["'a'"] * 20)


def test_of_very_many_or_very_long_names_only_some_are_told() -> None:
    with pytest.raises(Drift) as drift:
        people(b"a," * 16_383 + b"a\n")
    assert str(drift.value) == f"{NO_EMAIL}: {TWENTY} and 16364 more"
    with pytest.raises(Drift, match="it has more than 16384 columns"):
        people(b"a," * 16_384 + b"a\n")
    with pytest.raises(Drift) as drift:
        people(b"x" * 61 + b"," + b"y" * 60 + b"\n", "a\n" + "z" * 99 + ".csv")
    name = f"'a\\n{'z' * 58}…'"
    assert str(drift.value) == f"{NO_EMAIL}: '{'x' * 60}…', '{'y' * 60}'".replace("'people.csv'", name)


def test_a_cell_beyond_all_measure_is_no_csv() -> None:
    with pytest.raises(
        Drift, match=r"'people\.csv' is not a CSV file that can be read: line 2 is longer than 1048576 "
    ):
        people(b"Email,Name\n" + b"x" * 1_048_577)
    with pytest.raises(Drift, match="line 2 is not closed within 1048576 characters"):
        people(b'Email,Name\n"' + b"xxxx\n" * 209_717)


@law
@given(st.binary(max_size=200))
def test_any_bytes_are_rows_or_a_drift(content: bytes) -> None:
    for file in (content, b"Email\n" + content):
        with suppress(Drift):
            assert {len(row) for row in people(file)} <= {3}


# Rows of a request


def test_inline_rows_match_their_names_in_the_same_way() -> None:
    rows = read_rows([{"EMAIL": "a@b.c", "hometown": "Rome", "Shoe size": 38}, {"email": "d@e.f"}], PEOPLE)
    assert rows == [("", "a@b.c", "Rome"), ("", "d@e.f", "")]


@pytest.mark.parametrize(
    ("value", "text"),
    [("x", "x"), (None, ""), (True, "true"), (False, "false"), (12, "12"), (12.5, "12.5"), ("", ""), (0, "0")],
)
def test_inline_values_become_texts(value: object, text: str) -> None:
    assert csv_file.cell_text(value) == text
    assert read_rows([{"Email": value}], PEOPLE) == [("", text, "")]


def test_inline_rows_without_a_required_column_are_told_so() -> None:
    with pytest.raises(Drift, match=r"'Email' of People could not be found in the rows; .*: 'Nom'"):
        read_rows([{"Nom": "Ada"}], PEOPLE)
    with pytest.raises(Drift, match="the columns there are: none"):
        read_rows([{}], PEOPLE)


def test_a_required_column_that_some_rows_have_is_there() -> None:
    assert read_rows([{"Name": "Ada"}, {"Email": "a@b.c"}], PEOPLE) == [("Ada", "", ""), ("", "a@b.c", "")]


@law
@given(st.lists(st.sampled_from(["Name", "EMAIL", "home town", "Other"]), unique=True))
def test_a_required_column_is_all_that_a_file_needs(names: Sequence[str]) -> None:
    content = b"".join(write_csv(names or ["?"], []))
    if "EMAIL" in names:
        assert people(content) == []
    else:
        with pytest.raises(Drift, match="'Email'"):
            people(content)
