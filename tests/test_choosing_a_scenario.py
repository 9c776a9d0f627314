"""How a caller chooses what happens: the Prefer header, then the company, then the session, then the server."""

from __future__ import annotations

from contextlib import closing, suppress
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from conftest import Client

from mock_server.player.process import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mock_server.player.transport import Call

SOURCE = "c37f1b60-8e92-4d1a-b5f4-70a6c2e8d933"
COMPANIES = "8c2d7e40-5b19-4a6f-8e03-2f9a1c6d4b57"  # the template of that name
LIVE = "4619b4f3-e1db-4d20-80b1-898d906683c2"
STRAIGHT_THROUGH = "51dbefc3-1d9b-4207-9e9c-8b5de85832c8"
ROWS = {"rows": [{"Email": "ada@example.com"}]}


def provisioned(client: Client, external_id: str | None = None, **members: object) -> str:
    """The id of a new company."""
    wanted = {"name": f"Acme {uuid4()}", "source": SOURCE} | members
    made = client.post("/api/v1/companies", wanted | ({"external_id": external_id} if external_id else {}))
    assert made.status == 201, made.text
    return str(made.body["company"]["id"])


def start(client: Client, company: str, prefer: str | None = None, body: object = None) -> Call:
    headers = {"prefer": prefer} if prefer is not None else {}
    with closing(Client(client.url, client.key, headers)) as asking:
        return asking.post(f"/api/v1/companies/{company}/imports", body or ROWS)


def played(client: Client, company: str, prefer: str | None = None) -> str:
    """The scenario of an import that is started so."""
    started = start(client, company, prefer)
    assert started.status == 201, started.text
    run_id = started.body["run_id"]
    for known in client.get("/_mock/session").body["companies"]:
        for run in known["runs"]:
            if run["run_id"] == run_id:
                client.post(f"/_mock/runs/{run_id}/cancel")
                return str(run["scenario"])
    raise AssertionError(f"the session does not show run {run_id}")


def chosen(client: Client, **members: Any) -> Call:
    return client.put("/_mock/scenario", members)


# -- each way


def test_without_a_choice_it_is_the_server_s(client: Client) -> None:
    assert client.get("/_mock/scenario").body == {"name": "live", "pace": None}
    assert played(client, provisioned(client)) == "live"


def test_the_session_s_choice_holds_for_companies_without_one(client: Client) -> None:
    before = provisioned(client)
    assert chosen(client, name="park").body == {"name": "park", "pace": None}
    assert client.get("/_mock/scenario").body == {"name": "park", "pace": None}
    assert played(client, before) == "park"
    assert played(client, provisioned(client, "acme-42")) == "park"


def test_every_scenario_has_a_ready_company(client: Client) -> None:
    listed = client.get("/_mock/scenarios").body["scenarios"]
    assert len(listed) >= 18
    chosen(client, name="park")
    for scenario in listed:
        active = client.get(f"/api/v1/companies/{scenario['company_id']}/imports?status=active").body
        if "run_id" in active:  # it waits there already
            client.post(f"/_mock/runs/{active['run_id']}/cancel")
        for _ in range(3):  # faults may keep the first ones away, or their answers
            with suppress(OSError, HTTPException):
                start(client, scenario["company_id"])
        shown = {each["id"]: each for each in client.get("/_mock/session").body["companies"]}
        runs = shown[scenario["company_id"]]["runs"]
        assert {run["scenario"] for run in runs} == {scenario["name"]}
        assert len(runs) == 1 + ("run_id" in active)


@pytest.mark.parametrize("external_id", ["re-park", "re-park--anything", "re-park--", "re-park--a--b", "re-park---x"])
def test_an_external_id_that_begins_with_a_scenario_s_name_chooses_it(client: Client, external_id: str) -> None:
    assert played(client, provisioned(client, external_id)) == "re-park"


@pytest.mark.parametrize(
    "external_id",
    ["no-such--x", "re-park-x", "re-parks", "Re-Park", "x--re-park", "--re-park", "re_park--x", "repark--1"],
)
def test_any_other_external_id_is_an_ordinary_one(client: Client, external_id: str) -> None:
    company = provisioned(client, external_id)
    assert played(client, company) == "live"


@pytest.mark.parametrize(
    "prefer",
    [
        "scenario=re-park",
        'scenario="re-park"',
        "Scenario=re-park",
        "scenario = re-park",
        "respond-async, wait=10, scenario=re-park",
        "scenario=re-park; colour=blue",
        "scenario=re-park, scenario=park",
    ],
)
def test_a_preference_chooses_for_one_import_and_is_said_to_be_applied(client: Client, prefer: str) -> None:
    started = start(client, provisioned(client), prefer)
    assert started.status == 201
    assert started.headers["preference-applied"] == "scenario=re-park"
    assert client.get("/_mock/session").body["companies"][0]["runs"][0]["scenario"] == "re-park"


@pytest.mark.parametrize("prefer", [None, "", "respond-async", "scenarios=re-park", ",,;=", "wait=5; scenario=re-park"])
def test_other_preferences_are_left_alone(client: Client, prefer: str | None) -> None:
    started = start(client, LIVE, prefer)
    assert started.status == 201
    assert "preference-applied" not in started.headers


def test_a_preference_does_not_stick(client: Client) -> None:
    company = provisioned(client)
    assert played(client, company, "scenario=straight-through") == "straight-through"
    assert played(client, company) == "live"
    assert client.get("/_mock/scenario").body == {"name": "live", "pace": None}


def test_a_run_keeps_the_scenario_that_it_was_started_with(client: Client) -> None:
    """RUN-10."""
    company = provisioned(client)
    run = start(client, company, "scenario=straight-through").body
    chosen(client, name="reject")
    client.advance(by="1h")
    assert client.get(run["poll_url"]).body["status"] == "completed"


