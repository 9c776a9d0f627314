"""The client's report card: nothing about a client that does well, and exactly what another one does wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from clients import sloppy
from clients.exemplary import Exemplary
from clients.sloppy import Desk
from conftest import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.audit import RULES, audit
from conformance.model.clauses import load as clauses_of_all
from conformance.preview.client_rules import RULES as PREVIEW
from mock_server.player.process import running
from mock_server.preview.beats import Park, Review
from mock_server.preview.language import load_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from mock_server.scenarios.model import Scenario

SCENARIOS = load_world().scenarios
CSV = b"Name,Email,Status\r\nAda,ada@example.com,Open\r\nGrace,grace@example.com,closed\r\nNobody,,Open\r\n"


COMPANY = "/api/v1/companies/c"
CALLS = (
    ("start_import", f"{COMPANY}/imports"),
    ("list_imports", f"{COMPANY}/imports"),
    ("poll_import", f"{COMPANY}/imports/r"),
    ("decide", f"{COMPANY}/imports/r/decisions"),
    ("request_upload", f"{COMPANY}/uploads"),
    ("put_upload", "/uploads/…"),
    ("provision_company", "/api/v1/companies"),
    ("start_export", f"{COMPANY}/exports"),
)
MEMBERS = [
    *("run_id", "status", "poll_url", "needs_attention", "questions", "id", "options", "allow_custom", "label"),
    *("decision", "answers", "question_id", "option_id", "custom", "idempotency_key", "files", "rows", "runs", "run"),
    *("upload_ref", "content_type", "company", "external_id", "name"),
]


@pytest.fixture
def waiting(client: Client) -> Callable[[float], None]:
    """Waiting as a client does it, in the session's time."""
    return lambda seconds: client.wait(round(seconds * 1_000))


def steering(client: Client) -> Callable[[str, str, Any], Any]:
    """The admin API as a sloppy client's desk takes it."""

    def steer(method: str, path: str, body: Any) -> Any:
        said = client.transport.call(method, f"/_mock/{path}", body)
        assert said.status == 200, said.text
        return said.body

    return steer


def parks(scenario: Scenario) -> bool:
    """Whether its imports may stop for a decision."""
    return any(isinstance(beat, (Park, Review)) for beat in scenario.run)


def card(client: Client, query: str = "") -> Any:
    """The report card of the client's session."""
    said = client.get(f"/_mock/audit{query}")
    assert said.status == 200, said.text
    return said.body


def told(findings: list[dict[str, Any]]) -> str:
    return "\n".join(
        f"{each['code']} {each['exchanges']}: {each['happened']} {each['measured'] or ''}" for each in findings
    )


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_an_exemplary_client_gets_no_finding(
    client: Client, key: str, waiting: Callable[[float], None], scenario: str
) -> None:
    serve_well(client, Exemplary(client.url, key, waiting), scenario)


@pytest.mark.parametrize("scenario", [name for name, each in SCENARIOS.items() if parks(each)])
def test_nor_does_one_that_rejects(client: Client, key: str, waiting: Callable[[float], None], scenario: str) -> None:
    serve_well(client, Exemplary(client.url, key, waiting, decision="reject"), scenario)


@pytest.mark.parametrize("dialect", ["minimal", "extended", "random:1", "random:2", "random:3"])
@pytest.mark.parametrize("scenario", ["re-park", "lost-create", "flaky-network", "rate-limit-storm", "live"])
def test_nor_does_one_that_is_told_so_in_another_dialect(
    client: Client, key: str, waiting: Callable[[float], None], scenario: str, dialect: str
) -> None:
    steering(client)("PUT", "dialect", {"name": dialect})
    serve_well(client, Exemplary(client.url, key, waiting), scenario)
    assert card(client)["dialect"] == dialect


