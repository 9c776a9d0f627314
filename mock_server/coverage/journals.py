"""Which exchanges were looked at, session by session, so that what is told of one twice is counted once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict

STRAY = "stray-"
"""How the id of an exchange begins that belongs to no session."""


class Journaled(TypedDict):
    """The exchanges of one session: the ranges of their numbers, and how many were forgotten before them."""

    session: str
    exchanges: list[list[int]]
    dropped: int


def told_by(session: str | None, exchanges: Iterable[Mapping[str, Any]], dropped: int) -> list[Journaled]:
    """The journals that these exchanges come from: the session's own, and one for each call without a key."""
    own = [] if session is None else [Journaled(session=session, exchanges=[], dropped=dropped)]
    return together([*own, *(_one(each, session or "") for each in exchanges)])


def _one(exchange: Mapping[str, Any], session: str) -> Journaled:
    owner = f"{STRAY}{exchange.get('real')}" if exchange["id"].startswith(STRAY) else session
    return Journaled(session=owner, exchanges=[[exchange["number"]] * 2], dropped=0)


def together(journals: Iterable[Journaled]) -> list[Journaled]:
    """The journals, each session once, with all that any of them knows of it."""
    found: dict[str, Journaled] = {}
    for each in journals:
        known = found.setdefault(each["session"], Journaled(session=each["session"], exchanges=[], dropped=0))
        known["dropped"] = max(known["dropped"], each["dropped"])
        joined: list[list[int]] = []
        for first, last in sorted([*known["exchanges"], *each["exchanges"]]):
            if joined and first <= joined[-1][1] + 1:
                joined[-1][1] = max(joined[-1][1], last)
            else:
                joined.append([first, last])
        known["exchanges"] = joined
    return list(found.values())


def counts(journals: Sequence[Journaled]) -> dict[str, int]:
    """How many exchanges there are, and how many were forgotten that nobody knows of."""
    spans = [(first, last, each["dropped"]) for each in journals for first, last in each["exchanges"]]
    known = sum(max(0, min(last, dropped) - first + 1) for first, last, dropped in spans)
    exchanges, dropped = sum(last - first + 1 for first, last, _ in spans), sum(each["dropped"] for each in journals)
    return {"exchanges": exchanges, "forgotten": dropped - known}
