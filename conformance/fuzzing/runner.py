"""Each case is sent in its state and judged; what fails is tried again, made small, and filed under its clause.

A call that is refused or breaks down, and does not the second time, is no failure: it may be the passing trouble of an
honest server. That a wrong call is accepted is no such trouble. Walks are played call after call in the same way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from conformance.fuzzing.case import minimize
from conformance.model.results import Blocked, Finding, Outcome, Skipped
from mock_server.contract.nearest import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from conformance.engine.context import Context
    from conformance.engine.plan import Draw
    from conformance.fuzzing.case import Case, Expected
    from conformance.fuzzing.layer import Subject
    from conformance.http.client import Answer


SILENCE = 3
"""So many cases in a row without an answer are the end of an operation."""
SHRINKING = 20.0
"""Seconds that are spent on making one failure small."""
MOST = 10
"""So many accepted calls of an operation that creates something are enough, beside half of the examples."""
OTHER_STATE = (404, 409)
"""Statuses that say that the state was another, so that it is brought anew."""
SHAPE = "an answer has the contract's shape"
KEPT = "a call that is refused changes nothing"


@dataclass(frozen=True, slots=True)
class Tried:
    """What one case says about one clause."""

    clause: str
    requirement: str
    holds: bool | None
    """None where it says nothing."""
    wanted: str
    got: str
    answers: tuple[Answer, ...]


class Trier:
    """Tries cases, and says what it found."""

    def __init__(self, ctx: Context, subject: Subject, draw: Draw) -> None:
        self._ctx, self._subject, self._clauses, self._over = ctx, subject, draw.clauses, draw.over
        self._most = MOST + draw.max_examples // 2
        self._accepted = 0
        self._passed: Counter[tuple[str, str]] = Counter()
        self._failed: set[tuple[str, str]] = set()
        self._silent = 0
        self._hindered: Blocked | Skipped | None = None
        """Why the state could not be tidied up after a case whose answer was heard."""

    def try_all(self, cases: Iterable[Case]) -> None:
        """Try the cases of one operation."""
        self._subject.begin()
        self._silent = self._accepted = 0
        for case in cases:
            if self._over():
                return
            self._hindered = None
            for tried in self._try(case, patient=True):
                self._heed(case, tried)
            if self._hindered is not None:
                raise self._hindered

    def passed(self, clause: str, requirement: str) -> None:
        """Count that a clause held once more."""
        self._passed[clause, requirement] += 1

    def report(self) -> None:
        """Say of every clause that held how often it was tried."""
        for (clause, requirement), count in self._passed.items():
            self._ctx.require(clause, True, f"{requirement} (generated, {counted(count, 'time')})")  # noqa: FBT003 - a claim
        self._passed.clear()

    def spoken(self) -> set[str]:
        """The clauses about which something was found."""
        return {clause for clause, _ in self._passed} | {finding.clause for finding in self._ctx.findings}

    def _heed(self, case: Case, tried: Tried) -> None:
        if tried.clause not in self._clauses:
            return
        if tried.holds:
            self.passed(tried.clause, tried.requirement)
            return
        new = tried.holds is False and (case.operation, tried.clause) not in self._failed
        sure = tried if tried.answers[0].ok and tried.requirement != SHAPE else None
        if new and (failure := sure or self._failing(case, tried.clause)):
            self._failed.add((case.operation, tried.clause))
            smallest, shown = self._small(case, failure)
            accuse(self._ctx, shown, smallest.operation)

    def _small(self, case: Case, tried: Tried) -> tuple[Case, Tried]:
        latest = [tried]
        ends = self._ctx.now() + SHRINKING

        def fails(smaller: Case) -> bool:
            if self._over() or self._ctx.now() > ends or self._hindered is not None:
                return False
            try:
                found = self._failing(smaller, tried.clause)
            except (Blocked, Skipped):
                return False
            if found is not None:
                latest.append(found)
            return found is not None

        return minimize(case, fails), latest[-1]

    def _failing(self, case: Case, clause: str) -> Tried | None:
        return next((each for each in self._try(case) if each.clause == clause and each.holds is False), None)

    # -- one case

    def _try(self, case: Case, *, patient: bool = False) -> list[Tried]:
        """Send it and judge the answer; `patient` brings the state anew when the answer says that it was another."""
        facts = self._subject.facts(case.operation)
        sent = self._subject.fill(case, facts)
        wanted = self._subject.expected(sent, facts)
        if wanted.clause not in self._clauses or (patient and self._is_enough(case, wanted)):
            return []
        answer = self._send(sent, facts)
        if answer.status is None:
            return self._try(case) if patient and self._subject.renew() else self._note_silence(wanted, answer)
        self._silent = 0
        holds = wanted.holds(answer.status)
        if answer.status in OTHER_STATE and holds is None and patient and self._subject.renew():
            return self._try(case)
        got = f"{answer.status} {answer.text[:200]}"
        found = [Tried(wanted.clause, wanted.requirement, holds, wanted.wanted, got, (answer,))]
        found += [
            Tried(each.clause, SHAPE, holds=False, wanted=SHAPE, got=each.text, answers=(answer,))
            for each in self._subject.differences(answer)
        ]
        self._accepted += answer.ok
        try:
            found += self._effects(sent, facts, wanted, answer)
            self._subject.settle(sent, facts, answer)
        except (Blocked, Skipped) as hindered:
            self._hindered = hindered
        return found

    def _is_enough(self, case: Case, wanted: Expected) -> bool:
        """Whether one more accepted call would only leave more behind."""
        creates = self._ctx.client.contract.operations[case.operation].method == "POST"
        return creates and wanted.kind in ("taken", "open") and self._accepted >= self._most

    def _effects(self, sent: Case, facts: Any, wanted: Expected, answer: Answer) -> list[Tried]:
        seen = None if answer.ok else self._subject.effect(sent, facts)
        if seen is None:
            return []
        kept, shown = seen
        got = f"refused with {answer.status}, and then {shown.status} {shown.text[:200]}"
        return [Tried(self._subject.kept_by(sent, wanted), KEPT, kept, "as before the call", got, (answer, shown))]

    def _note_silence(self, wanted: Expected, answer: Answer) -> list[Tried]:
        self._silent += 1
        reason = f"no answer: {answer.problem}"
        if wanted.clause not in {f.clause for f in self._ctx.findings if f.outcome >= Outcome.INCONCLUSIVE}:
            self._ctx.findings.append(
                Finding(
                    wanted.clause,
                    Outcome.INCONCLUSIVE,
                    self._ctx.check.name,
                    wanted.requirement,
                    reason=reason,
                    exchanges=(answer.exchange,),
                )
            )
        if self._silent >= SILENCE:
            raise Blocked(reason, [answer])
        return []

    def _send(self, case: Case, facts: Any) -> Answer:
        headers = {} if case.content_type is None else {"content-type": case.content_type}
        return self._ctx.client.call(
            case.operation,
            query=case.query,
            body=case.body,
            raw=case.raw,
            headers=headers,
            key=case.key,
            **self._subject.ids(case, facts),
        )


def accuse(ctx: Context, tried: Tried, where: str) -> None:
    """File a failure under the clause that it breaks."""
    got = f"{where}: {tried.got}"
    ctx.require(tried.clause, bool(tried.holds), tried.requirement, *tried.answers, expected=tried.wanted, got=got)


Steps = Sequence[Any]
"""A walk's steps; their `str` says them."""


