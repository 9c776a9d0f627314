"""A history and an active look-up, read whatever their envelope and members (OP-08)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformance.preview.poll_body import at, documented

if TYPE_CHECKING:
    from conformance.http.client import Answer
    from conformance.preview.driver import Company, StateDriver


def entries(body: Any) -> list[Any] | None:
    """The entries of a history's page: a bare array, or the one array of an envelope (OP-08)."""
    if isinstance(body, dict) and isinstance(body.get("runs"), list):
        return list(body["runs"])  # as the contract names it, whatever else is there
    values = list(body.values()) if isinstance(body, dict) else [body]
    arrays = [each for each in values if isinstance(each, list)]
    return arrays[0] if len(arrays) == 1 else None


def entry_names(found: list[Any] | None) -> list[str] | None:
    """What the entries are known by: an id where they have one, else all that they say."""
    return None if found is None else [_name(entry) for entry in found]


def listing(answer: Answer) -> Any:
    """What of a history stays as long as no run starts: its entries; an envelope may tell the time, say (OP-08)."""
    found = entry_names(entries(answer.json))
    return answer.json if found is None else found


def identity(entry: Any) -> str | None:
    """What an entry is known by, at the top of it or in an object in it; None where it has no such member."""
    within = [entry, *(each for each in entry.values() if isinstance(each, dict))] if isinstance(entry, dict) else []
    ids = [at(each, name) for name in ("run_id", "poll_url", "id") for each in within]
    return next((each for each in ids if isinstance(each, str)), None)


def _name(entry: Any) -> str:
    return identity(entry) or repr(
        documented(entry) or entry
    )  # members that nobody documented may change at every look


def new_entries(now: list[str] | None, before: list[str] | None) -> list[str] | None:
    """The entries that were not there before; None when it cannot be told."""
    return None if now is None or before is None else [name for name in now if name not in before]


def names(ctx: StateDriver, company: Company) -> list[str] | None:
    """What the newest runs of the company are known by; None when there is no list."""
    return entry_names(entries(ctx.history(company).json))
