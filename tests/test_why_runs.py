"""Why a run stood where it did: since when, by whose doing, what came next, and which calls were legal then."""

from __future__ import annotations

from contextlib import suppress
from http.client import HTTPException
from typing import TYPE_CHECKING

import pytest
from test_why import DECISIONS, DOCS, DOCS_RUN, LIVE, ROWS, SOURCE, operations, text, why

from conformance.audit import RULES
from mock_server.contract.document import load

if TYPE_CHECKING:
    from conftest import Client

RE_PARK = "/api/v1/companies/39b5bb3e-35ba-47d5-91be-cc435addce86"


def test_a_second_decision_is_explained_by_the_first(client: Client) -> None:
    client.post("/_mock/clock/advance", {"by": "1m"})
    first = client.post(DECISIONS, {"decision": "approve"})
    client.advance(by="1s")
    second = client.post(DECISIONS, {"decision": "approve"})
    told = why(client, second)
    assert (told["operation"], told["status"], told["clause"]["id"]) == ("decide", 409, "DEC-24")
    run = told["run"]
    assert (run["run_id"], run["status"], run["since"]) == (DOCS_RUN, "running", "2026-06-15T09:01:00.000Z")
    assert run["because"] == {"what": "approved", "by": first.headers["x-mock-request-id"], "before": 1_000}
    assert (run["beat"]["is"], run["beat"]["within"]) == ("work", None)
    assert operations(told) == ["poll_import", "list_imports", "start_import"]
    said = text(client, second)
    for words in (
        f"import {DOCS_RUN} was running since 09:01:00 (approved 1 s before, by request 1)",
        "of scenario ",
        "[DEC-24]",
        "next change: in ",
        f"GET {DOCS}/imports/{DOCS_RUN}",
    ):
        assert words in said


def test_what_comes_next_is_what_came_next(client: Client) -> None:
    """Along a whole run: each explanation foretells the next change, to the millisecond."""
    client.put("/_mock/scenario", {"name": "re-park"})
    started = client.post(f"{RE_PARK}/imports", ROWS)
    seen = []
    for _ in range(20):
        polled = client.get(started.body["poll_url"])
        coming = why(client, polled)["next"]
        seen.append(polled.body["status"])
        if coming is None:
            break
        if coming["by"] == "a decision":
            assert polled.body["status"] == "needs_attention"
            client.post(f"{started.body['poll_url']}/decisions", {"decision": "approve"})
            continue
        client.advance(by=f"{coming['in']}ms")
        now = why(client, client.get(started.body["poll_url"]))
        assert (now["run"]["status"], now["run"]["since"]) == (coming["status"], coming["at"])
    assert seen[-1] == "completed"
    assert seen.count("needs_attention") == 2


def test_an_explanation_stays_as_it_was_while_the_run_goes_on(client: Client) -> None:
    started = client.post(f"{LIVE}/imports", ROWS)
    polled = client.get(started.body["poll_url"])
    before = why(client, polled)
    client.advance(by="1h")
    client.get(started.body["poll_url"])
    client.post(f"{LIVE}/imports", ROWS)
    assert why(client, polled) == before
    assert before["run"]["status"] == "queued"
    assert before["next"] == {"status": "running", "at": "2026-06-15T09:00:00.500Z", "in": 500, "by": "itself"}


@pytest.mark.parametrize("fault", [{}, {"lose": "reset"}, {"twice": "second"}])
def test_after_a_decision_that_was_taken_none_is_due(client: Client, fault: dict[str, str]) -> None:
    if fault:
        client.post("/_mock/faults", fault)
    with suppress(OSError, HTTPException):
        client.post(DECISIONS, {"decision": "approve"})
    told = why(client)
    assert (told["run"]["status"], told["after"], told["next"]["by"]) == ("needs_attention", "running", "itself")
    assert operations(told) == ["poll_import", "list_imports", "start_import"]
    assert "\n  when the answer was ready, it was running\n" in text(client)


