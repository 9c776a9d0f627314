"""Companies that a target file lends: no check leaves a run in one that the next check would meet there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from judging import on

from conformance.mocktarget import mock
from conformance.results import Outcome, Results
from conformance.targetfile import Body, Existing

ACTIVE = "/api/v1/companies/{}/imports?status=active"


def lent(count: int, *only: str, isolated: bool = False, **members: Any) -> tuple[Results, list[Any]]:
    """What the suite says of the mock with so many companies to borrow, and what is active in them afterwards."""
    with mock() as server:
        source = server.admin("GET", "/api/v1/sources")["sources"][0]["id"]
        asked = [{"name": f"lent {number}", "source": source} for number in range(count)]
        ids = [server.admin("POST", "/api/v1/companies", each)["company"]["id"] for each in asked]
        target = replace(server.target(), company=Existing(tuple(ids)), **members)
        results = on(server, *only, target=target, isolated=isolated)
        return results, [server.admin("GET", ACTIVE.format(each)) for each in ids]


@pytest.mark.parametrize("isolated", [False, True], ids=["journey", "isolated"])
def test_what_was_begun_in_borrowed_companies_is_ended(*, isolated: bool) -> None:
    results, active = lent(3, isolated=isolated)
    assert {each.clause: each.findings for each in results.results if each.outcome > Outcome.PASSED} == {}
    passed = {each.clause for each in results.results if each.outcome is Outcome.PASSED}
    assert {"DEC-01", "DEC-25", "DEC-29", "DEC-31", "IMP-10", "ACT-04", "HIST-01"} <= passed
    assert active == [{"run": None}] * 3


def test_a_single_company_is_enough_for_most_and_never_too_little_for_an_accusation() -> None:
    results, active = lent(1, "DEC", "IMP", "POLL")
    outcomes = {each.clause: each.outcome for each in results.results}
    assert max(outcomes.values()) is Outcome.PASSED
    assert outcomes["DEC-31"] is outcomes["IMP-10"] is Outcome.PASSED
    assert outcomes["DEC-36"] is Outcome.SKIPPED  # it needs a second one
    assert active == [{"run": None}]


def test_a_key_in_a_target_files_body_is_not_sent_again_and_again() -> None:
    with mock() as server:
        ways = server.target().states.items()
    key = {"idempotency_key": "of the file"}
    states = {state: Body({**way.body, **key}) for state, way in ways if isinstance(way, Body) if way.answers is None}
    results, _ = lent(2, "IMP", "DEC-31", "RUN", states=states)
    assert {each.clause: each.findings for each in results.results if each.outcome > Outcome.PASSED} == {}
