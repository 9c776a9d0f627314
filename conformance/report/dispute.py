"""How to dispute a failure: what says where its clause comes from, and the open points that it touches."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from conformance.model.clauses import load, open_points
from mock_server.contract.document import data

ABOUT = (
    "Where the documentation leaves an answer open (an open point), every reading of it passes. If it allows what a "
    "clause above refuses, that is an open point which the suite does not know: please tell its authors."
)
"""What to do with a failure that is held to be none; said once."""
_CLAUSES = "clauses.yaml"


def dispute(clause_id: str) -> tuple[str, ...]:
    """Sentences that say where the clause comes from and which open points touch it, for whoever holds it wrong."""
    return tuple(_sentences(clause_id))


def place(clause_id: str) -> int:
    """The line of `openapi/clauses.yaml` on which the clause begins; the first for what is none of them."""
    return _lines().get(clause_id, 1)


def _sentences(clause_id: str) -> Iterator[str]:
    if (clause := load().get(clause_id)) is None:
        return
    pages = f" (documentation: {', '.join(clause.page)})" if clause.page else ""
    yield f"`vern-conformance explain {clause_id}`{pages}"
    for point in clause.open_points:
        yield f"open point {point} ({open_points().get(point, '')}): every reading of it passes; which is yours?"


@lru_cache(maxsize=1)
def _lines() -> Mapping[str, int]:
    """The line on which each clause begins."""
    found: dict[str, int] = {}
    for number, text in enumerate(data("openapi", _CLAUSES).read_text("utf-8").splitlines(), 1):
        if match := re.match(r"  - id: (\S+)$", text):
            found.setdefault(match[1], number)
    return found
