"""Starting an import, and the keys that make a start repeatable (IMP, IDEM).

The rule that it keeps: whether a refused or repeated start had an effect is told by the company's history, read before
and after, never by the answer to the start alone.
"""

from __future__ import annotations

import csv
import io
import re
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

from conformance.checks import check
from conformance.parking import at, shown
from conformance.stage import TERMINAL, Blocked, Run, Skipped

if TYPE_CHECKING:
    from conformance.client import Answer
    from conformance.stage import Company, Stage

UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
STARTS_AT_ONCE = 16


@check("IMP-02", "IMP-03", "IMP-04", "IMP-05")
def an_import_of_rows_starts_queued(stage: Stage) -> None:
    """Start an import of inline rows, and read its poll_url at once."""
    body = stage.body("completed")
    company = stage.company(fresh=True)
    answer = stage.start(company, body)
    if "rows" in body:
        _judge_start(stage, "IMP-02", company, answer)
    else:
        with stage.speaking_of("IMP-02"):
            raise Skipped("the body that leads to completed has no inline rows")
    url = at(answer.json, "poll_url")
    if not isinstance(url, str) or not url.startswith("/"):
        raise Blocked("the start gave no poll_url that could be read", [answer])
    polled = stage.client.get(url)
    if stage.status("IMP-05", polled, 2, requirement="the poll_url of a run just started can be read at once"):
        read = isinstance(at(polled.json, "status"), str)
        requirement = "the poll_url of a run just started leads to that run's state"
        stage.require("IMP-05", read, requirement, answer, polled, expected="an object with a status", got=polled.text)


@check("IMP-01", "IMP-03", "IMP-04")
def an_import_of_a_file_starts_queued(stage: Stage) -> None:
    """Upload the rows as a CSV file, and start an import of it."""
    body = stage.body("completed")
    company = stage.company(fresh=True)
    if "files" not in body:
        body = {"files": [{"name": "conformance.csv", "upload_ref": _uploaded(stage, company, body.get("rows"))}]}
    _judge_start(stage, "IMP-01", company, stage.start(company, body))


@check("IMP-06", "IMP-07", "IMP-13")
def a_malformed_start_is_refused(stage: Stage) -> None:
    """Start imports without rows and files, and with malformed files, of a company that has none in flight."""
    company, key = stage.company(fresh=True), _key()
    before = named(history(stage, company))
    neither, malformed = "neither files nor rows", "malformed files"
    bodies: list[tuple[str, str, Any]] = [
        ("IMP-06", neither, {}),
        ("IMP-06", neither, {"idempotency_key": key}),
        ("IMP-07", malformed, {"files": "a.csv", "idempotency_key": key}),
        ("IMP-07", malformed, {"files": [{"name": "a.csv"}], "idempotency_key": key}),
    ]
    answers = [stage.start(company, body) for _, _, body in bodies]
    for (clause, what, _), answer in zip(bodies, answers, strict=True):
        stage.status(clause, answer, 400, requirement=f"a start with {what} is refused with 400")
    if accepted := [answer for answer in answers if answer.ok]:
        raise Blocked("a malformed start was not refused", accepted)
    after = named(history(stage, company))
    requirement = "a start refused with 400 creates no run"
    stage.require("IMP-13", after == before, requirement, *answers, expected=before, got=after)
    used = stage.start(company, stage.body("completed") | {"idempotency_key": key})
    stage.status("IMP-13", used, 2, requirement="a start refused with 400 does not consume its idempotency_key")


@check("IMP-08")
def an_unknown_company_starts_nothing(stage: Stage) -> None:
    """Start an import of a company that does not exist."""
    answer = stage.client.call("start_import", company_id=str(uuid4()), body=stage.body("completed"))
    stage.status("IMP-08", answer, 404, requirement="a start for an unknown company is refused with 404")


@check("IMP-09", "IMP-10", "IMP-11", "IMP-13")
def one_import_at_a_time(stage: Stage) -> None:
    """Start further imports while one is in flight, while it is parked, and after its end."""
    clean, flagged, key = stage.body("completed"), stage.body("needs_attention"), _key()
    company = stage.company(fresh=True)
    earlier = named(history(stage, company))
    run = stage.started("needs_attention", company)
    moving = [stage.start(company, clean), stage.start(company, flagged | {"idempotency_key": key})]
    for answer, what in zip(moving, ("without a key", "with a new key"), strict=True):
        requirement = f"a start {what} is refused with 409 while an import is in flight"
        stage.status("IMP-09", answer, 409, requirement=requirement)
    parked = stage.until(run, "needs_attention")
    before = named(history(stage, company))
    new = _new(before, earlier)
    requirement = "a start refused with 409 creates no run: the history has one run more than before the first start"
    stage.require("IMP-09", new is None or len(new) <= 1, requirement, *moving, expected="1 new run", got=new)
    third = stage.start(company, clean)
    stage.status("IMP-10", third, 409, requirement="a start is refused with 409 while the company's run is parked")
    after, again = named(history(stage, company)), stage.poll(run)
    unchanged = after == before and shown(again.json) == shown(parked)
    requirement = "a start refused with 409 changes neither the history nor the run in flight"
    stage.require("IMP-13", unchanged, requirement, third, again, expected=parked, got=again.json)
    _end(stage, run)
    _start_anew(stage, run, clean, key)


