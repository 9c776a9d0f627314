"""Starting an import (IMP).

The rule that it keeps: whether a refused start had an effect is told by the company's history, read before
and after, never by the answer to the start alone.
"""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

from conformance.model.results import Blocked, Skipped
from conformance.preview.checks.register import check
from conformance.preview.decision_runs import same
from conformance.preview.driver import TERMINAL, Run
from conformance.preview.poll_body import at, shown

if TYPE_CHECKING:
    from conformance.http.client import Answer
    from conformance.preview.driver import Company, StateDriver

UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@check("IMP-02", "IMP-03", "IMP-04", "IMP-05", needs=("completed",))
def an_import_of_rows_starts_queued(ctx: StateDriver) -> None:
    """Start an import of inline rows, and read its poll_url at once."""
    body = ctx.body("completed")
    company = ctx.company(fresh=True)
    answer = ctx.start(company, body)
    if "rows" in body:
        _judge_start(ctx, "IMP-02", company, answer)
    else:
        with ctx.speaking_of("IMP-02"):
            raise Skipped("the body that leads to completed has no inline rows")
    run_id, url = at(answer.json, "run_id"), at(answer.json, "poll_url")
    if not isinstance(url, str) or not url.endswith(f"/companies/{company.id}/imports/{run_id}") or url[0] != "/":
        raise Blocked("the start gave no poll_url that could be the run's", [answer])  # IMP-04
    polled = ctx.client.get(url)
    if ctx.status("IMP-05", polled, 2, requirement="the poll_url of a run just started can be read at once"):
        told = at(polled.json, "run_id")  # OP-05: only where it is there
        here = told in (None, run_id)
        requirement = "the poll_url of a run just started leads to that run"
        ctx.require("IMP-05", here, requirement, answer, polled, expected=run_id, got=told)


@check("IMP-01", "IMP-03", "IMP-04", needs=("completed",))
def an_import_of_a_file_starts_queued(ctx: StateDriver) -> None:
    """Upload the rows as a CSV file, and start an import of it."""
    body = ctx.body("completed")
    company = ctx.company(fresh=True)
    if "files" not in body:
        body = {"files": [{"name": "conformance.csv", "upload_ref": _uploaded(ctx, company, body.get("rows"))}]}
    _judge_start(ctx, "IMP-01", company, ctx.start(company, body))


@check("IMP-06", "IMP-07", "IMP-13", needs=("completed",))
def a_malformed_start_is_refused(ctx: StateDriver) -> None:
    """Start imports without rows and files, and with malformed files, of a company that has none in flight."""
    company, key = ctx.company(fresh=True), new_key()
    before = named(history(ctx, company))
    neither, malformed = "neither files nor rows", "malformed files"
    bodies: list[tuple[str, str, Any]] = [
        ("IMP-06", neither, {}),
        ("IMP-06", neither, {"idempotency_key": new_key()}),
        ("IMP-07", malformed, {"files": "a.csv"}),
        ("IMP-07", malformed, {"files": [{"name": "a.csv"}], "idempotency_key": key}),
    ]
    answers = [ctx.start(company, body) for _, _, body in bodies]
    for (clause, what, _), answer in zip(bodies, answers, strict=True):
        ctx.status(clause, answer, 400, requirement=f"a start with {what} is refused with 400")
    if accepted := [answer for answer in answers if answer.ok]:
        raise Blocked("a malformed start was not refused", accepted)
    after = named(history(ctx, company))
    requirement = "a start refused with 400 creates no run"
    ctx.require("IMP-13", after == before, requirement, *answers, expected=before, got=after)
    used = ctx.start(company, ctx.body("completed") | {"idempotency_key": key})
    ctx.status("IMP-13", used, 2, requirement="a start refused with 400 does not consume its idempotency_key")


@check("IMP-08", needs=("completed",))
def an_unknown_company_starts_nothing(ctx: StateDriver) -> None:
    """Start an import of a company that does not exist."""
    answer = ctx.client.call("start_import", company_id=str(uuid4()), body=ctx.body("completed"))
    ctx.status("IMP-08", answer, 404, requirement="a start for an unknown company is refused with 404")


@check("IMP-09", "IMP-10", "IMP-11", "IMP-13", needs=("completed", "needs_attention"))
def one_import_at_a_time(ctx: StateDriver) -> None:
    """Start further imports while one is in flight, while it is parked, and after its end."""
    clean, flagged, key = ctx.body("completed"), ctx.body("needs_attention"), new_key()
    company = ctx.company(fresh=True)
    earlier = named(history(ctx, company))
    run = ctx.started("needs_attention", company)
    moving = [ctx.start(company, clean), ctx.start(company, flagged | {"idempotency_key": key})]
    for answer, what in zip(moving, ("without a key", "with a new key"), strict=True):
        requirement = f"a start {what} is refused with 409 while an import is in flight"
        ctx.status("IMP-09", answer, 409, requirement=requirement)
    _refused(*moving)
    parked = ctx.until(run, "needs_attention")
    before = named(history(ctx, company))
    new = added(before, earlier)
    requirement = "a start refused with 409 creates no run: the history has one run more than before the first start"
    ctx.require("IMP-09", new is None or len(new) <= 1, requirement, *moving, expected="1 new run", got=new)
    third = ctx.start(company, clean)
    ctx.status("IMP-10", third, 409, requirement="a start is refused with 409 while the company's run is parked")
    _refused(third)
    after, again = named(history(ctx, company)), ctx.poll(run)
    unchanged = after == before and same(parked, again)
    requirement = "a start refused with 409 changes neither the history nor the run in flight"
    ctx.require("IMP-13", unchanged, requirement, third, again, expected=parked, got=again.json)
    end(ctx, run)
    _start_anew(ctx, run, clean, key)


