"""Companies that a target file lends: no check leaves a run in one that the next check would meet there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from honest import HONEST
from judging import on, worse_than_passed

from conformance.model.results import Outcome, Results
from conformance.preview.suite import mock
from conformance.target.target import Body, Existing

if TYPE_CHECKING:
    from collections.abc import Callable

    from honesty import Honest

KEEPERS = [each for each in HONEST if each.open_point in {"OP-11", "OP-29", "OP-31"}]
"""Servers whose sheets show rows of more than the latest run, or not yet its own."""
FIRST = {each.open_point: each for each in reversed(KEEPERS)}
ACTIVE = "/api/v1/companies/{}/imports?status=active"


def lent(
    count: int,
    *only: str,
    isolated: bool = False,
    used: bool = False,
    depth: str = "whole",
    bend: Callable[[Any], Any] | None = None,
    **members: Any,
) -> tuple[Results, list[Any]]:
    """What the suite says of the mock with so many companies to borrow, and what is active in them afterwards.

    `used` ones have had an import of right rows.
    """
    with mock(bend=bend) as server:
        source = server.admin("GET", "/api/v1/sources")["sources"][0]["id"]
        asked = [{"name": f"lent {number}", "source": source} for number in range(count)]
        ids = [server.admin("POST", "/api/v1/companies", each)["company"]["id"] for each in asked]
        right: Any = server.target().states["completed"]
        for each in ids if used else ():
            server.admin("POST", f"/api/v1/companies/{each}/imports", right.body)
        server.advance(60)
        target = replace(server.target(), tenant=Existing(tuple(ids)), **members)
        results = on(server, *only, target=target, isolated=isolated, depth=depth)
        return results, [server.admin("GET", ACTIVE.format(each)) for each in ids]


@pytest.mark.parametrize("isolated", [False, pytest.param(True, marks=pytest.mark.whole)], ids=["journey", "isolated"])
def test_what_was_begun_in_borrowed_companies_is_ended(*, isolated: bool) -> None:
    results, active = lent(3, isolated=isolated)
    assert {each.clause: each.findings for each in results.results if each.outcome > Outcome.PASSED} == {}
    passed = {each.clause for each in results.results if each.outcome is Outcome.PASSED}
    assert {"DEC-01", "DEC-25", "DEC-29", "DEC-31", "IMP-10", "ACT-04", "HIST-01"} <= passed
    assert active == [{"run": None}] * 3


@pytest.mark.parametrize(
    ("server", "depth"),
    [
        *(pytest.param(each, "quick", id=each.open_point) for each in FIRST.values()),
        *(pytest.param(each, "whole", marks=pytest.mark.whole, id=each.reading.replace(" ", "-")) for each in KEEPERS),
    ],
)
def test_rows_that_lent_companies_have_already_are_held_against_nobody(server: Honest, depth: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        results, _ = lent(3, used=True, depth=depth, strict=False, bend=lambda app: server.make(app, patch))
    assert worse_than_passed(results) == {}


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
