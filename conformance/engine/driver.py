"""A target, and how its time passes: our own mock's when it is told to, any other's while the suite waits."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from conformance.model.results import Blocked
from conformance.target.commands import CommandFailed, let_pass

if TYPE_CHECKING:
    from collections.abc import Callable

    from conformance.engine.generation import Ways
    from conformance.engine.plan import Plan
    from conformance.target.file import Target

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
