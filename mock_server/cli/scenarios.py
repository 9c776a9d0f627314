"""`vern-mock scenarios`: what a caller may choose from, as a table, tab-separated or as JSON; and one as a page."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING

import click

from mock_server.cli.arguments import NARROWEST, align, end, option, scenario_files, tell
from mock_server.contract.yaml_file import BadFiles
from mock_server.preview.language import load_world
from mock_server.preview.scenario_page import page
from mock_server.scenarios.catalog import UnknownScenario, World

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mock_server.scenarios.model import Scenario


@click.command("scenarios")
@click.argument("name", required=False)
@scenario_files
@option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(name: str | None, scenarios: tuple[Path, ...], *, as_json: bool) -> None:
    """List the scenarios with their ready companies, or describe the scenario NAME step by step.

    \b
      vern-mock scenarios
      vern-mock scenarios re-park
      vern-mock scenarios --json | jq -r '.scenarios[].name'
    """
    world = load(scenarios)
    if as_json:
        chosen = world.scenarios if name is None else {name: find_scenario(world, name)}
        summaries = [each.summary() for each in chosen.values()]  # as `GET /_mock/scenarios` answers
        tell(json.dumps({"scenarios": summaries}, indent=2))
    elif name is not None:
        tell(page(find_scenario(world, name)))
    elif sys.stdout.isatty():
        tell(_table(world.scenarios, shutil.get_terminal_size().columns))
    else:
        tell("\n".join(f"{name}\t{each.title}\t{each.ready.id}" for name, each in world.scenarios.items()))


def load(paths: tuple[Path, ...]) -> World:
    """The built-in scenarios and those of the paths; ends the command when a file needs mending."""
    try:
        return load_world(paths)
    except BadFiles as bad:
        end(f"these scenario files need mending:\n{bad}")


def find_scenario(world: World, name: str) -> Scenario:
    """The scenario of that name; ends the command when there is none."""
    try:
        return world.scenario(name)
    except UnknownScenario as wrong:
        end(str(wrong))


def _table(scenarios: Mapping[str, Scenario], width: int) -> str:
    """Name, ready id and title of each, aligned; on a narrow terminal the title has a line of its own."""
    longest = max(map(len, scenarios), default=4)
    room = width - longest - 41
    if room < NARROWEST:
        lines = []
        for name, scenario in scenarios.items():
            lines.append(f"{name}{' ' * max(1, width - len(name) - 37)}{scenario.ready.id}")
            lines += textwrap.wrap(scenario.title, max(20, width - 1), initial_indent="  ", subsequent_indent="  ")
        return "\n".join(lines)
    kind = next((each.ready.kind for each in scenarios.values()), "")
    rows = [(name, each.ready.id, each.title) for name, each in scenarios.items()]
    return align([("SCENARIO", f"READY {kind}".upper(), "TITLE"), *rows], width - 1)
