"""From findings to results, and from results to the one verdict that the exit code and every report say.

Clauses of the judged level decide (`must` alone, or `must` and `should`), and those that `--require` names. What we
broke ourselves always counts: a judge that cannot judge never says 0.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

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


class Verdict(NamedTuple):
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
    results = []
    for clause in clauses.values():
        outcome = Outcome.SKIPPED if clause.not_tested is None else Outcome.NOT_APPLICABLE
        nothing = Finding(clause.id, outcome, check="", reason=clause.not_tested or NOT_REACHED)
        of_it = _once(found.get(clause.id, [nothing]))
        results.append(Result(clause.id, clause.level, clause.text, max(each.outcome for each in of_it), of_it))
    return tuple(results)


def _once(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Without what is said twice of one exchange; the one that shows more of them, or came later, stays."""
    kept: dict[Any, Finding] = {}
    for number, each in enumerate(findings):
        said = each.expected, each.got
        failed = each.outcome is Outcome.FAILED and each.exchanges and any(said)
        place = (*said, each.exchanges[-1].number) if failed else number
        if place not in kept or len(each.exchanges) >= len(kept[place].exchanges):
            kept[place] = each
    return tuple(kept.values())


def judge(results: Results) -> Verdict:
    """The verdict by the run's own settings: `level`, `require`, and `expected_failures` (clause to reason)."""
    own, gate, found = results.settings, _gate(results), counts(results.results)
    tried = {each.clause for each in results.results if each.outcome > Outcome.SKIPPED}
    missed = sorted(set(own.get("require", ())) - tried)
    failed = [each.clause for each in gate if has_failed(each)]
    passed = {each.clause for each in results.results if each.outcome is Outcome.PASSED}
    wrong = mismatches(failed, passed, own.get("expected_failures", {}))
    if results.interrupted:
        code = INTERRUPTED
    elif results.unreachable is not None:
        code = UNREACHABLE
    elif wrong or missed:
        code = FAILED
    elif found[Outcome.ERROR] or any(each.outcome is Outcome.INCONCLUSIVE for each in gate):
        code = INCOMPLETE
    else:
        code = PASSED if found[Outcome.PASSED] and too_few(results) is None else INCOMPLETE
    return Verdict(code, WORDS[code], headline(results), tuple(_remarks(results, wrong, missed)))


def aside(results: Results) -> dict[str, str]:
    """The clauses whose failure does not count for the verdict, each with the sentence that says why."""
    expected, gate, found = results.settings.get("expected_failures", {}), _gate(results), {}
    for each in filter(has_failed, results.results):
        if each.clause in expected:
            found[each.clause] = f"{each.clause} failed, as the baseline expects: {expected[each.clause]}"
        elif each not in gate:
            why = f"it is a {each.level} clause"
            found[each.clause] = f"{each.clause} failed, but does not count for the verdict: {why}"
    return found


def too_few(results: Results) -> tuple[int, int] | None:
    """How many must clauses were tried, and of how many, when that is less than half and nobody asked for less."""
    tried, untried = tried_of(results, "must")
    # A report of an earlier version does not say what was asked for.
    asked_for_less = results.settings.get("asked_for_less", True)
    return None if asked_for_less or tried >= untried else (tried, tried + untried)


def tried_of(results: Results, level: str) -> tuple[int, int]:
    """How many clauses of the level were tried, and how many more can be."""
    outcomes = [each.outcome for each in results.results if each.level == level]
    untried = outcomes.count(Outcome.SKIPPED)
    return len(outcomes) - untried - outcomes.count(Outcome.NOT_APPLICABLE), untried


def headline(results: Results) -> str:
    """The figures in one line: `51 of 54 must clauses passed, 2 failed, 1 inconclusive; 4 not applicable`."""
    parts = [_tally(results, level) for level in ("must", "should")]
    whole = counts(results.results)
    rest = (Outcome.SKIPPED, Outcome.NOT_APPLICABLE)
    parts += [f"{whole[outcome]} {outcome.word}" for outcome in rest if whole[outcome]]
    return "; ".join(part for part in parts if part) or "no clause was chosen"


def counts(results: Iterable[Result]) -> Counter[Outcome]:
    """How many results have each outcome."""
    return Counter(result.outcome for result in results)


def has_failed(result: Result) -> bool:
    """True when the target broke the clause, also where another of its checks broke down and it counts as an error."""
    return any(outcome is Outcome.FAILED for outcome in (result.outcome, *(f.outcome for f in result.findings)))


def _gate(results: Results) -> list[Result]:
    """The results that decide: those of the judged level, and those that are required."""
    required, levels = results.settings.get("require", ()), _LEVELS[str(results.settings.get("level", "must"))]
    return [each for each in results.results if each.level in levels or each.clause in required]


def _remarks(results: Results, wrong: Iterable[str], missed: Iterable[str]) -> Iterator[str]:
    found = counts(results.results)
    if results.interrupted:
        yield "the run was interrupted: the clauses that were not tried by then are skipped"
    if results.settings.get("out_of_time"):
        yield "the time of --max-time was over: clauses not tried by then are skipped; --require fails on that"
    if results.unreachable is not None:
        yield f"the target cannot be judged: {results.unreachable}"
    if results.settings.get("expected_failures"):
        yield from wrong
    yield from aside(results).values()
    yield from (f"{clause} is required and was not tried" for clause in missed)
    if results.unreachable is None and (few := too_few(results)) is not None:
        told = f"only {few[0]} of the {few[1]} must clauses that can be tried were tried, less than half"
        yield f"{told}: give more ways in the target file, name areas or a profile, or say --allow-skips"
    if found[Outcome.ERROR]:
        broken = counted(found[Outcome.ERROR], "clause")
        yield f"the suite itself failed on {broken}; that is not the target's fault, so please report it"
    if not found[Outcome.PASSED]:
        yield "no clause passed, so the run says nothing in favour of the target"


def _tally(results: Results, level: str) -> str:
    """The figures of a level's clauses that were tried; of the must clauses in any case, were it none of them."""
    found = counts(result for result in results.results if result.level == level)
    tried = sum(count for outcome, count in found.items() if outcome > Outcome.SKIPPED)
    if not tried and (level != "must" or not found):
        return ""
    worse = (Outcome.FAILED, Outcome.ERROR, Outcome.INCONCLUSIVE)
    rest = "".join(f", {found[outcome]} {outcome.word}" for outcome in worse if found[outcome])
    return f"{found[Outcome.PASSED]} of {tried} {level} clauses passed{rest}"