def test_an_import_that_is_found_by_its_key_is_what_it_was(client: Client) -> None:
    body = ROWS | {"idempotency_key": "k"}
    first = start(client, LIVE, "scenario=re-park", body)
    again = start(client, LIVE, "scenario=park", body)
    assert (first.status, again.status) == (201, 200)
    assert again.body["run_id"] == first.body["run_id"]
    assert client.get("/_mock/session").body["companies"][0]["runs"][0]["scenario"] == "re-park"


# -- precedence


@pytest.mark.parametrize(
    ("prefer", "company", "session", "expected"),
    [
        ("park", "re-park--x", "dedup", "park"),
        ("park", None, "dedup", "park"),
        ("park", "re-park--x", None, "park"),
        ("park", None, None, "park"),
        (None, "re-park--x", "dedup", "re-park"),
        (None, "re-park--x", None, "re-park"),
        (None, None, "dedup", "dedup"),
        (None, None, None, "live"),
        ("live", "re-park--x", "dedup", "live"),
    ],
)
def test_the_closer_choice_wins(
    client: Client, prefer: str | None, company: str | None, session: str | None, expected: str
) -> None:
    if session is not None:
        chosen(client, name=session)
    assert played(client, provisioned(client, company), f"scenario={prefer}" if prefer else None) == expected


def test_a_preference_wins_over_a_ready_company(client: Client) -> None:
    chosen(client, name="dedup")
    assert played(client, STRAIGHT_THROUGH, "scenario=reject") == "reject"
    assert played(client, STRAIGHT_THROUGH) == "straight-through"


@pytest.fixture(scope="module")
def parks() -> Iterator[str]:
    """A server that plays `park` when nothing else was chosen."""
    with running("--speed", "0", "--scenario", "park") as process:
        yield process.url


def test_the_server_s_choice_comes_last(parks: str, key: str) -> None:
    with closing(Client(parks, key)) as client:
        assert client.get("/_mock/scenario").body == {"name": "park", "pace": None}
        ordinary = provisioned(client)
        assert played(client, ordinary) == "park"
        assert played(client, provisioned(client, "re-park--x")) == "re-park"
        assert played(client, LIVE) == "live"
        chosen(client, name="dedup")
        assert played(client, ordinary) == "dedup"
        assert played(client, ordinary, "scenario=live") == "live"
        client.delete("/_mock/session")
        assert client.get("/_mock/scenario").body["name"] == "park"


# -- what there is not


@pytest.mark.parametrize(
    ("name", "nearest"), [("re-parc", "re-park"), ("straight", "straight-through"), ("Park", "park"), ("live ", "live")]
)
def test_an_unknown_name_is_refused_with_the_list_and_the_nearest(client: Client, name: str, nearest: str) -> None:
    company = provisioned(client)
    for refused in (start(client, company, f'scenario="{name}x"'), chosen(client, name=name)):
        assert refused.status == 400
        assert list(refused.body) == ["error"]
        assert f"did you mean '{nearest}'?" in refused.body["error"]
        assert all(known in refused.body["error"] for known in ("live", "park", "re-park", "export-partly-fails"))
    assert client.get(f"/api/v1/companies/{company}/imports").body["runs"] == []
    assert client.get("/_mock/scenario").body == {"name": "live", "pace": None}


@pytest.mark.parametrize("prefer", ["scenario=", "scenario", "scenario=zzz", "scenario=../park", "scenario=live\xff"])
def test_a_preference_for_nothing_is_refused_and_uses_up_no_key(client: Client, prefer: str) -> None:
    body = ROWS | {"idempotency_key": "k"}
    refused = start(client, LIVE, prefer, body)
    assert refused.status == 400
    assert "Prefer" in refused.body["error"]
    assert "preference-applied" not in refused.headers
    assert client.get(f"/api/v1/companies/{LIVE}/imports").body["runs"] == []
    assert start(client, LIVE, None, {"rows": [{"Email": "b@example.com"}], "idempotency_key": "k"}).status == 201


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"name": None}, ("no scenario",)),
        ({"name": 5}, ("'5'",)),
        ({"name": ["park"]}, ("no scenario",)),
        ({"name": "park", "pace": "fast"}, ("pace", "time", "polls", "manual", "instant", "'fast'")),
        ({"pace": 5}, ("pace", "5")),
        ({"nam": "park"}, ("'nam'", "name, pace")),
    ],
)
def test_a_wrong_choice_changes_nothing(client: Client, members: dict[str, object], words: tuple[str, ...]) -> None:
    refused = chosen(client, **members)
    assert refused.status == 400
    assert all(word in refused.body["error"] for word in words), refused.body["error"]
    assert client.get("/_mock/scenario").body == {"name": "live", "pace": None}


def test_a_company_without_the_sheet_that_a_scenario_fills_is_refused(client: Client) -> None:
    wanted = {"name": "Acme", "source": SOURCE, "template_ids": [COMPANIES]}
    refused = client.post("/api/v1/companies", wanted | {"external_id": "park--x"})
    assert refused.status == 400
    assert all(word in refused.body["error"] for word in ("'park'", "Contacts", "template_ids"))
    assert client.get("/_mock/session").body["companies"] == []
    company = provisioned(client, "acme", template_ids=[COMPANIES])
    refused = start(client, company, "scenario=park")
    assert refused.status == 400
    assert all(word in refused.body["error"] for word in ("'park'", "Contacts"))
    assert client.get(f"/api/v1/companies/{company}/imports").body["runs"] == []
    assert start(client, company, None, {"rows": [{"Name": "Acme"}]}).status == 201
