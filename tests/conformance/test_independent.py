"""The suite on an implementation that owes the mock nothing: another author, another framework, other readings."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from judging import with_outcome, worse_than_passed

from conformance import Plan, run
from conformance.model import clauses
from conformance.model.results import Outcome
from conformance.preview import target_file as targetfile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.target.target import Target

HERE = Path(__file__).parent
KEYS = "key-of-ours,key-of-theirs,key-of-the-past"
JOURNEY = Plan(poll_every=0.01)
"""The implementation's runs last some 60 ms of real time."""


@contextmanager
def independent(*options: str) -> Iterator[Target]:
    """The implementation in a process of its own, as its target file describes it."""
    argv = [sys.executable, "-m", "independent", "--port", "0", "--keys", KEYS, *options]
    with subprocess.Popen(argv, cwd=HERE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url, backstage = process.stdout.readline().strip(), process.stdout.readline().strip()
            ours, theirs, past = KEYS.split(",")
            environment = {
                "INDEPENDENT_URL": url,
                "INDEPENDENT_BACKSTAGE": backstage,
                "INDEPENDENT_KEY": ours,
                "INDEPENDENT_OTHER_KEY": theirs,
                "INDEPENDENT_REVOKED_KEY": past,
                "PYTHON": sys.executable,
            }
            yield targetfile.load(HERE / "independent" / "target.yaml", environment)
        finally:
            process.terminate()


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
    with independent("--rate-limit", "60") as target:
        results = run(target, replace(JOURNEY, clauses=("RATE",), rate_checks=True))
    assert worse_than_passed(results) == {}
    assert with_outcome(results, Outcome.SKIPPED) == []
