"""`vern-mock lint`: check scenario files, and say what is wrong where."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from mock_server.cli.arguments import FILES, tell
from mock_server.contract import document as contract
from mock_server.contract.nearest import counted
from mock_server.preview.language import LOADER
from mock_server.scenarios.loader import load_catalogue
from mock_server.server.watch import snapshot

if TYPE_CHECKING:
    from pathlib import Path


@click.command("lint")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=FILES)
def command(paths: tuple[Path, ...]) -> None:
    """Check scenario files, or all files of folders, and print what is wrong and where.

    The exit code is 1 when a file cannot be used. Warnings (W4xx) do not change it.

    \b
      vern-mock lint my-scenario.yaml
      vern-mock lint my-scenarios/ more-scenarios/
    """
    catalogue = load_catalogue(contract.data("scenarios", "account.yaml"))
    findings = LOADER.complaints(paths, catalogue, contract.clause_ids())
    for complaint in findings:
        tell(str(complaint))
    warnings = sum(complaint.is_warning for complaint in findings)
    errors = len(findings) - warnings
    files = counted(len({file for file, *_ in snapshot(paths)}), "file")
    click.echo(f"{files}: {counted(errors, 'error')}, {counted(warnings, 'warning')}" if findings else f"{files}: fine")
    sys.exit(1 if errors else 0)
