"""Commands in this process: what a user types, without what the start of an interpreter costs.

What only a process can show (signals, a full disk, closed streams, what is imported) has processes in its tests.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from click.testing import CliRunner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


ROOT = Path(__file__).parent.parent
NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended, and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


def ran(
    main: Callable[[], None], *arguments: str | Path, folder: Path | None = None, variables: Mapping[str, str] = NONE
) -> Ran:
    """Run a command line from its `main` on, as a user in that folder would, with these of our variables alone."""
    words = list(map(str, arguments))
    with contextlib.ExitStack() as stack:
        ours = dict.fromkeys(name for name in os.environ if name.startswith("VERN_"))
        out, errors, _ = stack.enter_context(CliRunner().isolation(env={**ours, **variables}))
        stack.enter_context(_process_as_it_was())
        if folder is not None:
            stack.enter_context(contextlib.chdir(folder))
        sys.argv = [main.__module__, *words]
        try:
            main()
            code: object = 0
        except SystemExit as ended:
            code = ended.code
        assert isinstance(code, int | None), code
        sys.stdout.flush()
        sys.stderr.flush()
        return Ran(code or 0, out.getvalue().decode(), errors.getvalue().decode())


@contextlib.contextmanager
def _process_as_it_was() -> Iterator[None]:
    """Undo afterwards what a command does to its process."""
    argv, handlers = (
        sys.argv,
        {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)},
    )
    try:
        yield
    finally:
        sys.argv = argv
        gc.enable()
        for number, handler in handlers.items():
            signal.signal(number, handler)


def environment(**variables: str) -> dict[str, str]:
    """What a process of ours is given: our own environment without the settings of a server, and these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VERN_MOCK_")}
    return kept | {"PYTHONPATH": str(ROOT)} | variables
