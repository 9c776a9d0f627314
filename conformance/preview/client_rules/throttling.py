"""What a client does after a 429 (RATE-04, RATE-10)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from conformance.audit.rule import Found, Rule, counted
from conformance.preview.client_rules.history import TERMINAL, elapsed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from conformance.audit.exchange import Seen
    from conformance.preview.client_rules.history import History

AT_ONCE = 500


def _at_once(history: History) -> Iterator[Found]:
    for calls in _repeated(history):
        again = [
            (one, two)
            for one, two in pairwise(calls)
            if _throttled(one) and one.ended is not None and two.real >= one.ended and elapsed(one, two) < AT_ONCE
        ]
        if again:
            shortest = min(elapsed(one, two) for one, two in again)
            found = sorted({each.order: each for pair in again for each in pair}.values(), key=lambda each: each.order)
            told = f"{shortest} ms at least"
            happened = (
                f"{found[0].method} {found[0].path} came again at once after a 429, {counted(len(again), 'time')}"
            )
            yield Found(found, happened, told)


def _gives_up(history: History) -> Iterator[Found]:
    for calls in _repeated(history):
        last = calls[-1]
        if _throttled(last) and not last.poll and not _otherwise(history, last):
            yield Found([last], f"{last.method} {last.path} got 429 and was never sent again")


def _otherwise(history: History, throttled: Seen) -> bool:
    """Whether the client went on in another way: it looked up, by another call, what it wanted to know or to make."""
    later = history.after(throttled)
    return throttled.operation in {"start_import", "list_imports"} and history.looked(throttled.company_id, later)


def _run_given_up(history: History) -> Iterator[Found]:
    for known in history.runs.values():
        last = known.events[-1] if known.events else None
        ended = any(each.status in TERMINAL for each in known.readings)
        if last is not None and last.poll and _throttled(last) and not ended:
            yield Found([last], "the last poll of the run got 429, and the run was never read again")


def _throttled(seen: Seen) -> bool:
    return seen.whole and seen.status == 429


def _repeated(history: History) -> Iterable[list[Seen]]:
    """The calls that ask for the same, together."""
    found: dict[tuple[Any, ...], list[Seen]] = {}
    for each in history.exchanges:
        found.setdefault((each.method, each.path, each.query, each.upload_ref, each.payload), []).append(each)
    return found.values()


RULES = (
    Rule(
        "retries-at-once-after-429",
        "RATE-04",
        "error",
        f"Calls that ask for the same and come less than {AT_ONCE} ms after one that got 429.",
        "a wait of 1 to 2 s after a 429, and longer each time",
        "Wait 1 to 2 s before the call is sent again, and double the wait each time; there is no Retry-After.",
        _at_once,
        measures="from the arrival of the throttled call to the arrival of its repetition",
    ),
    Rule(
        "gives-up-after-429",
        "RATE-04",
        "error",
        "Calls other than polls that got 429 and were never sent again, though nothing else did their work.",
        "the same call once more, after a wait",
        "Take a 429 for `later`: nothing has happened, and the same call works within a minute.",
        _gives_up,
        closing=True,
    ),
    Rule(
        "run-given-up-after-429",
        "RATE-10",
        "error",
        "Runs whose last poll got 429, and that were never read again.",
        "polling that goes on after a 429",
        "A 429 says nothing about the run: wait 1 to 2 s, and poll again.",
        _run_given_up,
        closing=True,
    ),
)
