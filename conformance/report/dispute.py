"""How to dispute a failure: where its clause stands, what the contract says there, the open point that it touches."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from conformance.model.clauses import load, open_points
from mock_server.contract.document import data

_CLAUSES, _CONTRACT = "clauses.yaml", "migration-api.yaml"


def dispute(clause_id: str) -> tuple[str, ...]:
    """Sentences that name clause, line and open point, for whoever holds that the suite is wrong."""
    return tuple(_sentences(clause_id))


def place(clause_id: str) -> int:
    """The line of `openapi/clauses.yaml` on which the clause begins; the first for what is none of them."""
    return _lines(_CLAUSES, "  - id").get(clause_id, 1)


def _sentences(clause_id: str) -> Iterator[str]:
    if (clause := load().get(clause_id)) is None:
        return
    pages = f", from the documentation's {', '.join(clause.page)}" if clause.page else ""
    yield f"clause {clause_id}: openapi/{_CLAUSES}, line {place(clause_id)}{pages}"
    for operation in clause.operations:
        if (line := _lines(_CONTRACT, "      operationId").get(operation)) is not None:
            yield f"contract of {operation}: openapi/{_CONTRACT}, line {line}"
    for point in clause.open_points:
        said = open_points().get(point, "")
        yield f"open point {point}: {said}; every reading of it is to pass (docs/open-points.md): which is yours?"
    if not clause.open_points:
        yield "open point: none touches it; if the documentation lets you do what you do, that is a new one: report it"


@lru_cache(maxsize=2)
def _lines(name: str, member: str) -> Mapping[str, int]:
    """The line of our file on which each value of the member stands first."""
    found: dict[str, int] = {}
    for number, text in enumerate(data("openapi", name).read_text("utf-8").splitlines(), 1):
        if match := re.match(rf"{member}: (\S+)$", text):
            found.setdefault(match[1], number)
    return found
