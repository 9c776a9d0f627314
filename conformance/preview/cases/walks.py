"""Walks over the contract's links, as Schemathesis' state machine draws them, and how they are played to the target.

The machine is given answers of our own, so that a plan depends on the seed alone: Hypothesis meets no server whose
answers differ from one time to the next, and a plan can be played again in part. Only what cannot change by itself is
held against a target: a run that moves may have moved on by the next call.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from conformance.engine.context import must_come
from conformance.fuzzing.layer import Tried, Trier, Walker
from conformance.fuzzing.strategies import settings
from conformance.model.results import Blocked, Skipped
from conformance.preview.bodies import MOVING, TERMINAL, at, documented
from conformance.preview.cases.document import walks
from conformance.preview.driver import Company, Run, StateDriver

if TYPE_CHECKING:
    from conformance.engine.plan import Draw
    from conformance.http.client import Answer
    from conformance.preview.cases.layer import CaseDriver

STEPS = 10
COMPANY = "{company}"
RUN = "run "


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a walk."""

    operation: str
    how: str = ""
    """The state that an import leads to, the decision, or the status that is looked for."""
    run: int = 0
    """Which of the walk's imports it is about, counted from 0."""

    def __str__(self) -> str:
        return f"{self.operation} {self.how}".strip()


def plans(seed: int, count: int) -> list[list[Step]]:
    """So many walks; those without a start of an import tell nothing, and are left out."""
    import hypothesis  # noqa: PLC0415 - comes with Schemathesis, which is slow to import
    import schemathesis  # noqa: PLC0415 - as above

    if not count:
        return []
    schema = schemathesis.openapi.from_dict(walks())
    schema.config.generation.update(modes=[schemathesis.GenerationMode.POSITIVE])
    found: list[list[Step]] = []
    machine = hypothesis.seed(seed)(_machine(schema, found))
    machine.run(settings=hypothesis.settings(settings(count), stateful_step_count=STEPS))
    kept = [plan for plan in found if any(step.operation == "start_import" for step in plan)]
    return [list(plan) for plan in dict.fromkeys(map(tuple, kept))]


def _machine(schema: Any, found: list[list[Step]]) -> Any:
    """Schemathesis' machine, which writes down its steps and calls nobody."""

    class Planner(schema.as_state_machine()):  # type: ignore[misc]
        def setup(self) -> None:
            self.steps: list[Step] = []
            found.append(self.steps)

        def call(self, case: Any, **_: Any) -> Any:
            operation = case.operation.definition.raw["operationId"]
            started = sum(step.operation == "start_import" for step in self.steps)
            step = _step(operation, case, started)
            if step is not None:
                self.steps.append(step)
            return _answer(operation, case, started)

        def validate_response(self, *_: Any, **__: Any) -> None:
            """Nothing was asked, so there is nothing to judge."""

    return Planner


def _step(operation: str, case: Any, started: int) -> Step | None:
    """What the case is in a walk; None for what a walk has no use for."""
    run = str((case.path_parameters or {}).get("run_id", ""))
    known = int(run.removeprefix(RUN)) if run.startswith(RUN) else started - 1
    match operation:
        case "start_import":
            return Step(operation, case.body)
        case "decide" if known >= 0:
            return Step(operation, case.body, known)
        case "poll_import" if known >= 0:
            return Step(operation, run=known)
        case "list_imports":
            return Step(operation, str((case.query or {}).get("status", "")))
    return None


def _answer(operation: str, case: Any, started: int) -> Any:
    """An answer whose links lead on."""
    import requests  # noqa: PLC0415 - comes with Schemathesis
    from schemathesis.core.transport import Response  # noqa: PLC0415 - slow to import

    run = f"{RUN}{started if operation == 'start_import' else max(0, started - 1)}"
    bodies: dict[str, tuple[int, Any]] = {
        "provision_company": (201, {"company": {"id": COMPANY}}),
        "start_import": (201, {"run_id": run}),
        "list_imports": (200, {"run_id": run} if case.query else {"runs": [{"run_id": run}]}),
        "poll_import": (200, {"run_id": run}),
        "decide": (200, {"run_id": run}),
    }
    status, body = bodies.get(operation, (200, {}))
    headers = {"content-type": ["application/json"]}
    request = requests.Request("GET", "http://localhost/").prepare()
    return Response(status, headers, json.dumps(body).encode(), request, elapsed=0.0, verify=True)


Claim = tuple[str, bool, str]
"""Clause, whether it holds, and what is required."""


@dataclass(slots=True)
class Known:
    """One import of the walk."""

    run: Run
    seen: Any = None
    """The last poll's body; None before the first."""
    decided: str = ""
    """The decision that was taken since the last parking was seen."""
    rejected: bool = False

    @property
    def status(self) -> Any:
        """The status that was seen last."""
        return at(self.seen, "status")

    @property
    def parked(self) -> bool:
        """Whether it waits for a decision, and nobody has taken one."""
        return self.status == "needs_attention" and not self.decided

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.status in TERMINAL


@dataclass(slots=True)
class Memory:
    """The imports of one company, the oldest first."""

    runs: list[Known] = field(default_factory=list)

    @property
    def newest(self) -> Known | None:
        """The import that was started last."""
        return self.runs[-1] if self.runs else None


