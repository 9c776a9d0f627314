"""Coverage: what a client has met, out of all that can be met. Pure functions of a journal.

What counts is what the client was shown, not what the mock knows: a state that passed between two polls was not met.
One more exchange at the end never takes anything away, and what several sessions have met is the union. What there is
to meet beside error codes and faults, a generation of the API says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

import jsonschema_rs
import orjson

from mock_server.contract.messages import complaint
from mock_server.contract.yaml_schema import load_schema
from mock_server.coverage.journals import told_by
from mock_server.faults.kinds import FAULTS as KINDS
from mock_server.recording.exchange import RecordedExchange, in_order
from mock_server.session.bundle import BadBundle, opened

if TYPE_CHECKING:
    from mock_server.contract.document import Contract
    from mock_server.faults.model import Fault
    from mock_server.session.generation import Generation

ERROR_CODES, FAULTS = "error_codes", "faults"
"""The groups that every generation has."""


class Item(NamedTuple):
    """One thing that a client can meet."""

    group: str
    name: str


@dataclass(frozen=True)
class Coverage:
    """What the clients of one generation of the API can meet, and how to come to it."""

    contract: Contract
    titles: Mapping[str, str]
    """The groups, in order, each with its title."""
    names: Mapping[str, Sequence[str]]
    """The items of the groups that are the generation's own."""
    meet: Callable[[RecordedExchange, dict[str, str]], Iterable[Item]]
    """What an exchange shows of those groups; the dict holds what earlier exchanges have shown, by run."""
    sources: Callable[[], Mapping[Item, Mapping[str, Any]]]
    """What shows each item: a scenario and its play, or what to ask for."""

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """All that can be met, group by group."""
        answers = ((name, self.contract.described(name)["responses"]) for name in self.contract.operations)
        names: Mapping[str, Sequence[str]] = {
            **self.names,
            ERROR_CODES: [f"{name} {code}" for name, codes in answers for code in codes if int(code) >= 400],
            FAULTS: [fault.name for fault in every_fault()],
        }
        return tuple(Item(group, name) for group in self.titles for name in names[group])

    def met(self, exchanges: Iterable[Mapping[str, Any]]) -> frozenset[Item]:
        """What the client of these exchanges, as JSON, has met; of several sessions the union of what each has."""
        items: set[Item] = set()
        last: dict[str, str] = {}
        for each in in_order(exchanges):
            items.update(_error_codes(each, self.contract), _faults(each), self.meet(each, last))
        return frozenset(items.intersection(self.items))

    def describe(self, met: frozenset[Item]) -> dict[str, Any]:
        """The coverage as JSON; each item that was not met says what shows it."""
        sources, groups = self.sources(), []
        for group, title in self.titles.items():
            items = [item for item in self.items if item.group == group]
            members = [
                {"item": item.name, "met": item in met} | ({} if item in met else {"shown_by": sources.get(item, {})})
                for item in items
            ]
            groups.append({"group": group, "title": title, **_count(met, items), "items": members})
        return {**_count(met, self.items), "groups": groups}


def coverage_of(generation: Generation) -> Coverage:
    """What the clients of this generation can meet."""
    if generation.coverage is None:
        titles = {ERROR_CODES: "error codes", FAULTS: "faults"}
        return Coverage(generation.contract, titles, {}, lambda *_: (), dict)
    coverage: Coverage = generation.coverage()
    return coverage


