"""Random worlds for the property tests: scripts that the linter would pass, histories of runs, templates and rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from mock_server.data.book import Flagged, Sheet
from mock_server.data.templates import Column, Link, Template
from mock_server.kernel.clock import EPOCH
from mock_server.preview.beats import Cancel, Complete, Die, Fail, Park, Queue, Review, Work
from mock_server.preview.lifecycle import Approved, Canceled, Rejected, Started, life
from mock_server.preview.preconditions import refuse_decision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mock_server.data.book import Row
    from mock_server.data.templates import Rule
    from mock_server.preview.lifecycle import Event, Life
    from mock_server.scenarios.model import Beat

STALE = 3_600_000

# Scripts

# Whole spells are drawn at once, a few beats each: fewer draws make many more examples a second.
_LASTS = (0, 1, 50, 1_000, STALE - 1, STALE, STALE + 1)
_QUEUES: tuple[tuple[Queue, ...], ...] = ((), *((Queue(lasts),) for lasts in _LASTS), (Queue(3), Queue(4)))
_SPELLS: tuple[tuple[Work, ...], ...] = (
    *((Work(lasts),) for lasts in _LASTS),
    *((Work(3), Work(4)), (Work(5), Work(2 * STALE)), (Work(0), Work(6))),
)
_GROUP = Flagged("Contacts", "Status", 12, "strict", "set_value", "Open")
_NO = Fail("The customer said no")

queues = st.sampled_from(_QUEUES)
spells = st.sampled_from(_SPELLS)
parks = st.builds(
    Park,
    st.just((_GROUP,)),
    on_answer=st.sampled_from([(), *_SPELLS, *((*spell, Park((_GROUP,))) for spell in _SPELLS)]),
    on_reject=st.sampled_from([(), (_NO,), *((*spell, _NO) for spell in _SPELLS)]),
)
reviews: st.SearchStrategy[list[Beat]] = st.sampled_from([[], [Review()]])
ends: st.SearchStrategy[Beat] = st.sampled_from(
    [Complete(), Complete(), Complete(), Fail("The plan cannot run"), Cancel(), Die()]
)


@st.composite
def scripts(draw: st.DrawFn) -> tuple[Beat, ...]:
    """The run of a scenario file that has nothing to complain about: parkings of its own, or a review, or neither."""
    beats: tuple[Beat, ...] = (*draw(queues), *draw(spells))
    stops: list[Beat] = [*draw(st.lists(parks, max_size=3))] or draw(reviews)
    for stop in stops:
        beats = (*beats, stop, *draw(spells))
    end: Beat = draw(ends)
    return (*beats, end)


# Histories


@dataclass(frozen=True, slots=True)
class History:
    """What happened to one run, as a server would have let it happen, up to `now`."""

    script: tuple[Beat, ...]
    started: Started
    events: tuple[Event, ...]
    now: int

    def at(self, now: int, *more: Event) -> Life:
        """What the run is at `now`, when `more` happened too."""
        return life(self.script, self.started, (*self.events, *more), now, STALE)

    @property
    def state(self) -> Life:
        """What the run is now."""
        return self.at(self.now)


@st.composite
def histories(draw: st.DrawFn, steps: str = "wwwaaaaruc") -> History:
    """A run that was waited for, decided on and perhaps canceled, each when it could be; `steps` says how often."""
    script = draw(scripts())
    drift = draw(st.sampled_from([None, None, None, "The required column 'Email' could not be found"]))
    started = Started(EPOCH + draw(st.integers(0, 10)), draw(st.booleans()), drift)
    events: tuple[Event, ...] = ()
    now = started.at
    for step in draw(st.lists(st.sampled_from(steps), max_size=14)):
        state = life(script, started, events, now, STALE)
        if state.terminal:
            break
        if step == "c":
            events = (*events, Canceled(now))
        elif state.status == "needs_attention" and step != "w":
            unresolved, answered = step == "u", draw(st.booleans())
            events = (*events, decide(state, now, approve=step != "r", answered=answered, unresolved=unresolved))
        else:
            now = now + 5 if state.until is None else state.until
    return History(script, started, events, now)


# Templates and rows

_WORDS = ("Open", "Closed", "Pending")
_PATTERNS = ("^(Open|Closed|Pending)$", "[a-c]+", r"^[0-9]{1,3}$")
# Few texts, so that they meet: right and wrong ones of each pattern, blanks, and what a CSV must quote.
texts = st.sampled_from([*_WORDS, "", " ", "a", "b", "abc", "7", "42", "open", "x,y", 'say "a"', "two\nlines", "ünï"])


@st.composite
def columns(draw: st.DrawFn, name: str, links: Sequence[Link]) -> Column:
    """A column with any rule; a link leads to one or two of `links`."""
    rules: tuple[Rule, ...] = ("none", "ai", "strict", "strict", "link")
    rule = draw(st.sampled_from(rules))
    return Column(
        name=name,
        required=draw(st.booleans()),
        unique=draw(st.sampled_from([True, False, False])),
        rule=rule,
        pattern=draw(st.sampled_from(_PATTERNS)) if rule == "strict" else None,
        links=tuple(draw(st.lists(st.sampled_from(links), min_size=1, max_size=2))) if rule == "link" else (),
    )


@st.composite
def workbooks(draw: st.DrawFn) -> tuple[Sheet, ...]:
    """One or two sheets; columns of each may link to the first column of either."""
    ids = ["t1", "t2"][: draw(st.integers(1, 2))]
    links = [Link(template_id, f"{template_id}-0") for template_id in ids]
    return tuple(
        Sheet(
            f"sheet of {each}",
            Template(
                each,
                f"Template {each}",
                None,
                tuple(draw(columns(f"{each}-{n}", links)) for n in range(draw(st.integers(1, 3)))),
            ),
        )
        for each in ids
    )


Filled = tuple[tuple[Sheet, list["Row"]], ...]


@st.composite
def filled(draw: st.DrawFn) -> Filled:
    """A workbook with up to eight rows in each sheet."""
    return tuple(
        (sheet, draw(st.lists(st.tuples(*[texts] * len(sheet.template.columns)), max_size=8)))
        for sheet in draw(workbooks())
    )


def decide(state: Life, now: int, *, approve: bool, answered: bool = False, unresolved: bool = False) -> Event:
    """The event that a decision makes of a parked run; raises Refusal for any other."""
    refuse_decision(state)
    return Approved(now, answered, unresolved) if approve else Rejected(now)
