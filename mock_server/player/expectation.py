"""What a step of a play expects, against what came: a list of differences, empty when it is as it should be.

Pure. Every text says what was looked at, what was expected and what came instead.
"""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mock_server.player.transport import Call
    from mock_server.scenarios.model import Step

LONGEST = 200  # characters of an answer that a difference quotes


def unequal(what: str, expected: object, got: object) -> list[str]:
    """The one difference between two values, or none."""
    expected = list(expected) if isinstance(expected, tuple) else expected
    return [] if expected == got else [f"{what}: expected {_shown(expected)}, got {_shown(got)}"]


def answered(expected: int | tuple[int, ...], call: Call) -> list[str]:
    """A status code that was not expected, with what the server said about it."""
    codes = expected if isinstance(expected, tuple) else (expected,)
    if call.status in codes:
        return []
    wanted = " or ".join(str(code) for code in codes)
    return [f"{call.method} {call.path}: expected {wanted}, got {call.status} {_quoted(call)}".rstrip()]


def refused(status: int, call: Call) -> list[str]:
    """A refusal has its own status code and the one-member error body (ERR-01)."""
    if wrong := answered(status, call):
        return wrong
    body = call.body
    if isinstance(body, dict) and list(body) == ["error"] and isinstance(body["error"], str) and body["error"]:
        return []
    return [f'error body of {call.status}: expected {{"error": text}}, got {_quoted(call)}']


def lost(call: Call) -> list[str]:
    """An answer that the client cannot use: none at all, a page, or JSON that is malformed."""
    if call.status == 0 or call.body is None:
        return []
    return [f"{call.method} {call.path}: expected no usable answer, got {call.status} {_quoted(call)}".rstrip()]


def run_seen(step: Step, call: Call) -> list[str]:
    """What a poll of an import or of an export shows, against the step's status and figures."""
    if wrong := answered(200, call):
        return wrong
    body = call.body
    if not isinstance(body, dict):
        return [f"body: expected a JSON object, got {_quoted(call)}"]
    status = step.value
    if (got := body.get("status")) != status:
        reason = f" ({body['error']})" if "error" in body else ""
        return [f"status: expected {status}, got {got}{reason}"]
    try:
        found = [each for name in FIGURES for each in _figure(name, step, body)]
    except (AttributeError, KeyError, TypeError) as error:
        return [f"body: expected the documented members, got {_quoted(call)} ({type(error).__name__}: {error})"]
    part = step.modifiers.get("error")
    if part is not None and part not in str(body.get("error", "")):
        found.append(f"error: expected a text with {_shown(part)}, got {_shown(body.get('error'))}")
    return found


def rows_of(call: Call) -> tuple[list[str], list[list[str]]]:
    """The header and the rows of a downloaded CSV."""
    header, *rows = list(csv.reader(io.StringIO(call.text, newline=""))) or [[]]
    return header, rows


def downloaded(step: Step, call: Call) -> list[str]:
    """What a CSV holds, against the step's number of rows and the values of one column."""
    if wrong := answered(200, call):
        return wrong
    header, rows = rows_of(call)
    found: list[str] = []
    if "rows" in step.modifiers:
        found += unequal("rows", step.modifiers["rows"], len(rows))
    column = step.modifiers.get("column")
    if column is None:
        return found
    if column not in header:
        return [*found, f"column: expected {_shown(column)} among the CSV's columns, got {', '.join(header)}"]
    index = header.index(column)
    if "values" in step.modifiers:
        expected = sorted({str(value) for value in step.modifiers["values"]})
        found += unequal(f"values of {column}", expected, sorted({row[index] for row in rows}))
    return found


def _figure(name: str, step: Step, body: Mapping[str, Any]) -> list[str]:
    return unequal(name, step.modifiers[name], FIGURES[name](body)) if name in step.modifiers else []


def _report(name: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda body: (body.get("report") or {}).get(name)


def _parked(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return body.get("needs_attention") or {}


def _asks(body: Mapping[str, Any]) -> list[Any]:
    return [question["target"]["column"] for question in _parked(body).get("questions", [])]


def _actions(body: Mapping[str, Any]) -> list[Any]:
    return [action["action"] for action in _parked(body).get("proposed_patch", {}).get("actions", [])]


def _hollow(body: Mapping[str, Any]) -> int:
    results = (body.get("report") or {}).get("results", [])
    return sum(result.get("fields_confirmed") is False for result in results)


# A modifier of `see` or `see_export`, and where its figure stands in the body.
FIGURES: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "inserted": _report("inserted"),
    "flagged": _report("invalidCellCount"),
    "questions": lambda body: len(_asks(body)),
    "asks": _asks,
    "actions": _actions,
    "total": _report("total"),
    "succeeded": _report("succeeded"),
    "failed": _report("failed"),
    "hollow": _hollow,
}


def _shown(value: object) -> str:
    """A value as a person writes it: text bare unless it could be taken for something else, lists with commas."""
    if value is None:
        return "nothing"
    if isinstance(value, list | tuple):
        return ", ".join(_shown(each) for each in value) or "none"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) and " " in value else str(value) or '""'


def _quoted(call: Call) -> str:
    text = call.text.strip()
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
