"""The rate limit's rule: so many calls in any 60 seconds, for each key and operation (RATE-01, RATE-05, OP-25).

A budget is a deque of the instants at which calls passed. A refused call is not counted and has no effect (RATE-07).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Sequence

WINDOW = 60_000


def admit(budgets: Sequence[tuple[deque[int], int]], now: int) -> bool:
    """True, and the call is counted in each budget, when each saw fewer calls than its limit in the last 60 s."""
    for passed, limit in budgets:
        while passed and passed[0] <= now - WINDOW:
            passed.popleft()
        if len(passed) >= limit:
            return False
    for passed, _ in budgets:
        passed.append(now)
    return True


def admitted_at(passed: Sequence[int], limit: int, now: int) -> int:
    """When `admit` lets the next call pass after those that passed, in the order of their instants."""
    return now if len(passed) < limit else max(now, passed[-limit] + WINDOW)
