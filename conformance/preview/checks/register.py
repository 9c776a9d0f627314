"""The register of checks: each is a stimulus and what is required of the answer, for some clauses."""

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
