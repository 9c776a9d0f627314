"""The step that downloads a sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from mock_server.player.expectation import csv_rows, quote_value, status_difference, value_difference
from mock_server.scenarios.model import Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mock_server.player.transport import Call
    from mock_server.preview.partner import Partner


class Download(Step):
    """Downloads a sheet as CSV."""

    verb = "download"
    members = ("rows", "filter", "column", "values")

    @classmethod
    def misfits(cls, entry: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
        """`rows` are counted."""
        if isinstance(entry.get("rows"), list):
            yield "rows", "E203", "'rows': expected how many rows the file has, got a list"

    def perform(self, partner: Partner) -> list[str]:
        """Download the sheet of that name."""
        query = {"sheet_id": partner.sheet(self.value)}
        if "filter" in self.modifiers:
            query["filter"] = self.modifiers["filter"]
        return self.differences(partner.call("GET", partner.path("export.csv") + "?" + urlencode(query)))

    def differences(self, call: Call) -> list[str]:
        """What a CSV holds, against the step's number of rows and the values of one column."""
        if wrong := status_difference(200, call):
            return wrong
        header, rows = csv_rows(call)
        differences: list[str] = []
        if "rows" in self.modifiers:
            differences += value_difference("rows", self.modifiers["rows"], len(rows))
        column = self.modifiers.get("column")
        if column is None:
            return differences
        if column not in header:
            text = f"column: expected {quote_value(column)} among the CSV's columns, got {', '.join(header)}"
            return [*differences, text]
        if "values" in self.modifiers:
            expected = sorted({str(value) for value in self.modifiers["values"]})
            index = header.index(column)
            differences += value_difference(f"values of {column}", expected, sorted({row[index] for row in rows}))
        return differences
