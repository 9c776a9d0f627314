"""What the closing look prepares before it lets hours pass, and what it asks of that afterwards.

The rule that it keeps: a parked run may have expired by then, and a key may have been forgotten once its run was over
(OP-06, OP-11); what was taken stays taken, and what was begun ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from conformance.engine.context import has_status
from conformance.preview.account import table, upload
from conformance.preview.bodies import MOVING, at
from conformance.preview.checks import Blocked, Company, Run, StateDriver
from conformance.preview.checks.runs import HOUR
from conformance.preview.driver import new_name
from conformance.preview.submitted_rows import inline_rows
from conformance.target.target import Body

if TYPE_CHECKING:
    from conformance.preview.observed.memory import SeenCompany

IN_FLIGHT = 4
"""How many runs that were in flight are looked at hours later."""


@dataclass(slots=True)
class Prepared:
    """What hours are to pass over."""

    parked: Run | None = None
    """A parked run whose start had a key."""
    url: str | None = None
    """An upload URL that was used."""


def prepare(ctx: StateDriver, free: SeenCompany | None) -> Prepared:
    """A parked run, and a used upload URL whose file was imported in the free company, where these can be had."""
    prepared = Prepared()
    if ctx.client.read_only or ctx.lent is not None:
        return prepared
    with ctx.speaking_of():
        prepared.parked = _parking(ctx)
        rejected = _parking(ctx)
        if ctx.decide(rejected, "reject").ok:
            ctx.until(rejected)
    if free is not None:
        with ctx.speaking_of():
            prepared.url = _imported(ctx, Company(free.id))
    return prepared


def _parking(ctx: StateDriver) -> Run:
    """A run that parks, and was looked up on the way."""
    company = ctx.company(fresh=True)
    run = ctx.begin(company, ctx.body("needs_attention") | {"idempotency_key": new_name()})
    ctx.active(company)
    ctx.until(run, "needs_attention")
    ctx.active(company)
    return run


def _imported(ctx: StateDriver, company: Company) -> str:
    """The URL of a file of the rows that complete, which was imported."""
    content = table(inline_rows(ctx.body("completed")))
    url, ref = upload(ctx, company, content)
    ctx.client.put_upload(url, content, "text/csv")
    ctx.until(ctx.begin(company, {"files": [{"name": "conformance.csv", "upload_ref": ref}]}))
    return url


def judge_minutes_later(ctx: StateDriver, prepared: Prepared) -> None:
    """Put another file at the used URL."""
    if prepared.url is not None:
        again = ctx.client.put_upload(prepared.url, b"a,b\n1,2\n", "text/csv")
        if again.status is not None:
            refused, got = has_status(again.status, 4), str(again.status)
            requirement = "a used upload_url is refused later, too"
            ctx.require("UPL-03", refused, requirement, again, expected="4xx", got=got)


def ask_an_hour_later(ctx: StateDriver, prepared: Prepared) -> None:
    """Repeat the start of the parked run, provision what is taken, and approve; the observer judges the answers."""
    if (run := prepared.parked) is not None:
        ctx.start(run.company, run.body)
        if at(ctx.poll(run).json, "status") == "needs_attention":
            ctx.decide(run)
    taken = [answer.sent for key, answer in ctx.memory.taken.items() if key[0] == "external_id"][:1]
    for sent in taken if ctx.lent is None and not ctx.client.read_only else ():
        ctx.provision(source=sent.get("source"), external_id=sent.get("external_id"))
        ctx.provision(source=sent.get("source"), name=sent.get("name"))


def judge_hours_later(ctx: StateDriver, prepared: Prepared, free: SeenCompany | None) -> None:
    """Start an import and let hours pass: neither that nor what was in flight before moves any more."""
    with ctx.speaking_of("STALE-01"):
        runs = [*_begun(ctx, free), *([prepared.parked] if prepared.parked is not None else [])]
        known = {run.id for run in runs}
        met = (each for each in ctx.memory.runs.values() if each.is_alive and each.status in MOVING)
        runs += [_run(each.company.id, each) for each in islice(met, IN_FLIGHT) if each.id not in known]
        ctx.advance(4 * HOUR)
        for run in runs:
            _judge_over(ctx, run)


def _begun(ctx: StateDriver, free: SeenCompany | None) -> list[Run]:
    state = "running" if isinstance(ctx.target.states.get("running"), Body) else "completed"
    if ctx.client.read_only or not isinstance(ctx.target.states.get(state), Body):
        return []
    run = ctx.begin_run(state, Company(free.id) if free is not None else None)
    ctx.poll(run)
    return [run]


def _run(company_id: str, seen: Any) -> Run:
    return Run(Company(company_id), seen.id, seen.last or seen.started)


def _judge_over(ctx: StateDriver, run: Run) -> None:
    try:
        ctx.until(run)
    except Blocked:
        if not run.polled.ok:
            return
    moves = at(run.state, "status") in MOVING
    requirement = "a run that was in flight hours ago does not move any more"
    ctx.require("STALE-01", not moves, requirement, run.polled, expected="an end", got=run.polled.text)
