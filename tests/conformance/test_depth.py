"""How deep a run goes: a quick one leaves out checks and parts of checks, and says so of each clause."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from conformance.engine.plan import Check
from conformance.engine.runner import QUICK, judge
from conformance.model.results import Outcome, Result
from conformance.preview import suite
from conformance.preview.suite import Plan, mock

if TYPE_CHECKING:
    from conformance.engine.context import Context


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
