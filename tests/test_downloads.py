"""CSV downloads: which rows, in which order, in which form, and what they show while a run is under way."""

from __future__ import annotations

import csv
import io
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Client

SOURCE = "c37f1b60-8e92-4d1a-b5f4-70a6c2e8d933"
LIVE = "/api/v1/companies/4619b4f3-e1db-4d20-80b1-898d906683c2"
LIVE_SHEET = "6f3a9c05-2e7d-4b81-94f6-d0c81e5b7a29"
DOCS = "/api/v1/companies/c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d"
DOCS_SHEET = "7a1c2b3d-4e5f-4061-8a9b-0c1d2e3f4a5b"
RUN = f"{DOCS}/imports/d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8"
CONTACTS = ["Name", "Email", "Phone", "Company", "Status", "Joined"]


def provisioned(client: Client, scenario: str) -> tuple[str, dict[str, str]]:
    """A company with every sheet: its path, and the ids of its sheets by name."""
    wanted = {"name": f"Acme {scenario}", "source": SOURCE, "external_id": f"{scenario}--x"}
    made = client.post("/api/v1/companies", wanted).body
    return f"/api/v1/companies/{made['company']['id']}", {sheet["name"]: sheet["id"] for sheet in made["sheets"]}


def downloaded(client: Client, company: str, sheet: str, **query: str) -> list[list[str]]:
    """The lines of a download, the header among them."""
    path = f"{company}/export.csv?sheet_id={sheet}" + "".join(f"&{name}={value}" for name, value in query.items())
    call = client.get(path)
    assert call.status == 200
    return list(csv.reader(io.StringIO(call.text, newline=""), strict=True))


def imported(client: Client, *emails: str, **more: Any) -> Any:
    """Start an import of rows with these addresses; the answer."""
    return client.post(f"{LIVE}/imports", {"rows": [{"Email": email} | more for email in emails]}).body


def visible(client: Client) -> list[str]:
    """The addresses in the company's sheet."""
    return [row[1] for row in downloaded(client, LIVE, LIVE_SHEET, filter="all")[1:]]


def test_a_sheet_comes_as_a_csv_attachment(client: Client) -> None:
    """CSV-01."""
    call = client.get(f"{DOCS}/export.csv?sheet_id={DOCS_SHEET}")
    assert call.media_type == "text/csv"
    assert call.headers["content-disposition"] == 'attachment; filename="Contacts.csv"'
    assert call.text.endswith("\r\n")
    assert call.text.count("\r\n") == 1 + 1438


@pytest.mark.parametrize(("query", "rows"), [({}, 1438), ({"filter": "valid"}, 1438), ({"filter": "all"}, 1453)])
def test_flagged_rows_are_in_the_download_of_all_alone(client: Client, query: dict[str, str], rows: int) -> None:
    """CSV-03, CSV-04, CSV-05, OP-31."""
    assert len(downloaded(client, DOCS, DOCS_SHEET, **query)) == 1 + rows


def test_the_difference_is_the_flagged_rows_and_only_those(client: Client) -> None:
    """CSV-06."""
    clean, every = (downloaded(client, DOCS, DOCS_SHEET, filter=which) for which in ("valid", "all"))
    flagged = [row for row in every if row not in clean]
    assert len(flagged) == 15
    assert sum(row[4] not in {"Open", "Closed", "Pending"} for row in flagged) == 12
    assert sum(not row[1] for row in flagged) == 3
    assert [row for row in every if row not in flagged] == clean


def test_the_columns_are_the_template_s_in_its_order(client: Client) -> None:
    """CSV-08, TPL-06."""
    company, sheets = provisioned(client, "live")
    for template in client.get("/api/v1/templates").body["templates"]:
        (header,) = downloaded(client, company, sheets[template["name"]])
        assert header == [column["name"] for column in template["columns"]]


def test_the_workbook_comes_as_a_zip_of_the_same_files(client: Client) -> None:
    """CSV-02."""
    company, sheets = provisioned(client, "park")
    client.post(f"{company}/imports", {"rows": [{}]})
    client.advance(by="11s")
    for which in ("valid", "all"):
        call = client.get(f"{company}/export.csv?filter={which}")
        assert call.media_type == "application/zip"
        assert call.headers["content-disposition"] == 'attachment; filename="workbook.zip"'
        with zipfile.ZipFile(io.BytesIO(call.received)) as archive:
            assert archive.testzip() is None
            assert archive.namelist() == [f"{name}.csv" for name in sheets]
            for name, sheet in sheets.items():
                alone = client.get(f"{company}/export.csv?sheet_id={sheet}&filter={which}")
                assert archive.read(f"{name}.csv") == alone.received
    assert client.get(f"{company}/export.csv").received != call.received


def test_a_download_makes_no_run(client: Client) -> None:
    """CSV-12, RUN-08."""
    before = client.get(f"{DOCS}/imports").received
    for query in ("", f"?sheet_id={DOCS_SHEET}", "?filter=all"):
        client.get(f"{DOCS}/export.csv{query}")
    assert client.get(f"{DOCS}/imports").received == before


