"""What a client asked for, call by call, against what it meant: a call that repeats an unanswered one means no more.

The mock knows what really came of the calls, and so it knows both sides. Pure: it learns of each call when it is over.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from mock_server.contract.document import Contract

Intent = tuple[str, str, int]


class Intents:
    """Calls by operation: how many there were, how many things they meant, how many answers never came."""

    def __init__(self, contract: Contract) -> None:
        self.calls: Counter[str] = Counter()
        self.meant: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self.counted = frozenset(contract.changing)
        """The operations that change something, and so mean something."""
        self.unanswered: dict[Intent, str | None] = {}
        """What was asked for, and not answered or not as it was done, so that it may be asked again, and its run."""
        self._about: defaultdict[str, set[Intent]] = defaultdict(set)
        """The unanswered ones about a run."""

    def note(
        self, call: tuple[str, str, bytes], run_id: str | None, status: int | None, *, lost: bool, done: bool
    ) -> None:
        """Count one call: operation, path and body; its run, the status that the client saw, and if anything was done.

        Who gives back what was there before has done nothing (OP-06), and who refuses the second delivery of a call may
        have done the first.
        """
        operation = call[0]
        unanswered = lost or status is None or status == 429 or status >= 500
        if operation not in self.counted:
            if not unanswered and run_id is not None:  # the client has seen the run, and means what it asks for next
                for each in self._about.pop(run_id, ()):
                    self.unanswered.pop(each, None)
            return
        self.calls[operation] += 1
        if lost:
            self.lost[operation] += 1
        untold = unanswered or (done and status is not None and status >= 400)
        intent = _intent(call) if untold or self.unanswered else None
        if intent is not None and intent in self.unanswered:
            if untold:
                self._ask_again(intent, run_id or self.unanswered[intent])
            else:
                del self.unanswered[intent]
            return
        if untold or done:
            self.meant[operation] += 1
        if intent is not None and untold:
            self._ask_again(intent, run_id)

    def forget_answer(self, call: tuple[str, str, bytes], run_id: str | None, *, done: bool) -> None:
        """The answer to a call that was counted was lost after all."""
        operation, intent = call[0], _intent(call)
        self.lost[operation] += 1
        if intent not in self.unanswered:
            self.meant[operation] += not done
            self._ask_again(intent, run_id)

    def _ask_again(self, intent: Intent, run_id: str | None) -> None:
        self.unanswered[intent] = run_id
        if run_id is not None:
            self._about[run_id].add(intent)


def _intent(call: tuple[str, str, bytes]) -> Intent:
    """What stands for the call: an idempotency key, and the order of members, make no difference."""
    operation, path, body = call
    try:
        value = orjson.loads(body)
        if isinstance(value, dict):
            value.pop("idempotency_key", None)
        return operation, path.lower(), hash(orjson.dumps(value, option=orjson.OPT_SORT_KEYS))
    except (ValueError, TypeError):  # malformed, longer than what is kept, or without a form in JSON
        return operation, path, hash(body)
