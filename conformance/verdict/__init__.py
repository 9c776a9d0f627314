"""From findings to results, and from results to the one verdict that the exit code and every report say.

Clauses of the judged level decide (`must` alone, or `must` and `should`), and those that `--require` names. What we
broke ourselves always counts: a judge that cannot judge never says 0.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from conformance.model.clauses import Clause, load
from conformance.model.results import Finding, Outcome, Result, Results
from conformance.verdict.baseline import mismatches
from mock_server.contract.nearest import counted

PASSED, FAILED, INCOMPLETE, UNREACHABLE, INTERRUPTED = 0, 1, 3, 4, 130
"""The exit codes that results lead to; 2 is bad usage, and the command line's own."""

WORDS = {
    PASSED: "passed",
    FAILED: "failed",
    INCOMPLETE: "incomplete",
    UNREACHABLE: "unreachable",
    INTERRUPTED: "interrupted",
}
NOT_REACHED = "no check reached it"

_LEVELS = {"must": ("must",), "should": ("must", "should")}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run comes to."""

    code: int
    """The exit code."""
    word: str
    headline: str
    """The figures in one line, never a percentage."""
    remarks: tuple[str, ...]
    """Why it is not simply passed, and what the baseline and `--require` say; a sentence each."""


def collect(
    findings: Iterable[Finding], clauses: Mapping[str, Clause], known: Mapping[str, Clause] | None = None
) -> tuple[Result, ...]:
    """A result for each of `clauses`, in their order; its outcome is the highest of its findings.

    Findings about clauses that were not asked for are left out; one about none of the `known` ones is our own mistake.
    """
    found: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        found[finding.clause].append(finding)
    if strangers := found.keys() - clauses.keys() - (known or load()).keys():
        raise ValueError(f"checks speak of clauses that do not exist: {', '.join(sorted(strangers))}")
    return tuple(_result(clause, tuple(found.get(clause.id, ()))) for clause in clauses.values())


def judge(results: Results) -> Verdict:
    """The verdict by the run's own settings: `level`, `require`, and `expected_failures` (clause to reason)."""
    judgement = _Judgement(results)
    code = judgement.exit_code
    return Verdict(code, WORDS[code], headline(results), tuple(judgement.remarks()))


def aside(results: Results) -> dict[str, str]:
    """The clauses whose failure does not count for the verdict, each with the sentence that says why."""
    return dict(_Judgement(results).aside())


def headline(results: Results) -> str:
    """The figures in one line: `51 of 54 must clauses passed, 2 failed, 1 inconclusive; 4 cannot be tested`."""
    parts = [_tally(results, level) for level in ("must", "should")]
    whole = counts(results.results)
    # Clauses that no test can try, rather than ones that this target need not obey: no check speaks of them.
    idle = [result for result in results.results if not any(finding.check for finding in result.findings)]
    untested = counts(idle)[Outcome.NOT_APPLICABLE]
    parts += [
        f"{whole[Outcome.SKIPPED]} skipped" if whole[Outcome.SKIPPED] else "",
        f"{less} not applicable" if (less := whole[Outcome.NOT_APPLICABLE] - untested) else "",
        f"{untested} cannot be tested" if untested else "",
    ]
    return "; ".join(part for part in parts if part) or "no clause was chosen"


def counts(results: Iterable[Result]) -> Counter[Outcome]:
    """How many results have each outcome."""
    return Counter(result.outcome for result in results)


def has_failed(result: Result) -> bool:
    """True when the target broke the clause, also where another of its checks broke down and it counts as an error."""
    return any(outcome is Outcome.FAILED for outcome in (result.outcome, *(f.outcome for f in result.findings)))


class _Judgement:
    """Results under the run's own settings: `level`, `require`, and `expected_failures` (clause to reason)."""

    def __init__(self, results: Results) -> None:
        own = results.settings
        self.results = results
        self.expected: Mapping[str, str] = dict(own.get("expected_failures", {}))
        required, levels = own.get("require", ()), _LEVELS[str(own.get("level", "must"))]
        self.gate = [each for each in results.results if each.level in levels or each.clause in required]
        tried = {each.clause for each in results.results if each.outcome > Outcome.SKIPPED}
        self.missed = sorted(set(required) - tried)
        passed = {each.clause for each in results.results if each.outcome is Outcome.PASSED}
        failed = [each.clause for each in self.gate if has_failed(each)]
        self.mismatches = mismatches(failed, passed, self.expected)

    @property
    def exit_code(self) -> int:
        results = self.results
        if results.interrupted:
            return INTERRUPTED
        if results.unreachable is not None:
            return UNREACHABLE
        if self.mismatches or self.missed:
            return FAILED
        found = counts(results.results)
        undecided = any(each.outcome is Outcome.INCONCLUSIVE for each in self.gate)
        return INCOMPLETE if found[Outcome.ERROR] or undecided or not found[Outcome.PASSED] else PASSED

    def aside(self) -> Iterator[tuple[str, str]]:
        for each in filter(has_failed, self.results.results):
            if each.clause in self.expected:
                yield each.clause, f"{each.clause} failed, as the baseline expects: {self.expected[each.clause]}"
            elif each not in self.gate:
                why = f"it is a {each.level} clause"
                yield each.clause, f"{each.clause} failed, but does not count for the verdict: {why}"

    def remarks(self) -> Iterator[str]:
        results, found = self.results, counts(self.results.results)
        if results.interrupted:
            yield "the run was interrupted: the clauses that were not tried by then are skipped"
        if results.settings.get("out_of_time"):
            yield "the time of --max-time was over: clauses not tried by then are skipped; --require fails on that"
        if results.unreachable is not None:
            yield f"the target cannot be judged: {results.unreachable}"
        if self.expected:
            yield from self.mismatches
        yield from (sentence for _, sentence in self.aside())
        yield from (f"{clause} is required and was not tried" for clause in self.missed)
        if found[Outcome.ERROR]:
            broken = counted(found[Outcome.ERROR], "clause")
            yield f"the suite itself failed on {broken}; that is not the target's fault, so please report it"
        if not found[Outcome.PASSED]:
            yield "no clause passed, so the run says nothing in favour of the target"


def _result(clause: Clause, findings: tuple[Finding, ...]) -> Result:
    if not findings:
        outcome = Outcome.SKIPPED if clause.not_tested is None else Outcome.NOT_APPLICABLE
        findings = (Finding(clause.id, outcome, check="", reason=clause.not_tested or NOT_REACHED),)
    highest = max(finding.outcome for finding in findings)
    return Result(clause.id, clause.level, clause.text, highest, findings)


def _tally(results: Results, level: str) -> str:
    """The figures of a level's clauses that were tried; of the must clauses in any case, were it none of them."""
    found = counts(result for result in results.results if result.level == level)
    tried = sum(count for outcome, count in found.items() if outcome > Outcome.SKIPPED)
    if not tried and (level != "must" or not found):
        return ""
    worse = (Outcome.FAILED, Outcome.ERROR, Outcome.INCONCLUSIVE)
    rest = "".join(f", {found[outcome]} {outcome.word}" for outcome in worse if found[outcome])
    return f"{found[Outcome.PASSED]} of {tried} {level} clauses passed{rest}"
