"""The keys that make a start repeatable (IDEM), and companies that import side by side (IMP-12).

The rule that it keeps: that a repeated start had no effect is told by the company's history and the run itself, never
by its answer alone.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from conformance.engine.stage import Blocked
from conformance.preview.checks import check
from conformance.preview.checks.imports import added, begun, end, history, named, new_key
from conformance.preview.decision_runs import same
from conformance.preview.poll_body import at

if TYPE_CHECKING:
    from conformance.engine.stage import Run, Stage
    from conformance.http.client import Answer

STARTS_AT_ONCE = 8


@check("IDEM-01", "IDEM-02", "IDEM-03", "IDEM-04", "IDEM-05", "IDEM-07", needs=("completed", "needs_attention"))
def a_key_starts_one_run(stage: Stage) -> None:
    """Repeat a start with its key while the run moves, while it is parked, and after its end; then with other rows."""
    company = stage.company(fresh=True)
    earlier = named(history(stage, company))
    body = stage.body("needs_attention") | {"idempotency_key": new_key()}
    run = begun(company, body, stage.start(company, body))
    moving = stage.start(company, body)
    if moving.ok:
        stage.status("IDEM-07", moving, 200, 201, requirement="a replay is answered with 200 or 201")
        stage.reads("OP-06", f"{moving.status}, with status {at(moving.json, 'status')!r} while the run is active")
    _judge_replay(stage, "IDEM-02", run, moving, "while the run is active")
    parked = stage.until(run, "needs_attention")
    _judge_replay(stage, "IDEM-04", run, stage.start(company, body), "while the run is parked")
    other = stage.body("completed") | {"idempotency_key": body["idempotency_key"]}
    _judge_conflict(stage, run, other, parked)
    new = added(named(history(stage, company)), earlier)
    same_run = not moving.ok or at(moving.json, "run_id") == run.id  # a refusal is IDEM-02's
    requirement = "the same start with the same key gives the same run, and no second one"
    holds = same_run and (new is None or len(new) <= 1)
    stage.require("IDEM-01", holds, requirement, moving, expected=f"run {run.id} alone", got=new)
    end(stage, run)
    ended = run.state
    if _judge_replay(stage, "IDEM-03", run, stage.start(company, body), "after the run's end"):
        _judge_conflict(stage, run, other, ended)


@check("IDEM-06", "IMP-12", needs=("completed", "needs_attention"))
def companies_import_side_by_side(stage: Stage) -> None:
    """Start an import of one company, and of another while the first is in flight, with one key and other rows."""
    key = {"idempotency_key": new_key()}
    requirement = "a company without an import in flight starts one, whatever other companies do"
    first = stage.start(stage.company(fresh=True), stage.body("needs_attention") | key)
    if first.status == 409:  # for want of an import of its own, it is others' that keep it from starting one
        stage.status("IMP-12", first, 2, requirement=requirement)
    if not first.ok:
        raise Blocked("the first import was not accepted", [first])
    company = stage.company(fresh=True)
    second = stage.start(company, stage.body("completed") | key)
    answer = second if second.ok else stage.start(company, stage.body("completed"))
    if not stage.status("IMP-12", answer, 2, requirement=requirement):
        raise Blocked("the second company can start no import at all", [second, answer])
    requirement = "a key that another company used starts a run of its own"
    if stage.status("IDEM-06", second, 2, requirement=requirement):
        ids = {str(at(each.json, "run_id")) for each in (first, second)}
        stage.require("IDEM-06", len(ids) == 2, requirement, first, second, expected="two runs", got=ids)


@check("IDEM-08", needs=("completed",))
def concurrent_starts_with_one_key_are_one(stage: Stage) -> None:
    """Send eight equal starts with one key at once."""
    company = stage.company(fresh=True)
    earlier = named(history(stage, company))
    body = stage.body("completed") | {"idempotency_key": new_key()}

    answers = stage.client.concurrently([partial(stage.start, company, body)] * STARTS_AT_ONCE)
    if not (accepted := [answer for answer in answers if answer.ok]):
        raise Blocked("none of the concurrent starts was accepted", answers[:2])
    ids = {str(at(answer.json, "run_id")) for answer in accepted}
    new = added(named(history(stage, company)), earlier)
    holds = len(ids) == 1 and (new is None or len(new) <= 1)
    requirement = "concurrent starts with one key create one run"
    stage.require("IDEM-08", holds, requirement, *accepted[:3], expected="1 run", got=f"{ids}; new in history: {new}")


def _judge_replay(stage: Stage, clause: str, run: Run, answer: Answer, when: str) -> bool:
    requirement = f"the same start with the same key gives the existing run {when}"
    holds, got = answer.ok and at(answer.json, "run_id") == run.id, f"{answer.status} {answer.text}"
    return stage.require(clause, holds, requirement, answer, expected=f"2xx, run {run.id}", got=got)


def _judge_conflict(stage: Stage, run: Run, other: dict[str, Any], before: Any) -> None:
    """Other rows with a used key are refused, and the run is as before (IDEM-05)."""
    refused = stage.start(run.company, other)
    status = before.get("status") if isinstance(before, dict) else before
    requirement = f"a used key with clearly different rows is refused with 409; its run is {status}"
    stage.status("IDEM-05", refused, 409, requirement=requirement)
    after = stage.poll(run)
    requirement = "a used key with different rows leaves the existing run as it is"
    stage.require("IDEM-05", same(before, after), requirement, refused, after, expected=before, got=after.json)