def _count(met: frozenset[Item], items: Sequence[Item]) -> dict[str, Any]:
    """How many of how many; the percentage is rounded down, so that 100 means all."""
    count = sum(item in met for item in items)
    return {"met": count, "of": len(items), "percent": count * 1_000 // len(items) / 10}


def parse_sources(raw: bytes) -> dict[Item, dict[str, Any]]:
    """What shows each item, from the file that `make tables` writes."""
    groups = orjson.loads(raw)
    return {Item(group, name): source for group, sources in groups.items() for name, source in sources.items()}


@lru_cache(maxsize=1)
def every_fault() -> tuple[Fault, ...]:
    """Each fault of the language, once for every word or status that it may have; without one where any will do."""
    members = load_schema("scenario")["definitions"]["fault"]["properties"]
    return tuple(kind(value) for verb, kind in KINDS.words.items() for value in members[verb].get("enum", [None]))


def _error_codes(exchange: RecordedExchange, contract: Contract) -> Iterator[Item]:
    hung_up = exchange.lost and exchange.fault is None
    if exchange.status is None or exchange.status < 400 or hung_up:
        return
    operation = exchange.operation
    if operation is None:  # a call without an accepted key was not looked at any further
        match = contract.match(exchange.method, exchange.path).operation
        operation = None if match is None else match.id
    yield Item(ERROR_CODES, f"{operation} {exchange.status}")


def _faults(exchange: RecordedExchange) -> Iterator[Item]:
    text = exchange.fault or ""
    for fault in every_fault():
        # A remark may follow; and of a fault that may have any value the verb alone is looked at.
        if text.startswith(f"{fault.verb}:" if fault.value is None else str(fault)):
            yield Item(FAULTS, fault.name)


class BadFile(Exception):
    """The file tells of no client; the text says why."""


def read(raw: bytes, coverage: Coverage) -> dict[str, Any]:
    """What was met (a set of items), and in which journals' exchanges."""
    try:
        content = orjson.loads(raw)
    except ValueError as error:
        raise BadFile(f"it is no whole JSON, perhaps truncated: {error}") from None
    match content:
        case {"bundle": _}:
            try:
                content = opened(raw, coverage.contract.version, partial=True)
            except BadBundle as bad:
                raise BadFile(str(bad)) from None
            return _of_exchanges(raw, content, "exchanges", coverage)
        case {"requests": _}:
            return _of_exchanges(raw, content, "requests", coverage)
        case {"groups": _}:
            return _of_coverage(raw, content, coverage)
    calls = "GET /_mock/bundle, /_mock/requests and /_mock/coverage"
    raise BadFile(f"it is no bundle, journal or coverage; {calls} give one")


def _of_exchanges(raw: bytes, content: dict[str, Any], name: str, coverage: Coverage) -> dict[str, Any]:
    _refuse(_journal(name), content)
    session, dropped = content.get("session", _unnamed(raw)), content.get("dropped", 0)
    return {"met": coverage.met(content[name]), "journals": told_by(session, content[name], dropped)}


def _of_coverage(raw: bytes, content: dict[str, Any], coverage: Coverage) -> dict[str, Any]:
    _refuse(load_schema("coverage"), content)
    items = {Item(group["group"], each["item"]): each["met"] for group in content["groups"] for each in group["items"]}
    if strange := items.keys() ^ set(coverage.items):
        item = min(strange)
        where = "there" if item in items else "here"
        raise BadFile(f"another version of vern-mock made it: {item.group} {item.name!r} is known only {where}")
    there = frozenset(item for item, is_met in items.items() if is_met)
    count, dropped = content["exchanges"], content["forgotten"]
    alone = {"session": _unnamed(raw), "exchanges": [[dropped + 1, dropped + count]][:count], "dropped": dropped}
    return {"met": there, "journals": content.get("journals", [alone])}


def _unnamed(raw: bytes) -> str:
    """The session of a file that an earlier version made, which named none."""
    return f"file-{sha256(raw).hexdigest()}"


def _refuse(schema: dict[str, Any], content: dict[str, Any]) -> None:
    if (wrong := complaint(jsonschema_rs.Draft202012Validator(schema), content, schema)) is not None:
        raise BadFile(wrong)


def _journal(name: str) -> dict[str, Any]:
    """The schema of an object with exchanges: as in a bundle, but for what a bundle's alone must have."""
    bundle = load_schema("bundle")
    exchange = bundle["properties"]["exchanges"]["items"]
    exchange = {**exchange, "properties": exchange["properties"] | {"at": {"type": ["string", "null"]}}}
    members = {name: {"type": "array", "items": exchange}, "dropped": {"type": "integer", "minimum": 0}}
    members["session"] = {"type": ["string", "null"]}
    return {"type": "object", "required": [name], "properties": members, "$defs": bundle["$defs"]}
