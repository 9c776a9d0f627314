"""A failing case made small: what can be left out or made simpler, and fails the same way, goes.

Hypothesis' own shrinking would not do. It shrinks what it drew, and most cases come from the coverage phase, which
draws nothing; and each of its many steps would be a call in a state that has to be brought first, which at a real
target takes minutes. So a few dozen candidates are tried, and the same ones for the same answers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from conformance.fuzzing.case import PLACEHOLDER, Case
from conformance.http.answer import UNSET
from conformance.http.client import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TRIES = 40


def minimize(case: Case, fails: Callable[[Case], bool], tries: int = TRIES) -> Case:
    """The smallest case found that still fails, within so many tries; the same for the same answers."""
    tried = {case.identity}
    found = True
    while found:
        found = False
        for smaller in _smaller(case):
            if smaller.identity in tried:
                continue
            if tries <= 0:
                return case
            tries -= 1
            tried.add(smaller.identity)
            if fails(smaller):
                case, found = smaller, True
                break
    return case


def _smaller(case: Case) -> Iterator[Case]:
    if case.astray or case.key is not DEFAULT:
        yield from _less_astray(case)  # what it asks for stays right, so that nothing else is a cause (OP-24)
        return
    for query in simpler(dict(case.query)):
        if isinstance(query, dict):
            yield replace(case, query=query)
    if case.body is not UNSET:
        for body in simpler(case.body):
            yield replace(case, body=body)


def _less_astray(case: Case) -> Iterator[Case]:
    for name, text in case.ids.items():
        if len(text) > 1 and not _is_hyphenated(text):
            yield replace(case, ids={**case.ids, name: text[:1]})
            yield replace(case, ids={**case.ids, name: text[: len(text) // 2]})


def simpler(value: Any) -> Iterator[Any]:
    """Simpler values, the simplest first: without members or items, with simpler ones, shorter, zero."""
    match value:
        case dict():
            yield from _with_less(value)
        case list():
            yield from _with_fewer(value)
        case str() if value and not PLACEHOLDER.fullmatch(value):
            yield from dict.fromkeys(("", "a", value[: len(value) // 2], value[:-1]))
        case bool() | None:
            return
        case int() | float() if value not in (0, 1):
            yield from (0, 1)


def _with_less(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name in value:
        yield {each: member for each, member in value.items() if each != name}
    for name, member in value.items():
        yield from ({**value, name: simple} for simple in simpler(member))


def _with_fewer(value: list[Any]) -> Iterator[list[Any]]:
    if len(value) > 1:
        yield value[:1]
    for place in range(len(value)):
        yield value[:place] + value[place + 1 :]
    for place, item in enumerate(value):
        yield from ([*value[:place], simple, *value[place + 1 :]] for simple in simpler(item))


def _is_hyphenated(text: str) -> bool:
    """Whether it is a UUID, which is as simple as it can be."""
    return text.count("-") == 4
