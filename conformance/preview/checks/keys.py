"""The keys that make a start repeatable (IDEM), and companies that import side by side (IMP-12).

The rule that it keeps: that a repeated start had no effect is told by the company's history and the run itself, never
by its answer alone.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from conformance.model.results import Blocked
from conformance.preview.checks.imports import added, begun, end, history, named, new_key
from conformance.preview.checks.register import check
from conformance.preview.decision_runs import same
from conformance.preview.poll_body import at

if TYPE_CHECKING:
    from conformance.http.client import Answer
    from conformance.preview.driver import Run, StateDriver

STARTS_AT_ONCE = 8


@check("IDEM-01", "IDEM-02", "IDEM-03", "IDEM-04", "IDEM-05", "IDEM-07", needs=("completed", "needs_attention"))
def a_key_starts_one_run(ctx: StateDriver) -> None:
    """Repeat a start with its key while the run moves, while it is parked, and after its end; then with other rows."""
    company = ctx.company(fresh=True)
    earlier = named(history(ctx, company))
    body = ctx.body("needs_attention") | {"idempotency_key": new_key()}
    run = begun(company, body, ctx.start(company, body))
    moving = ctx.start(company, body)
    if moving.ok:
        ctx.status("IDEM-07", moving, 200, 201, requirement="a replay is answered with 200 or 201")
        ctx.reads("OP-06", f"{moving.status}, with status {at(moving.json, 'status')!r} while the run is active")
    _judge_replay(ctx, "IDEM-02", run, moving, "while the run is active")
    parked = ctx.until(run, "needs_attention")
    _judge_replay(ctx, "IDEM-04", run, ctx.start(company, body), "while the run is parked")
    other = ctx.body("completed") | {"idempotency_key": body["idempotency_key"]}
    _judge_conflict(ctx, run, other, parked)
    new = added(named(history(ctx, company)), earlier)
    same_run = not moving.ok or at(moving.json, "run_id") == run.id  # a refusal is IDEM-02's
    requirement = "the same start with the same key gives the same run, and no second one"
    holds = same_run and (new is None or len(new) <= 1)
    ctx.require("IDEM-01", holds, requirement, moving, expected=f"run {run.id} alone", got=new)
    end(ctx, run)
    ended = run.state
    if _judge_replay(ctx, "IDEM-03", run, ctx.start(company, body), "after the run's end"):
        _judge_conflict(ctx, run, other, ended)


@check("IDEM-06", "IMP-12", needs=("completed", "needs_attention"))
def companies_import_side_by_side(ctx: StateDriver) -> None:
    """Start an import of one company, and of another while the first is in flight, with one key and other rows."""
    key = {"idempotency_key": new_key()}
    requirement = "a company without an import in flight starts one, whatever other companies do"
    first = ctx.start(ctx.company(fresh=True), ctx.body("needs_attention") | key)
    if first.status == 409:  # for want of an import of its own, it is others' that keep it from starting one
        ctx.status("IMP-12", first, 2, requirement=requirement)
    if not first.ok:
        raise Blocked("the first import was not accepted", [first])
    company = ctx.company(fresh=True)
    second = ctx.start(company, ctx.body("completed") | key)
    answer = second if second.ok else ctx.start(company, ctx.body("completed"))
    if not ctx.status("IMP-12", answer, 2, requirement=requirement):
        raise Blocked("the second company can start no import at all", [second, answer])
    requirement = "a key that another company used starts a run of its own"
    if ctx.status("IDEM-06", second, 2, requirement=requirement):
        ids = {str(at(each.json, "run_id")) for each in (first, second)}
        ctx.require("IDEM-06", len(ids) == 2, requirement, first, second, expected="two runs", got=ids)


@check("IDEM-08", needs=("completed",))
def concurrent_starts_with_one_key_are_one(ctx: StateDriver) -> None:
    """Send eight equal starts with one key at once."""
    company = ctx.company(fresh=True)
    earlier = named(history(ctx, company))
    body = ctx.body("completed") | {"idempotency_key": new_key()}

    answers = ctx.client.concurrently([partial(ctx.start, company, body)] * STARTS_AT_ONCE)
    if not (accepted := [answer for answer in answers if answer.ok]):
        raise Blocked("none of the concurrent starts was accepted", answers[:2])
    ids = {str(at(answer.json, "run_id")) for answer in accepted}
    new = added(named(history(ctx, company)), earlier)
    holds = len(ids) == 1 and (new is None or len(new) <= 1)
    requirement = "concurrent starts with one key create one run"
    ctx.require("IDEM-08", holds, requirement, *accepted[:3], expected="1 run", got=f"{ids}; new in history: {new}")


def _judge_replay(ctx: StateDriver, clause: str, run: Run, answer: Answer, when: str) -> bool:
    requirement = f"the same start with the same key gives the existing run {when}"
    holds, got = answer.ok and at(answer.json, "run_id") == run.id, f"{answer.status} {answer.text}"
    return ctx.require(clause, holds, requirement, answer, expected=f"2xx, run {run.id}", got=got)


def _judge_conflict(ctx: StateDriver, run: Run, other: dict[str, Any], before: Any) -> None:
    """Other rows with a used key are refused, and the run is as before (IDEM-05)."""
    refused = ctx.start(run.company, other)
    status = before.get("status") if isinstance(before, dict) else before
    requirement = f"a used key with clearly different rows is refused with 409; its run is {status}"
    ctx.status("IDEM-05", refused, 409, requirement=requirement)
    after = ctx.poll(run)
    requirement = "a used key with different rows leaves the existing run as it is"
    ctx.require("IDEM-05", same(before, after), requirement, refused, after, expected=before, got=after.json)
