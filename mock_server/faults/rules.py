"""The faults of a session: which of them hits a call. The rule alone; `transport` applies it.

A fault says *what* goes wrong, *where* (operation, status of the run, which of those calls), and *until when* (so many
calls, so long on the session's clock). Of several that fit a call the first hits. Chance is drawn from the seed, the
fault's place and the number of the call, so that the same calls meet the same faults in every run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mock_server.faults.model import Fault


@dataclass(slots=True)
class ActiveFault:
    """One fault at work: since when, how many calls fitted so far, and how many of them it hit."""

    fault: Fault
    since: int
    place: int
    """Which fault of its list it is."""
    seed: int
    scenario: str | None = None
    """The scenario that it is from; None: the operator's own."""
    owner: str | None = None
    """Whose calls it hits, in a scenario that several have; None: everybody's."""
    seen: int = 0
    hits: int = 0

    @property
    def key(self) -> tuple[str | None, str | None, int]:
        """Which of the session's faults it is."""
        return self.scenario, self.owner, self.place

    def over(self, now: int) -> bool:
        """Whether its count or its time is used up."""
        fault = self.fault
        return (fault.times is not None and self.hits >= fault.times) or (
            fault.lasts is not None and now >= self.since + fault.lasts
        )

    def fits(self, operation: str, status: str | None) -> bool:
        """Whether the fault is about calls of this operation, about a run of this status."""
        fault = self.fault
        bends = fault.bends is None or operation in fault.bends
        return bends and fault.operation in {None, operation} and fault.status in {None, status}

    def count(self, now: int) -> bool:
        """Count a call that fits, and say whether it is one that the fault hits."""
        self.seen += 1
        if self.over(now):
            return False
        fault = self.fault
        if fault.call is not None:
            return self.seen >= fault.call
        if fault.every is not None:
            return self.seen % fault.every == 0
        return fault.chance is None or self.draw("strikes") < fault.chance

    def draw(self, purpose: str) -> float:
        """A number from 0 up to 1, the same for the same seed, fault and call."""
        words = f"{self.seed}/{self.scenario}/{self.place}/{self.seen}/{purpose}"
        return int.from_bytes(sha256(words.encode()).digest()[:6]) / (1 << 48)


@dataclass(slots=True)
class Hit:
    """A fault that hits a call."""

    active: ActiveFault
    milliseconds: int = 0
    """How much longer the answer takes."""
    spared: bool = False
    """True when the call turned out to have nothing that the fault could bend."""
    note: str = ""
    """What the mock knows of it beside the fault itself."""

    @property
    def fault(self) -> Fault:
        """What hits."""
        return self.active.fault

    @property
    def key(self) -> tuple[str | None, str | None, int]:
        """Which of the session's faults it is."""
        return self.active.key

    def __str__(self) -> str:
        return f"{self.fault}; {self.note}" if self.note else str(self.fault)


@dataclass(slots=True)
class Faults:
    """Every fault of one session, and the answers that are held back at the moment."""

    seed: int
    own: list[ActiveFault] = field(default_factory=list)
    """Those that the operator asked for; they come before a scenario's."""
    pending: set[Callable[[], None]] = field(default_factory=set)
    """What lets each answer go that is being held back."""
    _scripted: dict[tuple[str | None, str, int, Fault], ActiveFault] = field(default_factory=dict)

    def __iter__(self) -> Iterator[ActiveFault]:
        return iter((*self.own, *self._scripted.values()))

    def arm(self, faults: Iterable[Fault], now: int) -> None:
        """Add faults of the operator's."""
        for fault in faults:
            self.own.append(ActiveFault(fault, now, len(self.own), self.seed))

    def active(self, scenario: str, owner: str | None, faults: Sequence[Fault], now: int) -> list[ActiveFault]:
        """The operator's faults, then the scenario's, which are at work from the owner's first call."""
        found = [*self.own]
        for place, fault in enumerate(faults):
            key = (owner, scenario, place, fault)
            if key not in self._scripted:
                self._scripted[key] = ActiveFault(fault, now, place, self.seed, scenario, owner)
            found.append(self._scripted[key])
        return found

    def spare(self, key: tuple[str | None, str | None, int]) -> None:
        """Take a hit of this fault back: it does not count."""
        for each in self:
            if each.key == key:
                each.hits -= 1

    def end(self) -> None:
        """Let go every answer that is held back: the session has ended."""
        for let_go in tuple(self.pending):
            let_go()


def find_hit(active: Iterable[ActiveFault], operation: str, status: str | None, now: int) -> Hit | None:
    """The first fault that hits this call, or None; each that fits has counted the call."""
    found: Hit | None = None
    for each in active:
        if each.fits(operation, status) and each.count(now) and found is None:
            each.hits += 1
            found = Hit(each, each.fault.pause(each.draw))
    return found
