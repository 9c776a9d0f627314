"""What was true an hour ago and has to be so still; where the target's clock can be moved (PROV, AUTH, ACT, HIST).

These checks come last, since time that has passed is passed for every run that others look at.
"""

from __future__ import annotations

from conformance.engine.context import must_come, must_succeed, skip_if
from conformance.preview.bodies import at, entries, identity
from conformance.preview.checks import Answer, Run, StateDriver, check
from conformance.preview.checks.runs import HOUR, TIMED_OUT, dead_run
from conformance.preview.driver import new_name

LATER = 2 * HOUR
NO_WAY = "the target offers no way to let hours pass"


@check("PROV-14", "PROV-16", "AUTH-05", whole=True)
def what_a_company_has_taken_stays_taken(ctx: StateDriver) -> None:
    """Provision a company, let hours pass, and provision its external_id and its name again."""
    ctx.must_provision()
    name = new_name()
    made = must_succeed(ctx.provision(name=name, external_id=name), "a company could not be provisioned")
    skip_if(not ctx.advance(LATER), NO_WAY)
    again = ctx.provision(name=new_name(), external_id=name)
    ctx.status("PROV-14", again, 409, "an external_id that was taken hours ago is answered with 409")
    again = ctx.provision(name=name, external_id=new_name())
    ctx.status("PROV-16", again, 400, "a name that was taken for the source hours ago is answered with 400")
    history = ctx.client.call("list_imports", company_id=at(made.json, "company", "id"))
    ctx.status("AUTH-05", history, 2, "a company that was provisioned hours ago is there")


@check("ACT-04", "HIST-04", needs=("needs_attention",), whole=True)
def a_parked_run_stays_in_sight(ctx: StateDriver) -> None:
    """Let hours pass while a run is parked; then look for the active run, and for all."""
    run = ctx.run("needs_attention")
    skip_if(not ctx.advance(LATER), NO_WAY)
    polled, found, after = ctx.poll(run), ctx.active(run.company), ctx.poll(run)
    history = ctx.history(run.company)
    must_come(polled, found, after, history)
    expired = at(after.json, "error") == TIMED_OUT or at(after.json, "status") != "needs_attention"
    skip_if(expired, "a parked run does not wait for hours (OP-11)")
    there = at(found.json, "status") == "needs_attention" and at(found.json, "needs_attention") is not None
    requirement = "a run that has been parked for hours is active"
    ctx.require("ACT-04", there, requirement, after, found, expected=after.text, got=found.text)
    ctx.require("HIST-04", _lists(history, run), "a run parked for hours is listed", history, got=history.text)


@check("HIST-04", needs=("completed",), whole=True)
def a_run_that_timed_out_is_listed(ctx: StateDriver) -> None:
    """Let a run go stale, and read the history of its company."""
    run = dead_run(ctx)
    history = ctx.history(run.company)
    must_come(history)
    ctx.require("HIST-04", _lists(history, run), "a run that timed out is listed", history, got=history.text)


def _lists(history: Answer, run: Run) -> bool:
    """Whether the history lists the run, or may do so without an id (OP-08)."""
    found = entries(history.json)
    return run.id in history.text or found is None or bool(found and not any(map(identity, found)))
