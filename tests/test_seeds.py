"""The documentation's own examples: its curl lines run with nothing changed but scheme and host, its bodies come back.

A fresh session has the run of those pages, parked, with their ids, question, patch and figures.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from conftest import Client

ORIGIN = "https://app.vern.so"
COMPANY = "c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d"
RUN_ID = "d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8"
SHEET = "7a1c2b3d-4e5f-4061-8a9b-0c1d2e3f4a5b"
RUN = f"/api/v1/companies/{COMPANY}/imports/{RUN_ID}"

POLL = r"""
curl https://app.vern.so/api/v1/companies/c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d/imports/d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8 \
  -H "x-api-key: $VERN_API_KEY"
"""  # noqa: E501 - letter for letter
APPROVE = r"""
curl -X POST \
  https://app.vern.so/api/v1/companies/c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d/imports/d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8/decisions \
  -H "x-api-key: $VERN_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "decision": "approve",
    "answers": [{ "question_id": "fq0", "option_id": "a" }]
  }'
"""  # noqa: E501 - letter for letter

QUESTION = json.loads("""
{
  "id": "fq0",
  "prompt": "Some Status values aren't one of the allowed options. How should Vern handle them?",
  "context": "12 rows in Contacts have a Status outside Open / Closed / Pending.",
  "target": {
    "sheet_id": "7a1c2b3d-4e5f-4061-8a9b-0c1d2e3f4a5b",
    "column": "Status",
    "affected_count": 12,
    "sample_values": ["open", "in progress", "DONE"],
    "error": "Does not match allowed values: Open, Closed, Pending"
  },
  "relevant_columns": ["Status"],
  "options": [
    { "id": "a", "label": "Map all to 'Open'" },
    { "id": "b", "label": "Remove these rows" }
  ],
  "allow_custom": true
}
""")
SET_STATUS = {"sheet_id": SHEET, "column": "Status", "action": "set_value", "value": "Open"}
DROP_WITHOUT_EMAIL = {"sheet_id": SHEET, "column": "Email", "action": "delete_invalid_rows"}
PARKED = {
    "status": "needs_attention",
    "report": {
        "inserted": 1438,
        "perSheet": [{"templateName": "Contacts", "sheetId": SHEET, "rowCount": 1438}],
        "invalidCellCount": 15,
    },
    "needs_attention": {
        "questions": [QUESTION],
        "proposed_patch": {
            "summary": "Map 12 out-of-range Status values to 'Open'; drop the rows missing Email.",
            "actions": [SET_STATUS, DROP_WITHOUT_EMAIL],
        },
    },
}
"""The body of the page on flagged rows. The page on polling shows the same run with less: no `perSheet`, one action."""
TAKEN = {"run_id": RUN_ID, "status": "running", "poll_url": RUN}
COMPLETED = {
    "status": "completed",
    "report": {
        "inserted": 1450,
        "perSheet": [{"templateName": "Contacts", "sheetId": SHEET, "rowCount": 1450}],
        "invalidCellCount": 0,
    },
}
"""The completed body of the page on polling, but that this patch leaves nothing flagged."""


def asked(line: str, client: Client) -> Any:
    """What a documented curl line answers when its scheme and host are ours."""
    if shutil.which("curl") is None:
        return sent(line, client)
    environment = {"PATH": os.environ["PATH"], "VERN_API_KEY": client.key or "", "no_proxy": "*"}
    ours = line.replace(ORIGIN, client.url).replace("curl ", "curl --silent --show-error --fail-with-body ", 1)
    done = subprocess.run(["/bin/sh", "-c", ours], env=environment, capture_output=True, timeout=60, check=True)
    return json.loads(done.stdout)


def sent(line: str, client: Client) -> Any:
    """The same request without curl."""
    line = line.replace("$VERN_API_KEY", client.key or "")
    words = iter(shlex.split(line.replace("\\\n", " "))[1:])
    method, url, headers, body = "GET", "", {}, None
    for word in words:
        match word:
            case "-X":
                method = next(words)
            case "-H":
                name, _, value = next(words).partition(": ")
                headers[name] = value
            case "-d":
                body = next(words).encode()
            case _:
                url = word
    return client.send(method, urlsplit(url).path, body, headers).body


def without_id(body: dict[str, Any]) -> dict[str, Any]:
    """The body without the one member that it has beside the documented ones (OP-05)."""
    assert body["run_id"] == RUN_ID
    return {name: value for name, value in body.items() if name != "run_id"}


@pytest.mark.parametrize("ask", [asked, sent], ids=["curl", "http.client"])
def test_the_documented_calls_lead_from_the_parked_run_to_its_end(client: Client, ask: Any) -> None:
    assert without_id(ask(POLL, client)) == PARKED
    assert ask(APPROVE, client) == TAKEN
    assert ask(POLL, client)["status"] == "running"
    client.advance(by="10s")
    assert without_id(ask(POLL, client)) == COMPLETED
    downloaded = client.get(f"/api/v1/companies/{COMPANY}/export.csv?sheet_id={SHEET}")
    rows = list(csv.DictReader(io.StringIO(downloaded.text, newline="")))
    assert len(rows) == 1450
    assert {row["Status"] for row in rows} == {"Open", "Closed", "Pending"}
    assert all(row["Email"] for row in rows)


def test_the_poll_page_s_example_is_the_same_run_with_less_of_it(client: Client) -> None:
    """POLL-06, OP-09: question and figures are the same; `perSheet` and the second action are not shown there."""
    body = client.get(RUN).body
    assert {name: body["report"][name] for name in ("inserted", "invalidCellCount")} == {
        "inserted": 1438,
        "invalidCellCount": 15,
    }
    assert body["needs_attention"]["questions"] == [QUESTION]
    assert body["needs_attention"]["proposed_patch"]["actions"][0] == SET_STATUS
    assert body["needs_attention"]["proposed_patch"]["summary"].startswith(
        "Map 12 out-of-range Status values to 'Open'"
    )


def test_the_proposed_patch_alone_leads_to_the_same_end(client: Client) -> None:
    assert client.post(f"{RUN}/decisions", {"decision": "approve"}).body == TAKEN
    client.advance(by="10s")
    assert without_id(client.get(RUN).body) == COMPLETED


def test_the_documented_rejection_ends_the_run_with_its_report(client: Client) -> None:
    """DEC-31, DEC-32, DEC-33."""
    assert client.post(f"{RUN}/decisions", {"decision": "reject"}).body == TAKEN | {"status": "failed"}
    body = client.get(RUN).body
    assert (body["status"], body["report"]) == ("failed", PARKED["report"])
    downloaded = client.get(f"/api/v1/companies/{COMPANY}/export.csv?sheet_id={SHEET}").text
    assert len(list(csv.reader(io.StringIO(downloaded, newline="")))) == 1 + 1438


def test_the_documented_answers_name_a_question_that_this_run_does_not_ask(client: Client) -> None:
    """The page's sample of a body with two answers has the right form; its second question is not this run's."""
    answers = [
        {"question_id": "fq0", "option_id": "a"},
        {"question_id": "fq1", "custom": "Map to the company domain"},
    ]
    refused = client.post(f"{RUN}/decisions", {"decision": "approve", "answers": answers})
    assert refused.status == 400
    assert "'fq1'" in refused.body["error"]
    assert without_id(client.get(RUN).body) == PARKED


def test_the_documented_look_ups_find_the_run(client: Client) -> None:
    """ACT-01, ACT-02, ACT-06, HIST-01."""
    imports = f"/api/v1/companies/{COMPANY}/imports"
    assert client.get(f"{imports}?status=active").received == client.get(RUN).received
    (item,) = client.get(imports).body["runs"]
    assert (item["run_id"], item["status"], item["poll_url"]) == (RUN_ID, "needs_attention", RUN)
    assert item["report"] == PARKED["report"]
    client.post(f"{RUN}/decisions", {"decision": "reject"})
    assert client.get(f"{imports}?status=active").body == {"run": None}


def test_the_waiting_run_does_not_change(client: Client) -> None:
    """PATCH-10, QUE-03."""
    before = client.get(RUN).received
    client.advance(by="500h")
    assert client.get(RUN).received == before
