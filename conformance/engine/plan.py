"""What a run of the suite is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from conformance.model.clauses import Clause, profile, select

if TYPE_CHECKING:
    from collections.abc import Mapping


class UnknownRun(LookupError):
    """A run that was to be judged by reads alone is not there; the text says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What was asked for; the defaults are those of `vern-conformance run`."""

    clauses: tuple[str, ...] = ()
    """Areas and ids, `("DEC", "POLL-04")`; none: the whole profile."""
    profile: str = "full"
    level: str = "must"
    """What decides: `must`, or `should` as well."""
    require: tuple[str, ...] = ()
    """Areas and ids that may not be skipped."""
    expected_failures: Mapping[str, str] = field(default_factory=dict)
    """The baseline: clause to the reason why it may fail."""
    isolated: bool | None = None
    """Each check makes all that it needs; None: for our own mock only."""
    rate_checks: bool = False
    read_only: tuple[tuple[str, str], ...] = ()
    """The ids of existing runs, which are judged by reads alone; none: the suite makes its own."""
    max_time: float | None = None
    """Seconds for everything."""
    max_examples: int | None = None
    """Generated requests an operation gets at most, 0: none; None: 10 for our own mock, else none."""
    seed: int = 0
    poll_every: float | None = None
    """Seconds between two polls; None: 2, or 0.3 where the target is on this machine."""

    @property
    def chosen(self) -> dict[str, Clause]:
        """The clauses to judge; raises `UnknownClause` for a word that names none."""
        return select(self.clauses, profile(self.profile))
