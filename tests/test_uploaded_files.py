"""Files that were uploaded: the forms in which one is read, the sheets it goes to, and what cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from test_uploads import LIVE, put, requested, rows, start

if TYPE_CHECKING:
    from conftest import Client

SOURCE = "c37f1b60-8e92-4d1a-b5f4-70a6c2e8d933"


def imported(client: Client, content: bytes, name: str = "contacts.csv") -> Any:
    """The poll's answer of an import of this file, once the engine has read it."""
    upload = requested(client)
    assert put(client, upload, content).status == 200
    run = start(client, (name, upload)).body["poll_url"]
    client.advance(by="2s")
    return client.get(run).body


# -- what a file may look like

FORMS = {
    "semicolons": b"Email;Name;Status\nada@example.com;Ada;Open\n",
    "tabs": b"Email\tName\tStatus\nada@example.com\tAda\tOpen\n",
    "bars": b"Email|Name|Status\nada@example.com|Ada|Open\n",
    "commas and quotes": b'"Email","Name","Status"\r\n"ada@example.com","Ada","Open"\r\n',
    "a byte order mark": "\ufeffEmail;Name;Status\r\nada@example.com;Ada;Open\r\n".encode(),
    "UTF-16": "Email;Name;Status\r\nada@example.com;Ada;Open\r\n".encode("utf-16"),
    "another case and spaces": b"  e MAIL ,NAME , status\nada@example.com,Ada,Open\n",
    "another order and a column too many": b"Status,Hat,Name,Email\nOpen,yes,Ada,ada@example.com\n",
    "no line end at its end": b"Email,Name,Status\nada@example.com,Ada,Open",
    "empty lines": b"Email,Name,Status\n\n\nada@example.com,Ada,Open\n\n",
    "old line ends": b"Email,Name,Status\rada@example.com,Ada,Open\r",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_file_of_any_common_form_is_read(client: Client, form: str) -> None:
    body = imported(client, FORMS[form])
    assert body["status"] == "completed", body
    assert rows(client).splitlines()[1:] == ["Ada,ada@example.com,,,Open,"]


def test_a_file_in_latin_1_is_read(client: Client) -> None:
    assert imported(client, "Email,Name\nzoe@example.com,Zoë Groß\n".encode("latin-1"))["status"] == "completed"
    assert "Zoë Groß,zoe@example.com" in rows(client)


def test_a_file_in_utf_8_is_read_though_its_first_strange_letter_comes_late(client: Client) -> None:
    lines = "".join(f"person{number}@example.com,Anna\n" for number in range(4_000))
    assert imported(client, f"Email,Name\n{lines}zoe@example.com,Zoë\n".encode())["report"]["inserted"] == 4_001
    assert "Zoë,zoe@example.com" in rows(client)


def test_ragged_rows_are_filled_up(client: Client) -> None:
    assert (
        imported(client, b"Email,Name,Status\nada@example.com\ngrace@example.com,Grace,Open,more\n")["status"]
        == "completed"
    )
    assert rows(client).splitlines()[1:] == [",ada@example.com,,,,", "Grace,grace@example.com,,,Open,"]


def test_values_with_delimiters_quotes_and_line_ends_survive(client: Client) -> None:
    """CSV-09."""
    assert imported(client, b'Email,Name\nada@example.com,"Lovelace, ""Ada""\nCountess"\n')["status"] == "completed"
    assert '"Lovelace, ""Ada""\nCountess",ada@example.com' in rows(client)


# -- several files


def provisioned(client: Client) -> tuple[str, dict[str, str]]:
    """A company with every sheet: its path, and the ids of its sheets by name."""
    made = client.post("/api/v1/companies", {"name": "Acme", "source": SOURCE}).body
    return f"/api/v1/companies/{made['company']['id']}", {sheet["name"]: sheet["id"] for sheet in made["sheets"]}


def test_two_files_go_to_the_sheets_of_their_names(client: Client) -> None:
    company, sheets = provisioned(client)
    people, firms = requested(client, company), requested(client, company)
    put(client, people)
    put(client, firms, b"Name,Website\nAcme,https://acme.example\n")
    run = start(client, ("Companies.csv", firms), ("export/contacts.CSV", people), company=company).body["poll_url"]
    client.advance(by="2s")
    report = client.get(run).body["report"]
    assert report["inserted"] == 3
    assert {each["templateName"]: each["rowCount"] for each in report["perSheet"]} == {"Companies": 1, "Contacts": 2}
    assert {each["sheetId"] for each in report["perSheet"]} == {sheets["Companies"], sheets["Contacts"]}
    assert rows(client, company, sheets["Companies"]).splitlines()[1:] == ["Acme,https://acme.example,"]
    assert len(rows(client, company, sheets["Contacts"]).splitlines()) == 3


def test_two_files_of_one_sheet_follow_one_another(client: Client) -> None:
    first, second = requested(client), requested(client)
    put(client, first)
    put(client, second, b"email\nlinus@example.com\n")
    run = start(client, ("contacts.csv", first), ("contacts.2.csv", second)).body["poll_url"]
    client.advance(by="2s")
    assert client.get(run).body["report"]["inserted"] == 3
    assert [line.split(",")[1] for line in rows(client).splitlines()[1:]] == [
        "ada@example.com",
        "grace@example.com",
        "linus@example.com",
    ]


def test_a_file_of_no_sheet_s_name_goes_where_most_of_its_columns_are(client: Client) -> None:
    company, sheets = provisioned(client)
    upload = requested(client, company)
    put(client, upload, b"Name,Website,Industry\nAcme,https://acme.example,Anvils\n")
    start(client, ("dump.csv", upload), company=company)
    client.advance(by="2s")
    assert "Anvils" in rows(client, company, sheets["Companies"])


# -- what cannot be read

DRIFTED = {
    "a column short": (b"Name,Telephone\nAda,+44 20 7946 0000\n", "'Email'"),
    "nothing": (b"", "empty"),
    "words": (b"Dear Vern, here is our data.\n", "'Email'"),
    "bytes": (bytes(range(256)) * 20, "contacts.csv"),
    "NUL bytes": (b"\x00" * 1_000, "empty"),
    "a spreadsheet": (b"PK\x03\x04" + b"\x14\x00" * 200, "not a CSV file"),
    "a quote that never ends": (
        b'Email,Name\nada@example.com,"Ada\ngus@example.com,Gus\n',
        "the quote that opens a cell in line 2 is never closed",
    ),
}


@pytest.mark.parametrize("what", DRIFTED)
def test_a_file_without_a_required_column_fails_the_run_and_inserts_nothing(client: Client, what: str) -> None:
    """POLL-14, POLL-15, RUN-09, ERR-09: the start is accepted, and the run says why it failed."""
    content, word = DRIFTED[what]
    body = imported(client, content)
    assert body["status"] == "failed"
    assert word in body["error"]
    assert "report" not in body
    assert rows(client).splitlines() == ["Name,Email,Phone,Company,Status,Joined"]
    assert client.get(f"{LIVE}/imports?status=active").body == {"run": None}


def test_the_reason_names_file_column_and_what_is_there(client: Client) -> None:
    error = imported(client, b"Name,Telephone\nAda,+44\n", "people.csv")["error"]
    assert all(word in error for word in ("'Email'", "'people.csv'", "'Name'", "'Telephone'"))