def see(known: Known, body: Any) -> list[Claim]:
    """Remember a poll's body; what it shows of the rules of a run's life."""
    before, known.seen = known.seen, body
    was, now = at(before, "status"), at(body, "status")
    claims: list[Claim] = []
    if was in TERMINAL:
        claims.append(("RUN-03", was == now, "a run that is over stays so"))
        if was == now:
            claims.append(
                ("RUN-04", documented(before) == documented(body), "two reads of a run that is over are equal")
            )
    elif was == "running":
        claims.append(("RUN-05", now != "queued", "a run that was running is not queued again"))
    elif was == "needs_attention" and not known.decided:
        left = now in (*MOVING, "completed")  # canceled or failed it may be: OP-11, OP-16
        claims.append(("RUN-07", not left, "nothing but a decision takes a parked run on"))
        if now == was:
            claims.append(("PATCH-10", documented(before) == documented(body), "while a run is parked nothing changes"))
    elif was == "needs_attention" and known.decided == "reject" and now in TERMINAL:
        claims.append(("DEC-31", now == "failed", "a run that was rejected ends failed"))
    known.decided = ""
    return claims


def order(memory: Memory, listing: Any) -> list[Claim]:
    """What the history must show of the walk's imports: the newest first."""
    arrays = [listing] if isinstance(listing, list) else [*listing.values()] if isinstance(listing, dict) else []
    items: list[Any] = next((each for each in arrays if isinstance(each, list)), [])
    ids = [at(item, "run_id") or at(item, "id") for item in items]
    mine = [known.run.id for known in reversed(memory.runs)]
    there = [each for each in ids if each in mine]
    if not there or not mine:  # which members an item has is open: OP-08
        return []
    return [
        ("HIST-03", ids[0] == mine[0], "the run that was started last is the first of the history"),
        ("HIST-01", there == [each for each in mine if each in there], "the history is newest first"),
    ]


def active(memory: Memory, found: Any) -> list[Claim]:
    """What the active look-up must show after the newest import was seen at rest."""
    newest = memory.newest
    none = found == {"run": None}
    if newest is None:
        return []
    if newest.over:
        return [("ACT-05", none, "once the run is over the active look-up gives a run of null")]
    if newest.parked:
        if at(found, "status") != "needs_attention":
            return [("ACT-04", False, "a parked run is the active one")]
        equal = documented(found) == documented(newest.seen)
        return [
            ("ACT-04", True, "a parked run is the active one"),
            ("ACT-06", equal, "the active look-up shows what the poll shows"),
        ]
    return []


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
                found += self._take(step, company, memory)
        except (Blocked, Skipped):  # an interruption waits for no run
            self._end(memory)
            raise
        self._end(memory)

    def _end(self, memory: Memory) -> None:
        for known in reversed(memory.runs):
            if not known.over and not self.over():
                self._driver.rest(known.run)

    def _take(self, step: Step, company: Company, memory: Memory) -> list[Tried]:
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
        answer = self.ctx.start(company, self.ctx.body(state))
        must_come(answer)
        refused = answer.status == 409
        if newest is not None and newest.parked:
            yield _claim(("IMP-10", refused, "while a run is parked another import is refused with 409"), answer)
        elif newest is not None and not newest.over and answer.ok:
            yield from self._poll(newest)
            if newest.status in MOVING:
                yield _claim(("IMP-09", False, "while a run moves another import is refused with 409"), answer)
        elif newest is not None and not newest.over:
            yield _claim(("IMP-09", refused, "while a run moves another import is refused with 409"), answer)
        elif newest is not None and (answer.ok or self.ctx.active(company).json == {"run": None}):
            yield _claim(("IMP-11", answer.ok, "once the last run is over a new import is accepted"), answer)
        if answer.ok and isinstance(run_id := at(answer.json, "run_id"), str):
            memory.runs.append(Known(Run(company, run_id, answer, started=answer)))
            yield from self._poll(memory.runs[-1])

    def _poll(self, known: Known) -> list[Tried]:
        first = known.seen is None
        answer = self.ctx.poll(known.run)
        must_come(answer)
        found = [_claim(("IMP-05" if first else "POLL-01", answer.ok, "a run that was started can be read"), answer)]
        if answer.ok:
            found += [_claim(claim, answer) for claim in see(known, answer.json)]
        return found

    def _decide(self, word: str, known: Known) -> Iterator[Tried]:
        if not known.over:
            self.ctx.until(known.run)
            yield from self._poll(known)
        answer = self.ctx.decide(known.run, word)
        must_come(answer)
        if known.parked:
            clause = "DEC-31" if word == "reject" else "DEC-01"
            yield _claim((clause, answer.ok, f"to {word} a parked run is accepted"), answer)
            known.decided = word if answer.ok else ""
            known.rejected = known.rejected or (answer.ok and word == "reject")
            if answer.ok:
                yield from self._poll(known)
        elif known.over:
            clause = "DEC-35" if known.rejected and word == "approve" else "DEC-23"
            yield _claim((clause, answer.status == 409, "a run that is over takes no decision: 409"), answer)

    def _look(self, how: str, company: Company, memory: Memory) -> list[Tried]:
        found = []
        if how and memory.newest is not None:
            found += self._poll(memory.newest)
        answer = self.ctx.active(company) if how else self.ctx.history(company)
        must_come(answer)
        claims = active(memory, answer.json) if how else order(memory, answer.json)
        return found + ([_claim(claim, answer) for claim in claims] if answer.ok and answer.readable else [])


def _claim(claim: Claim, answer: Answer) -> Tried:
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
