"""Readings of how any answer is written, in whatever generation: more headers, and the JSON's order and form."""

from __future__ import annotations

from typing import Any

from mock_server.dialects.reading import Answer, Reading

HEADERS = {
    "x-request-id": "req_8f14e45fceea",
    "x-ratelimit-remaining": "57",
    "cache-control": "no-store",
    "etag": '"7"',
    "set-cookie": "visit=1; Path=/",
    "via": "1.1 gateway",
}
"""What a gateway in front of an API adds; never `Retry-After` (RATE-03)."""


def _add_headers(answer: Answer) -> None:
    answer.headers |= HEADERS


def _reverse(value: Any) -> Any:
    if isinstance(value, list):
        return [_reverse(each) for each in value]
    if isinstance(value, dict):
        return {name: _reverse(value[name]) for name in reversed(value)}
    return value


def _reformat_json(answer: Answer) -> None:
    if answer.body is not None:
        answer.body, answer.indented = _reverse(answer.body), True
        answer.headers["content-type"] = "application/json; charset=utf-8"


READINGS = (
    Reading("extra-headers", "ERR-03", "sends headers that a gateway would add", _add_headers),
    Reading(
        "other-json",
        "FMT-04",
        "writes members in another order, over many lines, and names the charset",
        _reformat_json,
    ),
)
