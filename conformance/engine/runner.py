"""Runs the checks against a target, one after the other, and gathers what they say.

In a *journey* checks that only look share a company and its runs, so that a real service sees few imports; *isolated*
checks make everything anew, so that a failure is nobody else's doing. The assertions are the same.
"""

from __future__ import annotations

import traceback
from collections import Counter
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import TYPE_CHECKING, Any

from conformance import fuzzing as generated
from conformance import verdict
from conformance.engine.stage import Stage
from conformance.http.client import OVER
from conformance.http.network import MIDDLE
from conformance.model.results import Blocked, Finding, Outcome, Results, Skipped
from conformance.preview import checks
from conformance.preview import company_pool as borrowed
from conformance.preview.checks import Check
from conformance.preview.response_schema import differences
from mock_server.contract import document as contract

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from conformance.engine.stage import Run
    from conformance.http.client import Answer, Client
    from conformance.model.clauses import Clause
    from conformance.target.file import Target

SHAPE = "shape"
RATES = "RATE"


@dataclass(slots=True)
class Suite:
    """What a run of the suite needs to know, chosen by whoever starts it."""

    target: Target
    client: Client
    clauses: Mapping[str, Clause]
    """The clauses to judge."""
    wait: Callable[[], float]
    """As in a stage."""
    advance: Callable[[float], bool]
    ways: Mapping[str, Callable[[], tuple[str, str]]] = field(default_factory=dict)
    """Ways to a state beside the target file's."""
    profile: str = "full"
    isolated: bool = False
    rate_checks: bool = False
    seed: int = 0
    max_time: float | None = None
    started: str = ""
    max_examples: int = 0
    """How many generated requests an operation gets at most; 0: none."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What else was asked for, for the verdict and the reports."""
    progress: Callable[[str, int, int], None] | None = None
    """Called before each check with its name, its number and how many there are."""
    _findings: list[Finding] = field(default_factory=list)
    _readings: dict[str, str] = field(default_factory=dict)
    _left: list[str] = field(default_factory=list)
    _known: dict[str, Any] = field(default_factory=dict)
    _begun: dict[str, Run] = field(default_factory=dict)
    _cut: Counter[str] = field(default_factory=Counter)
    """How many answers of an operation were broken off."""
    _tried: set[str] = field(default_factory=set)
    """The clauses whose checks have run to their end."""

    def run(self) -> Results:
        """Everything that was asked for; an interruption ends it early and loses nothing."""
        begun = monotonic()
        unreachable, interrupted = None, False
        try:
            unreachable = self._unreachable()
            if unreachable is None:
                self._play(begun)
        except KeyboardInterrupt:
            interrupted = True
        return Results(
            target=self.target.base_url,
            contract=contract.load().version,
            profile=self.profile,
            seed=self.seed,
            started=self.started,
            seconds=round(monotonic() - begun, 3),
            requests=self.client.requests,
            results=verdict.collect(map(self._clean, [*self._findings, *self._silent()]), self.clauses),
            readings={point: self.client.clean(reading) for point, reading in sorted(self._readings.items())},
            left_behind=tuple(map(self.client.clean, self._left)),
            interrupted=interrupted,
            unreachable=unreachable,
            settings={
                "execution": "isolated" if self.isolated else "journey",
                "rate_checks": self.rate_checks,
                "max_examples": self.max_examples,
                "out_of_time": any(OVER in finding.reason for finding in self._findings),
                **self.settings,
            },
        )

    def heard(self, operation_id: str | None, answer: Answer) -> None:
        """Judge the shape of an answer; the client calls it for every one that it hears."""
        self._cut_off(operation_id, answer)
        for difference in differences(operation_id, answer, to_the_letter=self.target.vouched):
            self._findings.append(
                Finding(
                    clause=difference.clause,
                    outcome=Outcome.FAILED,
                    check=SHAPE,
                    requirement=self.clauses[difference.clause].text if difference.clause in self.clauses else "",
                    expected="an answer of the contract's shape",
                    got=difference.text,
                    exchanges=(answer.exchange,),
                )
            )

    def _cut_off(self, operation_id: str | None, answer: Answer) -> None:
        """Judge an answer that was begun and broken off, the second time: once that may be the network's doing."""
        if operation_id is None or not (answer.problem or "").endswith(MIDDLE):
            return
        self._cut[operation_id] += 2 if answer.exchange.method == "GET" else 1  # the client asks again, where it may
        if self._cut[operation_id] < 2:
            return
        download = "CSV-01" if "sheet_id" in answer.query else "CSV-02"
        clause = download if operation_id == "export_csv" else "FMT-01"
        requirement, got = "an answer that is begun comes whole", f"{answer.problem}, and not for the first time"
        shown = (answer.exchange,)
        self._findings.append(Finding(clause, Outcome.FAILED, SHAPE, requirement, "all of it", got, exchanges=shown))

    def _silent(self) -> list[Finding]:
        """What no check came to a word about, though one ran: nobody has seen the clause hold."""
        spoken = {finding.clause for finding in self._findings}
        reason = "its check ended without a word about it; please report that"
        return [Finding(each, Outcome.INCONCLUSIVE, "", reason=reason) for each in sorted(self._tried - spoken)]

    def _clean(self, finding: Finding) -> Finding:
        """The finding without secrets that an answer may have repeated; its exchanges are without them already."""
        clean = self.client.clean
        return replace(
            finding,
            requirement=clean(finding.requirement),
            expected=clean(finding.expected),
            got=clean(finding.got),
            reason=clean(finding.reason),
            note=clean(finding.note),
        )

    def _unreachable(self) -> str | None:
        """Why nothing can be claimed: no answer at all, or no 2xx with the key."""
        try:
            answer = self.client.call("list_sources")
        except Skipped as skipped:
            return str(skipped)
        if answer.status is None:
            return f"no answer from {self.target.base_url}: {answer.problem}"
        if answer.ok:
            return None
        try:
            again = self.client.call("list_templates")
        except Skipped as skipped:
            return f"GET /sources gives {answer.status}, and then {skipped}"
        if again.ok:
            return None
        return f"no answer with the key is 2xx: GET /sources gives {answer.status}, GET /templates {again.status}"

    def _play(self, begun: float) -> None:
        wanted = [each for each in checks.load().values() if set(each.clauses) & set(self.clauses)]
        wanted += self._generated(begun)
        wanted.sort(key=lambda each: each.clauses[0].startswith(RATES))  # the rate checks spend the budget: last
        shared: dict[str, Any] | None = None if self.isolated else {}
        for number, each in enumerate(wanted, 1):
            if self.progress is not None:
                self.progress(each.name, number, len(wanted))
            stage = self._stage(each, shared)
            reason = self._kept_from(each, begun)
            try:
                if reason is not None:
                    self._say(each, stage, Outcome.SKIPPED, reason)
                else:
                    self._judge(each, stage)
                    borrowed.give_back(stage)
            finally:  # what was found before an interruption is kept
                self._findings += stage.findings
                self._note(stage.readings)
                self._left += stage.left_behind
        if wanted:
            borrowed.give_back(self._stage(wanted[-1], shared), for_good=True)

    def _note(self, readings: Mapping[str, str]) -> None:
        """Put what a check read beside what others did."""
        for point, reading in readings.items():
            known = self._readings.get(point)
            self._readings[point] = reading if known in (None, reading) else f"{known}; {reading}"

    def _generated(self, begun: float) -> list[Check]:
        """The generated layer as a check, where it is asked for and speaks of a chosen clause."""
        if not self.max_examples or not set(generated.CLAUSES) & set(self.clauses):
            return []

        def function(stage: Stage) -> None:
            generated.generate(
                stage,
                self.clauses,
                seed=self.seed,
                max_examples=self.max_examples,
                over=lambda: self.max_time is not None and monotonic() - begun > self.max_time,
                progress=self.progress,
            )

        return [Check(generated.NAME, generated.CLAUSES, generated.STIMULUS, function, generated.NEEDS)]

    def _kept_from(self, each: Check, begun: float) -> str | None:
        if self.max_time is not None and monotonic() - begun > self.max_time:
            return OVER
        if each.clauses[0].startswith(RATES) and not self.rate_checks:
            return "rate checks spend a whole budget, and run with --rate-checks only"
        return None

    def _judge(self, each: Check, stage: Stage) -> None:
        try:
            each.function(stage)
            self._tried.update(() if each.name == generated.NAME else each.clauses)  # which draws what it speaks of
        except Skipped as skipped:
            self._say(each, stage, Outcome.SKIPPED, str(skipped))
        except Blocked as blocked:
            shown = tuple(answer.exchange for answer in blocked.answers)
            self._say(each, stage, Outcome.INCONCLUSIVE, str(blocked), shown)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            text = f"{type(error).__name__}: {error} ({where.name}, line {where.lineno})"
            self._say(each, stage, Outcome.ERROR, text)

    def _say(self, each: Check, stage: Stage, outcome: Outcome, reason: str, exchanges: tuple[Any, ...] = ()) -> None:
        """Give the outcome to every clause of the check that it has said nothing about."""
        spoken = {finding.clause for finding in stage.findings}
        stage.findings += [
            Finding(clause, outcome, each.name, reason=reason, exchanges=exchanges)
            for clause in each.clauses
            if clause not in spoken
        ]

    def _stage(self, each: Check, shared: dict[str, Any] | None) -> Stage:
        return Stage(
            client=self.client,
            target=self.target,
            check=each,
            wait=self.wait,
            now=monotonic,
            advance=self.advance,
            ways=self.ways,
            shared=shared,
            known=self._known,
            begun=self._begun,
        )
