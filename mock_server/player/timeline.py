"""A play as a person follows it: each exchange in one line, and below it what that person needs to know.

Lines are styled for a terminal; click takes the style off in a pipe. Ids are cut short, texts are not.
"""

from __future__ import annotations

import json
import re
import shutil
import textwrap
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from mock_server.contract.document import API
from mock_server.contract.escape import escape, line
from mock_server.contract.nearest import counted
from mock_server.kernel.clock import in_words
from mock_server.player.play import csv_rows

if TYPE_CHECKING:
    from mock_server.player.transport import Call

INDENT = " " * 9
WIDEST = 100
CSV_ROWS = 3  # rows of a download that are shown
_ID = re.compile(r"\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_TOKEN = re.compile(r"([A-Za-z0-9_-]{10})[A-Za-z0-9_-]{20,}")


def face(milliseconds: int) -> str:
    """Session time on a clock's face."""
    minutes, seconds = divmod(milliseconds // 1_000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def exchange(call: Call, offset: int, describe: Callable[[Call], Iterator[str]]) -> list[str]:
    """One exchange: when, what was called, what code came, and what its body says by `describe`."""
    call = _harmless(call)
    path = shorten(call.path.removeprefix(API))
    colour = "green" if 0 < call.status < 400 else "yellow"
    code = click.style(str(call.status or "lost"), fg=colour, bold=True)
    first = f"{face(offset):>7} → {click.style(f'{call.method:4}', bold=True)} {path:52} {code}"
    width = min(shutil.get_terminal_size((WIDEST, 24)).columns, WIDEST) - len(INDENT)
    below = [part for text in _describe(call, describe) for part in _fit(text, width)]
    return [first, *(INDENT + part for part in below)]


def _harmless(call: Call) -> Call:
    """The call without anything in its path and JSON that could steer a terminal: it may be anybody's text."""
    sent, received = (
        raw if value is None else json.dumps(_bare(value)).encode()
        for raw, value in ((call.sent, call.asked), (call.received, call.body))
    )
    return call._replace(path=line(call.path), sent=sent, received=received or b"")


def _bare(value: Any) -> Any:
    match value:
        case str():
            return line(value)
        case dict():
            return {line(name): _bare(each) for name, each in value.items()}
        case list():
            return [_bare(each) for each in value]
    return value


def shorten(text: str) -> str:
    """The text with every long id cut to its beginning."""
    return _TOKEN.sub(r"\1…", _ID.sub(r"\1…", text))


def _fit(text: str, width: int) -> list[str]:
    """The text in lines of the width; continued lines keep its indent. A styled text is short and stays whole."""
    if "\x1b" in text:
        return [text]
    indent = " " * (len(text) - len(text.lstrip()) + 2)
    return textwrap.wrap(text, width, subsequent_indent=indent, drop_whitespace=True, break_long_words=False) or [text]


def _describe(call: Call, describe: Callable[[Call], Iterator[str]]) -> Iterator[str]:
    body = call.body
    if call.status == 0:
        yield click.style(f"no answer: {line(call.text)}", fg="yellow")
    elif body is None and (call.status >= 400 or call.media_type == "application/json"):
        size = counted(len(call.received), "byte")
        yield click.style(f"no answer of the API: {line(call.media_type)}, {size}", fg="yellow")
    elif call.status >= 400:
        text = body.get("error", "") if isinstance(body, dict) else call.text
        yield click.style(f"refused: {shorten(line(str(text)))}", fg="yellow")
    elif call.media_type == "text/csv":
        yield from _csv(call)
    elif not isinstance(body, dict):
        yield f"{counted(len(call.sent or b''), 'byte')} sent"
    else:
        yield from describe(call)


def _csv(call: Call) -> Iterator[str]:
    header, rows = csv_rows(call)
    octets, width = len(call.received), WIDEST - len(INDENT) - 5
    sizes = (f"{octets / least:.3g} {unit}" for least, unit in ((10**6, "MB"), (10**3, "KB")) if octets >= least)
    size = next(sizes, counted(octets, "byte"))
    yield f"{counted(len(rows), 'row')} of {counted(len(header), 'column')}, {size} of CSV"
    for row in map(escape, call.text.splitlines()[: CSV_ROWS + 1]):
        yield click.style("     " + (row if len(row) <= width else row[: width - 1] + "…"), dim=True)
    if len(rows) > CSV_ROWS:
        yield click.style("     …", dim=True)


def pause(milliseconds: int) -> str:
    """The line about a wait that is over."""
    return click.style(f"{INDENT}… {in_words(milliseconds)} later", dim=True)
