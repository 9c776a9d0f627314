"""The words by which a check says what it found; `require` records and goes on."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from conformance.model.results import Blocked, Finding, Outcome, Skipped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from conformance.engine.check import Check
    from conformance.http.client import Answer, Client

BOUND = 500
"""The characters of what was expected and got that a finding keeps."""


@dataclass(slots=True, kw_only=True)
class Findings:
    """What one check found, and which readings of open points it saw."""

    client: Client
    check: Check
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

    def status(self, clause: str, answer: Answer, *statuses: int, requirement: str) -> bool:
        """Record whether the answer has one of these statuses; 2 stands for any 2xx."""
        if answer.status is None:
            raise Blocked(f"no answer: {answer.problem}", [answer])
        holds = answer.status in statuses or (2 in statuses and 200 <= answer.status < 300)
        wanted = " or ".join("2xx" if each == 2 else str(each) for each in statuses)
        got = f"{answer.status} {answer.text[:200]}"
        return self.require(clause, holds, requirement, answer, expected=wanted, got=got)

    def reads(self, open_point: str, reading: str) -> None:
        """Note how the target reads a point that the docs leave open."""
        note(self.readings, open_point, reading)

    @contextmanager
    def speaking_of(self, *clauses: str) -> Iterator[None]:
        """Within this block a state that cannot be reached concerns these clauses alone."""
        try:
            yield
        except (Skipped, Blocked) as stopped:
            self.stopped(clauses, stopped)

    def stopped(self, clauses: Iterable[str], by: Skipped | Blocked, about: str = "") -> None:
        """Record of the clauses that a state could not be reached; `about` says first what for."""
        if isinstance(by, Blocked):
            self.unjudged(clauses, Outcome.INCONCLUSIVE, f"{about}{by}", by.answers)
        else:
            self.unjudged(clauses, Outcome.SKIPPED, f"{about}{by}")

    def unjudged(self, clauses: Iterable[str], outcome: Outcome, reason: str, answers: Iterable[Answer] = ()) -> None:
        """Record of each clause why it was not judged."""
        shown = tuple(answer.exchange for answer in answers)
        self.findings += [
            Finding(each, outcome, self.check.name, reason=reason, exchanges=shown) for each in dict.fromkeys(clauses)
        ]

    def silent(self, clauses: Iterable[str]) -> list[str]:
        """Those of the clauses of which nothing was said yet."""
        spoken = {finding.clause for finding in self.findings}
        return [each for each in clauses if each not in spoken]

    def _short(self, value: object) -> str:
        text = self.client.clean(value if isinstance(value, str) else repr(value))  # uncut: half a secret has no name
        return text if len(text) <= BOUND else f"{text[:BOUND]}…"


def note(readings: dict[str, str], open_point: str, reading: str) -> None:
    """Put a reading of an open point beside what was read of it before."""
    known = readings.get(open_point)
    readings[open_point] = reading if known in (None, reading) else f"{known}; {reading}"
