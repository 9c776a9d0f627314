"""What the server says on stderr: one line an exchange, in text or in JSON, and its own notices.

A reader that goes away never hurts the server: what cannot be written is dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
import time
from typing import TYPE_CHECKING, Any, Literal, TextIO

if TYPE_CHECKING:
    from mock_server.app import Exchange

Format = Literal["text", "json"]


def put(stream: TextIO | None, line: str) -> None:
    """Write a line past the stream's buffer, if anybody still reads there.

    Nothing stays buffered, so there is nothing that could fail again when the interpreter ends.
    """
    if stream is None:  # the process was started without one
        return
    with contextlib.suppress(OSError, ValueError):  # the reader is gone, or the stream was closed
        os.write(stream.fileno(), f"{line}\n".encode(errors="backslashreplace"))


class Log:
    """The lines of one server; called with each finished exchange."""

    def __init__(self, form: Format) -> None:
        self._form = form
        self._second = 0
        self._time = ""

    def __call__(self, exchange: Exchange) -> None:
        """Tell of one exchange."""
        put(sys.stderr, self._json(exchange) if self._form == "json" else self._text(exchange))

    def notice(self, level: str, text: str) -> None:
        """Tell of something else; several lines of text stay together."""
        if self._form == "json":
            put(sys.stderr, json.dumps({"time": self._now(), "level": level, "message": text}))
        else:
            put(sys.stderr, f"{self._now()} {text}" if level == "info" else f"{self._now()} {level}: {text}")

    def _text(self, exchange: Exchange) -> str:
        line = (
            f"{self._now()} {exchange.method} {_printable(exchange.path)} {exchange.status}"
            f" {exchange.milliseconds:.1f}ms  {exchange.operation or '-'}"
        )
        return f"{line}  {_printable(exchange.note)}" if exchange.note else line

    def _json(self, exchange: Exchange) -> str:
        entry: dict[str, Any] = {
            "time": self._now(),
            "level": "info",
            "method": exchange.method,
            "path": exchange.path,
            "status": exchange.status,
            "milliseconds": round(exchange.milliseconds, 1),
            "operation": exchange.operation,
        }
        return json.dumps(entry | {"note": exchange.note} if exchange.note else entry)

    def _now(self) -> str:
        """The time of day; formatted once a second, because every exchange asks."""
        second = int(time.time())
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
        self._log.notice(record.levelname.lower(), self.format(record))


def listen(log: Log) -> None:
    """Show what the application and uvicorn log: their warnings and the tracebacks of failed handlers."""
    handler = Notices(log)
    for name in ("vern-mock", "uvicorn.error", "asyncio"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(logging.WARNING)


def _printable(text: str) -> str:
    """The text without anything that could break the line or move a terminal's cursor."""
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
