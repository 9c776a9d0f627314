"""The suite on an implementation that owes the mock nothing: another author, another framework, other readings."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from judging import with_outcome, worse_than_passed

from conformance import clauses, targetfile
from conformance.client import Client
from conformance.commands import advanced
from conformance.results import Outcome
from conformance.runner import Suite

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.results import Results
    from conformance.targetfile import Target

HERE = Path(__file__).parent
KEYS = "key-of-ours,key-of-theirs,key-of-the-past"
POLL_PAUSE = 0.01
"""Seconds between two polls: the implementation's runs last some 60 ms of real time."""


@contextmanager
def independent(*options: str) -> Iterator[Target]:
    """The implementation in a process of its own, as its target file describes it."""
    argv = [sys.executable, "-m", "independent", "--port", "0", "--keys", KEYS, *options]
    with subprocess.Popen(argv, cwd=HERE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own module
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


def judged(target: Target, *only: str, rate_checks: bool = False) -> Results:
    """What the suite says of it in a journey."""
    client = Client(
        target.base_url,
        target.api_key,
        other_key=target.other_api_key,
        revoked_key=target.revoked_api_key,
        requests_per_minute=target.requests_per_minute,
        on_exchange=lambda answer: suite.heard(answer.operation, answer),
    )

    def advance(seconds: float) -> bool:
        assert target.advance is not None
        assert target.path is not None
        advanced(target.advance, int(seconds), target.path.parent, target.request_timeout)
        return True

    suite = Suite(
        target,
        client,
        clauses.select(only),
        wait=lambda: time.sleep(POLL_PAUSE),
        advance=advance,
        rate_checks=rate_checks,
    )
    try:
        return suite.run()
    finally:
        client.close()


MAY_BE_SKIPPED = {
    "DEC-10": "an approval that answers one question of several parks again for the others, so that no rows are shown",
    "DST-06": "the suite has no way to a destination that stops the whole export",
}
"""Beside the RATE clauses, which have a test of their own."""


def test_the_independent_implementation_is_accused_of_nothing() -> None:
    with independent() as target:
        results = judged(target)
    assert results.unreachable is None
    assert worse_than_passed(results) == {}
    assert set(with_outcome(results, Outcome.SKIPPED)) - set(clauses.select(("RATE",))) <= set(MAY_BE_SKIPPED)
    assert len(with_outcome(results, Outcome.PASSED)) >= 190


def test_its_rate_limit_is_accused_of_nothing() -> None:
    with independent("--rate-limit", "60") as target:
        results = judged(target, "RATE", rate_checks=True)
    assert worse_than_passed(results) == {}
    assert with_outcome(results, Outcome.SKIPPED) == []
