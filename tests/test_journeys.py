"""Journey coverage: what a client has met, out of all that can be met, and that what is said to show an item does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import coverage_sources
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_server.contract import document as contract
from mock_server.coverage.items import Item, every_fault
from mock_server.faults.kinds import FAULTS as KINDS
from mock_server.preview.coverage_items import SOURCES, TITLES, coverage
from mock_server.preview.language import load_world
from mock_server.preview.partner import play_through

if TYPE_CHECKING:
    from conftest import Client

    from mock_server.scenarios.model import Play, Scenario

CONTRACT = contract.load()
SCENARIOS = load_world().scenarios
COVERAGE = coverage()
KNOWN = COVERAGE.items
WAYS = coverage_sources.work_out(SCENARIOS, KNOWN)
PLAYS = [
    pytest.param(scenario, play, id=f"{scenario.name}::{play.title}")
    for scenario in SCENARIOS.values()
    for play in scenario.plays
]
BY_PLAY = {
    item: way for item, way in WAYS.items() if way.play is not None and way.fault is None and way.dialect is None
}
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
    return {
        Item(group["group"], each["item"]) for group in coverage["groups"] for each in group["items"] if each["met"]
    }


def go_through(client: Client, scenario: Scenario, play: Play) -> None:
    """Go through the play; whether it is true is another test's affair."""
    list(play_through(play, scenario, client.transport, client.wait))


def call(client: Client, operation: str, headers: dict[str, str]) -> None:
    """A call of the operation that needs nothing to be there."""
    route = CONTRACT.operations[operation]
    path = route.route.format(company_id=LIVE.rpartition("/")[2], run_id=UNKNOWN)
    client.send(route.method, path, b"{}" if route.method == "POST" else None, headers | {"x-api-key": str(client.key)})


# -- what can be met


def test_what_can_be_met_is_all_that_contract_and_faults_know() -> None:
    counts = {group: sum(item.group == group for item in KNOWN) for group in TITLES}
    schema = json.loads(contract.data("openapi", "scenario.schema.json").read_text("utf-8"))
    members = schema["definitions"]["fault"]["properties"]
    assert counts == {
        "import_statuses": 6,
        "export_statuses": 4,
        "transitions": 10,
        "error_codes": 53,
        "patch_actions": 4,
        "questions": 5,
        "decisions": 4,
        "faults": sum(len(members[verb].get("enum", [None])) for verb in KINDS.words),
    }
    assert len(set(KNOWN)) == len(KNOWN)


def test_each_fault_is_told_from_every_other() -> None:
    for fault in every_fault():
        text = f"{fault.verb}: whatever it says" if fault.value is None else f"{fault}; a remark"
        assert names(an_exchange(fault=text, lost=True)) == {fault.name}


# -- what counts as met

PARKED = {
    "status": "needs_attention",
    "needs_attention": {
        "questions": [{"options": [{"id": "a"}], "allow_custom": True}, {"options": None, "allow_custom": True}],
        "proposed_patch": {"actions": [{"action": "keep"}, {"action": "invented"}]},
    },
}
JSON = [["content-type", "application/json; charset=utf-8"]]


def a_part(body: Any, **given: Any) -> dict[str, Any]:
    text = body if isinstance(body, str) else json.dumps(body)
    return {"headers": JSON, "body": text, "encoding": "utf-8", "size": len(text), "cut": False} | given


def an_exchange(body: Any = "", sent: Any = "", **given: Any) -> dict[str, Any]:
    """An exchange of the journal, as far as it matters here."""
    answer = {"method": "GET", "path": f"{LIVE}/imports", "operation": None, "run_id": None, "status": 200, "turn": 1}
    nothing = dict.fromkeys(("before", "after", "fault", "example", "in_flight"))
    return answer | nothing | {"lost": False, "request": a_part(sent), "answer": a_part(body)} | given


def a_poll(status: str, **given: Any) -> dict[str, Any]:
    return an_exchange({"status": status}, **({"operation": "poll_import", "run_id": "r"} | given))


def a_decision(sent: Any, **given: Any) -> dict[str, Any]:
    running = {"run_id": "r", "status": "running"}
    return an_exchange(running, sent, **({"operation": "decide", "run_id": "r", "status": 200} | given))


def names(*exchanges: dict[str, Any]) -> set[str]:
    """What was met, in the order of these exchanges."""
    return {item.name for item in COVERAGE.met([each | {"turn": turn} for turn, each in enumerate(exchanges)])}


