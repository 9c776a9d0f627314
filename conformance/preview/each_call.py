"""A call of each operation, to be made with whatever key: a rule that holds for all calls is tried on each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from conformance.http.client import DEFAULT, Answer, Key
from conformance.preview.account import FILE

if TYPE_CHECKING:
    from conformance.preview.driver import Company, Run, StateDriver

Calls = dict[str, Callable[..., Answer]]


def calls_of_company(ctx: StateDriver, company: Company, body: Any) -> Calls:
    """The calls of a company; `body` is that of a start."""

    def ask(operation: str, **given: Any) -> Callable[..., Answer]:
        return partial(ctx.client.call, operation, company_id=company.id, **given)

    calls = {
        "an upload": ask("request_upload", body=FILE),
        "an import": ask("start_import", body=body),
        "the imports": ask("list_imports"),
        "the active import": ask("list_imports", query={"status": "active"}),
        "the CSV": ask("export_csv"),
        "an export": ask("start_export", body={"mode": "canary"}),
    }
    for sheet in list(company.sheets)[:1]:
        calls["a sheet"] = ask("export_csv", query={"sheet_id": sheet})
        calls["every row of a sheet"] = ask("export_csv", query={"sheet_id": sheet, "filter": "all"})
    return calls


def calls_of_run(ctx: StateDriver, run: Run) -> Calls:
    """The calls of an import."""

    def ask(operation: str, **given: Any) -> Callable[..., Answer]:
        return partial(ctx.client.call, operation, company_id=run.company.id, run_id=run.id, **given)

    decisions = {f"a decision to {each}": ask("decide", body={"decision": each}) for each in ("approve", "reject")}
    return {"a poll": ask("poll_import"), **decisions}


def made(calls: Calls, key: Key | str = DEFAULT) -> dict[str, Answer]:
    """The answers to the calls, made with this key."""
    return {name: call(key=key) for name, call in calls.items()}
