"""An API generation as the engine is given it: its checks, how its answers are judged, how its states are reached.

`conformance.preview` makes one. Nothing in the engine knows what an operation is about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conformance.engine.context import Context
    from conformance.http.client import Answer, Client
    from conformance.model.clauses import Clause
    from conformance.target.target import Target
    from mock_server.contract.document import Contract

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


Ids = tuple[str, str]
"""What leads to a run: the id of its owner, and its own."""
Ways = Mapping[str, Callable[[], Ids]]
"""Ways to states beside the target file's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """All that the engine has to know of an API generation."""

    contract: Contract
    """The operations, and what they answer."""
    clauses: Mapping[str, Clause]
    """Every clause of the contract by its id, in its order."""
    checks: Callable[[], Mapping[str, Check]]
    generated: Callable[[Draw], Check]
    """The check that sends generated calls."""
    context: type[Context]
    """What its checks are given."""
    differences: Callable[..., Sequence[Any]]
    """How an answer differs from what the contract lets its operation answer: `clause` and `text` of each."""
    cut_off: Callable[[Answer], str]
    """The clause that an answer breaks which is begun and does not come whole."""
    probes: tuple[str, ...]
    """Operations that any key may read: when none of them is answered with 2xx, nothing can be judged."""
    spends: str
    """The area of the checks that spend a whole budget, and so come last."""
    reading: Callable[[Target, Sequence[Ids]], Target]
    """The target as it is where given runs are judged by reads alone."""
    states: Callable[[Client, Sequence[Ids]], Ways]
    """Given runs as ways to the states that they are in; raises `UnknownRun`."""
