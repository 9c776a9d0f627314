"""The commands of a target file: one that brings a run into a state, one that lets time pass.

They run in the target file's folder, without a shell; what they print is the operator's, and is never repeated. All
that a command has started ends with it when its time is over, or when the judge is gone before it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GUARD = "import os, sys; sys.stdin.read(); os.killpg(0, 9)"


class CommandFailed(Exception):
    """A command did not do what it is there for; the text says how, and never repeats its arguments."""


def bring(names: tuple[str, str], argv: tuple[str, ...], folder: Path | None, timeout: float) -> tuple[str, str]:
    """The two ids that the command prints, as members of these names of one object."""
    printed = _output(argv, folder, timeout)
    try:
        value = json.loads(printed)
        return str(value[names[0]]), str(value[names[1]])
    except (ValueError, TypeError, KeyError) as error:
        members = ", ".join(f'"{name}": "…"' for name in names)
        expected = f"expected {{{members}}} on standard output, and nothing else there"
        got = f"the command printed {len(printed):,} bytes that are not the expected JSON"
        raise CommandFailed(f"{expected}; {got}") from error


def let_pass(argv: tuple[str, ...], seconds: int, folder: Path | None, timeout: float) -> None:
    """Let so many seconds of the target's time pass."""
    _output(tuple(each.replace("{seconds}", str(seconds)) for each in argv), folder, timeout)


def _output(argv: tuple[str, ...], folder: Path | None, timeout: float) -> bytes:
    with _guarded_group() as group:
        try:
            started = subprocess.Popen(  # noqa: S603 - the operator's own command, from the target file
                argv,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                process_group=group,
            )
        except OSError as error:
            raise CommandFailed(f"the command could not be run: {error.strerror}") from error
        try:
            printed, _ = started.communicate(timeout=timeout)
        except BaseException as error:  # also when the suite itself is interrupted
            _end(started, group)
            if isinstance(error, subprocess.TimeoutExpired):
                raise CommandFailed(f"the command did not end within {timeout:g} s") from error
            raise
    if started.returncode != 0:
        raise CommandFailed(f"the command ended with {started.returncode}")
    return printed


@contextmanager
def _guarded_group() -> Iterator[int | None]:
    """A group of processes which ends when this process does, however that ends: the guard's pipe closes then."""
    if sys.platform == "win32":
        yield None
        return
    guard = [sys.executable, "-ISc", GUARD]
    with subprocess.Popen(guard, stdin=subprocess.PIPE, process_group=0) as waiting:  # noqa: S603 - our own
        try:
            yield waiting.pid
        finally:
            waiting.kill()


def _end(started: subprocess.Popen[bytes], group: int | None) -> None:
    """End a command and what it started: a script's own child would keep its output open."""
    with suppress(OSError):
        if sys.platform == "win32" or group is None:
            started.kill()
        else:
            os.killpg(group, signal.SIGKILL)
    started.wait()
    if started.stdout is not None:
        started.stdout.close()
