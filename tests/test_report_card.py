"""The client's report card: nothing about a client that does well, and exactly what another one does wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from clients import sloppy
from clients.exemplary import Exemplary
from clients.sloppy import Desk

from conformance.audit import RULES
from mock_server.scenario import Park, Review
from mock_server.world import load_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Client

    from mock_server.scenario import Scenario

SCENARIOS = load_world().scenarios
CSV = b"Name,Email,Status\r\nAda,ada@example.com,Open\r\nGrace,grace@example.com,closed\r\nNobody,,Open\r\n"


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


@pytest.mark.parametrize("code", RULES)
def test_a_sloppy_client_gets_exactly_its_finding(
    client: Client, key: str, waiting: Callable[[float], None], code: str
) -> None:
    name = code.replace("-", "_")
    scenario = sloppy.SCENARIO.get(name, "park")
    with Exemplary(client.url, key, waiting) as partner:
        made = partner.provision("Acme", f"{scenario}--acme")
        desk = Desk(partner, key, f"{scenario}--acme", made["company"]["id"], steering(client))
        getattr(sloppy, name)(desk)
    found = card(client)["findings"]
    assert {each["code"] for each in found} == {code}, told(found)
    rule = RULES[code]
    for each in found:
        assert (each["clause"], each["expected"], each["mend"]) == (rule.clause, rule.expected, rule.mend)
        assert each["exchanges"]
        assert each["happened"]
        assert (each["measured"] is None) == (rule.measures is None)
