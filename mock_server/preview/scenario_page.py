"""All that a caller wants to know of one scenario, as a page of text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from itertools import count
from typing import TYPE_CHECKING

from mock_server.contract.nearest import counted
from mock_server.kernel.settings import DEFAULT_PORT
from mock_server.scenarios.model import PACES, Scenario

if TYPE_CHECKING:
    from mock_server.contract.words import Word


def page(scenario: Scenario) -> str:
    """The page of the scenario: its facts, what happens in it, and how to choose it."""
    rows = ", ".join(f"{counted(data.rows, 'row')} in {data.sheet}" for data in scenario.data)
    facts = [
        ("company", f"{scenario.ready.id}  {scenario.ready.name}"),
        ("run", f"{scenario.ready.run}  (parked when a session opens)" if scenario.ready.run else ""),
        ("pace", PACES[scenario.pace]),
        ("data", rows or "the rows that you send"),
        ("limit", f"{counted(scenario.rate_limit, 'call')} a minute and operation" if scenario.rate_limit else ""),
        ("clauses", ", ".join(scenario.clauses)),
        ("file", scenario.path),
    ]
    parts = [
        f"{scenario.name}: {scenario.title}",
        "\n".join(f"  {name:9}{value}" for name, value in facts if value),
        "What happens to an import\n" + _number(scenario.run),
        "What happens to a destination export\n" + _number(scenario.export),
        "What goes wrong on the wire\n" + _number(scenario.faults) if scenario.faults else "",
        "What a caller does and sees (each is a play, and a test)\n"
        + "\n".join(f"  - {play.title}" for play in scenario.plays),
        "How to pick it\n" + _choosing(scenario),
    ]
    return "\n\n".join(part for part in parts if part)


def _number(words: Iterable[Word]) -> str:
    lines, number = (line for word in words for line in word.describe()), count(1)
    return "\n".join(f"     {line}" if line.startswith(" ") else f"  {next(number)}. {line}" for line in lines)


def _choosing(scenario: Scenario) -> str:
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
