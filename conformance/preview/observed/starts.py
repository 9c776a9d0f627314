"""What starts of imports say: their ids and keys, and whether the company was free (IMP, IDEM, ID-02)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from conformance.preview.bodies import MOVING, array, at
from conformance.preview.observed.memory import ALIVE, Memory, SeenCompany, SeenRun, contradiction, may_have_happened
from conformance.preview.observed.runs import path_of

if TYPE_CHECKING:
    from conformance.engine.plan import Contradiction
    from conformance.http.client import Answer

Found = Iterator["Contradiction"]
KEY_LASTS = 3_000
"""Seconds for which a key surely counts (OP-06)."""


def started(memory: Memory, answer: Answer) -> Found:
    """A start of an import."""
    company, key = memory.company(answer), at(answer.sent, "idempotency_key")
    key = key if isinstance(key, str) else None
    run_id = at(answer.json, "run_id") if answer.ok else None
    if isinstance(run_id, str):
        yield from _began(memory, company, key, run_id, answer)
    elif key in company.keys and answer.status in {400, 404, 409}:
        yield from _not_replayed(memory, company.keys[str(key)], answer)
    elif answer.status == 409 and _is_free(company, key, answer):
        used = key is not None and any(key in each.keys for each in memory.companies.values())
        clause = "IDEM-06" if used else "IMP-11" if company.runs else "IMP-12"
        requirement = "a company in which no import is in flight starts one"
        ended = company.runs[-1].end if company.runs else company.provisioned
        yield contradiction(clause, requirement, ended, answer, expected="201")


def _is_free(company: SeenCompany, key: str | None, answer: Answer) -> bool:
    """Whether nothing that is known of the company is a reason for a conflict."""
    over = company.is_known and all(run.end is not None for run in company.runs)
    plain = bool(array(answer.sent, "rows")) and at(answer.sent, "files") is None
    return over and plain and (key is None or (key not in company.keys and company.refused is None))


def _began(memory: Memory, company: SeenCompany, key: str | None, run_id: str, answer: Answer) -> Found:
    known, first = memory.by_id.get(run_id), company.keys.get(key) if key else None
    alike = [each for each in company.keys if each.strip().casefold() == (key or "").strip().casefold()]
    read = isinstance(answer.sent, dict) and (key is not None or "idempotency_key" not in answer.sent)
    if known is not None and known.company is not company:
        requirement = "a start gives a run of its own company"
        yield contradiction("ID-02", requirement, known.started or known.last, answer, expected="a new run")
    elif known is not None and first is None and read and not alike:
        requirement = "a start that repeats no key gives a new run"
        yield contradiction("ID-02", requirement, known.started or known.last, answer, expected="a new run")
    elif first is not None and first[1].id != run_id:
        yield from _not_replayed(memory, first, answer)
    elif first is not None and _clearly_other(first[0], answer.sent):
        requirement = "a key that was used with clearly different rows is refused with 409"
        yield contradiction("IDEM-05", requirement, first[1].started, answer, expected="409")
    if known is None:
        _note_beside(company, answer)
    path = path_of(SeenRun(company, run_id))
    url = at(answer.json, "poll_url")
    if isinstance(url, str) and not url.endswith(path):
        requirement = "poll_url is the path of the company and the run"
        yield contradiction("IMP-04", requirement, answer, expected=path, got=url)


def _note_beside(company: SeenCompany, answer: Answer) -> None:
    """A new run, where another one may not be over: the next poll of that one tells."""
    for run in [each for each in company.runs if each.is_alive]:
        clause = "IMP-10" if run.status == "needs_attention" else "IMP-09"
        requirement = f"no import is started beside one that is {run.status} before and after"
        said = contradiction(clause, requirement, run.last or run.started, answer, expected="409")
        run.pending.append((ALIVE, said))


def _not_replayed(memory: Memory, first: tuple[Any, SeenRun, float], answer: Answer) -> Found:
    payload, run, when = first
    if answer.ok and _clearly_other(payload, answer.sent):
        requirement = "a key that was used with clearly different rows is refused with 409"
        yield contradiction("IDEM-05", requirement, run.started, answer, expected="409")
    elif payload == _payload(answer.sent) and (run.is_alive or memory.now() - when < KEY_LASTS):
        clause = "IDEM-04" if run.is_parked else "IDEM-02" if run.status in MOVING else "IDEM-03"
        requirement = "the same start with the same key gives the existing run"
        said = contradiction(clause, requirement, run.started, answer, expected=f"run {run.id}")
        if run.is_alive and memory.now() - when >= KEY_LASTS:
            run.pending.append((ALIVE, said))
        else:
            yield said


def _clearly_other(payload: Any, sent: Any) -> bool:
    """Whether the payloads are different however they are compared (OP-07): in how many rows they have."""
    before, now = array(payload, "rows"), array(sent, "rows")
    return bool(before) and bool(now) and len(before) != len(now)


def _payload(sent: Any) -> Any:
    """What was sent, without the key."""
    return {**sent, "idempotency_key": None} if isinstance(sent, dict) else None


def note_start(memory: Memory, answer: Answer) -> None:
    """Remember a start, whoever sent it and however the company was spelled."""
    run_id = at(answer.json, "run_id") if answer.ok else None
    memory.company(answer)
    for company in memory.alike(answer.ids.get("company_id")):
        if not may_have_happened(answer):
            company.refused = answer
            continue
        known = memory.by_id.get(run_id) if isinstance(run_id, str) else None
        company.changes += known is None or known.end is None  # a replay of what is over changes nothing
        if not isinstance(run_id, str) or company.id != str(answer.ids.get("company_id")):
            company.unsure += 1
            continue
        if run_id not in memory.by_id:
            memory.met(company, run_id, answer)
        key, run = at(answer.sent, "idempotency_key"), memory.runs.get((company.id, run_id))
        if isinstance(key, str) and key and run is not None:
            company.keys.setdefault(key, (_payload(answer.sent), run, memory.now()))
