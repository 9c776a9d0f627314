"""Companies that a target file lends: which of them is idle, and how they are given back.

The rule that it keeps: a run that the suite began in a borrowed company is ended as soon as no check needs it, so that
the next one finds the company idle; what parks is rejected.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from conformance.model.results import Blocked, Skipped
from conformance.preview.poll_body import TERMINAL, at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from conformance.preview.driver import Run, StateDriver


def idle(ctx: StateDriver, companies: Sequence[str]) -> str | None:
    """The first of them without an import in flight; where there is none, after what no check needs now has ended."""
    found = _idle(ctx, companies)
    if found is None and _vacate(ctx):
        found = _idle(ctx, companies)
    return found


def give_back(ctx: StateDriver, *, for_good: bool = False) -> None:
    """End what was begun, but for what later checks may still look at; `for_good`: that, too."""
    wanted = set() if for_good else {run.id for _, run in _shared_runs(ctx)}
    for _, run in _shared_runs(ctx):
        if at(run.state, "status") in TERMINAL:
            ctx.in_flight.pop(run.id, None)
    for run in [each for each in ctx.in_flight.values() if each.id not in wanted]:
        _end(ctx, run)


def _idle(ctx: StateDriver, companies: Sequence[str]) -> str | None:
    for company_id in companies:
        active = ctx.client.call("list_imports", company_id=company_id, query={"status": "active"})
        if active.ok and isinstance(active.json, dict) and active.json.get("run", 0) is None:
            return company_id
    return None


def _vacate(ctx: StateDriver) -> bool:
    """Whether a run was ended that another check had kept to be looked at; this check's own ones are not."""
    ended = [run for run in ctx.in_flight.values() if run.id not in ctx.held]
    for key, run in _shared_runs(ctx):
        if run.id in ctx.in_flight and run.id not in ctx.held and ctx.shared is not None:
            del ctx.shared[key]
    for run in ended:
        _end(ctx, run)
    return bool(ended)


def _end(ctx: StateDriver, run: Run) -> None:
    """See the run to its end, once: a target that does not let it end is for DEC-31 to judge."""
    del ctx.in_flight[run.id]
    with suppress(Blocked, Skipped):
        if at(ctx.until(run), "status") == "needs_attention" and ctx.decide(run, "reject").ok:
            ctx.until(run)


def _shared_runs(ctx: StateDriver) -> Iterator[tuple[str, Run]]:
    """The runs that checks of a journey share, by what they are shared as; those of trials among them."""
    for key, value in list((ctx.shared or {}).items()):
        run: Any = getattr(value, "run", value)
        if hasattr(run, "polled"):
            yield key, run
