"""The checks: one file a clause group, each check a stimulus and what is required of the answer.

A check is a function of a `Stage`. It says what it found clause by clause and goes on; it never decides a verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from conformance.engine.stage import Stage


@dataclass(frozen=True, slots=True)
class Check:
    """A function that says something about these clauses."""

    name: str
    clauses: tuple[str, ...]
    stimulus: str
    """What is sent, and in which state; the first sentence of the function's docstring."""
    function: Callable[[Stage], None]
    needs: tuple[str, ...] = ()
    """The states of a target file that it brings runs into, or some of them where it can do with less."""


CHECKS: dict[str, Check] = {}


def check(*clauses: str, needs: tuple[str, ...] = ()) -> Callable[[Callable[[Stage], None]], Callable[[Stage], None]]:
    """Register a function as the check of these clauses."""

    def register(function: Callable[[Stage], None]) -> Callable[[Stage], None]:
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
