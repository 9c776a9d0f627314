"""The generated layer as one check, and what it has to know of the API that it calls.

The cases of every operation come first, then walks, each part for as long as there is time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from conformance.engine.plan import Check, Draw
from conformance.fuzzing.runner import Trier
from conformance.http.client import OVER, Answer
from conformance.model.results import Blocked, Skipped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from conformance.engine.context import Context
    from conformance.fuzzing.case import Case, Expected


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """What calls are drawn from."""

    document: Callable[..., dict[str, Any]]
    """The contract's document for a form of the requests; with `known=False` requests also name what there is not."""
    forms: int = 1
    """How many forms the requests have that exclude each other."""
    several: tuple[str, ...] = ()
    """The operations whose requests have several forms."""
    bodies: Mapping[str, Any] = field(default_factory=dict)
    """A right body for each operation that takes one, to be sent with a wrong key or id."""
    queries: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """A right query for each operation that needs one."""
    also: tuple[Case, ...] = ()
    """Cases to be tried besides those that are drawn."""


class Subject(Protocol):
    """Brings the state in which a call is judged, fills the call in, and tells what is to be expected of it.

    What it hands out as `facts` is its own affair: it gets them back with the case.
    """

    def begin(self) -> None:
        """Begin with an operation: what was renewed before is forgiven."""

    def facts(self, operation: str) -> Any:
        """Bring what the operation needs; Skipped or Blocked where that cannot be."""

    def fill(self, case: Case, facts: Any) -> Case:
        """Put what the target has in the place of the case's placeholders."""

    def ids(self, case: Case, facts: Any) -> Mapping[str, Any]:
        """Give the ids in the call's path."""

    def expected(self, case: Case, facts: Any) -> Expected:
        """Tell what the contract requires of the answer to a filled-in case."""

    def differences(self, answer: Answer) -> Iterable[Any]:
        """Tell how the answer differs from the contract's shape: `clause` and `text` of each difference."""

    def effect(self, case: Case, facts: Any) -> tuple[bool, Answer] | None:
        """Tell whether a refused call left all as it was, with the answer that shows it; None where nobody can see."""

    def kept_by(self, case: Case, wanted: Expected) -> str:
        """Name the clause by which a refused call has no effect."""

    def settle(self, case: Case, facts: Any, answer: Answer) -> None:
        """Tidy up after a call."""

    def renew(self) -> bool:
        """Forget every state, so that it is brought anew; False when that was done often enough."""


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
        drawer = Drawer(self.grammar(ctx), ctx.client.contract, draw.seed, draw.max_examples)
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
                    ctx.give_up([each for each in spoken if each not in trier.spoken()], stopped, f"{name}: ")
        finally:
            trier.report()
