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
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from conformance.engine.plan import Check, Draw
from conformance.fuzzing.case import Case, Expected, minimize
from conformance.http.client import OVER, Answer
from conformance.model.results import Blocked, Finding, Outcome, Skipped
from mock_server.contract.nearest import counted

if TYPE_CHECKING:
    from conformance.engine.context import Context

NAME = "generated"
STIMULUS = "Send generated calls, right, wrong and astray, each in the state in which it is judged."
WALKS = "walks"


class Subject(Protocol):
    """Brings the state in which a call is judged, fills the call in, and tells what is to be expected of it.

    What it hands out as `facts` is its own affair: it gets them back with the case.
    """

    def facts(self, operation: str) -> Any:
        """Bring what the operation needs; Skipped or Blocked where that cannot be."""

    def ready(self, case: Case, facts: Any) -> tuple[Case, Mapping[str, Any], Expected]:
        """Put what the target has in the place of placeholders; with the ids in the path, and what is required."""

    def effect(self, case: Case, facts: Any, wanted: Expected) -> tuple[str, bool, Answer] | None:
        """Tell by which clause a refused call changes nothing, whether it did, and the answer that shows it.

        None where nobody can see.
        """

    def settle(self, case: Case, facts: Any, answer: Answer) -> None:
        """Tidy up after a call."""

    def renew(self) -> None:
        """Forget every state, so that it is brought anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What is generated for an API, what it is drawn from, and which clauses it speaks of."""

    everywhere: Sequence[str]
    """The clauses that the cases of every operation speak of."""
    by_operation: Mapping[str, Sequence[str]]
    """The clauses that the cases of each operation speak of besides."""
    walked: Sequence[str]
    """The clauses that walks speak of."""
    needs: Sequence[str]
    """The states that are needed."""
    document: Callable[..., dict[str, Any]]
    """The contract's document, of the context and a form; with `known=False` requests also name what there is not."""
    forms: int
    """How many forms the requests have that exclude each other."""
    several: Sequence[str]
    """The operations whose requests have several forms."""
    bodies: Mapping[str, Any]
    """A right body for each operation that takes one, to be sent with a wrong key or id."""
    queries: Mapping[str, Mapping[str, Any]]
    """A right query for each operation that needs one."""
    also: tuple[Case, ...]
    """Cases to be tried besides those that are drawn."""
    subject: Callable[[Any], Subject]
    differences: Callable[[str | None, Answer], Iterable[Any]]
    """How an answer differs from the contract's shape: `clause` and `text` of each difference."""
    walk: Callable[[Trier, Any, Any], None]
    """Plays the walks, given the context and the subject."""

    @property
    def clauses(self) -> tuple[str, ...]:
        """Every clause that something is said of here; what is wrong with an answer's shape may break any other."""
        own = (clause for each in self.by_operation.values() for clause in each)
        return tuple(dict.fromkeys((*self.everywhere, *own, *self.walked)))

    def check(self, draw: Draw) -> Check:
        """The layer as a check."""
        return Check(NAME, self.clauses, STIMULUS, lambda ctx: self.play(ctx, draw), tuple(self.needs), says_all=False)

    def play(self, ctx: Context, draw: Draw) -> None:
        """Draw and try the cases of every operation that the clauses name, then walk."""
        from conformance.fuzzing.strategies import Drawer  # noqa: PLC0415 - it imports Schemathesis

        trier = Trier(self, ctx, draw)
        drawer = Drawer(self, ctx, draw.seed, draw.max_examples)
        parts = {each: (*own, *self.everywhere) for each, own in self.by_operation.items()} | {WALKS: self.walked}
        asked = {name: spoken for name, spoken in parts.items() if not draw.clauses.keys().isdisjoint(spoken)}
        try:
            for number, (name, spoken) in enumerate(asked.items(), 1):
                if draw.progress is not None:
                    draw.progress(f"{NAME}: {name}", number, len(asked))
                try:
                    if not draw.over() and name == WALKS:
                        self.walk(trier, ctx, trier.subject)
                    elif not draw.over():
                        trier.try_all(drawer.cases(name))
                    if draw.over():
                        raise Skipped(OVER)
                except (Skipped, Blocked) as stopped:
                    ctx.give_up([each for each in spoken if each not in trier.spoken()], stopped, f"{name}: ")
        finally:
            trier.report()


