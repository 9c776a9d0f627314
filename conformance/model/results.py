"""What a run of the suite finds: one result a clause, with its evidence. Reports and exit code come from these alone.

Outcomes form a ladder, and a clause's outcome only rises: failed is the target's fault, error is ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any


class Skipped(Exception):
    """What a check needs cannot be had here, by no fault of the target's: it offers no way, or we may not take it."""


class Blocked(Exception):
    """A way that the target file gives does not lead where it should; with the exchanges that show it."""

    def __init__(self, reason: str, answers: Sequence[Any] = ()) -> None:
        super().__init__(reason)
        self.answers = tuple(answers)


class Outcome(IntEnum):
    """What became of a clause, from least to worst."""

    NOT_APPLICABLE = 0
    SKIPPED = 1
    PASSED = 2
    INCONCLUSIVE = 3
    FAILED = 4
    ERROR = 5

    @property
    def word(self) -> str:
        """The outcome as reports write it."""
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came of it. Secrets are gone before this is made; bodies are cut to a bound."""

    number: int
    operation: str | None
    method: str
    url: str
    request_headers: Mapping[str, str]
    request_body: str | None
    status: int | None
    """None when no answer came; `problem` says why."""
    headers: Mapping[str, str]
    body: str
    problem: str | None
    milliseconds: int
    curl: str
    """The request as a command to paste; keys are `$VERN_API_KEY`, `$OTHER_KEY`."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check says about one clause."""

    clause: str
    outcome: Outcome
    check: str
    """The check's name; `vern-conformance run CLAUSE` repeats it."""
    requirement: str = ""
    """What was required, in one sentence."""
    expected: str = ""
    got: str = ""
    reason: str = ""
    """Why it was skipped, is inconclusive, or is an error."""
    exchanges: tuple[Exchange, ...] = ()
    note: str = ""
    """Which reading of an open point the target takes."""


@dataclass(frozen=True, slots=True)
class Result:
    """A clause and all that was found about it."""

    clause: str
    level: str
    text: str
    outcome: Outcome
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Results:
    """A whole run."""

    target: str
    contract: str
    profile: str
    seed: int
    started: str
    seconds: float
    requests: int
    results: tuple[Result, ...]
    readings: Mapping[str, str] = field(default_factory=dict)
    """Open point to how the target reads it."""
    left_behind: Sequence[str] = ()
    """What was created and cannot be removed: companies and runs by id."""
    interrupted: bool = False
    unreachable: str | None = None
    """Why nothing could be claimed: no answer, or no answer with the key was 2xx."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    suite: Mapping[str, str] = field(default_factory=dict)
    """What judged: `version`, and the digests of `clauses` and `checks`; empty in a report of before there were any."""
    answers: str = ""
    """The digest of all that the target answered, in its order."""
