"""Destination exports: runs that write a company's validated rows, one write a row, and report each (DST-01 to DST-10).

Which writes are refused or hollow is the script's; they are spread evenly, by arithmetic. A report is made piece by
piece, so that a large one costs no memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from mock_server.data.generated import Layout
from mock_server.preview.lifecycle import TIMED_OUT, Life
from mock_server.preview.runs import Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mock_server.data.book import Book, Sheet
    from mock_server.preview.beats import Complete

_PIECE = 500


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows an export writes: of these templates (None: of all), with these texts in these columns."""

    template_ids: frozenset[str] | None
    row_filter: Mapping[str, str]
    first_only: bool
    """`canary`: at most the first row of each template (DST-03)."""

    def count(self, sheet: Sheet, book: Book) -> int:
        """How many of the sheet's validated rows are selected (DST-08)."""
        if self.template_ids is not None and sheet.template.id not in self.template_ids:
            return 0
        if not self.row_filter:
            clean = next(count.clean for count in book.counts if count.sheet.id == sheet.id)
            return min(1, clean) if self.first_only else clean
        names = [column.name for column in sheet.template.columns]
        if not all(name in names for name in self.row_filter):
            return 0
        wanted = [(names.index(name), text) for name, text in self.row_filter.items()]
        rows = book.rows(sheet.id, flagged=False)
        selected = (1 for row in rows if all(row[number] == text for number, text in wanted))
        return sum(islice(selected, 1 if self.first_only else None))


@dataclass(slots=True)
class ExportRun(Run):
    """One export: how many rows of each sheet it writes."""

    mode: str = "full"
    writes: tuple[tuple[Sheet, int], ...] = ()

    kind = "export"

    def described(self, state: Life) -> dict[str, Any]:
        """The poll's answer in every state but `completed`, whose report `pieces` makes."""
        body: dict[str, Any] = {"status": state.status}
        if state.status == "failed":
            body["error"] = "Export timed out" if state.says == TIMED_OUT else state.says
        elif not state.terminal:
            body["progress_message"] = state.says
        return body

    def pieces(self, end: Complete) -> Iterator[bytes]:
        """The poll's answer of a completed export (DST-04), in pieces of many results."""
        total = sum(count for _, count in self.writes)
        refused = min(end.refused, total)
        hollow = min(end.hollow, total - refused)
        head = {"mode": self.mode, "total": total, "succeeded": total - refused, "failed": refused}
        yield orjson.dumps({"status": "completed", "report": head})[:-2] + b',"results":['
        results = self._results(total, refused, hollow, end)
        separator = b""
        while piece := list(islice(results, _PIECE)):
            yield separator + orjson.dumps(piece)[1:-1]
            separator = b","
        yield b"]}}"

    def _results(self, total: int, refused: int, hollow: int, end: Complete) -> Iterator[dict[str, Any]]:
        failing = {"status": end.status, "ok": False, "error": end.error, "fields_confirmed": None}
        wrong = failing, {"fields_confirmed": False}  # DST-05, DST-07
        troubles = Layout(total, (refused, hollow)).members()
        trouble = next(troubles, None)
        number = 0
        for sheet, count in self.writes:
            path = "/" + "-".join(sheet.name.lower().split())
            for row in range(1, count + 1):
                result = {"template_id": sheet.template.id, "path": f"{path}/{row}", "status": 201, "ok": True}
                if trouble is None or trouble[0] != number:
                    yield result | {"fields_confirmed": True}
                else:
                    yield result | wrong[trouble[1]]
                    trouble = next(troubles, None)
                number += 1
