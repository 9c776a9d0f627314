"""Every play of every scenario is true of the mock, over real HTTP and on a clock that only the play moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from conftest import Client

from mock_server.player.play import value_difference
from mock_server.preview.language import load_world
from mock_server.preview.partner import action_of, play_through
from mock_server.preview.steps import STEPS
from mock_server.scenarios.model import Play, Scenario

if TYPE_CHECKING:
    from mock_server.player.play import PlayedStep

SCENARIOS = load_world().scenarios
PLAYS = [
    pytest.param(scenario, play, id=f"{scenario.name}::{play.title}")
    for scenario in SCENARIOS.values()
    for play in scenario.plays
]


def played(client: Client, scenario: Scenario, play: Play, company: str | None = None) -> list[PlayedStep]:
    return list(play_through(play, scenario, client.transport, client.wait, company=company))


def told(played: list[PlayedStep]) -> str:
    """Each difference with the line of its step."""
    return "\n".join(f"line {each.step.line}, {each.step.verb}: {text}" for each in played for text in each.differences)


def a_play(*steps: tuple[str, object, dict[str, object]]) -> Play:
    return Play(
        "made for a test",
        tuple(STEPS.words[verb](value, given, line) for line, (verb, value, given) in enumerate(steps)),
    )


@pytest.mark.parametrize(("scenario", "play"), PLAYS)
def test_the_play_is_true(client: Client, scenario: Scenario, play: Play) -> None:
    seen = played(client, scenario, play)
    assert not told(seen), f"{scenario.path}\n{told(seen)}"
    assert len(seen) == len(play.steps)


@pytest.mark.parametrize("name", ["re-park", "reject", "export-partly-fails"])
def test_a_provisioned_company_has_the_scenario_of_its_external_id(client: Client, name: str) -> None:
    source = client.get("/api/v1/sources").body["sources"][0]["id"]
    destination = {"base_url": "https://destination.example", "auth": {"token": "secret"}}
    for number, play in enumerate(SCENARIOS[name].plays, 1):
        wanted = {"name": f"Play {number}", "source": source, "external_id": f"{name}--play-{number}"}
        made = client.post("/api/v1/companies", wanted | {"connections": {"destination": destination}})
        seen = played(client, SCENARIOS[name], play, made.body["company"]["id"])
        assert not told(seen), f"{play.title}\n{told(seen)}"


def test_a_false_figure_is_told_with_what_was_expected_and_what_came(client: Client) -> None:
    scenario = SCENARIOS["re-park"]
    play = a_play(("start", None, {}), ("wait", "21s", {}), ("see", "needs_attention", {"flagged": 13, "questions": 1}))
    assert told(played(client, scenario, play)) == "line 2, see: flagged: expected 13, got 12"


def test_a_false_status_is_told(client: Client) -> None:
    play = a_play(("start", None, {}), ("see", "completed", {}))
    assert told(played(client, SCENARIOS["re-park"], play)) == "line 1, see: status: expected completed, got queued"


def test_a_missing_refusal_is_told_with_the_answer(client: Client) -> None:
    play = a_play(("start", None, {"refused": 409}))
    assert "expected 409, got 201" in told(played(client, SCENARIOS["re-park"], play))


def test_a_play_that_cannot_go_on_stops_with_the_reason(client: Client) -> None:
    play = a_play(("start", None, {}), ("lose", None, {}), ("see", "queued", {}), ("see", "running", {}))
    seen = played(client, SCENARIOS["re-park"], play)
    assert len(seen) == 3
    assert told(seen).startswith("line 2, see: no run id")


def test_a_question_that_is_not_asked_stops_the_play(client: Client) -> None:
    answer = {"question": "Email", "option": "keep"}
    play = a_play(("start", None, {}), ("wait", "21s", {}), ("approve", None, {"answers": [answer]}))
    seen = played(client, SCENARIOS["re-park"], play)
    assert told(seen) == "line 2, approve: question: expected one about Email; the run asks about Status"


def test_a_server_that_is_gone_stops_the_play(key: str) -> None:
    scenario = SCENARIOS["re-park"]
    seen = played(Client("http://127.0.0.1:9", key), scenario, scenario.plays[0])
    assert len(seen) == 1
    assert told(seen).startswith("line ")
    assert "no answer: ConnectionRefusedError" in told(seen)


@pytest.mark.parametrize(
    ("label", "action"),
    [
        ("Map all to 'Open'", "set_value"),
        ("Clear these cells", "set_value"),
        ("Remove these rows", "delete_invalid_rows"),
        ("Keep the first row of each", "dedup_keep_first"),
        ("Keep these rows flagged", "keep"),
        ("Something else", None),
    ],
)
def test_an_option_is_known_by_its_label(label: str, action: str | None) -> None:
    assert action_of(label) == action


def test_differences_name_both_sides() -> None:
    assert value_difference("rows", 3, 3) == []
    assert value_difference("actions", ("keep",), ["keep"]) == []
    assert value_difference("actions", ["keep"], []) == ["actions: expected keep, got none"]
    assert value_difference("error", "two words", None) == ['error: expected "two words", got nothing']


def test_every_scenario_has_a_ready_company_of_its_own() -> None:
    companies = [scenario.ready.id for scenario in SCENARIOS.values()]
    assert len(set(companies)) == len(companies)
