"""What the server says on stderr: one line an exchange, in text or in JSON, and its own notices.

A reader that goes away, or stops reading, never hurts the server: what cannot be written is dropped. No line holds the
token of an upload URL, which is a credential.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import queue
import re
import stat
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Literal, TextIO

from mock_server.contract.escape import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mock_server.server.app import Finished

Format = Literal["text", "json"]
WAITING = 2_000  # pieces of some lines that may wait for a slow reader
MOMENT = 0.02  # seconds that an exchange's line may wait for others
LAST_LINES = 0.3  # seconds that a reader gets for them when the server ends
LONGEST = 2_000  # characters of a path or note; a longer one is cut
_UPLOAD = re.compile(r"/uploads(?:/|%2F)[^\s;?]+")


def put(stream: TextIO | None, line: str) -> None:
    """Write a line past the stream's buffer, if anybody still reads there.

    Nothing stays buffered, so there is nothing that could fail again when the interpreter ends.
    """
    if stream is None:  # the process was started without one
        return
    with contextlib.suppress(OSError, ValueError):  # the reader is gone, or the stream was closed
        os.write(stream.fileno(), f"{line}\n".encode(errors="backslashreplace"))


class Writer:
    """Writes lines to a stream; where somebody must read them, from a thread, so that nobody waits for it."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._waiting: queue.Queue[str] | None = None
        self._dropped = 0
        if _may_block(stream):
            self._waiting = queue.Queue(WAITING)
            threading.Thread(target=self._write, args=(self._waiting,), name="log", daemon=True).start()

    def write(self, lines: Sequence[str]) -> None:
        """Write lines, or count them when too many wait already."""
        text = "\n".join(lines)
        if self._waiting is None:
            put(self._stream, text)
            return
        try:
            if self._dropped:
                self._waiting.put_nowait(f"… {self._dropped} lines dropped: nobody read them in time")
                self._dropped = 0
            self._waiting.put_nowait(text)
        except queue.Full:
            self._dropped += len(lines)

    def flush(self) -> None:
        """Wait until all is written, but not for long."""
        waiting = self._waiting
        if waiting is not None:
            with waiting.all_tasks_done:
                waiting.all_tasks_done.wait_for(lambda: not waiting.unfinished_tasks, LAST_LINES)

    def _write(self, waiting: queue.Queue[str]) -> None:
        while True:
            put(self._stream, waiting.get())
            waiting.task_done()


def _may_block(stream: TextIO | None) -> bool:
    """Whether writing waits for a reader: a pipe, a socket, a terminal."""
    if stream is None:
        return False
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except (OSError, ValueError):  # closed
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stream.isatty()


class Log:
    """The lines of one server; called with each finished exchange."""

    def __init__(self, form: Format) -> None:
        self._form = form
        self._writer = Writer(sys.stderr)
        self._finished: list[tuple[float, Finished]] = []
        """Exchanges of the last moment, each with its time; their lines are made and written together."""
        self._second = 0
        self._time = ""

    def __call__(self, exchange: Finished) -> None:
        """Tell of one exchange, at once, or of a call to an operation a moment later."""
        self._finished.append((time.time(), exchange))
        if exchange.operation is None:
            self._write_lines()
        elif len(self._finished) == 1:
            try:
                asyncio.get_running_loop().call_later(MOMENT, self._write_lines)
            except RuntimeError:  # there is no loop
                self._write_lines()

    def _write_lines(self) -> None:
        finished, self._finished = self._finished, []
        if finished:
            line = _json if self._form == "json" else _text
            self._writer.write([line(self._clock(at), *exchange) for at, exchange in finished])

    def say(self, line: str) -> None:
        """Write a line as it is, after those that wait."""
        self._write_lines()
        self._writer.write([line])

    def flush(self) -> None:
        """Give what waits a moment to be written."""
        self._write_lines()
        self._writer.flush()

    def notice(self, level: str, text: str) -> None:
        """Tell of something else; several lines of text stay together."""
        clock = self._clock(time.time())
        if self._form == "json":
            self.say(json.dumps({"time": clock, "level": level, "message": text}))
        else:
            self.say(f"{clock} {text}" if level == "info" else f"{clock} {level}: {text}")

    def _clock(self, at: float) -> str:
        """The time of day; formatted once a second, because every exchange asks."""
        second = int(at)
        if second != self._second:
            self._second = second
            form = "%Y-%m-%dT%H:%M:%S%z" if self._form == "json" else "%H:%M:%S"
            self._time = time.strftime(form, time.localtime(second))
        return self._time


class Notices(logging.Handler):
    """Passes the records of the standard library's loggers on to the log, tracebacks included."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Tell of one record; an answer that was cut off because the server ends is nobody's mistake."""
        if record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError):
            return
        if isinstance(record.args, tuple):  # what a caller sent, a path above all, goes into a message as an argument
            record.args = tuple(_printable(_safe(each)) if isinstance(each, str) else each for each in record.args)
        self._log.notice(record.levelname.lower(), self.format(record))


def listen(log: Log) -> None:
    """Show what the application and uvicorn log: their warnings and the tracebacks of failed handlers."""
    handler = Notices(log)
    for name in ("vern-mock", "uvicorn.error", "asyncio"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(logging.WARNING)


def _json(clock: str, method: str, path: str, status: int, took: float, operation: str | None, note: str | None) -> str:
    entry: dict[str, Any] = {
        "time": clock,
        "level": "info",
        "method": method,
        "path": _safe(path),
        "status": status,
        "milliseconds": round(took, 1),
        "operation": operation,
    }
    return json.dumps(entry | {"note": _safe(note)} if note else entry)


def _text(clock: str, method: str, path: str, status: int, took: float, operation: str | None, note: str | None) -> str:
    line = f"{clock} {method} {path} {status} {took:.1f}ms  {operation or '-'}"
    if note:
        line = f"{line}  {note}"
    if len(line) <= LONGEST and "/uploads" not in line and line.isprintable():  # as nearly all are
        return line
    line = f"{clock} {method} {_printable(_safe(path))} {status} {took:.1f}ms  {operation or '-'}"
    return f"{line}  {_printable(_safe(note))}" if note else line


def _safe(text: str) -> str:
    """The text without the tokens of upload URLs, and cut when it is long."""
    text = _UPLOAD.sub("/uploads/…", text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _printable(text: str) -> str:
    """The text without anything that could break the line or move a terminal's cursor."""
    return text if text.isprintable() else escape(text).replace("\n", "\\n").replace("\t", "\\t")
