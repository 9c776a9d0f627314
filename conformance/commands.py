"""The commands of a target file: one that brings a run into a state, one that lets time pass.

They run in the target file's folder, without a shell; what they print on stderr is the operator's and stays theirs.
"""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class CommandFailed(Exception):
    """A command did not do what it is there for; the text says how, and never repeats its arguments."""


def made(argv: tuple[str, ...], folder: Path | None, timeout: float) -> tuple[str, str]:
    """Company and run that the command prints as `{"company": …, "run": …}`."""
    printed = _output(argv, folder, timeout)
    try:
        value = json.loads(printed)
        return str(value["company"]), str(value["run"])
    except (ValueError, TypeError, KeyError) as error:
        text = 'the command did not print {"company": "…", "run": "…"}'
        raise CommandFailed(f"{text}; it printed {printed[:200]!r}") from error


def advanced(argv: tuple[str, ...], seconds: int, folder: Path | None, timeout: float) -> None:
    """Let so many seconds of the target's time pass."""
    _output(tuple(each.replace("{seconds}", str(seconds)) for each in argv), folder, timeout)


def _output(argv: tuple[str, ...], folder: Path | None, timeout: float) -> str:
    try:
        ran = subprocess.run(  # noqa: S603 - the operator's own command, from the target file
            argv, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False
        )
    except OSError as error:
        raise CommandFailed(f"the command could not be run: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise CommandFailed(f"the command did not end within {timeout:g} s") from error
    if ran.returncode != 0:
        raise CommandFailed(f"the command ended with {ran.returncode}")
    return ran.stdout
