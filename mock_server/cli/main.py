"""The command line: its commands by name, and what every one of them does alike.

Exit code 0 is well, 1 is findings (a play that differs, a file with complaints, a server that is not ready), 2 is bad
usage or a bad file. A command's module, which has its name, is imported when it is called, so that each starts at once.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
from importlib import import_module

import click

from mock_server.contract.escape import escape
from mock_server.contract.nearest import nearest
from mock_server.version import VERSION

COMMANDS = {
    "audit": "Print the report card of a client.",
    "coverage": "Print what a client has met, and what it has not.",
    "demo": "Play a scenario and show each exchange.",
    "dialects": "List the dialects, or describe one.",
    "healthcheck": "Ask a server whether it is ready.",
    "lint": "Check scenario files.",
    "replay": "Send a recorded session again and compare.",
    "scenarios": "List the scenarios, or describe one.",
    "serve": "Start the mock server.",
    "why": "Explain why an exchange was answered as it was.",
}
"""Each command, whose module has its name, and what it is for."""


def main() -> None:
    """Run the command line that the process was given."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a character must not end a command
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # it ends like anything else does: with what it has started
    try:
        commands(prog_name="vern-mock")
    except OSError as error:
        # What could not be written is let go, or the interpreter fails at it once more when it ends.
        with contextlib.suppress(OSError, ValueError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        with contextlib.suppress(OSError):
            click.echo(escape(f"vern-mock: {error}"), err=True)
        sys.exit(1)


class Commands(click.Group):
    """A group of commands that are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        """The names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; a usage error with the nearest one when there is none."""
        if cmd_name in COMMANDS:
            command: click.Command = import_module(f"mock_server.cli.{cmd_name}").command
            return command
        if ctx.resilient_parsing:  # a shell completes the line
            return None
        near = nearest(cmd_name, COMMANDS)
        raise click.UsageError(f"No such command {cmd_name!r}." + (f" Did you mean {near!r}?" if near else ""), ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(VERSION, message="vern-mock %(version)s", help="Print the version.")
def commands() -> None:
    """A mock of Vern's Preview Migration API that you script with scenarios.

    \b
      vern-mock demo                 see a whole import happen
      vern-mock serve                start the mock
      vern-mock scenarios            what can happen, and how to pick it
      vern-mock scenarios re-park    one scenario, beat by beat
      vern-mock lint my-scenarios/   check scenario files of your own

    Most options can also be set by an environment variable, which the --help of the command names.
    """
