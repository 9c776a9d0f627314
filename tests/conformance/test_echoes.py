"""What an answer has to repeat of its request, and where it may read it otherwise."""

from __future__ import annotations

from typing import Any

import pytest
from answering import STARTED, bent, clauses, examples
from calling import COMPANY

OTHER = "0b9e8d7c-6a5f-4e4d-93c2-b1a0f9e8d7c7"
ELSEWHERE = f"/api/v1/companies/{COMPANY}/imports/{OTHER}"
TEMPLATE = "1f6b2c9e-0a35-4e78-9d41-b8c7e5f2a310"
SENT = {"name": "Acme Freight", "external_id": "acme_freight-42", "template_ids": [TEMPLATE]}


@pytest.mark.parametrize(
    ("operation", "example", "status", "place", "value", "sent", "clause"),
    [
        ("provision_company", "full", 201, "company/name", "Acme &amp; Co", SENT | {"name": "Acme & Co"}, "PROV-02"),
        ("provision_company", "full", 201, "company/name", "Zo?", SENT | {"name": "Zo\u00eb"}, "FMT-01"),
        ("provision_company", "full", 201, "company/external_id", "7", SENT | {"external_id": "007"}, "PROV-07"),
        ("provision_company", "full", 201, "sheets/0/template_id", OTHER, SENT, "PROV-04"),
        ("start_import", "queued", 201, "poll_url", ELSEWHERE, {"rows": []}, "IMP-04"),
        ("start_export", "queued", 201, "poll_url", ELSEWHERE.replace("imports", "exports"), {}, "DST-01"),
        ("decide", "approve", 200, "run_id", OTHER, {"decision": "approve"}, "DEC-02"),
        ("decide", "approve", 200, "poll_url", ELSEWHERE, {"decision": "approve"}, "DEC-02"),
        ("decide", "approve", 200, "run_id", OTHER, {"decision": "reject"}, "DEC-31"),
        ("poll_import", "queued", 200, "run_id", OTHER, None, "POLL-01"),
    ],
)
def test_what_comes_back_otherwise_breaks_a_clause(
    operation: str, example: str, status: int, place: str, value: Any, sent: Any, clause: str
) -> None:
    known = examples(operation, status)
    body = bent(known.get(example) or next(iter(known.values())), place, value)
    assert clause in clauses(operation, status, body, sent=sent)


@pytest.mark.parametrize(
    ("status", "body", "sent"),
    [
        (201, STARTED | {"poll_url": STARTED["poll_url"].upper().replace("/API/V1/COMPANIES", "/x/companies")
                         .replace("IMPORTS", "imports")}, {"rows": []}),
        (201, STARTED | {"poll_url": "/vern" + STARTED["poll_url"]}, {"rows": []}),
    ],
)  # fmt: skip
def test_ids_may_be_written_in_capitals_and_the_api_lie_deeper(status: int, body: Any, sent: Any) -> None:
    assert clauses("start_import", status, body, sent=sent) == []


def test_a_name_may_lose_its_outer_blanks() -> None:
    body = examples("provision_company", 201)["full"]
    assert clauses("provision_company", 201, body, sent=SENT | {"name": " Acme Freight "}) == []
