"""A scenario's story at four paces: by the clock, a beat a poll, a step of the operator's, all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Client

SOURCE = "c37f1b60-8e92-4d1a-b5f4-70a6c2e8d933"
RE_PARK = "/api/v1/companies/39b5bb3e-35ba-47d5-91be-cc435addce86"
REJECT = "/api/v1/companies/5815524c-30df-4d99-8981-7ee248a573db"
EXPORTS = "/api/v1/companies/ce7f9110-e36e-46ae-a820-04f68730c57b"
LIVE = "/api/v1/companies/4619b4f3-e1db-4d20-80b1-898d906683c2"
DOCUMENTED = "/api/v1/companies/c0a8012e-4f1b-4d3a-9b2c-7e6f5a4b3c2d/imports/d4c3b2a1-9f8e-47d6-b5a4-c3d2e1f0a9b8"
ROWS = {"rows": [{"Email": "ada@example.com"}]}


def paced(client: Client, pace: str | None) -> None:
    assert client.put("/_mock/scenario", {"pace": pace}).body["pace"] == pace


def started(client: Client, company: str = RE_PARK) -> Any:
    made = client.post(f"{company}/imports", ROWS)
    assert (made.status, made.body["status"]) == (201, "queued")  # IMP-03, at every pace
    return made.body


def status(client: Client, run: Any) -> str:
    return str(client.get(run["poll_url"]).body["status"])


def decided(client: Client, run: Any, decision: str = "approve") -> str:
    taken = client.post(f"{run['poll_url']}/decisions", {"decision": decision})
    assert taken.status == 200, taken.text
    return str(taken.body["status"])


def polled(client: Client, run: Any, times: int) -> list[str]:
    return [status(client, run) for _ in range(times)]


# -- a beat a poll


def test_with_polls_each_poll_shows_the_next_beat(client: Client) -> None:
    paced(client, "polls")
    run = started(client)
    assert polled(client, run, 6) == ["queued", "running"] + ["needs_attention"] * 4
    assert decided(client, run) == "running"
    assert polled(client, run, 4) == ["running"] + ["needs_attention"] * 3
    assert decided(client, run) == "running"
    assert polled(client, run, 4) == ["running"] + ["completed"] * 3


def test_with_polls_nothing_but_polls_moves_the_run(client: Client) -> None:
    paced(client, "polls")
    run = started(client)
    assert polled(client, run, 1) == ["queued"]
    assert client.advance(by="5h")["changed"] == []
    assert client.advance(to="next")["next"] is None
    for _ in range(3):
        assert client.get(f"{RE_PARK}/imports?status=active").body["status"] == "queued"
        assert client.get(f"{RE_PARK}/imports").body["runs"][0]["status"] == "queued"
        assert client.get("/_mock/session").body["companies"][0]["runs"][0]["status"] == "queued"
    assert client.post(f"{run['poll_url']}/decisions", {"decision": "approve"}).status == 409
    assert polled(client, run, 1) == ["running"]


def test_with_polls_a_rejection_ends_the_run(client: Client) -> None:
    paced(client, "polls")
    run = started(client, REJECT)
    assert polled(client, run, 3)[-1] == "needs_attention"
    decided(client, run, "reject")
    assert polled(client, run, 4)[-1] == "failed"
    assert client.post(f"{REJECT}/imports", ROWS).status == 201


# -- a step of the operator's


def test_with_manual_each_step_is_a_beat(client: Client) -> None:
    paced(client, "manual")
    run = started(client)

    def step() -> str:
        return str(client.post(f"/_mock/runs/{run['run_id']}/step").body["status"])

    assert polled(client, run, 3) == ["queued"] * 3
    assert client.advance(by="5h")["changed"] == []
    assert step() == "running"
    assert polled(client, run, 3) == ["running"] * 3
    assert [step(), step(), step()] == ["needs_attention"] * 3  # there it waits for a decision
    assert decided(client, run) == "running"
    assert polled(client, run, 2) == ["running"] * 2
    assert step() == "needs_attention"
    decided(client, run)
    assert [step(), step()] == ["completed", "completed"]
    assert status(client, run) == "completed"


# -- all at once


def test_with_instant_only_decisions_are_waited_for(client: Client) -> None:
    paced(client, "instant")
    run = started(client)
    assert polled(client, run, 2) == ["needs_attention"] * 2
    assert decided(client, run) == "running"  # DEC-02, though it has gone on already
    assert polled(client, run, 2) == ["needs_attention"] * 2
    assert decided(client, run) == "running"
    assert status(client, run) == "completed"
    report = client.get(run["poll_url"]).body["report"]
    assert (report["inserted"], report["invalidCellCount"]) == (1450, 0)


def test_with_instant_a_rejection_is_final_at_once(client: Client) -> None:
    paced(client, "instant")
    run = started(client, REJECT)
    assert decided(client, run, "reject") == "failed"
    assert status(client, run) == "failed"


def test_with_instant_rows_of_one_s_own_are_there_at_once(client: Client) -> None:
    paced(client, "instant")
    for _ in range(3):
        assert status(client, started(client, LIVE)) == "completed"
    assert len(client.get(f"{LIVE}/imports").body["runs"]) == 3


# -- exports too


def an_export(client: Client) -> Any:
    made = client.post(f"{EXPORTS}/exports")
    assert (made.status, made.body["status"]) == (201, "queued")
    return made.body


def test_exports_go_at_the_same_pace(client: Client) -> None:
    paced(client, "polls")
    assert polled(client, an_export(client), 4) == ["queued", "running", "completed", "completed"]
    paced(client, "manual")
    run = an_export(client)
    assert polled(client, run, 2) == ["queued", "queued"]
    steps = [client.post(f"/_mock/runs/{run['run_id']}/step").body["status"] for _ in range(3)]
    assert steps == ["running", "completed", "completed"]
    paced(client, "instant")
    assert status(client, an_export(client)) == "completed"


def test_an_import_and_an_export_of_one_company_at_once(client: Client) -> None:
    paced(client, "instant")
    started(client, EXPORTS)
    report = client.get(an_export(client)["poll_url"]).body["report"]
    assert (report["total"], report["succeeded"], report["failed"]) == (23, 20, 3)
    assert sum(each["fields_confirmed"] is False for each in report["results"]) == 2


# -- choosing a pace


def test_a_pace_holds_for_the_runs_that_start_afterwards(client: Client) -> None:
    before = started(client, RE_PARK)
    paced(client, "manual")
    after = started(client, REJECT)
    assert [change["run_id"] for change in client.advance(by="1h")["changed"]] == [before["run_id"]] * 2
    assert status(client, after) == "queued"
    paced(client, "instant")
    assert status(client, after) == "queued"
    assert client.post(f"/_mock/runs/{after['run_id']}/step").status == 200


def test_a_pace_is_taken_back(client: Client) -> None:
    paced(client, "instant")
    paced(client, None)
    run = started(client)
    assert status(client, run) == "queued"
    client.advance(by="21s")
    assert status(client, run) == "needs_attention"


def test_name_and_pace_are_chosen_together(client: Client) -> None:
    put = client.put("/_mock/scenario", {"name": "re-park", "pace": "instant"})
    assert put.body == client.get("/_mock/scenario").body == {"name": "re-park", "pace": "instant"}
    made = client.post("/api/v1/companies", {"name": "Acme", "source": SOURCE}).body
    assert status(client, started(client, f"/api/v1/companies/{made['company']['id']}")) == "needs_attention"


@pytest.mark.parametrize("pace", ["polls", "manual", "instant"])
def test_a_run_of_any_pace_can_be_canceled_and_read_for_ever(client: Client, pace: str) -> None:
    paced(client, pace)
    run = started(client)
    assert client.post(f"/_mock/runs/{run['run_id']}/cancel").body["status"] == "canceled"
    assert polled(client, run, 3) == ["canceled"] * 3
    assert client.get(f"{RE_PARK}/imports?status=active").body == {"run": None}


@pytest.mark.parametrize("pace", ["polls", "manual", "instant"])
def test_a_refused_decision_moves_nothing(client: Client, pace: str) -> None:
    paced(client, pace)
    run = started(client)
    while client.get(f"{RE_PARK}/imports?status=active").body["status"] != "needs_attention":
        client.post(f"/_mock/runs/{run['run_id']}/step") if pace == "manual" else status(client, run)
    before = client.get(run["poll_url"]).received
    wrong = {"decision": "approve", "answers": [{"question_id": "fq9", "option_id": "a"}]}
    assert client.post(f"{run['poll_url']}/decisions", wrong).status == 400
    assert client.get(run["poll_url"]).received == before
    assert decided(client, run) == "running"


def test_the_ready_run_is_parked_whatever_the_session_s_pace(client: Client) -> None:
    client.put("/_mock/scenario", {"pace": "manual"})
    assert client.get(DOCUMENTED).body["status"] == "needs_attention"
    assert client.post(f"{DOCUMENTED}/decisions", {"decision": "approve"}).status == 200
    assert client.get(DOCUMENTED).body["status"] == "running"
    client.post(f"/_mock/runs/{DOCUMENTED.rpartition('/')[2]}/step")
    assert client.get(DOCUMENTED).body["status"] == "completed"