def serve_well(client: Client, exemplary: Exemplary, scenario: str) -> None:
    """Everything that a partner does in a company of the scenario, done well; the card has nothing to say about it."""
    with exemplary as partner:
        made = partner.provision(f"Acme {scenario}", f"{scenario}--acme")
        company, sheets = made["company"]["id"], made["sheets"]
        file = partner.upload(company, "contacts.csv", "text/csv", CSV)
        state = partner.follow(partner.start(company, "import-1", files=[file]))
        if state["status"] == "completed":
            partner.download(company, sheets[0]["id"])
            partner.export(company, "export-1")
        again = partner.follow(partner.start(company, "import-2", rows=[{"Email": "ada@example.com"}]))  # IMP-11
    found = card(client)
    assert not found["findings"], told(found["findings"])
    assert found["clean"]
    assert {state["status"], again["status"]} <= {"completed", "failed", "canceled"}


def do_sloppily(client: Client, exemplary: Exemplary, key: str, code: str) -> None:
    """What the sloppy client of that rule does."""
    name = code.replace("-", "_")
    scenario = sloppy.SCENARIO.get(name, "park")
    with exemplary as partner:
        made = partner.provision("Acme", f"{scenario}--acme")
        getattr(sloppy, name)(Desk(partner, key, f"{scenario}--acme", made["company"]["id"], steering(client)))


@pytest.mark.parametrize("code", RULES)
def test_a_sloppy_client_gets_exactly_its_finding(
    client: Client, key: str, waiting: Callable[[float], None], code: str
) -> None:
    do_sloppily(client, Exemplary(client.url, key, waiting), key, code)
    found = card(client)["findings"]
    assert {each["code"] for each in found} == {code}, told(found)
    rule = RULES[code]
    for each in found:
        assert (each["clause"], each["expected"], each["mend"]) == (rule.clause, rule.expected, rule.mend)
        assert each["exchanges"]
        assert each["happened"]
        assert (each["measured"] is None) == (rule.measures is None)


def test_an_exemplary_client_looks_up_what_runs_when_it_meets_a_409(
    client: Client, key: str, waiting: Callable[[float], None]
) -> None:
    with Exemplary(client.url, key, waiting) as partner:
        company = partner.provision("Acme", "conflict--acme")["company"]["id"]
        partner.start(company, "a colleague's", rows=[{"Email": "ada@example.com"}])
        own = partner.start(company, "import-1", rows=[{"Email": "grace@example.com"}])
        assert partner.follow(own)["status"] == "completed"
    assert [each["status"] for each in client.get("/_mock/requests?operation=start_import").body["requests"]] == [
        201,
        409,
        201,
    ]
    assert not card(client)["findings"]


def test_rules_about_time_are_errors_only_where_the_clock_is_the_test_s(
    client: Client, key: str, waiting: Callable[[float], None]
) -> None:
    with Exemplary(client.url, key, waiting) as partner:
        company = partner.provision("Acme", "park--acme")["company"]["id"]
        sloppy.polls_too_fast(Desk(partner, key, "park--acme", company, steering(client)))
    exchanges = client.get("/_mock/requests").body["requests"]
    weights = {
        clock: [each.severity for each in audit(exchanges, clock=clock)] for clock in ("frozen", "scaled", "real")
    }
    assert weights == {"frozen": ["error"], "scaled": ["error"], "real": ["warning"]}
    assert card(client)["counts"] == {"error": 1, "warning": 0, "note": 0}
    steering(client)("PUT", "clock", {"mode": "real"})
    assert card(client)["counts"] == {"error": 0, "warning": 1, "note": 0}


CLOSING = [code for code, rule in RULES.items() if rule.closing]


@pytest.mark.parametrize("code", CLOSING)
def test_nothing_is_said_of_what_has_not_come_while_a_client_goes_on(
    client: Client, key: str, waiting: Callable[[float], None], code: str
) -> None:
    do_sloppily(client, Exemplary(client.url, key, waiting), key, code)
    assert card(client, "?ongoing=true")["clean"]


