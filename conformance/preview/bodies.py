"""What polls, look-ups and histories show, read without trust: a member that is missing or of another type is None.

Answers are compared by their documented members alone, since an implementation may add others that change (POLL-20).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, TypeGuard

from conformance.http.values import Items, Members
from conformance.model.plain import plain
from mock_server.contract import document as contract

if TYPE_CHECKING:
    from conformance.http.client import Answer
    from conformance.preview.driver import Company, StateDriver


STATUSES = contract.load().run_statuses.every
MOVING, TERMINAL = contract.load().run_statuses.moving, contract.load().run_statuses.terminal
"""The statuses that a run leaves by itself, and those that it never leaves."""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

DOCUMENTED = frozenset(
    {
        *("status", "report", "inserted", "perSheet", "templateName", "sheetId", "rowCount", "invalidCellCount"),
        *("needs_attention", "questions", "id", "prompt", "context", "target", "sheet_id", "column", "affected_count"),
        *("sample_values", "error", "relevant_columns", "options", "label", "allow_custom"),
        *("proposed_patch", "summary", "actions", "action", "value", "key_column"),
    }
)
"""The members that the contract names in a poll's answer."""


def at(value: Any, *path: str | int) -> Any:
    """The member at the end of the path; None where the path leads nowhere."""
    for step in path:
        match value, step:
            case dict(), str():
                value = value.get(step)
            case list(), int() if -len(value) <= step < len(value):
                value = value[step]
            case _:
                return None
    return value


def listed(value: Any, *path: str | int) -> list[dict[str, Any]]:
    """The objects of the array at the end of the path; empty where there is none."""
    return [each for each in array(value, *path) if isinstance(each, dict)]


def array(value: Any, *path: str | int) -> list[Any]:
    """The array at the end of the path; empty where there is none."""
    there = at(value, *path)
    return there if isinstance(there, list) else []


def is_uuid(value: Any) -> bool:
    """Whether it is a UUID as people write it."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def is_id(value: Any) -> TypeGuard[str]:
    """Whether it can be sent as an id, whatever its form."""
    return isinstance(value, str) and bool(value)


def questions(body: Any) -> list[dict[str, Any]]:
    """The questions of a poll's body."""
    return listed(body, "needs_attention", "questions")


def actions(body: Any) -> list[dict[str, Any]]:
    """The actions of the proposed patch in a poll's body."""
    return listed(body, "needs_attention", "proposed_patch", "actions")


def ids(items: list[dict[str, Any]]) -> list[str]:
    """The `id` of each item, where it is a text."""
    return [each["id"] for each in items if isinstance(each.get("id"), str)]


def count(body: Any, name: str) -> int | None:
    """A whole number of the report."""
    there = at(body, "report", name)
    return there if isinstance(there, int) and not isinstance(there, bool) else None


def status_of(body: Any) -> str:
    """The status in the words of a finding; "nothing" when there is none."""
    return plain(at(body, "status"))


def documented(value: Any) -> Any:
    """The value with its documented members alone."""
    match value:
        case dict():
            return Members((name, documented(each)) for name, each in value.items() if name in DOCUMENTED)
        case list():
            return Items(map(documented, value))
    return value


def columns_concerned(body: Any) -> set[tuple[Any, Any]]:
    """Sheet and column of everything that the parking asks about or would mend."""
    asked = [question.get("target") for question in questions(body)]
    return {(at(each, "sheet_id"), at(each, "column")) for each in [*asked, *actions(body)]}


def entries(body: Any) -> list[Any] | None:
    """The entries of a history's page: a bare array, or the one of an envelope that may hold runs (OP-08)."""
    if isinstance(body, dict) and isinstance(body.get("runs"), list):
        return list(body["runs"])  # as the contract names it, whatever else is there
    values = list(body.values()) if isinstance(body, dict) else [body]
    arrays = [each for each in values if isinstance(each, list)]
    if len(arrays) > 1:  # of several that one which holds what is known by an id; none does where all are empty
        arrays = [each for each in arrays if all(map(identity, each))]
        arrays = [each for each in arrays if each] or arrays[:1]
    return arrays[0] if len(arrays) == 1 else None


def entry_names(body: Any) -> list[str] | None:
    """What the entries of a history's page are known by: an id where they have one, else all that they say."""
    found = entries(body)
    # Members that nobody documented may change at every look.
    return None if found is None else [identity(each) or json.dumps(documented(each) or each) for each in found]


def listing(answer: Answer) -> Any:
    """What of a history stays as long as no run starts: its entries; an envelope may tell the time, say (OP-08)."""
    found = entry_names(answer.json)
    return answer.json if found is None else found


def identity(entry: Any) -> str | None:
    """What an entry is known by, at the top of it or in an object in it; None where it has no such member."""
    within = [entry, *(each for each in entry.values() if isinstance(each, dict))] if isinstance(entry, dict) else []
    ids = [at(each, name) for name in ("run_id", "poll_url", "id") for each in within]
    return next((each for each in ids if isinstance(each, str)), None)


def is_idle(active: Answer) -> bool:
    """Whether the active look-up tells of no run."""
    return active.ok and isinstance(active.json, dict) and active.json.get("run", 0) is None


def new_entries(now: list[str] | None, before: list[str] | None) -> list[str] | None:
    """The entries that were not there before; None when it cannot be told."""
    return None if now is None or before is None else [name for name in now if name not in before]


def told_new(new: list[str] | None) -> str:
    """How many entries are new, to be read; what they are known by may be no name."""
    return "unknown" if new is None else f"{len(new)} new"


def names(ctx: StateDriver, company: Company) -> list[str] | None:
    """What the newest runs of the company are known by; None when there is no list."""
    return entry_names(ctx.history(company).json)


def is_same(before: Any, answer: Answer) -> bool:
    """Whether a poll shows the state of an earlier one: status, counts, and what is asked and proposed.

    Ids, texts and order are left to QUE-03 and PATCH-10, so that what breaks those reads as one failure.
    """
    return answer.ok and gist(before) == gist(answer.json)


def gist(body: Any) -> tuple[Any, ...]:
    """What of a poll stays as long as nothing happens to the run, whatever its words."""
    asked = sorted(repr((at(each, "target", "sheet_id"), at(each, "target", "column"))) for each in questions(body))
    acts = sorted(repr((each.get("sheet_id"), each.get("column"), each.get("action"))) for each in actions(body))
    return at(body, "status"), count(body, "invalidCellCount"), asked, acts
