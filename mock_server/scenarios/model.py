"""A scenario as frozen values: the world (what the service does) and the plays (what a partner does and sees).

Values only. `loading` makes them from a YAML file, `lint` says what is wrong with one. Every duration is in whole
milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from mock_server.contract.words import Word

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from mock_server.data.templates import Check

Pace = Literal["time", "polls", "manual", "instant"]
Action = Literal["set_value", "delete_invalid_rows", "dedup_keep_first", "keep"]
What = Literal[
    "delay", "dribble", "reset", "truncate", "garble", "content_type", "page", "error", "stale", "twice", "lose"
]

CHANGES = ("provision_company", "request_upload", "start_import", "decide", "start_export")
"""The operations that change something."""
BENDS: Mapping[What, tuple[str, ...]] = {
    "garble": (*CHANGES, "list_sources", "list_templates", "list_imports", "poll_import", "poll_export", "put_upload"),
    "stale": ("poll_import", "poll_export", "list_imports"),
    "twice": CHANGES,
    "lose": (*CHANGES, "put_upload"),
}
"""What the faults can bend that do not fit every operation."""


@dataclass(frozen=True, slots=True)
class Flagged:
    """A declared group of wrong cells: one sheet, one column, one failed check (PATCH-06, OP-32)."""

    sheet: str
    column: str
    rows: int
    fails: Check
    fix: Action
    value: str | None = None
    """What `set_value` writes; `""` clears."""
    values: tuple[str, ...] = ()
    """The wrong values, used in turn; empty: made up so that they fail the check."""
    ask: bool = True
    """False: the patch acts on the group, no question mentions it."""
    options: tuple[Action, ...] = ()
    """The suggested answers, in order; empty: all that make sense."""
    allow_custom: bool | None = None
    """None: free text is allowed where a text can cure the group."""


@dataclass(frozen=True, slots=True)
class Queue:
    """The run waits in `queued`."""

    lasts: int
    say: str = "Waiting to start"


@dataclass(frozen=True, slots=True)
class Work:
    """The run is `running`."""

    lasts: int
    say: str = "Cleaning your data"


@dataclass(frozen=True, slots=True)
class Die:
    """The engine dies: nothing happens from here until the run goes stale (STALE-01)."""

    say: str = "Cleaning your data"


@dataclass(frozen=True, slots=True)
class Park:
    """The run parks at `needs_attention` with these groups until a decision."""

    flagged: tuple[Flagged, ...]
    on_answer: tuple[Beat, ...] = ()
    """Played next when an approval carries answers, before the beats that follow."""
    on_reject: tuple[Beat, ...] = ()
    """Played when the run is rejected; must end in `fail`. Empty: the run fails at once."""


@dataclass(frozen=True, slots=True)
class Review:
    """The run parks for as long as the caller's own rows are flagged, and goes on when none is."""


@dataclass(frozen=True, slots=True)
class Complete:
    """The run ends `completed`; rows of the groups named here stay flagged (POLL-26)."""

    flagged: tuple[Flagged, ...] = ()
    refused: int = 0
    """Destination export only: so many writes are refused, with `status` and `error` (DST-05)."""
    status: int = 422
    error: str = "The destination refused the record"
    hollow: int = 0
    """Destination export only: so many writes are answered 2xx but do not stick (DST-07)."""


@dataclass(frozen=True, slots=True)
class Fail:
    """The run ends `failed` with this reason."""

    error: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """The run ends `canceled`: somebody at the vendor stopped it (OP-16)."""


Beat = Queue | Work | Die | Park | Review | Complete | Fail | Cancel


@dataclass(frozen=True, slots=True)
class Data:
    """So many generated rows in the named sheet."""

    sheet: str
    rows: int


@dataclass(frozen=True, slots=True)
class Ready:
    """Fixed ids of the scenario's ready company; a `run` among them waits there, parked, when a session opens."""

    company: str
    name: str
    sheets: Mapping[str, str] = field(default_factory=dict)
    run: str | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong between caller and service: what, where, and until when."""

    what: What
    how: str | int | None = None
    """The verb's value: milliseconds of `delay` and `dribble`, the status of a `page` or an `error`, a word."""
    up_to: int | None = None
    """With `delay`: the longest; each call's own delay is drawn."""
    operation: str | None = None
    """An operationId, or `put_upload`; None: every operation that the fault can bend."""
    status: str | None = None
    """Only calls about a run in this status."""
    call: int | None = None
    """The first of the fitting calls that is bent."""
    every: int | None = None
    chance: float | None = None
    times: int | None = None
    """How many calls it bends; None: any number."""
    lasts: int | None = None
    """How long it is there, on the session's clock; None: for ever."""


@dataclass(frozen=True, slots=True)
class Step(Word):
    """One thing that a partner does or sees: a verb (the class), its value and its modifiers, as in the file."""

    value: Any
    modifiers: Mapping[str, Any]
    line: int

    @classmethod
    def parse(cls, entry: Mapping[str, Any], context: int) -> Self:
        """The step of a well-formed entry that stands in this line."""
        modifiers = {name: member for name, member in entry.items() if name != cls.verb}
        return cls(entry[cls.verb], modifiers, context)


@dataclass(frozen=True, slots=True)
class Play:
    """A true sentence about the scenario, and the steps that show it."""

    title: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario file."""

    name: str
    title: str
    clauses: tuple[str, ...]
    pace: Pace
    run: tuple[Beat, ...]
    export: tuple[Beat, ...]
    data: tuple[Data, ...]
    """Generated rows; empty exactly when the run works on the caller's own rows (`review`)."""
    rate_limit: int | None
    """Calls a minute and operation that each company of this scenario may receive; None: the server's limit alone."""
    ready: Ready
    plays: tuple[Play, ...]
    path: str
    """The file it came from, for messages."""
    faults: tuple[Fault, ...] = ()
    """What goes wrong on the wire for the companies of this scenario; of several that fit a call, the first."""

    @property
    def own_rows(self) -> bool:
        """True when outcome and data come from the rows that the caller sends."""
        return any(isinstance(beat, Review) for beat in self.run)
