"""How an answer differs from the contract in shape, clause by clause; no differences is the verdict that it does not.

Whatever 1.15 of the fact sheet accepts for an open point is no difference here. Only whole answers are judged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conformance.preview import bodies
from conformance.preview.bodies import Difference
from mock_server.contract import clause_map
from mock_server.contract import document as contract

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.http.answer import Answer

ERRORS = (400, 401, 404, 409, 429, 500)  # ERR-06
UNJUDGED = (403, 405, 413)  # OP-35
THROTTLED = {"error": "Too many requests"}  # RATE-02
__all__ = ["Difference", "differences"]

# The docs have no table of errors for these, so any of the shared ones is fine: OP-04, OP-18.
WITHOUT_TABLE = ("request_upload", "start_export", "poll_export")
ANY_2XX = ("request_upload", "start_export")  # OP-04, OP-40


def differences(operation_id: str | None, answer: Answer, *, to_the_letter: bool = False) -> list[Difference]:
    """How the answer differs from what the contract lets the operation answer; [] when it does not.

    `to_the_letter`: nor may it read an open point otherwise than the contract itself has it written down.
    """
    status = answer.status
    if operation_id is None or status is None or answer.repeated or _unjudged(operation_id, answer):
        return []
    if 200 <= status < 300:
        found = _success(operation_id, answer)
    elif not _documented(operation_id, answer):
        found = iter([Difference("ERR-06", f"{status}: the contract documents no such answer")])
    else:
        found = _error(answer)
    told = list(dict.fromkeys(found)) or (list(_literal(operation_id, status, answer)) if to_the_letter else [])
    return [Difference(each.clause, answer.clean(each.text)) for each in told]


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


def _unjudged(operation_id: str, answer: Answer) -> bool:
    """Whether 1.15 leaves this status to the implementation."""
    sent_as = answer.exchange.request_headers.get("content-type")
    return (
        answer.status in UNJUDGED
        or (answer.status == 415 and sent_as != "application/json")  # OP-26
        or (answer.status == 501 and operation_id == "export_csv" and "sheet_id" not in answer.query)  # CSV-02
        or (operation_id == "list_imports" and answer.query.get("status", "active") != "active")  # OP-10
        or (
            operation_id == "list_imports" and not answer.ok and bool(answer.query.keys() & {"limit", "cursor"})
        )  # OP-08
    )


def _documented(operation_id: str, answer: Answer) -> bool:
    status = answer.status
    if operation_id in WITHOUT_TABLE and status in ERRORS:
        return True
    if operation_id == "start_export" and status is not None and 400 <= status < 500:  # OP-18
        return True
    if status in (400, 404) and not all(bodies.is_uuid(each) for each in answer.ids.values() if each):  # OP-23
        return True
    return str(status) in _responses(operation_id)


def _responses(operation_id: str) -> dict[str, Any]:
    found: dict[str, Any] = contract.load().described(operation_id)["responses"]
    return found


def _error(answer: Answer) -> Iterator[Difference]:
    """Errors are alike everywhere: one object with one text."""
    body = answer.json
    text = body.get("error") if isinstance(body, dict) else None
    if not isinstance(text, str) or not text:
        got = answer.problem or f"got {answer.text[:200]}"
        yield Difference("ERR-01", f"{answer.status}: expected an object with a text in `error`; {got}")
        return
    if others := sorted(name for name in body if name != "error"):
        yield Difference(
            "ERR-02", f"{answer.status}: expected `error` as the only member; also got {', '.join(others)}"
        )
    if answer.status == 429 and text != THROTTLED["error"]:
        yield Difference("RATE-02", f"429: expected the error {THROTTLED['error']!r}, got {text[:200]!r}")
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
    if operation_id not in ANY_2XX and not _expected_2xx(operation_id, answer):
        case = "active" if "status" in answer.query else "rows" if bodies.inline(answer) else ""
        clause = clause_map.code_clause(contract.load(), operation_id, case)
        yield Difference(clause or "ERR-06", f"{answer.status}: the contract documents another code of success")
        return
    if not answer.readable:
        yield Difference("FMT-01", f"{answer.status}: {answer.problem}")
        return
    yield from _content_type(answer)
    yield from bodies.differences(operation_id, answer)


def _expected_2xx(operation_id: str, answer: Answer) -> bool:
    if operation_id == "start_import":  # which codes a replay may have is told by the check of IDEM-07, OP-06
        return answer.status == 201 or bodies.may_replay(answer)
    return str(answer.status) in _responses(operation_id)


def _download(answer: Answer) -> Iterator[Difference]:
    clause, kind = ("CSV-01", "text/csv") if "sheet_id" in answer.query else ("CSV-02", "application/zip")
    disposition = answer.headers.get("content-disposition", "")
    if answer.status != 200:
        yield Difference(clause, f"expected 200, got {answer.status}")
    if answer.media_type != kind:
        yield Difference(clause, f"expected the content type {kind}, got {answer.headers.get('content-type', 'none')}")
    elif not disposition.lower().startswith("attachment"):
        yield Difference(clause, f"expected Content-Disposition: attachment, got {disposition or 'none'}")
