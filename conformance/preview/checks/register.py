"""What every check needs: the register, the context, and the ways to end without a verdict."""

from __future__ import annotations

from collections.abc import Callable

from conformance.engine.findings import must_come
from conformance.engine.generation import Check
from conformance.http.client import OTHER, Answer
from conformance.model.results import Blocked, Skipped
from conformance.preview.driver import Company, Run, StateDriver
from conformance.preview.poll_body import MOVING, STATUSES, TERMINAL, array, at, count, documented, listed, questions

__all__ = [
    "CHECKS",
    "MOVING",
    "OTHER",
    "STATUSES",
    "TERMINAL",
    "Answer",
    "Blocked",
    "Company",
    "Run",
    "Skipped",
    "StateDriver",
    "array",
    "at",
    "check",
    "count",
    "documented",
    "listed",
    "must_come",
    "questions",
]  # fmt: skip

Function = Callable[[StateDriver], None]
CHECKS: dict[str, Check] = {}


def check(*clauses: str, needs: tuple[str, ...] = ()) -> Callable[[Function], Function]:
    """Register a function as the check of these clauses."""

    def register(function: Function) -> Function:
        stimulus = (function.__doc__ or "").partition("\n")[0]
        CHECKS[function.__name__] = Check(function.__name__, clauses, stimulus, function, needs)
        return function

    return register
