"""The suite on an implementation that owes the mock nothing: another author, another framework, other readings."""

from __future__ import annotations

from dataclasses import replace

from independent_process import JOURNEY, independent
from judging import with_outcome, worse_than_passed

from conformance import run
from conformance.model import clauses
from conformance.model.results import Outcome

MAY_BE_SKIPPED = {
    "DEC-10": "an approval that answers one question of several parks again for the others, so that no rows are shown",
}
"""Beside the RATE clauses, which have a test of their own."""


def test_the_independent_implementation_is_accused_of_nothing() -> None:
    with independent() as target:
        results = run(target, JOURNEY)
    assert results.unreachable is None
    assert worse_than_passed(results) == {}
    assert set(with_outcome(results, Outcome.SKIPPED)) - set(clauses.select(("RATE",))) <= set(MAY_BE_SKIPPED)
    assert len(with_outcome(results, Outcome.PASSED)) >= 190


def test_its_rate_limit_is_accused_of_nothing() -> None:
    with independent(options=("--rate-limit", "60")) as target:
        results = run(target, replace(JOURNEY, clauses=("RATE",), rate_checks=True))
    assert worse_than_passed(results) == {}
    assert with_outcome(results, Outcome.SKIPPED) == []
