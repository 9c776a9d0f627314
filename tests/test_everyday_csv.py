"""CSV files as people have them: each is read for what its author sees, or its error names the line."""

from __future__ import annotations

import io
import unicodedata
from typing import TYPE_CHECKING, Literal

import pytest

from mock_server.data.csv_file import Drift, read_file, read_rows
from mock_server.data.csv_text import text_of
from mock_server.data.rules import fault
from mock_server.data.templates import Column, Template

if TYPE_CHECKING:
    from mock_server.data.book import Row

Form = Literal["NFC", "NFD"]
FORMS: tuple[Form, ...] = ("NFC", "NFD")
CONTACTS = Template("t", "Contacts", None, (Column("Name"), Column("Email", required=True), Column("Status")))
TEXT = "Name,Email,Status\r\nAda Example,ada@example.com,Open\r\nZoë,zoe@example.com,Closed\r\n"
ROWS = [("Ada Example", "ada@example.com", "Open"), ("Zoë", "zoe@example.com", "Closed")]
SEMICOLONS = TEXT.replace(",", ";")


def contacts(content: str | bytes, template: Template = CONTACTS) -> list[Row]:
    return read_file(io.BytesIO(content.encode() if isinstance(content, str) else content), "f.csv", template)


def drift(content: str) -> str:
    with pytest.raises(Drift) as said:
        contacts(content)
    return str(said.value)


# Bytes

WIDE = ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]


@pytest.mark.parametrize("encoding", WIDE)
@pytest.mark.parametrize("start", ["", "\ufeff", "\ufeff\ufeff", "\ufeffsep=,\r\n"])
@pytest.mark.parametrize("end", ["", "\x1a", "\x00" * 300])
def test_utf_16_and_utf_32_are_known_with_and_without_a_mark(encoding: str, start: str, end: str) -> None:
    assert contacts((start + TEXT + end).encode(encoding)) == ROWS


@pytest.mark.parametrize("encoding", WIDE)
def test_half_a_character_at_the_end_of_wide_ones_is_none(encoding: str) -> None:
    assert contacts(TEXT.encode(encoding) + b"\x1a") == ROWS
    assert contacts("名前,Email\n山田太郎太郎太郎太郎,a@b.co\n".encode(encoding)) == [("", "a@b.co", "")]


def test_a_nul_in_a_cell_makes_no_utf_16() -> None:
    assert contacts("Name,Email\na\x00b,a@b.co\n") == [("a\x00b", "a@b.co", "")]


def test_windows_1252_is_read_as_what_it_is() -> None:
    cells = ("Siân O’Example", "€ Traders – “Best”", "Œuvre™…")  # noqa: RUF001 - what Windows writes
    assert contacts(f"Name,Email,Status\n{','.join(cells)}\n".encode("cp1252")) == [cells]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8_192])
def test_bad_bytes_are_mended_alike_wherever_the_file_is_cut(size: int) -> None:
    pieces = [
        (b"\xe9\xe8\xff", "éèÿ"),
        ("ë€😀".encode(), "ë€😀"),
        (b"\x93x\x94\xc3 \xe2\x80 ", "“x”Ã â€ "),
        (b"\xf0\x9f", "ðŸ"),
    ]
    with text_of(io.BytesIO(b"".join(each for each, _ in pieces * 3))) as text:
        text._CHUNK_SIZE = size  # type: ignore[attr-defined]  # noqa: SLF001 - it has no public name
        assert "".join(iter(lambda: text.read(1), "")) == "".join(read for _, read in pieces * 3)


@pytest.mark.parametrize("end", ["\x1a", "\x1a\r\n", "\x00" * 70_000, "\x1a" * 128, "\x00\x00\x1a\x00"])
def test_what_old_programs_write_behind_the_end_is_no_row(end: str) -> None:
    assert contacts(TEXT + end) == contacts(TEXT.rstrip() + end.rstrip()) == ROWS
    assert contacts(TEXT.replace("Closed\r\n", '"Closed"') + end.rstrip()) == ROWS


# Above the header


@pytest.mark.parametrize(
    "line",
    ["sep=;", "SEP=;", '"sep=;"', "\ufeffsep=;", "\ufeff\ufeffsep=;", "ï»¿sep=;", "sep=;;;", "\n \nsep=;", "sep="],
)
def test_a_sep_line_names_the_delimiter_and_is_no_header(line: str) -> None:
    assert contacts(f"{line}\r\n{SEMICOLONS}") == ROWS
    assert contacts(f"{line}\r{SEMICOLONS}".replace("\r\n", "\r")) == ROWS
    assert contacts(f"{line}\n;;\n\n{SEMICOLONS}") == ROWS


