"""A mock server as a process of its own for a while: for the demo, a replay, the pytest fixture, the tests.

The process is ready when the block begins and gone when it ends, however it ends: it goes with the pipe that it has as
standard input, so it outlives nobody who is killed. This imports nothing of ours, so that the file can be run alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator
from pathlib import Path
from typing import IO

PATIENCE = 60  # seconds that a server may take to start
ORDERLY = 30  # seconds that it may take to end by itself


class NotStarted(Exception):
    """The server did not start; the text is what it said."""


class Process:
    """A running `vern-mock serve`, at `url`."""

    def __init__(self, process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
        self._process = process
        self._errors = errors
        self.url = ""

    def get_ready(self) -> None:
        """Wait for its ready line; raises NotStarted."""
        late = threading.Timer(PATIENCE, self._process.kill)
        late.start()
        try:
            self.url = str(json.loads(self._process.stdout.readline() if self._process.stdout else b"")["url"])
        except (ValueError, KeyError, TypeError):
            why = f"it ended with {self.stop()} before it was ready, which may take {PATIENCE} s"
            raise NotStarted(self.log().strip() or why) from None
        finally:
            late.cancel()

    def stop(self) -> int:
        """End it in order, or by force when it does not end; its exit code."""
        self._process.terminate()
        if (code := self.ended(ORDERLY)) is None:
            self._process.kill()
            code = self._process.wait()
        return code

    def ended(self, seconds: float) -> int | None:
        """Its exit code, when it has ended or does so by itself within so many seconds."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def log(self) -> str:
        """All that it wrote to stderr so far."""
        file = self._errors.fileno()  # the process writes at the same file's position, so it must not be moved
        return os.pread(file, os.fstat(file).st_size, 0).decode(errors="replace")


@contextlib.contextmanager
def running(*arguments: str) -> Generator[Process]:
    """`vern-mock serve` with these arguments on a free port of 127.0.0.1; raises NotStarted."""
    # Our environment without the settings of another server.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VERN_MOCK_")}
    program = str(Path(__file__).resolve().parents[2] / "vern_programs.py")  # this very package's
    command = [sys.executable, "-P", program, "mock", "serve", "--port", "0", "--end-with-stdin", *arguments]
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(  # noqa: S603 - our own interpreter and module, and no shell
            command,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
            start_new_session=True,  # an interrupt at the terminal is for whoever started it, and ends it with them
        ) as process,
    ):
        server = Process(process, errors)
        if process.stdin is not None and hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=process.stdin.close)  # a child must not hold the pipe open
        try:
            server.get_ready()
            yield server
        finally:
            server.stop()
