"""Runs the checks against a target, one after the other, and gathers what they say.

In a *journey* checks that only look share what they look at, so that a real service sees few runs; *isolated* checks
make everything anew, so that a failure is nobody else's doing. The assertions are the same.
"""

from __future__ import annotations

import math
import traceback
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from time import monotonic
from typing import Any

from conformance.engine.context import Context, cut, note
from conformance.engine.identity import identity
from conformance.engine.plan import Check, Draw, Driver, Generation, Plan, Progress
from conformance.http.client import OVER, Answer, Client
from conformance.http.network import MIDDLE
from conformance.model.clauses import select, server_clauses
from conformance.model.results import Blocked, Finding, Outcome, Results, Skipped
from conformance.verdict import collect

SHAPE = "shape"
OBSERVER = "observer"
UNASKED = "rate checks spend a whole budget, and run with --rate-checks only"
QUICK = "--depth quick leaves this out"
STRIDE = 3
"""Every third check is played first, then the others: those of one area ask one endpoint, whose budget comes back
while other areas ask theirs."""


class Runner:
    """One run of the suite: what it was asked for, and what was found so far."""

    def __init__(self, generation: Generation, driver: Driver, plan: Plan, progress: Progress | None) -> None:
        self.generation, self.driver, self.plan, self.progress = generation, driver, plan, progress
        self.deadline = math.inf
        """When the time of the whole run is over, by `monotonic`."""
        self.target = target = generation.reading(driver.target, plan.read_only) if plan.read_only else driver.target
        self.ways, self.clauses = driver.ways, plan.choose(generation.clauses)
        self.isolated = plan.is_isolated(own=driver.own)
        """Whether each check makes all that it needs."""
        self.max_examples = plan.examples(own=driver.own)
        self.client = Client(
            target.base_url,
            target.api_key,
            contract=generation.contract,
            other_key=target.other_api_key,
            revoked_key=target.revoked_api_key,
            requests_per_minute=target.requests_per_minute,
            request_timeout=target.request_timeout,
            deadline=lambda: self.deadline - monotonic(),
            read_only=bool(plan.read_only),
            sleep=driver.rest,
            on_exchange=self.judge_shape,
        )
        self._let_pass = 0.0
        """Seconds of the target's time that took no real time."""
        self.observer = generation.observer(lambda: monotonic() + self._let_pass)
        self._findings: list[Finding] = []
        self._readings: dict[str, str] = {}
        self._left: list[str] = []
        self._known: dict[str, Any] = {}
        self._answers = sha256()
        self._cut = Counter[str]()
        """How many answers of an operation were broken off."""
        self._tried: set[str] = set()
        """The clauses whose checks have run to their end."""

    def run(self) -> Results:
        """Everything that was asked for; an interruption ends it early and loses nothing."""
        begun, started = monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
        self.deadline = math.inf if self.plan.max_time is None else begun + self.plan.max_time
        unreachable, interrupted = None, False
        if self.plan.read_only:
            self.ways = self.generation.states(self.client, self.plan.read_only)
        try:
            unreachable = self._unreachable()
            if unreachable is None:
                self._play()
        except KeyboardInterrupt:
            interrupted = True
        clean = self.client.clean
        found = map(self._clean, [*self._findings, *self._silent()])
        return Results(
            target=self.target.base_url,
            contract=self.generation.contract.version,
            profile=self.plan.profile,
            seed=self.plan.seed,
            started=started,
            seconds=round(monotonic() - begun, 3),
            requests=self.client.requests,
            results=collect(found, self.clauses, self.generation.clauses),
            readings={point: clean(reading) for point, reading in sorted(self._readings.items())},
            left_behind=tuple(map(clean, self._left)),
            interrupted=interrupted,
            unreachable=unreachable,
            settings=self._settings(),
            suite=identity(),
            answers=self._answers.hexdigest(),
        )

    def _settings(self) -> dict[str, Any]:
        """What else was asked for, for the verdict and the reports."""
        servers = server_clauses(self.generation.clauses)
        return {
            "execution": "isolated" if self.isolated else "journey",
            "depth": self.plan.depth,
            "rate_checks": self.plan.rate_checks,
            "max_examples": self.max_examples,
            "out_of_time": any(OVER in finding.reason for finding in self._findings),
            "target": self.driver.name,
            "level": self.plan.level,
            "require": tuple(select(self.plan.require, servers)) if self.plan.require else (),
            "expected_failures": dict(self.plan.expected_failures),
            "read_only": bool(self.plan.read_only),
            "asked_for_less": self._asked_for_less(),
        }

    def _asked_for_less(self) -> bool:
        """Whether it is as it was asked for when most of the clauses are not tried."""
        plan = self.plan
        return bool(plan.clauses or plan.profile != Plan().profile or plan.read_only or plan.allow_skips)

    def judge_shape(self, answer: Answer) -> None:
        """Judge an answer's shape and, the second time, that it was broken off; the client calls it for every one."""
        shown = answer.exchange
        self._answers.update(f"{shown.operation} {shown.status}\n{shown.body}\n".encode("utf-8", "replace"))
        if answer.operation is not None and (answer.problem or "").endswith(MIDDLE):  # once may be the network's doing
            self._cut[answer.operation] += 2 if answer.exchange.method == "GET" else 1  # the client asks again
            if self._cut[answer.operation] >= 2:
                got = f"{answer.problem}, and not for the first time"
                clause = self.generation.cut_off(answer)
                self._accuse(clause, "an answer that is begun comes whole", "all of it", got, answer)
        for broken in self.generation.differences(answer.operation, answer, to_the_letter=self.target.strict):
            text = self.clauses[broken.clause].text if broken.clause in self.clauses else ""
            self._accuse(broken.clause, text, "an answer of the contract's shape", broken.text, answer)
        for told in self.observer(answer):
            self._accuse(told.clause, told.requirement, told.expected, told.got, *told.answers, by=OBSERVER)

    def _accuse(
        self, clause: str, requirement: str, expected: str, got: str, *answers: Answer, by: str = SHAPE
    ) -> None:
        wanted, found = (cut(self.client.clean(text)) for text in (expected, got))
        shown = tuple(answer.exchange for answer in answers)
        self._findings.append(Finding(clause, Outcome.FAILED, by, requirement, wanted, found, exchanges=shown))

    def _silent(self) -> list[Finding]:
        """What no check came to a word about, though one ran: nobody has seen the clause hold."""
        spoken = {finding.clause for finding in self._findings}
        reason, outcome = "its check ended without a word about it; please report that", Outcome.INCONCLUSIVE
        if not self._whole:
            reason, outcome = QUICK, Outcome.SKIPPED
        return [Finding(each, outcome, "", reason=reason) for each in sorted(self._tried - spoken)]

    def _clean(self, finding: Finding) -> Finding:
        """The finding without secrets that an answer may have repeated; its exchanges are without them already."""
        texts = ("requirement", "expected", "got", "reason", "note")
        cleaned: dict[str, Any] = {name: self.client.clean(getattr(finding, name)) for name in texts}
        return replace(finding, **cleaned)

    def _unreachable(self) -> str | None:
        """Why nothing can be claimed: no answer at all, or no 2xx with the key."""
        seen: list[str] = []
        for operation in self.generation.probes:
            try:
                answer = self.client.call(operation)
            except Skipped as skipped:
                return f"{' gave '.join(seen)}, and then {skipped}" if seen else str(skipped)
            if answer.ok:
                return None
            if answer.status is None and not seen:
                return f"no answer from {self.target.base_url}: {answer.problem}"
            contract = self.generation.contract
            seen += [f"GET {contract.operations[operation].route.removeprefix(contract.prefix)}", str(answer.status)]
        needed = "it was reached, but the suite needs an answer of 2xx to one of these calls with the key"
        return f"{needed}: {' gave '.join(seen[:2])}, {' '.join(seen[2:])}" if seen else None

    def _play(self) -> None:
        told = list(self.generation.checks().values())
        checks = [each for first in range(STRIDE) for each in told[first::STRIDE]]
        if self.max_examples:
            draw = Draw(self.clauses, self.plan.seed, self.max_examples, self._is_over, self.progress)
            checks.append(self.generation.generated(draw))
        wanted = [each for each in checks if set(each.clauses) & set(self.clauses)]
        wanted.sort(key=lambda each: (self._spends(each), each.last))  # what spends the budget comes last
        shared: dict[str, Any] | None = None if self.isolated else {}
        for number, each in enumerate(wanted, 1):
            if self.progress is not None:
                self.progress(each.name, number, len(wanted))
            context = self._context(each, shared)
            try:
                if (reason := self._left_out(each)) is not None:
                    context.leave_open(each.clauses, Outcome.SKIPPED, reason)
                else:
                    self._judge(each, context)
                    context.give_back()
            finally:  # what was found before an interruption is kept
                self._findings += context.findings
                self._left += context.left_behind
                for point, reading in context.readings.items():
                    note(self._readings, point, reading)
        if wanted:
            self._context(wanted[-1], shared).give_back(for_good=True)

    def _left_out(self, each: Check) -> str | None:
        """Why the check is not to be played, if it is not."""
        if self._is_over():
            return OVER
        if self._has_enough():
            return f"--max-failures {self.plan.max_failures}: so many clauses had failed before"
        if self._spends(each) and not self.plan.rate_checks:
            return UNASKED
        return QUICK if each.whole and not self._whole else None

    def _has_enough(self) -> bool:
        """Whether as many clauses have failed as were asked for; those that a baseline expects do not count."""
        if self.plan.max_failures is None:
            return False
        failed = {each.clause for each in self._findings if each.outcome is Outcome.FAILED}
        return len((failed & set(self.clauses)) - set(self.plan.expected_failures)) >= self.plan.max_failures

    @property
    def _whole(self) -> bool:
        return self.plan.depth == "whole"

    def _spends(self, each: Check) -> bool:
        return each.clauses[0].startswith(self.generation.spends)

    def _is_over(self) -> bool:
        return monotonic() > self.deadline

    def _judge(self, each: Check, context: Context) -> None:
        """Run the check; what stops it concerns every clause of which it has said nothing."""
        try:
            each.function(context)
            self._tried.update(each.clauses if each.says_all else ())
        except (Skipped, Blocked) as stopped:
            context.give_up(context.without_word(each.clauses), stopped)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            text = f"{type(error).__name__}: {error} ({where.name}, line {where.lineno})"
            context.leave_open(context.without_word(each.clauses), Outcome.ERROR, text)

    def _context(self, each: Check, shared: dict[str, Any] | None) -> Context:
        return self.generation.context(
            client=self.client,
            target=self.target,
            check=each,
            wait=self._wait,
            now=monotonic,
            advance=self._advance,
            ways=self.ways,
            shared=shared,
            whole=self._whole,
            observer=self.observer,
            known=self._known,
        )

    def _wait(self) -> float:
        skipped = self.driver.wait(self.client.patience(math.inf))
        self._let_pass += skipped
        return skipped

    def _advance(self, seconds: float) -> bool:
        self._let_pass += seconds  # before it does: a command that fails may have let it pass
        return self.driver.advance(seconds, self.client.patience(math.inf))


def judge(generation: Generation, driver: Driver, plan: Plan, progress: Progress | None = None) -> Results:
    """What the suite says of a target; `progress` is called before each check."""
    runner = Runner(generation, driver, plan, progress)
    try:
        return runner.run()
    finally:
        runner.client.close()
