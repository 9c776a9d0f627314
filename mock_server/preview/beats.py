"""The beats of a run, one class a verb: where each may stand, what it lets a run become. `BEATS` is the vocabulary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import dropwhile
from typing import TYPE_CHECKING, Any, ClassVar, Self

from mock_server.contract.nearest import counted
from mock_server.contract.words import Vocabulary
from mock_server.data.book import Flagged
from mock_server.kernel.clock import duration, in_words
from mock_server.preview.lifecycle import FOREVER, Fold, Life, Status
from mock_server.scenarios.model import Beat, BeatContext

if TYPE_CHECKING:
    from mock_server.data.rules import Check
    from mock_server.data.templates import Catalogue


class RunBeat(Beat):
    """One thing that happens to an import or an export."""

    __slots__ = ()

    becomes: ClassVar[Status]
    """What a run is during it."""
    may_fail: ClassVar[bool] = False
    """Whether a run may fail of it, too."""
    after_work: ClassVar[bool] = False
    """Whether `work` must come before it (RUN-06)."""
    ends: ClassVar[bool] = False
    exports: ClassVar[bool] = True
    """Whether it has a meaning in an export (DST-10)."""

    story: ClassVar[str]
    """What happens, for a person; `{0}` is the beat."""

    @classmethod
    def parse(cls, entry: Mapping[str, Any], context: BeatContext) -> Self:
        """The beat of a well-formed entry: lists are groups where the verb has them, and beats in its members."""
        given = {
            name: context.beats.parse(entry[name], context) if isinstance(entry[name], list) else entry[name]
            for name in cls.members
            if name in entry
        }
        value = entry[cls.verb]
        if isinstance(value, list):
            value = tuple(_group(group, context.catalogue) for group in value)
        return cls(*(() if value is None else (cls.read(value),)), **given)

    @staticmethod
    def read(value: Any) -> Any:
        """The verb's value, of the one in an entry."""
        return value

    def apply(self, fold: Fold) -> Iterator[Life]:
        """The states that the beat brings the run to; the run is over, unless the beat says otherwise."""
        yield fold.end(self, self.becomes)

    def describe(self) -> Iterator[str]:
        """What happens, in one line or more."""
        yield self.story.format(self)
        yield from (f"  {group.describe()}" for group in self.groups)


@dataclass(frozen=True, slots=True)
class Passing(RunBeat):
    """A beat that lasts for a known time."""

    lasts: int
    say: str = ""
    """The progress message."""

    members = ("say",)

    @staticmethod
    def read(value: Any) -> int:
        """The duration in milliseconds."""
        return duration(value)

    @property
    def time(self) -> str:
        """How long it lasts, for a person."""
        return in_words(self.lasts)

    def apply(self, fold: Fold) -> Iterator[Life]:
        """The run is in the beat's status until its time is over."""
        return fold.pass_time(self, self.becomes, self.say, self.lasts)


@dataclass(frozen=True, slots=True)
class Queue(Passing):
    """The run waits in `queued`."""

    say: str = "Waiting to start"

    verb = "queue"
    becomes = "queued"
    story = 'waits in `queued` for {0.time}: "{0.say}"'


@dataclass(frozen=True, slots=True)
class Work(Passing):
    """The run is `running`."""

    say: str = "Cleaning your data"

    verb = "work"
    becomes = "running"
    story = 'is `running` for {0.time}: "{0.say}"'


@dataclass(frozen=True, slots=True)
class Die(RunBeat):
    """The engine dies: nothing happens from here until the run goes stale (STALE-01)."""

    say: str = "Cleaning your data"

    verb = "die"
    members = ("say",)
    becomes = "running"
    may_fail = True
    ends = True
    story = 'the engine dies: still `running` ("{0.say}"), then `failed`, "Import timed out"'

    def apply(self, fold: Fold) -> Iterator[Life]:
        """The run makes no progress until it is stale."""
        return fold.pass_time(self, self.becomes, self.say, FOREVER)


