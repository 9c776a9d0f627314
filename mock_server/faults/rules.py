"""The faults of a session: which of them strikes a call. The rule alone; `mishaps` and `wire` enact it.

A fault says *what* goes wrong, *where* (operation, status of the run, which of those calls), and *until when* (so many
calls, so long on the session's clock). Of several that fit a call the first strikes. Chance is drawn from the seed, the
fault's place and the number of the call, so that the same calls meet the same faults in every run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from mock_server.scenarios.model import BENDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mock_server.scenarios.model import Fault, What

BEFORE_IT_ARRIVES = ("page", "error")
"""Faults that keep a call from the service, so that it has no effect; and so does a reset before the headers."""


@dataclass(slots=True)
class Armed:
    """One fault at work: since when, how many calls fitted so far, and how many of them it struck."""

    fault: Fault
    since: int
    place: int
    """Which fault of its list it is."""
    seed: int
    owner: str | None = None
    """The scenario that it is from; None: the operator's own."""
    company_id: str | None = None
    seen: int = 0
    struck: int = 0

    def over(self, now: int) -> bool:
        """Whether its count or its time is used up."""
        fault = self.fault
        return (fault.times is not None and self.struck >= fault.times) or (
            fault.lasts is not None and now >= self.since + fault.lasts
        )

    def hits(self, now: int) -> bool:
        """Count a call that fits, and say whether it is one that the fault strikes."""
        self.seen += 1
        if self.over(now):
            return False
        fault = self.fault
        if fault.call is not None:
            return self.seen >= fault.call
        if fault.every is not None:
            return self.seen % fault.every == 0
        return fault.chance is None or self.drawn("strikes") < fault.chance

    def drawn(self, what: str) -> float:
        """A number from 0 up to 1, the same for the same seed, fault and call."""
        words = f"{self.seed}/{self.owner}/{self.place}/{self.seen}/{what}"
        return int.from_bytes(sha256(words.encode()).digest()[:6]) / (1 << 48)


@dataclass(slots=True)
class Strike:
    """A fault that strikes a call."""

    armed: Armed
    milliseconds: int = 0
    """How long it takes, with `delay` and `dribble`."""
    spared: bool = False
    """True when the call turned out to have nothing that the fault could bend."""
    found: str = ""
    """What the mock knows of it beside the fault itself."""

    @property
    def fault(self) -> Fault:
        """What strikes."""
        return self.armed.fault

    @property
    def withheld(self) -> bool:
        """Whether the call never arrives at the service."""
        return self.fault.what in BEFORE_IT_ARRIVES or (self.fault.what, self.fault.how) == ("reset", "before_headers")

    @property
    def key(self) -> tuple[str | None, str | None, int]:
        """Which of the session's faults it is."""
        return self.armed.owner, self.armed.company_id, self.armed.place

    def __str__(self) -> str:
        return told(self.fault) + (f"; {self.found}" if self.found else "")


@dataclass(slots=True)
class Faults:
    """Every fault of one session, what its client meant, and the answers that are held back at the moment."""

    seed: int
    own: list[Armed] = field(default_factory=list)
    """Those that the operator asked for; they come before a scenario's."""
    pending: set[Callable[[], None]] = field(default_factory=set)
    """What lets each answer go that is being held back."""
    _scripted: dict[tuple[str | None, str, int, Fault], Armed] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Armed]:
        return iter((*self.own, *self._scripted.values()))

    def arm(self, faults: Iterable[Fault], now: int) -> None:
        """Add faults of the operator's."""
        for fault in faults:
            self.own.append(Armed(fault, now, len(self.own), self.seed))

    def scripted(self, scenario: str, company_id: str | None, faults: Sequence[Fault], now: int) -> list[Armed]:
        """The faults of a company's scenario, at work from the first call that is about the company."""
        found = []
        for place, fault in enumerate(faults):
            key = (company_id, scenario, place, fault)
            if key not in self._scripted:
                self._scripted[key] = Armed(fault, now, place, self.seed, scenario, company_id)
            found.append(self._scripted[key])
        return found

    def spare(self, key: tuple[str | None, str | None, int]) -> None:
        """Take a hit of this fault back: it does not count."""
        for each in self:
            if (each.owner, each.company_id, each.place) == key:
                each.struck -= 1

    def end(self) -> None:
        """Let go every answer that is held back: the session has ended."""
        for let_go in tuple(self.pending):
            let_go()


def strike(armed: Iterable[Armed], operation: str, status: str | None, now: int) -> Strike | None:
    """The strike of the first fault that strikes this call, or None; each that fits has seen the call."""
    found: Strike | None = None
    for each in armed:
        if fits(each.fault, operation, status) and each.hits(now) and found is None:
            each.struck += 1
            found = Strike(each, _lasts(each))
    return found


def fits(fault: Fault, operation: str, status: str | None) -> bool:
    """Whether the fault is about calls of this operation, about a run of this status."""
    if fault.operation is not None and fault.operation != operation:
        return False
    if fault.status is not None and fault.status != status:
        return False
    return operation in BENDS.get(fault.what, (operation,))


def _lasts(armed: Armed) -> int:
    fault = armed.fault
    if fault.what not in {"delay", "dribble"} or not isinstance(fault.how, int):
        return 0
    return fault.how if fault.up_to is None else fault.how + int((fault.up_to - fault.how) * armed.drawn("lasts"))


def told(fault: Fault) -> str:
    """The fault in words, its verb first."""
    how = _WORDS.get((fault.what, fault.how), fault.how) if fault.up_to is None else f"{fault.how} to {fault.up_to}"
    return f"{fault.what}: {_TOLD[fault.what].format(how)}"


_TOLD: dict[What, str] = {
    "delay": "the answer is held back for {} ms",
    "dribble": "the answer's body comes in small pieces, spread over {} ms",
    "reset": "the connection is reset {}",
    "truncate": "the answer's body is cut off, {}",
    "garble": "the answer's JSON is malformed",
    "content_type": "the answer says that it is {}",
    "page": "the call does not arrive; a proxy answers {} with a page of HTML",
    "error": "the call is not carried out; the answer is {}",
    "stale": "the answer shows the run's state before the present one",
    "twice": "the call is delivered twice; the answer is that of the {} delivery",
    "lose": "the call is carried out, and its answer is lost: {}",
}
_WORDS: dict[tuple[What, str | int | None], str] = {
    ("reset", "before_headers"): "before the headers; the call does not arrive",
    ("reset", "in_body"): "in the middle of the body",
    ("truncate", "wrong_length"): "short of its Content-Length",
    ("truncate", "right_length"): "under a Content-Length that fits",
    ("lose", "reset"): "the connection is reset",
    ("lose", "close"): "the connection is closed",
    ("lose", 500): "the client gets a 500",
    ("lose", 502): "a proxy answers 502 with a page of HTML",
    ("lose", 503): "a proxy answers 503 with a page of HTML",
    ("lose", 504): "a proxy answers 504 with a page of HTML",
}
