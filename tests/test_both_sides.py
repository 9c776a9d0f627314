"""Both sides of an exchange: what the client meant, what was done and what was lost, and the mock knows it all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from breakages import PARK, ROWS, WORLD, break_with, gone, sides

from mock_server.contract import document
from mock_server.preview import intents

if TYPE_CHECKING:
    from conftest import Client


def test_a_blind_repetition_is_told_from_a_second_intention(client: Client) -> None:
    break_with(client, {"lose": "reset", "operation": "start_import", "times": 1})
    gone(lambda: client.post(f"{PARK}/imports", ROWS))
    run = client.get(f"{PARK}/imports?status=active").body["run_id"]
    client.post(f"/_mock/runs/{run}/cancel")
    assert client.post(f"{PARK}/imports", ROWS).status == 201
    assert sides(client)["imports"] == {"calls": 2, "meant": 1, "created": 2, "lost": 1}


def test_who_has_looked_at_the_run_means_what_it_asks_for_next(client: Client) -> None:
    path = f"/api/v1/companies/{WORLD.scenarios['re-park'].ready.id}/imports"
    run = client.post(path, ROWS).body["poll_url"]
    client.advance(by="21s")
    break_with(client, {"lose": "reset", "operation": "decide", "times": 1})
    gone(lambda: client.post(f"{run}/decisions", {"decision": "approve"}))
    assert client.get(run).body["status"] == "running"
    client.advance(by="5s")
    assert client.post(f"{run}/decisions", {"decision": "approve"}).status == 200
    assert sides(client)["decisions"] == {"calls": 2, "meant": 2, "taken": 2, "lost": 1}


def test_a_replay_means_nothing_new_whatever_the_order_of_its_members(client: Client) -> None:
    break_with(client, {"lose": 504, "operation": "start_import", "times": 1})
    client.post(f"{PARK}/imports", {"rows": [{"Email": "a", "Name": "b"}], "idempotency_key": "k"})
    client.post(f"{PARK}/imports", {"idempotency_key": "k", "rows": [{"Name": "b", "Email": "a"}]})
    client.post(f"{PARK}/imports", {"idempotency_key": "k", "rows": [{"Name": "b", "Email": "a"}]})
    assert sides(client)["imports"] == {"calls": 3, "meant": 1, "created": 1, "lost": 1}


@pytest.mark.parametrize("more", [{}, {"idempotency_key": "k"}])
@pytest.mark.parametrize("which", ["first", "second"])
def test_what_is_done_is_meant_whatever_is_told_of_it(client: Client, which: str, more: dict[str, str]) -> None:
    break_with(client, {"twice": which, "operation": "start_import", "times": 1})
    client.post(f"{PARK}/imports", ROWS | more)
    run = client.get(f"{PARK}/imports?status=active").body["run_id"]
    client.post(f"/_mock/runs/{run}/cancel")
    assert client.post(f"{PARK}/imports", {"rows": [{"Email": "grace@example.com"}]}).status == 201
    assert sides(client)["imports"] == {"calls": 2, "meant": 2, "created": 2, "lost": 0}


def test_who_was_refused_and_asks_again_unread_means_the_same(client: Client) -> None:
    break_with(client, {"twice": "second", "operation": "start_import", "times": 1})
    assert client.post(f"{PARK}/imports", ROWS).status == 409
    run = client.get("/_mock/requests").body["requests"][0]["run_id"]
    client.post(f"/_mock/runs/{run}/cancel")
    assert client.post(f"{PARK}/imports", ROWS).status == 201
    assert sides(client)["imports"] == {"calls": 2, "meant": 1, "created": 2, "lost": 0}


@pytest.mark.parametrize("which", ["first", "second"])
def test_a_company_and_a_decision_that_are_delivered_twice_are_meant_once(client: Client, which: str) -> None:
    break_with(client, {"twice": which})
    source = client.get("/api/v1/sources").body["sources"][0]["id"]
    client.post("/api/v1/companies", {"name": "Acme", "source": source, "external_id": "re-park--acme"})
    company = client.get("/_mock/session").body["companies"][0]["id"]
    client.post(f"/api/v1/companies/{company}/imports", ROWS)
    run = f"/api/v1/companies/{company}/imports/{client.get('/_mock/requests').body['requests'][-1]['run_id']}"
    for _ in range(2):
        client.advance(by="30s")
        assert client.get(run).body["status"] == "needs_attention"
        client.post(f"{run}/decisions", {"decision": "approve"})
    assert sides(client)["companies"] == {"calls": 1, "meant": 1, "created": 1, "lost": 0}
    assert sides(client)["decisions"] == {"calls": 2, "meant": 2, "taken": 2, "lost": 0}
    assert client.get(run).body["status"] == "running"
    cause = client.get("/_mock/why/last").body["run"]["because"]
    assert (cause["what"], cause["by"]) == ("approved", client.get("/_mock/requests").body["requests"][-2]["id"])
    decisions = next(group for group in client.get("/_mock/coverage").body["groups"] if group["group"] == "decisions")
    assert [each["item"] for each in decisions["items"] if each["met"]] == ["approve"]


def test_a_replay_means_nothing_new_in_whatever_dialect(client: Client) -> None:
    client.put("/_mock/dialect", {"name": "replay-as-first"})
    for _ in range(2):
        assert client.post(f"{PARK}/imports", ROWS | {"idempotency_key": "k"}).status == 201
    client.send("POST", f"{PARK}/imports", b"{}", {"x-api-key": client.key or "", "prefer": "code=201"})
    assert sides(client)["imports"] == {"calls": 3, "meant": 1, "created": 1, "lost": 0}
    client.get(client.get("/_mock/requests").body["requests"][0]["path"] + "?status=active")
    assert client.get("/_mock/why/last").body["run"]["because"]["by"] == "1"


def test_a_company_of_the_world_is_not_one_that_the_client_made(client: Client) -> None:
    client.get(f"{PARK}/imports")
    assert sides(client)["companies"] == {"calls": 0, "meant": 0, "created": 0, "lost": 0}
    client.get(f"/api/v1/companies/{WORLD.scenarios['docs-example'].ready.id}/imports")
    assert sides(client)["imports"]["created"] == 0


@pytest.mark.parametrize("body", [b"{", b"[1", b"x" * 10, b'{"a": 1e999}'])
def test_an_odd_body_is_repeated_like_any_other(body: bytes) -> None:
    counted = intents.Intents(document.load())
    for lost in (True, True, False):
        counted.note(("start_import", "/p", body), None, 201, lost=lost, done=True)
    assert (counted.calls["start_import"], counted.meant["start_import"], counted.lost["start_import"]) == (3, 1, 2)


def test_the_journal_tells_what_the_client_does_not_know(client: Client) -> None:
    break_with(client, {"lose": "reset", "operation": "start_import"}, {"stale": None}, {"truncate": "right_length"})
    gone(lambda: client.post(f"{PARK}/imports", ROWS))
    client.get("/api/v1/sources")
    client.advance(by="1m")
    lost, cut = client.get("/_mock/requests").body["requests"]
    run = client.get("/_mock/session").body["companies"][0]["runs"][0]["run_id"]
    assert (lost["status"], lost["lost"], lost["run_id"]) == (None, True, run)
    assert lost["fault"] == "lose: the call is carried out, and its answer is lost: the connection is reset"
    assert (cut["status"], cut["lost"]) == (200, True)
    assert cut["fault"] == "truncate: the answer's body is cut off, under a Content-Length that fits"
    client.get(f"{PARK}/imports/{run}")
    stale = client.get("/_mock/requests").body["requests"][-1]
    assert stale["fault"].endswith("; it shows running, and the run is needs_attention")
    assert (stale["lost"], stale["status"]) == (False, 200)
