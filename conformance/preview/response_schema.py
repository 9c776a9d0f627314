"""How an answer differs from the contract in shape, clause by clause; no differences is the verdict that it does not.

Whatever 1.15 of the fact sheet accepts for an open point is no difference here. Only whole answers are judged.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from conformance.engine.context import cut
from conformance.preview import tolerant_schema
from conformance.preview.bodies import STATUSES, TERMINAL, at, entries, is_uuid, listed
from mock_server.contract import clause_map
from mock_server.contract import document as contract

if TYPE_CHECKING:
    from conformance.http.messages import Answer

ERRORS = (400, 401, 404, 409, 429, 500)  # ERR-06
UNJUDGED = (403, 405, 413)  # OP-35
THROTTLED = "Too many requests"  # RATE-02

EXPRESSION = jsonschema_rs.Draft202012Validator({"format": "regex"}, validate_formats=True)


@cache
def leaves_open(operation_id: str, *open_points: str) -> bool:
    """Whether the contract marks the operation, or one of its answers, with one of these open points."""
    described = contract.load().described(operation_id)
    marks = [each.get("x-open-points", ()) for each in (described, *described["responses"].values())]
    return not set(open_points).isdisjoint(chain(*marks))


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is wrong with an answer: the clause that it breaks, and what is wrong."""

    clause: str
    text: str
    place: str = ""
    """The clause of the place, where another one says more: a member has another name (FMT-02) or a number is text."""


def differences(operation_id: str | None, answer: Answer, *, to_the_letter: bool = False) -> list[Difference]:
    """How the answer differs from what the contract lets the operation answer; [] when it does not.

    `to_the_letter`: nor may it read an open point otherwise than the contract itself has it written down.
    """
    status = answer.status
    if operation_id is None or status is None or answer.repeated or _is_left_open(operation_id, answer):
        return []
    if 200 <= status < 300:
        found = _success(operation_id, answer)
    elif not _is_documented(operation_id, answer):
        found = iter([Difference("ERR-06", f"{status}: the contract documents no such answer")])
    else:
        found = _error(answer)
    told = list(dict.fromkeys(found)) or (list(_literal(operation_id, status, answer)) if to_the_letter else [])
    return [replace(each, text=answer.clean(each.text)) for each in told]


def cut_off(answer: Answer) -> str:
    """The clause that an answer breaks which is begun and does not come whole."""
    if answer.operation != "export_csv":
        return "FMT-01"
    return "CSV-01" if "sheet_id" in answer.query else "CSV-02"


def _literal(operation_id: str, status: int, answer: Answer) -> Iterator[Difference]:
    """What the contract's own schema says against the answer, under the first clause that it names for it."""
    known = contract.load()
    named = [clause for each in (status, 201, 200) for clause in known.clauses(operation_id, each)]
    if operation_id == "list_imports" and "status" not in answer.query:
        named = [clause for clause in named if clause.startswith("HIST")]
    for text in known.complaints(operation_id, status, answer.headers.get("content-type"), answer.json):
        yield Difference(named[0], text)


def _is_left_open(operation_id: str, answer: Answer) -> bool:
    """Whether 1.15 leaves this status to the implementation."""
    sent_as = answer.exchange.request_headers.get("content-type")
    match operation_id:
        case "export_csv" if answer.status == 501 and "sheet_id" not in answer.query:  # CSV-02
            return True
        case "list_imports" if answer.query.get("status", "active") != "active":  # OP-10
            return True
        case "list_imports" if not answer.ok and answer.query.keys() & {"limit", "cursor"}:  # OP-08
            return True
    return answer.status in UNJUDGED or (answer.status == 415 and sent_as != "application/json")  # OP-26


def _is_documented(operation_id: str, answer: Answer) -> bool:
    status = answer.status
    if status in ERRORS and leaves_open(operation_id, "OP-04", "OP-18"):  # no table of errors: any of the shared ones
        return True
    if operation_id == "start_export" and status is not None and 400 <= status < 500:  # OP-18
        return True
    if status in (400, 404) and not all(is_uuid(each) for each in answer.ids.values() if each):  # OP-23
        return True
    return str(status) in contract.load().described(operation_id)["responses"]


