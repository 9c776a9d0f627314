"""A play as a person follows it: each exchange in one line, and below it what that person needs to know.

Lines are styled for a terminal; click takes the style off in a pipe. Ids are cut short, texts are not.
"""

from __future__ import annotations

import re
import shutil
import textwrap
from typing import TYPE_CHECKING, Any

import click

from mock_server.contract.nearest import counted
from mock_server.kernel.clock import spoken
from mock_server.player.expectation import rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mock_server.player.transport import Call

INDENT = " " * 9
WIDEST = 100
CSV_ROWS = 3  # rows of a download that are shown
DESTRUCTIVE = ("delete_invalid_rows", "dedup_keep_first")
_ID = re.compile(r"\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_TOKEN = re.compile(r"([A-Za-z0-9_-]{10})[A-Za-z0-9_-]{20,}")
_COLOURS = {"completed": "green", "failed": "red", "canceled": "red", "needs_attention": "yellow"}


def face(milliseconds: int) -> str:
    """Session time on a clock's face."""
    minutes, seconds = divmod(milliseconds // 1_000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def exchange(call: Call, offset: int) -> list[str]:
    """One exchange: when, what was called, what code came, and what it says."""
    path = shortened(call.path.removeprefix("/api/v1"))
    colour = "green" if 0 < call.status < 400 else "yellow"
    code = click.style(str(call.status or "lost"), fg=colour, bold=True)
    line = f"{face(offset):>7} → {click.style(f'{call.method:4}', bold=True)} {path:52} {code}"
    width = min(shutil.get_terminal_size((WIDEST, 24)).columns, WIDEST) - len(INDENT)
    below = [part for text in _told(call) for part in _fitted(text, width)]
    return [line, *(INDENT + part for part in below)]


def shortened(text: str) -> str:
    """The text with every long id cut to its beginning."""
    return _TOKEN.sub(r"\1…", _ID.sub(r"\1…", text))


def _fitted(text: str, width: int) -> list[str]:
    """The text in lines of the width; continued lines keep its indent. A styled text is short and stays whole."""
    if "\x1b" in text:
        return [text]
    indent = " " * (len(text) - len(text.lstrip()) + 2)
    return textwrap.wrap(text, width, subsequent_indent=indent, drop_whitespace=True, break_long_words=False) or [text]


def _told(call: Call) -> Iterator[str]:
    body = call.body
    if call.status == 0:
        yield click.style(f"no answer: {call.text}", fg="yellow")
    elif body is None and (call.status >= 400 or call.media_type == "application/json"):
        yield click.style(
            f"no answer of the API: {call.media_type}, {counted(len(call.received), 'byte')}", fg="yellow"
        )
    elif call.status >= 400:
        text = body.get("error", "") if isinstance(body, dict) else call.text
        yield click.style(f"refused: {shortened(str(text))}", fg="yellow")
    elif call.media_type == "text/csv":
        yield from _csv(call)
    elif not isinstance(body, dict):
        yield f"{counted(len(call.sent or b''), 'byte')} sent"
    elif call.method == "GET":
        yield from _read(body)
    else:
        yield from _done(call, body)


def _read(body: Mapping[str, Any]) -> Iterator[str]:
    if "runs" in body:
        yield "history, newest first: " + ", ".join(
            f"{shortened(run['run_id'])} {run['status']}" for run in body["runs"]
        )
    elif "status" in body:
        yield _status(body)
        if "needs_attention" in body:
            yield from _parked(body)
        yield from _results(body.get("report") or {})
    elif body.get("run", ...) is None:
        yield "no run is in flight"


def _status(body: Mapping[str, Any]) -> str:
    status = str(body["status"])
    shown = click.style(status, fg=_COLOURS.get(status, "cyan"), bold=True)
    if "progress_message" in body:
        return f'{shown}: "{body["progress_message"]}"'
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
    return f"{shown}: {', '.join(parts)}" if parts else shown


def _parked(body: Mapping[str, Any]) -> Iterator[str]:
    parked = body["needs_attention"]
    sheets = {each["sheetId"]: each["templateName"] for each in (body.get("report") or {}).get("perSheet", [])}
    for question in parked["questions"]:
        yield from _question(question)
    patch = parked["proposed_patch"]
    yield f"Proposed patch: {patch['summary']}"
    for action in patch["actions"]:
        sheet = sheets.get(action["sheet_id"], shortened(action["sheet_id"]))
        yield _action(action, f"{sheet}.{action['column']}")


def _question(question: Mapping[str, Any]) -> Iterator[str]:
    target = question["target"]
    yield click.style(f"{question['id']}  ", fg="cyan", bold=True) + question["prompt"]
    yield f"     {question['context']}"
    samples = ", ".join(f'"{sample}"' for sample in target["sample_values"])
    yield f"     {target['error']}" + (f"; found {samples}" if samples.strip('"') else "")
    for option in question["options"]:
        yield f"     [{option['id']}] {option['label']}"
    if question["allow_custom"]:
        yield "     or a text of your own"


def _action(action: Mapping[str, Any], where: str) -> str:
    what = str(action["action"])
    if "value" in action:
        what += f" {action['value']!r}"
    if "key_column" in action:
        what += f" by {action['key_column']}"
    mark = click.style("DESTRUCTIVE: drops rows", fg="red", bold=True) if action["action"] in DESTRUCTIVE else ""
    return f"     {where:20} {what:24} {mark}".rstrip()


def _results(report: Mapping[str, Any]) -> Iterator[str]:
    """The writes of a destination export that need a look."""
    results = report.get("results", [])
    wrong = [each for each in results if not each["ok"] or each.get("fields_confirmed") is False]
    for each in wrong[:CSV_ROWS]:
        why = each.get("error") or "answered well, but the fields were not there afterwards"
        yield f"     {each['path']} {each['status']}: {why}"
    if len(wrong) > CSV_ROWS:
        yield f"     and {len(wrong) - CSV_ROWS} more like these"


def _done(call: Call, body: Mapping[str, Any]) -> Iterator[str]:
    """What a request did; said from what was asked and what came back."""
    asked = call.asked if isinstance(call.asked, dict) else {}
    if "decision" in asked:
        answers = asked.get("answers")
        sent = ", ".join(_answer(each) for each in answers) if answers else "the proposed patch as it is"
        yield f"approve: {sent}" if asked["decision"] == "approve" else "reject"
        yield f"run is {_status(body)}"
    elif "upload_ref" in body:
        yield f"a signed URL for {asked.get('name')}"
    elif "run_id" in body:
        key = f' under the key "{asked["idempotency_key"]}"' if "idempotency_key" in asked else ""
        yield f"run {shortened(body['run_id'])}{key} is {_status(body)}"


def _answer(answer: Mapping[str, Any]) -> str:
    chosen = f"[{answer['option_id']}]" if "option_id" in answer else f'"{answer.get("custom", "")}"'
    return f"{answer.get('question_id')} {chosen}"


def _csv(call: Call) -> Iterator[str]:
    header, rows = rows_of(call)
    yield f"{counted(len(rows), 'row')} of {counted(len(header), 'column')}, {_spoken_size(len(call.received))} of CSV"
    for line in call.text.splitlines()[: CSV_ROWS + 1]:
        yield click.style("     " + _cut(line, WIDEST - len(INDENT) - 5), dim=True)
    if len(rows) > CSV_ROWS:
        yield click.style("     …", dim=True)


def _spoken_size(octets: int) -> str:
    """A number of bytes as a person says it."""
    for size, unit in ((10**6, "MB"), (10**3, "KB")):
        if octets >= size:
            return f"{octets / size:.3g} {unit}"
    return counted(octets, "byte")


def pause(milliseconds: int) -> str:
    """The line about a wait that is over."""
    return click.style(f"{INDENT}… {spoken(milliseconds)} later", dim=True)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