@pytest.mark.parametrize(("named", "is_"), [("\t", "\t"), (r"\t", "\t"), ("|", "|"), ("^", "^"), ("~", "~")])
def test_a_sep_line_may_name_any_delimiter(named: str, is_: str) -> None:
    assert contacts(f"sep={named}\n{TEXT.replace(',', is_)}") == ROWS


BLANKS = ["", " ", ",,", " , , ", ";;;", '"","",""', '" ",""', "\t", "\u00a0,\u200b,\u3000", "\x00,\x1a"]


@pytest.mark.parametrize("blank", BLANKS)
def test_blank_rows_above_the_header_are_none(blank: str) -> None:
    assert contacts(f"{blank}\n{blank}\n{TEXT}") == ROWS


@pytest.mark.parametrize("blank", [each for each in BLANKS if each != ";;;"])
def test_blank_rows_below_it_are_none(blank: str) -> None:
    assert contacts(f"{TEXT}{blank}\n{blank}") == ROWS


# The delimiter


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("Name (last, first);Email\nExample;a@b.co\n", ("", "a@b.co", "")),
        ("Last, First\tEmail\nExample, Ada\ta@b.co\n", ("", "a@b.co", "")),
        ("Email;Name, Status\na@b.co;Ada, Open\n", ("", "a@b.co", "")),
        ("Email;Price, EUR;Name\na@b.co;1,5;Ada\nb@b.co;2,5;Bob\n", ("Ada", "a@b.co", "")),
        ('"Name; full, or not",Email\nAda;x,a@b.co\n', ("", "a@b.co", "")),
        ("Email|Notes; a; b; c\na@b.co|x\n", ("", "a@b.co", "")),
        ("Email\na@b.co,\n", ("", "a@b.co", "")),
    ],
)
def test_the_delimiter_is_the_one_that_makes_rows_as_wide_as_the_header(text: str, row: Row) -> None:
    assert contacts(text)[0] == row


def test_where_no_column_is_known_the_rows_alone_decide() -> None:
    assert "'Who, what', 'Where'" in drift("Who, what;Where\nAda;London\nBob;Rome\n")


# Blanks and quotes


@pytest.mark.parametrize(
    "row",
    [
        '"Ada" , "a@b.co" , "Open"',
        '\t"Ada"\t,"a@b.co"\t,\t"Open"\t',
        '"Ada"\u00a0,\u200b"a@b.co",Open',
        '"Ada",  a@b.co,  "Open"  ',
        ' "Ada" , a@b.co , Open ',
        '\u2060"Ada","a@b.co",Open',
    ],
)
def test_blanks_around_quotes_are_none_of_the_cell(row: str) -> None:
    assert contacts(f"Name,Email,Status\n{row}\n") == [("Ada", "a@b.co", "Open")]
    tabs = row.replace("\t", " ").replace(",", "\t")
    assert contacts(f"Name\tEmail\tStatus\n{tabs}\n") == [("Ada", "a@b.co", "Open")]


def test_blanks_around_a_name_of_the_header_stand_around_its_cells_too() -> None:
    assert contacts("Name, Email , Status\nAda, a@b.co , Open\n") == [("Ada", "a@b.co", "Open")]
    assert contacts('Name, Email , Status\n" Ada"," a@b.co"," Open"\n') == [(" Ada", " a@b.co", " Open")]


def test_blanks_around_a_quote_speak_for_the_row_also_in_a_column_that_is_left_out() -> None:
    assert contacts('Name,Email,Status,Note\nAda, a@b.co, Open, "x"\n') == [("Ada", "a@b.co", "Open")]


def test_blanks_that_nothing_speaks_for_stay() -> None:
    assert contacts('Name,Email,Status\n Ada, a@b.co,"say ""x"" , ""y"""\n') == [(" Ada", " a@b.co", 'say "x" , "y"')]


