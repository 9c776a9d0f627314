"""Readings of how an answer is written: its headers, and the JSON's order and form."""

from __future__ import annotations

from typing import Any

from mock_server.dialects.reading import Reading, Said

HEADERS = {
    "x-request-id": "req_8f14e45fceea",
    "x-ratelimit-remaining": "57",
    "cache-control": "no-store",
    "etag": '"7"',
    "set-cookie": "visit=1; Path=/",
    "via": "1.1 gateway",
}
"""What a gateway in front of an API adds; never `Retry-After` (RATE-03)."""


def _extra_headers(said: Said) -> None:
    said.headers |= HEADERS


def _reversed(value: Any) -> Any:
    if isinstance(value, list):
        return [_reversed(each) for each in value]
    if isinstance(value, dict):
        return {name: _reversed(value[name]) for name in reversed(value)}
    return value


def _other_json(said: Said) -> None:
    if said.body is not None:
        said.body, said.indented = _reversed(said.body), True
        said.headers["content-type"] = "application/json; charset=utf-8"


def _csv_charset(said: Said) -> None:
    if said.operation == "export_csv" and said.headers.get("content-type", "").startswith("text/csv"):
        said.headers["content-type"] = "text/csv; charset=utf-8; header=present"


EXTRA_HEADERS = Reading("extra-headers", "ERR-03", "sends headers that a gateway would add", _extra_headers)
OTHER_JSON = Reading(
    "other-json",
    "FMT-04",
    "writes members in another order, over many lines, and names the charset",
    _other_json,
)
CSV_CHARSET = Reading("csv-charset", "CSV-01", "names charset and header line of a CSV", _csv_charset)