def test_a_rule_can_be_left_out(client: Client, key: str, waiting: Callable[[float], None]) -> None:
    do_sloppily(client, Exemplary(client.url, key, waiting), key, "loops-on-409")
    found = card(client, "?without=loops-on-409,no-key")
    assert (found["findings"], found["without"]) == ([], ["loops-on-409", "no-key"])


def test_a_run_whose_beginning_is_forgotten_may_have_been_read(
    client: Client, key: str, waiting: Callable[[float], None]
) -> None:
    with Exemplary(client.url, key, waiting) as partner:
        company = partner.provision("Acme", "park--acme")["company"]["id"]
        desk = Desk(partner, key, "park--acme", company, steering(client))
        run = desk.start()
        desk.parked(run)
        client.delete("/_mock/requests")
        desk.decide(run)
        desk.done(run)
    found = card(client)
    assert not found["findings"], told(found["findings"])
    assert found["forgotten"]


def test_calls_without_a_key_are_those_of_the_only_session_there_ever_was() -> None:
    with running("--speed", "0") as process:
        stray, mine, other = (Client(process.url, key) for key in (None, "key-1", "key-2"))
        stray.get("/api/v1/sources")
        assert [each["code"] for each in card(mine)["findings"]] == ["no-key"]
        mine.delete("/_mock/session")
        assert [each["code"] for each in card(mine)["findings"]] == ["no-key"]
        assert not card(other)["findings"]
        assert not card(mine)["findings"]
        for each in (stray, mine, other):
            each.close()


def test_the_judge_of_clients_is_light() -> None:
    heavy = "httpx2 httpcore2 schemathesis hypothesis jinja2 yaml starlette uvicorn click orjson asyncio mock_server"
    program = f"import conformance.audit.card, sys; print([name for name in {heavy.split()} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_every_clause_of_clients_is_judged_or_has_a_reason() -> None:
    clauses = clauses_of_all()
    judged = {rule.clause for rule in RULES.values()}
    owed = {clause.id for clause in clauses.values() if clause.actor != "server"}
    assert judged <= set(clauses)
    assert owed - judged == {clause.id for clause in clauses.values() if clause.no_rule}
    assert list(RULES) == list(PREVIEW.texts), (
        "the rules are registered in the order of rules.toml, and all of them are"
    )


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=6),
    max_leaves=12,
)


@settings(deadline=None, max_examples=150)
@given(
    st.lists(
        st.tuples(st.sampled_from(CALLS), st.sampled_from([None, 200, 201, 400, 409, 429, 500]), ANY_JSON, ANY_JSON)
    )
)
def test_no_exchange_of_whatever_content_breaks_the_judge(
    calls: list[tuple[tuple[str, str], int | None, Any, Any]],
) -> None:
    exchanges = [_exchange(number, *call) for number, call in enumerate(calls, 1)]
    for finding in audit(exchanges, clock="frozen"):
        assert finding.exchanges


def _exchange(number: int, call: tuple[str, str], status: int | None, asked: Any, told: Any) -> dict[str, Any]:
    """An exchange of a journal in which everything that a client or a fault can choose is as given."""
    operation, path = call
    shown = {"headers": [["content-type", "application/json"]], "encoding": "utf-8", "size": 1, "cut": False}
    return {
        "id": str(number), "number": number, "at": "2026-06-15T09:00:00.000Z", "real": number, "ended": number,
        "method": "GET" if operation.startswith(("poll", "list")) else "POST", "path": path, "query": "status=active",
        "operation": operation, "company_id": "c", "run_id": None if operation == "list_imports" else "r",
        "upload_ref": "u", "in_flight": {"run_id": "r", "status": "running"}, "before": "running", "after": "running",
        "status": status, "lost": status is None, "fault": None, "clause": None, "note": None, "key_in_url": False,
        "turn": None, "acted": None,
        "request": {**shown, "body": json.dumps(asked)}, "answer": {**shown, "body": json.dumps(told)},
    }  # fmt: skip
