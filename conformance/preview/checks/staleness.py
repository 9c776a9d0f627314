"""Runs whose engine died, and healthy ones that live (STALE).

The rule that it keeps: staleness is judged where the target's clock can be moved, or a run is named that went stale
(OP-11); a way that leads elsewhere is nobody's failure.
"""

from __future__ import annotations

from conformance.preview.checks.register import Blocked, Company, Run, Skipped, StateDriver, check
from conformance.preview.decision_runs import is_same
from conformance.preview.poll_body import MOVING, TERMINAL, at, documented
from conformance.target.target import Body, ExistingRun

TIMED_OUT = "Import timed out"
HOUR = 3_600  # seconds


@check("STALE-05", "RUN-03", "RUN-04", needs=("running",))
def a_healthy_run_does_not_time_out(ctx: StateDriver) -> None:
    """Start a healthy import, and let half an hour pass; after its end, let hours pass."""
    state = "running" if isinstance(ctx.target.states.get("running"), Body) else "completed"
    run = ctx.begin_run(state)
    polled = [ctx.poll(run)]
    if not ctx.advance(HOUR // 2):
        raise Skipped("the target offers no way to let half an hour pass")
    polled.append(ctx.poll(run))
    expired = [answer for answer in polled if at(answer.json, "error") == TIMED_OUT]
    got = [at(answer.json, "status") for answer in polled]
    requirement = "a healthy run does not time out within half an hour"
    ctx.require("STALE-05", not expired, requirement, *expired, expected="no time-out", got=got)
    before = ctx.until(run, *TERMINAL)
    ctx.advance(2 * HOUR)
    after, status = ctx.poll(run), at(before, "status")
    stays = at(after.json, "status") == status
    ctx.require("RUN-03", stays, f"a {status} run is {status} hours later", after, expected=before, got=after.json)
    equal = not stays or documented(after.json) == documented(before)
    requirement = f"the body of a {status} run is the same hours later"
    ctx.require("RUN-04", equal, requirement, after, expected=before, got=after.json)


@check("STALE-01", "STALE-02", "STALE-03", "STALE-04", needs=("completed",))
def a_dead_run_times_out(ctx: StateDriver) -> None:
    """Read a run whose engine died long ago, look for an active run, and start another import."""
    run = _dead(ctx)
    first = run.polled
    error = at(first.json, "error")
    holds = at(first.json, "status") == "failed" and error == TIMED_OUT
    requirement = f"a run whose engine died is failed, {TIMED_OUT!r}"
    ctx.require("STALE-01", holds, requirement, first, expected=f"failed, {TIMED_OUT}", got=first.text)
    if at(first.json, "status") in MOVING:
        raise Blocked("the run does not go stale", [first])
    found = ctx.active(run.company)
    if not found.ok and found.status != 404:
        raise Blocked("the look-up is not answered", [found])
    shows = at(found.json, "status") is not None and at(found.json, "run_id") in (None, run.id)  # not another's
    requirement = "the look-up no longer gives the run that timed out"
    ctx.require("STALE-02", not shows, requirement, found, expected={"run": None}, got=found.text)
    with ctx.speaking_of("STALE-03"):
        new = ctx.start(run.company, ctx.body("completed"))
        ctx.status("STALE-03", new, 2, "after a time-out a new import is accepted")
    ctx.advance(2 * HOUR)
    ctx.wait()
    last = ctx.poll(run)
    revived = not is_same(first.json, last)
    requirement = "a run that timed out stays as it is"
    ctx.require("STALE-04", not revived, requirement, first, last, expected=first.text, got=last.text)


def _dead(ctx: StateDriver) -> Run:
    """A run whose engine died, more than an hour after that where time can be let pass."""
    way = ctx.target.states.get("stale")
    if "stale" in ctx.ways:
        run = _read_run(ctx, *ctx.ways["stale"]())
    elif isinstance(way, ExistingRun):
        run = _read_run(ctx, way.owner, way.run)
    elif isinstance(way, Body):
        run = ctx.begin_run("stale")
    else:
        return ctx.run("stale")
    dead: tuple[str, ...] = ("failed",)
    if at(ctx.poll(run).json, "status") in MOVING:
        if not ctx.advance(2 * HOUR):
            if not isinstance(way, Body):
                raise Blocked("the run that should be stale is still at work", [run.polled])
            raise Skipped("the target offers no way to let the hour pass after which a run is stale")
        ctx.poll(run)
        dead = (*MOVING, "failed", "canceled")  # it was seen at work, so its engine did not end it like this
    if at(run.state, "status") not in dead:
        raise Blocked(f"the run that should go stale is {at(run.state, 'status')}", [run.polled])
    return run


def _read_run(ctx: StateDriver, company_id: str, run_id: str) -> Run:
    polled = ctx.client.call("poll_import", company_id=company_id, run_id=run_id)
    return Run(Company(company_id), run_id, "", None, None, polled)
