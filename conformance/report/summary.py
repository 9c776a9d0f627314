"""What all reports say, worked out once from the results: areas and counts, faults, readings, what was not judged.

It holds no text of a target but in the findings themselves, and escapes nothing: that is for each form to do.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from conformance.model.clauses import area_names, area_of, load, open_points
from conformance.model.results import Exchange, Finding, Outcome, Result, Results
from conformance.verdict import counts
from mock_server.contract.nearest import counted

SIGNS = {
    Outcome.PASSED: ("✓", ".", "green"),
    Outcome.FAILED: ("✗", "F", "red"),
    Outcome.ERROR: ("!", "E", "magenta"),
    Outcome.INCONCLUSIVE: ("?", "?", "yellow"),
    Outcome.SKIPPED: ("-", "s", "cyan"),
    Outcome.NOT_APPLICABLE: ("·", "-", "bright_black"),
}
"""The outcomes in the order in which a reader wants to see them: the sign of each on a page, its letter and colour."""
COLUMNS = tuple(SIGNS)
FAULTS = (Outcome.FAILED, Outcome.ERROR)
NOT_SEEN = "not seen in this run"


class Area(NamedTuple):
    """The clauses of one area."""

    id: str
    title: str
    results: tuple[Result, ...]
    counts: Mapping[Outcome, int]
    """0 for an outcome that none of them has."""

    @property
    def tally(self) -> str:
        """Its figures in words: `6 passed, 1 failed`."""
        return ", ".join(f"{self.counts[outcome]} {outcome.word}" for outcome in COLUMNS if self.counts[outcome])


class PointReading(NamedTuple):
    """An open point, the chosen clauses that depend on it, and how the target reads it."""

    open_point: str
    question: str
    clauses: tuple[str, ...]
    reading: str


class Unverified(NamedTuple):
    """Clauses about which nothing can be said for the same reason, and the exchange that shows it, if there is one."""

    outcome: Outcome
    reason: str
    clauses: tuple[str, ...]
    exchange: Exchange | None
    behind: str = ""
    """The failed clause that its reason names, or that failed on the same call with the same status."""


class Cause(NamedTuple):
    """What clauses wait for that could not be judged: a clause that failed, or none that is known."""

    clause: str
    reasons: Mapping[str, tuple[str, ...]]
    """Why they could not be judged, and which ones."""


def areas(results: Results) -> tuple[Area, ...]:
    """The results by area, in the order in which they come."""
    grouped: dict[str, list[Result]] = {}
    for result in results.results:
        grouped.setdefault(area_of(result.clause), []).append(result)
    return tuple(
        Area(name, area_names().get(name, name), tuple(group), counts(group)) for name, group in grouped.items()
    )


def levels(results: Results) -> tuple[tuple[str, Mapping[Outcome, int]], ...]:
    """The figures of each level, that of the must clauses first."""
    known = dict.fromkeys(("must", "should"), ()) | {result.level: () for result in results.results}
    found = ((level, counts(each for each in results.results if each.level == level)) for level in known)
    return tuple((level, figures) for level, figures in found if figures)


def faults(results: Results) -> tuple[Result, ...]:
    """The clauses to show with all their evidence: those that failed, must before should, then our own errors."""
    found = [result for result in results.results if result.outcome in FAULTS]
    return tuple(sorted(found, key=lambda result: (FAULTS.index(result.outcome), result.level != "must")))


def evidence(result: Result) -> tuple[Finding, ...]:
    """The findings that speak against a clause, the worst first; of those that say the same, the first alone."""
    found: dict[tuple[object, ...], Finding] = {}
    for finding in result.findings:
        if finding.outcome >= Outcome.INCONCLUSIVE:
            found.setdefault((finding.outcome, *texts(finding).items()), finding)
    return tuple(sorted(found.values(), key=lambda finding: -finding.outcome))


def texts(finding: Finding) -> dict[str, str]:
    """What a finding says, each text under its label; what is empty is left out."""
    rest = {name: getattr(finding, name) for name in ("expected", "got", "reason", "note")}
    said = {"check": finding.check, "required": finding.requirement, **rest}
    return {label: text for label, text in said.items() if text}


def reason(result: Result) -> str:
    """Why a clause has the outcome that it has, as its first finding of that outcome puts it."""
    return next((f.reason for f in result.findings if f.outcome is result.outcome and f.reason), "no reason was given")


def unverified(results: Results) -> tuple[Unverified, ...]:
    """What this run says nothing about, by outcome and reason; the worst first, and the most."""
    grouped: dict[tuple[Outcome, str], list[Result]] = {}
    for result in results.results:
        if result.outcome in {Outcome.INCONCLUSIVE, Outcome.SKIPPED, Outcome.NOT_APPLICABLE}:
            grouped.setdefault((result.outcome, reason(result)), []).append(result)
    found = []
    for (outcome, why), group in sorted(grouped.items(), key=lambda item: (-item[0][0], -len(item[1]))):
        last = next((f.exchanges[-1] for result in group for f in evidence(result) if f.exchanges), None)
        behind = _behind(why, last, results) if outcome is Outcome.INCONCLUSIVE else ""
        found.append(Unverified(outcome, why, tuple(result.clause for result in group), last, behind))
    return tuple(found)


def causes(results: Results) -> tuple[Cause, ...]:
    """What to mend first: the failed clauses that most others wait for, then the reasons behind which none is seen."""
    behind: dict[str, dict[str, tuple[str, ...]]] = {}
    for each in unverified(results):
        if each.outcome is Outcome.INCONCLUSIVE:
            behind.setdefault(each.behind or f" {each.reason}", {})[each.reason] = each.clauses
    found = [Cause("" if key.startswith(" ") else key, reasons) for key, reasons in behind.items()]
    return tuple(sorted(found, key=lambda cause: (not cause.clause, -sum(map(len, cause.reasons.values())))))


def named(clauses: Sequence[str], results: Results) -> str:
    """The clauses in words: those of a whole area by its name, where it has several."""
    whole = {area.id: {each.clause for each in area.results} for area in areas(results)}
    own = set(clauses)
    all_of = [name for name, ids in whole.items() if len(ids) > 1 and ids <= own]
    some = [clause for clause in clauses if area_of(clause) not in all_of]
    parts = [f"all of {', '.join(all_of)}"] if all_of else []
    return "; ".join([*parts, ", ".join(some)] if some else parts)


def _behind(reason: str, last: Exchange | None, results: Results) -> str:
    failed = {result.clause: result for result in faults(results) if result.outcome is Outcome.FAILED}
    for clause in re.findall(r"[A-Z]+-\d+", reason):
        if clause in failed:
            return str(clause)
    if last is None or last.status is None or last.operation is None:
        return ""
    known, call = load(), (last.operation, last.status)
    for clause, result in failed.items():
        if clause in known and last.operation in known[clause].operations:
            for finding in result.findings:
                seen = {(each.operation, each.status) for each in finding.exchanges[-1:]}
                if (
                    finding.outcome is Outcome.FAILED
                    and call in seen
                    and (last.status >= 400 or finding.check == "shape")
                ):
                    return clause
    return ""


def readings(results: Results) -> tuple[PointReading, ...]:
    """How the target reads each open point that it was seen to read, or that a chosen clause depends on."""
    dependent: dict[str, list[str]] = {point: [] for point in results.readings}
    known = load()
    for result in results.results:
        if result.clause in known:
            for point in known[result.clause].open_points:
                dependent.setdefault(point, []).append(result.clause)
    return tuple(
        PointReading(point, open_points().get(point, ""), tuple(clauses), results.readings.get(point, NOT_SEEN))
        for point, clauses in sorted(dependent.items())
    )


def notes(results: Results) -> tuple[tuple[str, str], ...]:
    """What checks noted about a clause, each note once."""
    said = ((result.clause, finding.note) for result in results.results for finding in result.findings if finding.note)
    return tuple(dict.fromkeys(said))


def again(results: Results, clauses: Sequence[str]) -> str:
    """The one command that tries these clauses again, ready to paste; `settings` may hold what `--target` was."""
    named = str(results.settings.get("target", results.target))
    target = ["--base-url" if named.startswith(("http://", "https://")) else "--target", named]
    words = ["vern-conformance", "run", *clauses, *target, "--seed", str(results.seed)]
    command = shlex.join(words)
    if target[0] == "--base-url":
        command += ' --api-key "$VERN_API_KEY"'
    # Rate checks run only when they are asked for.
    return command + (" --rate-checks" if any(area_of(clause) == "RATE" for clause in clauses) else "")


def facts(results: Results) -> tuple[tuple[str, str], ...]:
    """What the run was: a name and a value each."""
    return (
        ("target", results.target),
        ("contract", results.contract),
        ("profile", results.profile),
        ("seed", str(results.seed)),
        ("started", results.started),
        ("took", f"{results.seconds:.1f} s, {counted(results.requests, 'request')}"),
    )


def dialogue(exchange: Exchange) -> tuple[str, str]:
    """A request and what came back, each as it went over the wire."""
    asked = [f"{exchange.method} {exchange.url}", *(f"{n}: {v}" for n, v in exchange.request_headers.items())]
    if exchange.request_body:
        asked += ["", exchange.request_body]
    if exchange.status is None:
        return "\n".join(asked), f"no answer: {exchange.problem or 'no reason was given'}"
    got = [f"{exchange.status} after {exchange.milliseconds} ms", *(f"{n}: {v}" for n, v in exchange.headers.items())]
    got += ["", exchange.body] if exchange.body else []
    got += [f"({exchange.problem})"] if exchange.problem else []
    return "\n".join(asked), "\n".join(got)
