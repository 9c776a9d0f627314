"""Readings that add to an answer as the other ones have made it: unknown members, parameters of a CSV's type."""

from __future__ import annotations

from typing import Any

from mock_server.dialects.reading import Answer, Reading


def _name_charset(answer: Answer) -> None:
    if answer.operation == "export_csv" and answer.headers.get("content-type", "").startswith("text/csv"):
        answer.headers["content-type"] = "text/csv; charset=utf-8; header=present"


def _add_members(value: Any) -> Any:
    """The value with members that nobody documented in each of its objects."""
    if isinstance(value, list):
        return [_add_members(each) for each in value]
    if isinstance(value, dict):
        extra = {"object": "preview", "_rev": 7, "_links": {"self": None}}
        return {name: _add_members(each) for name, each in value.items()} | extra
    return value


def _add_unknown_members(answer: Answer) -> None:
    if answer.has_json and answer.body != {"run": None}:  # ACT-02 and ERR-02: exactly that
        answer.body = _add_members(answer.body)


READINGS = (
    Reading("unknown-members", "POLL-20", "adds members that nobody documented to every object", _add_unknown_members),
    Reading("csv-charset", "CSV-01", "names charset and header line of a CSV", _name_charset),
)
