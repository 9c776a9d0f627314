"""The scenarios as a caller chooses among them: a table, its machine-readable forms, and one scenario's page."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING

from mock_server.kernel.settings import DEFAULT_PORT
from mock_server.scenarios.describe import PACES, export_lines, fault_lines, run_lines
from mock_server.scenarios.summary import entries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mock_server.scenarios.model import Scenario

NARROWEST = 30  # columns that a title needs beside name and company


def table(scenarios: Mapping[str, Scenario], width: int) -> str:
    """Name, company id and title of each, aligned; on a narrow terminal the title has a line of its own."""
    longest = max(map(len, scenarios), default=4)
    room = width - longest - 41
    if room < NARROWEST:
        return "\n".join(_narrow(name, scenario, width) for name, scenario in scenarios.items())
    lines = [f"{'SCENARIO':{longest}}  {'READY COMPANY':36}  TITLE"]
    for name, scenario in scenarios.items():
        first, *rest = textwrap.wrap(scenario.title, room) or [""]
        lines.append(f"{name:{longest}}  {scenario.ready.company}  {first}")
        lines += [" " * (longest + 40) + part for part in rest]
    return "\n".join(lines)


def _narrow(name: str, scenario: Scenario, width: int) -> str:
    gap = max(1, width - len(name) - 37)
    title = textwrap.fill(scenario.title, max(20, width - 1), initial_indent="  ", subsequent_indent="  ")
    return f"{name}{' ' * gap}{scenario.ready.company}\n{title}"


def tabbed(scenarios: Mapping[str, Scenario]) -> str:
    """One scenario a line: name, title, company id, separated by tabs."""
    return "\n".join(f"{name}\t{each.title}\t{each.ready.company}" for name, each in scenarios.items())


def as_json(scenarios: Mapping[str, Scenario]) -> str:
    """What `GET /_mock/scenarios` answers."""
    return json.dumps({"scenarios": entries(scenarios)}, indent=2, ensure_ascii=False)


def page(scenario: Scenario) -> str:
    """All that a caller wants to know of one scenario."""
    facts = [
        ("company", f"{scenario.ready.company}  {scenario.ready.name}"),
        ("run", f"{scenario.ready.run}  (parked when a session opens)" if scenario.ready.run else ""),
        ("pace", PACES[scenario.pace]),
        ("data", ", ".join(f"{data.rows} rows in {data.sheet}" for data in scenario.data) or "the rows that you send"),
        ("limit", f"{scenario.rate_limit} calls a minute and operation" if scenario.rate_limit else ""),
        ("clauses", ", ".join(scenario.clauses)),
        ("file", scenario.path),
    ]
    parts = [
        f"{scenario.name}: {scenario.title}",
        "\n".join(f"  {name:9}{value}" for name, value in facts if value),
        "What happens to an import\n" + _numbered(run_lines(scenario)),
        "What happens to a destination export\n" + _numbered(export_lines(scenario)),
        "What goes wrong on the wire\n" + _numbered(fault_lines(scenario)) if scenario.faults else "",
        "What a caller does and sees (each is a play, and a test)\n"
        + "\n".join(f"  - {play.title}" for play in scenario.plays),
        "How to pick it\n" + _picking(scenario),
    ]
    return "\n\n".join(part for part in parts if part)


def _numbered(lines: list[str]) -> str:
    number = 0
    told = []
    for line in lines:
        if line.startswith(" "):
            told.append(f"     {line}")
        else:
            number += 1
            told.append(f"  {number}. {line}")
    return "\n".join(told)


def _picking(scenario: Scenario) -> str:
    name, url = scenario.name, f"http://127.0.0.1:{DEFAULT_PORT}"
    start = f"{url}/api/v1/companies/{scenario.ready.company}/imports"
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
