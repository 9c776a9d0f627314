"""The suite of the Preview generation: what it hands to the engine, a run of it against any target, and our own mock
as a target that can bring its runs into every state.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conformance.engine.estimate import Costs, expected
from conformance.engine.plan import Driver, Generation, Ids, Plan, Progress, UnknownRun, Ways, driver_of
from conformance.engine.runner import judge
from conformance.model import clauses
from conformance.model.results import Blocked, Results, Skipped
from conformance.preview import checks
from conformance.preview.bodies import at
from conformance.preview.cases.layer import LAYER
from conformance.preview.driver import REFUSING, UNREACHABLE, StateDriver
from conformance.preview.observed import Witness
from conformance.preview.response_schema import cut_off, differences
from conformance.preview.target_file import load
from conformance.target.mock import KEY, NO_ANSWER, OTHER, REVOKED, Host, host
from conformance.target.target import Body, Existing, Target
from mock_server.contract import document as contract

if TYPE_CHECKING:
    from conformance.http.client import Client

__all__ = [  # noqa: RUF022 - the suite, our own mock
    "MOCK", "PREVIEW", "Plan", "UnknownRun", "driver_of_mock", "outlook", "run",
    "KEY", "OTHER", "REVOKED", "Mock", "mock",
]  # fmt: skip


_ANYWHERE = "http://mock"


@lru_cache(maxsize=1)
def _mock_target() -> Target:
    """Our own file, which is the same for every mock but for where that is."""
    known = {"URL": _ANYWHERE, "KEY": KEY, "OTHER": OTHER, "REVOKED": REVOKED}
    return replace(load(contract.data("openapi", "mock.target.yaml"), known), strict=True, path=None)


class Mock(Host):
    """A mock that runs, and the ways to states that its operator has."""

    def ways(self) -> dict[str, Callable[[], tuple[str, str]]]:
        """Ways to where no request leads: somebody cancels, an engine dies, a destination refuses."""
        return {
            "canceled": self._canceled,
            "stale": partial(self._started, "engine-dies"),
            REFUSING: partial(self._exportable, "export-partly-fails"),
            UNREACHABLE: partial(self._exportable, "export-fails"),
        }

    def target(self) -> Target:
        """What its target file says, `openapi/mock.target.yaml`; and that it reads the contract as it is written."""
        return replace(told := _mock_target(), base_url=told.base_url.replace(_ANYWHERE, self.url))

    def _canceled(self) -> tuple[str, str]:
        company, run = self._started("live")
        self.admin("POST", f"/_mock/runs/{run}/cancel")
        return company, run

    def _exportable(self, scenario: str) -> tuple[str, str]:
        company, run = self._started(scenario)
        self.advance(60)  # long enough for every import that nobody has to decide
        return company, run

    def _started(self, scenario: str) -> tuple[str, str]:
        """A run of the scenario in its ready company, in which nothing may be in flight."""
        answer, right = None, self.target().states["completed"]
        assert isinstance(right, Body)  # noqa: S101 - our own file says so
        try:
            listed = self.admin("GET", "/_mock/scenarios")["scenarios"]
            company = str(next(each["company_id"] for each in listed if each["name"] == scenario))
            answer = self.admin("POST", f"/api/v1/companies/{company}/imports", right.body)
            return company, str(answer["run_id"])
        except (*NO_ANSWER, StopIteration) as error:
            got = f"got {json.dumps(answer)}" if answer is not None else f"{type(error).__name__}: {error}"
            raise Blocked(f"no import of the scenario {scenario!r} could be started: {got}") from error


@contextmanager
def mock(
    *, rate_limit: int | None = None, speed: float = 0, bend: Callable[[Any], Any] | None = None
) -> Iterator[Mock]:
    """The mock for as long as the block lasts; `bend` wraps its app: that is how the tests make servers that lie."""
    with host(rate_limit=rate_limit, speed=speed, bend=bend) as url:
        yield Mock(url)


MOCK = "mock"
"""The target that is our own mock, in this process."""
RATES = "RATE"
_MOCKS_LIMIT = 100


def lending(target: Target, runs: Sequence[Ids]) -> Target:
    """The target as it lends the companies of these runs alone."""
    return replace(target, tenant=Existing(tuple(dict.fromkeys(company for company, _ in runs))))


def states_of(client: Client, runs: Sequence[Ids]) -> Ways:
    """The runs as ways to the states that they are in; of several in one state the first counts."""
    ways: dict[str, Any] = {}
    for company, run_id in runs:
        try:
            answer = client.call("poll_import", company_id=company, run_id=run_id)
        except Skipped:  # the time is over; the suite says so of every check
            break
        if answer.status == 404:
            raise UnknownRun(f"there is no run {company}/{run_id} at {client.base_url}: its poll is answered with 404")
        status = at(answer.json, "status") if answer.ok else None
        if isinstance(status, str):
            ways.setdefault(status, lambda found=(company, run_id): found)
    return ways


CONTRACT = contract.load()
COSTS = {"quick": Costs(900, 170), "whole": Costs(1_700, 350)}
"""By depth, as counted on the independent implementation of the tests; most are polls."""
PREVIEW = Generation(
    contract=CONTRACT,
    clauses=clauses.load(),
    checks=checks.load,
    generated=LAYER.check,
    context=StateDriver,
    differences=differences,
    observer=Witness,
    cut_off=cut_off,
    probes=tuple(each.id for each in CONTRACT.operations.values() if each.method == "GET" and not each.parameters),
    spends=RATES,
    reading=lending,
    states=states_of,
)


def run(target: Target | Path | str, plan: Plan | None = None, progress: Progress | None = None) -> Results:
    """Judge a target: `"mock"`, a target file, or a loaded one.

    `progress` is called before each check with its name, its number and how many there are. Raises `BadFiles` for a
    target file with mistakes, `UnknownClause` for a word that names no clause, `UnknownRun` for a run to read that is
    not there; whatever else the target does, it raises not.
    """
    plan = plan or Plan()
    if target == MOCK:
        return _judge_mock(plan, progress)
    known = target if isinstance(target, Target) else load(Path(target))
    return judge(PREVIEW, driver_of(known, plan), plan, progress)


def outlook(target: Target | str, plan: Plan) -> str:
    """How long the run is going to take, in a sentence; what it is asked for costs its share of the whole."""
    chosen, known = plan.choose(PREVIEW.clauses), checks.load().values()
    share = sum(not chosen.keys().isdisjoint(each.clauses) for each in known) / len(known)
    costs = Costs(*(round(each * share) for each in COSTS[plan.depth]))
    return expected(None if isinstance(target, str) else target, plan, costs)


def _judge_mock(plan: Plan, progress: Progress | None) -> Results:
    """Our own mock; a second one, with a limit, has its rates checked, so that the rest is not slowed down."""

    def of(limit: int | None, asked: Plan) -> Results:
        with mock(rate_limit=limit) as server:
            return judge(PREVIEW, driver_of_mock(server), asked, progress)

    results = replace(of(None, replace(plan, rate_checks=False)), left_behind=())  # it ends with its mock
    chosen = plan.choose(PREVIEW.clauses) if plan.rate_checks else ()
    rates = tuple(each for each in chosen if clauses.area_of(each) == RATES)
    if not rates or results.interrupted:
        return results
    left = None if plan.max_time is None else max(0.0, plan.max_time - results.seconds)
    limited = of(_MOCKS_LIMIT, replace(plan, clauses=rates, max_examples=0, max_time=left))
    checked = {each.clause: each for each in limited.results}
    return replace(
        results,
        results=tuple(checked.get(each.clause, each) for each in results.results),
        seconds=results.seconds + limited.seconds,
        requests=results.requests + limited.requests,
        readings={**results.readings, **limited.readings},
        interrupted=limited.interrupted,
        settings={**results.settings, "rate_checks": True},
    )


def driver_of_mock(server: Mock) -> Driver:
    """A mock that runs in this process; its time passes when it is told to."""

    def rest(seconds: float) -> None:
        server.advance(seconds)

    wait, advance = (lambda _: server.wait()), (lambda seconds, _: server.advance(seconds))
    return Driver(server.target(), MOCK, wait, advance, server.ways(), rest, own=True)
