"""What a poll of an import or an export shows, against the figures that a step expects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mock_server.player.expectation import quote_body, quote_value, status_difference, value_difference

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mock_server.player.transport import Call
    from mock_server.scenarios.model import Step


def run_differences(step: Step, call: Call) -> list[str]:
    """What the answer shows, against the step's status and figures."""
    if wrong := status_difference(200, call):
        return wrong
    body = call.body
    if not isinstance(body, dict):
        return [f"body: expected a JSON object, got {quote_body(call)}"]
    status = step.value
    if (got := body.get("status")) != status:
        reason = f" ({body['error']})" if "error" in body else ""
        return [f"status: expected {status}, got {got}{reason}"]
    try:
        differences = [each for name in FIGURES for each in _figure(name, step, body)]
    except (AttributeError, KeyError, TypeError) as error:
        return [f"body: expected the documented members, got {quote_body(call)} ({type(error).__name__}: {error})"]
    part = step.modifiers.get("error")
    if part is not None and part not in str(body.get("error", "")):
        text = f"error: expected a text with {quote_value(part)}, got {quote_value(body.get('error'))}"
        differences.append(text)
    return differences


def _figure(name: str, step: Step, body: Mapping[str, Any]) -> list[str]:
    return value_difference(name, step.modifiers[name], FIGURES[name](body)) if name in step.modifiers else []


def _report(name: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda body: (body.get("report") or {}).get(name)


def _questions(body: Mapping[str, Any]) -> list[Any]:
    parked = body.get("needs_attention") or {}
    return [question["target"]["column"] for question in parked.get("questions", [])]


def _actions(body: Mapping[str, Any]) -> list[Any]:
    parked = body.get("needs_attention") or {}
    return [action["action"] for action in parked.get("proposed_patch", {}).get("actions", [])]


def _hollow(body: Mapping[str, Any]) -> int:
    results = (body.get("report") or {}).get("results", [])
    return sum(result.get("fields_confirmed") is False for result in results)


FIGURES: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "inserted": _report("inserted"),
    "flagged": _report("invalidCellCount"),
    "questions": lambda body: len(_questions(body)),
    "asks": _questions,
    "actions": _actions,
    "total": _report("total"),
    "succeeded": _report("succeeded"),
    "failed": _report("failed"),
    "hollow": _hollow,
}
"""A modifier of `see` or `see_export`, and where its figure stands in the body."""
