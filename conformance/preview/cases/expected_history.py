"""What a walk knows of a company's imports from what it did and saw, and so what their next answers must be.

Only what cannot change by itself is held against a target: a run that moves may have moved on by the next call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from conformance.preview.driver import MOVING, TERMINAL, Run
from conformance.preview.poll_body import at, shown

Claim = tuple[str, bool, str]
"""Clause, whether it holds, and what is required."""


@dataclass(slots=True)
class Known:
    """One import of the walk."""

    run: Run
    seen: Any = None
    """The last poll's body; None before the first."""
    decided: str = ""
    """The decision that was taken since the last parking was seen."""
    rejected: bool = False

    @property
    def status(self) -> Any:
        """The status that was seen last."""
        return at(self.seen, "status")

    @property
    def parked(self) -> bool:
        """Whether it waits for a decision, and nobody has taken one."""
        return self.status == "needs_attention" and not self.decided

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.status in TERMINAL


@dataclass(slots=True)
class Memory:
    """The imports of one company, the oldest first."""

    runs: list[Known] = field(default_factory=list)

    @property
    def newest(self) -> Known | None:
        """The import that was started last."""
        return self.runs[-1] if self.runs else None


def seen(known: Known, body: Any) -> list[Claim]:
    """Remember a poll's body; what it shows of the rules of a run's life."""
    before, known.seen = known.seen, body
    was, now = at(before, "status"), at(body, "status")
    claims: list[Claim] = []
    if was in TERMINAL:
        claims.append(("RUN-03", was == now, "a run that is over stays so"))
        if was == now:
            claims.append(("RUN-04", shown(before) == shown(body), "two reads of a run that is over are equal"))
    elif was == "running":
        claims.append(("RUN-05", now != "queued", "a run that was running is not queued again"))
    elif was == "needs_attention" and not known.decided:
        left = now in (*MOVING, "completed")  # canceled or failed it may be: OP-11, OP-16
        claims.append(("RUN-07", not left, "nothing but a decision takes a parked run on"))
        if now == was:
            claims.append(("PATCH-10", shown(before) == shown(body), "while a run is parked nothing changes"))
    elif was == "needs_attention" and known.decided == "reject" and now in TERMINAL:
        claims.append(("DEC-31", now == "failed", "a run that was rejected ends failed"))
    known.decided = ""
    return claims


def order(memory: Memory, listing: Any) -> list[Claim]:
    """What the history must show of the walk's imports: the newest first."""
    arrays = [listing] if isinstance(listing, list) else [*listing.values()] if isinstance(listing, dict) else []
    items: list[Any] = next((each for each in arrays if isinstance(each, list)), [])
    ids = [at(item, "run_id") or at(item, "id") for item in items]
    mine = [known.run.id for known in reversed(memory.runs)]
    there = [each for each in ids if each in mine]
    if not there or not mine:  # which members an item has is open: OP-08
        return []
    return [
        ("HIST-03", ids[0] == mine[0], "the run that was started last is the first of the history"),
        ("HIST-01", there == [each for each in mine if each in there], "the history is newest first"),
    ]


def active(memory: Memory, found: Any) -> list[Claim]:
    """What the active look-up must show after the newest import was seen at rest."""
    newest = memory.newest
    none = found == {"run": None}
    if newest is None:
        return []
    if newest.over:
        return [("ACT-05", none, "once the run is over the active look-up gives a run of null")]
    if newest.parked:
        if at(found, "status") != "needs_attention":
            return [("ACT-04", False, "a parked run is the active one")]
        equal = shown(found) == shown(newest.seen)
        return [
            ("ACT-04", True, "a parked run is the active one"),
            ("ACT-06", equal, "the active look-up shows what the poll shows"),
        ]
    return []
