"""Walks over the contract's links, as Schemathesis' state machine draws them, and how they are played to the target.

The machine is given answers of our own, so that a plan depends on the seed alone: Hypothesis meets no server whose
answers differ from one time to the next, and a plan can be played again in part. Only what cannot change by itself is
held against a target: a run that moves may have moved on by the next call.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from conformance.engine.context import cut, must_come
from conformance.fuzzing.apart import apart, read, settings
from conformance.fuzzing.layer import Tried, Trier
from conformance.model.results import Blocked, Skipped
from conformance.preview.bodies import MOVING, TERMINAL, at, documented
from conformance.preview.cases.document import DRAWN, walks
from conformance.preview.driver import Company, Run, StateDriver

if TYPE_CHECKING:
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


@apart()
def plans(seed: int, count: int) -> list[list[Step]]:
    """So many walks; those without a start of an import tell nothing, and are left out."""
    import hypothesis  # noqa: PLC0415 - comes with Schemathesis, which is slow to import
    import schemathesis  # noqa: PLC0415 - as above

    if not count:
        return []
    schema = read(walks())
    schema.config.generation.update(modes=[schemathesis.GenerationMode.POSITIVE])
    found: list[list[Step]] = []
    machine = hypothesis.seed(seed)(_machine(schema, found))
    machine.run(settings=settings(count, STEPS))
    kept = [plan for plan in found if any(step.operation == "start_import" for step in plan)]
    return [list(plan) for plan in dict.fromkeys(map(tuple, kept))]


def _machine(schema: Any, found: list[list[Step]]) -> Any:
    """Schemathesis' machine, which writes down its steps and calls nobody."""

    class Planner(schema.as_state_machine()):  # type: ignore[misc]  # a class that is made of the schema
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
    body: Any = {"run_id": run, "company": {"id": COMPANY}}
    if operation == "list_imports" and not case.query:
        body = {"runs": [{"run_id": run}]}
    status = max(int(each) for each in case.operation.definition.raw["responses"] if each.startswith("2"))
    headers = {"content-type": ["application/json"]}
    request = requests.Request("GET", "http://localhost/").prepare()
    return Response(status, headers, json.dumps(body).encode(), request, elapsed=0.0, verify=True)


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


def see(known: Known, answer: Answer) -> Iterator[Tried]:
    """Remember a poll's answer; what it shows of the rules of a run's life."""
    before, body = known.seen, answer.json
    known.seen = body
    was, now, same = at(before, "status"), at(body, "status"), documented(before) == documented(body)
    if was in TERMINAL:
        yield _claim(answer, "RUN-03", was == now, "a run that is over stays so")
        if was == now:
            yield _claim(answer, "RUN-04", same, "two reads of a run that is over are equal")
    elif was == "running":
        yield _claim(answer, "RUN-05", now != "queued", "a run that was running is not queued again")
    elif was == "needs_attention" and not known.decided:
        left = now in (*MOVING, "completed")  # canceled or failed it may be: OP-11, OP-16
        yield _claim(answer, "RUN-07", not left, "nothing but a decision takes a parked run on")
        if now == was:
            yield _claim(answer, "PATCH-10", same, "while a run is parked nothing changes")
    elif was == "needs_attention" and known.decided == "reject" and now in TERMINAL:
        yield _claim(answer, "DEC-31", now == "failed", "a run that was rejected ends failed")
    known.decided = ""


def order(runs: Sequence[Known], answer: Answer) -> Iterator[Tried]:
    """What the history must show of the walk's imports: the newest first."""
    listing = answer.json
    arrays = [listing] if isinstance(listing, list) else [*listing.values()] if isinstance(listing, dict) else []
    items: list[Any] = next((each for each in arrays if isinstance(each, list)), [])
    ids = [at(item, "run_id") or at(item, "id") for item in items]
    mine = [known.run.id for known in reversed(runs)]
    there = [each for each in ids if each in mine]
    if there:  # which members an item has is open: OP-08
        first, sorted_ = ids[0] == mine[0], there == [each for each in mine if each in there]
        yield _claim(answer, "HIST-03", first, "the run that was started last is the first of the history")
        yield _claim(answer, "HIST-01", sorted_, "the history is newest first")


def active(newest: Known | None, answer: Answer) -> Iterator[Tried]:
    """What the active look-up must show after the newest import was seen at rest."""
    found = answer.json
    if newest is not None and newest.over:
        none = found == {"run": None}
        yield _claim(answer, "ACT-05", none, "once the run is over the active look-up gives a run of null")
    elif newest is not None and newest.parked:
        there, same = at(found, "status") == "needs_attention", documented(found) == documented(newest.seen)
        yield _claim(answer, "ACT-04", there, "a parked run is the active one")
        if there:
            yield _claim(answer, "ACT-06", same, "the active look-up shows what the poll shows")