class Walker:
    """Plays walks; a generation says what its steps are."""

    def __init__(self, ctx: Any, trier: Trier, draw: Draw) -> None:
        self.ctx, self.trier, self.clauses, self.over = ctx, trier, draw.clauses, draw.over
        self._failed: set[str] = set()

    def play(self, steps: Steps, found: list[Tried]) -> None:
        """Take the steps from a fresh start; what each step shows is added to `found`."""
        raise NotImplementedError

    def walk(self, steps: Steps) -> None:
        """Play the walk, and say what it shows; what keeps it from being played to its end is raised last."""
        found: list[Tried] = []
        hindered: Blocked | Skipped | None = None
        try:
            self.play(steps, found)
        except (Blocked, Skipped) as error:
            hindered = error
        for tried in found:
            self._heed(steps, tried)
        if hindered is not None:
            raise hindered

    def _heed(self, steps: Steps, tried: Tried) -> None:
        if tried.clause not in self.clauses:
            return
        if tried.holds:
            self.trier.passed(tried.clause, tried.requirement)
        elif tried.clause not in self._failed and (again := self._failing(steps, tried.clause)):
            self._failed.add(tried.clause)
            smallest, shown = self._small(steps, again)
            accuse(self.ctx, shown, f"after {', '.join(map(str, smallest))}")

    def _failing(self, steps: Steps, clause: str) -> Tried | None:
        found: list[Tried] = []
        with suppress(Blocked, Skipped):
            self.play(steps, found)
        return next((each for each in found if each.clause == clause and not each.holds), None)

    def _small(self, steps: Steps, tried: Tried) -> tuple[Steps, Tried]:
        """The walk without the steps that it fails without, too; the last ones go first."""
        for place in reversed(range(len(steps))):
            if self.over():
                break
            fewer = [*steps[:place], *steps[place + 1 :]]
            if found := self._failing(fewer, tried.clause):
                steps, tried = fewer, found
        return steps, tried
