"""A whole judgment: a target and what was asked for go in, results come out. Commands, pytest and programs start here.

    from conformance import Plan, run
    results = run("target.yaml", Plan(clauses=("DEC", "POLL-04")))

It joins the parts that touch the world: keys, sockets, the wall clock, the target file's commands.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from conformance.engine.runner import RATES, Suite
from conformance.engine.stage import Blocked
from conformance.http.client import Client
from conformance.model import clauses
from conformance.model.results import Skipped
from conformance.target.commands import CommandFailed, advanced
from conformance.target.file import Existing, Target, load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from conformance.http.answer import Answer
    from conformance.model.results import Results
    from conformance.target.mock import Mock

__all__ = ["MOCK", "Ground", "Plan", "UnknownRun", "judged", "of_mock", "run"]

MOCK = "mock"
"""The target that is our own mock, in this process."""

SPAN = 2.0
"""Seconds between two polls, as the documentation advises."""
SHORT_SPAN = 0.3
"""The same for a target on this machine, which nobody else waits for."""
EXAMPLES = 10
_MOCKS_LIMIT = 100
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class UnknownRun(LookupError):
    """A run that was to be judged by reads alone is not there; the text says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What was asked for; the defaults are those of `vern-conformance run`."""

    clauses: tuple[str, ...] = ()
    """Areas and ids, `("DEC", "POLL-04")`; none: the whole profile."""
    profile: str = "full"
    level: str = "must"
    """What decides: `must`, or `should` as well."""
    require: tuple[str, ...] = ()
    """Areas and ids that may not be skipped."""
    expected_failures: Mapping[str, str] = field(default_factory=dict)
    """The baseline: clause to the reason why it may fail."""
    isolated: bool | None = None
    """Each check makes all that it needs; None: for our own mock only."""
    rate_checks: bool = False
    read_only: tuple[tuple[str, str], ...] = ()
    """Company and run of existing runs, which are judged by reads alone; none: the suite makes its own."""
    max_time: float | None = None
    """Seconds for everything."""
    max_examples: int | None = None
    """Generated requests an operation gets at most, 0: none; None: 10 for our own mock, else none."""
    seed: int = 0
    poll_every: float | None = None
    """Seconds between two polls; None: 2, or 0.3 where the target is on this machine."""


@dataclass(frozen=True, slots=True)
class Ground:
    """A target, and how its time and its states are had."""

    target: Target
    name: str
    wait: Callable[[float], float]
    """Lets a little time pass, and takes at most so many seconds."""
    advance: Callable[[float, float], bool]
    """Lets so many seconds of the target's time pass, and takes at most as many as the second figure says."""
    ways: Mapping[str, Callable[[], tuple[str, str]]]
    rest: Callable[[float], None] = time.sleep
    """Takes so many seconds, in which the target's budget comes back."""
    own: bool = False
    """Whether it is our own mock, which nobody else waits for."""


def run(
    target: Target | Path | str, plan: Plan | None = None, progress: Callable[[str, int, int], None] | None = None
) -> Results:
    """Judge a target: `"mock"`, a target file, or a loaded one.

    `progress` hears of each check before it starts: its name, its number, how many there are. Raises `BadFiles` for a
    target file with mistakes, `UnknownClause` for a word that names no clause, `UnknownRun` for a run to read that is
    not there; whatever else the target does, it raises not.
    """
    plan = plan or Plan()
    if target == MOCK:
        return _of_the_mock(plan, progress)
    known = target if isinstance(target, Target) else load(Path(target))
    return judged(_ground(known, plan), plan, progress)


def _of_the_mock(plan: Plan, progress: Callable[[str, int, int], None] | None) -> Results:
    """Our own mock; a second one, with a limit, has its rates checked, so that the rest is not slowed down."""
    from conformance.target.mock import mock  # noqa: PLC0415 - only for this target

    def of(limit: int | None, asked: Plan) -> Results:
        with mock(rate_limit=limit) as server:
            return judged(of_mock(server), asked, progress)

    results = replace(of(None, replace(plan, rate_checks=False)), left_behind=())  # it ends with its mock
    chosen = _chosen(plan)
    rates = tuple(each for each in chosen if clauses.area_of(each) == RATES) if plan.rate_checks else ()
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