MOST_WALKS = 20


class ImportWalker:
    """Walks on the company for imports; a walk has it idle."""

    def __init__(self, ctx: StateDriver, driver: CaseDriver, over: Callable[[], bool]) -> None:
        self.ctx, self._driver, self._over = ctx, driver, over

    def play(self, steps: Sequence[Step], found: list[Tried]) -> None:
        """Take the steps, and let every run of the walk end; what each step shows is added to `found`."""
        company, runs = self._driver.idle(), list[Known]()
        try:
            for step in steps:
                if self._over():
                    break
                found += list(self._take(step, company, runs))
        except (Blocked, Skipped):  # an interruption waits for no run
            self._end(runs)
            raise
        self._end(runs)

    def _end(self, runs: Sequence[Known]) -> None:
        for known in reversed(runs):
            if not known.over and not self._over():
                self._driver.rest(known.run)

    def _take(self, step: Step, company: Company, runs: list[Known]) -> Iterator[Tried]:
        newest = runs[-1] if runs else None
        known = runs[step.run] if step.run < len(runs) else newest
        match step.operation:
            case "start_import":
                yield from self._start(step.how, company, newest, runs)
            case "decide" if known is not None:
                yield from self._decide(step.how, known)
            case "poll_import" if known is not None:
                self.ctx.wait()
                yield from self._poll(known)
            case "list_imports":
                if step.how and newest is not None:
                    yield from self._poll(newest)
                answer = self.ctx.active(company) if step.how else self.ctx.history(company)
                must_come(answer)
                if answer.ok and answer.readable:
                    yield from active(newest, answer) if step.how else order(runs, answer)

    def _start(self, state: str, company: Company, newest: Known | None, runs: list[Known]) -> Iterator[Tried]:
        if newest is not None and not newest.over:
            yield from self._poll(newest)
        answer = self.ctx.start(company, self.ctx.body(state))
        must_come(answer)
        refused = answer.status == 409
        if newest is not None and newest.parked:
            yield _claim(answer, "IMP-10", refused, "while a run is parked another import is refused with 409")
        elif newest is not None and not newest.over:
            if answer.ok:
                yield from self._poll(newest)
            if not answer.ok or newest.status in MOVING:
                yield _claim(answer, "IMP-09", refused, "while a run moves another import is refused with 409")
        elif newest is not None and (answer.ok or self.ctx.active(company).json == {"run": None}):
            yield _claim(answer, "IMP-11", answer.ok, "once the last run is over a new import is accepted")
        if answer.ok and isinstance(run_id := at(answer.json, "run_id"), str):
            runs.append(Known(Run(company, run_id, answer, started=answer)))
            yield from self._poll(runs[-1])

    def _poll(self, known: Known) -> Iterator[Tried]:
        clause = "IMP-05" if known.seen is None else "POLL-01"
        answer = self.ctx.poll(known.run)
        must_come(answer)
        yield _claim(answer, clause, answer.ok, "a run that was started can be read")
        if answer.ok:
            yield from see(known, answer)

    def _decide(self, word: str, known: Known) -> Iterator[Tried]:
        if not known.over:
            self.ctx.until(known.run)
            yield from self._poll(known)
        answer = self.ctx.decide(known.run, word)
        must_come(answer)
        if known.parked:
            clause = "DEC-31" if word == "reject" else "DEC-01"
            yield _claim(answer, clause, answer.ok, f"to {word} a parked run is accepted")
            if answer.ok:
                known.decided, known.rejected = word, known.rejected or word == "reject"
                yield from self._poll(known)
        elif known.over:
            clause = "DEC-35" if known.rejected and word == "approve" else "DEC-23"
            yield _claim(answer, clause, answer.status == 409, "a run that is over takes no decision: 409")


def _claim(answer: Answer, clause: str, holds: bool, requirement: str) -> Tried:  # noqa: FBT001 - it is the claim
    return Tried(clause, requirement, holds, requirement, f"{answer.status} {cut(answer.text, 200)}", (answer,))


def play_walks(trier: Trier, ctx: StateDriver, driver: CaseDriver) -> None:
    """Play every walk that is drawn; Skipped where the target file has no bodies to start the imports with."""
    for state in DRAWN["needs"]:
        ctx.body(state)
    draw = trier.draw
    walker = ImportWalker(ctx, driver, draw.over)
    for plan in plans(draw.seed, min(draw.max_examples, MOST_WALKS)):
        if draw.over():
            return
        trier.walk(plan, walker.play)
