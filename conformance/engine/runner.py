"""Runs the checks against a target, one after the other, and gathers what they say.

In a *journey* checks that only look share what they look at, so that a real service sees few runs; *isolated* checks
make everything anew, so that a failure is nobody else's doing. The assertions are the same.
"""

from __future__ import annotations

import math
import traceback
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any

from conformance.engine.context import Context, note
from conformance.engine.plan import Check, Draw, Driver, Generation, Plan, Progress, Ways
from conformance.http.client import OVER, Answer, Client
from conformance.http.network import MIDDLE
from conformance.model.clauses import Clause, select, server_clauses
from conformance.model.results import Blocked, Finding, Outcome, Results, Skipped
from conformance.verdict import collect

if TYPE_CHECKING:
    from conformance.target.target import Target

SHAPE = "shape"
EXAMPLES = 10


@dataclass(slots=True, kw_only=True)
class Runner:
    """One run of the suite: what it was asked for, and what was found so far."""

    generation: Generation
    driver: Driver
    plan: Plan
    progress: Progress | None
    deadline: float = math.inf
    """When the time of the whole run is over, by `monotonic`."""
    ways: Ways = field(init=False)
    target: Target = field(init=False)
    clauses: Mapping[str, Clause] = field(init=False)
    client: Client = field(init=False)
    _findings: list[Finding] = field(default_factory=list)
    _readings: dict[str, str] = field(default_factory=dict)
    _left: list[str] = field(default_factory=list)
    _known: dict[str, Any] = field(default_factory=dict)
    _cut: Counter[str] = field(default_factory=Counter)
    """How many answers of an operation were broken off."""
    _tried: set[str] = field(default_factory=set)
    """The clauses whose checks have run to their end."""

    def __post_init__(self) -> None:
        target, plan = self.driver.target, self.plan
        self.target = target = self.generation.reading(target, plan.read_only) if plan.read_only else target
        self.ways, self.clauses = self.driver.ways, plan.choose(self.generation.clauses)
        self.client = Client(
            target.base_url,
            target.api_key,
            contract=self.generation.contract,
            other_key=target.other_api_key,
            revoked_key=target.revoked_api_key,
            requests_per_minute=target.requests_per_minute,
            request_timeout=target.request_timeout,
            deadline=lambda: self.deadline - monotonic(),
            read_only=bool(plan.read_only),
            sleep=self.driver.rest,
            on_exchange=self.judge_shape,
        )

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
        return Results(
            target=self.target.base_url,
            contract=self.generation.contract.version,
            profile=self.plan.profile,
            seed=self.plan.seed,
            started=started,
            seconds=round(monotonic() - begun, 3),
            requests=self.client.requests,
            results=collect(
                map(self._clean, [*self._findings, *self._silent()]), self.clauses, self.generation.clauses
            ),
            readings={point: clean(reading) for point, reading in sorted(self._readings.items())},
            left_behind=tuple(map(clean, self._left)),
            interrupted=interrupted,
            unreachable=unreachable,
            settings=self._settings(),
        )

    @property
    def isolated(self) -> bool:
        """Whether each check makes all that it needs."""
        return self.driver.own if self.plan.isolated is None else self.plan.isolated

    @property
    def max_examples(self) -> int:
        """How many generated requests an operation gets at most."""
        examples = self.plan.max_examples
        return examples if examples is not None else EXAMPLES if self.driver.own else 0

    def _settings(self) -> dict[str, Any]:
        """What else was asked for, for the verdict and the reports."""
        servers = server_clauses(self.generation.clauses)
        return {
            "execution": "isolated" if self.isolated else "journey",
            "rate_checks": self.plan.rate_checks,
            "max_examples": self.max_examples,
            "out_of_time": any(OVER in finding.reason for finding in self._findings),
            "target": self.driver.name,
            "level": self.plan.level,
            "require": tuple(select(self.plan.require, servers)) if self.plan.require else (),
            "expected_failures": dict(self.plan.expected_failures),
            "read_only": bool(self.plan.read_only),
        }

    def judge_shape(self, answer: Answer) -> None:
        """Judge the shape of an answer; the client calls it for every one that it gets."""
        self._judge_end(answer)
        for broken in self.generation.differences(answer.operation, answer, to_the_letter=self.target.strict):
            text = self.clauses[broken.clause].text if broken.clause in self.clauses else ""
            self._accuse(broken.clause, text, "an answer of the contract's shape", broken.text, answer)

    def _judge_end(self, answer: Answer) -> None:
        """Judge an answer that was begun and broken off, the second time: once that may be the network's doing."""
        if answer.operation is None or not (answer.problem or "").endswith(MIDDLE):
            return
        # The client asks again, where it may.
        self._cut[answer.operation] += 2 if answer.exchange.method == "GET" else 1
        if self._cut[answer.operation] >= 2:
            got = f"{answer.problem}, and not for the first time"
            clause = self.generation.cut_off(answer)
            self._accuse(clause, "an answer that is begun comes whole", "all of it", got, answer)

    def _accuse(self, clause: str, requirement: str, expected: str, got: str, answer: Answer) -> None:
        shown = (answer.exchange,)
        self._findings.append(Finding(clause, Outcome.FAILED, SHAPE, requirement, expected, got, exchanges=shown))

    def _silent(self) -> list[Finding]:
        """What no check came to a word about, though one ran: nobody has seen the clause hold."""
        spoken = {finding.clause for finding in self._findings}
        reason = "its check ended without a word about it; please report that"
        return [Finding(each, Outcome.INCONCLUSIVE, "", reason=reason) for each in sorted(self._tried - spoken)]

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
                return f"{' gives '.join(seen)}, and then {skipped}" if seen else str(skipped)
            if answer.ok:
                return None
            if answer.status is None and not seen:
                return f"no answer from {self.target.base_url}: {answer.problem}"
            contract = self.generation.contract
            route = contract.operations[operation].route.removeprefix(contract.prefix)
            seen += [f"GET {route}", str(answer.status)]
        return f"no answer with the key is 2xx: {' gives '.join(seen[:2])}, {' '.join(seen[2:])}" if seen else None

    def _play(self) -> None:
        wanted = [each for each in self.generation.checks().values() if set(each.clauses) & set(self.clauses)]
        wanted += self._generated()
        wanted.sort(key=self._spends)  # what spends the budget comes last
        shared: dict[str, Any] | None = None if self.isolated else {}
        for number, each in enumerate(wanted, 1):
            if self.progress is not None:
                self.progress(each.name, number, len(wanted))
            context = self._context(each, shared)
            reason = self._kept_from(each)
            try:
                if reason is not None:
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

    def _spends(self, each: Check) -> bool:
        return each.clauses[0].startswith(self.generation.spends)

    def _is_over(self) -> bool:
        return monotonic() > self.deadline

    def _generated(self) -> list[Check]:
        """The generated layer as a check, where it is asked for and speaks of a chosen clause."""
        if not self.max_examples:
            return []
        draw = Draw(self.clauses, self.plan.seed, self.max_examples, self._is_over, self.progress)
        check = self.generation.generated(draw)
        return [check] if set(check.clauses) & set(self.clauses) else []

    def _kept_from(self, each: Check) -> str | None:
        if self._is_over():
            return OVER
        if self._spends(each) and not self.plan.rate_checks:
            return "rate checks spend a whole budget, and run with --rate-checks only"
        return None

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
            wait=lambda: self.driver.wait(self.client.patience(math.inf)),
            now=monotonic,
            advance=lambda seconds: self.driver.advance(seconds, self.client.patience(math.inf)),
            ways=self.ways,
            shared=shared,
            known=self._known,
        )


def judge(generation: Generation, driver: Driver, plan: Plan, progress: Progress | None = None) -> Results:
    """What the suite says of a target; `progress` is called before each check."""
    runner = Runner(generation=generation, driver=driver, plan=plan, progress=progress)
    try:
        return runner.run()
    finally:
        runner.client.close()
