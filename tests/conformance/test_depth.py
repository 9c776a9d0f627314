"""How deep a run goes: a quick one leaves out checks and parts of checks, and says so of each clause."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from conformance.engine.estimate import Costs, expected
from conformance.engine.plan import Check
from conformance.engine.runner import QUICK, judge
from conformance.model.clauses import select
from conformance.model.results import Outcome, Result
from conformance.preview import suite
from conformance.preview.suite import COSTS, Plan, mock
from conformance.target.target import Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conformance.engine.context import Context
    from conformance.http.client import Answer


def _part(ctx: Context) -> None:
    ctx.equal("PROV-01", 1, 1, "it holds")
    if ctx.whole:
        ctx.equal("PROV-02", 1, 1, "it holds")


def _apart(ctx: Context) -> None:
    ctx.equal("PROV-03", 1, 1, "it holds")


CHECKS = {
    "part": Check("part", ("PROV-01", "PROV-02"), "", _part),
    "apart": Check("apart", ("PROV-03",), "", _apart, whole=True),
}


def _judged(depth: str) -> list[Result]:
    generation = replace(suite.PREVIEW, checks=lambda: CHECKS, probes=())
    with mock() as server:
        plan = Plan(clauses=("PROV",), depth=depth, max_examples=0)
        return [
            each for each in judge(generation, suite.driver_of_mock(server), plan).results if each.clause < "PROV-04"
        ]


def test_a_whole_run_leaves_nothing_out() -> None:
    assert {each.outcome for each in _judged("whole")} == {Outcome.PASSED}


def test_a_quick_run_skips_what_is_of_the_whole_alone_and_says_so() -> None:
    first, *others = _judged("quick")
    assert first.outcome is Outcome.PASSED
    assert [(each.outcome, each.findings[0].reason) for each in others] == [(Outcome.SKIPPED, QUICK)] * 2


@pytest.mark.parametrize(
    ("target", "plan", "costs", "says"),
    [
        (None, Plan(depth="quick"), Costs(1_000, 200), "quick depth, some 1400 requests: about 5 s"),
        (None, Plan(isolated=False, max_examples=0), Costs(1_000, 200), "whole depth, some 1000 requests: about 3 s"),
        (None, Plan(), Costs(1_000, 200), "whole depth, some 1400 requests, and generated ones: about 11 s"),
        (
            Target("http://h", "k"),
            Plan(depth="quick"),
            Costs(600, 175),
            ": about 1.5 min at 90 requests a minute to one endpoint",
        ),
        (Target("http://h", "k", requests_per_minute=0), Plan(), Costs(600, 300), "600 requests: about 30 s"),
        (Target("http://h", "k"), Plan(max_time=20), Costs(600, 300), "about 20 s"),
        (Target("http://h", "k"), Plan(), Costs(2, 1), "some 2 requests: about 1 s"),
    ],
)
def test_how_long_it_takes_is_said_first(target: Target | None, plan: Plan, costs: Costs, says: str) -> None:
    assert says in expected(target, plan, costs)


def test_a_quick_run_costs_what_is_said() -> None:
    """Every check of it: within a third, and so few to one endpoint that two minutes are enough at 90 a minute."""
    calls: Counter[str | None] = Counter()
    known = suite.PREVIEW

    def counting(operation: str | None, answer: Answer, *, to_the_letter: bool) -> Sequence[Any]:
        calls[operation] += 1
        return known.differences(operation, answer, to_the_letter=to_the_letter)

    with mock() as server:
        plan = Plan(depth="quick", isolated=False)
        results = judge(replace(known, differences=counting), suite.driver_of_mock(server), plan)
    assert results.requests == pytest.approx(COSTS["quick"].requests, rel=0.34)
    ((_, most),) = calls.most_common(1)
    assert most <= 270, calls
    left_out = {each.clause for each in results.results if each.outcome is Outcome.SKIPPED}
    assert left_out <= set(select(("RATE",))), "a quick run says something of every clause"
