"""Plays walks, call after call; a failure is played again from the start, and then with ever fewer steps."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from conformance.fuzzing.runner import Tried, Trier, accuse
from conformance.model.results import Blocked, Skipped

if TYPE_CHECKING:
    from conformance.engine.generation import Draw

Steps = Sequence[Any]
"""A walk's steps; their `str` says them."""


class Walker:
    """Plays walks; a generation says what its steps are."""

    def __init__(self, ctx: Any, trier: Trier, draw: Draw) -> None:
        self.ctx, self.trier, self.clauses, self.over = ctx, trier, draw.clauses, draw.over
        self._failed: set[str] = set()

    def play(self, steps: Steps, found: list[Tried]) -> None:
        """Take the steps from a fresh start; what each step shows is added to `found`."""
        raise NotImplementedError

    def walk(self, steps: Steps) -> None:
        """Play the walk, and say what it shows; what keeps it from being played to its end is raised last."""
        found: list[Tried] = []
        hindered: Blocked | Skipped | None = None
        try:
            self.play(steps, found)
        except (Blocked, Skipped) as error:
            hindered = error
        for tried in found:
            self._heed(steps, tried)
        if hindered is not None:
            raise hindered

    def _heed(self, steps: Steps, tried: Tried) -> None:
        if tried.clause not in self.clauses:
            return
        if tried.holds:
            self.trier.passed(tried.clause, tried.requirement)
        elif tried.clause not in self._failed and (again := self._failing(steps, tried.clause)):
            self._failed.add(tried.clause)
            smallest, shown = self._small(steps, again)
            accuse(self.ctx, shown, f"after {', '.join(map(str, smallest))}")

    def _failing(self, steps: Steps, clause: str) -> Tried | None:
        found: list[Tried] = []
        with suppress(Blocked, Skipped):
            self.play(steps, found)
        return next((each for each in found if each.clause == clause and not each.holds), None)

    def _small(self, steps: Steps, tried: Tried) -> tuple[Steps, Tried]:
        """The walk without the steps that it fails without, too; the last ones go first."""
        for place in reversed(range(len(steps))):
            if self.over():
                break
            fewer = [*steps[:place], *steps[place + 1 :]]
            if found := self._failing(fewer, tried.clause):
                steps, tried = fewer, found
        return steps, tried
