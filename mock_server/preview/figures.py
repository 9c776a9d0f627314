"""What a poll of an import or an export shows, against the figures that a step expects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mock_server.player.play import quote_body, quote_value, status_difference, value_difference

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
        shown = {name: figure(body) for name, figure in FIGURES.items() if name in step.modifiers}
    except (AttributeError, KeyError, TypeError) as error:
        return [f"body: expected the documented members, got {quote_body(call)} ({type(error).__name__}: {error})"]
    differences = [each for name, got in shown.items() for each in value_difference(name, step.modifiers[name], got)]
    part = step.modifiers.get("error")
    if part is not None and part not in str(body.get("error", "")):
        differences.append(f"error: expected a text with {quote_value(part)}, got {quote_value(body.get('error'))}")
    return differences


def _report(name: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda body: (body.get("report") or {}).get(name)


def _parked(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return body.get("needs_attention") or {}


FIGURES: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "inserted": _report("inserted"),
    "flagged": _report("invalidCellCount"),
    "questions": lambda body: len(_parked(body).get("questions", [])),
    "asks": lambda body: [each["target"]["column"] for each in _parked(body).get("questions", [])],
    "actions": lambda body: [each["action"] for each in _parked(body).get("proposed_patch", {}).get("actions", [])],
    "total": _report("total"),
    "succeeded": _report("succeeded"),
    "failed": _report("failed"),
    "hollow": lambda body: sum(
        each.get("fields_confirmed") is False for each in (body.get("report") or {}).get("results", [])
    ),
}
"""A modifier of `see` or `see_export`, and where its figure stands in the body."""