@dataclass(frozen=True, slots=True)
class Park(RunBeat):
    """The run parks with these groups until a decision."""

    groups: tuple[Flagged, ...]
    on_answer: tuple[RunBeat, ...] = ()
    """Played next when an approval carries answers, before the beats that follow."""
    on_reject: tuple[RunBeat, ...] = ()
    """Played when the run is rejected; must end in `fail`. Empty: the run fails at once."""

    verb = "park"
    members = ("on_answer", "on_reject")
    becomes = "needs_attention"
    may_fail = True
    after_work = True
    exports = False
    story = "parks at `needs_attention` until a decision"

    @property
    def branches(self) -> Mapping[str, tuple[RunBeat, ...]]:
        """What is played after a decision of one kind."""
        return {"on_answer": self.on_answer, "on_reject": self.on_reject}

    def apply(self, fold: Fold) -> Iterator[Life]:
        """The run waits for a decision, which says how it goes on."""
        return fold.park(self, self.on_answer, self.on_reject)

    def describe(self) -> Iterator[str]:
        """What happens, and what after a decision."""
        yield from RunBeat.describe(self)
        for when, beats in (("approved with answers", self.on_answer), ("rejected", self.on_reject)):
            if beats:
                yield f"  when {when}:"
                yield from (f"    {line}" for beat in beats for line in beat.describe())


@dataclass(frozen=True, slots=True)
class Review(RunBeat):
    """The run parks for as long as the caller's own rows are flagged, and goes on when none is."""

    verb = "review"
    becomes = "needs_attention"
    may_fail = True
    after_work = True
    exports = False
    own_rows = True
    story = "parks at `needs_attention` for as long as rows that you sent are flagged"

    def apply(self, fold: Fold) -> Iterator[Life]:
        """The run fails, parks or goes on, as the caller's rows are."""
        if fold.started.drift is not None:
            yield fold.end(self, "failed", fold.started.drift)
        elif fold.started.flagged:
            yield from fold.park(self)
        else:
            fold.rest = tuple(dropwhile(lambda beat: isinstance(beat, Work), fold.rest))  # nothing to run again


@dataclass(frozen=True, slots=True)
class Complete(RunBeat):
    """The run ends `completed`; rows of the groups named here stay flagged (POLL-26)."""

    groups: tuple[Flagged, ...] = ()
    refused: int = 0
    """Destination export only: so many writes are refused, with `status` and `error` (DST-05)."""
    status: int = 422
    error: str = "The destination refused the record"
    hollow: int = 0
    """Destination export only: so many writes are answered 2xx but do not stick (DST-07)."""

    verb = "complete"
    members = ("refused", "status", "error", "hollow")
    becomes = "completed"
    after_work = True
    ends = True
    story = "is `completed`"

    def apply(self, fold: Fold) -> Iterator[Life]:
        """The run is over, by this beat."""
        yield fold.end(self, self.becomes, completed_by=self)

    def describe(self) -> Iterator[str]:
        """What happens, and what is left flagged or goes wrong at the destination."""
        yield from RunBeat.describe(self)
        if self.refused:
            yield f"  {counted(self.refused, 'write')} refused by the destination with {self.status}: {self.error}"
        if self.hollow:
            yield f"  {counted(self.hollow, 'write')} accepted but found missing afterwards"


@dataclass(frozen=True, slots=True)
class Fail(RunBeat):
    """The run ends `failed` with this reason."""

    error: str

    verb = "fail"
    becomes = "failed"
    ends = True
    story = 'is `failed`: "{0.error}"'

    def apply(self, fold: Fold) -> Iterator[Life]:
        """The run is over, for this reason."""
        yield fold.end(self, self.becomes, self.error)


@dataclass(frozen=True, slots=True)
class Cancel(RunBeat):
    """The run ends `canceled`: somebody at the vendor stopped it (OP-16)."""

    verb = "cancel"
    becomes = "canceled"
    ends = True
    exports = False
    story = "is `canceled`"


BEATS: Vocabulary[RunBeat] = Vocabulary("beat", Queue, Work, Die, Park, Review, Complete, Fail, Cancel)


def _group(value: Mapping[str, Any], catalogue: Catalogue) -> Flagged:
    fix = value.get("fix", "keep")
    given = {name: value[name] for name in ("value", "ask", "allow_custom") if name in value}
    given |= {name: tuple(value[name]) for name in ("values", "options") if name in value}
    fails = value.get("fails") or _likely_check(value, fix, catalogue)
    return Flagged(value["sheet"], value["column"], value["rows"], fails, fix, **given)


def _likely_check(value: Mapping[str, Any], fix: str, catalogue: Catalogue) -> Check:
    """The check that a group means when it names none: the first that its column can fail."""
    template = catalogue.template(value["sheet"])
    column = next((each for each in template.columns if each.name == value["column"]), None) if template else None
    if fix == "dedup_keep_first":
        return "unique"
    if column is not None and column.rule in {"strict", "link"}:
        return "strict" if column.rule == "strict" else "link"
    return "unique" if column is not None and column.unique else "required"
