"""Which clause a wrong body breaks, read from the contract's `x-breaks`: by operation, place in the body and keyword.

The contract's schemas find what is wrong; what the documentation says of it stands in the clauses. A request body or a
response has its rows beside it, a branch of a union its own in its schema. Of the rows about a place the one that says
most decides: first one for the very keyword that is broken, then the deepest place, then one for the case at hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from mock_server.contract.document import Contract
    from mock_server.contract.messages import Difference

OTHERWISE = "ERR-11"
_ANY = "otherwise"
_CODE = "code"  # in place of a keyword: the status code, where it is another success than the documented ones
_PART = re.compile(r"\[\d+\]|[^.\[]+")
Place = tuple[str, ...]
"""A path in a body, `*` for any item of an array."""


class Row(NamedTuple):
    """A place, with all that is below it, and the clause that is broken there."""

    place: Place
    keyword: str
    """The JSON Schema keyword that is broken; empty: any."""
    case: str
    """The run's status, or another word for the answer at hand; empty: any."""
    clause: str


def refusal_clause(contract: Contract, operation_id: str, differences: Sequence[Difference]) -> str:
    """The clause for refusing a request body: that of the first difference that has one, else ERR-11."""
    found = (request_clause(contract, operation_id, difference) for difference in differences)
    return next((clause for clause in found if clause is not None), OTHERWISE)


def request_clause(contract: Contract, operation_id: str, difference: Difference) -> str | None:
    """The clause that one difference of a request body breaks; None when no clause is about it alone."""
    parts = [] if difference.path == "the body" else _PART.findall(difference.path)
    place = tuple("*" if part.startswith("[") else part for part in parts)
    row = decisive(request_rows(contract, operation_id), place, difference.rule, "")
    return None if row is None else row.clause


@lru_cache(maxsize=4_096)
def answer_clause(contract: Contract, operation_id: str, place: Place, keyword: str, case: str) -> str | None:
    """The clause that a wrong value at this place of a successful answer breaks."""
    row = decisive(answer_rows(contract, operation_id), place, keyword, case)
    return None if row is None else row.clause


def code_clause(contract: Contract, operation_id: str, case: str) -> str | None:
    """The clause that an undocumented code of success breaks."""
    return answer_clause(contract, operation_id, (), _CODE, case)


@lru_cache(maxsize=64)
def request_rows(contract: Contract, operation_id: str) -> tuple[Row, ...]:
    """The rows about the operation's request body."""
    return tuple(_rows(contract.described(operation_id).get("requestBody", {}).get("x-breaks", {})))


@lru_cache(maxsize=64)
def answer_rows(contract: Contract, operation_id: str) -> tuple[Row, ...]:
    """The rows about the operation's successful answers."""
    found: list[Row] = []
    for response in contract.successes(operation_id):
        found += _rows(response.get("x-breaks", {}))
        for case, rows in response.get("x-breaks-when", {}).items():
            found += _rows(rows, case)
        schema = contract.resolved(response["content"].get("application/json", {}).get("schema", {}))
        for branch in map(contract.resolved, schema.get("oneOf", ())):
            constants = (each["const"] for each in branch.get("properties", {}).values() if "const" in each)
            found += _rows(branch.get("x-breaks", {}), next(constants, ""))
    return tuple(found)


def decisive(rows: Iterable[Row], place: Place, keyword: str, case: str) -> Row | None:
    """The row about this that says most; None when no row is about it."""
    fitting = [
        row
        for row in rows
        if row.keyword in ("", keyword) and row.case in ("", case) and place[: len(row.place)] == row.place
    ]
    return max(fitting, key=lambda row: (bool(row.keyword), len(row.place), bool(row.case)), default=None)


def _rows(described: Mapping[str, Any], case: str = "") -> Iterator[Row]:
    for where, clauses in described.items():
        place = () if where == "." else tuple(where.split("/"))
        for keyword, clause in (clauses if isinstance(clauses, dict) else {_ANY: clauses}).items():
            yield Row(place, "" if keyword == _ANY else keyword, case, clause)
