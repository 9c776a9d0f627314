"""The suite on our own mock, honest or bent: what the tests of the suite and the tables in the docs are made with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformance import clauses
from conformance.client import Client
from conformance.mocktarget import mock
from conformance.results import Outcome, Results
from conformance.runner import Suite

if TYPE_CHECKING:
    from collections.abc import Callable


def judged(
    *only: str,
    isolated: bool = False,
    bend: Callable[[Any], Any] | None = None,
    rate_limit: int | None = None,
    rate_checks: bool = False,
    seed: int = 0,
) -> Results:
    """What the suite (`only` some clauses of it) says of a mock whose app `bend` may wrap."""
    with mock(bend=bend, rate_limit=rate_limit) as server:

        def rest(seconds: float) -> None:
            """Let the mock's time pass, which stands still otherwise."""
            server.advance(seconds)

        target = server.target()
        client = Client(
            target.base_url,
            target.api_key,
            other_key=target.other_api_key,
            revoked_key=target.revoked_api_key,
            requests_per_minute=0,
            sleep=rest,
            on_exchange=lambda answer: suite.heard(answer.operation, answer),
        )
        suite = Suite(
            target,
            client,
            clauses.select(only),
            wait=server.wait,
            advance=server.advance,
            ways=server.ways(),
            isolated=isolated,
            rate_checks=rate_checks,
            seed=seed,
        )
        try:
            return suite.run()
        finally:
            client.close()


def with_outcome(results: Results, *outcomes: Outcome) -> list[str]:
    """The clauses with one of these outcomes."""
    return [each.clause for each in results.results if each.outcome in outcomes]


def failed(results: Results) -> list[str]:
    """The clauses that the target is said to break."""
    return with_outcome(results, Outcome.FAILED)


def worse_than_passed(results: Results) -> dict[str, str]:
    """Every clause that is neither passed nor skipped, with the outcome and what was found."""
    return {
        each.clause: f"{each.outcome.word}: "
        + "; ".join(f"{f.check}: {f.requirement} {f.reason} got {f.got}" for f in each.findings if f.outcome > 2)
        for each in results.results
        if each.outcome > Outcome.PASSED
    }
