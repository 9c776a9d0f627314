"""What polls of destination exports say, held against what they said before (DST, RUN)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from conformance.preview.bodies import TERMINAL, at
from conformance.preview.observed.memory import Memory, contradiction, may_have_happened, word

if TYPE_CHECKING:
    from conformance.engine.plan import Contradiction
    from conformance.http.client import Answer

Found = Iterator["Contradiction"]
TOLD = (("error",), *(("report", name) for name in ("mode", "total", "succeeded", "failed")))
"""What of an export's body is documented."""


def export_started(memory: Memory, answer: Answer) -> Found:
    """A start of an export: its run is no import's."""
    run_id = at(answer.json, "run_id") if answer.ok else None
    other = memory.by_id.get(run_id) if isinstance(run_id, str) else None
    if other is not None:
        requirement = "an export has an id of its own"
        yield contradiction("ID-02", requirement, other.started or other.last, answer, expected="a new run")


def note_export(memory: Memory, answer: Answer) -> None:
    """Remember that a company has exports, of which some servers tell like of other runs (OP-18)."""
    if may_have_happened(answer):
        memory.company(answer).others = True


def export_polled(memory: Memory, answer: Answer) -> Found:
    """A poll of an export."""
    place, status = (str(answer.ids.get("company_id")), str(answer.ids.get("run_id"))), word(answer.json, "status")
    if not answer.ok or not isinstance(status, str):
        return
    end = memory.exports.get(place)
    if end is None:
        if status in TERMINAL:
            memory.exports[place] = answer
        return
    was = word(end.json, "status")
    if status != was:
        requirement, got = f"an export that is {was} stays so", f"{was}, then {status}"
        yield contradiction("RUN-03", requirement, end, answer, expected=str(was), got=got)
    elif any(at(end.json, *path) != at(answer.json, *path) for path in TOLD):
        yield contradiction("RUN-04", f"every read of a {was} export gives an equal body", end, answer)