def test_values_survive_the_way_through(client: Client) -> None:
    """CSV-09."""
    rows: list[dict[str, Any]] = [
        {"Email": "a@example.com", "Name": 'Quote " and, comma'},
        {"Email": "b@example.com", "Name": "two\r\nlines"},
        {"Email": "c@example.com", "Name": "  spaces  "},
        {"Email": "d@example.com", "Name": "Zoë Łukasz 林 🦕"},
        {"Email": "e@example.com", "Name": "=1+1"},
        {"Email": "f@example.com", "Name": "NUL \0 inside"},
        {"Email": "g@example.com", "Name": 12},
        {"Email": "h@example.com", "Name": -0.5},
        {"Email": "i@example.com", "Name": True},
        {"Email": "j@example.com", "Name": None},
        {"Email": "k@example.com", "Name": 10**18},
        {"eMAIL": "l@example.com", "NA ME": "named otherwise", "Hat": "left out"},
    ]
    run = client.post(f"{LIVE}/imports", {"rows": rows}).body["poll_url"]
    client.advance(by="2s")
    assert client.get(run).body["report"]["inserted"] == len(rows)
    text = ["12", "-0.5", "true", "", "1000000000000000000", "named otherwise"]
    came = downloaded(client, LIVE, LIVE_SHEET)
    assert came[0] == CONTACTS
    assert [row[0] for row in came[1:]] == [str(row["Name"]) for row in rows[:6]] + text
    assert [row[1] for row in came[1:]] == [f"{letter}@example.com" for letter in "abcdefghijkl"]


# -- while runs come and go


def test_an_import_s_rows_are_there_once_it_has_any_and_the_ones_before_until_then(client: Client) -> None:
    """OP-29."""
    assert visible(client) == []
    imported(client, "a@example.com", "b@example.com")
    assert visible(client) == []
    client.advance(by="2s")
    assert visible(client) == ["a@example.com", "b@example.com"]

    imported(client, "c@example.com", "bad", Status="open")
    assert visible(client) == ["a@example.com", "b@example.com"]
    client.advance(by="500ms")
    assert visible(client) == ["a@example.com", "b@example.com"]
    client.advance(by="1500ms")
    assert visible(client) == ["c@example.com", "bad"]  # parked: flagged, and shown by `all`
    assert len(downloaded(client, LIVE, LIVE_SHEET)) == 1


def test_an_import_that_fails_leaves_the_rows_before_it(client: Client) -> None:
    """RUN-09."""
    imported(client, "a@example.com")
    client.advance(by="2s")
    drifted = client.post(f"{LIVE}/imports", {"rows": [{"Name": "no address"}]}).body["poll_url"]
    client.advance(by="2s")
    assert client.get(drifted).body["status"] == "failed"
    assert visible(client) == ["a@example.com"]


def test_an_import_that_is_canceled_before_it_has_rows_leaves_the_rows_before_it(client: Client) -> None:
    imported(client, "a@example.com")
    client.advance(by="2s")
    run = imported(client, "b@example.com")
    client.post(f"/_mock/runs/{run['run_id']}/cancel")
    assert visible(client) == ["a@example.com"]


@pytest.mark.parametrize(("scenario", "lasts"), [("column-drift-fails", "1h"), ("engine-dies", "2h")])
def test_a_failed_run_shows_no_rows(client: Client, scenario: str, lasts: str) -> None:
    """RUN-09, OP-36."""
    company, sheets = provisioned(client, scenario)
    run = client.post(f"{company}/imports", {"rows": [{}]}).body["poll_url"]
    client.advance(by=lasts)
    assert client.get(run).body["status"] == "failed"
    for which in ("valid", "all"):
        assert downloaded(client, company, sheets["Contacts"], filter=which) == [CONTACTS]


def test_a_rejected_run_shows_what_it_parked_with(client: Client) -> None:
    """DEC-33, OP-31."""
    before = [downloaded(client, DOCS, DOCS_SHEET, filter=which) for which in ("valid", "all")]
    client.post(f"{RUN}/decisions", {"decision": "reject"})
    assert [downloaded(client, DOCS, DOCS_SHEET, filter=which) for which in ("valid", "all")] == before


def test_a_decision_shows_in_the_rows_when_the_run_has_completed(client: Client) -> None:
    """DEC-05, DEC-06, DEC-07: while the import runs again nothing has changed yet."""
    parked = downloaded(client, DOCS, DOCS_SHEET, filter="all")
    client.post(f"{RUN}/decisions", {"decision": "approve"})
    assert downloaded(client, DOCS, DOCS_SHEET, filter="all") == parked
    client.advance(by="10s")
    wanted = [
        [*row[:4], row[4] if row[4] in {"Open", "Closed", "Pending"} else "Open", row[5]]
        for row in parked[1:]
        if row[1]
    ]
    assert downloaded(client, DOCS, DOCS_SHEET, filter="all")[1:] == wanted
    assert downloaded(client, DOCS, DOCS_SHEET)[1:] == wanted
    assert client.get(RUN).body["report"]["inserted"] == len(wanted)  # CSV-07