def _error(answer: Answer) -> Iterator[Difference]:
    """Errors are alike everywhere: one object with one text."""
    body = answer.json
    text = body.get("error") if isinstance(body, dict) else None
    if not isinstance(text, str) or not text:
        got = answer.problem or f"got {cut(answer.text, 200)}"
        yield Difference("ERR-01", f"{answer.status}: expected an object with a text in `error`; {got}")
        return
    if others := sorted(name for name in body if name != "error"):
        yield Difference(
            "ERR-02", f"{answer.status}: expected `error` as the only member; also got {', '.join(others)}"
        )
    if answer.status == 429 and text != THROTTLED:
        yield Difference("RATE-02", f"429: expected the error {THROTTLED!r}, got {text[:200]!r}")
    if answer.status == 429 and "retry-after" in answer.headers:
        yield Difference("RATE-03", f"429: expected no Retry-After, got {answer.headers['retry-after']!r}")
    yield from _content_type(answer)


def _content_type(answer: Answer) -> Iterator[Difference]:
    declared = answer.headers.get("content-type", "")
    charset = declared.lower().partition("charset=")[2].strip(" \"'")
    if answer.media_type != "application/json" or charset not in ("", "utf-8", "utf8"):
        got = declared or "none"
        yield Difference("FMT-01", f"{answer.status}: expected the content type application/json in UTF-8, got {got}")


def _success(operation_id: str, answer: Answer) -> Iterator[Difference]:
    if operation_id == "export_csv":
        yield from _download(answer)
        return
    expected = str(answer.status) in contract.load().described(operation_id)["responses"]
    if operation_id == "start_import":  # which codes a replay may have is told by the check of IDEM-07, OP-06
        expected = answer.status == 201 or _has_sent(answer, "idempotency_key")
    if not expected and not leaves_open(operation_id, "OP-04", "OP-40"):
        case = "active" if "status" in answer.query else "rows" if _has_sent(answer, "rows") else ""
        clause = clause_map.code_clause(contract.load(), operation_id, case)
        yield Difference(clause or "ERR-06", f"{answer.status}: the contract documents another code of success")
        return
    if not answer.readable:
        yield Difference("FMT-01", f"{answer.status}: {answer.problem}")
        return
    yield from _content_type(answer)
    yield from _body(operation_id, answer)


def _download(answer: Answer) -> Iterator[Difference]:
    clause, kind = cut_off(answer), "text/csv" if "sheet_id" in answer.query else "application/zip"
    disposition = answer.headers.get("content-disposition", "")
    if answer.status != 200:
        yield Difference(clause, f"expected 200, got {answer.status}")
    if answer.media_type != kind:
        yield Difference(clause, f"expected the content type {kind}, got {answer.headers.get('content-type', 'none')}")
    elif not disposition.lower().startswith("attachment"):
        yield Difference(clause, f"expected Content-Disposition: attachment, got {disposition or 'none'}")


def _body(operation_id: str, answer: Answer) -> Iterator[Difference]:
    """How the body differs from what the operation answers; of a union the branch that the body itself names."""
    body = answer.json
    match operation_id:
        case "list_imports" if "status" in answer.query:
            yield from _active(body)
        case "list_imports":
            yield from _history(body)
        case "decide":
            decision = str(at(answer.sent, "decision"))
            name = {"approve": "Approved", "reject": "Rejected"}.get(decision, "DecisionTaken")
            yield from _against(name, operation_id, decision, body)
        case "start_import" | "start_export":  # by a key, it may be about a run that was started before (OP-06)
            kind = "Import" if operation_id == "start_import" else "Export"
            name = f"{kind}Replayed" if _has_sent(answer, "idempotency_key") else f"{kind}Started"
            yield from _against(name, operation_id, "rows" if _has_sent(answer, "rows") else "", body)
        case _:
            yield from _against(_schema_of(operation_id), operation_id, str(at(body, "status")), body)
            if operation_id == "list_templates":
                yield from _expressions(body)


@cache
def _schema_of(operation_id: str) -> str:
    media = contract.load().successes(operation_id)[0]["content"]["application/json"]
    return str(media["schema"]["$ref"].rpartition("/")[2])


def _has_sent(answer: Answer, member: str) -> bool:
    return isinstance(answer.sent, dict) and member in answer.sent


def _active(body: Any) -> Iterator[Difference]:
    if not isinstance(body, dict):
        yield Difference("ACT-03", "expected one object")
    elif "run" in body:
        if body["run"] is not None:
            yield Difference("ACT-01", "/run: expected the run's own members at the top, got them wrapped")
    elif body.get("status") in TERMINAL:
        yield Difference("ACT-05", f"/status: expected a run that is not over, got {body['status']}")
    else:
        yield from _against("Run", "list_imports", str(at(body, "status")), body)


