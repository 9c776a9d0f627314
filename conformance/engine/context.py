"""What a check is given: the words for its findings, a client, the target's time, and what checks share.

A state that cannot be reached stops the check: `Skipped` when the target offers no way, `Blocked` when a way was given
and did not lead there. Neither is ever a pass.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

from conformance.engine.findings import Findings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conformance.engine.generation import Ways
    from conformance.target.target import Target

T = TypeVar("T")
IN_VAIN = "waits in vain"


@dataclass(slots=True, kw_only=True)
class Context(Findings):
    """One check's context. `shared` keeps what may be looked at by several checks (the journey)."""

    target: Target
    wait: Callable[[], float]
    """Lets a little of the target's time pass between two polls; so many seconds of it took no real time."""
    now: Callable[[], float]
    advance: Callable[[float], bool]
    """Lets so many seconds of the target's time pass at once; False when the target offers no way."""
    ways: Ways
    """Ways to a state beside the target file's."""
    shared: dict[str, Any] | None
    known: dict[str, Any] = field(default_factory=dict)
    """What was learned once; it outlives a check in both executions."""
    left_behind: list[str] = field(default_factory=list)

    def share(self, key: str, make: Callable[[], T]) -> T:
        """What is made once where checks share what they look at, and anew where they do not."""
        if self.shared is None:
            return make()
        if key not in self.shared:
            self.shared[key] = make()
        return cast("T", self.shared[key])

    def looks(self) -> Iterator[None]:
        """One look after another, a little of the target's time apart, for as long as the target file says.

        When that was in vain the next one has half the time, so that a target on which nothing ends takes twice the
        time of one run, and not that of every run.
        """
        patience = self.target.run_timeout / 2 ** self.known.get(IN_VAIN, 0)
        begun, skipped, looked = self.now(), 0.0, 0
        yield
        while self.now() - begun + skipped < patience:
            for _ in range(1 + looked // 3):  # a growing pause, which spends less of the target's budget
                skipped += self.wait()
            looked += 1
            yield
        self.known[IN_VAIN] = self.known.get(IN_VAIN, 0) + 1

    def give_back(self, *, for_good: bool = False) -> None:
        """Tidy up what no later check may look at; `for_good`: everything."""