def test_line_ends_delimiters_and_quotes_within_quotes_are_kept() -> None:
    text = 'Name,Email,Status\n"","\r\na@b.co","x\ny" \n"a\nb",c@d.co,5" x\n5" y,"e@f.co",\n'
    assert contacts(text) == [("", "\r\na@b.co", "x\ny"), ("a\nb", "c@d.co", '5" x'), ('5" y', "e@f.co", "")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('Name,"Em"ail,Status\nAda,a@b.co,Open\n', "in line 1 something follows the closing quote of a cell;"),
        ('Name,Email\nAda,a@b.co\n"The "Best" Co",b@b.co\n', "in line 3 something follows"),
        ('sep=,\n\nName,Email\n"The "Best" Co",b@b.co\n', "in line 4 something follows"),
        ('Name,Email\r"a\rb",b@b.co\r"c"x,c@b.co\r', "in line 4 something follows"),
        ('Name,Email\n"a\nb" c,b@b.co\n', "in line 3 something follows the closing quote of a cell that line 2 opens;"),
        (
            'Name,Email\nAda,a@b.co\n"Bob,b@b.co\n' + "Eve,e@b.co\n" * 99,
            "the quote that opens a cell in line 3 is never",
        ),
        ("Name,Email\n" + "Ada,a@b.co\n" * 2_000 + 'Q,"a "b" c"\n', "in line 2002 something follows"),
    ],
)
def test_a_stray_quote_is_told_with_its_line(text: str, says: str) -> None:
    assert f"'f.csv' is not a CSV file that can be read: {says}" in drift(text)


# Names

UNSEEN = (
    "\u200b\u200c\u200d\u2060\ufeff\u00ad\u00a0\u200e\u200f"
    "\u202a\u202c\u2066\u2069\u180e\u034f\u3164\u2800\ufe0f\x00\x1a"
)


@pytest.mark.parametrize("unseen", UNSEEN, ids=ascii)
def test_what_nobody_sees_in_a_header_is_none_of_its_names(unseen: str) -> None:
    names = f"{unseen}Name,Em{unseen}ail{unseen},{unseen}{unseen}Status"
    assert contacts(TEXT.replace("Name,Email,Status", names)) == ROWS


@pytest.mark.parametrize(
    "name",
    ["E-mail", "e_mail", "E.MAIL", "E mail:", "*Email*", "“Email”", "\uff25\uff4d\uff41\uff49\uff4c"],
)
def test_letters_and_digits_alone_count(name: str) -> None:
    assert contacts(TEXT.replace("Email", name)) == ROWS
    assert read_rows([{name: "a@b.co"}], CONTACTS) == [("", "a@b.co", "")]


@pytest.mark.parametrize("ours", FORMS)
@pytest.mark.parametrize("theirs", FORMS)
def test_an_accent_is_one_however_it_is_written(ours: Form, theirs: Form) -> None:
    column = Column(unicodedata.normalize(ours, "Prénom"), required=True)
    assert contacts(unicodedata.normalize(theirs, "PRÉNOM") + "\nAda\n", Template("t", "T", None, (column,))) == [
        ("Ada",)
    ]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("E-mail,Email,%", ("2", "1", "3")),
        ("Email,E-mail,#", ("1", "2", "")),
        ("EMAIL,E-MAIL", ("1", "2", "")),
        ("e_mail,x", ("1", "", "")),
        ("Email,Email,E_mail", ("1", "2", "")),
    ],
)
def test_two_columns_never_become_the_same(header: str, row: Row) -> None:
    """The name itself goes before one that is like it, and each column of a file into one of the sheet's."""
    template = Template("t", "T", None, (Column("Email"), Column("E-mail"), Column("%")))
    assert contacts(f"{header}\n1,2,3\n", template) == [row]
    names = header.split(",")
    if len(set(names)) == len(names):
        assert read_rows([dict(zip(names, "123", strict=False))], template) == [row]


# Size


def test_a_cell_that_is_longer_than_any_sensible_one_is_of_no_pattern() -> None:
    column = Column("Any", rule="strict", pattern="^[a]*$")
    assert fault(column, "a" * 100_000) is None
    assert fault(column, "a" * 100_001) == "strict"


def test_a_name_of_marks_alone_takes_no_time_to_compare() -> None:
    """Unicode's order of marks is found in the square of their number: 200,000 would take a minute."""
    assert contacts("Name,Email," + "\u0327\u0301" * 100_000 + "\nAda,a@b.co,x\n") == [("Ada", "a@b.co", "")]


def test_of_a_wide_row_no_more_is_held_than_is_wanted() -> None:
    assert contacts("Email\na@b.co" + "," * 1_000_000 + "\n") == [("", "a@b.co", "")]
    assert contacts('Email\n"a@b.co"' + ",x" * 200_000 + "\n") == [("", "a@b.co", "")]


def test_cells_that_are_equal_are_held_once() -> None:
    rows = contacts("Name,Email\n" + "Ada Example,a@b.co\n" * 3)
    assert len({id(cell) for row in rows for cell in row}) == 3
