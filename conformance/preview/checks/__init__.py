"""The checks: one file a group of clauses, each check a stimulus and what is required of the answer.

A check is a function of its context. It says what it found clause by clause and goes on; it never decides a verdict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance.preview.checks.register import CHECKS

if TYPE_CHECKING:
    from conformance.engine.generation import Check


def load() -> dict[str, Check]:
    """Every check, in the order of the contract's chapters."""
    from conformance.preview.checks import (  # noqa: F401, PLC0415 - importing them registers them
        approvals,
        auth,
        catalogue,
        companies,
        downloads,
        errors,
        exports,
        imports,
        lookups,
        open_points,
        polls,
        questions,
        rates,
        refusals,
        reparkings,
        runs,
        secrecy,
        uploads,
    )

    return CHECKS
