"""What may be spent: so many calls of an operation with a key in any sixty seconds.

It sleeps for nobody; it says how long a caller has to wait. A call that is spent comes back a minute later, so that no
window of a server's, wherever it begins, sees more than the budget.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW = 60.0


class Budget:
    """The calls of the last minute, by operation and key; `per_minute` 0 means no limit."""

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._spent: dict[tuple[str, str | None], deque[float]] = defaultdict(deque)
        self._lock = threading.Lock()

    def spend(self, operation: str, key: str | None, *, unasked: bool = False) -> float:
        """Spend a call and return 0, or return the seconds until one can be; `unasked` spends in any case."""
        if not self._per_minute:
            return 0.0
        with self._lock:
            now = self._clock()
            spent = self._spent[operation, key]
            while spent and spent[0] <= now - WINDOW:
                spent.popleft()
            if len(spent) < self._per_minute or unasked:
                spent.append(now)
                return 0.0
            # After a burst of unasked calls several must come back before one more is free.
            return spent[len(spent) - self._per_minute] + WINDOW - now
