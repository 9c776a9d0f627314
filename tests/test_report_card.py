"""The client's report card: nothing about a client that does well, and exactly what another one does wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from clients import sloppy
from clients.desk import Desk
from clients.exemplary import Exemplary
from conftest import Client
from hypothesis import given
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


@pytest.mark.parametrize(
    "dialect",
    ["minimal", "extended", "random:1", *(pytest.param(f"random:{n}", marks=pytest.mark.whole) for n in (2, 3))],
)
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


@pytest.mark.parametrize("fault", [{"lose": "reset"}, {"error": 500}, {"garble": None}, {"page": 502}])
def test_an_exemplary_client_finds_the_company_whose_answer_was_lost(
    client: Client, key: str, waiting: Callable[[float], None], fault: dict[str, Any]
) -> None:
    def look_up(external_id: str) -> dict[str, Any]:
        companies = client.get("/_mock/session").body["companies"]
        return {"company": next(each for each in companies if each["external_id"] == external_id)}

    steering(client)("POST", "faults", fault | {"operation": "provision_company", "times": 1})
    with Exemplary(client.url, key, waiting, look_up=look_up) as partner:
        company = partner.provision("Acme", "park--acme")["company"]["id"]
        partner.follow(partner.start(company, "import-1", rows=[{"Email": "ada@example.com"}]))
    found = card(client)["findings"]
    assert not found, told(found)


@pytest.mark.parametrize("repeated", [0, 1])
def test_a_company_that_nobody_looked_for_is_not_recovered(client: Client, repeated: int) -> None:
    source = client.get("/api/v1/sources").body["sources"][0]["id"]
    steering(client)("POST", "faults", {"lose": 502, "operation": "provision_company", "times": 1})
    for _ in range(1 + repeated):
        client.post("/api/v1/companies", {"name": "Acme", "source": source})
    (found,) = card(client)["findings"]
    assert (found["code"], len(found["exchanges"])) == ("lost-provision-not-recovered", 1 + repeated)
    assert "nobody found out what became of it" in found["happened"]
    assert ("400 when it was sent again" in found["happened"]) == bool(repeated)


IMPORTS = "/api/v1/companies/247cf3d6-4311-4910-9aae-05e226ec205a/imports"
"""Of the ready company of `park`."""


@pytest.mark.parametrize(
    "bodies",
    [
        [b"{", b"{", b'{"rows": [{"Email": "ada@example.com"}]}'],  # mended in the end
        [b"{", b'{"rows": 1}', b'{"rows": 2}', b"[]", b"{}"],  # mended each time, and wrong again
        [b'{"rows": 1}', b'{"rows": 1}'],
    ],
)
def test_who_mends_a_request_does_not_loop(client: Client, key: str, bodies: list[bytes]) -> None:
    for body in bodies:
        client.send("POST", IMPORTS, body, {"x-api-key": key})
    found = card(client, "?without=import-without-key,poll-url-unused")["findings"]
    assert not found, told(found)


def test_who_mends_what_a_request_needs_does_not_loop(client: Client) -> None:
    uploads = IMPORTS.replace("/imports", "/uploads")
    for number in range(4):
        signed = client.post(uploads, {"name": f"{number}.csv"}).body
        client.post(IMPORTS, {"files": [{"name": "1.csv", "upload_ref": "upl_1"}], "idempotency_key": "k"})
        client.send("PUT", urlsplit(signed["upload_url"]).path, CSV, {})
    assert not card(client)["findings"]


@pytest.mark.parametrize(
    "wrong",
    [
        ("POST", IMPORTS, b"{"),
        ("POST", IMPORTS, b'{"files": [], "idempotency_key": "k"}'),
        ("DELETE", IMPORTS, None),
        ("GET", f"{IMPORTS}?status=parked", None),
        ("POST", "/api/v1/companies", b'{"name": "Acme"}'),
    ],
)
def test_any_request_that_is_wrong_in_itself_can_be_looped_on(
    client: Client, key: str, wrong: tuple[str, str, bytes | None]
) -> None:
    for _ in range(4):
        client.send(*wrong, {"x-api-key": key})
        client.get("/api/v1/sources")
    (found,) = card(client, "?without=import-without-key")["findings"]
    assert (found["code"], len(found["exchanges"])) == ("loops-on-400", 4)


NODE = {"accept": "*/*", "accept-language": "*", "sec-fetch-mode": "cors", "user-agent": "node"}
CHROME = {"origin": "https://app.example", "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"}


@pytest.mark.parametrize(
    ("headers", "accused"),
    [
        (NODE, False),  # its fetch says what it imitates
        (CHROME | {"x-forwarded-for": "203.0.113.9"}, False),  # a backend that passes a browser's headers on
        (CHROME | {"via": "1.1 edge"}, False),
        (CHROME, True),
        ({"origin": "null"}, True),
        ({"sec-fetch-dest": "empty"}, True),
    ],
)
def test_a_browser_is_told_from_a_backend(client: Client, key: str, headers: dict[str, str], *, accused: bool) -> None:
    client.send("GET", "/api/v1/sources", None, {"x-api-key": key} | headers)
    assert [each["code"] for each in card(client)["findings"]] == ["key-in-browser"] * accused


def test_a_preflight_for_the_key_comes_from_a_browser(client: Client) -> None:
    company = provisioned(client)
    asks = {"access-control-request-method": "GET", "access-control-request-headers": "content-type,X-API-Key"}
    for headers in (CHROME, CHROME | asks):
        client.send("OPTIONS", f"/api/v1/companies/{company}/imports", None, headers)
    (found,) = card(client)["findings"]
    assert (found["code"], len(found["exchanges"])) == ("key-in-browser", 1)


def test_a_file_that_a_browser_puts_is_no_mistake(client: Client) -> None:
    signed = client.post(IMPORTS.replace("/imports", "/uploads"), {"name": "1.csv"}).body
    client.send("PUT", urlsplit(signed["upload_url"]).path, CSV, CHROME)
    assert not card(client)["findings"]


def provisioned(client: Client) -> str:
    source = client.get("/api/v1/sources").body["sources"][0]["id"]
    return str(client.post("/api/v1/companies", {"name": "Acme", "source": source}).body["company"]["id"])


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
    heavy = "h11 httpx2 schemathesis hypothesis jinja2 yaml starlette uvicorn click orjson asyncio mock_server"
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
