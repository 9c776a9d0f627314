"""What a client asked for, call by call, against what it meant: a call that repeats an unanswered one means no more.

The mock knows what really came of the calls, and so it knows both sides. Pure: it is told of each call once it is over.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import orjson

from mock_server.scenarios.model import CHANGES

Intent = tuple[str, str, int]
REPLAYS = ("start_import", "start_export")
"""Operations that give back what they made before, with 200 (OP-06)."""


@dataclass(slots=True)
class Tally:
    """Calls by operation: how many there were, how many things they meant, how many answers never came."""

    calls: Counter[str] = field(default_factory=Counter)
    meant: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    _unanswered: dict[Intent, str | None] = field(default_factory=dict)
    """What was asked for and not answered, so that it may be asked for again, and the run that it was about or made."""

    def note(self, call: tuple[str, str, bytes], run_id: str | None, status: int | None, *, lost: bool) -> None:
        """Count one call: operation, path and body; the run that it was about, and the status that the client saw."""
        operation = call[0]
        unanswered = lost or status is None or status == 429 or status >= 500
        if operation not in CHANGES:
            if self._unanswered and not unanswered:
                self._looked(run_id)
            return
        self.calls[operation] += 1
        self.lost[operation] += lost
        intent = _intent(call) if unanswered or self._unanswered else None
        if intent is not None and intent in self._unanswered:
            if unanswered:
                self._unanswered[intent] = run_id or self._unanswered[intent]
            else:
                del self._unanswered[intent]
        elif intent is not None and unanswered:
            self._unanswered[intent] = run_id
            self.meant[operation] += 1
        elif status is not None and status < 400 and not (status == 200 and operation in REPLAYS):
            self.meant[operation] += 1

    def _looked(self, run_id: str | None) -> None:
        """The client has seen the run: it knows what became of its call, and means whatever it asks for next."""
        for intent in [intent for intent, about in self._unanswered.items() if about is not None and about == run_id]:
            del self._unanswered[intent]


def _intent(call: tuple[str, str, bytes]) -> Intent:
    """What stands for the call: an idempotency key, and the order of members, make no difference."""
    operation, path, body = call
    try:
        value = orjson.loads(body)
        if isinstance(value, dict):
            value.pop("idempotency_key", None)
        return operation, path, hash(orjson.dumps(value, option=orjson.OPT_SORT_KEYS))
    except (ValueError, TypeError):  # malformed, longer than what is kept, or without a form in JSON
        return operation, path, hash(body)
