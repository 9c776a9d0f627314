"""Plays a walk to the target, step by step, and holds each answer against what the walk knows.

A walk has one idle company. A failure is played again from the start, and then with ever fewer steps.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from conformance.engine.stage import MOVING, Blocked, Run, Skipped
from conformance.fuzzing.runner import Tried, accuse
from conformance.preview.expectations.history import Known, Memory, active, order, seen
from conformance.preview.poll_body import at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from conformance.engine.stage import Company, Stage
    from conformance.fuzzing.driver import Ground
    from conformance.fuzzing.runner import Trier
    from conformance.fuzzing.walks import Step
    from conformance.http.client import Answer
    from conformance.model.clauses import Clause
    from conformance.preview.expectations.history import Claim

CLAUSES = (
    *("IMP-02", "IMP-05", "IMP-09", "IMP-10", "IMP-11"),
    *("RUN-03", "RUN-04", "RUN-05", "RUN-07", "POLL-01", "PATCH-10"),
    *("ACT-04", "ACT-05", "ACT-06", "HIST-01", "HIST-03"),
    *("DEC-01", "DEC-23", "DEC-31", "DEC-35"),
)
"""The clauses that walks speak of."""


class Walker:
    """Walks on one ground."""

    def __init__(
        self,
        stage: Stage,
        ground: Ground,
        trier: Trier,
        clauses: Mapping[str, Clause],
        over: Callable[[], bool],
    ) -> None:
        self._stage, self._ground, self._trier, self._clauses, self._over = stage, ground, trier, clauses, over
        self._failed: set[str] = set()

    def walk(self, plan: Sequence[Step]) -> None:
        """Play the plan, and tell what it shows; what keeps it from being played to its end is told last."""
        found: list[Tried] = []
        hindered: Blocked | Skipped | None = None
        try:
            self._play(plan, found)
        except (Blocked, Skipped) as error:
            hindered = error
        for tried in found:
            self._heed(plan, tried)
        if hindered is not None:
            raise hindered

    def _heed(self, plan: Sequence[Step], tried: Tried) -> None:
        if tried.clause not in self._clauses:
            return
        if tried.holds:
            self._trier.passed(tried.clause, tried.requirement)
        elif tried.clause not in self._failed and (again := self._failing(plan, tried.clause)):
            self._failed.add(tried.clause)
            smallest, shown = self._small(list(plan), again)
            accuse(self._stage, shown, f"after {_told(smallest)}")

    def _failing(self, plan: Sequence[Step], clause: str) -> Tried | None:
        found: list[Tried] = []
        with suppress(Blocked, Skipped):
            self._play(plan, found)
        return next((each for each in found if each.clause == clause and not each.holds), None)

    def _small(self, plan: list[Step], tried: Tried) -> tuple[list[Step], Tried]:
        """The plan without the steps that it fails without, too; the last ones go first."""
        for place in reversed(range(len(plan))):
            if self._over():
                break
            fewer = [*plan[:place], *plan[place + 1 :]]
            if found := self._failing(fewer, tried.clause):
                plan, tried = fewer, found
        return plan, tried

    # -- one walk

    def _play(self, plan: Sequence[Step], found: list[Tried]) -> None:
        """Take the steps, and let every run of the walk end; what each step shows is added to `found`."""
        company, memory = self._ground.idle(), Memory()
        try:
            for step in plan:
                if self._over():
                    break
                found += self._taken(step, company, memory)
        except (Blocked, Skipped):  # an interruption waits for no run
            self._end(memory)
            raise
        self._end(memory)

    def _end(self, memory: Memory) -> None:
        """Let every run of the walk end."""
        for known in reversed(memory.runs):
            if not known.over and not self._over():
                self._ground.rest(known.run)

    def _taken(self, step: Step, company: Company, memory: Memory) -> list[Tried]:
        known = memory.runs[step.run] if step.run < len(memory.runs) else memory.newest
        match step.operation:
            case "start_import":
                return list(self._start(step.how, company, memory))
            case "decide" if known is not None:
                return list(self._decide(step.how, known))
            case "poll_import" if known is not None:
                self._stage.wait()
                return self._poll(known)
            case "list_imports":
                return self._look(step.how, company, memory)
        return []

    def _start(self, state: str, company: Company, memory: Memory) -> Iterator[Tried]:
        newest = memory.newest
        if newest is not None and not newest.over:
            yield from self._poll(newest)
        answer = self._heard(self._stage.start(company, self._stage.body(state)))
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
        found = self._stage.client.call("list_imports", company_id=company.id, query={"status": "active"})
        return found.ok and bool(found.json == {"run": None})

    def _poll(self, known: Known) -> list[Tried]:
        first = known.seen is None
        answer = self._heard(self._stage.poll(known.run))
        clause = "IMP-05" if first else "POLL-01"
        found = [_tried((clause, answer.ok, "a run that was started can be read"), answer)]
        if answer.ok:
            found += [_tried(claim, answer) for claim in seen(known, answer.json)]
        return found

    def _decide(self, word: str, known: Known) -> Iterator[Tried]:
        if not known.over:
            self._stage.until(known.run)
            yield from self._poll(known)
        answer = self._heard(self._stage.decide(known.run, word))
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
        answer = self._heard(self._stage.client.call("list_imports", company_id=company.id, query=query))
        claims = active(memory, answer.json) if how else order(memory, answer.json)
        return found + ([_tried(claim, answer) for claim in claims] if answer.ok and answer.readable else [])

    def _heard(self, answer: Answer) -> Answer:
        if answer.status is None:
            raise Blocked(f"no answer: {answer.problem}", [answer])
        return answer


def _tried(claim: Claim, answer: Answer) -> Tried:
    clause, holds, requirement = claim
    return Tried(clause, requirement, holds, requirement, f"{answer.status} {answer.text[:200]}", (answer,))


def _told(plan: Sequence[Step]) -> str:
    return ", ".join(f"{step.operation} {step.how}".strip() for step in plan)


def ways_to_walk(stage: Stage) -> None:
    """Skipped where the target file has no bodies to start the imports of a walk with."""
    for state in ("completed", "needs_attention"):
        stage.body(state)
    if stage.client.read_only:
        raise Skipped("--read-only: a walk starts imports")