def _history(body: Any) -> Iterator[Difference]:
    """OP-08: any envelope; of the items only what a run has everywhere, where they have it."""
    if not any(isinstance(each, list) for each in (body.values() if isinstance(body, dict) else [body])):
        yield Difference("HIST-01", "expected a list of runs, bare or as a member of an object")
    for number, item in enumerate(entries(body) or ()):
        if not isinstance(item, dict):
            continue
        if "run_id" in item and not is_uuid(item["run_id"]):
            yield Difference("ID-01", f"item {number}, /run_id: expected a UUID")
        if "status" in item and item["status"] not in STATUSES:
            yield Difference("RUN-01", f"item {number}, /status: expected one of {', '.join(STATUSES)}")


def _against(name: str, operation: str, status: str, body: Any) -> Iterator[Difference]:
    """The body against one of the relaxed schemas; a mistake that all items of a list share is told once."""
    try:
        errors = list(tolerant_schema.validator(name).iter_errors(_plain(body)))
    except (ValueError, RecursionError):
        yield Difference("FMT-01", "the body is nested too deeply to be read")
        return
    mistyped = {tuple(error.instance_path) for error in errors if error.kind.name == "type"}
    told: set[tuple[str, ...]] = set()
    for error in errors:
        path = tuple(error.instance_path)
        if path in mistyped and error.kind.name != "type":
            continue  # what has the wrong type breaks other rules only because of it
        if error.kind.name == "required":
            path = (*path, error.kind.property)
        place = tuple("*" if isinstance(part, int) else part for part in path)
        if (*place, error.kind.name) not in told:
            told.add((*place, error.kind.name))
            where = "/" + "/".join(map(str, path))
            clause = clause_map.answer_clause(contract.load(), operation, place, error.kind.name, status)
            assert clause is not None, f"{operation} has no clause for {place}"  # noqa: S101 - the contract's own table
            yield Difference(_form(place, error) or clause, f"{where}: {_describe(error)}", clause)


def _form(place: tuple[str, ...], error: Any) -> str | None:
    """The clause of a member that is there in another form than the documented one: under another name, as a text."""
    if error.kind.name == "required" and _fold(place[-1]) in map(_fold, error.instance):
        return "FMT-02"
    if error.kind.name != "type" or "integer" not in error.kind.types:
        return None
    text = error.instance.strip("+-").replace(".", "", 1) if isinstance(error.instance, str) else ""
    return "FMT-03" if isinstance(error.instance, float) or text.isdigit() else None


def _describe(error: Any) -> str:
    match error.kind.name:
        case "required":
            near = [name for name in error.instance if _fold(name) == _fold(error.kind.property)]
            return "expected this member, got " + (f"{near[0]}" if near else "none")
        case "type" if error.kind.types == ["null"]:
            return "expected no such member in this status"
        case "type":
            return f"expected {' or '.join(error.kind.types)}, got {_kind(error.instance)}"
    text = contract.described_error(error)
    return text if len(text) <= 300 else f"{text[:300]}…"


def _expressions(body: Any) -> Iterator[Difference]:
    """TPL-04: an expression compiles, in one dialect or another."""
    for column in chain(*(listed(each, "columns") for each in listed(body, "templates"))):
        if isinstance(rule := column.get("strictRule"), str) and not _compiles(rule):
            yield Difference("TPL-04", f"strictRule: expected a regular expression, got {rule[:200]!r}")


def _compiles(expression: str) -> bool:
    if EXPRESSION.is_valid(expression):
        return True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(expression)
    except (re.error, ValueError, RecursionError, OverflowError):
        return False
    return True


def _plain(value: Any) -> Any:
    """The body for the validator: no whole number passes as an integer when it was sent with a fraction (FMT-03)."""
    match value:
        case float():
            return 0.5
        case str():
            return value.encode("utf-8", "replace").decode()  # half a surrogate pair is no text to the validator
        case list():
            return [_plain(each) for each in value]
        case dict():
            return {_plain(name): _plain(each) for name, each in value.items()}
    return value


def _kind(value: Any) -> str:
    if isinstance(value, float):
        return "a number with a fraction"
    kinds = {bool: "a boolean", str: "a string", int: "an integer", list: "an array", dict: "an object"}
    return kinds.get(type(value), "null")


def _fold(name: str) -> str:
    return name.replace("_", "").lower()
