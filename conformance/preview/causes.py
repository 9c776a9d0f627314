"""Why a state could not be reached: the status that came, or the clause that the answer breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformance.model.clauses import area_of, server_clauses
from conformance.model.results import Blocked, Skipped
from conformance.preview.bodies import array, at, is_id
from conformance.preview.response_schema import differences
from mock_server.contract import clause_map
from mock_server.contract import document as contract

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conformance.http.client import Answer

ALIKE = frozenset({"AUTH", "ERR", "SEC", "PROV"})
"""The areas of clauses that are judged by calls of any operation."""


def lack(answer: Answer, member: str) -> str:
    """That an answer of 2xx lacks the member at this place, and by which clause; empty for any other answer."""
    if not answer.ok:
        return ""
    found = differences(answer.operation, answer)
    near = [each for each in found if f"/{member}:".startswith(each.text.partition(":")[0])]
    clause = f" ({near[0].clause})" if near else ""
    return f": the answer {answer.status} to {answer.operation} has no {member.replace('/', '.')}{clause}"


def lack_of_company(answer: Answer) -> str:
    """What a new company's answer lacks: its id, or the list of its sheets."""
    return lack(answer, "sheets" if is_id(at(answer.json, "company", "id")) else "company/id")


def unseen(answer: Answer, clause: str) -> Skipped | Blocked | None:
    """Why the answer shows nothing of what the clause is about: entries of arrays that are empty, or are not there."""
    rows = [row for row in clause_map.answer_rows(contract.load(), answer.operation or "") if row.clause == clause]
    if rows and not answer.ok:
        return Blocked("there is no answer of 2xx to look at", [answer])
    arrays = [row.place[: len(row.place) - row.place[::-1].index("*")] for row in rows if "*" in row.place]
    if len(arrays) < len(rows) or not rows or any(_entry(answer.json, place) for place in arrays):
        return None
    found, name = differences(answer.operation, answer), "/".join(arrays[0][:-1])
    if found:
        return Blocked(f"the answer shows nothing in {name}: it is not as {found[0].clause} says", [answer])
    return Skipped(f"the answer shows nothing in {name}")


def _entry(value: Any, place: Sequence[str]) -> bool:
    """Whether there is something at this place, in whichever entries of the arrays on the way."""
    if not place:
        return True
    within = array(value) if place[0] == "*" else [value[place[0]]] if at(value, place[0]) is not None else []
    return any(_entry(each, place[1:]) for each in within)


def of_all(clause: str, answer: Answer) -> bool:
    """Whether the clause is about all operations alike, while a must clause tells whether the answer's own is there."""
    if answer.operation is None:
        return False
    own, known = {row.clause for row in clause_map.answer_rows(contract.load(), answer.operation)}, server_clauses()
    told = not own or any(known[each].level == "must" for each in own & known.keys())
    return told and area_of(clause) in ALIKE.difference(map(area_of, own))


def call(answer: Answer) -> str:
    """The call as the contract writes it."""
    known = contract.load()
    operation = known.operations[answer.operation or ""]
    query = "?status=active" if "status" in answer.query else ""
    return f"{operation.method} {operation.route.removeprefix(known.prefix)}{query}"


def refusal(blocked: Blocked) -> str:
    """What the call was answered with that led nowhere, where the reason does not say it."""
    last = blocked.answers[-1] if blocked.answers else None
    if last is None or last.status is None or last.ok or last.operation is None or str(last.status) in str(blocked):
        return ""
    return f": {call(last)} is answered with {last.status}"
