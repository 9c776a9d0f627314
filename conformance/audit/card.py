"""The client's report card: a pure function from a session's exchanges to what its client does not do as it owes.

The exchanges are the JSON of `GET /_mock/requests`, which is what an exported bundle holds, too. Nothing heavy is
imported, and nothing is known of how the mock obeys, or of the API: its generations register their rules.

    from conformance.audit import audit
    assert not audit(exchanges, clock="frozen")
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from conformance.audit.rule import RULE_SETS, RULES, SEVERITIES, Finding

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

GATING = ("error", "warning")
"""The severities that fail a run; a note is for whoever reads it."""


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
        for rules in RULE_SETS
        for finding in rules.findings(rules.history(in_order, clock, partial), clock, left_out)
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
        "findings": [_plain(finding) for finding in found],
        "counts": {severity: sum(each.severity == severity for each in found) for severity in SEVERITIES},
        "clean": not any(each.severity in GATING for each in found),
        "clock": clock,
        "dialect": dialect,
        "exchanges": len(exchanges),
        "forgotten": forgotten,
        "ongoing": ongoing,
        "without": sorted(without),
    }


def _plain(finding: Finding) -> dict[str, Any]:
    """The finding as a value of JSON, with the members of its subject among its own."""
    members = ((each if name == "subject" else {name: each}) for name, each in asdict(finding).items())
    return {name: each for member in members for name, each in member.items()}
