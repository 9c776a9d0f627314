"""Journey coverage: what a client has met, out of all that can be met, and that what is said to show an item does."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from conftest import Client
from hypothesis import given
from hypothesis import strategies as st

from mock_server import contract
from mock_server.journeys import TITLES, Item, every_fault, fault_name, known, met
from mock_server.player.play import moments
from mock_server.showings import Way, shown, ways
from mock_server.world import load_world

if TYPE_CHECKING:
    from mock_server.scenario import Play, Scenario

CONTRACT = contract.load()
SCENARIOS = load_world().scenarios
KNOWN = known(CONTRACT)
WAYS = ways(SCENARIOS, CONTRACT)
PLAYS = [
    pytest.param(scenario, play, id=f"{scenario.name}::{play.title}")
    for scenario in SCENARIOS.values()
    for play in scenario.plays
]
BY_PLAY = {item: way for item, way in WAYS.items() if way.play is not None and way.fault is None and way.dialect is None}
ASKED = {item: way for item, way in WAYS.items() if item not in BY_PLAY and way.play is not None}
BY_CODE = [item for item, way in WAYS.items() if way.play is None]
LIVE = "/api/v1/companies/4619b4f3-e1db-4d20-80b1-898d906683c2"
UNKNOWN = "00000000-0000-4000-8000-000000000000"


def journal(client: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/_mock/requests").body["requests"]
    return found


def covered(client: Client) -> Any:
    answered = client.get("/_mock/coverage")
    assert answered.status == 200, answered.text
    return answered.body


def met_in(coverage: Any) -> set[Item]:
    return {Item(group["group"], each["item"]) for group in coverage["groups"] for each in group["items"] if each["met"]}


def play_through(client: Client, scenario: Scenario, play: Play) -> None:
    """Go through the play; whether it is true is another test's affair."""
    list(moments(play, scenario, client.transport, client.wait))


def call(client: Client, operation: str, headers: dict[str, str]) -> None:
    """A call of the operation that needs nothing to be there."""
    route = CONTRACT.operations[operation]
    path = route.route.format(company_id=LIVE.rpartition("/")[2], run_id=UNKNOWN)
    client.send(route.method, path, b"{}" if route.method == "POST" else None, headers | {"x-api-key": str(client.key)})


# -- what can be met


def test_what_can_be_met_is_all_that_contract_and_faults_know() -> None:
    counts = {group: sum(item.group == group for item in KNOWN) for group in TITLES}
    assert counts == {
        "import_statuses": 6,
        "export_statuses": 4,
        "transitions": 10,
        "error_codes": 53,
        "patch_actions": 4,
        "questions": 5,
        "decisions": 4,
        "faults": 22,
    }
    assert len(set(KNOWN)) == len(KNOWN)


def test_each_fault_is_told_from_every_other() -> None:
    names = [fault_name(fault) for fault in every_fault()]
    assert {name.partition(":")[0] for name in names} >= {"delay", "lose", "twice", "stale", "page"}
    for fault in every_fault():
        text = f"{fault.what}: whatever it says" if fault.how is None else None
        found = met([an_exchange(fault=text or _told(fault), lost=True)], CONTRACT)
        assert found == {Item("faults", fault_name(fault))}


def _told(fault: Any) -> str:
    from mock_server.faults import told  # noqa: PLC0415

    return f"{told(fault)}; a remark"


def an_exchange(**given: Any) -> dict[str, Any]:
    part = {"headers": [], "body": "", "encoding": "utf-8", "size": 0, "cut": False}
    return {
        "method": "GET",
        "path": f"{LIVE}/imports",
        "operation": None,
        "run_id": None,
        "status": None,
        "lost": False,
        "fault": None,
        "turn": 1,
        "request": part,
        "answer": part,
    } | given


# -- what shows it


def test_everything_that_can_be_met_has_something_that_shows_it() -> None:
    assert set(WAYS) == set(KNOWN)
    assert all(way != Way() for way in WAYS.values())


def test_but_for_error_codes_it_is_a_play_of_a_built_in_scenario() -> None:
    for item, way in WAYS.items():
        assert way.play is not None or item.group == "error_codes", item
        if way.play is not None:
            assert way.scenario is not None
            assert way.play in [play.title for play in SCENARIOS[way.scenario].plays]


@pytest.mark.parametrize(("scenario", "play"), PLAYS)
def test_a_play_shows_what_is_worked_out_from_it(client: Client, scenario: Scenario, play: Play) -> None:
    play_through(client, scenario, play)
    assert shown(scenario, play) <= met(journal(client), CONTRACT)
    assert {item for item, way in BY_PLAY.items() if (way.scenario, way.play) == (scenario.name, play.title)} <= met_in(
        covered(client)
    )


@pytest.mark.parametrize("item", ASKED, ids=lambda item: item.name)
def test_a_fault_or_a_dialect_shows_what_no_play_shows_by_itself(client: Client, item: Item) -> None:
    way = ASKED[item]
    assert way.scenario is not None
    scenario = SCENARIOS[way.scenario]
    play = next(play for play in scenario.plays if play.title == way.play)
    if way.fault is not None:
        assert client.post("/_mock/faults", way.fault).status == 200
    if way.dialect is not None:
        assert client.put("/_mock/dialect", {"name": way.dialect}).status == 200
    play_through(client, scenario, play)
    assert item in met_in(covered(client))


def test_every_other_error_code_comes_of_a_fault_or_as_the_contracts_example(client: Client) -> None:
    for item in BY_CODE:
        way, operation = WAYS[item], item.name.split()[0]
        if way.fault is not None:
            assert client.post("/_mock/faults", way.fault).status == 200
        call(client, operation, {} if way.prefer is None else {"prefer": way.prefer})
    assert met_in(covered(client)) >= set(BY_CODE)


def test_a_client_that_goes_everywhere_has_met_everything(client: Client) -> None:
    everywhere = {item for one in (_all_met(), set(ASKED), set(BY_CODE)) for item in one}
    assert everywhere == set(KNOWN)


def _all_met() -> set[Item]:
    return {item for scenario in SCENARIOS.values() for play in scenario.plays for item in shown(scenario, play)}