def _start_anew(stage: Stage, ended: Run, clean: dict[str, Any], key: str) -> None:
    """After the run's end the company is free, and so is the key of a start that was refused for another payload."""
    last = stage.start(ended.company, clean | {"idempotency_key": key})
    if last.status == 409:
        without = stage.start(ended.company, clean)
        stage.status("IMP-11", without, 2, requirement="once the run is terminal a new import is accepted")
        if not without.ok:
            raise Blocked("whether the key was consumed cannot be told: no start is accepted", [last, without])
    else:
        stage.status("IMP-11", last, 2, requirement="once the run is terminal a new import is accepted")
    holds = last.ok and at(last.json, "run_id") != ended.id
    requirement = "a start refused with 409 does not consume its idempotency_key"
    stage.require("IMP-13", holds, requirement, last, expected="2xx with a new run", got=f"{last.status} {last.text}")


@check("IMP-12")
def companies_import_side_by_side(stage: Stage) -> None:
    """Start an import of one company, and of another while the first is in flight."""
    for body in (stage.body("needs_attention"), stage.body("completed")):
        answer = stage.start(stage.company(fresh=True), body)
        requirement = "a company without an import in flight starts one, whatever other companies do"
        stage.status("IMP-12", answer, 2, requirement=requirement)


@check("IDEM-01", "IDEM-02", "IDEM-03", "IDEM-04", "IDEM-05", "IDEM-07")
def a_key_starts_one_run(stage: Stage) -> None:
    """Repeat a start with its key while the run moves, while it is parked, and after its end; then with other rows."""
    company = stage.company(fresh=True)
    earlier = named(history(stage, company))
    body = stage.body("needs_attention") | {"idempotency_key": _key()}
    run = begun(stage, company, body)
    moving = stage.start(company, body)
    stage.status("IDEM-07", moving, 200, 201, requirement="a replay is answered with 200 or 201")
    if moving.ok:
        stage.reads("OP-06", f"{moving.status}, with status {at(moving.json, 'status')!r} while the run is active")
    _judge_replay(stage, "IDEM-02", run, moving, "while the run is active")
    parked = stage.until(run, "needs_attention")
    _judge_replay(stage, "IDEM-04", run, stage.start(company, body), "while the run is parked")
    other = stage.body("completed") | {"idempotency_key": body["idempotency_key"]}
    _judge_conflict(stage, run, other, parked)
    new = _new(named(history(stage, company)), earlier)
    holds = at(moving.json, "run_id") == run.id and (new is None or len(new) <= 1)
    requirement = "the same start with the same key gives the same run, and no second one"
    stage.require("IDEM-01", holds, requirement, moving, expected=f"run {run.id} alone", got=new)
    _end(stage, run)
    ended = run.state
    if _judge_replay(stage, "IDEM-03", run, stage.start(company, body), "after the run's end"):
        _judge_conflict(stage, run, other, ended)


@check("IDEM-06")
def a_key_counts_in_its_company_alone(stage: Stage) -> None:
    """Start imports of two companies with one key and different rows."""
    key = {"idempotency_key": _key()}
    first = stage.start(stage.company(fresh=True), stage.body("needs_attention") | key)
    if not first.ok:
        raise Blocked("the first import was not accepted", [first])
    second = stage.start(stage.company(fresh=True), stage.body("completed") | key)  # the first company is busy
    requirement = "a key that another company used starts a run of its own"
    if stage.status("IDEM-06", second, 2, requirement=requirement):
        ids = {str(at(answer.json, "run_id")) for answer in (first, second)}
        stage.require("IDEM-06", len(ids) == 2, requirement, first, second, expected="two runs", got=ids)


@check("IDEM-08")
def concurrent_starts_with_one_key_are_one(stage: Stage) -> None:
    """Send 16 equal starts with one key at once."""
    company = stage.company(fresh=True)
    earlier = named(history(stage, company))
    body = stage.body("completed") | {"idempotency_key": _key()}

    answers = stage.client.concurrently([partial(stage.start, company, body)] * STARTS_AT_ONCE)
    if not (accepted := [answer for answer in answers if answer.ok]):
        raise Blocked("none of the concurrent starts was accepted", answers[:2])
    ids = {str(at(answer.json, "run_id")) for answer in accepted}
    new = _new(named(history(stage, company)), earlier)
    holds = len(ids) == 1 and (new is None or len(new) <= 1)
    requirement = "concurrent starts with one key create one run"
    stage.require("IDEM-08", holds, requirement, *accepted[:3], expected="1 run", got=f"{ids}; new in history: {new}")