def test_what_is_called_legal_is_no_mistake_on_the_report_card(client: Client) -> None:
    """Whoever does what an explanation calls legal, each once and the decision last, is accused of nothing."""
    source = client.get("/api/v1/sources").body["sources"][0]["id"]
    connections = {"destination": {"base_url": "https://destination.example", "auth": {"token": "t"}}}
    asked = {"name": "Acme", "source": source, "external_id": "park--acme", "connections": connections}
    company = client.post("/api/v1/companies", asked).body["company"]["id"]
    keyed = ROWS | {"idempotency_key": "k"}
    bodies = {"start_import": keyed, "start_export": {"idempotency_key": "e"}, "decide": {"decision": "approve"}}
    seen = set()
    client.post(f"/api/v1/companies/{company}/imports", keyed)
    for _ in range(6):
        legal = [each for each in why(client)["legal"] if "new import" not in each["remark"]]
        reads = sorted(legal, key=lambda each: each["operation"] in {"decide", "start_export"})
        for each in reads:
            seen.add(f"{each['operation']} {each['remark']}")
            client.wait(11_000)
            path = each["path"] + ("?status=active" if each["operation"] == "list_imports" else "")
            done = client.transport.call(each["method"], path, bodies.get(each["operation"]))
            assert done.status < 300, (each, done.text)
    assert {each.partition(" ")[0] for each in seen} == {
        *("start_import", "poll_import", "list_imports", "decide", "export_csv", "start_export", "poll_export"),
    }
    found = client.get("/_mock/audit").body
    assert found["clean"], found["findings"]


@pytest.mark.parametrize("kind", ["import", "export"])
def test_polling_ends_with_the_run_for_why_as_for_the_report_card(kind: str) -> None:
    legal = load().document["components"]["schemas"]["RunStatus"]["x-legal"]
    ended = next(each for each in legal if each["about"] == kind and "completed" in each["in"])
    clause = RULES["polls-after-end"].clause
    assert clause in ended["calls"][f"poll_{kind}"]


def test_a_start_that_is_refused_is_explained_by_the_run_in_flight(client: Client) -> None:
    told = why(client, client.post(f"{DOCS}/imports", ROWS))
    assert (told["clause"]["id"], told["run"]["run_id"]) == ("IMP-10", DOCS_RUN)
    assert (told["run"]["status"], told["next"]["by"]) == ("needs_attention", "a decision")
    assert operations(told)[0] == "decide"
    assert told["legal"][0]["path"] == DECISIONS


def test_a_decision_after_a_reject_is_final(client: Client) -> None:
    client.post(DECISIONS, {"decision": "reject"})
    told = why(client, client.post(DECISIONS, {"decision": "approve"}))
    assert (told["clause"]["id"], told["run"]["because"]["what"], told["next"]) == ("DEC-35", "rejected", None)
    assert "start_import" in operations(told)


@pytest.mark.parametrize(("pace", "by"), [("polls", "the next poll"), ("manual", "an operator's step")])
def test_a_run_of_another_pace_says_what_moves_it(client: Client, pace: str, by: str) -> None:
    client.put("/_mock/scenario", {"pace": pace})
    started = client.post(f"{LIVE}/imports", ROWS)
    told = why(client, client.get(started.body["poll_url"]))
    assert (told["run"]["pace"], told["next"]["by"], told["next"]["at"]) == (pace, by, None)
    assert told["next"]["status"] == "running"
    assert pace in text(client)


def test_an_export_is_explained(client: Client) -> None:
    wanted = {"name": "Acme", "source": SOURCE, "external_id": "export-partly-fails--a"}
    destination = {"destination": {"base_url": "https://x.example", "auth": {}}}
    made = client.post("/api/v1/companies", wanted | {"connections": destination})
    company = f"/api/v1/companies/{made.body['company']['id']}"
    export = client.post(f"{company}/exports")
    told = why(client, client.post(f"{company}/exports"))
    assert (told["status"], told["run"]["run_id"], told["run"]["kind"]) == (409, export.body["run_id"], "export")
    assert operations(told) == ["poll_export", "start_export"]
