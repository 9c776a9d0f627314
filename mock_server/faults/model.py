"""A fault: something that goes wrong between caller and service; what, where and until when. `kinds` has the verbs.

The rule that every kind keeps: a fault never corrupts a session. A call that arrives does at once all that it ever
does, by the same handlers; what a fault bends is the answer on its way back.

Of several faults that fit a call the first hits. Chance is drawn from the seed, the fault's place and the number of the
call, so that the same calls meet the same faults in every run. `transport` applies what hits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

from mock_server.contract.nearest import counted
from mock_server.contract.words import Word
from mock_server.kernel.clock import duration, in_words

if TYPE_CHECKING:
    from starlette.responses import Response

    from mock_server.faults.transport import Delivery, Wire

WHERE: tuple[str, ...] = ("operation", "while", "call", "every", "chance", "times", "for")
"""The members of every fault: which calls it hits, and until when."""
_PLAIN = {"operation": "operation", "while": "status", "call": "call", "every": "every", "chance": "chance"}
"""The members that a fault keeps as they are, with its names for them."""


class Reply(NamedTuple):
    """An answer that does not come from the service: the API's error body, or without a text a proxy's page."""

    status: int
    text: str | None = None


class Break(Exception):
    """The answer ends here; the connection is reset, closed in order, or (None) left as if the answer were whole."""

    def __init__(self, *, reset: bool | None) -> None:
        super().__init__(reset)
        self.reset = reset


Targets = Mapping[str, tuple[str, ...]]
"""What an API has to be bent, its operations by what they are like: `changing`, `json` (they answer in it), `run_reads`
(they show a run and change nothing), `about_runs` (their path names one), `uploads` (a signed URL's)."""


@dataclass(frozen=True, slots=True)
class Fault(Word):
    """One fault: the verb's value, which of the fitting calls it hits, and until when."""

    members = WHERE
    effect: ClassVar[str]
    """What the client meets; `{}` is the value."""
    effects: ClassVar[Mapping[Any, str]] = {}
    """What stands for a value in `effect`, where it is not the value itself."""
    targets: ClassVar[tuple[str, ...]] = ()
    """Keys of `Targets`: what it can bend; none: every operation."""
    loses: ClassVar[bool] = False
    """Whether the client is left without an answer that it can use."""
    example: ClassVar[str | None] = None
    """A value for `POST /_mock/faults`, of a kind that takes more values than the schema lists."""

    value: Any = None
    """The verb's value: milliseconds, a status, a word."""
    operation: str | None = None
    """An operation's id; None: every operation that the fault can bend."""
    status: str | None = None
    """Only calls about a run in this status."""
    call: int | None = None
    """The first of the fitting calls that is bent."""
    every: int | None = None
    chance: float | None = None
    times: int | None = None
    """How many calls it bends; None: any number."""
    lasts: int | None = None
    """How long it is there, in milliseconds of the session's clock; None: for ever."""
    up_to: int | None = None
    """The longest delay, in milliseconds; each call's own is drawn."""
    bends: tuple[str, ...] | None = None
    """The operations that it can bend; None: every one."""

    @classmethod
    def parse(cls, entry: Mapping[str, Any], context: Targets) -> Self:
        """The fault of a well-formed entry; `context` has the operations that there are."""
        return cls(
            cls.read(entry[cls.verb]),
            **{field: entry.get(name) for name, field in _PLAIN.items()},
            times=entry.get("times", 1 if "call" in entry else None),
            lasts=duration(entry["for"]) if "for" in entry else None,
            up_to=duration(entry["up_to"]) if "up_to" in entry else None,
            bends=cls.bendable(context),
        )

    @staticmethod
    def read(value: Any) -> Any:
        """The verb's value, of the one in an entry."""
        return int(value) if isinstance(value, float) else value

    @classmethod
    def bendable(cls, targets: Targets) -> tuple[str, ...] | None:
        """The operations that this kind can bend; None: every one."""
        return tuple(name for like in cls.targets for name in targets.get(like, ())) if cls.targets else None

    def entry(self) -> dict[str, Any]:
        """The fault as a request asks for it; what `parse` reads."""
        members = {
            "up_to": _span(self.up_to),
            **{name: getattr(self, field) for name, field in _PLAIN.items()},
            "times": self.times,
            "for": _span(self.lasts),
        }
        return {self.verb: self.value, **{name: value for name, value in members.items() if value is not None}}

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Values that do not go together: each the member and what is wrong with it."""
        yield from ()

    # -- what it does

    def pause(self, draw: Callable[[str], float]) -> int:  # noqa: ARG002 - some kinds draw
        """How many milliseconds the answer takes longer; `draw` gives a number from 0 up to 1 for a purpose."""
        return 0

    def withhold(self) -> Reply | None:
        """The answer to a call that never arrives at the service; None for a fault that lets the call through."""
        return None

    async def carry_out(self, hit: Hit, delivery: Delivery) -> Response:  # noqa: ARG002 - some kinds note what they met
        """The service's answer to the call."""
        return await delivery.deliver()

    def can_bend(self, response: Response) -> bool:  # noqa: ARG002 - some kinds look
        """Whether the answer has what the fault would bend."""
        return True

    async def send(self, response: Response, hit: Hit, wire: Wire) -> None:  # noqa: ARG002 - some kinds take their time
        """Send the answer as the fault leaves it; raises Break where the connection breaks."""
        await wire.respond(self, response)

    # -- in words

    def __str__(self) -> str:
        return f"{self.verb}: {self.effect.format(self.effects.get(self.value, self.value))}"

    @property
    def name(self) -> str:
        """Verb and value, as a scenario has them."""
        return self.verb if self.value is None else f"{self.verb}: {self.value}"

    def describe(self) -> Iterator[str]:
        """The fault with the calls that it hits, in one line."""
        which = {
            f"from the {_nth(self.call or 0)} of its calls on": self.call,
            f"every {_nth(self.every or 0)} of its calls": self.every,
            f"{100 * (self.chance or 0):.3g} % of its calls": self.chance,
            f"while the run is `{self.status}`": self.status,
            counted(self.times or 0, "time"): self.times,
            f"for {in_words(self.lasts or 0)}": self.lasts,
        }
        said = [words for words, given in which.items() if given is not None]
        yield f"{self} ({', '.join([self.operation or 'any operation', *said])})"


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


def _span(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else f"{milliseconds}ms"


def _nth(number: int) -> str:
    ending = "th" if number % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