SILENCE = 3
"""So many cases in a row without an answer are the end of an operation."""
PATIENCE = 4
"""So many times a state is brought anew within one operation because an answer said that it was another."""
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


Steps = Sequence[Any]
"""A walk's steps; their `str` says them."""
Play = Callable[[Steps, list[Tried]], None]
"""Takes the steps of a walk from a fresh start, and adds what each shows."""


class Trier:
    """Tries cases and walks, and says what it found."""

    def __init__(self, layer: Layer, ctx: Context, draw: Draw) -> None:
        self._layer, self._ctx, self.draw = layer, ctx, draw
        self.subject = layer.subject(ctx)
        self._most = MOST + draw.max_examples // 2
        self._accepted = self._silent = self._renewed = 0
        self._passed: Counter[tuple[str, str]] = Counter()
        self._failed: set[tuple[str, str]] = set()
        self._hindered: Blocked | Skipped | None = None
        """Why the state could not be tidied up after a case whose answer was heard."""

    def try_all(self, cases: Iterable[Case]) -> None:
        """Try the cases of one operation."""
        self._silent = self._accepted = self._renewed = 0
        for case in cases:
            if self.draw.over():
                return
            self._hindered = None
            for tried in self._try(case, patient=True):
                sure = tried if tried.answers[0].ok and tried.requirement != SHAPE else None
                if self._is_news(case.operation, tried) and (shown := sure or self._failing(case, tried.clause)):
                    smallest, shown = self._small(case, shown)
                    self._accuse(case.operation, shown, smallest.operation)
            if self._hindered is not None:
                raise self._hindered

    def walk(self, steps: Steps, play: Play) -> None:
        """Play a walk, and say what it shows; what keeps it from being played to its end is raised last."""
        found: list[Tried] = []
        hindered: Blocked | Skipped | None = None
        try:
            play(steps, found)
        except (Blocked, Skipped) as error:
            hindered = error
        for tried in found:
            if self._is_news(WALKS, tried) and (shown := _replayed(play, steps, tried.clause)):
                smallest, shown = self._short(play, steps, shown)
                self._accuse(WALKS, shown, f"after {', '.join(map(str, smallest))}")
        if hindered is not None:
            raise hindered

    def report(self) -> None:
        """Say of every clause that held how often it was tried."""
        for (clause, requirement), count in self._passed.items():
            self._ctx.require(clause, True, f"{requirement} (generated, {counted(count, 'time')})")  # noqa: FBT003 - a claim
        self._passed.clear()

    def spoken(self) -> set[str]:
        """The clauses about which something was found."""
        return {clause for clause, _ in self._passed} | {finding.clause for finding in self._ctx.findings}

    def _is_news(self, part: str, tried: Tried) -> bool:
        """Whether it is a failure that was not met in this part before; what holds is counted."""
        if tried.clause not in self.draw.clauses:
            return False
        if tried.holds:
            self._passed[tried.clause, tried.requirement] += 1
        return tried.holds is False and (part, tried.clause) not in self._failed

    def _accuse(self, part: str, tried: Tried, where: str) -> None:
        """File a failure under the clause that it breaks."""
        self._failed.add((part, tried.clause))
        wanted, got = tried.wanted, f"{where}: {tried.got}"
        self._ctx.require(tried.clause, False, tried.requirement, *tried.answers, expected=wanted, got=got)  # noqa: FBT003 - as above

    def _small(self, case: Case, tried: Tried) -> tuple[Case, Tried]:
        latest = [tried]
        ends = self._ctx.now() + SHRINKING

        def fails(smaller: Case) -> bool:
            if self.draw.over() or self._ctx.now() > ends or self._hindered is not None:
                return False
            with suppress(Blocked, Skipped):
                if found := self._failing(smaller, tried.clause):
                    latest.append(found)
                    return True
            return False

        return minimize(case, fails), latest[-1]

    def _short(self, play: Play, steps: Steps, tried: Tried) -> tuple[Steps, Tried]:
        """The walk without the steps that it fails without, too; the last ones go first."""
        for place in reversed(range(len(steps))):
            if self.draw.over():
                break
            fewer = [*steps[:place], *steps[place + 1 :]]
            if found := _replayed(play, fewer, tried.clause):
                steps, tried = fewer, found
        return steps, tried

    def _failing(self, case: Case, clause: str) -> Tried | None:
        return _broken(self._try(case), clause)

    def _try(self, case: Case, *, patient: bool = False) -> list[Tried]:
        """Send it and judge the answer; `patient` brings the state anew when the answer says that it was another."""
        facts = self.subject.facts(case.operation)
        sent, ids, wanted = self.subject.ready(case, facts)
        if wanted.clause not in self.draw.clauses or (patient and self._is_enough(case, wanted)):
            return []
        headers = {} if sent.content_type is None else {"content-type": sent.content_type}
        answer = self._ctx.client.call(
            sent.operation, query=sent.query, body=sent.body, raw=sent.raw, headers=headers, key=sent.key, **ids
        )
        self._silent = self._silent if answer.status is None else 0
        holds = None if answer.status is None else wanted.holds(answer.status)
        if patient and answer.status in (None, *OTHER_STATE) and holds is None and self._renewed < PATIENCE:
            self._renewed += 1
            self.subject.renew()
            return self._try(case)
        if answer.status is None:
            self._note_silence(wanted, answer)
            return []
        self._accepted += answer.ok
        return self._judge(sent, facts, wanted, answer)

    def _judge(self, sent: Case, facts: Any, wanted: Expected, answer: Answer) -> list[Tried]:
        """What a whole answer says, and what is to be seen after it; then the state is tidied up."""
        holds, got = wanted.holds(answer.status or 0), f"{answer.status} {answer.text[:200]}"
        found = [Tried(wanted.clause, wanted.requirement, holds, wanted.wanted, got, (answer,))]
        found += [
            Tried(each.clause, SHAPE, holds=False, wanted=SHAPE, got=each.text, answers=(answer,))
            for each in self._layer.differences(answer.operation, answer)
        ]
        try:
            if not answer.ok and (seen := self.subject.effect(sent, facts, wanted)):
                clause, kept, shown = seen
                got = f"refused with {answer.status}, and then {shown.status} {shown.text[:200]}"
                found.append(Tried(clause, KEPT, kept, "as before the call", got, (answer, shown)))
            self.subject.settle(sent, facts, answer)
        except (Blocked, Skipped) as hindered:
            self._hindered = hindered
        return found

    def _is_enough(self, case: Case, wanted: Expected) -> bool:
        """Whether one more accepted call would only leave more behind."""
        creates = self._ctx.client.contract.operations[case.operation].method == "POST"
        return creates and wanted.kind in ("taken", "open") and self._accepted >= self._most

    def _note_silence(self, wanted: Expected, answer: Answer) -> None:
        self._silent += 1
        reason = f"no answer: {answer.problem}"
        if wanted.clause not in {f.clause for f in self._ctx.findings if f.outcome >= Outcome.INCONCLUSIVE}:
            name, shown = self._ctx.check.name, (answer.exchange,)
            self._ctx.findings.append(
                Finding(wanted.clause, Outcome.INCONCLUSIVE, name, wanted.requirement, reason=reason, exchanges=shown)
            )
        if self._silent >= SILENCE:
            raise Blocked(reason, [answer])


def _broken(found: Iterable[Tried], clause: str) -> Tried | None:
    return next((each for each in found if each.clause == clause and each.holds is False), None)


def _replayed(play: Play, steps: Steps, clause: str) -> Tried | None:
    """The failure that a walk shows once more."""
    found: list[Tried] = []
    with suppress(Blocked, Skipped):
        play(steps, found)
    return _broken(found, clause)
