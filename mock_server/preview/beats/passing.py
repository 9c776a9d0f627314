"""Beats that let time pass: the run waits, works, or is at the mercy of an engine that died."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mock_server.kernel.clock import duration, in_words
from mock_server.preview.beats.model import RunBeat
from mock_server.preview.lifecycle import FOREVER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Self

    from mock_server.preview.lifecycle import Fold, Life
    from mock_server.scenarios.model import BeatContext


@dataclass(frozen=True, slots=True)
class Passing(RunBeat):
    """A beat that lasts for a known time."""

    lasts: int
    say: str = ""
    """The progress message."""

    members = ("say",)

    @classmethod
    def parse(cls, entry: Mapping[str, Any], context: BeatContext) -> Self:  # noqa: ARG003 - other beats name sheets
        """The beat of a well-formed entry."""
        said = {"say": entry["say"]} if "say" in entry else {}
        return cls(duration(entry[cls.verb]), **said)

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
    first = True
    story = 'waits in `queued` for {0.time}: "{0.say}"'


@dataclass(frozen=True, slots=True)
class Work(Passing):
    """The run is `running`."""

    say: str = "Cleaning your data"

    verb = "work"
    becomes = "running"
    runs = True
    story = 'is `running` for {0.time}: "{0.say}"'


@dataclass(frozen=True, slots=True)
class Die(RunBeat):
    """The engine dies: nothing happens from here until the run goes stale (STALE-01)."""

    say: str = "Cleaning your data"

    verb = "die"
    members = ("say",)
    becomes = "running"
    may_fail = True
    runs = True
    ends = True
    story = 'the engine dies: still `running` ("{0.say}"), then `failed`, "Import timed out"'

    @classmethod
    def parse(cls, entry: Mapping[str, Any], context: BeatContext) -> Self:  # noqa: ARG003 - other beats name sheets
        """The beat of a well-formed entry."""
        return cls(entry["say"]) if "say" in entry else cls()

    def apply(self, fold: Fold) -> Iterator[Life]:
        """The run makes no progress until it is stale."""
        return fold.pass_time(self, self.becomes, self.say, FOREVER)


BEATS = (Queue, Work, Die)
