"""A generated request before it is sent, what the contract requires of its answer, and how a failing one is made small.

A request is what differs from a right call; a word in braces stands for a thing of the target's, and the generation
puts it in: so the same seed draws the same cases for every target. A call is right, wrong or open: right ones are to be
taken and wrong ones refused; of the rest, what 1.15 of the fact sheet leaves open or nobody documents, only that the
server does not break down. What is answered with 404, 409 or 429 says nothing about an input.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.engine.context import has_status, status_word
from conformance.http.client import DEFAULT, Key
from conformance.http.messages import UNSET

PLACEHOLDER = re.compile(r"\{(?P<kind>[a-z]+)(?: (?P<number>[0-9]))?\}")
"""A word that stands for something of the target's."""


@dataclass(frozen=True, slots=True)
class Case:
    """One call of an operation; what is not said is as it should be."""

    operation: str
    body: Any = UNSET
    raw: bytes | None = None
    """Bytes in the place of JSON."""
    query: Mapping[str, Any] = field(default_factory=dict)
    ids: Mapping[str, str] = field(default_factory=dict)
    """Ids in the path that there are not, by parameter; the others are those of the state."""
    content_type: str | None = None
    """What is said of the body's type; None: what is right."""
    key: Key | str = DEFAULT

    @property
    def identity(self) -> str:
        """The same for two cases that send the same."""
        body = "" if self.body is UNSET else json.dumps(self.body)
        head = f"{self.operation}\n{json.dumps(dict(self.ids))}\n{self.content_type}\n{self.key}"
        return f"{head}\n{body}\n{self.raw!r}\n{json.dumps(dict(self.query))}"


ELSEWHERE = (401, 403, 404, 405, 409, 413, 415, 429)
"""Statuses whose cause is not the input: state, key, size, method, type (OP-24, OP-26, OP-35)."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A requirement of one answer."""

    clause: str
    requirement: str
    right: tuple[int, ...]
    """Statuses that fulfil it; 2 and 4 stand for all of their hundred."""
    mute: tuple[int, ...] = ()
    """Statuses that say nothing about it."""
    kind: str = "open"
    """`taken`, `refused`, `lost`, `keyless` or `open`."""

    def holds(self, status: int) -> bool | None:
        """Whether an answer of this status fulfils it; None when that says nothing."""
        if status in self.mute:
            return None
        return has_status(status, *self.right)

    @property
    def wanted(self) -> str:
        """The right statuses, to be read."""
        if self.kind == "open":
            return "anything but a failure of the server"
        return " or ".join(map(status_word, self.right))


def accept(clause: str, what: str) -> Expected:
    """A right call."""
    return Expected(clause, f"{what} is accepted", (2,), ELSEWHERE, "taken")


def refuse(clause: str, what: str, *also: int) -> Expected:
    """A wrong call; `also` are further statuses whose cause is there (OP-24)."""
    right = (400, *also)
    mute = tuple(each for each in ELSEWHERE if each not in (*right, 401))
    return Expected(clause, f"{what} is refused with {' or '.join(map(str, right))}", right, mute, "refused")


def not_found(clause: str, what: str, *also: int) -> Expected:
    """A call for what there is not."""
    right = (404, *also)
    return Expected(clause, f"{what} is not found", right, (403, 405, 409, 413, 414, 415, 429), "lost")


def open_to(what: str, *also: int) -> Expected:
    """A call whose answer is left to the implementation, as long as it is none of 5xx; `also` are 5xx that are fine."""
    right = (2, 3, 4, *also)
    return Expected("ERR-06", f"the server does not break down at {what}", right, (), "open")


def unless(expected: Expected, doubts: Iterable[str]) -> Expected:
    """What is expected where a call that would be right has these open points, too."""
    if expected.kind in ("taken", "lost"):
        for doubt in doubts:
            return open_to(doubt)
    return expected


def by_any(expected: Expected) -> Expected:
    """The same refusal by whatever 4xx: no page says which (OP-18)."""
    requirement = expected.requirement.replace("with 400", "with a 4xx")
    mute = (409, 429) if expected.kind == "lost" else (404, 409, 429)
    return replace(expected, requirement=requirement, right=(4,), mute=mute)


TRIES = 40


def minimize(case: Case, fails: Callable[[Case], bool]) -> Case:
    """The smallest case found that still fails, within so many tries; the same for the same answers."""
    tried, ahead = {case.identity}, _smaller(case)
    while len(tried) <= TRIES and (smaller := next(ahead, None)) is not None:
        if smaller.identity not in tried:
            tried.add(smaller.identity)
            if fails(smaller):
                case, ahead = smaller, _smaller(smaller)
    return case


def _smaller(case: Case) -> Iterator[Case]:
    if case.ids or case.key is not DEFAULT:  # what it asks for stays right, so that nothing else is a cause (OP-24)
        for name, text in case.ids.items():
            if len(text) > 1 and text.count("-") != 4:  # a UUID is as simple as it can be
                yield from (replace(case, ids={**case.ids, name: text[:end]}) for end in (1, len(text) // 2))
        return
    yield from (replace(case, query=query) for query in simpler(dict(case.query)))
    if case.body is not UNSET:
        yield from (replace(case, body=body) for body in simpler(case.body))


def simpler(value: Any) -> Iterator[Any]:
    """Simpler values, the simplest first: without members or items, with simpler ones, shorter, zero."""
    match value:
        case dict():
            yield from ({each: value[each] for each in value if each != name} for name in value)
            yield from ({**value, name: simple} for name, member in value.items() for simple in simpler(member))
        case list():
            if len(value) > 1:
                yield value[:1]
            yield from (value[:place] + value[place + 1 :] for place in range(len(value)))
            for place, item in enumerate(value):
                yield from ([*value[:place], simple, *value[place + 1 :]] for simple in simpler(item))
        case str() if value and not PLACEHOLDER.fullmatch(value):
            yield from dict.fromkeys(("", "a", value[: len(value) // 2], value[:-1]))
        case bool() | None:
            return
        case int() | float() if value not in (0, 1):
            yield from (0, 1)
