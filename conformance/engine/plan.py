"""What a run of the suite is asked for, and how the time of its target passes."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from conformance.model.clauses import profile, select
from conformance.model.results import Blocked
from conformance.target.commands import CommandFailed, let_pass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from conformance.engine.generation import Ways
    from conformance.model.clauses import Clause
    from conformance.target.target import Target


class UnknownRun(LookupError):
    """A run that was to be judged by reads alone is not there; the text says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What was asked for; the defaults are those of `vern-conformance run`."""

    clauses: tuple[str, ...] = ()
    """Areas and ids, `("DEC", "POLL-04")`; none: the whole profile."""
    profile: str = "full"
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
    max_examples: int | None = None
    """Generated requests an operation gets at most, 0: none; None: 10 for our own mock, else none."""
    seed: int = 0
    poll_every: float | None = None
    """Seconds between two polls; None: 2, or 0.3 where the target is on this machine."""

    def choose(self, among: Mapping[str, Clause]) -> dict[str, Clause]:
        """Those of a generation's clauses that are to be judged; raises `UnknownClause` for a word that names none."""
        return select(self.clauses, profile(self.profile, among))


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

    name = target.base_url if target.path is None else str(target.path)
    return Driver(target, name, wait, advance)
