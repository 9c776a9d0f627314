"""`vern-mock scenarios`: what a caller may choose from, as a table, tab-separated or as JSON; and one as a page."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING

import click

from mock_server.cli.arguments import end, option, scenario_files
from mock_server.contract.nearest import counted
from mock_server.contract.yaml_file import BadFiles
from mock_server.kernel.settings import DEFAULT_PORT
from mock_server.preview.language import load_world
from mock_server.scenarios.catalog import UnknownScenario
from mock_server.scenarios.model import PACES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from mock_server.contract.words import Word
    from mock_server.scenarios.catalog import World
    from mock_server.scenarios.model import Scenario

NARROWEST = 30  # columns that a title needs beside name and company


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
        click.echo(_as_json(chosen))
    elif name is not None:
        click.echo(_page(find_scenario(world, name)))
    elif sys.stdout.isatty():
        click.echo(_table(world.scenarios, shutil.get_terminal_size().columns))
    else:
        click.echo(_tabbed(world.scenarios))


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
    """Name, company id and title of each, aligned; on a narrow terminal the title has a line of its own."""
    longest = max(map(len, scenarios), default=4)
    room = width - longest - 41
    if room < NARROWEST:
        return "\n".join(_narrow(name, scenario, width) for name, scenario in scenarios.items())
    lines = [f"{'SCENARIO':{longest}}  {'READY COMPANY':36}  TITLE"]
    for name, scenario in scenarios.items():
        first, *rest = textwrap.wrap(scenario.title, room) or [""]
        lines.append(f"{name:{longest}}  {scenario.ready.id}  {first}")
        lines += [" " * (longest + 40) + part for part in rest]
    return "\n".join(lines)


def _narrow(name: str, scenario: Scenario, width: int) -> str:
    gap = max(1, width - len(name) - 37)
    title = textwrap.fill(scenario.title, max(20, width - 1), initial_indent="  ", subsequent_indent="  ")
    return f"{name}{' ' * gap}{scenario.ready.id}\n{title}"


def _tabbed(scenarios: Mapping[str, Scenario]) -> str:
    """One scenario a line: name, title, company id, separated by tabs."""
    return "\n".join(f"{name}\t{each.title}\t{each.ready.id}" for name, each in scenarios.items())


def _as_json(scenarios: Mapping[str, Scenario]) -> str:
    """What `GET /_mock/scenarios` answers."""
    return json.dumps({"scenarios": [each.summary() for each in scenarios.values()]}, indent=2, ensure_ascii=False)


def _page(scenario: Scenario) -> str:
    """All that a caller wants to know of one scenario."""
    facts = [
        ("company", f"{scenario.ready.id}  {scenario.ready.name}"),
        ("run", f"{scenario.ready.run}  (parked when a session opens)" if scenario.ready.run else ""),
        ("pace", PACES[scenario.pace]),
        (
            "data",
            ", ".join(f"{counted(data.rows, 'row')} in {data.sheet}" for data in scenario.data)
            or "the rows that you send",
        ),
        ("limit", f"{counted(scenario.rate_limit, 'call')} a minute and operation" if scenario.rate_limit else ""),
        ("clauses", ", ".join(scenario.clauses)),
        ("file", scenario.path),
    ]
    parts = [
        f"{scenario.name}: {scenario.title}",
        "\n".join(f"  {name:9}{value}" for name, value in facts if value),
        "What happens to an import\n" + _numbered(scenario.run),
        "What happens to a destination export\n" + _numbered(scenario.export),
        "What goes wrong on the wire\n" + _numbered(scenario.faults) if scenario.faults else "",
        "What a caller does and sees (each is a play, and a test)\n"
        + "\n".join(f"  - {play.title}" for play in scenario.plays),
        "How to pick it\n" + _picking(scenario),
    ]
    return "\n\n".join(part for part in parts if part)


def _numbered(words: Iterable[Word]) -> str:
    number = 0
    numbered = []
    for line in (line for word in words for line in word.describe()):
        if line.startswith(" "):
            numbered.append(f"     {line}")
        else:
            number += 1
            numbered.append(f"  {number}. {line}")
    return "\n".join(numbered)


def _picking(scenario: Scenario) -> str:
    name, url = scenario.name, f"http://127.0.0.1:{DEFAULT_PORT}"
    start = f"{url}/api/v1/companies/{scenario.ready.id}/imports"
    return textwrap.indent(
        f"""\
its ready company:
  curl {start} -H "x-api-key: my-key" \\
    -H "content-type: application/json" -d '{{"rows": [{{"Email": "ada@example.com"}}]}}'
one import of any company: start it with the header  Prefer: scenario={name}
a company of your own: provision it with the external_id  {name}  or  {name}--anything
every import of a session:
  curl -X PUT {url}/_mock/scenario -H "x-api-key: my-key" -d '{{"name": "{name}"}}'
every session: vern-mock serve --scenario {name}""",
        "  ",
    )
