"""One API key's session: its clock, scenario, dialect, faults, rate budget and journal, and the account in it.

It changes through the methods that are marked with `change` alone (see `store`). None of them waits, so no two of them
mix, and each checks everything before it changes anything: a refused call leaves no trace (AUTH-07, IMP-13, DEC-14).
"""

from __future__ import annotations

from collections import defaultdict, deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from mock_server.faults.model import Fault, Faults, Hit, find_hit
from mock_server.kernel.clock import MINUTE, Clock
from mock_server.kernel.ids import made_uuid, stand_in
from mock_server.kernel.rate_limit import admit
from mock_server.recording.journal import Journal
from mock_server.session.store import Change, Log, change, repeat

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

    from mock_server.dialects.dialect import Dialect
    from mock_server.kernel.settings import Settings
    from mock_server.scenarios.catalog import World
    from mock_server.scenarios.model import Pace, Scenario
    from mock_server.session.generation import Account, Generation, Run

FOREVER = 1 << 62
IN_HAND = MINUTE
"""Real milliseconds for which a call shows that somebody is at work on what is in flight."""


class Transition(NamedTuple):
    """A run that changed by itself: when, which, from what status, to what."""

    at: int
    run: Run
    before: str
    after: str


class Session:
    """What belongs to one API key; nothing of it is shared with another key."""

    def __init__(
        self,
        key: str,
        settings: Settings,
        world: World,
        generation: Generation,
        real: int,
        keys: Container[str] = (),
    ) -> None:
        self.key = key
        self.id = made_uuid("session", key, real)
        """What tells it from every other session, of this key and server or another, and does not tell the key."""
        self.settings = settings
        self.world = world
        self.generation = generation
        self.log = Log()
        self.clock = Clock(since=real, speed=settings.speed)
        self.scenario = settings.scenario
        self.pace: Pace | None = None
        self.dialect = self.dialect_named(settings.dialect)
        self.faults = Faults(settings.seed)
        self.account: Account = generation.open_account(self)
        self.journal = Journal(self.account.tokens, generation.ids, keys=keys)
        self.used = real
        """The real time of its last call."""
        self.busy = 0
        """How many calls are under way; while there are some, nothing that they may read is given back."""
        self._numbers: defaultdict[str, int] = defaultdict(int)
        self._budgets: defaultdict[tuple[str, ...], deque[int]] = defaultdict(deque)

    # -- what is asked

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self.log.closed

    def dialect_named(self, name: str) -> Dialect:
        """The dialect of that name, `random` drawn by the seed and the session; raises UnknownDialect."""
        return self.generation.dialects.find(name, self.settings.seed, stand_in(self.key))

    def transitions(self, after: int, until: int) -> list[Transition]:
        """Every change of every run by itself in `after` < t <= `until`, in order."""
        found = [
            Transition(at, run, *statuses)
            for run in self.account.running(after)
            for at, *statuses in run.transitions(after, until)
        ]
        return sorted(found, key=lambda each: each.at)

    def next_transition(self, now: int) -> int | None:
        """When the next run changes its status by itself, or None when none will."""
        return next((each.at for each in self.transitions(now, FOREVER)), None)

    def in_flight(self, real: int) -> bool:
        """Whether a run of its has not ended."""
        return bool(self.account.running(self.clock.at(real)))

    def in_hand(self, real: int) -> bool:
        """Whether somebody is at work on a run of its: it was called within a minute, and one is in flight."""
        return self.used > real - IN_HAND and self.in_flight(real)

    # -- what changes: time and choices

    @change
    def advance(self, now: int, real: int, to: int) -> list[Transition]:
        """Let the session's time pass until `to`; what changed by itself meanwhile, in order."""
        self.clock = self.clock.moved(real, max(now, to))
        return self.transitions(now, self.clock.at(real))

    @change
    def set_speed(self, _now: int, real: int, speed: float) -> None:
        """Let the clock run at this speed from here on."""
        self.clock = self.clock.paced(real, speed)

    @change
    def choose_scenario(self, _now: int, name: str, pace: Pace | None) -> None:
        """Let runs that start from here on follow this scenario, at this pace or its own."""
        self.scenario, self.pace = name, pace

    @change
    def choose_dialect(self, _now: int, dialect: Dialect) -> None:
        """Let answers from here on be given in this dialect."""
        self.dialect = dialect

    @change
    def see(self, _now: int, world: World) -> None:
        """Take the scenarios of a reload, for the runs that start from here on."""
        self.world = world

    # -- what changes: faults and the budget

    @change
    def set_faults(self, now: int, faults: Sequence[Fault]) -> None:
        """Put these faults of the operator's in the place of all of them."""
        self.faults.own.clear()
        self.faults.arm(faults, now)

    @change
    def add_faults(self, now: int, faults: Iterable[Fault]) -> None:
        """Add faults of the operator's."""
        self.faults.arm(faults, now)

    def admit(self, now: int, operation_id: str, own: tuple[str, int] | None = None) -> bool:
        """Whether a call stays within the budget of its operation; a call that does not is not counted (RATE-07).

        `own` is a further budget: whose it is, and its limit. A budget forgets a call after a minute, and so it is no
        entry of the log but a part of it: see `entries`.
        """
        limit = self.settings.rate_limit
        if own is None:
            return limit is None or admit(((self._budgets[operation_id,], limit),), now)
        budgets = [] if limit is None else [(self._budgets[operation_id,], limit)]
        return admit([*budgets, (self._budgets[operation_id, own[0]], own[1])], now)

    def meet_faults(self, now: int, scenario: Scenario | None, call: tuple[str, str | None, str | None]) -> Hit | None:
        """The fault that hits a call, the operator's before those of the scenario that it belongs to; or None.

        The call: its operation, the status of the run that it is about, and the first id of its path.
        """
        faults = None if scenario is None or not scenario.faults else (scenario.name, scenario.faults)
        return self.count_faults(now, faults, *call)

    @change
    def count_faults(
        self,
        now: int,
        scripted: tuple[str, Sequence[Fault]] | None,
        operation: str,
        status: str | None,
        where: str | None,
    ) -> Hit | None:
        """Let each fault that fits see the call, and the first that hits it count it."""
        faults = self.faults
        active = faults.own if scripted is None else faults.active(scripted[0], where, scripted[1], now)
        return find_hit(active, operation, status, now)

    @change
    def spare(self, _now: int, key: tuple[str | None, str | None, int]) -> None:
        """Take a hit of the fault back: the call had nothing that it could bend."""
        self.faults.spare(key)

    def spend(self, _now: int, name: tuple[str, ...], passed: Sequence[int]) -> None:
        """Count the calls that a budget let pass."""
        self._budgets[name].extend(passed)

    def made_id(self, kind: str) -> str:
        """The session's next id of a kind: the same for the same seed, key and order of calls."""
        self._numbers[kind] += 1
        word = self.key if kind == "token" else stand_in(self.key)  # a bundle tells the stand-in, and no token
        return made_uuid(self.settings.seed, word, kind, self._numbers[kind])

    # -- its end, and another like it

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Within this block a call of the session's is under way."""
        self.enter()
        try:
            yield
        finally:
            self.leave()

    def enter(self) -> None:
        """A call of the session's is under way from here on."""
        self.busy += 1

    def leave(self) -> None:
        """The call is over."""
        self.busy -= 1
        if self.log.closed:
            self.release()

    def use(self, real: int) -> None:
        """The session was called at this real time."""
        self.used = real

    def close(self) -> None:
        """End the session: what it holds outside memory is given back as soon as no call is under way."""
        self.log.closed = True
        self.faults.end()
        self.release()
        self.journal.waiting.wake()

    def release(self) -> None:
        """Let go what a session holds that has ended, unless somebody may still read it."""
        if self.closed and not self.busy:
            self.account.close()
            self.journal.clear()
            self.log.clear()

    def entries(self) -> list[Change]:
        """The changes that make this session of a new one, in order."""
        spent = [(name, tuple(passed)) for name, passed in self._budgets.items() if passed]
        numbered = enumerate(spent, self.log.latest + 1)
        return [*self.log, *(Change(number, 0, "Session.spend", given, {}) for number, given in numbered)]

    def rebuild(self, entries: Sequence[Change], owners: Mapping[str, Any] | None = None) -> None:
        """Apply the entries of another session to this new one."""
        repeat(entries, {"Session": self, type(self.account).__name__: self.account, **(owners or {})})
