"""The layer as one check: the cases of every operation, then walks, each part for as long as there is time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from conformance.engine.check import Check, Draw
from conformance.fuzzing.runner import Trier
from conformance.http.client import OVER
from conformance.model.results import Blocked, Skipped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from conformance.engine.context import Context
    from conformance.fuzzing.subject import Grammar, Subject

NAME = "generated"
STIMULUS = "Send generated calls, right, wrong and astray, each in the state in which it is judged."


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What is generated for an API."""

    everywhere: tuple[str, ...]
    """The clauses that the cases of every operation speak of."""
    by_operation: Mapping[str, tuple[str, ...]]
    """The clauses that the cases of each operation speak of besides."""
    walked: tuple[str, ...]
    """The clauses that walks speak of."""
    needs: tuple[str, ...]
    """The states that are needed."""
    subject: Callable[[Any], Subject]
    grammar: Callable[[Any], Grammar]
    """What the cases are drawn from, of the context."""
    walk: Callable[[Any, Any, Trier, Draw], None]
    """Plays the walks."""

    @property
    def clauses(self) -> tuple[str, ...]:
        """Every clause that something is said of here; what is wrong with an answer's shape may break any other."""
        own = (clause for each in self.by_operation.values() for clause in each)
        return tuple(dict.fromkeys((*self.everywhere, *own, *self.walked)))

    def check(self, draw: Draw) -> Check:
        """The layer as a check."""
        return Check(NAME, self.clauses, STIMULUS, lambda ctx: self.play(ctx, draw), self.needs, says_all=False)

    def play(self, ctx: Context, draw: Draw) -> None:
        """Draw and try the cases of every operation that the clauses name, then walk."""
        from conformance.fuzzing.strategies import Drawer  # noqa: PLC0415 - it imports Schemathesis

        subject = self.subject(ctx)
        trier = Trier(ctx, subject, draw)
        drawer = Drawer(self.grammar(ctx), draw.seed, draw.max_examples)
        parts: list[tuple[str, tuple[str, ...], Callable[[], None]]] = [
            (each, (*own, *self.everywhere), lambda each=each: trier.try_all(drawer.cases(each)))  # type: ignore[misc]
            for each, own in self.by_operation.items()
            if set(draw.clauses) & {*own, *self.everywhere}
        ]
        if set(draw.clauses) & set(self.walked):
            parts.append(("walks", self.walked, lambda: self.walk(ctx, subject, trier, draw)))
        try:
            for number, (name, spoken, part) in enumerate(parts, 1):
                if draw.progress is not None:
                    draw.progress(f"{NAME}: {name}", number, len(parts))
                try:
                    if not draw.over():
                        part()
                    if draw.over():
                        raise Skipped(OVER)
                except (Skipped, Blocked) as stopped:
                    ctx.stopped([each for each in spoken if each not in trier.spoken()], stopped, f"{name}: ")
        finally:
            trier.report()
