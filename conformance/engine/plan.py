"""What the engine is given: an API generation, what a run of its suite is asked for, and how its target's time passes.

`conformance.preview` makes a generation. Nothing in the engine knows what an operation is about.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from conformance.model.clauses import Clause, profile, select
from conformance.model.results import Blocked
from conformance.target.commands import CommandFailed, let_pass

if TYPE_CHECKING:
    from conformance.engine.context import Context
    from conformance.http.client import Answer, Client
    from conformance.target.target import Target
    from mock_server.contract.document import Contract


Progress = Callable[[str, int, int], None]
"""Is called before each check with its name, its number and how many there are."""


@dataclass(frozen=True, slots=True)
class Check:
    """A function that says something about these clauses."""

    name: str
    clauses: tuple[str, ...]
    stimulus: str
    """What is sent, and in which state; the first sentence of the function's docstring."""
    function: Callable[[Any], None]
    """Takes the context of the generation."""
    needs: tuple[str, ...] = ()
    """The states of a target file that it brings runs into, or some of them where it can do with less."""
    says_all: bool = True
    """Whether it says something of each of its clauses when it runs to its end."""
    whole: bool = False
    """Whether a quick run leaves it out."""
    last: bool = False
    """Whether it comes after the others, to look at what they have left."""


@dataclass(frozen=True, slots=True)
class Draw:
    """What generated calls are drawn for, and how many."""

    clauses: Mapping[str, Clause]
    """The clauses to judge."""
    seed: int
    """One seed draws the same cases again."""
    max_examples: int
    """How many generated requests an operation gets at most."""
    over: Callable[[], bool]
    """Whether there is no time left; what was not tried by then is skipped."""
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class Contradiction:
    """An answer that says otherwise than an earlier one, and no call of ours explains why."""

    clause: str
    requirement: str
    expected: str
    got: str
    answers: tuple[Answer, ...]
    """Those that contradict each other, the earlier ones first."""


Observer = Callable[["Answer"], Iterable[Contradiction]]
"""Is shown every answer of the whole run, in the order in which they came; it remembers, and compares."""

Ids = tuple[str, str]
"""What leads to a run: the id of its owner, and its own."""
Ways = Mapping[str, Callable[[], Ids]]
"""Ways to states beside the target file's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """All that the engine has to know of an API generation."""

    contract: Contract
    """The operations, and what they answer."""
    clauses: Mapping[str, Clause]
    """Every clause of the contract by its id, in its order."""
    checks: Callable[[], Mapping[str, Check]]
    generated: Callable[[Draw], Check]
    """The check that sends generated calls."""
    context: type[Context]
    """What its checks are given."""
    differences: Callable[..., Sequence[Any]]
    """How an answer differs from what the contract lets its operation answer: `clause` and `text` of each."""
    observer: Callable[[Callable[[], float]], Observer]
    """Who remembers the answers of a run; it is given what tells the target's time, in seconds."""
    cut_off: Callable[[Answer], str]
    """The clause that an answer breaks which is begun and does not come whole."""
    probes: tuple[str, ...]
    """Operations that any key may read: when none of them is answered with 2xx, nothing can be judged."""
    spends: str
    """The area of the checks that spend a whole budget, and so come last."""
    reading: Callable[[Target, Sequence[Ids]], Target]
    """The target as it is where given runs are judged by reads alone."""
    states: Callable[[Client, Sequence[Ids]], Ways]
    """Given runs as ways to the states that they are in; raises `UnknownRun`."""


class UnknownRun(LookupError):
    """A run that was to be judged by reads alone is not there; the text says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What was asked for; the defaults are those of `vern-conformance run`."""

    clauses: tuple[str, ...] = ()
    """Areas and ids, `("DEC", "POLL-04")`; none: the whole profile."""
    profile: str = "full"
    depth: str = "whole"
    """`whole`, or `quick`: what catches plain lies."""
    level: str = "must"
    """What decides: `must`, or `should` as well."""
    require: tuple[str, ...] = ()
    """Areas and ids that may not be skipped."""
    expected_failures: Mapping[str, str] = field(default_factory=dict)
    """The baseline: clause to the reason why it may fail."""
    isolated: bool | None = None
    """Each check makes all that it needs; None: for our own mock only."""
    rate_checks: bool = False
    read_only: tuple[tuple[str, str], ...] = ()
    """The ids of existing runs, which are judged by reads alone; none: the suite makes its own."""
    max_time: float | None = None
    """Seconds for everything."""
    max_failures: int | None = None
    """Failed clauses after which nothing more is tried."""
    allow_skips: bool = False
    """Whether a run may pass that tried less than half of the must clauses."""
    max_examples: int | None = None
    """Generated requests an operation gets at most, 0: none; None: 10 for our own mock in a whole run, else none."""
    seed: int = 0
    poll_every: float | None = None
    """Seconds between two polls; None: 2, or 0.3 where the target is on this machine."""

    def is_isolated(self, *, own: bool) -> bool:
        """Whether each check makes all that it needs; `own`: the target is our own mock."""
        return own if self.isolated is None else self.isolated

    def examples(self, *, own: bool) -> int:
        """How many generated requests an operation gets at most; `own`: as above."""
        usual = EXAMPLES if own and self.depth == "whole" else 0
        return usual if self.max_examples is None else self.max_examples

    def choose(self, among: Mapping[str, Clause]) -> dict[str, Clause]:
        """Those of a generation's clauses that are to be judged; raises `UnknownClause` for a word that names none."""
        return select(self.clauses, profile(self.profile, among))


EXAMPLES = 10
"""Generated requests that an operation of our own mock gets in a whole run."""
SPAN = 2.0
"""Seconds between two polls, as the documentation advises."""
SHORT_SPAN = 0.3
"""The same for a target on this machine, which nobody else waits for."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Driver:
    """A target, and how its time and its states are had."""

    target: Target
    name: str
    wait: Callable[[float], float]
    """Lets a little time pass, and takes at most so many seconds."""
    advance: Callable[[float, float], bool]
    """Lets so many seconds of the target's time pass, and takes at most as many as the second figure says."""
    ways: Ways = field(default_factory=dict)
    rest: Callable[[float], None] = time.sleep
    """Takes so many seconds, in which the target's budget comes back."""
    own: bool = False
    """Whether it is our own mock, which nobody else waits for."""


def driver_of(target: Target, plan: Plan) -> Driver:
    """The driver of a target whose time is everybody's, unless its file has a command that lets time pass."""
    host = urlsplit(target.base_url).hostname
    span = plan.poll_every if plan.poll_every is not None else SHORT_SPAN if host in _LOOPBACK else SPAN

    def advance(seconds: float, most: float) -> bool:
        if target.advance is None or plan.read_only:
            return False
        try:
            let_pass(target.advance, math.ceil(seconds), target.folder, min(target.run_timeout, most))
        except CommandFailed as failed:
            raise Blocked(f"clock.advance of the target file: {failed}") from failed
        return True

    def wait(most: float) -> float:
        time.sleep(min(span, most))
        return 0.0

    return Driver(target, target.base_url if target.path is None else str(target.path), wait, advance)
