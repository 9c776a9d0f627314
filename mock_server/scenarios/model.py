"""A scenario as frozen values: the world (what the service does) and the plays (what a partner does and sees).

Values only. `loader` makes them from a YAML file, and says what is wrong with one. Every duration is in whole
milliseconds. Which beats and steps there are is the affair of each generation of the API: see `Language`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Self

from mock_server.contract.words import Vocabulary, Word
from mock_server.faults.kinds import FAULTS

if TYPE_CHECKING:
    from mock_server.contract.document import Contract
    from mock_server.contract.yaml_file import Complaint, Document
    from mock_server.data.book import Data, Flagged
    from mock_server.data.templates import Catalogue
    from mock_server.faults.model import Fault, Targets

Pace = Literal["time", "polls", "manual", "instant"]
PACES: Mapping[Pace, str] = {
    "time": "time: the run goes on as time passes",
    "polls": "polls: each poll moves the run on by one beat",
    "manual": "manual: an operator moves the run, POST /_mock/runs/{run_id}/step",
    "instant": "instant: every beat is over at once",
}
"""Each pace in words."""


class Beat(Word):
    """One thing that happens to a run; a generation's beats are its subclasses."""

    __slots__ = ()

    own_rows: ClassVar[bool] = False
    """Whether the run works on the rows that the caller sends, and not on generated ones."""

    groups: tuple[Flagged, ...] = ()
    """The groups of wrong cells that the beat declares."""

    def apply(self, fold: Any) -> Iterator[Any]:
        """The states that the beat brings a run to; `fold` is the generation's, and knows how far the run has come."""
        raise NotImplementedError

    @property
    def branches(self) -> Mapping[str, tuple[Beat, ...]]:
        """Beats that are played only when something is decided, by the member that has them."""
        return {}


class BeatContext(NamedTuple):
    """What beats are parsed with: the beats that there are, and the sheets that they may name."""

    beats: Vocabulary[Beat]
    catalogue: Catalogue


def every_beat(
    beats: tuple[Beat, ...], place: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], Beat]]:
    """All beats with their places, those of branches included, in the order of the file."""
    for index, beat in enumerate(beats):
        yield (*place, index), beat
        for name, branch in beat.branches.items():
            yield from every_beat(branch, (*place, index, name))


class Ready(NamedTuple):
    """Fixed ids of what is there for the scenario in every session; a `run` waits there, parked, when one opens."""

    kind: str
    """What it is, by the generation's own word."""
    id: str
    name: str
    sheets: Mapping[str, str] = MappingProxyType({})
    run: str | None = None


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

    def perform(self, client: Any) -> list[str]:
        """Do it as this client, over HTTP; the differences between what came and what the step expects."""
        raise NotImplementedError


class Play(NamedTuple):
    """A true sentence about the scenario, and the steps that show it."""

    title: str
    steps: tuple[Step, ...]


class Scenario(NamedTuple):
    """One scenario file."""

    name: str
    title: str
    clauses: tuple[str, ...]
    pace: Pace
    run: tuple[Beat, ...]
    export: tuple[Beat, ...]
    data: tuple[Data, ...]
    """Generated rows; empty exactly when the run works on the caller's own rows."""
    rate_limit: int | None
    """Calls a minute and operation that each owner of this scenario may make; None: the server's limit alone."""
    ready: Ready
    plays: tuple[Play, ...]
    path: str
    """The file it came from, for messages."""
    faults: tuple[Fault, ...] = ()
    """What goes wrong on the wire for those who have this scenario; of several that fit a call, the first."""

    def summary(self) -> dict[str, Any]:
        """The scenario as a program chooses it: the same members on the command line and in the admin API."""
        return {
            "name": self.name,
            "title": self.title,
            "pace": self.pace,
            f"{self.ready.kind}_id": self.ready.id,
            f"{self.ready.kind}_name": self.ready.name,
            "clauses": list(self.clauses),
        }

    @property
    def own_rows(self) -> bool:
        """True when outcome and data come from the rows that the caller sends."""
        return any(beat.own_rows for beat in self.run)


class Language(NamedTuple):
    """The words of one generation's scenario files, and their form."""

    beats: Vocabulary[Beat]
    steps: Vocabulary[Step]
    subject: str
    """What there is one of for each scenario, ready in every session."""
    export: tuple[Beat, ...]
    """The script of an export, where a file has none."""
    contract: Callable[[], Contract]
    targets: Callable[[], Targets]
    """What faults can bend."""
    lint: Callable[[Scenario, Document, Catalogue], Iterator[Complaint]]
    """Everything that is wrong with the meaning of a well-formed file's beats and plays."""
    schema: str = "scenario"
    """The name of the schema in `openapi/` that says the form of its files, or a path without `.schema.json`."""

    @property
    def entries(self) -> Mapping[str, Vocabulary[Any]]:
        """The vocabulary of each definition of the schema whose entries have one verb."""
        return {each.noun: each for each in (self.beats, self.steps, FAULTS)}
