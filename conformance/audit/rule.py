"""What a rule of the report card is, and what it finds: everything that a reader needs to mend a client."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from conformance.audit.exchange import Seen
    from conformance.preview.client_rules.history import History

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""From worst to least; a note does not fail anything."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule's function finds: the exchanges, and what happened in them."""

    exchanges: Sequence[Seen]
    happened: str
    measured: str | None = None
    """For a rule about time: what it measured."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that a client owes, and how a session's exchanges show that it does not."""

    code: str
    """Stable: it is what a baseline and `--disable` name."""
    clause: str
    severity: Severity
    looks_at: str
    """What of the exchanges it looks at, in one sentence, with its figures."""
    expected: str
    mend: str
    judge: Callable[[History], Iterable[Found]]
    measures: str | None = None
    """For a rule about time: from which instant to which. Unless it is a note, it is an error where the session's clock
    is the test's own, and else a warning."""
    closing: bool = False
    """True for a rule about what never came: it takes the client to be done."""

    def weighs(self, clock: str) -> Severity:
        """How much a finding of it weighs in a session with a clock of this mode."""
        if self.measures is None or self.severity == "note":
            return self.severity
        return "warning" if clock == "real" else "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a client did wrong, with its evidence."""

    code: str
    clause: str
    severity: Severity
    exchanges: tuple[str, ...]
    """The ids of the exchanges that show it, in order."""
    company_id: str | None
    run_id: str | None
    happened: str
    expected: str
    mend: str
    measured: str | None
    """For a rule about time: from which instant to which it measures, and what it measured."""


def counted(number: int, noun: str) -> str:
    """So many of something, in words."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def findings(rule: Rule, history: History) -> Iterator[Finding]:
    """Everything that the rule finds in this history; what happened again in the same words to one run is one thing."""
    alike: dict[tuple[str | None, str, str | None], list[Found]] = {}
    for found in rule.judge(history):
        alike.setdefault((_run_id(found), found.happened, found.measured), []).append(found)
    for (run_id, happened, measured), group in alike.items():
        shown = dict.fromkeys(each.id for found in group for each in found.exchanges)
        yield Finding(
            code=rule.code,
            clause=rule.clause,
            severity=rule.weighs(history.clock),
            exchanges=tuple(shown),
            company_id=group[-1].exchanges[-1].company_id,
            run_id=run_id,
            happened=happened,
            expected=rule.expected,
            mend=rule.mend,
            measured=f"{rule.measures}: {measured}" if rule.measures else None,
        )


def _run_id(found: Found) -> str | None:
    return next((each.run_id for each in reversed(found.exchanges) if each.run_id), None)
