"""What every check needs: the register, the context, and the ways to end without a verdict."""

from __future__ import annotations

from collections.abc import Callable

from conformance.engine.findings import must_come
from conformance.engine.generation import Check
from conformance.http.client import OTHER, Answer
from conformance.model.results import Blocked, Skipped
from conformance.preview.driver import Company, Run, StateDriver

__all__ = [  # noqa: RUF022 - the register, what ends a check, types
    "CHECKS", "OTHER", "check", "must_come", "Blocked", "Skipped", "Answer", "Company", "Run", "StateDriver",
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
