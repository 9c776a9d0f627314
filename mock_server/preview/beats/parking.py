"""Beats at which a run parks at `needs_attention` and waits for a decision."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import dropwhile
from typing import TYPE_CHECKING, Any, cast

from mock_server.preview.beats.model import RunBeat, parse_group
from mock_server.preview.beats.passing import Work

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Self

    from mock_server.data.declared import Flagged
    from mock_server.preview.lifecycle import Fold, Life
    from mock_server.scenarios.model import BeatContext


@dataclass(frozen=True, slots=True)
class Park(RunBeat):
    """The run parks with these groups until a decision."""

    flagged: tuple[Flagged, ...]
    on_answer: tuple[RunBeat, ...] = ()
    """Played next when an approval carries answers, before the beats that follow."""
    on_reject: tuple[RunBeat, ...] = ()
    """Played when the run is rejected; must end in `fail`. Empty: the run fails at once."""

    verb = "park"
    members = ("on_answer", "on_reject")
    becomes = "needs_attention"
    may_fail = True
    after_work = True
    parks = True
    exports = False
    story = "parks at `needs_attention` until a decision"

    @classmethod
    def parse(cls, entry: Mapping[str, Any], context: BeatContext) -> Self:
        """The beat of a well-formed entry."""
        branches = (context.beats.parse(entry.get(name, ()), context) for name in cls.members)
        groups = tuple(parse_group(group, context.catalogue) for group in entry["park"])
        return cls(groups, *cast("Iterator[tuple[RunBeat, ...]]", branches))

    @property
    def groups(self) -> tuple[Flagged, ...]:
        """The groups that come to light here."""
        return self.flagged

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
        yield from (f"  {group.describe()}" for group in self.flagged)
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
    parks = True
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


BEATS = (Park, Review)
