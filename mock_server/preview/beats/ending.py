"""Beats at which a run ends by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mock_server.contract.nearest import counted
from mock_server.preview.beats.model import RunBeat, parse_group

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Self

    from mock_server.data.declared import Flagged
    from mock_server.preview.lifecycle import Fold, Life
    from mock_server.scenarios.model import BeatContext


@dataclass(frozen=True, slots=True)
class Complete(RunBeat):
    """The run ends `completed`; rows of the groups named here stay flagged (POLL-26)."""

    flagged: tuple[Flagged, ...] = ()
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

    @classmethod
    def parse(cls, entry: Mapping[str, Any], context: BeatContext) -> Self:
        """The beat of a well-formed entry."""
        groups = tuple(parse_group(group, context.catalogue) for group in entry["complete"] or ())
        return cls(groups, **{name: entry[name] for name in cls.members if name in entry})

    @property
    def groups(self) -> tuple[Flagged, ...]:
        """The groups that stay flagged."""
        return self.flagged

    def apply(self, fold: Fold) -> Iterator[Life]:
        """The run is over."""
        yield fold.end(self, self.becomes, completed_by=self)

    def describe(self) -> Iterator[str]:
        """What happens, and what is left flagged or goes wrong at the destination."""
        yield from RunBeat.describe(self)
        yield from (f"  {group.describe()}" for group in self.flagged)
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

    @classmethod
    def parse(cls, entry: Mapping[str, Any], context: BeatContext) -> Self:  # noqa: ARG003 - other beats name sheets
        """The beat of a well-formed entry."""
        return cls(entry["fail"])

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


BEATS = (Complete, Fail, Cancel)
