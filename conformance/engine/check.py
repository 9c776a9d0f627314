"""A check: a stimulus and what is required of the answer. It is a function that says what it finds clause by clause."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conformance.model.clauses import Clause

Progress = Callable[[str, int, int], None]
"""Is called before each check with its name, its number and how many there are."""


@dataclass(frozen=True, slots=True)
class Check:
    """A function that says something about these clauses."""

    name: str
    clauses: tuple[str, ...]
    stimulus: str
    """What is sent, and in which state; the first sentence of the function's docstring."""
    function: Callable[[Any], None]
    """Takes the context of the generation."""
    needs: tuple[str, ...] = ()
    """The states of a target file that it brings runs into, or some of them where it can do with less."""
    says_all: bool = True
    """Whether it says something of each of its clauses when it runs to its end."""


@dataclass(frozen=True, slots=True)
class Draw:
    """What generated calls are drawn for, and how many."""

    clauses: Mapping[str, Clause]
    """The clauses to judge."""
    seed: int
    """One seed draws the same cases again."""
    max_examples: int
    """How many generated requests an operation gets at most."""
    over: Callable[[], bool]
    """Whether there is no time left; what was not tried by then is skipped."""
    progress: Progress | None = None
