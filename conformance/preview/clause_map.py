"""Which clause a wrong answer breaks, as a table: by operation, status of the run, and place in the body.

The row that says most about a place decides: first one for the very rule that is broken, then the deepest place, then
one for the run's status.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is wrong with an answer: the clause that it breaks, and what is wrong."""

    clause: str
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """`place` is a path in the body, `*` for any item; it stands for all that is below it."""

    operation: str
    place: str
    clause: str
    status: str = ""
    """The run's status, the kind of decision, or what a start sends; empty: any."""
    keyword: str = ""
    """The JSON Schema keyword that is broken; empty: any."""

    def fits(self, operation: str, status: str, place: Sequence[str], keyword: str) -> bool:
        """Whether the row speaks of this."""
        mine = _parts(self.place)
        return (
            self.operation == operation
            and self.status in ("", status)
            and self.keyword in ("", keyword)
            and tuple(place[: len(mine)]) == mine
        )

    @property
    def weight(self) -> tuple[bool, int, bool]:
        """How much it says."""
        return bool(self.keyword), len(_parts(self.place)), bool(self.status)


def _parked(operation: str) -> tuple[Row, ...]:
    rows = {
        "report": "POLL-04",
        "report/inserted": "POLL-06",
        "report/invalidCellCount": "POLL-06",
        "report/perSheet": "POLL-06",  # OP-09: only when it is there
        "report/perSheet/*": "POLL-09",
        "needs_attention": "POLL-04",
        "needs_attention/questions/*": "QUE-01",
        "needs_attention/questions/*/id": "QUE-01",
        "needs_attention/questions/*/target/sheet_id": "QUE-04",
        "needs_attention/questions/*/target/column": "QUE-04",
        "needs_attention/questions/*/target/affected_count": "QUE-04",
        "needs_attention/questions/*/target/sample_values": "QUE-04",
        "needs_attention/questions/*/target/error": "QUE-04",
        "needs_attention/questions/*/options/*": "QUE-09",
        "needs_attention/proposed_patch/summary": "PATCH-01",
        "needs_attention/proposed_patch/actions": "PATCH-01",
        "needs_attention/proposed_patch/actions/*": "PATCH-02",
        "needs_attention/proposed_patch/actions/*/value": "PATCH-03",
        "needs_attention/proposed_patch/actions/*/key_column": "PATCH-05",
        "error": "POLL-05",
    }
    return (
        *(Row(operation, place, clause, "needs_attention") for place, clause in rows.items()),
        Row(operation, "report/invalidCellCount", "POLL-07", "needs_attention", "minimum"),
        Row(operation, "needs_attention/questions/*/target/affected_count", "QUE-06", "needs_attention", "minimum"),
        Row(operation, "needs_attention/questions/*/options", "QUE-10", "needs_attention", "minItems"),
    )


def _run(operation: str, whole: str) -> tuple[Row, ...]:
    """The rows for the body of a run; `whole` is for one that is none at all."""
    return (
        Row(operation, "", whole),
        Row(operation, "status", "RUN-01", keyword="enum"),
        Row(operation, "run_id", "ID-01"),  # OP-05: only when it is there
        *(
            Row(operation, place, clause, status)
            for status in ("queued", "running")
            for place, clause in {
                "progress_message": "POLL-02",
                "report": "POLL-03",
                "needs_attention": "POLL-03",
                "error": "POLL-03",
            }.items()
        ),
        *_parked(operation),
        Row(operation, "report", "POLL-08", "completed"),
        Row(operation, "report/perSheet/*", "POLL-09", "completed"),
        Row(operation, "report/invalidCellCount", "POLL-12", "completed", "minimum"),
        Row(operation, "needs_attention", "POLL-13", "completed"),
        Row(operation, "error", "POLL-13", "completed"),
        Row(operation, "error", "POLL-14", "failed"),
        Row(operation, "report", "DEC-32", "failed"),
        *(
            Row(operation, place, "POLL-16", "canceled")
            for place in ("report", "needs_attention", "error", "questions")
        ),
    )


ROWS: tuple[Row, ...] = (
    Row("list_sources", "", "SRC-01"),
    Row("list_sources", "sources/*", "SRC-02"),
    Row("list_templates", "", "TPL-01"),
    Row("list_templates", "templates/*", "TPL-02"),
    Row("list_templates", "templates/*/columns/*", "TPL-03"),
    Row("list_templates", "templates/*/columns/*/strictRule", "TPL-04"),
    Row("list_templates", "templates/*/columns/*/linkRule", "TPL-05"),
    Row("provision_company", "", "PROV-02"),
    Row("provision_company", "", "PROV-03", keyword="format"),
    Row("provision_company", "company/created_at", "PROV-03", keyword="type"),
    Row("provision_company", "connections/*", "PROV-18"),
    Row("request_upload", "", "UPL-01"),
    Row("start_import", "", "IMP-01"),
    Row("start_import", "", "IMP-02", "rows"),
    Row("start_import", "run_id", "IMP-04", keyword="format"),
    Row("start_import", "poll_url", "IMP-04", keyword="pattern"),
    Row("start_import", "status", "IMP-03", keyword="const"),
    Row("start_import", "status", "RUN-01", keyword="enum"),
    *_run("list_imports", "ACT-01"),
    *_run("poll_import", "POLL-01"),
    Row("decide", "", "DEC-02"),
    Row("decide", "run_id", "ID-01", keyword="format"),
    Row("decide", "", "DEC-31", "reject"),
    Row("start_export", "", "DST-01"),
    Row("start_export", "run_id", "ID-01", keyword="format"),
    Row("poll_export", "", "RUN-01"),
    Row("poll_export", "status", "DST-10", "needs_attention"),
    Row("poll_export", "report", "DST-04", "completed"),
    Row("poll_export", "report/results/*/status", "DST-05", "completed"),
    Row("poll_export", "report/results/*/ok", "DST-05", "completed"),
    Row("poll_export", "report/results/*/error", "DST-05", "completed"),
    Row("poll_export", "report/results/*/fields_confirmed", "DST-07", "completed"),
    Row("poll_export", "report/results/*/template_id", "ID-01", "completed", "format"),
)

# What a 2xx breaks that is none of those which the operation may answer with, OP-01.
SUCCESS = {
    "list_sources": "SRC-01",
    "list_templates": "TPL-01",
    "provision_company": "PROV-01",
    "start_import": "IMP-01",
    "poll_import": "POLL-01",
    "decide": "DEC-01",
}


@lru_cache(maxsize=4_096)
def row(operation: str, status: str, place: tuple[str, ...], keyword: str) -> Row:
    """The row for a wrong value at this place; every operation with a JSON body has one for the whole of it."""
    return max((each for each in ROWS if each.fits(operation, status, place, keyword)), key=lambda each: each.weight)


def _parts(place: str) -> tuple[str, ...]:
    return tuple(place.split("/")) if place else ()