def _judge_start(stage: Stage, clause: str, company: Company, answer: Answer) -> None:
    """The start's answer: 201, its members, queued, and a path that fits them."""
    if not stage.status(clause, answer, 201, requirement="a well-formed start is answered with 201"):
        raise Blocked("the start was not answered with 201", [answer])
    run_id, status, url = (at(answer.json, name) for name in ("run_id", "status", "poll_url"))
    complete = all(isinstance(each, str) for each in (run_id, status, url))
    requirement = "the answer to a start has run_id, status and poll_url"
    stage.require(clause, complete, requirement, answer, expected="three strings", got=answer.text)
    requirement = "a run starts queued"
    stage.require("IMP-03", status == "queued", requirement, answer, expected="queued", got=status)
    path = f"/companies/{company.id}/imports/{run_id}"
    root = urlsplit(stage.target.base_url).path.rstrip("/")
    fits = isinstance(run_id, str) and UUID.fullmatch(run_id) is not None and url in {root + path, f"/api/v1{path}"}
    requirement = "run_id is a UUID, and poll_url the relative path of the company and that run"
    stage.require("IMP-04", fits, requirement, answer, expected=root + path, got=url)


def _judge_replay(stage: Stage, clause: str, run: Run, answer: Answer, when: str) -> bool:
    requirement = f"the same start with the same key gives the existing run {when}"
    holds, got = answer.ok and at(answer.json, "run_id") == run.id, f"{answer.status} {answer.text}"
    return stage.require(clause, holds, requirement, answer, expected=f"2xx, run {run.id}", got=got)


def _judge_conflict(stage: Stage, run: Run, other: dict[str, Any], before: Any) -> None:
    """Other rows with a used key are refused, and the run is as before (IDEM-05)."""
    refused = stage.start(run.company, other)
    status = before.get("status") if isinstance(before, dict) else before
    requirement = f"a used key with clearly different rows is refused with 409; its run is {status}"
    stage.status("IDEM-05", refused, 409, requirement=requirement)
    after = stage.poll(run)
    requirement = "a used key with different rows leaves the existing run as it is"
    stage.require(
        "IDEM-05", shown(after.json) == shown(before), requirement, refused, after, expected=before, got=after.json
    )


def begun(stage: Stage, company: Company, body: dict[str, Any]) -> Run:
    """The run that this body starts."""
    answer = stage.start(company, body)
    run_id = at(answer.json, "run_id")
    if not answer.ok or not isinstance(run_id, str):
        raise Blocked("the first import could not be started", [answer])
    return Run(company, run_id, str(at(answer.json, "poll_url")), body, answer, answer)


def _end(stage: Stage, run: Run) -> None:
    """Bring a parked run to its end by a rejection."""
    answer = stage.decide(run, "reject")
    if not answer.ok:
        raise Blocked("the parked run could not be brought to an end: its rejection was refused", [answer])
    stage.until(run, *TERMINAL)


def _uploaded(stage: Stage, company: Company, rows: Any) -> Any:
    """The reference of a CSV file of these rows, uploaded."""
    if not isinstance(rows, list):
        raise Skipped("the body that leads to completed has no rows to make a file of")
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)), restval="")
    writer.writeheader()
    writer.writerows(rows)
    content = text.getvalue().encode()
    asked = {"name": "conformance.csv", "content_type": "text/csv", "size": len(content)}
    promised = stage.client.call("request_upload", company_id=company.id, body=asked)
    url = at(promised.json, "upload_url")
    if not promised.ok or not isinstance(url, str):
        raise Blocked("no upload URL was given", [promised])
    put = stage.client.put_upload(url, content, "text/csv")
    if not put.ok:
        raise Blocked("the file could not be uploaded", [promised, put])
    return at(promised.json, "upload_ref")


def history(stage: Stage, company: Company) -> list[Any] | None:
    """The newest runs of the company, as its history lists them; None when there is no list."""
    return entries(stage.client.call("list_imports", company_id=company.id).json)


def entries(body: Any) -> list[Any] | None:
    """The entries of a history's page: a bare array, or the one array of an envelope (OP-08)."""
    values = list(body.values()) if isinstance(body, dict) else [body]
    arrays = [each for each in values if isinstance(each, list)]
    return arrays[0] if len(arrays) == 1 else None


def named(found: list[Any] | None) -> list[str] | None:
    """What the entries are known by: an id where they have one, else all that they say."""
    return None if found is None else [_name(entry) for entry in found]


def _name(entry: Any) -> str:
    ids = [at(entry, *path) for path in (("run_id",), ("id",), ("run", "run_id"), ("run", "id"), ("poll_url",))]
    return next((each for each in ids if isinstance(each, str)), None) or repr(entry)


def _new(now: list[str] | None, before: list[str] | None) -> list[str] | None:
    """The entries that were not there before; None when it cannot be told."""
    return None if now is None or before is None else [name for name in now if name not in before]


def _key() -> str:
    return f"conformance-{uuid4().hex}"
