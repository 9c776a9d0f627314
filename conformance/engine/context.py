"""What a check is given: the words for its findings, a client, the target's time, and what checks share.

A state that cannot be reached stops the check: `Skipped` when the target offers no way, `Blocked` when a way was given
and did not lead there. Neither is ever a pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

from conformance.model.plain import plain
from conformance.model.results import Blocked, Finding, Outcome, Skipped

if TYPE_CHECKING:
    from conformance.engine.plan import Check, Ways
    from conformance.http.client import Answer, Client
    from conformance.target.target import Target

T = TypeVar("T")
BOUND = 500
"""The characters of what was expected and got that a finding keeps."""
IN_VAIN = "waits in vain"


@dataclass(slots=True, kw_only=True)
class Context:
    """One check's context: what it is given, what it found, and which readings of open points it saw."""

    client: Client
    check: Check
    target: Target
    wait: Callable[[], float]
    """Lets a little of the target's time pass between two polls; so many seconds of it took no real time."""
    now: Callable[[], float]
    advance: Callable[[float], bool]
    """Lets so many seconds of the target's time pass at once; False when the target offers no way."""
    ways: Ways
    """Ways to a state beside the target file's."""
    shared: dict[str, Any] | None
    """What may be looked at by several checks (the journey); None where each makes its own."""
    whole: bool = True
    """Whether the run goes the whole depth; a check asks before a part that a quick run leaves out."""
    observer: Any = None
    """Who has seen every answer of the run so far, whichever check it was for."""
    known: dict[str, Any] = field(default_factory=dict)
    """What was learned once; it outlives a check in both executions."""
    left_behind: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    readings: dict[str, str] = field(default_factory=dict)

    def require(
        self,
        clause: str,
        holds: bool,  # noqa: FBT001 - it is the claim, as in an assertion
        requirement: str,
        *answers: Answer,
        expected: object = "",
        got: object = "",
    ) -> bool:
        """Record that the clause holds here, or does not; whether it does."""
        exchanges = () if holds else tuple(answer.exchange for answer in answers)
        outcome = Outcome.PASSED if holds else Outcome.FAILED
        wanted, found = self._short(expected), self._short(got)
        self.findings.append(Finding(clause, outcome, self.check.name, requirement, wanted, found, exchanges=exchanges))
        return holds

    def equal(self, clause: str, got: object, expected: object, requirement: str, *answers: Answer) -> bool:
        """Record whether what came is what was expected."""
        return self.require(clause, got == expected, requirement, *answers, expected=expected, got=got)

    def none(self, clause: str, wrong: Any, requirement: str, *answers: Answer) -> bool:
        """Record whether there is nothing of what would be wrong."""
        return self.require(clause, not wrong, requirement, *answers, got=wrong)

    def status(self, clause: str, answer: Answer, wanted: int, requirement: str) -> bool:
        """Record whether the answer has the status; 2 and 4 stand for any 2xx and 4xx."""
        must_come(answer)
        got = f"{answer.status} {cut(answer.text, 200)}"
        return self.require(
            clause, has_status(answer.status or 0, wanted), requirement, answer, expected=status_word(wanted), got=got
        )

    def each_status(self, clause: str, answers: Mapping[str, Answer], wanted: int, requirement: str) -> bool:
        """Record whether each of the named answers has the status."""
        must_come(*answers.values())
        wrong = {name: answer for name, answer in answers.items() if not has_status(answer.status or 0, wanted)}
        got = "; ".join(f"{plain(name)}: {answer.status} {cut(answer.text, 100)}" for name, answer in wrong.items())
        expected = f"{status_word(wanted)} from each"
        return self.require(clause, not wrong, requirement, *wrong.values(), expected=expected, got=got)

    def reads(self, open_point: str, reading: str) -> None:
        """Note how the target reads a point that the docs leave open."""
        note(self.readings, open_point, reading)

    @contextmanager
    def speaking_of(self, *clauses: str) -> Iterator[None]:
        """Within this block a state that cannot be reached concerns these clauses alone."""
        try:
            yield
        except (Skipped, Blocked) as stopped:
            self.give_up(clauses, stopped)

    def give_up(self, clauses: Iterable[str], by: Skipped | Blocked, about: str = "") -> None:
        """Record of the clauses that a state could not be reached; `about` says first what for."""
        outcome = Outcome.INCONCLUSIVE if isinstance(by, Blocked) else Outcome.SKIPPED
        self.leave_open(clauses, outcome, f"{about}{by}", getattr(by, "answers", ()))

    def leave_open(self, clauses: Iterable[str], outcome: Outcome, reason: str, answers: Iterable[Answer] = ()) -> None:
        """Record of each clause why it was not judged."""
        shown = tuple(answer.exchange for answer in answers)
        new, name = dict.fromkeys(clauses), self.check.name
        self.findings += [Finding(each, outcome, name, reason=reason, exchanges=shown) for each in new]

    def without_word(self, clauses: Iterable[str]) -> list[str]:
        """Those of the clauses of which nothing was said yet."""
        spoken = {finding.clause for finding in self.findings}
        return [each for each in clauses if each not in spoken]

    def share(self, key: str, make: Callable[[], T]) -> T:
        """What is made once where checks share what they look at, and anew where they do not."""
        if self.shared is not None and key in self.shared:
            return cast("T", self.shared[key])
        self.remember(key, made := make())
        return made

    def remember(self, key: str, value: Any) -> None:
        """Let later checks see the value where checks share what they look at."""
        if self.shared is not None:
            self.shared[key] = value

    def looks(self) -> Iterator[None]:
        """One look after another, a little of the target's time apart, for as long as the target file says.

        When that was in vain the next one has half the time, so that a target on which nothing ends takes twice the
        time of one run, and not that of every run.
        """
        patience = self.target.run_timeout / 2 ** self.known.get(IN_VAIN, 0)
        begun, skipped, looked = self.now(), 0.0, 0
        yield
        while self.now() - begun + skipped < patience:
            for _ in range(1 + looked // 3):  # a growing pause, which spends less of the target's budget
                skipped += self.wait()
            looked += 1
            yield
        self.known[IN_VAIN] = self.known.get(IN_VAIN, 0) + 1

    def give_back(self, *, for_good: bool = False) -> None:
        """Tidy up what no later check may look at; `for_good`: everything."""

    def _short(self, value: object) -> str:
        return cut(self.client.clean(plain(value)))  # half a secret has no name


def cut(text: str, bound: int = BOUND) -> str:
    """As much of the text as a finding keeps, up to the end of a word where one is near."""
    if len(text) <= bound:
        return text
    head, blank, tail = text[:bound].rpartition(" ")
    return f"{head if blank and len(tail) < bound // 4 else text[:bound]}…"


def note(readings: dict[str, str], open_point: str, reading: str) -> None:
    """Put a reading of an open point beside what was read of it before."""
    known = readings.get(open_point)
    readings[open_point] = reading if known in (None, reading) else f"{known}; {reading}"


def must_come(*answers: Answer) -> None:
    """Blocked when one of the answers never came: what did not come cannot be judged."""
    for answer in answers:
        block_if(answer.status is None, f"no answer: {answer.problem}", answer)


def skip_if(condition: object, reason: str) -> None:
    """Skipped, when it is so."""
    if condition:
        raise Skipped(reason)


def block_if(condition: object, reason: str, *answers: Answer) -> None:
    """Blocked, when it is so; with the answers that show it."""
    if condition:
        raise Blocked(reason, answers)


def first_of(found: Iterable[T], otherwise: str) -> T:
    """The first of these; Skipped when there is none, with what that means."""
    for each in found:
        return each
    raise Skipped(otherwise)


def must_succeed(answer: Answer, otherwise: str) -> Answer:
    """The answer, which is one of 2xx; else Blocked, with what that means."""
    block_if(not answer.ok, otherwise, answer)
    return answer


def has_status(status: int, *wanted: int) -> bool:
    """Whether the status is one of these; 2 and 4, say, stand for all of their hundred."""
    return status in wanted or status // 100 in wanted


def status_word(wanted: int) -> str:
    """The status, or its hundred, to be read."""
    return f"{wanted}xx" if wanted < 10 else str(wanted)
