"""Commands in this process: what a user types, without what the start of an interpreter costs.

What only a process can show (signals, a full disk, closed streams, what is imported) has processes of its own, and so
has a server: `run_alone`, `serving`.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from mock_server.cli.main import main as vern_mock
from mock_server.player.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ROOT = Path(__file__).parent.parent
NONE: Mapping[str, str] = MappingProxyType({})
PATIENCE = 120  # seconds; a bound, never a pause

TRUE_PLAY = """\
title: A short import
pace: time
run:
  - work: 1s
  - complete:
plays:
  - title: it completes
    steps:
      - start:
      - wait: 1s
      - see: completed
"""
FALSE_PLAY = TRUE_PLAY.replace("- see: completed", "- see: completed\n        inserted: 7")
BROKEN = TRUE_PLAY.replace("- work: 1s", "- wrok: 1s")


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


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-P", "-m", "mock_server", *map(str, arguments)]


def run(*arguments: str | Path, **variables: str) -> Ran:
    """A command that ends by itself."""
    return ran(vern_mock, *arguments, variables=variables)


def run_alone(*arguments: str | Path) -> Ran:
    """The same in a process of its own, for a server that has begun to serve."""
    done = subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=PATIENCE, check=False, env=environment()
    )
    return Ran(done.returncode, done.stdout, done.stderr)


class Served:
    """A `vern-mock serve` of a test's own, with its ready line and its log."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        readable, _, _ = select.select([process.stdout], [], [], PATIENCE)
        line = process.stdout.readline() if readable else ""
        assert line, f"no ready line: {process.stderr.read() if process.stderr else ''}"
        self.ready: dict[str, Any] = json.loads(line)
        self.url = str(self.ready["url"])

    def get(self, path: str, key: str | None = "test", **headers: str) -> Any:
        transport = Transport(self.url, key, headers=headers)
        try:
            return transport.call("GET", path)
        finally:
            transport.close()

    def until_logged(self, part: str) -> str:
        """Read the log up to the line that has this part."""
        errors = self.process.stderr
        assert errors is not None
        seen = ""
        ends = time.monotonic() + PATIENCE
        while part not in seen:
            left = ends - time.monotonic()
            assert left > 0, f"{part!r} was not logged:\n{seen}"
            assert select.select([errors], [], [], left)[0], f"{part!r} was not logged:\n{seen}"
            seen += os.read(errors.fileno(), 65536).decode()
        return seen

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@contextlib.contextmanager
def serving(*arguments: str | Path, **variables: str) -> Iterator[Served]:
    """A server on a free port, ended with the block."""
    with subprocess.Popen(
        command("serve", *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**{"VERN_MOCK_PORT": "0"} | variables),
    ) as process:
        try:
            yield Served(process)
        finally:
            process.kill()


def scenario_file(folder: Path, text: str, name: str = "mine") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path
