"""How often and how long a client reads a run, and what follows a 429 (POLL-21 to 28, STALE-06, RATE-04, -09, -10)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import chain, pairwise
from statistics import median
from typing import Any

from conformance.audit.card import Found, counted
from conformance.preview.client_rules.history import PARKED, RULES, History, Known, PreviewCall, elapsed, is_terminal

TOLERATED = 2
"""Reads of a run after its end: whoever reloads a page does no harm (POLL-24)."""
FAST = 1_000
"""Half of the documented two seconds."""
OFTEN = 3
"""Gaps that are too short, before they are more than a slip."""
STEADY = 8
"""Gaps from which a rhythm can be told."""
AGED = 60_000
"""The age from which on a client should have become slower."""
GROWTH = 1.2
SLOW = 10_000
"""Who starts with such gaps has no need to grow."""
MINUTE, BUDGET = 60_000, 95
HOUR = 3_600_000
AT_ONCE = 500


@RULES.add(fast=FAST)
def _first_poll_at_once(history: History) -> Iterator[Found]:
    for known in history.runs.values():
        accepted, first = known.accepted, next(iter(known.polls), None)
        if accepted and first and accepted.status == 201 and (gap := elapsed(accepted, first)) < FAST:
            yield Found([accepted, first], "the first poll came at once", f"{gap} ms")


@RULES.add(fast=FAST, often=OFTEN)
def _polls_too_fast(history: History) -> Iterator[Found]:
    for known in history.runs.values():
        short = [(one, two) for one, two in _pairs(known) if elapsed(one, two) < FAST]
        if len(short) >= OFTEN:
            gap = median(elapsed(one, two) for one, two in short)
            happened = f"{counted(len(short), 'poll')} of the run followed the one before in less than {FAST} ms"
            yield Found([*chain(*short)], happened, f"{gap:.0f} ms in the middle")


@RULES.add(steady=STEADY, aged=AGED // 1_000, slow=SLOW // 1_000)
def _interval_never_grows(history: History) -> Iterator[Found]:
    for known in history.runs.values():
        every = _pairs(known)
        for stretch in _stretches(known):
            pairs = [pair for pair in every if {each.order for each in pair} <= stretch]
            if len(pairs) < STEADY or elapsed(pairs[0][0], pairs[-1][1]) < AGED:
                continue
            gaps = [elapsed(one, two) for one, two in pairs]
            first, last = median(gaps[:3]), median(gaps[-3:])
            if first < SLOW and last < GROWTH * first:
                age = elapsed(pairs[0][0], pairs[-1][1]) // 1_000
                told = f"{first:.0f} ms at first, {last:.0f} ms after {age} s"
                yield Found([pairs[0][0], pairs[-1][1]], "the polls of the run never became rarer", told)
                break


def _pairs(known: Known) -> list[tuple[PreviewCall, PreviewCall]]:
    """Each poll and the next, where nothing came between that is a reason to read again, and the run had not ended."""
    last = math.inf if (end := known.end) is None else end.call.order
    polls = [each for each in known.polls if each.order <= last]
    acts = [each.order for each in known.decisions]
    return [
        (one, two)
        for one, two in pairwise(polls)
        if one.ok and not one.unclear and not any(one.order < act < two.order for act in acts)
    ]


def _stretches(known: Known) -> Iterator[set[int]]:
    """The places of the polls from a known start, or a decision, up to the next decision."""
    begun = known.accepted is not None and known.accepted.status == 201
    stretch: set[int] = set()
    for event in known.events:
        if event.operation == "decide" and event.ok:
            if begun:
                yield stretch
            begun, stretch = True, set()
        elif event.is_poll:
            stretch.add(event.order)
    if begun:
        yield stretch


@RULES.add(tolerated=TOLERATED)
def _polls_after_end(history: History) -> Iterator[Found]:
    for known in history.runs.values():
        end = known.end
        if end is None or end.call.ended is None:
            continue
        more = [each for each in known.polls if each.order > end.call.order and each.real >= end.call.ended]
        if len(more) > TOLERATED:
            happened = f"the run was {end.status} in exchange {end.call.id}, and was read {len(more)} times more"
            yield Found([end.call, *more], happened)


@RULES.add()
def _run_given_up_after_error(history: History) -> Iterator[Found]:
    for known in history.runs.values():
        last = known.events[-1]
        if last.is_poll and last.unclear and known.end is None:
            what = "no whole answer" if last.status is None or last.lost else f"{last.status}"
            yield Found([last], f"the last poll of the run got {what}, and the run was never read again")


@RULES.add()
def _run_given_up_early(history: History) -> Iterator[Found]:
    for known in history.runs.values():
        last = known.readings[-1] if known.readings else None
        if last is None or is_terminal(last.status) or last.status == PARKED or last.call is not known.events[-1]:
            continue
        first = known.accepted or known.events[0]
        age = elapsed(first, last.call)
        if known.polls and age < HOUR and not history.has_looked(known.company_id, history.after(last.call)):
            happened = f"the run was {last.status!r} when it was read last, {age // 1_000} s after exchange {first.id}"
            yield Found([last.call], happened)


@RULES.add(budget=BUDGET)
def _budget_spent_on_polling(history: History) -> Iterator[Found]:
    for operation in ("poll_import", "poll_export", "list_imports"):
        calls = history.calls(operation)
        spans = enumerate(zip(calls, calls[BUDGET - 1 :], strict=False))
        start = next((start for start, (first, last) in spans if elapsed(first, last) < MINUTE), None)
        if start is not None:
            found = calls[start : start + BUDGET]
            told = f"{elapsed(found[0], found[-1])} ms"
            runs = len({each.run_id for each in found})
            yield Found(found, f"{len(found)} calls of {operation} within a minute, for {counted(runs, 'run')}", told)
            return


@RULES.add(at_once=AT_ONCE)
def _retries_at_once_after_429(history: History) -> Iterator[Found]:
    for calls in _repeated(history):
        again = [
            (one, two)
            for one, two in pairwise(calls)
            if _throttled(one) and one.ended is not None and two.real >= one.ended and elapsed(one, two) < AT_ONCE
        ]
        if again:
            shortest = min(elapsed(one, two) for one, two in again)
            call = f"{calls[0].method} {calls[0].path}"
            happened = f"{call} came again at once after a 429, {counted(len(again), 'time')}"
            yield Found([*chain(*again)], happened, f"{shortest} ms at least")


@RULES.add()
def _gives_up_after_429(history: History) -> Iterator[Found]:
    for calls in _repeated(history):
        last = calls[-1]
        # What it wanted to know, or to make, it may have looked up by another call.
        can_be = last.operation in {"start_import", "list_imports"}
        otherwise = can_be and history.has_looked(last.company_id, history.after(last))
        if _throttled(last) and not last.is_poll and not otherwise:
            yield Found([last], f"{last.method} {last.path} got 429 and was never sent again")


@RULES.add()
def _run_given_up_after_429(history: History) -> Iterator[Found]:
    for known in history.runs.values():
        last = known.events[-1]
        if last.is_poll and _throttled(last) and known.end is None:
            yield Found([last], "the last poll of the run got 429, and the run was never read again")


def _throttled(call: PreviewCall) -> bool:
    return call.whole and call.status == 429


def _repeated(history: History) -> Iterable[list[PreviewCall]]:
    """The calls that ask for the same, together."""
    found: dict[tuple[Any, ...], list[PreviewCall]] = {}
    for each in history.exchanges:
        found.setdefault((each.method, each.path, each.query, each.upload_ref, each.payload), []).append(each)
    return found.values()
