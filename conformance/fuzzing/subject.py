"""What the generated layer has to know of the API that it calls; a generation hands one in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from conformance.fuzzing.case import Case
    from conformance.fuzzing.expected import Expected
    from conformance.http.client import Answer


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
