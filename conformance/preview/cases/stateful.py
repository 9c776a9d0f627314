"""Plays a walk to the target, step by step, and holds each answer against what the walk knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.fuzzing.runner import Tried
from conformance.fuzzing.stateful import Walker
from conformance.model.results import Blocked, Skipped
from conformance.preview.cases.expected_history import Known, Memory, active, order, seen
from conformance.preview.cases.walks import plans
from conformance.preview.driver import MOVING, Run
from conformance.preview.poll_body import at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from conformance.engine.check import Draw
    from conformance.fuzzing.runner import Trier
    from conformance.http.client import Answer
    from conformance.preview.cases.driver import CaseDriver
    from conformance.preview.cases.expected_history import Claim
    from conformance.preview.cases.walks import Step
    from conformance.preview.driver import Company, StateDriver

CLAUSES = (
    *("IMP-02", "IMP-05", "IMP-09", "IMP-10", "IMP-11"),
    *("RUN-03", "RUN-04", "RUN-05", "RUN-07", "POLL-01", "PATCH-10"),
    *("ACT-04", "ACT-05", "ACT-06", "HIST-01", "HIST-03"),
    *("DEC-01", "DEC-23", "DEC-31", "DEC-35"),
)
"""The clauses that walks speak of."""
MOST_WALKS = 20


class ImportWalker(Walker):
    """Walks on the company for imports; a walk has it idle."""

    def __init__(self, ctx: StateDriver, driver: CaseDriver, trier: Trier, draw: Draw) -> None:
        super().__init__(ctx, trier, draw)
        self._driver = driver

    def play(self, steps: Sequence[Step], found: list[Tried]) -> None:
        """Take the steps, and let every run of the walk end; what each step shows is added to `found`."""
        company, memory = self._driver.idle(), Memory()
        try:
            for step in steps:
                if self.over():
                    break
                found += self._taken(step, company, memory)
        except (Blocked, Skipped):  # an interruption waits for no run
            self._end(memory)
            raise
        self._end(memory)

    def _end(self, memory: Memory) -> None:
        """Let every run of the walk end."""
        for known in reversed(memory.runs):
            if not known.over and not self.over():
                self._driver.rest(known.run)

    def _taken(self, step: Step, company: Company, memory: Memory) -> list[Tried]:
        known = memory.runs[step.run] if step.run < len(memory.runs) else memory.newest
        match step.operation:
            case "start_import":
                return list(self._start(step.how, company, memory))
            case "decide" if known is not None:
                return list(self._decide(step.how, known))
            case "poll_import" if known is not None:
                self.ctx.wait()
                return self._poll(known)
            case "list_imports":
                return self._look(step.how, company, memory)
        return []

    def _start(self, state: str, company: Company, memory: Memory) -> Iterator[Tried]:
        newest = memory.newest
        if newest is not None and not newest.over:
            yield from self._poll(newest)
        answer = self._heard(self.ctx.start(company, self.ctx.body(state)))
        refused = answer.status == 409
        if newest is not None and newest.parked:
            yield _tried(("IMP-10", refused, "while a run is parked another import is refused with 409"), answer)
        elif newest is not None and not newest.over and answer.ok:
            yield from self._poll(newest)
            if newest.status in MOVING:
                yield _tried(("IMP-09", False, "while a run moves another import is refused with 409"), answer)
        elif newest is not None and not newest.over:
            yield _tried(("IMP-09", refused, "while a run moves another import is refused with 409"), answer)
        elif newest is not None and (answer.ok or self._is_idle(company)):
            yield _tried(("IMP-11", answer.ok, "once the last run is over a new import is accepted"), answer)
        if answer.ok and isinstance(run_id := at(answer.json, "run_id"), str):
            memory.runs.append(Known(Run(company, run_id, "", None, answer, answer)))
            yield from self._poll(memory.runs[-1])

    def _is_idle(self, company: Company) -> bool:
        found = self.ctx.client.call("list_imports", company_id=company.id, query={"status": "active"})
        return found.ok and bool(found.json == {"run": None})

    def _poll(self, known: Known) -> list[Tried]:
        first = known.seen is None
        answer = self._heard(self.ctx.poll(known.run))
        clause = "IMP-05" if first else "POLL-01"
        found = [_tried((clause, answer.ok, "a run that was started can be read"), answer)]
        if answer.ok:
            found += [_tried(claim, answer) for claim in seen(known, answer.json)]
        return found

    def _decide(self, word: str, known: Known) -> Iterator[Tried]:
        if not known.over:
            self.ctx.until(known.run)
            yield from self._poll(known)
        answer = self._heard(self.ctx.decide(known.run, word))
        if known.parked:
            clause = "DEC-31" if word == "reject" else "DEC-01"
            yield _tried((clause, answer.ok, f"to {word} a parked run is accepted"), answer)
            known.decided = word if answer.ok else ""
            known.rejected = known.rejected or (answer.ok and word == "reject")
            if answer.ok:
                yield from self._poll(known)
        elif known.over:
            clause = "DEC-35" if known.rejected and word == "approve" else "DEC-23"
            yield _tried((clause, answer.status == 409, "a run that is over takes no decision: 409"), answer)

    def _look(self, how: str, company: Company, memory: Memory) -> list[Tried]:
        found = []
        if how and memory.newest is not None:
            found += self._poll(memory.newest)
        query = {"status": "active"} if how else {}
        answer = self._heard(self.ctx.client.call("list_imports", company_id=company.id, query=query))
        claims = active(memory, answer.json) if how else order(memory, answer.json)
        return found + ([_tried(claim, answer) for claim in claims] if answer.ok and answer.readable else [])

    def _heard(self, answer: Answer) -> Answer:
        if answer.status is None:
            raise Blocked(f"no answer: {answer.problem}", [answer])
        return answer


def _tried(claim: Claim, answer: Answer) -> Tried:
    clause, holds, requirement = claim
    return Tried(clause, requirement, holds, requirement, f"{answer.status} {answer.text[:200]}", (answer,))


def play_walks(ctx: StateDriver, driver: CaseDriver, trier: Trier, draw: Draw) -> None:
    """Play every walk that is drawn; Skipped where the target file has no bodies to start the imports with."""
    for state in ("completed", "needs_attention"):
        ctx.body(state)
    walker = ImportWalker(ctx, driver, trier, draw)
    for plan in plans(draw.seed, min(draw.max_examples, MOST_WALKS)):
        if draw.over():
            return
        walker.walk(plan)
