"""What a client of the Preview API can meet: statuses and transitions of runs, patch actions, questions, decisions."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mock_server.contract import document
from mock_server.coverage.items import ERROR_CODES, FAULTS, Coverage, Item, parse_sources
from mock_server.preview.lifecycle import TRANSITIONS

if TYPE_CHECKING:
    from mock_server.contract.document import Contract
    from mock_server.recording.exchange import RecordedExchange

SOURCES = Path(__file__).with_name("coverage_sources.json")
"""What shows each item; `make tables` works it out from the plays of the built-in scenarios and writes it."""
TITLES = {
    "import_statuses": "statuses of an import",
    "export_statuses": "statuses of an export",
    "transitions": "transitions of an import",
    ERROR_CODES: "error codes",
    "patch_actions": "patch actions",
    "questions": "questions",
    "decisions": "decisions",
    FAULTS: "faults",
}
OPTIONS, CUSTOM, BOTH = "with options", "with free text", "with options and free text"
ONE, SEVERAL = "one at a time", "several at a time"
APPROVE, BY_OPTION, BY_TEXT, REJECT = "approve", "approve with an option", "approve with free text", "reject"


@lru_cache(maxsize=1)
def coverage() -> Coverage:
    """The coverage of the Preview API."""
    contract = document.load()
    names = {
        "import_statuses": _branches(contract, "Run"),
        "export_statuses": _branches(contract, "ExportRun"),
        # RUN-02
        "transitions": [
            f"{one} -> {other}" for one in TRANSITIONS for other in TRANSITIONS if other in TRANSITIONS[one]
        ],
        "patch_actions": _branches(contract, "PatchAction"),
        "questions": [OPTIONS, CUSTOM, BOTH, ONE, SEVERAL],
        "decisions": [APPROVE, BY_OPTION, BY_TEXT, REJECT],
    }
    return Coverage(contract, TITLES, names, meet, lambda: parse_sources(SOURCES.read_bytes()))


def _branches(contract: Contract, union: str) -> list[str]:
    return list(contract.document["components"]["schemas"][union]["discriminator"]["mapping"])


def meet(exchange: RecordedExchange, last: dict[str, str]) -> Iterator[Item]:
    """What the client was shown by this exchange; `last` holds the status that it saw last, by run."""
    yield from _decisions(exchange)
    operation = document.load().operations.get(exchange.operation or "")
    if operation is None or operation.run is None:
        return
    body = _readable(exchange)
    statuses = list(_statuses(exchange, body))
    yield from (Item(f"{operation.run}_statuses", status) for _, status in statuses)
    if operation.run == "import" and exchange.example is None:
        yield from _transitions(exchange, statuses, last)
    if isinstance(body, dict) and isinstance(parked := body.get("needs_attention"), dict):
        patch, questions = parked.get("proposed_patch"), _objects(parked.get("questions"))
        for action in _objects(patch.get("actions")) if isinstance(patch, dict) else ():
            yield Item("patch_actions", str(action.get("action")))
        if questions:
            yield Item("questions", ONE if len(questions) == 1 else SEVERAL)
        for question in questions:
            options, custom = bool(question.get("options")), question.get("allow_custom") is True
            yield Item("questions", (BOTH if custom else OPTIONS) if options else CUSTOM)


def _readable(exchange: RecordedExchange) -> Any:
    """What the client could read of an answer about runs that was no error; None when it got nothing of the kind."""
    answer = exchange.answer
    if exchange.lost or not exchange.succeeded or "json" not in (answer.header("content-type") or ""):
        return None
    if answer.cut:  # the client got all of it, and the journal has not; but a poll shows what the run was
        return {"status": exchange.before}
    return answer.json()


def _statuses(exchange: RecordedExchange, body: Any) -> Iterator[tuple[str, str]]:
    """Each run that the answer shows, and its status there; "" for a run that it does not name."""
    here = None
    if isinstance(body, dict) and "status" in body:  # OP-05: the id may be said by the path alone, or not at all
        body, here = [body], exchange.run_id or exchange.flight
    elif isinstance(body, dict):  # OP-08: an object with the runs in one of its members
        body = next((each for each in body.values() if isinstance(each, list)), None)
    for run in _objects(body):
        if isinstance(status := run.get("status"), str):
            run_id = run.get("run_id") or here
            yield run_id if isinstance(run_id, str) else "", status


def _transitions(exchange: RecordedExchange, statuses: list[tuple[str, str]], last: dict[str, str]) -> Iterator[Item]:
    for run_id, status in statuses:
        # Whoever is told that a decision was taken knows that the run was parked (DEC-23).
        before = "needs_attention" if exchange.operation == "decide" else last.get(run_id)
        last[run_id] = status
        if run_id:
            yield Item("transitions", f"{before} -> {status}")


def _decisions(exchange: RecordedExchange) -> Iterator[Item]:
    """A decision that was taken, whether or not the client got to know."""
    was_taken = exchange.succeeded
    if exchange.lost or (exchange.fault or "").startswith("twice"):
        was_taken = exchange.before == "needs_attention" and exchange.after not in {None, "needs_attention"}
    if exchange.operation != "decide" or exchange.example is not None or not was_taken:
        return
    body = exchange.request.json()
    if not isinstance(body, dict):
        return
    answers = _objects(body.get("answers"))
    if body.get("decision") == "reject":
        yield Item("decisions", REJECT)
    elif not answers:
        yield Item("decisions", APPROVE)
    for answer in answers:
        if answer.get("option_id") is not None:
            yield Item("decisions", BY_OPTION)
        if answer.get("custom") is not None:
            yield Item("decisions", BY_TEXT)


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
