"""Faults: which calls each strikes and until when, how it is asked for at run time, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from breakages import PARK, ROWS, WORLD, break_with, gone
from conftest import Client

from mock_server.contract import document as contract
from mock_server.faults.kinds import FAULTS
from mock_server.preview.language import fault_targets

LOST_CREATE = f"/api/v1/companies/{WORLD.scenarios['lost-create'].ready.id}"


# Where, and until when


def statuses(client: Client, count: int, path: str = "/api/v1/sources") -> list[int]:
    return [client.get(path).status for _ in range(count)]


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ({}, [500] * 6),
        ({"times": 2}, [500, 500, 200, 200, 200, 200]),
        ({"call": 3}, [200, 200, 500, 200, 200, 200]),
        ({"call": 3, "times": 2}, [200, 200, 500, 500, 200, 200]),
        ({"every": 3}, [200, 200, 500, 200, 200, 500]),
        ({"every": 2, "times": 2}, [200, 500, 200, 500, 200, 200]),
        ({"chance": 0}, [200] * 6),
        ({"chance": 1}, [500] * 6),
        ({"operation": "list_templates"}, [200] * 6),
    ],
)
def test_which_calls_are_struck(client: Client, which: dict[str, Any], expected: list[int]) -> None:
    break_with(client, {"error": 500, **which})
    assert statuses(client, 6) == expected


def test_chance_is_drawn_from_the_seed_alike_in_every_session(server: str) -> None:
    seen = []
    for number in range(2):
        client = Client(server, f"chance-{number}")
        client.delete("/_mock/session")
        break_with(client, {"error": 500, "chance": 0.5}, {"error": 429, "chance": 0.5})
        seen.append(statuses(client, 40))
        client.close()
    assert seen[0] == seen[1]
    assert {500, 429, 200} == set(seen[0])


def test_a_fault_is_over_when_its_time_on_the_session_s_clock_is(client: Client) -> None:
    break_with(client, {"error": 500, "for": "10s"})
    assert statuses(client, 1) == [500]
    client.advance(by="9999ms")
    assert statuses(client, 1) == [500]
    client.advance(by="1ms")
    assert statuses(client, 1) == [200]
    assert client.get("/_mock/faults").body["faults"][0]["over"] is True


def test_a_fault_may_be_about_runs_of_one_status(client: Client) -> None:
    run = client.post(f"{PARK}/imports", ROWS).body["poll_url"]
    break_with(client, {"error": 500, "while": "needs_attention"})
    assert statuses(client, 2, run) == [200, 200]
    client.advance(by="1m")
    assert statuses(client, 2, run) == [500, 500]
    assert client.get("/api/v1/sources").status == 200


def test_of_several_faults_the_first_strikes_and_each_counts_for_itself(client: Client) -> None:
    break_with(client, {"error": 429, "call": 2}, {"error": 500, "every": 2})
    assert statuses(client, 5) == [200, 429, 200, 500, 200]


def test_a_call_that_does_not_arrive_uses_up_no_budget(client: Client) -> None:
    path = f"/api/v1/companies/{WORLD.scenarios['rate-limit'].ready.id}/imports"
    break_with(client, {"error": 429, "times": 3})
    assert statuses(client, 9, path) == [429] * 3 + [200] * 5 + [429]


def test_each_company_of_a_scenario_has_its_faults_for_itself(client: Client) -> None:
    gone(lambda: client.post(f"{LOST_CREATE}/imports", ROWS))
    source = client.get("/api/v1/sources").body["sources"][0]["id"]
    asked = {"name": "B", "source": source, "external_id": "lost-create--b"}
    company = client.post("/api/v1/companies", asked).body["company"]["id"]
    gone(lambda: client.post(f"/api/v1/companies/{company}/imports", ROWS))
    assert client.post(f"/api/v1/companies/{company}/imports", ROWS).status == 409
    told = client.get("/_mock/faults").body["faults"]
    assert [(each["scenario"], each["struck"], each["over"]) for each in told] == [("lost-create", 1, True)] * 2
    assert [each["company_id"] for each in told] == [LOST_CREATE.rpartition("/")[2], company]


def test_a_start_that_prefers_a_scenario_meets_its_faults(client: Client) -> None:
    headers = {"x-api-key": str(client.key), "prefer": "scenario=lost-create"}
    gone(lambda: client.send("POST", f"{PARK}/imports", json.dumps(ROWS).encode(), headers))
    assert client.get(f"{PARK}/imports?status=active").body["status"] == "queued"


def test_an_account_s_scenario_has_its_faults_where_there_is_no_company(client: Client) -> None:
    client.put("/_mock/scenario", {"name": "slow"})
    assert client.get("/api/v1/sources").headers["x-mock-fault"] == "delay=100"


# At run time


def test_faults_are_asked_for_added_told_and_taken_away(client: Client) -> None:
    assert client.get("/_mock/faults").body == {"faults": []}
    break_with(client, {"lose": "reset", "operation": "decide", "times": 2, "for": "1m"})
    added = client.post("/_mock/faults", {"delay": "1s", "up_to": "2s", "while": "running", "chance": 0.5})
    assert added.body["faults"] == [
        {
            "lose": "reset",
            "operation": "decide",
            "times": 2,
            "for": "60000ms",
            "says": "lose: the call is carried out, and its answer is lost: the connection is reset",
            "scenario": None,
            "company_id": None,
            "seen": 0,
            "struck": 0,
            "over": False,
        },
        {
            "delay": "1000ms",
            "up_to": "2000ms",
            "while": "running",
            "chance": 0.5,
            "says": "delay: the answer is held back for 1000 to 2000 ms",
            "scenario": None,
            "company_id": None,
            "seen": 0,
            "struck": 0,
            "over": False,
        },
    ]
    asked = [{name: value for name, value in each.items() if name in shown} for each in added.body["faults"]]
    assert client.put("/_mock/faults", {"faults": asked}).body == added.body
    assert client.delete("/_mock/faults").body == {"faults": []}
    break_with(client)
    break_with(client, {"error": 500})
    client.delete("/_mock/session")
    assert client.get("/_mock/faults").body == {"faults": []}


shown = {"lose", "delay", "up_to", "operation", "while", "call", "every", "chance", "times", "for"}

BAD: list[tuple[dict[str, Any], str]] = [
    ({"looose": "reset"}, "faults[0].looose: unknown member 'looose'; did you mean 'lose'?"),
    ({"lose": "rest"}, "'lose': expected one of these words, got the text 'rest'; did you mean 'reset'?"),
    ({"error": 418}, "got the number 418. Allowed here: 429, 500"),
    ({"error": 500, "operation": "start_imports"}, "faults[0].operation: 'operation': expected one of these words"),
    ({"error": 500, "operation": "start_imports"}, "did you mean 'start_import'?"),
    ({"error": 500, "page": 502}, "a fault has one verb; this one has 'error' and also 'page': each takes"),
    ({"operation": "decide"}, "faults[0]: a fault needs a verb, one of: delay, dribble"),
    ({}, "faults[0]: a fault needs a verb"),
    ({"error": 500, "up_to": "2s"}, "faults[0].up_to: 'up_to' does not belong to 'error'; it may have: operation"),
    ({"error": 500, "times": 0}, "faults[0].times: 'times': expected at least 1, got the number 0"),
    ({"error": 500, "times": "2"}, "expected a whole number, got the text '2'"),
    ({"error": 500, "chance": 2}, "faults[0].chance: 'chance': expected at most 1, got the number 2"),
    ({"error": 500, "every": 2, "chance": 0.5}, "'every' and 'chance' say two things about which calls"),
    ({"delay": 5}, "faults[0].delay: 'delay': expected a duration such as 500ms, 21s, 5m or 1h. Got the number 5"),
    ({"delay": "11m"}, "faults[0].delay: 'delay': expected at most 10m, got 660000 ms"),
    ({"delay": "1s", "up_to": "1h"}, "faults[0].up_to: 'up_to': expected at most 10m"),
    ({"delay": "2s", "up_to": "1s"}, "faults[0].up_to: 'up_to' is the longest delay, and shorter"),
    ({"stale": None, "operation": "decide"}, "'stale' cannot bend decide; it can: poll_import, poll_export"),
    ({"garble": None, "operation": "export_csv"}, "'garble' cannot bend export_csv"),
    ({"error": 500, "operation": "list_sources", "while": "running"}, "list_sources names none; these do: poll_import"),
    ({"error": 500, "while": "parked"}, "Allowed here: queued, running, needs_attention"),
    ({"content_type": "html"}, "expected a media type such as text/html. Got the text 'html'"),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "says"), BAD)
def test_a_mistaken_fault_is_refused_with_its_way_and_nothing_is_changed(
    client: Client, fault: dict[str, Any], says: str
) -> None:
    break_with(client, {"error": 500})
    before = client.get("/_mock/faults").body
    refused = client.put("/_mock/faults", {"faults": [fault]})
    assert refused.status == 400
    assert says in refused.body["error"]
    assert client.post("/_mock/faults", fault).status == 400
    assert client.get("/_mock/faults").body == before


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ([], "the body must be an object with faults"),
        ({}, 'expected {"faults": [...]}'),
        ({"fault": []}, "'fault' is not known here; known: faults"),
        ({"faults": {}}, "faults: 'faults': expected a list, got members"),
        ({"faults": [5]}, "faults[0]: 'faults': expected members, got the number 5"),
        ({"faults": [{"error": 500}] * 101}, "faults: expected at most 100 of them at a time, got 101"),
    ],
)
def test_a_body_of_another_shape_is_refused(client: Client, body: Any, says: str) -> None:
    refused = client.put("/_mock/faults", body)
    assert refused.status == 400
    assert says in refused.body["error"]


def test_there_is_an_end_to_adding_faults(client: Client) -> None:
    break_with(client, *[{"stale": None}] * 100)
    refused = client.post("/_mock/faults", {"stale": None})
    assert (refused.status, refused.body["error"][-7:]) == (400, "got 101")
    assert len(client.get("/_mock/faults").body["faults"]) == 100


def test_numbers_may_be_written_as_json_likes(client: Client) -> None:
    raw_body = b'{"faults": [{"page": 502.0, "times": 1.0}]}'
    headers = {"x-api-key": str(client.key)}
    assert client.send("PUT", "/_mock/faults", raw_body, headers).status == 200
    assert statuses(client, 2) == [502, 200]


def test_other_sessions_meet_no_faults(client: Client, server: str) -> None:
    break_with(client, {"error": 500})
    other = Client(server, f"{client.key}-other")
    assert statuses(other, 1) == [200]
    assert other.get("/_mock/faults").body == {"faults": []}
    assert client.get("/_mock/session").status == 200  # the operator's own calls are left alone
    other.close()


# Words


def test_every_operation_of_the_language_is_the_contract_s() -> None:
    schema = json.loads(contract.data("openapi", "scenario.schema.json").read_text())
    named = schema["definitions"]["fault"]["properties"]["operation"]["enum"]
    operations = contract.load().operations
    assert named == [*operations, "put_upload"]
    targets = fault_targets()
    assert set(targets["changing"]) == {name for name, each in operations.items() if each.method == "POST"}
    assert all(set(kind.bendable(targets) or ()) <= set(named) for kind in FAULTS.words.values())
    reads = ("list_sources", "list_templates", "list_imports", "poll_import", "poll_export")
    assert FAULTS.words["garble"].bendable(targets) == (*targets["changing"], *reads, "put_upload")
    assert FAULTS.words["stale"].bendable(targets) == ("poll_import", "poll_export", "list_imports")
    assert FAULTS.words["lose"].bendable(targets) == (*targets["changing"], "put_upload")


def test_every_fault_is_told_in_words() -> None:
    schema = json.loads(contract.data("openapi", "scenario.schema.json").read_text())
    for verb, kind in FAULTS.words.items():
        for value in schema["definitions"]["fault"]["properties"][verb].get("enum", [1]):
            text = str(kind(value))
            assert text.startswith(f"{verb}: ")
            assert "_" not in text.partition(": ")[2]


def test_what_loses_an_answer_is_among_the_faults() -> None:
    losing = [verb for verb, kind in FAULTS.words.items() if kind.loses]
    assert losing == ["reset", "truncate", "garble", "page", "lose"]