def _refused(*answers: Answer) -> None:
    """Stop a check whose company has several imports in flight: that was told, and breaks one clause."""
    if accepted := [answer for answer in answers if answer.ok]:
        raise Blocked("a start was accepted beside an import in flight", accepted)


def _start_anew(ctx: StateDriver, ended: Run, clean: dict[str, Any], key: str) -> None:
    """After the run's end the company is free, and so is the key of a start that was refused for another payload."""
    last = ctx.start(ended.company, clean | {"idempotency_key": key})
    if last.status == 409:
        without = ctx.start(ended.company, clean)
        ctx.status("IMP-11", without, 2, requirement="once the run is terminal a new import is accepted")
        if not without.ok:
            raise Blocked("whether the key was consumed cannot be told: no start is accepted", [last, without])
    else:
        ctx.status("IMP-11", last, 2, requirement="once the run is terminal a new import is accepted")
    holds = last.ok and at(last.json, "run_id") != ended.id
    requirement = "a start refused with 409 does not consume its idempotency_key"
    ctx.require("IMP-13", holds, requirement, last, expected="2xx with a new run", got=f"{last.status} {last.text}")


def _judge_start(ctx: StateDriver, clause: str, company: Company, answer: Answer) -> None:
    """The start's answer: 201, its members, queued, and a path that fits them."""
    ctx.status(clause, answer, 201, requirement="a well-formed start is answered with 201")
    if not answer.ok:
        raise Blocked("a well-formed start was refused", [answer])
    run_id, status, url = (at(answer.json, name) for name in ("run_id", "status", "poll_url"))
    complete = all(isinstance(each, str) for each in (run_id, status, url))
    requirement = "the answer to a start has run_id, status and poll_url"
    if not ctx.require(clause, complete, requirement, answer, expected="three strings", got=answer.text):
        raise Blocked("the answer to the start is not whole", [answer])
    requirement = "a run starts queued"
    ctx.require("IMP-03", status == "queued", requirement, answer, expected="queued", got=status)
    path = f"/companies/{company.id}/imports/{run_id}"
    root = urlsplit(ctx.target.base_url).path.rstrip("/")
    fits = UUID.fullmatch(run_id) is not None and url in {root + path, f"/api/v1{path}"}
    requirement = "run_id is a UUID, and poll_url the relative path of the company and that run"
    ctx.require("IMP-04", fits, requirement, answer, expected=root + path, got=url)


def begun(company: Company, body: dict[str, Any], answer: Answer) -> Run:
    """The run that this start of the body began."""
    run_id = at(answer.json, "run_id")
    if not answer.ok or not isinstance(run_id, str):
        raise Blocked("the import could not be started", [answer])
    return Run(company, run_id, str(at(answer.json, "poll_url")), body, answer, answer)


def end(ctx: StateDriver, run: Run) -> None:
    """Bring a parked run to its end by a rejection."""
    answer = ctx.decide(run, "reject")
    if not answer.ok:
        raise Blocked("the parked run could not be brought to an end: its rejection was refused", [answer])
    ctx.until(run, *TERMINAL)


def _uploaded(ctx: StateDriver, company: Company, rows: Any) -> Any:
    """The reference of a CSV file of these rows, uploaded."""
    if not isinstance(rows, list):
        raise Skipped("the body that leads to completed has no rows to make a file of")
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)), restval="")
    writer.writeheader()
    writer.writerows(rows)
    content = text.getvalue().encode()
    asked = {"name": "conformance.csv", "content_type": "text/csv", "size": len(content)}
    promised = ctx.client.call("request_upload", company_id=company.id, body=asked)
    url = at(promised.json, "upload_url")
    if not promised.ok or not isinstance(url, str):
        raise Blocked("no upload URL was given", [promised])
    put = ctx.client.put_upload(url, content, "text/csv")
    if not put.ok:
        raise Blocked("the file could not be uploaded", [promised, put])
    return at(promised.json, "upload_ref")


def history(ctx: StateDriver, company: Company) -> list[Any] | None:
    """The newest runs of the company, as its history lists them; None when there is no list."""
    return entries(ctx.client.call("list_imports", company_id=company.id).json)


def entries(body: Any) -> list[Any] | None:
    """The entries of a history's page: a bare array, or the one array of an envelope (OP-08)."""
    if isinstance(body, dict) and isinstance(body.get("runs"), list):
        return list(body["runs"])  # as the contract names it, whatever else is there
    values = list(body.values()) if isinstance(body, dict) else [body]
    arrays = [each for each in values if isinstance(each, list)]
    return arrays[0] if len(arrays) == 1 else None


def named(found: list[Any] | None) -> list[str] | None:
    """What the entries are known by: an id where they have one, else all that they say."""
    return None if found is None else [_name(entry) for entry in found]


def listing(answer: Answer) -> Any:
    """What of a history stays as long as no run starts: its entries; an envelope may tell the time, say (OP-08)."""
    found = named(entries(answer.json))
    return answer.json if found is None else found


def identity(entry: Any) -> str | None:
    """What an entry is known by, at the top of it or in an object in it; None where it has no such member."""
    within = [entry, *(each for each in entry.values() if isinstance(each, dict))] if isinstance(entry, dict) else []
    ids = [at(each, name) for name in ("run_id", "poll_url", "id") for each in within]
    return next((each for each in ids if isinstance(each, str)), None)


def _name(entry: Any) -> str:
    return identity(entry) or repr(shown(entry) or entry)  # members that nobody documented may change at every look


def added(now: list[str] | None, before: list[str] | None) -> list[str] | None:
    """The entries that were not there before; None when it cannot be told."""
    return None if now is None or before is None else [name for name in now if name not in before]


def new_key() -> str:
    return f"conformance-{uuid4().hex}"