def test_a_parked_run_shows_its_status_its_patch_and_its_questions() -> None:
    wanted = {"needs_attention", "keep", "with options and free text", "with free text", "several at a time"}
    assert names(an_exchange(PARKED, operation="poll_import")) == wanted
    assert names(an_exchange(PARKED, operation="list_imports")) == wanted


@pytest.mark.parametrize(
    "bent",
    [
        {"lost": True},
        {"status": 304},
        {"operation": "export_csv"},
        {"answer": a_part("<html>")},
        {"answer": a_part(PARKED, headers=[["content-type", "text/html"]])},
        {"answer": a_part("AAAA", encoding="base64")},
    ],
)
def test_what_did_not_come_or_cannot_be_read_was_not_met(bent: dict[str, Any]) -> None:
    assert names(an_exchange(PARKED, **({"operation": "poll_import"} | bent))) == set()


def test_of_an_answer_that_the_journal_has_cut_the_status_is_known() -> None:
    cut = an_exchange(operation="poll_export", before="completed", answer=a_part('{"stat', cut=True))
    assert COVERAGE.met([cut]) == {Item("export_statuses", "completed")}


@pytest.mark.parametrize("page", [{"runs": [{"run_id": "r", "status": "canceled"}]}, [{"status": "canceled"}]])
def test_the_history_shows_statuses_whatever_its_envelope(page: Any) -> None:
    assert names(an_exchange(page, operation="list_imports")) == {"canceled"}


def test_a_transition_is_what_was_shown_before_and_after_of_one_run() -> None:
    assert names(a_poll("queued"), a_poll("running")) == {"queued", "running", "queued -> running"}
    assert names(a_poll("queued"), a_poll("completed")) == {"queued", "completed"}
    assert names(a_poll("queued"), a_poll("running", run_id="other")) == {"queued", "running"}
    assert names(a_poll("queued"), a_poll("running", example="200 running")) == {"queued", "running"}
    assert "queued -> running" not in names(a_poll("queued", operation="poll_export"), a_poll("running"))


def test_a_decision_that_is_answered_tells_that_the_run_was_parked() -> None:
    assert "needs_attention -> running" in names(a_poll("queued"), a_decision({"decision": "approve"}))
    assert "needs_attention" not in names(a_poll("queued"), a_decision({"decision": "approve"}))


@pytest.mark.parametrize(
    ("sent", "kinds"),
    [
        ({"decision": "approve"}, {"approve"}),
        ({"decision": "approve", "answers": []}, {"approve"}),
        ({"decision": "approve", "answers": [{"question_id": "q", "option_id": "a"}]}, {"approve with an option"}),
        ({"decision": "approve", "answers": [{"question_id": "q", "custom": "x"}]}, {"approve with free text"}),
        ({"decision": "reject"}, {"reject"}),
        ("not JSON", set()),
        ([], set()),
    ],
)
def test_a_decision_counts_by_what_was_sent(sent: Any, kinds: set[str]) -> None:
    assert {item.name for item in COVERAGE.met([a_decision(sent)]) if item.group == "decisions"} == kinds


def test_a_decision_counts_when_it_was_taken_even_if_the_answer_was_lost() -> None:
    sent = {"decision": "reject"}
    assert "reject" not in names(a_decision(sent, status=409))
    assert "reject" not in names(a_decision(sent, example="200 taken"))
    assert "reject" in names(a_decision(sent, status=None, lost=True, before="needs_attention", after="failed"))
    assert "reject" not in names(
        a_decision(sent, status=None, lost=True, before="needs_attention", after="needs_attention")
    )


def test_an_error_code_counts_where_the_contract_documents_it() -> None:
    assert names(an_exchange(operation="decide", status=409)) == {"decide 409"}
    assert names(an_exchange(operation="poll_import", status=409)) == set()
    assert names(an_exchange(status=401)) == {"list_imports 401"}  # the journal does not look at a call without a key
    assert names(an_exchange(operation="decide", status=409, lost=True)) == set()  # the client hung up


# -- laws

STATUSES = st.sampled_from(["queued", "running", "needs_attention", "completed", "failed", "canceled", "unheard-of"])
MEMBERS = ["status", "run_id", "needs_attention", "questions", "proposed_patch", "actions", "action", "runs"]
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | STATUSES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*MEMBERS, "decision", "answers", "option_id"]), inner, max_size=4)
    ),
    max_leaves=12,
)
"""Bodies that look as if they were documented, and are not."""


