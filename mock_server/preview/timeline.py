"""What an answer of the Preview API says, in lines for a person who follows a play."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from mock_server.contract.document import load
from mock_server.contract.nearest import counted
from mock_server.player.timeline import shorten

if TYPE_CHECKING:
    from mock_server.player.transport import Call

RESULTS = 3  # writes of an export that are shown
DESTRUCTIVE = ("delete_invalid_rows", "dedup_keep_first")


def describe(call: Call) -> Iterator[str]:
    """The lines of a successful answer whose body is a JSON object."""
    body = call.body
    if call.method != "GET":
        yield from _outcome(call, body)
    elif "runs" in body:
        yield "history, newest first: " + ", ".join(f"{shorten(run['run_id'])} {run['status']}" for run in body["runs"])
    elif "status" in body:
        yield _status(body)
        if "needs_attention" in body:
            yield from _questions_and_patch(body)
        yield from _results(body.get("report") or {})
    elif body.get("run", ...) is None:
        yield "no run is in flight"


def _status(body: Mapping[str, Any]) -> str:
    status, known = str(body["status"]), load().run_statuses
    ended = ("green" if status == "completed" else "red") if status in known.terminal else None
    word = click.style(status, fg=ended or ("yellow" if status in known.waiting else "cyan"), bold=True)
    if "progress_message" in body:
        return f'{word}: "{body["progress_message"]}"'
    parts = [str(body["error"])] if "error" in body else []
    report = body.get("report") or {}
    if "inserted" in report:
        flagged = report["invalidCellCount"]
        sheets = report.get("perSheet", [])
        into = f" into {sheets[0]['templateName']}" if len(sheets) == 1 else ""
        each = ", ".join(f"{sheet['rowCount']} {sheet['templateName']}" for sheet in sheets if len(sheets) > 1)
        parts.append(f"{counted(report['inserted'], 'row')} inserted{into}" + (f" ({each})" if each else ""))
        parts.append(f"{flagged or 'none'} flagged")
    if "total" in report:
        parts.append(f"{report['succeeded']} of {report['total']} writes succeeded, {report['failed']} failed")
    return f"{word}: {', '.join(parts)}" if parts else word


def _questions_and_patch(body: Mapping[str, Any]) -> Iterator[str]:
    parked = body["needs_attention"]
    sheets = {each["sheetId"]: each["templateName"] for each in (body.get("report") or {}).get("perSheet", [])}
    for question in parked["questions"]:
        target = question["target"]
        yield click.style(f"{question['id']}  ", fg="cyan", bold=True) + question["prompt"]
        yield f"     {question['context']}"
        samples = ", ".join(f'"{sample}"' for sample in target["sample_values"])
        yield f"     {target['error']}" + (f"; found {samples}" if samples.strip('"') else "")
        yield from (f"     [{option['id']}] {option['label']}" for option in question["options"])
        if question["allow_custom"]:
            yield "     or a text of your own"
    patch = parked["proposed_patch"]
    yield f"Proposed patch: {patch['summary']}"
    for action in patch["actions"]:
        sheet = sheets.get(action["sheet_id"], shorten(action["sheet_id"]))
        what = str(action["action"]) + (f" {action['value']!r}" if "value" in action else "")
        what += f" by {action['key_column']}" if "key_column" in action else ""
        mark = click.style("DESTRUCTIVE: drops rows", fg="red", bold=True) if action["action"] in DESTRUCTIVE else ""
        yield f"     {sheet + '.' + action['column']:20} {what:24} {mark}".rstrip()


def _results(report: Mapping[str, Any]) -> Iterator[str]:
    """The writes of a destination export that need a look."""
    results = report.get("results", [])
    wrong = [each for each in results if not each["ok"] or each.get("fields_confirmed") is False]
    for each in wrong[:RESULTS]:
        why = each.get("error") or "answered well, but the fields were not there afterwards"
        yield f"     {each['path']} {each['status']}: {why}"
    if len(wrong) > RESULTS:
        yield f"     and {len(wrong) - RESULTS} more like these"


def _outcome(call: Call, body: Mapping[str, Any]) -> Iterator[str]:
    """What a request did, by what was sent and what came back."""
    sent = call.asked if isinstance(call.asked, dict) else {}
    if "decision" in sent:
        chosen = (
            f"{each.get('question_id')} "
            + (f"[{each['option_id']}]" if "option_id" in each else f'"{each.get("custom", "")}"')
            for each in sent.get("answers") or ()
        )
        summary = ", ".join(chosen) or "the proposed patch as it is"
        yield f"approve: {summary}" if sent["decision"] == "approve" else "reject"
        yield f"run is {_status(body)}"
    elif "upload_ref" in body:
        yield f"a signed URL for {sent.get('name')}"
    elif "run_id" in body:
        key = f' under the key "{sent["idempotency_key"]}"' if "idempotency_key" in sent else ""
        yield f"run {shorten(body['run_id'])}{key} is {_status(body)}"
