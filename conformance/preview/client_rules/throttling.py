"""What a client does after a 429 (RATE-04, RATE-10)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from conformance.audit.rule import Found, counted
from conformance.preview.client_rules.history import RULES, elapsed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from conformance.preview.client_rules.client_call import PreviewCall
    from conformance.preview.client_rules.history import History

AT_ONCE = 500


@RULES.add(
    "RATE-04",
    looks_at=f"Calls that ask for the same and come less than {AT_ONCE} ms after one that got 429.",
    expected="a wait of 1 to 2 s after a 429, and longer each time",
    mend="Wait 1 to 2 s before the call is sent again, and double the wait each time; there is no Retry-After.",
    measures="from the arrival of the throttled call to the arrival of its repetition",
)
def _retries_at_once_after_429(history: History) -> Iterator[Found]:
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


@RULES.add(
    "RATE-04",
    looks_at="Calls other than polls that got 429 and were never sent again, though nothing else did their work.",
    expected="the same call once more, after a wait",
    mend="Take a 429 for `later`: nothing has happened, and the same call works within a minute.",
    closing=True,
)
def _gives_up_after_429(history: History) -> Iterator[Found]:
    for calls in _repeated(history):
        last = calls[-1]
        if _throttled(last) and not last.is_poll and not _otherwise(history, last):
            yield Found([last], f"{last.method} {last.path} got 429 and was never sent again")


def _otherwise(history: History, throttled: PreviewCall) -> bool:
    """Whether the client went on in another way: it looked up, by another call, what it wanted to know or to make."""
    later = history.after(throttled)
    return throttled.operation in {"start_import", "list_imports"} and history.has_looked(throttled.company_id, later)


@RULES.add(
    "RATE-10",
    looks_at="Runs whose last poll got 429, and that were never read again.",
    expected="polling that goes on after a 429",
    mend="A 429 says nothing about the run: wait 1 to 2 s, and poll again.",
    closing=True,
)
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
