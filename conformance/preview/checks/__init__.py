"""The checks: one file a group of clauses, each check a stimulus and what is required of the answer.

A check is a function of its context. It says what it found clause by clause and goes on; it never decides a verdict.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from importlib import import_module

from conformance.engine.plan import Check
from conformance.http.client import OTHER, Answer
from conformance.model.results import Blocked, Skipped
from conformance.preview.driver import Company, Run, StateDriver

__all__ = ["OTHER", "Answer", "Blocked", "Company", "Run", "Skipped", "StateDriver", "check", "load"]

Function = Callable[[StateDriver], None]
CHECKS: dict[str, Check] = {}


def check(
    *clauses: str, needs: tuple[str, ...] = (), whole: bool = False, last: bool = False
) -> Callable[[Function], Function]:
    """Register a function as the check of these clauses; a quick run leaves it out when it is only of the `whole`.

    Where a part of a check is, the check asks `ctx.whole`. One that comes `last` looks at what the others have left,
    and may find nothing to say of some of its clauses.
    """

    def register(function: Function) -> Function:
        stimulus = (function.__doc__ or "").partition("\n")[0]
        name = function.__name__
        CHECKS[name] = Check(name, clauses, stimulus, function, needs, says_all=not last, whole=whole, last=last)
        return function

    return register


def load() -> dict[str, Check]:
    """Every check, in the order of its file's name and its place there; importing a file registers its checks."""
    for module in pkgutil.iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    return CHECKS
