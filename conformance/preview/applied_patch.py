"""What an approval without answers has made of a run's rows, judged by the patch that its poll showed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.engine.context import block_if, skip_if
from conformance.model.results import Skipped
from conformance.preview import decision_runs as trials
from conformance.preview.bodies import actions, at, count, status_of
from conformance.preview.patch_effects import CLAUSES, predict

if TYPE_CHECKING:
    from conformance.http.client import Answer
    from conformance.preview.driver import StateDriver
    from conformance.preview.submitted_rows import SubmittedRows


def judge_effects(ctx: StateDriver, made: trials.DecisionRun, rows: SubmittedRows | None = None) -> None:
    """Whether the rows are what the patch makes of those that were sent, or of these (DEC-05 to DEC-09, DEC-27)."""
    with ctx.speaking_of("DEC-05", "DEC-06", "DEC-07", "DEC-08", "DEC-27"):
        patch = actions(made.parked)
        effects = predict(rows, patch) if rows else trials.expected_effects(ctx, made.run, made.parked)
        try:
            found = made.differences(effects)
        except Skipped:
            _judge_end(ctx, made, clears=effects.clears, blocked="")
            raise
        _judge_end(ctx, made, clears=effects.clears, blocked=", ".join(found))
        requirement, got = "an approval without answers applies the proposed patch", "; ".join(found.values())
        ctx.require("DEC-05", not found, requirement, *evidence(made), expected=actions(made.parked), got=got)
        for action, clause in CLAUSES.items():
            if clause in ctx.check.clauses:
                with ctx.speaking_of(clause):
                    trials.with_action(made.parked, action)
                    requirement = f"{action} changes the rows that it is for, and no others"
                    ctx.require(clause, clause not in found, requirement, *evidence(made), got=found.get(clause, ""))


def _judge_end(ctx: StateDriver, made: trials.DecisionRun, *, clears: bool, blocked: str) -> None:
    with ctx.speaking_of("DEC-27"):
        skip_if(not clears, "the patch leaves rows flagged")
        status, wrong = at(made.end, "status"), count(made.end, "invalidCellCount")
        clear = status == "completed" and wrong == 0
        text = f"blocked by {blocked}: the patch was not applied as it was shown"
        block_if(not clear and blocked, text, made.run.polled)
        requirement = "a run without a wrong cell completes with nothing flagged"
        number = "no invalidCellCount" if wrong is None else f"an invalidCellCount of {wrong}"
        got = f"{status_of(made.end)}, with {number}"
        ctx.require("DEC-27", clear, requirement, made.decided, made.run.polled, expected="completed, with 0", got=got)


def evidence(made: trials.DecisionRun) -> list[Answer]:
    """The last poll and the download by which a decision's effect is judged."""
    return [made.run.polled] if made.all is None else [made.run.polled, made.all.answer]
