"""`Prefer: code=409`, `Prefer: example=in_flight`: the contract's example for the operation, and nothing is done."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from conftest import Client

from mock_server.contract import document as contract

if TYPE_CHECKING:
    from mock_server.contract.document import Example
    from mock_server.player.transport import Call

COMPANY = "4619b4f3-e1db-4d20-80b1-898d906683c2"  # ready, of the scenario `live`
IMPORTS = f"/api/v1/companies/{COMPANY}/imports"
ROWS = {"rows": [{"Email": "ada@example.com"}]}
CONTRACT = contract.load()
EXAMPLES = [(operation_id, each) for operation_id in CONTRACT.operations for each in CONTRACT.examples(operation_id)]


def preferring(client: Client, prefer: str, method: str, path: str, body: object = None) -> Call:
    with closing(Client(client.url, client.key, {"prefer": prefer})) as asking:
        return asking.transport.call(method, path, body)


def called(client: Client, operation_id: str, prefer: str) -> Call:
    """A call of the operation about things that are not there."""
    operation = CONTRACT.operations[operation_id]
    path = operation.route.replace("{company_id}", "no-company").replace("{run_id}", "no-run")
    return preferring(client, prefer, operation.method, path, {} if operation.method == "POST" else None)


def runs(client: Client) -> list[Any]:
    return [run for company in client.get("/_mock/session").body["companies"] for run in company["runs"]]


@pytest.mark.parametrize(
    ("operation_id", "example"), EXAMPLES, ids=[f"{name}-{e.status}-{e.name}" for name, e in EXAMPLES]
)
def test_every_example_of_the_contract_can_be_had(client: Client, operation_id: str, example: Example) -> None:
    prefer = f"code={example.status}, example={example.name}"
    got = called(client, operation_id, prefer)
    assert (got.status, got.media_type) == (example.status, example.media_type)
    assert (got.text if got.body is None else got.body) == example.value
    assert got.headers["preference-applied"] == prefer


def test_a_code_alone_gives_its_first_example(client: Client) -> None:
    assert called(client, "start_import", "code=409").body == {
        "error": "the company has an import in flight, which is needs_attention"
    }


def test_an_example_alone_gives_the_first_of_that_name(client: Client) -> None:
    """`failed` is a run that failed before it is a server that did."""
    got = called(client, "poll_import", "example=failed")
    assert (got.status, got.body) == (200, {"status": "failed", "error": "Import timed out"})
    assert called(client, "poll_import", "example=failed, code=500").body == {"error": "Internal server error"}


def test_a_download_has_its_headers(client: Client) -> None:
    got = called(client, "export_csv", "example=sheet")
    assert got.headers["content-disposition"].startswith("attachment")
    assert got.text.startswith("Name,Email,")


def test_nothing_is_done(client: Client) -> None:
    before = client.get("/_mock/session").body
    for _ in range(120):  # more than the limit allows
        assert preferring(client, "code=201", "POST", IMPORTS, ROWS).status == 201
    after = client.get("/_mock/session").body
    assert {name: after[name] for name in ("companies", "scenario", "now")} == {
        name: before[name] for name in ("companies", "scenario", "now")
    }
    assert client.post(IMPORTS, ROWS).status == 201


def test_no_fault_is_used_up(client: Client) -> None:
    armed = client.put("/_mock/faults", {"faults": [{"error": 500, "operation": "start_import", "times": 1}]})
    assert armed.status == 200, armed.text
    assert preferring(client, "code=201", "POST", IMPORTS, ROWS).status == 201
    assert client.post(IMPORTS, ROWS).status == 500


def test_a_scenario_beside_it_does_not_count(client: Client) -> None:
    got = preferring(client, "scenario=re-park, code=409", "POST", IMPORTS, ROWS)
    assert (got.status, got.headers["preference-applied"]) == (409, "code=409, example=in_flight")
    assert not runs(client)


def test_a_dialect_beside_it_does_not_count(client: Client) -> None:
    got = preferring(client, "example=queued, dialect=extended", "GET", f"{IMPORTS}/any")
    assert got.body == {
        "status": "queued",
        "progress_message": "Waiting to start",
        "run_id": "d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8",
    }


@pytest.mark.parametrize(
    "prefer", ["code=418", "code", "code=", "example=", "code=abc", "example=in_flite", "code=201, example=key"]
)
def test_an_example_that_is_not_there_is_told_with_those_that_are(client: Client, prefer: str) -> None:
    got = preferring(client, prefer, "POST", IMPORTS, ROWS)
    assert got.status == 400
    text = got.body["error"]
    assert text.startswith("Prefer: start_import has no example ")
    assert "200: parked; 201: queued; 400: neither, upload_ref; 401: missing; " in text
    assert "409: in_flight, key; 429: throttled; 500: failed" in text
    assert not runs(client)


def test_the_nearest_example_is_named(client: Client) -> None:
    assert "did you mean 'in_flight'?" in preferring(client, "example=in_flite", "POST", IMPORTS).body["error"]


def test_a_key_is_needed_all_the_same(server: str) -> None:
    with closing(Client(server, None, {"prefer": "code=201"})) as nobody:
        assert nobody.post(IMPORTS, ROWS).status == 401


def test_where_there_is_no_operation_it_does_not_count(client: Client) -> None:
    assert preferring(client, "code=409", "GET", "/api/v1/nothing").status == 404
    assert preferring(client, "code=409", "DELETE", IMPORTS).status == 405


def test_the_journal_says_that_it_was_an_example(client: Client) -> None:
    preferring(client, "code=409", "POST", IMPORTS, ROWS)
    client.post(IMPORTS, ROWS)
    told = client.get("/_mock/requests").body["requests"]
    assert [(each["status"], each["example"]) for each in told] == [(409, "409 in_flight"), (201, None)]
