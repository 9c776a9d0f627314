"""The generated layer as one check, what it has to know of the API that it calls, and how cases and walks are tried.

The cases of every operation come first, then walks, each part for as long as there is time. Each case is sent in its
state and judged; what fails is tried again, made small, and filed under its clause. A call that is refused or breaks
down, and does not the second time, is no failure: it may be the passing trouble of an honest server. That a wrong call
is accepted is no such trouble.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from conformance.engine.plan import Check, Draw
from conformance.fuzzing.case import Case, Expected, minimize
from conformance.http.client import OVER, Answer
from conformance.model.results import Blocked, Finding, Outcome, Skipped
from mock_server.contract.nearest import counted

if TYPE_CHECKING:
    from conformance.engine.context import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """What calls are drawn from."""

    document: Callable[..., dict[str, Any]]
    """The contract's document for a form of the requests; with `known=False` requests also name what there is not."""
    forms: int = 1
    """How many forms the requests have that exclude each other."""
    several: tuple[str, ...] = ()
    """The operations whose requests have several forms."""
    bodies: Mapping[str, Any] = field(default_factory=dict)
    """A right body for each operation that takes one, to be sent with a wrong key or id."""
    queries: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """A right query for each operation that needs one."""
    also: tuple[Case, ...] = ()
    """Cases to be tried besides those that are drawn."""


class Subject(Protocol):
    """Brings the state in which a call is judged, fills the call in, and tells what is to be expected of it.

    What it hands out as `facts` is its own affair: it gets them back with the case.
    """

    def begin(self) -> None:
        """Begin with an operation: what was renewed before is forgiven."""

    def facts(self, operation: str) -> Any:
        """Bring what the operation needs; Skipped or Blocked where that cannot be."""

    def fill(self, case: Case, facts: Any) -> Case:
        """Put what the target has in the place of the case's placeholders."""

    def ids(self, case: Case, facts: Any) -> Mapping[str, Any]:
        """Give the ids in the call's path."""

    def expected(self, case: Case, facts: Any) -> Expected:
        """Tell what the contract requires of the answer to a filled-in case."""

    def differences(self, answer: Answer) -> Iterable[Any]:
        """Tell how the answer differs from the contract's shape: `clause` and `text` of each difference."""

    def effect(self, case: Case, facts: Any) -> tuple[bool, Answer] | None:
        """Tell whether a refused call left all as it was, with the answer that shows it; None where nobody can see."""

    def kept_by(self, case: Case, wanted: Expected) -> str:
        """Name the clause by which a refused call has no effect."""

    def settle(self, case: Case, facts: Any, answer: Answer) -> None:
        """Tidy up after a call."""

    def renew(self) -> bool:
        """Forget every state, so that it is brought anew; False when that was done often enough."""


NAME = "generated"
STIMULUS = "Send generated calls, right, wrong and astray, each in the state in which it is judged."


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What is generated for an API."""

    everywhere: tuple[str, ...]
    """The clauses that the cases of every operation speak of."""
    by_operation: Mapping[str, tuple[str, ...]]
    """The clauses that the cases of each operation speak of besides."""
    walked: tuple[str, ...]
    """The clauses that walks speak of."""
    needs: tuple[str, ...]
    """The states that are needed."""
    subject: Callable[[Any], Subject]
    grammar: Callable[[Any], Grammar]
    """What the cases are drawn from, of the context."""
    walk: Callable[[Any, Any, Trier, Draw], None]
    """Plays the walks."""

    @property
    def clauses(self) -> tuple[str, ...]:
        """Every clause that something is said of here; what is wrong with an answer's shape may break any other."""
        own = (clause for each in self.by_operation.values() for clause in each)
        return tuple(dict.fromkeys((*self.everywhere, *own, *self.walked)))

    def check(self, draw: Draw) -> Check:
        """The layer as a check."""
        return Check(NAME, self.clauses, STIMULUS, lambda ctx: self.play(ctx, draw), self.needs, says_all=False)

    def play(self, ctx: Context, draw: Draw) -> None:
        """Draw and try the cases of every operation that the clauses name, then walk."""
        from conformance.fuzzing.strategies import Drawer  # noqa: PLC0415 - it imports Schemathesis

        subject = self.subject(ctx)
        trier = Trier(ctx, subject, draw)
        drawer = Drawer(self.grammar(ctx), ctx.client.contract, draw.seed, draw.max_examples)
        parts: list[tuple[str, tuple[str, ...], Callable[[], None]]] = [
            (each, (*own, *self.everywhere), lambda each=each: trier.try_all(drawer.cases(each)))  # type: ignore[misc]
            for each, own in self.by_operation.items()
            if set(draw.clauses) & {*own, *self.everywhere}
        ]
        if set(draw.clauses) & set(self.walked):
            parts.append(("walks", self.walked, lambda: self.walk(ctx, subject, trier, draw)))
        try:
            for number, (name, spoken, part) in enumerate(parts, 1):
                if draw.progress is not None:
                    draw.progress(f"{NAME}: {name}", number, len(parts))
                try:
                    if not draw.over():
                        part()
                    if draw.over():
                        raise Skipped(OVER)
                except (Skipped, Blocked) as stopped:
                    ctx.give_up([each for each in spoken if each not in trier.spoken()], stopped, f"{name}: ")
        finally:
            trier.report()


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
