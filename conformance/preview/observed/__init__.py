"""Looks at every answer of a run of the suite, whichever check asked for it, and remembers: what was answered before
has to go together with what is answered now.

The rule that it keeps: an honest server is never accused. Answers of calls that overlapped say nothing, calls that may
have had an effect explain any change, and what others may do meanwhile explains it, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

from conformance.http.client import DEFAULT
from conformance.preview.observed import accounts, downloads, exports, histories, runs, starts
from conformance.preview.observed.memory import Memory

if TYPE_CHECKING:
    from conformance.engine.plan import Contradiction
    from conformance.http.client import Answer

__all__ = ["Memory", "Witness"]

OFTEN = 2
"""How often one thing is told."""


def _list_imports(memory: Memory, answer: Answer) -> Iterator[Contradiction]:
    if answer.query.get("status", "active") != "active":  # OP-10
        return iter(())
    return (runs.looked_up if "status" in answer.query else histories.listed)(memory, answer)


_JUDGES: dict[str, Callable[[Memory, Answer], Iterator[Contradiction]]] = {
    "list_sources": accounts.sources,
    "list_templates": accounts.templates,
    "provision_company": accounts.provisioned,
    "request_upload": accounts.upload_requested,
    "start_import": starts.started,
    "list_imports": _list_imports,
    "poll_import": runs.polled,
    "decide": runs.decided,
    "export_csv": downloads.downloaded,
    "start_export": exports.export_started,
    "poll_export": exports.export_polled,
}
_EFFECTS: dict[str, Callable[[Memory, Answer], None]] = {
    "start_import": starts.note_start,
    "decide": runs.note_decision,
    "start_export": exports.note_export,
}
_ORDERLESS = accounts.provisioned, accounts.upload_requested
"""What two answers may not both say, whichever came first."""


class Witness:
    """Who is shown every answer of a run of the suite; it tells what contradicts what."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.memory = Memory(now)
        self._told = Counter[Any]()

    def __call__(self, answer: Answer) -> list[Contradiction]:
        """What the answer contradicts."""
        operation = answer.operation or ""
        found: list[Contradiction] = []
        if answer.repeated:
            return found
        key = answer.exchange.request_headers.get("x-api-key")
        if key == DEFAULT.value:
            self.memory.note_whether_there(answer)
        judge, effect = _JUDGES.get(operation), _EFFECTS.get(operation)
        own = key == DEFAULT.value
        if judge is not None and not own:
            found = list(accounts.trespassed(self.memory, key, answer))
        elif judge is not None and (answer.alone or judge in _ORDERLESS):
            found = list(chain(accounts.reached(self.memory, answer), judge(self.memory, answer)))
        if effect is not None:
            effect(self.memory, answer)
        return [each for each in found if self._is_new(each)]

    def _is_new(self, found: Contradiction) -> bool:
        """Whether it has not been told often, of this answer or of others."""
        self._told[found.clause, found.requirement] += 1
        return self._told[found.clause, found.requirement] <= OFTEN