def exchanges_of(session: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    """The journal of a session with two runs, whose ids no other session has."""
    run = st.sampled_from([f"{session}-1", f"{session}-2"])
    poll = st.builds(lambda run_id, status: a_poll(status, run_id=run_id), run, STATUSES)
    other = st.builds(
        lambda operation, status, body, sent: an_exchange(body, sent, operation=operation, status=status),
        st.sampled_from([*CONTRACT.operations, "put_upload", None]),
        st.sampled_from([None, 200, 201, 400, 401, 404, 409, 429, 500]),
        JSONS,
        JSONS,
    )
    return st.lists(poll | other, max_size=12).map(
        lambda journal: [each | {"turn": turn} for turn, each in enumerate(journal)]
    )


@given(exchanges_of("a"), exchanges_of("b"))
@settings(deadline=None)
def test_what_two_sessions_have_met_is_the_union(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> None:
    assert COVERAGE.met([*one, *other]) == COVERAGE.met(one) | COVERAGE.met(other)


@given(exchanges_of("a"))
@settings(deadline=None)
def test_one_more_exchange_never_takes_anything_away(journal: list[dict[str, Any]]) -> None:
    before: frozenset[Item] = frozenset()
    for count in range(len(journal) + 1):
        found = COVERAGE.met(journal[:count])
        assert before <= found <= set(KNOWN)
        before = found


@given(exchanges_of("a"))
@settings(deadline=None)
def test_the_order_in_which_a_journal_is_listed_does_not_count(journal: list[dict[str, Any]]) -> None:
    assert COVERAGE.met(reversed(journal)) == COVERAGE.met(journal)


# -- what shows it


def test_everything_that_can_be_met_has_something_that_shows_it() -> None:
    assert set(WAYS) == set(KNOWN)
    assert all(way != coverage_sources.Way() for way in WAYS.values())


def test_the_file_of_what_shows_each_item_is_up_to_date() -> None:
    assert SOURCES.read_text(encoding="utf-8") == coverage_sources.text(), "run `make tables`"


def test_but_for_error_codes_it_is_a_play_of_a_built_in_scenario() -> None:
    for item, way in WAYS.items():
        assert way.play is not None or item.group == "error_codes", item
        if way.play is not None:
            assert way.scenario is not None
            assert way.play in [play.title for play in SCENARIOS[way.scenario].plays]


def test_it_is_the_shortest_play_that_is_about_it() -> None:
    assert {name for names in coverage_sources.ABOUT.values() for name in names} <= SCENARIOS.keys()
    pairs = [(scenario, play) for scenario in SCENARIOS.values() for play in scenario.plays]
    for item, way in BY_PLAY.items():
        plays = [(each, play) for each, play in pairs if item in coverage_sources.shown(each, play)]
        about = [(each, play) for each, play in plays if coverage_sources.is_about(each, item)] or plays
        about = [pair for pair in about if not coverage_sources.is_refused(pair[1], item)] or about
        fewest = min(len(each.faults) for each, _ in about)
        ((chosen, length),) = (
            (each, len(play.steps)) for each, play in about if (each.name, play.title) == (way.scenario, way.play)
        )
        plain = coverage_sources.strange(chosen)
        alike = [len(play.steps) for each, play in about if coverage_sources.strange(each) == plain]
        assert (len(chosen.faults), length) == (fewest, min(alike)), item
    assert WAYS[Item("decisions", "reject")].scenario == "reject"


@pytest.mark.parametrize(("scenario", "play"), PLAYS)
def test_a_play_shows_what_is_worked_out_from_it(client: Client, scenario: Scenario, play: Play) -> None:
    go_through(client, scenario, play)
    assert coverage_sources.shown(scenario, play).keys() <= COVERAGE.met(journal(client))
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
    go_through(client, scenario, play)
    assert item in met_in(covered(client))


def test_every_other_error_code_comes_of_a_fault_or_as_the_contracts_example(client: Client) -> None:
    for item in BY_CODE:
        way, operation = WAYS[item], item.name.split()[0]
        if way.fault is not None:
            assert client.post("/_mock/faults", way.fault).status == 200
        call(client, operation, {} if way.prefer is None else {"prefer": way.prefer})
    assert met_in(covered(client)) >= set(BY_CODE)
