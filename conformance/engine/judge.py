"""A whole judgment: a generation, a target and what was asked for go in, results come out.

It joins the parts that touch the world: keys, sockets, the wall clock, the target file's commands.
"""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from conformance.engine.runner import Runner
from conformance.http.client import Client
from conformance.model import clauses

if TYPE_CHECKING:
    from conformance.engine.check import Progress
    from conformance.engine.driver import Driver
    from conformance.engine.generation import Generation
    from conformance.engine.plan import Plan
    from conformance.model.results import Results

EXAMPLES = 10


def judge(generation: Generation, driver: Driver, plan: Plan, progress: Progress | None = None) -> Results:
    """What the suite says of a target.

    `progress` is called before each check with its name, its number and how many there are.
    """
    target, begun = driver.target, time.monotonic()
    if plan.read_only:
        target = generation.reading(target, plan.read_only)
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
        sleep=driver.rest,
        on_exchange=lambda answer: runner.judge_shape(answer),  # noqa: PLW0108 - there is no runner yet
    )
    runner = Runner(
        generation=generation,
        target=target,
        client=client,
        clauses=plan.chosen,
        wait=lambda: driver.wait(client.patience(math.inf)),
        advance=lambda seconds: driver.advance(seconds, client.patience(math.inf)),
        ways=driver.ways,
        profile=plan.profile,
        isolated=driver.own if plan.isolated is None else plan.isolated,
        rate_checks=plan.rate_checks,
        seed=plan.seed,
        max_time=plan.max_time,
        max_examples=(EXAMPLES if driver.own else 0) if plan.max_examples is None else plan.max_examples,
        settings=_settings(driver, plan),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        progress=progress,
    )
    try:
        if plan.read_only:
            runner.ways = generation.states(client, plan.read_only)
        return runner.run()
    finally:
        client.close()


def _settings(driver: Driver, plan: Plan) -> dict[str, Any]:
    return {
        "target": driver.name,
        "level": plan.level,
        "require": tuple(clauses.select(plan.require)) if plan.require else (),
        "expected_failures": dict(plan.expected_failures),
        "read_only": bool(plan.read_only),
    }
