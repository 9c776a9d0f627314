"""How often and how long a client reads a run (POLL-21, POLL-23, POLL-28, STALE-06, RATE-09)."""

from __future__ import annotations

from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from conformance.audit.rule import Found, Rule, counted
from conformance.preview.client_rules.history import PARKED, TERMINAL, elapsed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from conformance.audit.exchange import Seen
    from conformance.preview.client_rules.history import History, Known

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
ARRIVALS = "from the arrival of each poll to the arrival of the run's next"


def _first_at_once(history: History) -> Iterator[Found]:
    for known in history.runs.values():
        accepted = known.accepted
        if accepted is None or accepted.status != 201 or not known.polls:
            continue
        gap = elapsed(accepted, known.polls[0])
        if gap < FAST:
            yield Found([accepted, known.polls[0]], "the first poll came at once", f"{gap} ms")


def _too_fast(history: History) -> Iterator[Found]:
    for known in history.runs.values():
        short = [(one, two) for one, two in _pairs(known) if elapsed(one, two) < FAST]
        if len(short) >= OFTEN:
            gap = median(elapsed(one, two) for one, two in short)
            found = sorted({each.order: each for pair in short for each in pair}.values(), key=lambda each: each.order)
            happened = f"{counted(len(short), 'poll')} of the run followed the one before in less than {FAST} ms"
            yield Found(found, happened, f"{gap:.0f} ms in the middle")


def _never_slower(history: History) -> Iterator[Found]:
    for known in history.runs.values():
        for stretch in _stretches(known):
            pairs = [pair for pair in _pairs(known) if {each.order for each in pair} <= stretch]
            if len(pairs) < STEADY or elapsed(pairs[0][0], pairs[-1][1]) < AGED:
                continue
            gaps = [elapsed(one, two) for one, two in pairs]
            first, last = median(gaps[:3]), median(gaps[-3:])
            if first < SLOW and last < GROWTH * first:
                age = elapsed(pairs[0][0], pairs[-1][1]) // 1_000
                told = f"{first:.0f} ms at first, {last:.0f} ms after {age} s"
                yield Found([pairs[0][0], pairs[-1][1]], "the polls of the run never became rarer", told)
                break


def _pairs(known: Known) -> list[tuple[Seen, Seen]]:
    """Each poll and the next, where nothing came between that is a reason to read again, and the run had not ended."""
    ended = next((each.seen.order for each in known.readings if each.status in TERMINAL), None)
    polls = [each for each in known.polls if ended is None or each.order <= ended]
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
        elif event.poll:
            stretch.add(event.order)
    if begun:
        yield stretch


def _after_the_end(history: History) -> Iterator[Found]:
    for known in history.runs.values():
        end = next((each for each in known.readings if each.status in TERMINAL), None)
        if end is None or end.seen.ended is None:
            continue
        more = [each for each in known.polls if each.order > end.seen.order and each.real >= end.seen.ended]
        if len(more) > TOLERATED:
            happened = f"the run was {end.status} in exchange {end.seen.id}, and was read {len(more)} times more"
            yield Found([end.seen, *more], happened)


def _given_up_after_error(history: History) -> Iterator[Found]:
    for known in history.runs.values():
        last = known.events[-1] if known.events else None
        if last is not None and last.poll and last.unclear and not _ended(known):
            what = "no whole answer" if last.status is None or last.lost else f"{last.status}"
            yield Found([last], f"the last poll of the run got {what}, and the run was never read again")


def _given_up_early(history: History) -> Iterator[Found]:
    for known in history.runs.values():
        last = known.last
        if last is None or last.status in TERMINAL or last.status == PARKED or last.seen is not known.events[-1]:
            continue
        first = known.accepted or known.events[0]
        age = elapsed(first, last.seen)
        if known.polls and age < HOUR and not history.looked(known.company_id, history.after(last.seen)):
            happened = (
                f"the run was {last.status!r} when it was read for the last time, {age // 1_000} s after exchange"
            )
            yield Found([last.seen], f"{happened} {first.id}")


def _ended(known: Known) -> bool:
    return any(each.status in TERMINAL for each in known.readings)


def _budget_spent(history: History) -> Iterator[Found]:
    for operation in ("poll_import", "poll_export", "list_imports"):
        if found := _burst(history.of(operation)):
            told = f"{elapsed(found[0], found[-1])} ms"
            runs = len({each.run_id for each in found})
            yield Found(found, f"{len(found)} calls of {operation} within a minute, for {counted(runs, 'run')}", told)
            return


def _burst(calls: Sequence[Seen]) -> Sequence[Seen]:
    """The first calls that take a whole minute's budget; empty when none do."""
    for start in range(len(calls) - BUDGET + 1):
        if elapsed(calls[start], calls[start + BUDGET - 1]) < MINUTE:
            return calls[start : start + BUDGET]
    return ()


RULES = (
    Rule(
        "first-poll-at-once",
        "POLL-23",
        "note",
        f"The first poll of a run that comes less than {FAST} ms after the call that started it.",
        "about 2 s before the first poll",
        "Wait about 2 s before the first poll, too; the run is queued at that moment in any case.",
        _first_at_once,
        measures="from the arrival of the call that started the run to the arrival of its first poll",
    ),
    Rule(
        "polls-too-fast",
        "POLL-23",
        "error",
        f"Polls of one run that follow an answered one in less than {FAST} ms, {OFTEN} times or more; a decision "
        "between them is a reason to read again.",
        "about 2 s between polls at first, then more",
        "Wait 2 s after each poll, and longer as the run ages. With a frozen clock, let the wait move the session's.",
        _too_fast,
        measures=ARRIVALS,
    ),
    Rule(
        "interval-never-grows",
        "POLL-23",
        "error",
        f"{STEADY} gaps between polls or more, over {AGED // 1_000} s or more since the start or the last decision: "
        "the middle of the last three against the middle of the first three, unless those are "
        f"{SLOW // 1_000} s already.",
        "intervals that grow as the run ages",
        "Multiply the wait by a factor such as 1.3 after each poll, up to a limit such as 30 s.",
        _never_slower,
        measures=ARRIVALS,
    ),
    Rule(
        "polls-after-end",
        "POLL-21",
        "error",
        f"Polls of a run after a whole answer said `completed`, `failed` or `canceled`; {TOLERATED} are tolerated "
        "(POLL-24).",
        "no more polls after completed, failed or canceled",
        "Stop on each of the three terminal values; mind that `canceled` is one, too.",
        _after_the_end,
    ),
    Rule(
        "run-given-up-after-error",
        "POLL-28",
        "error",
        "Runs whose last poll got a 5xx, an answer that cannot be read, or none, and that were never read again.",
        "polling that goes on after a 5xx or a lost answer",
        "Take such an answer for no answer: wait, and poll again. The run is not affected.",
        _given_up_after_error,
        closing=True,
    ),
    Rule(
        "run-given-up-early",
        "STALE-06",
        "warning",
        "Runs that were last read as neither ended nor parked, less than an hour after the start.",
        "polls until the run has ended, or for more than one hour",
        "Poll until a terminal status; give up no sooner than an hour after the start. An unknown status is no end.",
        _given_up_early,
        closing=True,
    ),
    Rule(
        "budget-spent-on-polling",
        "RATE-09",
        "error",
        f"{BUDGET} calls or more within 60 s to one operation that reads runs.",
        "polls of all runs together well below 100 a minute",
        "Space the polls of concurrent runs by one shared limiter, or poll each of many runs more rarely.",
        _budget_spent,
        measures=f"from the arrival of one call to the arrival of the {BUDGET}th",
    ),
)
