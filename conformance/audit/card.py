"""The client's report card: the rules, and what a session's exchanges show that its client does not do as it owes.

The exchanges are the JSON of `GET /_mock/requests`, which is what an exported bundle holds, too. Nothing heavy is
imported, and nothing is known of how the mock obeys, or of the API: its generations register their rules.

    from conformance.audit import audit
    assert not audit(exchanges, clock="frozen")
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from conformance.audit.exchange import ClientCall

    _Judge = Callable[[Any], Iterable["Found"]]

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""From worst to least; a note does not fail anything."""
GATING = ("error", "warning")
"""The severities that fail a run; a note is for whoever reads it."""


class Found(NamedTuple):
    """What a rule's function finds: the exchanges, and what happened in them."""

    exchanges: Sequence[ClientCall]
    happened: str
    measured: str | None = None
    """For a rule about time: what it measured."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a client did wrong, with its evidence."""

    code: str
    clause: str
    severity: Severity
    exchanges: tuple[str, ...]
    """The ids of the exchanges that show it, in order."""
    subject: Mapping[str, str | None]
    """What it is about besides a run, by the API's own names."""
    run_id: str | None
    happened: str
    expected: str
    mend: str
    measured: str | None
    """For a rule about time: from which instant to which it measures, and what it measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One thing that a client owes, and how a session's exchanges show that it does not."""

    code: str
    """Stable: it is what a baseline and `--disable` name."""
    clause: str
    severity: Severity = "error"
    looks_at: str
    """What of the exchanges it looks at, in one sentence, with its figures."""
    expected: str
    mend: str
    judge: _Judge
    """What finds it, in a history of the rule set's own kind."""
    measures: str | None = None
    """For a rule about time: from which instant to which. Unless it is a note, it is an error where the session's clock
    is the test's own, and else a warning."""
    closing: bool = False
    """True for a rule about what never came: it takes the client to be done."""

    def severity_at(self, clock: str) -> Severity:
        """How much a finding of it weighs in a session with a clock of this mode."""
        if self.measures is None or self.severity == "note":
            return self.severity
        return "warning" if clock == "real" else "error"

    def findings(self, history: Any, clock: str) -> Iterator[Finding]:
        """Everything that it finds in this history; what happened to one run again in the same words is one thing."""
        alike: dict[tuple[str | None, str, str | None], list[Found]] = {}
        for found in self.judge(history):
            run_id = next((each.run_id for each in reversed(found.exchanges) if each.run_id), None)
            alike.setdefault((run_id, found.happened, found.measured), []).append(found)
        for (run_id, happened, measured), group in alike.items():
            yield Finding(
                code=self.code,
                clause=self.clause,
                severity=self.severity_at(clock),
                exchanges=tuple(dict.fromkeys(each.id for found in group for each in found.exchanges)),
                subject=group[-1].exchanges[-1].subject,
                run_id=run_id,
                happened=happened,
                expected=self.expected,
                mend=self.mend,
                measured=f"{self.measures}: {measured}" if self.measures else None,
            )


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules for the clients of one generation of the API, and what they look at."""

    history: Callable[[Sequence[Mapping[str, Any]], str, bool], Any]
    """Makes a history of the exchanges in order, the mode of the clock, and whether the journal has forgotten some."""
    texts: Mapping[str, Mapping[str, Any]]
    """The members of each rule but its function, by its code."""
    rules: list[Rule] = field(default_factory=list)

    def __post_init__(self) -> None:
        RULE_SETS.append(self)

    def add(self, **figures: int) -> Callable[[_Judge], _Judge]:
        """Make the decorated function the rule of its name; the figures are those that its texts tell."""

        def register(judge: _Judge) -> _Judge:
            code = judge.__name__.strip("_").replace("_", "-")
            told: dict[str, Any] = dict(self.texts[code])
            told |= {name: told[name].format(**figures) for name in ("looks_at", "measures") if name in told}
            RULES[code] = Rule(code=code, judge=judge, **told)
            self.rules.append(RULES[code])
            return judge

        return register


RULES: dict[str, Rule] = {}
"""Every rule by its code, in the order of an integration."""
RULE_SETS: list[RuleSet] = []
"""The rule sets of all generations."""


def counted(number: int, noun: str) -> str:
    """So many of something, in words."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def audit(
    exchanges: Iterable[Mapping[str, Any]],
    *,
    clock: str = "real",
    partial: bool = False,
    ongoing: bool = False,
    without: Collection[str] = (),
) -> tuple[Finding, ...]:
    """What the client of these exchanges does wrong, the worst first, then in the order of the rules.

    `clock` is the mode of the session's clock: rules about time are errors when it is frozen or scaled, else warnings.
    `partial` says that the journal has forgotten what came before. The client is taken to be done, unless it is
    `ongoing`: then nothing is said about what has not come yet. `without` names the codes of rules to leave out.
    """
    # Those without a key come from a journal of their own.
    in_order = sorted(exchanges, key=lambda each: each["real"])
    left_out = {*without, *(rule.code for rule in RULES.values() if ongoing and rule.closing)}
    found = [
        finding
        for each in RULE_SETS
        for history in (each.history(in_order, clock, partial),)
        for rule in each.rules
        if rule.code not in left_out
        for finding in rule.findings(history, clock)
    ]
    return tuple(sorted(found, key=lambda each: SEVERITIES.index(each.severity)))


def card(
    exchanges: Sequence[Mapping[str, Any]],
    *,
    clock: str,
    dialect: str,
    forgotten: int = 0,
    ongoing: bool = False,
    without: Collection[str] = (),
) -> dict[str, Any]:
    """The findings as a value of JSON, with what they were found in; `forgotten` exchanges came before these."""
    found = audit(exchanges, clock=clock, partial=forgotten > 0, ongoing=ongoing, without=without)
    return {
        "findings": [_members(finding) for finding in found],
        "counts": {severity: sum(each.severity == severity for each in found) for severity in SEVERITIES},
        "clean": not any(each.severity in GATING for each in found),
        "clock": clock,
        "dialect": dialect,
        "exchanges": len(exchanges),
        "forgotten": forgotten,
        "ongoing": ongoing,
        "without": sorted(without),
    }


def _members(finding: Finding) -> dict[str, Any]:
    """The finding as a value of JSON, with the members of its subject among its own."""
    members = ((each if name == "subject" else {name: each}) for name, each in asdict(finding).items())
    return {name: each for member in members for name, each in member.items()}
