"""Journey coverage: what a client has met, out of all that the contract and the fault language know. A pure function.

Exchanges are the JSON of `GET /_mock/requests`, which a bundle holds, too. What counts is what the client was shown,
not what the mock knows: a state that passed between two polls was not met. One more exchange at the end never takes
anything away, and what several sessions have met is the union.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import orjson

from mock_server.contract.document import data
from mock_server.faults.rules import told
from mock_server.preview.lifecycle import TRANSITIONS
from mock_server.scenarios.model import Fault, What

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mock_server.contract.document import Contract

    Exchange = Mapping[str, Any]
    """One exchange, as `GET /_mock/requests` tells it."""

TITLES = {
    "import_statuses": "statuses of an import",
    "export_statuses": "statuses of an export",
    "transitions": "transitions of an import",
    "error_codes": "error codes",
    "patch_actions": "patch actions",
    "questions": "questions",
    "decisions": "decisions",
    "faults": "faults",
}
"""The groups of what can be met, in the order in which they are told."""
OPTIONS, CUSTOM, BOTH = "with options", "with free text", "with options and free text"
ONE, SEVERAL = "one at a time", "several at a time"
APPROVE, BY_OPTION, BY_TEXT, REJECT = "approve", "approve with an option", "approve with free text", "reject"
IMPORTS = ("start_import", "poll_import", "list_imports", "decide")
EXPORTS = ("start_export", "poll_export")


class Item(NamedTuple):
    """One thing that a client can meet."""

    group: str
    """A word of `TITLES`."""
    name: str


@lru_cache(maxsize=2)
def known(contract: Contract) -> tuple[Item, ...]:
    """All that can be met, group by group, in the order of the contract."""
    schemas = contract.document["components"]["schemas"]
    names: dict[str, Iterable[str]] = {
        "import_statuses": _branches(schemas["Run"]),
        "export_statuses": _branches(schemas["ExportRun"]),
        "transitions": _legal(),
        "error_codes": _documented(contract),
        "patch_actions": _branches(schemas["PatchAction"]),
        "questions": (OPTIONS, CUSTOM, BOTH, ONE, SEVERAL),
        "decisions": (APPROVE, BY_OPTION, BY_TEXT, REJECT),
        "faults": [fault_name(fault) for fault in every_fault()],
    }
    return tuple(Item(group, name) for group in TITLES for name in names[group])


def _legal() -> Iterator[str]:
    for before, onward in TRANSITIONS.items():  # RUN-02
        yield from (f"{before} -> {after}" for after in TRANSITIONS if after in onward)


def _documented(contract: Contract) -> Iterator[str]:
    for item in contract.document["paths"].values():
        for described in item.values():
            if "operationId" in described:  # else it is about the path's parameters
                codes = (code for code in described["responses"] if int(code) >= 400)
                yield from (f"{described['operationId']} {code}" for code in codes)


def _branches(union: Mapping[str, Any]) -> Iterable[str]:
    found: Mapping[str, str] = union["discriminator"]["mapping"]
    return found


@lru_cache(maxsize=1)
def every_fault() -> tuple[Fault, ...]:
    """Each fault of the language, once for every word or status that it may have; without one where any will do."""
    schema = orjson.loads(data("openapi", "scenario.schema.json").read_bytes())
    members = schema["definitions"]["fault"]["properties"]
    return tuple(Fault(what, how) for what in get_args(What) for how in members[what].get("enum", [None]))


def fault_name(fault: Fault) -> str:
    """A fault as a scenario says it."""
    return fault.what if fault.how is None else f"{fault.what}: {fault.how}"


def met(exchanges: Iterable[Exchange], contract: Contract) -> frozenset[Item]:
    """What the client of these exchanges has met; of several sessions it is the union of what each has."""
    found: set[Item] = set()
    last: dict[str, str] = {}
    for each in sorted(exchanges, key=_turn):
        body = _told(each)
        found.update(_codes(each, contract), _faults(each), _decisions(each))
        found.update(_statuses(each, body), _transitions(each, body, last))
        if isinstance(body, dict) and isinstance(parked := body.get("needs_attention"), dict):
            found.update(_patch(parked), _questions(parked))
    return frozenset(found.intersection(known(contract)))


def _turn(exchange: Exchange) -> tuple[bool, int]:
    """The place of its effect; one that had none comes last."""
    turn = exchange["turn"]
    return turn is None, turn or 0


def _statuses(exchange: Exchange, body: Any) -> Iterator[Item]:
    group = "export_statuses" if exchange["operation"] in EXPORTS else "import_statuses"
    yield from (Item(group, status) for _, status in _sightings(exchange, body))


def _transitions(exchange: Exchange, body: Any, last: dict[str, str]) -> Iterator[Item]:
    """Two statuses of one import, one after the other; `last` is what the client was shown before, by run."""
    if exchange.get("example") is not None or exchange["operation"] not in IMPORTS:
        return
    for run_id, status in _sightings(exchange, body):
        # Whoever is told that a decision was taken knows that the run was parked (DEC-23).
        before = "needs_attention" if exchange["operation"] == "decide" else last.get(run_id)
        last[run_id] = status
        if run_id:
            yield Item("transitions", f"{before} -> {status}")


def _sightings(exchange: Exchange, body: Any) -> Iterator[tuple[str, str]]:
    """Each run that the answer shows, and its status there; "" for a run that it does not name."""
    here = None
    if isinstance(body, dict) and "status" in body:  # OP-05: the id may be said by the path alone, or not at all
        body, here = [body], exchange.get("run_id") or (exchange.get("in_flight") or {}).get("run_id")
    elif isinstance(body, dict):  # OP-08: an object with the runs in one of its members
        body = next((each for each in body.values() if isinstance(each, list)), None)
    for run in _objects(body):
        if isinstance(status := run.get("status"), str):
            run_id = run.get("run_id") or here
            yield run_id if isinstance(run_id, str) else "", status


def _told(exchange: Exchange) -> Any:
    """What the client could read of an answer about runs that was no error; None when it got nothing of the kind."""
    answer, status = exchange["answer"], exchange["status"]
    if exchange["operation"] not in {*IMPORTS, *EXPORTS} or exchange["lost"]:
        return None
    if status is None or not 200 <= status < 300:
        return None
    if "json" not in dict(answer["headers"]).get("content-type", ""):
        return None
    if answer["cut"]:  # the client got all of it, and the journal has not; but a poll shows what the run was
        return {"status": exchange.get("before")}
    return _json(answer)


def _json(part: Mapping[str, Any]) -> Any:
    try:
        return orjson.loads(part["body"]) if part["encoding"] == "utf-8" else None
    except ValueError:
        return None


def _codes(exchange: Exchange, contract: Contract) -> Iterator[Item]:
    status = exchange["status"]
    hung_up = exchange["lost"] and exchange["fault"] is None
    if status is None or status < 400 or hung_up:
        return
    operation = exchange["operation"]
    if operation is None:  # a call without an accepted key was not looked at any further
        match = contract.match(exchange["method"], exchange["path"]).operation
        operation = None if match is None else match.id
    yield Item("error_codes", f"{operation} {status}")


def _faults(exchange: Exchange) -> Iterator[Item]:
    text = exchange["fault"]
    for fault in every_fault() if text is not None else ():
        # A remark may follow; and of a fault that may have any value the verb alone is looked at.
        if text.startswith(f"{fault.what}:" if fault.how is None else told(fault)):
            yield Item("faults", fault_name(fault))


def _decisions(exchange: Exchange) -> Iterator[Item]:
    """A decision that was taken, whether or not the client got to know."""
    if exchange["operation"] != "decide" or exchange.get("example") is not None or not _was_taken(exchange):
        return
    body = _json(exchange["request"])
    if not isinstance(body, dict):
        return
    answers = [each for each in body.get("answers") or () if isinstance(each, dict)]
    if body.get("decision") == "reject":
        yield Item("decisions", REJECT)
    elif not answers:
        yield Item("decisions", APPROVE)
    for answer in answers:
        if answer.get("option_id") is not None:
            yield Item("decisions", BY_OPTION)
        if answer.get("custom") is not None:
            yield Item("decisions", BY_TEXT)


def _was_taken(exchange: Exchange) -> bool:
    if not exchange["lost"]:
        return exchange["status"] is not None and 200 <= exchange["status"] < 300
    after = exchange.get("after")
    return exchange.get("before") == "needs_attention" and after not in {None, "needs_attention"}


def _patch(parked: Mapping[str, Any]) -> Iterator[Item]:
    patch = parked.get("proposed_patch")
    for action in _objects(patch.get("actions")) if isinstance(patch, dict) else ():
        yield Item("patch_actions", str(action.get("action")))


def _questions(parked: Mapping[str, Any]) -> Iterator[Item]:
    questions = _objects(parked.get("questions"))
    if questions:
        yield Item("questions", ONE if len(questions) == 1 else SEVERAL)
    for question in questions:
        options, custom = bool(question.get("options")), question.get("allow_custom") is True
        yield Item("questions", (BOTH if custom else OPTIONS) if options else CUSTOM)


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