def of_mock(server: Mock) -> Ground:
    """A mock that runs in this process; its time passes when it is told to."""

    def rest(seconds: float) -> None:
        server.advance(seconds)

    wait, advance = (lambda _: server.wait()), (lambda seconds, _: server.advance(seconds))
    return Ground(server.target(), MOCK, wait, advance, server.ways(), rest, own=True)


def _chosen(plan: Plan) -> dict[str, clauses.Clause]:
    return clauses.select(plan.clauses, clauses.profile(plan.profile))


def judged(ground: Ground, plan: Plan, progress: Callable[[str, int, int], None] | None = None) -> Results:
    """What the suite says of a target."""
    target, begun = ground.target, time.monotonic()
    if plan.read_only:
        target = replace(target, company=Existing(tuple(dict.fromkeys(company for company, _ in plan.read_only))))
    ends = math.inf if plan.max_time is None else begun + plan.max_time
    client = Client(
        target.base_url,
        target.api_key,
        other_key=target.other_api_key,
        revoked_key=target.revoked_api_key,
        requests_per_minute=target.requests_per_minute,
        request_timeout=target.request_timeout,
        deadline=lambda: ends - time.monotonic(),
        read_only=bool(plan.read_only),
        sleep=ground.rest,
        on_exchange=lambda answer: _heard(suite, answer),
    )
    suite = Suite(
        target,
        client,
        _chosen(plan),
        wait=lambda: _waited(ground, client),
        advance=lambda seconds: _advanced(ground, client, seconds),
        ways=ground.ways,
        profile=plan.profile,
        isolated=ground.own if plan.isolated is None else plan.isolated,
        rate_checks=plan.rate_checks,
        seed=plan.seed,
        max_time=plan.max_time,
        max_examples=(EXAMPLES if ground.own else 0) if plan.max_examples is None else plan.max_examples,
        settings=_settings(ground, plan),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        progress=progress,
    )
    try:
        if plan.read_only:
            suite.ways = _ways(client, plan)
        return suite.run()
    finally:
        client.close()


def _waited(ground: Ground, client: Client) -> float:
    return ground.wait(client.patience(math.inf))


def _advanced(ground: Ground, client: Client, seconds: float) -> bool:
    return ground.advance(seconds, client.patience(math.inf))


def _heard(suite: Suite, answer: Answer) -> None:
    suite.heard(answer.operation, answer)


def _settings(ground: Ground, plan: Plan) -> dict[str, Any]:
    return {
        "target": ground.name,
        "level": plan.level,
        "require": tuple(clauses.select(plan.require)) if plan.require else (),
        "expected_failures": dict(plan.expected_failures),
        "read_only": bool(plan.read_only),
    }


def _ground(target: Target, plan: Plan) -> Ground:
    host = urlsplit(target.base_url).hostname
    span = plan.poll_every if plan.poll_every is not None else SHORT_SPAN if host in _LOOPBACK else SPAN
    folder = None if target.path is None else target.path.parent

    def advance(seconds: float, most: float) -> bool:
        if target.advance is None or plan.read_only:
            return False
        try:
            advanced(target.advance, math.ceil(seconds), folder, min(target.run_timeout, most))
        except CommandFailed as failed:
            raise Blocked(f"clock.advance of the target file: {failed}") from failed
        return True

    def wait(most: float) -> float:
        time.sleep(min(span, most))
        return 0.0

    name = target.base_url if target.path is None else str(target.path)
    return Ground(target, name, wait, advance, {})


def _ways(client: Client, plan: Plan) -> dict[str, Callable[[], tuple[str, str]]]:
    """The given runs as ways to the states that they are in; of several in one state the first counts."""
    ways: dict[str, Callable[[], tuple[str, str]]] = {}
    for company, run_id in plan.read_only:
        try:
            answer = client.call("poll_import", company_id=company, run_id=run_id)
        except Skipped:  # the time is over; the suite says so of every check
            break
        status = answer.json.get("status") if answer.ok and isinstance(answer.json, dict) else None
        if answer.status == 404:
            raise UnknownRun(f"there is no run {company}/{run_id} at {client.base_url}: its poll is answered with 404")
        if isinstance(status, str):
            ways.setdefault(status, lambda found=(company, run_id): found)  # type: ignore[misc]
    return ways
