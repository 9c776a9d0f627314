"""The checks: one file a clause group, each check a stimulus and what is required of the answer.

A check is a function of its context. It says what it found clause by clause and goes on; it never decides a verdict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.engine.check import Check

if TYPE_CHECKING:
    from collections.abc import Callable

    from conformance.preview.driver import StateDriver

CHECKS: dict[str, Check] = {}


def check(
    *clauses: str, needs: tuple[str, ...] = ()
) -> Callable[[Callable[[StateDriver], None]], Callable[[StateDriver], None]]:
    """Register a function as the check of these clauses."""

    def register(function: Callable[[StateDriver], None]) -> Callable[[StateDriver], None]:
        stimulus = (function.__doc__ or "").partition("\n")[0]
        CHECKS[function.__name__] = Check(function.__name__, clauses, stimulus, function, needs)
        return function

    return register


def load() -> dict[str, Check]:
    """Every check, in the order of the contract's chapters."""
    from conformance.preview.checks import (  # noqa: F401, PLC0415 - importing them registers them
        access,
        catalogue,
        companies,
        decisions,
        downloads,
        exports,
        imports,
        keeping,
        keys,
        life,
        openpoints,
        polls,
        questions,
        rates,
        recovery,
        refusals,
        rejections,
        reparkings,
        secrecy,
        staleness,
        uploads,
    )

    return CHECKS
